"""Random weights in the published layout, tiny: the real loaders and the published call both read them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file

from rorem_demo.errors import StorageError
from rorem_demo.evaluation import speed_weights
from rorem_demo.evaluation.speed_ours import Preparation
from rorem_demo.evaluation.speed_process import Job, places
from rorem_demo.evaluation.speed_shapes import FULL, LORA_TARGETS, TINY
from rorem_demo.evaluation.speed_weights import MARK, holds, write
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.sdxl_lora import check_fit, read_lora
from tests.removers import sdxl_checkpoint

SPEC = REMOVERS["rorem-4s"]


def job(folder: Path) -> Job:
    return Job(
        title="", worker="", spec=SPEC, files=places(folder, SPEC), shapes=TINY, folder=folder, size=64, memory_gb=1.0
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write(folder, SPEC, TINY)
    return folder


def test_every_file_of_the_row_is_there_and_the_folder_is_known_again(written: Path) -> None:
    assert all(path.is_file() for path in places(written, SPEC))
    assert holds(written, SPEC, TINY)
    assert not holds(written, SPEC, FULL)
    assert not holds(written, REMOVERS["rorem-mixed"], TINY)


def test_a_folder_that_was_left_half_written_is_not_taken_for_whole(written: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(written, tmp_path / "copy"))
    (copy / MARK).unlink()
    assert not holds(copy, SPEC, TINY)
    (copy / MARK).write_text("{", encoding="utf-8")
    assert not holds(copy, SPEC, TINY)
    lacking = Path(shutil.copytree(written, tmp_path / "lacking"))
    places(lacking, SPEC)[0].unlink()
    assert not holds(lacking, SPEC, TINY)


def test_what_is_there_is_used_again(written: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(written, tmp_path / "copy"))
    unet = places(copy, SPEC)[0]
    os.utime(unet, (1, 1))
    Preparation(job(copy)).prepare()
    assert unet.stat().st_mtime == 1
    (copy / MARK).unlink()
    Preparation(job(copy)).prepare()
    assert unet.stat().st_mtime > 1
    assert holds(copy, SPEC, TINY)


def test_the_unet_is_read_by_diffusers_and_keeps_the_size_of_what_passes(written: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(places(written, SPEC)[0].parent, torch_dtype=torch.float32)
    assert unet.config.in_channels == 9
    generator = torch.Generator().manual_seed(0)
    told = {
        "text_embeds": torch.randn(1, 32, generator=generator),
        "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]]),
    }
    with torch.inference_mode():
        guess = unet(
            torch.randn(1, 9, 8, 8, generator=generator),
            torch.tensor(499),
            encoder_hidden_states=torch.randn(1, 77, 64, generator=generator),
            added_cond_kwargs=told,
        ).sample
    assert 0.1 < float(guess.std()) < 10


def test_the_lora_fits_the_unet_and_changes_it(written: Path) -> None:
    path = places(written, SPEC)[-1]
    unet = UNet2DConditionModel.from_pretrained(places(written, SPEC)[0].parent)
    added = read_lora(path, unet.config)
    check_fit(added, unet.state_dict())
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    assert not torch.equal(added[name].to(unet.state_dict()[name]), unet.state_dict()[name].float())
    assert {tuple(name.split(".lora_")[1:]) for name in load_file(path)} == {("A.weight",), ("B.weight",)}


def test_the_layers_are_those_that_were_trained() -> None:
    assert LORA_TARGETS == sdxl_checkpoint.TARGETS


def test_the_full_shapes_are_those_that_were_published() -> None:
    counts = {
        part: sum(tensor.numel() for tensor in speed_weights._network(part, FULL).parameters())
        for part in ("unet", "vae", "text_encoder", "text_encoder_2")
    }
    assert counts == {
        "unet": 2_567_478_084,
        "vae": 83_653_863,
        "text_encoder": 123_060_480,
        "text_encoder_2": 694_659_840,
    }
    assert len(speed_weights._lora_shapes(FULL)) == 2 * 788


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1))
    with pytest.raises(StorageError, match=r"need 0\.0 GB of disk") as told:
        write(tmp_path / "weights", SPEC, TINY)
    assert "--weights" in told.value.hint
    assert not list((tmp_path / "weights").iterdir())


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="could not be written"):
        write(tmp_path / "file" / "weights", SPEC, replace(TINY))
