"""Packages: the network's own numbers in every process, never another network's, never weights, never a crash."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import shutil
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from rorem_demo.runtime import aot_key
from rorem_demo.runtime.aot import Packaged, difference, package, packaged
from rorem_demo.runtime.aot_key import Key, Span
from tests.runtime.forks import forking

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="there is no C++ compiler"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
SIDE = Span(least=4, most=64, step=4)
DYNAMIC = {0: {2: SIDE, 3: SIDE}}
SIZES = [(8, 8), (4, 4), (16, 64)]


class Small(nn.Module):
    """Everything a compiler may take for a constant: few numbers, numbers all alike, a buffer; and large weights."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.enter = nn.Conv2d(3, 4, 3, padding=1)
            self.norm = nn.GroupNorm(2, 4)
            self.wide = nn.Linear(4, 512)
            self.deep = nn.Linear(512, 512)
            self.leave = nn.Linear(512, 4)
            self.register_buffer("shift", torch.randn(1, 4, 1, 1))
        self.eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)

    def forward(self, image: Tensor, factor: Tensor) -> Tensor:
        found = self.norm(self.enter(image)) * factor + self.shift
        rows = found.flatten(2).transpose(1, 2)
        more = self.leave(self.deep(self.wide(rows).relu()).relu())
        result: Tensor = found + more.transpose(1, 2).unflatten(2, found.shape[2:])
        return result


class Twice(Small):
    """The same layers, used otherwise."""

    def forward(self, image: Tensor, factor: Tensor) -> Tensor:
        return 2 * super().forward(image, factor)


def arguments(height: int = 8, width: int = 8, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height * 100 + width)
    return torch.randn((1, 3, height, width), generator=generator).to(dtype), torch.tensor([1.5], dtype=dtype)


def off(one: Tensor, other: Tensor) -> float:
    return difference(one, other)


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread: None) -> None:
    """A fork has none of its parent's other threads and would wait for them."""


