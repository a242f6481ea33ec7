"""Latents: those of the library, computed once for each picture, and never while a network learns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from accelerate.state import AcceleratorState
from diffusers import AutoencoderKL
from diffusers.image_processor import VaeImageProcessor
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rorem_demo.discriminator import network as networks
from rorem_demo.discriminator import sdxl
from rorem_demo.discriminator import train as training
from rorem_demo.discriminator.batches import batch_of
from rorem_demo.discriminator.examples import read_examples
from rorem_demo.discriminator.latents import Latents, cells
from rorem_demo.discriminator.network import CONFIG, NETWORKS, WEIGHTS, Networks, load_model
from rorem_demo.discriminator.prepared import prepare
from rorem_demo.discriminator.recipe import Recipe
from rorem_demo.discriminator.run import Run
from rorem_demo.discriminator.train import main
from rorem_demo.discriminator.triples import Triple
from rorem_demo.discriminator.windows import Arrays
from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.runtime.weights import Weights
from tests.discriminator.scenes import triple, write
from tests.discriminator.sdxl_weights import BASE, TRAINED, row_of, write_judge

pytestmark = pytest.mark.slow

ROWS = 12


@dataclass
class Counted:
    """A VAE that counts what it is asked for."""

    vae: Any
    pictures: int = 0
    reads: int = 0

    dtype, device = torch.float32, torch.device("cpu")

    @property
    def config(self) -> Any:
        return self.vae.config

    def encode(self, given: Tensor) -> Any:
        self.pictures += len(given)
        return self.vae.encode(given)

    def read(self, *where: object) -> Counted:
        self.reads += 1
        return self


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_judge(folder)
    return folder


@pytest.fixture
def vae(weights: Path) -> Counted:
    read: Any = AutoencoderKL.from_pretrained
    return Counted(read(weights / BASE / "vae", torch_dtype=torch.float32).eval())


def scene(seed: int = 0) -> tuple[Image, Mask, Image]:
    return triple(np.random.default_rng(seed), "good")


def test_latents_are_those_that_the_library_gives_for_the_photo_at_512(vae: Counted) -> None:
    source, mask, result = scene()
    found = Latents(vae.read)(source, mask, result)
    for name, picture in (("source", source), ("result", result)):
        given = VaeImageProcessor().preprocess(PIL.Image.fromarray(picture).resize((512, 512)))
        with torch.inference_mode():
            expected = vae.vae.encode(given).latent_dist.mode()[0] * 0.13025
        assert found[name].shape == (4, 64, 64)
        assert found[name].dtype == np.float16
        np.testing.assert_allclose(found[name].astype(np.float32), expected.numpy(), atol=1e-4, rtol=1e-3)
    assert not np.array_equal(found["source"], found["result"])


def test_the_mask_is_that_of_the_library_at_an_eighth() -> None:
    _, mask, _ = scene()
    picture = PIL.Image.fromarray(mask.astype(np.uint8) * 255).resize((512, 512))
    whole = VaeImageProcessor(do_normalize=False, do_binarize=True, do_convert_grayscale=True).preprocess(picture)
    expected = torch.nn.functional.interpolate(whole, size=(64, 64))[0].numpy()
    found = cells(mask)
    assert found.dtype == np.uint8
    assert 0 < found.sum() < found.size
    assert np.array_equal(found, expected)


@given(height=st.integers(1, 1500), width=st.integers(1, 1500), at=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)))
@settings(max_examples=60, deadline=None)
def test_the_smallest_hole_marks_a_cell_where_it_is(height: int, width: int, at: tuple[float, float]) -> None:
    row, column = int(at[0] * height), int(at[1] * width)
    mask = np.zeros((height, width), np.bool_)
    mask[row, column] = True
    found = np.argwhere(cells(mask)[0])
    assert len(found)
    expected = (np.array([row, column]) + 0.5) * 64 / (height, width)
    reach = 1 + 64 / np.array([height, width])  # what the filter spreads when a picture grows
    assert (np.abs(found + 0.5 - expected) <= reach).all()


def test_several_results_of_one_photo_need_the_photo_once(vae: Counted) -> None:
    source, mask, _ = scene()
    latents = Latents(vae.read)
    for level in range(3):
        latents(source, mask, np.full_like(source, level))
    assert vae.pictures == 4
    latents(source, mask, source)
    assert vae.pictures == 4
    assert vae.reads == 1


def test_what_came_before_does_not_change_a_digit(vae: Counted) -> None:
    one, other = scene(0), scene(1)
    used = Latents(vae.read)
    used(*other)
    used(other[0], other[1], one[0])
    first, second = used(*one), Latents(vae.read)(*one)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_vae_that_was_freed_is_read_again(vae: Counted) -> None:
    latents = Latents(vae.read)
    latents(*scene(0))
    latents.release()
    latents(*scene(1))
    assert vae.reads == 2


def test_pictures_that_do_not_fit_together_are_refused(vae: Counted) -> None:
    source, mask, result = scene()
    latents = Latents(vae.read)
    for wrong in ((source, mask, result[:-1]), (source, mask[:, :-1], result), (source, mask & False, result)):
        with pytest.raises(InputError):
            latents(*wrong)
    assert not vae.reads


def test_a_vae_that_gives_no_numbers_is_told() -> None:
    broken = SimpleNamespace(
        dtype=torch.float32,
        device=torch.device("cpu"),
        config={"scaling_factor": 1.0},
        encode=lambda given: SimpleNamespace(
            latent_dist=SimpleNamespace(mode=lambda: torch.full((1, 4, 64, 64), torch.nan))
        ),
    )
    with pytest.raises(UnavailableError, match="no numbers"):
        Latents(lambda: broken)(*scene())


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("rows"), ROWS, noise=0.0)


@pytest.fixture
def counted(weights: Path, vae: Counted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """The row `sdxl`, with a VAE that counts."""
    both = Networks(*(row for row in NETWORKS if row.key != "sdxl"), row_of(weights, BASE, TRAINED))
    monkeypatch.setattr(networks, "NETWORKS", both)
    monkeypatch.setattr(training, "NETWORKS", both)
    monkeypatch.setattr(sdxl, "read_vae", vae.read)
    monkeypatch.setattr("rorem_demo.discriminator.sdxl.native_precision", lambda: torch.float32)
    yield vae
    AcceleratorState._reset_state(reset_partial_state=True)


def test_what_is_cached_needs_no_vae_and_only_what_is_new_does(rows: Path, vae: Counted, tmp_path: Path) -> None:
    def window(seen: Triple) -> Arrays:
        return latents(seen.source, seen.mask, seen.result)

    latents = Latents(vae.read)
    examples = read_examples(str(rows))
    first = prepare(examples[:3], tmp_path, window, "sdxl-1")
    made = vae.pictures
    assert 3 < made <= 6
    again = prepare(examples[:3], tmp_path, window, "sdxl-1")
    assert vae.pictures == made
    for before, after in zip(first, again, strict=True):
        assert before["source"].shape == before["result"].shape == (4, 64, 64)
        assert before["mask"].shape == (1, 64, 64)
        assert all(np.array_equal(before[name], after[name]) for name in before)
    prepare(examples[:4], tmp_path, window, "sdxl-1")
    assert made < vae.pictures <= made + 2


def test_training_runs_the_vae_once_for_each_picture_and_in_no_epoch(
    rows: Path, weights: Path, counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[int] = []
    stepped = Run.stepped

    def watched(self: Run, *arguments: Any) -> float:
        before.append(counted.pictures)
        return stepped(self, *arguments)

    monkeypatch.setattr(Run, "stepped", watched)
    recipe = Recipe(dataset=str(rows), output=tmp_path / "1", network="sdxl", cache=str(tmp_path / "cache"))
    lineage = main(recipe, Weights(folder=weights)).lineage
    made = counted.pictures
    assert ROWS < made <= 2 * sum(lineage["rows"].values())
    assert set(before) == {made}
    assert lineage["history"][-1]["loss"] != lineage["history"][0]["loss"]
    main(replace(recipe, output=tmp_path / "2"), Weights(folder=weights))
    assert counted.pictures == made


@pytest.mark.usefixtures("counted")
def test_training_goes_on_where_it_was_left_to_the_same_bytes(
    rows: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Recipe(
        dataset=str(rows),
        output=tmp_path / "1",
        network="sdxl",
        cache=str(tmp_path / "cache"),
        checkpoint_steps=1,
        batch=2,
    )
    main(whole, Weights(folder=weights))
    broken = replace(whole, output=tmp_path / "2")
    stepped = Run.stepped

    def stopped(self: Run, batch: Any, step: int) -> float:
        if step == 3:
            raise KeyboardInterrupt
        return stepped(self, batch, step)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "stepped", stopped)
        with pytest.raises(KeyboardInterrupt):
            main(broken, Weights(folder=weights))
    main(replace(broken, resume=True), Weights(folder=weights))
    for name in (WEIGHTS, CONFIG):
        assert (broken.output / name).read_bytes() == (whole.output / name).read_bytes()


@pytest.mark.usefixtures("counted")
def test_a_trained_model_scores_pictures(rows: Path, weights: Path, tmp_path: Path) -> None:
    recipe = Recipe(dataset=str(rows), output=tmp_path, network="sdxl", epochs=1)
    main(recipe, Weights(folder=weights))
    judge = load_model(tmp_path, weights=Weights(folder=weights)).network
    with torch.inference_mode():
        logits = [float(judge(batch_of([judge.arrays(*scene(seed))]))) for seed in (0, 0, 1)]
    assert logits[0] == logits[1] != logits[2]
