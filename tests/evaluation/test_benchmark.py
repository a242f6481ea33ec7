"""The benchmark, on pictures small enough to be quick."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from rorem_demo.evaluation.benchmark import (
    LARGE,
    OVERHEAD,
    SHARES,
    SMALL,
    Speed,
    centred_mask,
    measured_speeds,
    textured,
)
from rorem_demo.imaging.types import Image, Mask, Size
from rorem_demo.removers.base import Cost, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.services import Services
from rorem_demo.settings import Settings


class Grey:
    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(1.0, np.full_like(image, 128))


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Grey:
    return Grey()


def row(
    key: str, preselected: Literal["anywhere", "with a GPU"] = "anywhere", packages: tuple[str, ...] = ()
) -> RemoverSpec:
    return RemoverSpec(
        key=key,
        title=key,
        summary="",
        loader=f"{__name__}:load",
        licence="",
        source="",
        cost=Cost(memory_gb=0, fixed_seconds=0),
        preselected=preselected,
        packages=packages,
    )


def test_a_row_per_cpu_method_that_runs_here_and_per_mask() -> None:
    rows = (
        row("grey"),
        row("on-gpu", "with a GPU"),
        row("absent", packages=("no_such_package",)),
    )
    services = Services.assemble(Settings(), Catalog(*rows))
    speeds = list(measured_speeds(services, repeats=2, small=Size(80, 60), large=Size(160, 120), shares=(0.01, 0.1)))
    assert [(speed.method, speed.share) for speed in speeds] == [
        (OVERHEAD, 0.01),
        (OVERHEAD, 0.1),
        ("grey", 0.01),
        ("grey", 0.1),
    ]
    assert all(speed.small_seconds > 0 and speed.ratio > 0 for speed in speeds)


def test_ratio_is_large_over_small() -> None:
    assert Speed(method="grey", share=0.1, small_seconds=2, large_seconds=6).ratio == 3


def test_sizes_are_1_and_12_megapixels_of_one_shape() -> None:
    assert SMALL.megapixels == pytest.approx(1, abs=0.01)
    assert LARGE.megapixels == 12
    assert SMALL.width / SMALL.height == pytest.approx(LARGE.width / LARGE.height, abs=0.01)


def test_the_picture_is_the_same_every_time_and_another_with_another_seed() -> None:
    assert np.array_equal(textured(Size(90, 60)), textured(Size(90, 60)))
    assert not np.array_equal(textured(Size(90, 60)), textured(Size(90, 60), seed=1))


def test_the_picture_has_texture_everywhere() -> None:
    image = textured(Size(400, 300))
    blocks = image[:300, :400].reshape(6, 50, 8, 50, 3)
    assert blocks.std(axis=(1, 3)).min() > 3


@pytest.mark.parametrize("share", SHARES)
def test_masks_cover_their_share(share: float) -> None:
    assert centred_mask(Size(400, 300), share).mean() == pytest.approx(share, rel=0.05)
