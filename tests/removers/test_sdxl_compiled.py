"""SDXL's UNet compiled ahead of time: by the command, for a method's own loading code, tiny, on this CPU."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import torch

from rorem_demo.cli import main
from rorem_demo.removers import sdxl_compiled, sdxl_prompts
from rorem_demo.removers.base import Remover, ResolvedOptions
from rorem_demo.removers.sdxl_compiled import (
    Call,
    CompiledUnet,
    FlatUnet,
    calls_of,
    compile_unet,
    compiled,
    flat,
    package_of,
    unet_of,
)
from rorem_demo.removers.sdxl_files import Place
from rorem_demo.runtime import packed
from rorem_demo.runtime.aot import difference
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.removers.sdxl_checkpoint import _unet, write_tiny_sdxl

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="there is no C++ compiler"),
]
QUICKLY = {"aot_inductor.compile_wrapper_opt_level": "O0", "compile_threads": 1, "cpp.simdlen": 1}
"""Half the time. And torch 2.11 writes C++ that does not compile where a prompt's keys are looked up, transposed
and laid out for wide instructions at once; a GPU's code comes from another compiler."""
NEAR = 1e-4
"""Of float32: the same sums in another order."""


@dataclass(frozen=True)
class Bench:
    """Where things are, and what the command printed."""

    services: Services
    told: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.services.settings.data / "compiled"

    def remover(self, weights: Path | None = None) -> Remover:
        place = self.services.weights if weights is None else replace(self.services.weights, folder=weights)
        return self.services.removers.load("rorem", place)

    def unet(self, weights: Path | None = None) -> Any:
        return unet_of(self.remover(weights))


def plainly(patch: pytest.MonkeyPatch, home: Path) -> None:
    """float32 and layers that are not packed, as on a GPU, and a cache of nobody's."""
    exact = Place(device=torch.device("cpu"), unet=torch.float32, products=torch.float32, vae=torch.float32)
    patch.setattr(Place, "here", lambda: exact)
    patch.setattr(packed, "works", lambda products: False)
    patch.setattr(sdxl_prompts, "_HOME", home)


