"""The rows of a ZeroGPU Space, on random weights: loaded before launch, kept, and run in workers that are forks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.types import Image, Mask, Size
from rorem_demo.removers import on_zerogpu
from rorem_demo.removers.base import RemovalOptions
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.erase import finish
from rorem_demo.runtime.zerogpu import duration, on_gpu, work
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.runtime.forks import in_a_fork
from tests.whole_weights import KEYS, write_weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
PHOTO: Image = np.random.default_rng(0).integers(60, 120, (200, 300, 3), dtype=np.uint8)
MASK: Mask = np.zeros((200, 300), np.bool_)
MASK[80:120, 100:180] = True
TWO = RemovalOptions(seed=3, steps=2)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder)
    return folder


@pytest.fixture(scope="module")
def space(weights: Path) -> Iterator[Services]:
    """After what `app.py` does before it launches, with workers that are forks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # others would be lost in a fork
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_zerogpu, "on_gpu", partial(on_gpu, run=in_a_fork(work)))
        services = Services.assemble(Settings(weights=weights, zero_gpu=True))
        services.preload()
        yield services
    torch.set_num_threads(threads)


def model(services: Services, key: str) -> Any:
    with services.models.use(key) as remover:
        return remover


def network(key: str, name: str) -> Any:
    from rorem_demo.runtime.zerogpu import _TASKS

    return getattr(_TASKS[key].__self__, name)  # type: ignore[attr-defined]  # a task is the model's method


def test_all_rows_for_a_gpu_are_loaded_before_launch_and_stay(space: Services) -> None:
    assert space.models.loaded == KEYS
    before = {key: model(space, key) for key in KEYS}
    for spec in space.removers:
        if not space.missing(spec):
            model(space, spec.key)
    assert {key: model(space, key) for key in KEYS} == before


def test_rows_of_one_repository_share_its_vae_and_each_has_its_own_unet(space: Services) -> None:
    vaes = [network(key, "_vae") for key in ("rorem-4s", "rorem", "rorem-mixed")]
    assert vaes[0] is vaes[1] is vaes[2]
    assert len({id(network(key, "_unet")) for key in ("rorem-4s", "rorem", "rorem-mixed", "sdxl-inpaint")}) == 4


@pytest.mark.parametrize("key", KEYS)
def test_a_worker_gives_the_picture_that_the_model_gives_here(space: Services, weights: Path, key: str) -> None:
    away = finish(space.remove(key, PHOTO, MASK, TWO))
    here = finish(Services.assemble(Settings(weights=weights)).remove(key, PHOTO, MASK, TWO))
    assert np.array_equal(away.image, here.image)
    assert away.changed_outside == 0


def test_a_gpu_lost_in_a_worker_is_told_and_the_model_here_serves_the_next(space: Services) -> None:
    def lose(*_: object) -> None:
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    hook = network("rorem-4s", "_unet").register_forward_pre_hook(lose)
    before = model(space, "rorem-4s")
    with pytest.raises(UnavailableError, match=r"^The GPU stopped working on this photo\.$"):
        finish(space.remove("rorem-4s", PHOTO, MASK, TWO))
    hook.remove()
    assert finish(space.remove("rorem-4s", PHOTO, MASK, TWO)).changed_outside == 0
    assert model(space, "rorem-4s") is before


def test_four_steps_ask_for_single_digit_seconds_of_a_visitors_quota() -> None:
    """ZeroGPU multiplies what is asked for by 1.5 before it looks at the quota; the costs are estimates so far."""
    spec = REMOVERS["rorem-4s"]
    assert spec.gpu_cost is not None
    window = spec.size.fit(Size(4000, 3000)).padded
    seconds = duration(spec.key, spec.gpu_cost.seconds(window, window.area, spec.defaults.steps))
    assert 1.5 * seconds < 10
