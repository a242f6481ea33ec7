"""LaMa: the pixels are those of the published network, whichever file the weights come from, and no file runs code."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spandrel.architectures.LaMa import LaMa, LaMaArch
from torch import nn

from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.removers.base import Cost, RemovalOptions, RemoverSpec, ResolvedOptions
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.erase import LESS_SEEN, erase, finish
from rorem_demo.removers.lama import LamaRemover, _archived, load
from rorem_demo.runtime.weights import Weights
from tests.hub import LoopbackHub
from tests.removers.spandrel_checkpoints import (
    full_lama,
    lama_tensors,
    tiny_lama,
    write_lama_torchscript,
    write_tensors,
    write_torchscript,
)

SPEC = RemoverSpec(
    key="lama",
    title="LaMa",
    summary="",
    loader="rorem_demo.removers.lama:load",
    licence="Apache-2.0",
    source="",
    cost=Cost(memory_gb=2.0, fixed_seconds=0.1),
    size=SizeRule(multiple_of=8, minimum=16, longest=1024),
)
TINY = LamaRemover(tiny_lama())


def scene(width: int, height: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.bool_)
    mask[height // 4 : height // 4 + max(1, height // 3), width // 3 : width // 3 + max(1, width // 4)] = True
    return image, mask


def filled(remover: LamaRemover, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    last = list(remover.fill(image, mask, ResolvedOptions()))[-1].image
    assert last is not None
    return last


@torch.inference_mode()
def published(model: LaMa, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The pixels by way of the package's own call."""
    descriptor = LaMaArch().load(model.state_dict())
    descriptor.eval()
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    answer = descriptor(pixels, torch.from_numpy(mask)[None, None].float())
    return (answer[0] * 255).round().byte().permute(1, 2, 0).numpy()


def test_only_the_hole_changes_and_all_of_it_is_filled() -> None:
    image, mask = scene(64, 48)
    image[mask] = (255, 0, 255)
    result = filled(TINY, image, mask)
    assert result.dtype == np.uint8
    assert np.array_equal(result[~mask], image[~mask])
    assert (result[mask] != (255, 0, 255)).any(axis=1).mean() > 0.99


def test_what_is_under_the_mask_counts_for_nothing_and_what_is_around_it_does() -> None:
    image, mask = scene(64, 48)
    hidden, shown = (np.where((mask == side)[..., None], 255 - image, image) for side in (True, False))
    assert np.array_equal(filled(TINY, image, mask)[mask], filled(TINY, hidden, mask)[mask])
    assert not np.array_equal(filled(TINY, image, mask)[mask], filled(TINY, shown, mask)[mask])


def test_arguments_and_global_generators_are_left_alone() -> None:
    image, mask = scene(64, 48)
    image.flags.writeable = mask.flags.writeable = False
    before = pickle.dumps((np.random.get_state(), torch.get_rng_state().numpy()))  # noqa: NPY002
    assert not np.shares_memory(filled(TINY, image, mask), image)
    assert pickle.dumps((np.random.get_state(), torch.get_rng_state().numpy())) == before  # noqa: NPY002


def test_visitors_at_the_same_time_get_what_each_would_alone() -> None:
    scenes = [scene(40 + 8 * number, 48, number) for number in range(4)]
    alone = [filled(TINY, *one) for one in scenes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: filled(TINY, *one), scenes))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_steps_rise_to_one_and_leave_the_threads_mode_alone() -> None:
    fractions = []
    for step in TINY.fill(*scene(32, 32), ResolvedOptions()):
        assert not torch.is_inference_mode_enabled()
        fractions.append(step.fraction)
        assert (step.image is not None) == (step.fraction == 1)
    assert fractions == sorted(fractions)
    assert fractions[0] == 0


def test_closing_stops_between_layers() -> None:
    layers, ran = tiny_lama(), []
    for number, layer in enumerate(layers):
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
    steps = LamaRemover(layers).fill(*scene(32, 32), ResolvedOptions())
    next(steps)
    assert ran == []
    next(steps)
    steps.close()
    assert ran == [0]


