"""Files of weights: tensors come out as they were put in, and nothing in a file runs."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rorem_demo.runtime import tensors
from rorem_demo.runtime.tensors import streamed, tensors_of

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth", "model.pt"])
def test_what_was_written_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    save_file(TENSORS, path) if path.suffix == ".safetensors" else torch.save(TENSORS, path)
    read = tensors_of(path)
    assert read.keys() == TENSORS.keys()
    assert all(torch.equal(read[key], tensor) and read[key].dtype == tensor.dtype for key, tensor in TENSORS.items())


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "boom")


def test_no_code_in_a_file_runs(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2), "bomb": Bomb(tmp_path / "written")}, tmp_path / "model.pth")
    with pytest.raises(pickle.UnpicklingError):
        tensors_of(tmp_path / "model.pth")
    assert not (tmp_path / "written").exists()


def test_streamed_tensors_are_those_of_the_file_each_in_memory_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensors, "_MAPPED", 64)  # several openings
    written = {f"layer{number}": torch.full((4, 3), float(number)) for number in range(9)}
    save_file(written, tmp_path / "weights.safetensors")
    read = dict(streamed(tmp_path / "weights.safetensors"))
    assert read.keys() == written.keys()
    assert all(torch.equal(read[name], written[name]) for name in written)
    (tmp_path / "weights.safetensors").write_bytes(b"")
    assert all(torch.equal(read[name], written[name]) for name in written)
