"""Model folders: what was saved comes back, and nothing else is taken for it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rorem_demo.discriminator import network as networks
from rorem_demo.discriminator.network import (
    CONFIG,
    NETWORKS,
    WEIGHTS,
    ModelConfig,
    Networks,
    load_model,
    save_model,
)
from rorem_demo.errors import InputError
from tests.discriminator.tiny import TINY, TinyNetwork, same

CONFIGURED = ModelConfig(network="tiny", views=1, calibration={"kind": "logistic"}, lineage={"seed": 3})


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "NETWORKS", Networks(*NETWORKS, TINY))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", TinyNetwork(), CONFIGURED)
    return tmp_path / "model"


def refusal(folder: Path, **asked: str) -> str:
    with pytest.raises(InputError) as caught:
        load_model(folder, **asked)
    assert caught.value.hint
    assert "\n" not in caught.value.sentence
    return str(caught.value)


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    made = TinyNetwork()
    config = save_model(tmp_path, made, CONFIGURED)
    loaded = load_model(tmp_path, network="tiny")
    assert loaded.config == config
    assert same(loaded.network.trained(), made.trained())
    assert not loaded.network.as_module().training
    assert replace(config, version="") == CONFIGURED


def test_the_version_tells_weights_and_calibration_apart_and_nothing_else(tmp_path: Path) -> None:
    made, other = TinyNetwork(), TinyNetwork()
    first = save_model(tmp_path, made, CONFIGURED).version
    assert first.startswith("tiny-")
    assert save_model(tmp_path, made, replace(CONFIGURED, lineage={})).version == first
    assert save_model(tmp_path, made, replace(CONFIGURED, calibration={})).version != first
    assert save_model(tmp_path, other, CONFIGURED).version != first


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refusal(folder)


def test_a_missing_tensor_is_named(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["layers.0.bias"]
    save_file(tensors, folder / WEIGHTS)
    assert "lacks 'layers.0.bias'" in refusal(folder)


def test_a_tensor_too_many_is_named(folder: Path) -> None:
    save_file(load_file(folder / WEIGHTS) | {"more": torch.zeros(1), "most": torch.zeros(1)}, folder / WEIGHTS)
    assert "the unknown 'more' and 1 more" in refusal(folder)


def test_a_tensor_of_another_shape_is_named(folder: Path) -> None:
    save_file(load_file(folder / WEIGHTS) | {"layers.0.bias": torch.zeros(9)}, folder / WEIGHTS)
    assert "'layers.0.bias'" in refusal(folder)
    assert "(9,), not (8,)" in refusal(folder)


def test_numbers_that_are_none_are_refused(folder: Path) -> None:
    save_file(load_file(folder / WEIGHTS) | {"layers.0.bias": torch.full((8,), torch.nan)}, folder / WEIGHTS)
    assert "layers.0.bias" in refusal(folder)


def test_the_other_network_is_refused(folder: Path) -> None:
    assert "'tiny', not 'compact'" in refusal(folder, network="compact")


def test_the_other_networks_weights_are_refused(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text()) | {"network": "compact", "views": NETWORKS["compact"].views}
    (folder / CONFIG).write_text(json.dumps(config))
    assert "lacks" in refusal(folder)


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_truncated_weights_are_refused(folder: Path, length: int) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:length])
    assert "damaged" in refusal(folder)


class Touching:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_under_the_weights_name_is_not_run(folder: Path, tmp_path: Path) -> None:
    (folder / WEIGHTS).write_bytes(pickle.dumps(Touching(tmp_path / "run")))
    assert "pickle" in refusal(folder)
    assert not (tmp_path / "run").exists()


def test_what_torch_saves_is_called_a_pickle(folder: Path) -> None:
    torch.save({"layers.0.bias": torch.zeros(8)}, folder / WEIGHTS)
    assert "pickle" in refusal(folder)


def test_a_pickle_beside_missing_weights_is_named_and_not_read(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "cls_pred_branch.pt")
    assert "cls_pred_branch.pt is a pickle" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"network": "other"}, "no network 'other'"),
        ({"format": 2}, "format 2"),
        ({"views": 0}, "views of version 0"),
        ({"extra": 1}, "does not describe"),
    ],
)
def test_a_config_of_something_else_is_refused(folder: Path, change: dict[str, object], told: str) -> None:
    (folder / CONFIG).write_text(json.dumps(json.loads((folder / CONFIG).read_text()) | change))
    assert told in refusal(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"network": "tiny"}'])
def test_a_broken_config_is_refused(folder: Path, text: str) -> None:
    (folder / CONFIG).write_text(text)
    assert CONFIG in refusal(folder)


def test_an_earlier_model_is_not_left_beside_other_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between its two files, a save leaves no model rather than a mixed one."""

    def killed(path: Path, data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(networks.disk, "write_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        save_model(folder, TinyNetwork(), CONFIGURED)
    assert not (folder / CONFIG).exists()


def test_reading_the_table_imports_no_torch() -> None:
    code = "import sys, rorem_demo.discriminator.network; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