@pytest.mark.parametrize("size", [(2, 2), (8, 8), (16, 8), (33, 57), (3, 200), (600, 2), (500, 20)])
@pytest.mark.parametrize("context", [0.0, 2.0])
def test_windows_of_any_size_are_filled(size: tuple[int, int], context: float) -> None:
    image, mask = scene(*size)
    spec = replace(SPEC, size=replace(SPEC.size, longest=160))
    removal = finish(erase(spec, TINY, image, mask, RemovalOptions(grow=0, feather=0, context=context)))
    assert removal.image.shape == image.shape
    assert removal.changed_outside == 0


def test_where_gpu_memory_does_not_suffice_it_sees_less_and_says_so() -> None:
    layers, (image, mask) = tiny_lama(), scene(300, 300)

    def full(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        if given[0].shape[-1] > 200:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    layers[0].register_forward_pre_hook(full)
    removal = finish(erase(SPEC, LamaRemover(layers), image, mask, RemovalOptions()))
    assert removal.notes == (LESS_SEEN,)
    assert removal.changed_outside == 0


class Made(nn.Module):
    """Tensors of every kind that a file of torch's may hold."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))
        whole = torch.arange(24.0).reshape(4, 6)
        self.register_buffer("part", whole[1:3, ::2])
        self.register_buffer("turned", whole.T)
        self.register_buffer("short", whole.half())
        self.register_buffer("brain", whole.bfloat16())
        self.register_buffer("empty", torch.zeros(0, 3))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.inner(image).mean() + self.part.sum() + self.turned.sum() + self.short.sum() + self.brain.sum()


@pytest.mark.parametrize("kind", ["TorchScript", "state dict", "Lightning"])
def test_tensors_are_read_from_what_torch_writes(kind: str, tmp_path: Path) -> None:
    module, path = Made().eval(), tmp_path / "file"
    wanted = module.state_dict()
    if kind == "TorchScript":
        write_torchscript(module, path, torch.rand(1, 3, 4, 4))
        wanted.pop("empty")  # tracing leaves out what is not used
    else:
        lightning = {"epoch": 3, "callbacks": {OrderedDict: Path("x")}, "loops": [Made], "state_dict": wanted}
        torch.save(wanted if kind == "state dict" else lightning, path)
    read = {name.removeprefix("state_dict."): tensor for name, tensor in _archived(path).items()}
    assert wanted.keys() <= read.keys()
    assert all(torch.equal(read[name], tensor) and read[name].dtype == tensor.dtype for name, tensor in wanted.items())


class Bomb:
    """Unpickled by anything that does as it is told, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "boom")


def test_no_code_in_a_file_runs(tmp_path: Path) -> None:
    written = tmp_path / "written"
    torch.save({"weights": torch.ones(2), "bomb": Bomb(written)}, tmp_path / "file.ckpt")
    assert list(_archived(tmp_path / "file.ckpt")) == ["weights"]
    assert not written.exists()
    torch.load(tmp_path / "file.ckpt", weights_only=False)
    assert written.exists(), "the file does what it says if it is let"


def test_of_the_published_archive_only_the_pinned_bytes_are_taken(tmp_path: Path) -> None:
    row = REMOVERS["lama"]
    assert Weights().pin(row.weights[0]).sha256, "or any bytes would do"
    with LoopbackHub() as hub:
        hub.commit(row.weights[0].repository, {row.weights[0].file: b"something else"})
        weights = Weights(tmp_path / "weights", cache=tmp_path / "cache", endpoint=hub.address)
        with pytest.raises(UnavailableError, match="other bytes than are pinned"):
            weights.fetch(row)
    assert weights.missing(row)


SMALL = BytesIO()
torch.save({"weights": torch.arange(100.0)}, SMALL)


