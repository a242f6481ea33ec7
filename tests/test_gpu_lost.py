"""A GPU that vanishes while a picture is made: the person is told, and nothing that is dead is used again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import RemovalOptions, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.erase import finish
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.removers.sdxl_checkpoint import write_tiny_sdxl

IMAGE: Image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
MASK: Mask = np.zeros((60, 80), np.bool_)
MASK[20:30, 20:40] = True
FAILURES = [
    torch.AcceleratorError("CUDA error: unspecified launch failure"),
    torch.AcceleratorError("CUDA error: device lost"),
    RuntimeError("CUDA error: unknown error"),
    RuntimeError("No CUDA GPUs are available"),
]


class Gpu:
    """Fails as often as it is told to, while a model loads or while it works."""

    def __init__(self) -> None:
        self.loading: list[Exception] = []
        self.working: list[Exception] = []
        self.loads: Counter[str] = Counter()


GPU = Gpu()


class OnGpu:
    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(0.5)
        if GPU.working:
            raise GPU.working.pop()
        yield Step(1.0, np.full_like(image, 128))


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    GPU.loads[spec.key] += 1
    if GPU.loading:
        raise GPU.loading.pop()
    return OnGpu()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setattr(f"{__name__}.GPU", Gpu())
    row = replace(REMOVERS["shift-map"], key="fast", title="Fast", loader=f"{__name__}:load")
    return Services.assemble(Settings(), Catalog(row))


def told(services: Services) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        finish(services.remove("fast", IMAGE, MASK, RemovalOptions()))
    return caught.value


@pytest.mark.parametrize("error", FAILURES, ids=str)
def test_a_gpu_that_vanishes_is_told_and_the_next_run_loads_anew(services: Services, error: Exception) -> None:
    GPU.working.append(error)
    said = told(services)
    assert str(said) == "The GPU stopped working while Fast used it."
    assert "needs no GPU" in said.hint
    assert services.models.loaded == ()
    assert finish(services.remove("fast", IMAGE, MASK, RemovalOptions())).changed_outside == 0
    assert GPU.loads == {"fast": 2}


@pytest.mark.parametrize("error", FAILURES, ids=str)
def test_a_gpu_that_stays_away_is_told_in_the_same_words(services: Services, error: Exception) -> None:
    GPU.working.append(error)
    GPU.loading.append(error)
    GPU.loads["fast"] = 0
    first = str(told(services))  # while loading
    assert first == str(told(services))  # while working
    assert services.models.loaded == ()


def test_any_other_failure_keeps_the_model(services: Services) -> None:
    GPU.working.append(RuntimeError("shapes do not match"))
    assert str(told(services)) == "Fast failed on this photo."
    finish(services.remove("fast", IMAGE, MASK, RemovalOptions()))
    assert GPU.loads == {"fast": 1}


def test_rorem_serves_again_on_what_is_left(tmp_path: Path) -> None:
    write_tiny_sdxl(tmp_path / "LetsThink" / "RORem")
    row = replace(REMOVERS["rorem"], size=replace(REMOVERS["rorem"].size, minimum=64, longest=64))
    services = Services.assemble(Settings(weights=tmp_path), Catalog(row))
    options = RemovalOptions(seed=1, steps=3)
    before = finish(services.remove("rorem", IMAGE, MASK, options))
    calls: list[int] = []

    def lose(*_: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    with services.models.use("rorem") as remover:
        remover._unet.register_forward_pre_hook(lose)  # type: ignore[attr-defined]
    with pytest.raises(UnavailableError, match="The GPU stopped working while RORem used it"):
        finish(services.remove("rorem", IMAGE, MASK, options))
    after = finish(services.remove("rorem", IMAGE, MASK, options))
    assert np.array_equal(after.image, before.image)
    assert len(calls) == 2, "the networks are other ones"
