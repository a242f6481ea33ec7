"""ssim: known values, two other implementations, and where it is averaged."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from rorem_demo.errors import InputError
from rorem_demo.imaging.metrics import psnr, ssim, ssim_map
from rorem_demo.imaging.types import Image

C1 = 6.5025  # (0.01 * 255) ** 2


def grainy(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def noisier(image: Image, seed: int = 1) -> Image:
    noise = np.random.default_rng(seed).normal(0, 20, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_two_even_greys_differ_in_their_light_alone() -> None:
    a, b = np.full((20, 30, 3), 100, np.uint8), np.full((20, 30, 3), 150, np.uint8)
    expected = (2 * 100 * 150 + C1) / (100**2 + 150**2 + C1)
    assert ssim(a, b, np.ones((20, 30), np.bool_)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("height", [60, 256, 600])  # fewer rows than a band, exactly one, and several
def test_every_pixel_is_what_torchmetrics_says(height: int) -> None:
    a = grainy(height, 70)
    b = noisier(a)
    pictures = [torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float64)) for image in (a, b)]
    _, theirs = structural_similarity_index_measure(*pictures, data_range=255.0, return_full_image=True)
    assert np.abs(theirs[0].mean(0).numpy() - ssim_map(a, b)).max() < 1e-6


def test_pixels_away_from_the_edge_are_what_scikit_image_says() -> None:
    """It mirrors the edge in another way."""
    a = grainy(90, 80)
    b = noisier(a)
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    _, theirs = structural_similarity(a, b, channel_axis=2, full=True, **how)
    assert np.abs(theirs.mean(axis=2) - ssim_map(a, b))[5:-5, 5:-5].max() < 1e-6


def test_a_change_is_felt_five_pixels_around_and_no_further() -> None:
    a = grainy(40, 50)
    b = a.copy()
    b[20, 25] = 255 - b[20, 25]
    changed = ssim_map(a, b) < 1
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (15, 25, 20, 30)


def test_hole_and_outside_are_averaged_apart() -> None:
    truth = grainy(60, 80)
    hole = np.zeros((60, 80), np.bool_)
    hole[20:40, 30:50] = True
    result = np.where(hole[..., None], noisier(truth), truth)
    grown = np.zeros_like(hole)
    grown[12:48, 22:58] = True
    assert ssim(result, truth, hole) < 0.98
    assert ssim(result, truth, ~grown) == 1
    assert psnr(result, truth, hole) == pytest.approx(22, abs=1.5)
    assert psnr(result, truth, ~grown) == np.inf


@given(st.integers(0, 1000), st.integers(1, 14), st.integers(1, 14))
def test_order_does_not_matter_and_nothing_is_above_one(seed: int, height: int, width: int) -> None:
    a, b = grainy(height, width, seed), grainy(height, width, seed + 1)
    there, back = ssim_map(a, b), ssim_map(b, a)
    assert np.allclose(there, back, atol=1e-6)
    assert (np.abs(there) <= 1 + 1e-6).all()
    assert np.allclose(ssim_map(a, a), 1)


@pytest.mark.parametrize("other", [grainy(5, 8), grainy(6, 8).astype(np.float32)])
def test_what_cannot_be_compared_is_refused(other: Image) -> None:
    with pytest.raises(InputError):
        ssim_map(grainy(6, 8), other)
    with pytest.raises(InputError):
        ssim(grainy(6, 8), grainy(6, 8), np.zeros((6, 8), np.bool_))
