"""Bands: each score falls into one, and what does not fit together is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.curation.recipe import Bands
from rorem_demo.curation.work import as_prediction
from rorem_demo.errors import ConfigError, UnavailableError
from tests.curation.rendered import recipe

pytestmark = pytest.mark.slow

SHARES = st.floats(0, 1)


@given(st.tuples(SHARES, SHARES, SHARES).map(sorted), SHARES)
def test_what_is_accepted_and_what_is_unsure_lie_where_they_were_asked_for(cuts: list[float], score: float) -> None:
    bands = Bands(low=cuts[0], high=cuts[1], accept=cuts[2])
    found = bands.of(score)
    assert (found == "accepted") == (score >= cuts[2])
    if found != "accepted":
        assert (found == "unsure") == (cuts[0] <= score < cuts[1])


def test_the_unsure_middle_reaches_from_a_third_to_what_is_accepted_unless_asked() -> None:
    assert Bands.asked(0.9, None) == Bands(accept=0.9, low=0.3, high=0.9)
    assert Bands.asked(0.2, None) == Bands(accept=0.2, low=0.2, high=0.2)
    assert Bands.asked(0.9, " .4..0.75 ") == Bands(accept=0.9, low=0.4, high=0.75)


@pytest.mark.parametrize(
    ("accept", "unsure"),
    [(0.9, "0.3-0.9"), (0.9, "0.3..0.95"), (0.9, "0.8..0.3"), (1.5, None), (-0.1, None), (float("nan"), None)],
)
def test_bands_that_cannot_be_are_refused(accept: float, unsure: str | None) -> None:
    with pytest.raises(ConfigError):
        Bands.asked(accept, unsure)


@given(SHARES)
def test_a_score_is_never_taken_for_an_answer(score: float) -> None:
    found = as_prediction(score)
    assert 0 < found < 1
    assert abs(found - score) <= 1.0001e-6


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(UnavailableError, match="no number"):
        as_prediction(float("nan"))


def test_a_judge_without_a_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="no version"):
        recipe(Path("x"), judge="")
