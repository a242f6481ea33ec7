"""Which answers count: each rule, every row counted once, and never their order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.discriminator.examples import examples_of
from rorem_demo.discriminator.ledger import REASONS
from rorem_demo.discriminator.ratings_filter import DROPPED, FILTER, weight_of
from rorem_demo.feedback.records import PictureFiles, Rating
from tests.discriminator.rated import Listed, listed, of, row_of

SHARED = PictureFiles(source="1", mask="2", result="3")


def shared(number: int, **changes: object) -> Rating:
    return replace(of(number, **changes), files=SHARED)


def test_a_row_with_pictures_is_an_example() -> None:
    [example] = listed(shared(1))
    assert (example.label, example.weight, example.ratings, example.truth) == (1.0, 1.0, 1, 1)
    assert (example.method, example.origin, example.photo) == ("shift-map", "app", shared(1).source)
    assert example.mask_fraction == pytest.approx(1200 / (640 * 480))


def test_a_row_without_pictures_borrows_those_of_the_same_result() -> None:
    examples = listed(shared(1, result=7), of(2, result=7), of(3))
    [example] = examples
    assert (example.label, example.ratings) == (0.5, 2)
    assert example.truth is None
    assert examples.counts == {"read": 3, "used": 2, "without-pictures": 1}


def test_the_same_pixels_under_another_mask_are_another_result() -> None:
    examples = listed(shared(1, result=7), shared(2, result=7, mask="f" * 64))
    assert [example.ratings for example in examples] == [1, 1]


def test_a_taken_back_row_gives_neither_answer_nor_pictures() -> None:
    first = shared(1, result=7)
    examples = listed(first, of(2, result=7), gone=(first.receipt,))
    assert len(examples) == 0
    assert examples.counts == {"read": 2, "used": 0, "tombstoned": 1, "without-pictures": 1}


def test_only_the_last_answer_of_a_receipt_counts_even_where_one_between_is_lost() -> None:
    kept = {"result": 7, "receipt": "r"}
    first = shared(1, label=0, **kept)
    third = shared(3, label=1, supersedes=of(2).id, **kept)
    examples = listed(first, third)
    assert [example.label for example in examples] == [1.0]
    assert examples.counts["superseded"] == 1


def test_pictures_that_are_shared_no_more_are_not_used() -> None:
    kept = {"result": 7, "receipt": "r"}
    first, second = shared(1, **kept), of(2, supersedes=of(1).id, **kept)
    assert listed(first, second).counts == {"read": 2, "used": 0, "superseded": 1, "without-pictures": 1}


def test_nobody_supersedes_what_is_not_theirs() -> None:
    assert listed(shared(1), shared(2, supersedes=of(1).id)).counts["used"] == 2


def test_a_later_answer_that_is_flagged_does_not_bring_the_earlier_one_back() -> None:
    kept = {"result": 7, "receipt": "r"}
    examples = listed(shared(1, **kept), shared(2, flags=("too-fast",), supersedes=of(1).id, **kept))
    assert examples.counts == {"read": 2, "used": 0, "superseded": 1, "too-fast": 1}


def test_a_row_that_is_there_twice_counts_once_and_with_its_pictures() -> None:
    examples = listed(of(1), shared(1))
    assert examples.counts == {"read": 2, "used": 1, "twice": 1}


@pytest.mark.parametrize("what", [{"method": "b"}, {"origin": "simulated"}, {"rater": "b"}, {"mask_pixels": 9}])
def test_which_of_two_rows_of_one_id_counts_hangs_on_no_order(what: dict[str, Any]) -> None:
    rows = [shared(1), shared(1, **what), shared(2, method="a", rater="a")]
    one, other = (listed(*order, aggregation="dawid-skene") for order in (rows, rows[::-1]))
    assert list(one) == list(other)
    assert one.counts == {"read": 3, "used": 2, "twice": 1}


@pytest.mark.parametrize("flag", DROPPED)
def test_dropped_flags_are_counted_by_name(flag: str) -> None:
    assert listed(shared(1, flags=(flag,)), shared(2)).counts == {"read": 2, "used": 1, flag: 1}


def test_a_flagged_rows_pictures_may_still_be_lent() -> None:
    [example] = listed(shared(1, result=7, label=0, flags=("too-fast",)), of(2, result=7, label=1))
    assert (example.label, example.ratings) == (1.0, 1)


def test_version_1_of_the_filter_is_this() -> None:
    assert FILTER == 1
    told = {
        ((), "app"): 1,
        (("too-fast",), "app"): 0,
        (("pictures-rejected",), "app"): 0,
        (("pictures-damaged",), "annotate"): 0,
        (("repeated",), "app"): 0.5,
        (("many",), "app"): 0.5,
        (("many", "repeated"), "app"): 0.25,
        (("many",), "annotate"): 1,
        (("unheard-of",), "app"): 1,
    }
    assert {case: weight_of(*case) for case in told} == told


def test_doubtful_answers_weigh_half_beside_others_and_alone() -> None:
    doubted = {"result": 7, "flags": ("repeated",)}
    [example] = listed(shared(1, **doubted, label=1), of(2, result=7, label=0))
    assert example.label == pytest.approx(1 / 3)
    assert example.weight == 1
    assert listed(shared(1, **doubted))[0].weight == 0.5


def test_origins_that_were_not_asked_for_are_left_out_and_may_lend_pictures() -> None:
    examples = listed(
        shared(1, result=7, origin="simulated"), of(2, result=7), shared(3, origin="simulated"), origins=("app",)
    )
    assert [example.origin for example in examples] == ["app"]
    assert examples.counts == {"read": 3, "used": 1, "other-origin": 2}


NUMBERS = st.integers(0, 4)
RATINGS = st.builds(
    lambda number, result, files, changes: replace(of(number, result=result, **changes), files=files),
    st.integers(0, 20),
    NUMBERS,
    st.sampled_from((None, SHARED)),
    st.fixed_dictionaries(
        {
            "label": st.sampled_from((0, 1)),
            "rater": st.sampled_from("abc"),
            "method": st.sampled_from(("zz", "aa", "mm")),
            "origin": st.sampled_from(("app", "simulated", "annotate")),
            "flags": st.sampled_from(((), (), (), ("too-fast",), ("repeated",), ("many", "repeated"))),
            "receipt": NUMBERS.map(str),
            "supersedes": st.just("") | st.integers(0, 20).map(lambda number: of(number).id),
        }
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(RATINGS, max_size=25), st.data(), st.sampled_from(("majority", "dawid-skene")))
def test_the_order_of_rows_changes_nothing(ratings: list[Rating], data: st.DataObject, how: str) -> None:
    mixed = data.draw(st.permutations(ratings))
    one, other = (listed(*rows, gone=("4",), aggregation=how) for rows in (ratings, mixed))
    assert list(one) == list(other)
    assert one.counts == other.counts
    assert one.methods == other.methods
    assert one.lineage() == other.lineage()


@settings(max_examples=60, deadline=None)
@given(st.lists(RATINGS, max_size=25))
def test_every_row_is_counted_once_and_no_deleted_one_is_used(ratings: list[Rating]) -> None:
    examples = listed(*ratings, gone=("4", "3"))
    counts = dict(examples.counts)
    assert counts.pop("read") == sum(counts.values()) == len(ratings)
    assert set(counts) <= set(REASONS)
    assert sum(example.ratings for example in examples) == counts["used"]
    allowed = {one.result for one in ratings if one.receipt not in {"3", "4"}}
    assert {example.photo for example in examples} <= {one.source for one in ratings if one.result in allowed}


def test_digests_that_end_in_zero_bytes_stay_whole() -> None:
    photo = "ab" * 31 + "00"
    [example] = listed(shared(1, source=photo))
    assert example.photo == photo
    assert len(example.key) == 64


def test_what_cannot_be_read_is_counted_beside() -> None:
    source = Listed(("malformed", row_of(shared(1)), "malformed"))
    examples = examples_of(source, aggregation="majority", origins=None)
    assert examples.counts == {"read": 3, "used": 1, "malformed": 2}


def test_dawid_skene_believes_those_who_bear_each_other_out_and_leaves_single_answers_alone() -> None:
    rows = []
    for result in range(20):
        truth = result % 2
        rows += [
            shared(10 * result + rater, result=result, rater=str(rater), label=truth if rater < 2 else 1)
            for rater in range(5)
        ]
    alone = shared(999, label=0, rater="4")
    examples = {how: listed(*rows, alone, aggregation=how) for how in ("majority", "dawid-skene")}
    no = of(0, result=0).source
    by = {how: {one.photo: one for one in found} for how, found in examples.items()}
    assert by["majority"][no].truth == 1  # three who always say yes against two
    assert by["dawid-skene"][no].truth == 0
    assert by["dawid-skene"][alone.source].label == 0
    assert np.all((examples["dawid-skene"].labels >= 0) & (examples["dawid-skene"].labels <= 1))