@pytest.fixture(scope="module", autouse=True)
def _as_on_a_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        plainly(patch, tmp_path_factory.mktemp("home"))
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
        yield


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread: None) -> None:
    """As `one_thread` says."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, _as_on_a_gpu: None) -> Bench:
    """The command has been run."""
    folder = tmp_path_factory.mktemp("bench")
    write_tiny_sdxl(folder / "weights" / "LetsThink" / "RORem")
    services = Services.assemble(Settings(weights=folder / "weights", data=folder / "data"))
    with (
        pytest.MonkeyPatch.context() as patch,
        torch._inductor.config.patch(QUICKLY),
    ):
        printed: list[str] = []
        patch.setattr("builtins.print", lambda text, **_: printed.append(str(text)))
        assert main(["compile", "--method", "rorem", "--cpu", "--json"], services) == 0, printed
    return Bench(services, json.loads(printed[-1]))


def call_of(unet: Any, remover: Remover, side: int = 64, width: int | None = None) -> Call:
    """What the remover asks of its UNet first."""
    image, mask = np.full((side, width or side, 3), 90, np.uint8), np.zeros((side, width or side), np.bool_)
    mask[8:24, 8:24] = True
    with calls_of(unet) as seen:
        for _ in remover.fill(image, mask, ResolvedOptions(steps=2)):
            if seen:
                break
    return seen[0]


def asked(call: Any, unet: Any) -> torch.Tensor:
    """As `SdxlRemover` asks."""
    sample, time, words, whole, sizes = call
    told = {"text_embeds": whole, "time_ids": sizes}
    answer: torch.Tensor = unet(
        sample, time[0], encoder_hidden_states=words, added_cond_kwargs=told, return_dict=False
    )[0]
    return answer


def found(unet: Any, folder: Path) -> CompiledUnet:
    run = compiled(unet, folder, anywhere=True)
    assert run is not None
    return run


# What the command says


def test_the_command_says_what_it_made(bench: Bench) -> None:
    path = Path(bench.told["path"])
    assert list(bench.folder.glob("*.pt2")) == [path]
    assert bench.told["method"] == "rorem"
    assert bench.told["megabytes"] == pytest.approx(path.stat().st_size / 1e6)
    assert bench.told["difference"] < NEAR
    assert min(bench.told["seconds"], bench.told["before"], bench.told["after"]) > 0


def test_it_does_not_make_the_same_twice(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--method", "rorem", "--cpu"], bench.services) == 2
    assert "is there already. With --again it is made anew." in capsys.readouterr().err


def test_what_does_not_give_the_networks_numbers_is_not_left_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unet: Any = _unet(9).eval()
    sample, words = torch.randn(1, 9, 8, 8), torch.randn(1, 16, 64)
    call = flat(sample, torch.tensor(1), words, {"text_embeds": torch.randn(1, 32), "time_ids": torch.randn(1, 6)})

    def rubbish(*given: Any) -> Path:
        path = package_of(unet, call, tmp_path)
        path.write_bytes(b"rubbish")
        return path

    monkeypatch.setattr(sdxl_compiled, "package", rubbish)
    with pytest.raises(RuntimeError, match="away from its network"), caplog.at_level(logging.WARNING, "rorem_demo"):
        compile_unet(unet, call, tmp_path)
    assert list(tmp_path.glob("*.pt2")) == []


# What the package gives


@pytest.mark.parametrize("size", [(64, 64), (512, 512), (96, 256)])
def test_one_package_gives_the_networks_numbers_at_every_size(bench: Bench, size: tuple[int, int]) -> None:
    remover = bench.remover()
    unet = unet_of(remover)
    assert unet is not None
    call, run = call_of(unet, remover, *size), found(unet, bench.folder)
    with torch.inference_mode():
        assert difference(asked(call, run), asked(call, unet)) < NEAR
    assert run.uses_package(call)


def in_another_process(folder: Path, weights: Path, home: Path) -> tuple[float, bool, float]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        plainly(patch, home)
        services = Services.assemble(Settings(weights=weights))
        remover = services.removers.load("rorem", services.weights)
        unet = unet_of(remover)
        call, run = call_of(unet, remover, 128), found(unet, folder)
        with torch.inference_mode():
            begun = perf_counter()
            answer = asked(call, run)
            seconds = perf_counter() - begun
            return difference(answer, asked(call, unet)), run.uses_package(call), seconds


def test_another_process_finds_it_soon_and_gets_the_same(bench: Bench, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        weights = bench.services.settings.weights
        away, by_package, seconds = pool.apply(in_another_process, (bench.folder, weights, tmp_path))
    assert by_package
    assert away < NEAR
    assert seconds < 5  # torch's own way to load a package took 14


def test_a_model_of_other_weights_shares_it(bench: Bench, tmp_path: Path) -> None:
    write_tiny_sdxl(tmp_path / "LetsThink" / "RORem", seed=4)
    remover, other = bench.remover(), bench.unet(tmp_path)
    unet = unet_of(remover)
    call = call_of(unet, remover)
    with torch.inference_mode():
        first, second = (found(one, bench.folder) for one in (unet, other))
        assert difference(asked(call, first), asked(call, second)) > 0.01
        assert difference(asked(call, second), asked(call, other)) < NEAR
        assert difference(asked(call, first), asked(call, unet)) < NEAR
    assert second.uses_package(call)


@pytest.mark.parametrize("change", ["two rows", "a side that cannot be halved twice", "other numbers"])
def test_what_it_was_not_made_for_goes_to_the_network(
    bench: Bench, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    remover = bench.remover()
    unet: Any = unet_of(remover)
    sample, time, words, whole, sizes = call_of(unet, remover, 72 if "halved" in change else 64)
    call = sample, time, words, whole, sizes
    if change == "two rows":
        call = tuple(torch.cat([part, part]) for part in call)
    if change == "other numbers":
        unet, call = unet.bfloat16(), (sample.bfloat16(), time, words, whole.bfloat16(), sizes)
    run = compiled(unet, bench.folder, anywhere=True)
    if change == "other numbers":
        assert run is None
        return
    assert run is not None
    with torch.inference_mode(), caplog.at_level(logging.WARNING, "rorem_demo"):
        assert torch.equal(asked(call, run), asked(call, unet))
    assert not caplog.records


def test_on_a_cpu_methods_use_none_unless_they_are_asked_to(bench: Bench, tmp_path: Path) -> None:
    unet = bench.unet()
    assert compiled(unet, bench.folder) is None
    assert compiled(unet, tmp_path, anywhere=True) is None
    assert compiled(unet, tmp_path / "none", anywhere=True) is None


# The call


@pytest.mark.parametrize("time", [torch.tensor(499), torch.tensor(499.0), torch.tensor([499, 499])])
def test_a_call_in_one_row_of_tensors_is_the_same_call(time: torch.Tensor) -> None:
    unet: Any = _unet(9).eval()
    told = {"text_embeds": torch.randn(2, 32), "time_ids": torch.randn(2, 6)}
    sample, words = torch.randn(2, 9, 8, 8), torch.randn(2, 16, 64)
    with torch.no_grad():
        plain = unet(sample, time, encoder_hidden_states=words, added_cond_kwargs=told, return_dict=False)[0]
        assert torch.equal(FlatUnet(unet)(*flat(sample, time, words, told)), plain)
