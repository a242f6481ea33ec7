"""Networks that measure: what they say with known weights, and what is said without."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics
import torchvision

from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation import quality_measures
from rorem_demo.evaluation.quality_measures import DISTANCES, FEATURES, FID, LEAST, MOST, fitting, seen, why_empty
from rorem_demo.evaluation.quality_networks import frechet
from rorem_demo.imaging.types import Image, Size, size_of
from tests.evaluation.networks import weights_of, write_alexnet, write_clip, write_dino, write_inception

TAPS = (1, 4, 7, 9, 11)
"""Layers of AlexNet that LPIPS looks at: behind each ReLU."""


def picture(seed: int) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (70, 96, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may ever fetch anything."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("something was to be downloaded")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", refuse)
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)


def test_lpips_is_the_sum_the_paper_gives(tmp_path: Path) -> None:
    tensors = write_alexnet(tmp_path)
    found = DISTANCES.load("lpips", weights_of(tmp_path))(picture(0), picture(1))
    with torch.device("meta"):
        alexnet = torchvision.models.alexnet(weights=None)
    alexnet.load_state_dict(tensors, strict=False, assign=True)
    linear = torch.load(
        Path(torchmetrics.__file__).parent / "functional/image/lpips_models/alex.pth", map_location="cpu"
    )
    sides = []
    for image in (picture(0), picture(1)):
        levels = torch.from_numpy(image.transpose(2, 0, 1)[None]).float() / 127.5 - 1
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        value, taps = (levels - shift.view(3, 1, 1)) / scale.view(3, 1, 1), []
        for number, layer in enumerate(alexnet.features):
            value = layer(value)
            if number in TAPS:
                taps.append(value.clone() / value.norm(dim=1, keepdim=True))
        sides.append(taps)
    expected = sum(
        float(((one - other) ** 2 * linear[f"lin{number}.model.1.weight"]).sum(1).mean().detach())
        for number, (one, other) in enumerate(zip(*sides, strict=True))
    )
    assert expected > 1e-3
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("key", "write"), [("lpips", write_alexnet), ("dino", write_dino), ("clip", write_clip)])
def test_distances_are_zero_of_equal_pictures_and_not_of_others(key: str, write: object, tmp_path: Path) -> None:
    write(tmp_path)  # type: ignore[operator]
    distance = DISTANCES.load(key, weights_of(tmp_path))
    assert distance(picture(0), picture(0)) == pytest.approx(0, abs=1e-6)
    assert distance(picture(0), picture(1)) == distance(picture(1), picture(0)) > 1e-6
    assert distance(picture(0), np.zeros_like(picture(0))) > distance(picture(0), picture(1))


def test_weights_of_another_network_are_refused_in_a_sentence(tmp_path: Path) -> None:
    write_clip(tmp_path)
    (tmp_path / "openai/clip-vit-large-patch14").rename(tmp_path / "dinov2-base")
    (tmp_path / "facebook").mkdir()
    (tmp_path / "dinov2-base").rename(tmp_path / "facebook/dinov2-base")
    with pytest.raises(UnavailableError, match="damaged or does not hold the weights of DINO"):
        DISTANCES.load("dino", weights_of(tmp_path))


def test_inception_gives_a_vector_of_a_picture(tmp_path: Path) -> None:
    write_inception(tmp_path)
    vector = FEATURES.load(FID, weights_of(tmp_path))(np.full((64, 64, 3), 51, np.uint8))
    assert vector == pytest.approx([0.2, 0.2, 0.2, 0.008])


def test_frechet_distance_of_a_shift_is_its_square() -> None:
    true = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    assert frechet(true, true) == pytest.approx(0, abs=1e-3)
    assert frechet(true, true + np.array([3, 0, 4], np.float32)) == pytest.approx(25, rel=1e-3)


def test_frechet_distance_of_a_spread_is_what_the_formula_says() -> None:
    """|m - n|^2 + tr(C + D - 2 sqrt(C D)), where D is 4 C: tr(C)."""
    true = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    true -= true.mean(axis=0)
    assert frechet(true, 2 * true) == pytest.approx(np.trace(np.cov(true.T)), rel=1e-3)


@pytest.mark.parametrize("spec", [*DISTANCES], ids=lambda spec: spec.key)
def test_an_empty_column_names_the_files_it_lacks(spec: quality_measures.MeasureSpec, tmp_path: Path) -> None:
    said = why_empty(weights_of(tmp_path), spec, 1000)
    assert said.startswith("Its weights are not here: ")
    assert all(f"{file.repository}/{file.file}" in said for file in spec.weights)


def test_a_column_with_its_files_is_not_empty_and_one_file_too_few_is_named(tmp_path: Path) -> None:
    write_dino(tmp_path)
    assert why_empty(weights_of(tmp_path), DISTANCES["dino"], 1) == ""
    (tmp_path / "facebook/dinov2-base/model.safetensors").unlink()
    said = why_empty(weights_of(tmp_path), DISTANCES["dino"], 1)
    assert said == "Its weights are not here: facebook/dinov2-base/model.safetensors."


def test_a_package_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_alexnet(tmp_path)
    monkeypatch.setattr("rorem_demo.runtime.weights.find_spec", lambda _: None)
    assert why_empty(weights_of(tmp_path), DISTANCES["lpips"], 1) == "The package torchmetrics is not installed."


def test_fid_is_told_of_more_than_500_cases_only(tmp_path: Path) -> None:
    write_inception(tmp_path)
    weights = weights_of(tmp_path)
    assert why_empty(weights, FEATURES[FID], 500) == "FID is told of more than 500 cases; these are 500."
    assert why_empty(weights, FEATURES[FID], 501) == ""
    assert "inception-2015-12-05.pt" in why_empty(weights_of(tmp_path / "elsewhere"), FEATURES[FID], 501)


def test_networks_see_what_lies_around_the_mask() -> None:
    image = picture(0)
    mask = np.zeros(image.shape[:2], np.bool_)
    mask[36, 50] = True
    assert np.array_equal(seen(mask, image)[0], image[4:69, 18:83])


@pytest.mark.parametrize(
    ("size", "expected"), [((96, 70), (96, 70)), ((30, 400), (64, 400)), ((2000, 1000), (512, 256))]
)
def test_networks_see_64_to_512_pixels(size: tuple[int, int], expected: tuple[int, int]) -> None:
    found = fitting(Size(*size))
    assert found == expected
    assert LEAST <= min(found) <= max(found) <= MOST


def test_a_network_may_see_a_very_small_picture(tmp_path: Path) -> None:
    write_alexnet(tmp_path)
    around = seen(np.ones((3, 2), np.bool_), np.zeros((3, 2, 3), np.uint8), np.full((3, 2, 3), 255, np.uint8))
    assert [size_of(each) for each in around] == [Size(64, 64)] * 2
    assert DISTANCES.load("lpips", weights_of(tmp_path))(*around) > 0
