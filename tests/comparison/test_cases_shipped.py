"""The ready cases that come with the program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rorem_demo.comparison.cases import CaseSet, read_cases
from rorem_demo.imaging.masks import grow
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.erase import count_changed
from rorem_demo.settings import Settings
from tests.comparison.case_sets import whole

ASSETS = Path(__file__).parents[2] / "assets"
MOST_BYTES = 4_000_000
AROUND = 8


@pytest.fixture(scope="module")
def shipped() -> CaseSet:
    place = Settings().cases
    assert place == ASSETS / "cases"
    return read_cases(place)


def test_the_shipped_set_is_sound_and_every_picture_is_what_it_says(shipped: CaseSet) -> None:
    assert shipped.broken == 0
    assert len(shipped.cases) >= 12
    whole(shipped)


def test_the_shipped_set_is_small_and_holds_nothing_else(shipped: CaseSet) -> None:
    files = [path for path in (ASSETS / "cases").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    pictures = sum(2 + bool(case.truth) + len(case.results) for case in shipped.cases.values())
    assert len(files) == pictures + len(shipped.cases)


def test_every_shipped_case_says_whose_it_is_and_has_the_methods_that_run_without_weights(shipped: CaseSet) -> None:
    plain = [spec.key for spec in REMOVERS if not spec.weights]
    for case in shipped.cases.values():
        assert case.title
        assert case.credit
        assert case.licence in {"CC0-1.0", "public domain"}
        assert [result.method for result in case.results] == plain
        for result in case.results:
            assert result.changed_outside == 0
            assert result.score is not None
            assert (result.title, result.licence) == (REMOVERS[result.method].title, REMOVERS[result.method].licence)


def test_shipped_truths_equal_the_photo_outside_the_mask_and_differ_inside(shipped: CaseSet) -> None:
    known = [case for case in shipped.cases.values() if case.truth]
    assert len(known) >= 8
    for case in known:
        source, mask, truth = case.source(), case.mask(), case.true_image()
        assert count_changed(source, truth, ~grow(mask, AROUND)) == 0
        assert count_changed(source, truth, mask) > 0.5 * np.count_nonzero(mask)


def test_shipped_masks_mark_one_thing_each_and_not_the_whole_photo(shipped: CaseSet) -> None:
    for case in shipped.cases.values():
        assert 0.002 < case.facts.pixels / case.size.area < 0.2
        assert len(case.facts.boxes) <= 2


def test_no_shipped_picture_carries_metadata() -> None:
    for path in (ASSETS / "cases").rglob("*.*"):
        data = path.read_bytes()
        assert b"Exif" not in data
        assert b"tEXt" not in data