@settings(deadline=None)
@given(st.integers(0, 399), st.integers(1, 255))
def test_a_changed_byte_of_a_weight_is_noticed(tmp_path_factory: pytest.TempPathFactory, place: int, by: int) -> None:
    content, numbers = bytearray(SMALL.getvalue()), np.arange(100, dtype=np.float32).tobytes()
    content[content.index(numbers) + place] ^= by
    path = tmp_path_factory.getbasetemp() / "changed.ckpt"
    path.write_bytes(content)
    with pytest.raises(zipfile.BadZipFile):
        _archived(path)


def other_files(folder: Path) -> dict[str, Path]:
    whole = write_tensors({"model.1.bn_l.running_mean": torch.zeros(64)}, folder / "another.ckpt")
    files = {
        "a network of other layers": whole,
        "another network": write_tensors({"conv.weight": torch.zeros(3, 3)}, folder / "conv.ckpt"),
        "another network, safetensors": write_tensors({"conv.weight": torch.zeros(3, 3)}, folder / "conv.safetensors"),
        "another TorchScript": write_torchscript(nn.Conv2d(3, 3, 1), folder / "conv.pt", torch.rand(1, 3, 2, 2)),
        "no file": folder / "absent.pt",
    }
    contents = {
        "truncated.pt": whole.read_bytes()[:-100],
        "text.pt": b"<html>Not Found</html>",
        "text.safetensors": b"<html>Not Found</html>",
        "empty.ckpt": b"",
        "old.ckpt": pickle.dumps({"weights": 1}),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        files[name] = folder / name
    return files


def test_a_file_that_cannot_be_used_is_named_with_a_way_out(tmp_path: Path) -> None:
    for path in other_files(tmp_path).values():
        with pytest.raises(UnavailableError, match=path.name) as caught:
            load(SPEC, (path,))
        assert caught.value.hint
        assert caught.value.__cause__ is not None


@pytest.fixture(scope="module")
def whole() -> LaMa:
    return full_lama()


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["generator.model.", "model.model.", "state_dict.generator.model.", "model."])
def test_the_published_network_loads_by_any_of_its_names(whole: LaMa, prefix: str, tmp_path: Path) -> None:
    tensors = lama_tensors(whole, prefix) | {"discriminator.model0.0.weight": torch.ones(2)}
    path = write_tensors(tensors, tmp_path / "model.safetensors")
    remover, (image, mask) = load(SPEC, (path,)), scene(48, 64)
    assert isinstance(remover, LamaRemover)
    result = filled(remover, image, mask)
    assert np.array_equal(result, published(whole, image, mask))
    assert result[mask].std() > 10, "or the comparison says nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["big-lama.pt", "best.ckpt", "half.safetensors"])
def test_the_published_files_serve_a_photo(whole: LaMa, name: str, tmp_path: Path) -> None:
    path, tensors = tmp_path / name, lama_tensors(whole)
    if name == "big-lama.pt":
        write_lama_torchscript(whole, path)
    elif name == "half.safetensors":
        write_tensors({key: tensor.half() for key, tensor in tensors.items()}, path)
    else:
        torch.save({"callbacks": {Made: Path("x")}, "state_dict": tensors}, path)
    before = torch.get_rng_state()
    remover, (image, mask) = load(SPEC, (path,)), scene(400, 300)
    assert torch.equal(torch.get_rng_state(), before)
    removal = finish(erase(SPEC, remover, image, mask, RemovalOptions()))
    assert removal.changed_outside == 0
    again = finish(erase(SPEC, remover, image, mask, RemovalOptions()))
    assert np.array_equal(removal.image, again.image)


@pytest.mark.slow
def test_a_truncated_published_file_is_refused(whole: LaMa, tmp_path: Path) -> None:
    for name in ("model.pt", "model.safetensors"):
        path = write_tensors(lama_tensors(whole), tmp_path / name)
        path.write_bytes(path.read_bytes()[:-1_000_000])
        with pytest.raises(UnavailableError, match=name):
            load(SPEC, (path,))