@pytest.fixture(scope="module", autouse=True)
def _compiled_quickly_in_a_cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, torch._inductor.config.patch({"compile_threads": 1}):
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
        yield


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of `Small`; whoever damages it copies it."""
    return package(Small(), arguments(), DYNAMIC, tmp_path_factory.mktemp("packages"))


@pytest.fixture
def folder(path: Path, tmp_path: Path) -> Path:
    shutil.copy(path, tmp_path)
    return tmp_path


def found(module: nn.Module, folder: Path) -> Packaged:
    run = packaged(module, folder, DYNAMIC)
    assert run is not None
    return run


# The same numbers


@pytest.mark.parametrize("size", SIZES)
def test_one_package_gives_the_networks_numbers_at_every_size(path: Path, size: tuple[int, int]) -> None:
    run = found(Small(), path.parent)
    assert off(run(*arguments(*size)), Small()(*arguments(*size))) < 1e-5
    assert run.uses_package(*arguments(*size))


def test_order_in_memory_and_modes_are_the_callers_own_affair(path: Path) -> None:
    run, (image, factor) = found(Small(), path.parent), arguments(8, 16)
    plain = Small()(image, factor)
    with torch.inference_mode():
        assert off(run(image.to(memory_format=torch.channels_last), factor), plain) < 1e-5
        assert off(run(image.expand(1, -1, -1, -1) * 1, factor), plain) < 1e-5
    assert run.uses_package(image, factor)


def test_half_precision_is_compiled_too(tmp_path: Path) -> None:
    small, given = Small().to(torch.bfloat16), arguments(8, 12, torch.bfloat16)
    package(small, arguments(dtype=torch.bfloat16), DYNAMIC, tmp_path)
    run, answer = found(small, tmp_path), small(*given)
    assert off(run(*given), answer) < 0.02
    assert run(*given).dtype == torch.bfloat16
    assert run.uses_package(*given)


# The weights


def test_no_weights_are_in_the_package(path: Path) -> None:
    weights = Small().deep.weight
    assert path.stat().st_size < weights.nbytes / 2
    some = weights.flatten()[:64].numpy().tobytes()
    with zipfile.ZipFile(path) as archive:
        assert not any(some in archive.read(name) for name in archive.namelist())


def test_one_package_serves_other_weights_at_the_same_time(path: Path) -> None:
    first, second = Small(), Small(seed=1)
    for tensor in (*second.norm.parameters(), second.enter.bias, second.leave.bias):
        nn.init.normal_(tensor)
    runs = [found(network, path.parent) for network in (first, second, first)]
    answers = [run(*arguments()) for run in runs]
    assert off(answers[0], first(*arguments())) < 1e-5
    assert off(answers[1], second(*arguments())) < 1e-5
    assert off(answers[0], answers[1]) > 0.1
    assert torch.equal(answers[0], answers[2])
    assert all(run.uses_package(*arguments()) for run in runs)


@pytest.mark.parametrize("name", [name for name, _ in [*Small().named_parameters(), *Small().named_buffers()]])
def test_the_weights_exist_once(path: Path, name: str) -> None:
    network = Small()
    run = found(network, path.parent)
    before = run(*arguments())
    with torch.no_grad():
        network.get_parameter(name).add_(0.5) if name != "shift" else network.get_buffer(name).add_(0.5)
    assert not torch.equal(run(*arguments()), before)
    assert off(run(*arguments()), network(*arguments())) < 1e-5


def test_they_go_when_the_network_goes(path: Path) -> None:
    network = Small()
    run = found(network, path.parent)
    run(*arguments())
    assert run.uses_package(*arguments())
    storage = StorageWeakRef(network.deep.weight.untyped_storage())
    del network
    gc.collect()
    assert not storage.expired(), "the package needs them"
    del run
    gc.collect()
    assert storage.expired()


# Only for what it was made


def test_sizes_it_was_not_made_for_go_to_the_network(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = found(Small(), path.parent)
    for size in [(6, 8), (8, 68), (2, 4)]:
        assert torch.equal(run(*arguments(*size)), Small()(*arguments(*size)))
        assert not run.uses_package(*arguments(*size))
    assert not caplog.records


def test_a_package_of_anything_else_is_not_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(network: nn.Module) -> bool:
        return packaged(network, path.parent, DYNAMIC) is None

    other = Small()
    other.norm = nn.GroupNorm(4, 4)
    strided = Small().to(memory_format=torch.contiguous_format)
    assert not none(Small(seed=5))
    assert none(Twice())
    assert none(other)
    assert none(strided)
    assert none(Small().train())
    assert none(Small().double())
    monkeypatch.setattr(torch, "__version__", "2.11.1")
    assert none(Small())


@pytest.mark.parametrize("change", ["machine", "network", "arguments"])
def test_whatever_differs_is_another_file(change: str) -> None:
    key = Key.of(Small(), arguments(), DYNAMIC)
    parts = {"machine": key.machine, "network": key.network, "arguments": key.arguments}
    assert Key(**parts).file == key.file
    assert Key(**parts | {change: "other"}).file != key.file


def test_the_machine_names_the_gpu_and_all_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    gpu = aot_key.machine(torch.device("cuda"))
    assert gpu.startswith("cuda-sm90_linux-")
    assert f"torch-{torch.__version__}" in gpu
    assert gpu.endswith(f"cuda-{torch.version.cuda}")
    assert aot_key.machine(torch.device("cpu")).startswith("cpu-")


@given(
    first=st.tuples(st.integers(1, 80), st.integers(1, 80)), second=st.tuples(st.integers(1, 80), st.integers(1, 80))
)
def test_two_sizes_share_a_package_only_if_every_side_is_the_same_or_in_the_span(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    names = [aot_key.shapes([torch.empty((1, 3, *size), device="meta")], DYNAMIC) for size in (first, second)]
    shared = all(one == other or (one in SIDE and other in SIDE) for one, other in zip(first, second, strict=True))
    assert (names[0] == names[1]) == shared


# What cannot be used


def refused(module: nn.Module, folder: Path, caplog: pytest.LogCaptureFixture) -> str:
    """The one sentence of the log, after two calls that gave the network's own answers."""
    run = found(module, folder)
    with caplog.at_level(logging.WARNING, "rorem_demo"):
        for _ in range(2):
            assert torch.equal(run(*arguments()), module(*arguments()))
    assert not run.uses_package(*arguments())
    (record,) = (record for record in caplog.records if record.name.startswith("rorem_demo"))
    assert "\n" not in record.getMessage()
    return record.getMessage()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_half_a_package_is_refused(folder: Path, share: float, caplog: pytest.LogCaptureFixture) -> None:
    (file,) = folder.glob("*.pt2")
    os.truncate(file, int(file.stat().st_size * share))
    assert f"{file.name} cannot be used" in refused(Small(), folder, caplog)


