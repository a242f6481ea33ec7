"""MAT: its drawings are the visitor's own, and a file that is none of its own is refused.

Where the package `spandrel_extra_arches` is not installed, which is not free for every use, most of this is skipped.
"""

from __future__ import annotations

import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import dropout

from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Size
from rorem_demo.removers.base import Cost, RemovalOptions, Remover, RemoverSpec, ResolvedOptions
from rorem_demo.removers.erase import erase, finish
from rorem_demo.removers.mat import _Drawing, load
from tests.removers.spandrel_checkpoints import full_mat, write_tensors

SPEC = RemoverSpec(
    key="mat",
    title="MAT",
    summary="",
    loader="rorem_demo.removers.mat:load",
    licence="CC BY-NC 4.0",
    source="",
    cost=Cost(memory_gb=2.2, fixed_seconds=8.0),
    size=SizeRule(multiple_of=512, minimum=512, longest=512),
)


def global_state() -> bytes:
    return pickle.dumps((np.random.get_state(), torch.get_rng_state().numpy()))  # noqa: NPY002


def drawing(seed: int) -> _Drawing:
    return _Drawing(torch.Generator().manual_seed(seed))


def dropped(seed: int) -> torch.Tensor:
    with drawing(seed):
        return dropout(torch.ones(1000), training=True)


def test_dropout_is_the_seeds_and_no_global_state_changes() -> None:
    before = global_state()
    first = dropped(1)
    assert torch.equal(first, dropped(1))
    assert not torch.equal(first, dropped(2))
    assert sorted(first.unique().tolist()) == [0, 2]
    assert 400 < first.count_nonzero() < 600
    assert global_state() == before


def test_other_threads_and_later_calls_draw_as_ever() -> None:
    before, seen = torch.get_rng_state(), []
    with drawing(1):
        thread = threading.Thread(target=lambda: seen.append(dropout(torch.ones(9), training=True)))
        thread.start()
        thread.join()
    assert not torch.equal(torch.get_rng_state(), before)
    assert len(seen) == 1
    before = torch.get_rng_state()
    dropout(torch.ones(9), training=True)
    assert not torch.equal(torch.get_rng_state(), before)


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.startswith("spandrel_extra_arches")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "spandrel_extra_arches", None)
    with pytest.raises(UnavailableError, match="spandrel_extra_arches") as caught:
        load(SPEC, (tmp_path / "mat.safetensors",))
    assert SPEC.licence in caught.value.hint


@pytest.mark.parametrize("size", [(1, 1), (100, 60), (511, 513), (4000, 7), (9, 3000), (2000, 2000)])
def test_every_window_becomes_the_square_it_was_trained_on(size: tuple[int, int]) -> None:
    assert SPEC.size.fit(Size(*size)).padded == Size(512, 512)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    pytest.importorskip("spandrel_extra_arches", reason="not installed: its networks may not be used commercially")
    return full_mat()


@pytest.fixture(scope="module")
def remover(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Remover:
    half = {name: tensor.half() for name, tensor in network.state_dict().items()}
    return load(SPEC, (write_tensors(half, tmp_path_factory.mktemp("mat") / "mat.safetensors"),))


def scene() -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    mask = np.zeros((512, 512), np.bool_)
    mask[100:300, 150:400] = True
    return image, mask


def filled(remover: Remover, image: np.ndarray, mask: np.ndarray, seed: int = 0) -> np.ndarray:
    first, last = remover.fill(image, mask, ResolvedOptions(seed=seed))
    assert (first.fraction, last.fraction) == (0, 1)
    assert not torch.is_inference_mode_enabled()
    assert last.image is not None
    return last.image


@pytest.mark.slow
def test_the_same_seed_gives_the_same_pixels_and_another_one_others(remover: Remover) -> None:
    image, mask = scene()
    image.flags.writeable = mask.flags.writeable = False
    before = global_state()
    first = filled(remover, image, mask, seed=2**32 - 1)
    assert global_state() == before
    torch.rand(5)
    hidden = np.where(mask[..., None], 255 - image, image)
    assert np.array_equal(filled(remover, hidden, mask, seed=2**32 - 1), first), "what is marked counts for nothing"
    assert np.array_equal(first[~mask], image[~mask])
    assert (filled(remover, image, mask, seed=1) != first)[mask].mean() > 0.1


@pytest.mark.slow
def test_both_kinds_of_file_load_and_leave_the_global_generators_alone(network: nn.Module, tmp_path: Path) -> None:
    tensors = network.state_dict()
    before = global_state()
    for name, prefix in (("Places_512_FullData_G.pth", ""), ("mat.safetensors", "model.")):
        path = write_tensors({f"{prefix}{key}": tensor for key, tensor in tensors.items()}, tmp_path / name)
        loaded = load(SPEC, (path,))._network.state_dict()  # type: ignore[attr-defined]
        assert all(torch.equal(loaded[key], tensor) for key, tensor in tensors.items())
    assert global_state() == before


@pytest.mark.slow
def test_a_file_that_cannot_be_used_is_named_with_a_way_out(network: nn.Module, tmp_path: Path) -> None:
    contents = {"text.pth": b"<html>", "text.safetensors": b"<html>", "empty.pth": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    whole = write_tensors(network.state_dict(), tmp_path / "whole.safetensors")
    (tmp_path / "truncated.safetensors").write_bytes(whole.read_bytes()[:-1000])
    write_tensors({"conv.weight": torch.zeros(2, 2)}, tmp_path / "another.pth")
    torch.save({"path": tmp_path}, tmp_path / "code.pth")
    for name in (*contents, "truncated.safetensors", "another.pth", "code.pth", "absent.pth"):
        with pytest.raises(UnavailableError, match=name) as caught:
            load(SPEC, (tmp_path / name,))
        assert caught.value.hint
        assert caught.value.__cause__ is not None


@pytest.mark.slow
def test_a_photo_of_any_shape_is_served(remover: Remover) -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 700, 3), dtype=np.uint8)
    mask = np.zeros((200, 700), np.bool_)
    mask[50:150, 300:400] = True
    removal = finish(erase(SPEC, remover, image, mask, RemovalOptions(seed=3)))
    assert removal.changed_outside == 0
    assert removal.image.shape == image.shape
