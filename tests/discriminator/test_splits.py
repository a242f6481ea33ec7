"""Splits: of the photo alone, for good."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.discriminator.splits import part_of, split_of
from tests.discriminator.rated import listed, shown
from tests.feedback.strategies import Store, hashes, sha256


def test_these_photos_stay_where_they_are() -> None:
    """Another answer would show a published model's training photos to its judge."""
    first = {}
    for number in range(60):
        first.setdefault(split_of(sha256(b"%d" % number)), number)
    assert first == {"train": 0, "validation": 7, "test": 10}


def test_eight_tenths_are_learned_from() -> None:
    counts = Counter(split_of(sha256(b"%d" % number)) for number in range(20_000))
    assert 15_700 < counts["train"] < 16_300
    assert 1_800 < counts["validation"] < 2_200
    assert 1_800 < counts["test"] < 2_200


@settings(max_examples=100, deadline=None)
@given(hashes(), st.sampled_from("abc"), st.sets(st.sampled_from("abc")))
def test_a_held_out_methods_photos_are_never_learned_from(photo: str, method: str, held_out: set[str]) -> None:
    part = part_of(photo, method, held_out)
    if method not in held_out:
        assert part == split_of(photo)
    else:
        assert part == ("unused" if split_of(photo) == "train" else "held-out")


def test_all_results_of_a_photo_are_in_one_part_and_every_result_in_one() -> None:
    store = Store()
    rows = [
        shown(store, number, photo=number // 3, method="new" if number % 3 == 0 else "old") for number in range(120)
    ]
    examples = listed(*rows)
    names = ("train", "validation", "test", "held-out", "unused")
    parts = {name: examples.part(name, held_out=("new",)) for name in names}
    assert sum(map(len, parts.values())) == len(examples) == 120
    photos = {name: {example.photo for example in part} for name, part in parts.items()}
    assert not photos["train"] & (photos["validation"] | photos["test"] | photos["held-out"])
    assert not photos["validation"] & photos["test"]
    assert photos["unused"] == photos["train"]
    assert photos["held-out"] == photos["validation"] | photos["test"]
    assert {example.method for example in parts["held-out"]} == {"new"}


def test_a_larger_dataset_moves_no_photo() -> None:
    store = Store()
    rows = [shown(store, number) for number in range(40)]
    small, large = listed(*rows[:20]), listed(*rows)
    for name in ("train", "validation", "test"):
        assert {one.key for one in small.part(name)} <= {one.key for one in large.part(name)}