def test_a_changed_byte_is_found_before_it_is_run(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (file,) = folder.glob("*.pt2")
    with zipfile.ZipFile(file) as archive:
        library = next(info for info in archive.infolist() if info.filename.endswith(".so"))
    with file.open("r+b") as stream:
        stream.seek(library.header_offset + library.file_size // 2)
        byte = stream.read(1)[0]
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte ^ 255]))
    assert "is damaged" in refused(Small(), folder, caplog)


def test_other_numbers_than_the_networks_are_refused(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(path, tmp_path / Key.of(Twice(), arguments(), DYNAMIC).file)
    assert "gives other numbers than its network" in refused(Twice(), tmp_path, caplog)


def test_a_package_that_asks_for_other_weights_is_refused(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    less = nn.Module.__new__(Twice)
    less.__dict__.update(vars(Twice()))
    less._buffers = {}
    less.shift = 0.0
    shutil.copy(path, tmp_path / Key.of(less, arguments(), DYNAMIC).file)
    assert "cannot be used" in refused(less, tmp_path, caplog)


class Untraceable(Small):
    def forward(self, image: Tensor, factor: Tensor) -> Tensor:
        return super().forward(image, factor) if image.sum() > 0 else image


def test_what_cannot_be_compiled_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="data-dependent"):
        package(Untraceable(), arguments(), DYNAMIC, tmp_path)
    assert list(tmp_path.iterdir()) == []


# Forks


def test_a_fork_loads_for_itself_what_its_parent_has_loaded(path: Path) -> None:
    run, network = found(Small(), path.parent), Small()
    plain = run(*arguments())

    def work(pipe: multiprocessing.connection.Connection) -> None:
        fresh = not run.uses_package(*arguments())
        answer = run(*arguments())
        pipe.send((fresh, run.uses_package(*arguments()), off(answer, network(*arguments()))))

    ours, theirs = forking.Pipe()
    worker = forking.Process(target=work, args=(theirs,))
    worker.start()
    fresh, by_package, away = ours.recv()
    worker.join()
    assert (fresh, by_package) == (True, True)
    assert away < 1e-5
    assert torch.equal(run(*arguments()), plain)


def test_what_a_killed_worker_unpacked_is_removed_at_the_next_load(folder: Path) -> None:
    def work(pipe: multiprocessing.connection.Connection) -> None:
        run = found(Small(), folder)
        run(*arguments())
        (note,) = (folder / ".unpacked").iterdir()
        pipe.send(note.readlink())
        os.kill(os.getpid(), signal.SIGKILL)

    ours, theirs = forking.Pipe()
    worker = forking.Process(target=work, args=(theirs,))
    worker.start()
    left = ours.recv()
    worker.join()
    assert left.is_dir()
    run = found(Small(), folder)
    run(*arguments())
    assert not left.exists()
    (note,) = (folder / ".unpacked").iterdir()
    assert note.readlink().is_dir()
