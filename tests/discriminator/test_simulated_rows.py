"""Removals and rows: nothing outside the mask changes, everything repeats, and the dataset's reader takes them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skimage")

from rorem_demo.discriminator.examples import read_examples
from rorem_demo.discriminator.simulated import labels
from rorem_demo.discriminator.simulated.__main__ import main
from rorem_demo.discriminator.simulated.composites import PHOTOS, composites, cutout, excerpt, photo, piece
from rorem_demo.discriminator.simulated.layouts import SIZES
from rorem_demo.discriminator.simulated.pairs import Pair
from rorem_demo.discriminator.simulated.photos import removed_by_migan, true_rows
from rorem_demo.discriminator.simulated.places import photo_pairs
from rorem_demo.discriminator.simulated.removals import AS_THEY_ARE, EASY, EASY_METHODS, METHODS
from rorem_demo.discriminator.simulated.rows import answered, said, subject_of, write
from rorem_demo.discriminator.simulated.textures import TEXTURES
from rorem_demo.discriminator.splits import split_of
from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import digest
from rorem_demo.imaging.types import size_of

pytestmark = pytest.mark.slow

QUICK = sorted({**METHODS, **EASY_METHODS}.keys() - {"shift-map", "shift-map-soft", "shift-map-tinted"})
ALL = {**METHODS, **EASY_METHODS}


def pairs(number: int = 0) -> list[Pair]:
    return list(photo_pairs(np.random.default_rng(number), number))


@pytest.mark.parametrize("name", PHOTOS)
def test_an_excerpt_is_in_colour_and_of_a_size_of_scenes(name: str) -> None:
    part = excerpt(np.random.default_rng(0), photo(name))
    assert part.dtype == np.uint8
    assert size_of(part) in SIZES


def test_a_composite_is_its_background_but_for_the_thing_and_its_shadow() -> None:
    for pair in pairs():
        assert np.array_equal(pair.source[~pair.effects].shape, pair.truth[~pair.effects].shape)
        off = np.abs(pair.source.astype(int) - pair.truth).mean(axis=2)
        assert off[pair.thing].mean() > 10 * off[~pair.effects].mean()
        assert (pair.thing <= pair.effects).all()


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_composite_falls_into_the_split_of_its_background(split: str) -> None:
    chance = np.random.default_rng(1)
    background = excerpt(chance, photo("coffee"))
    made = list(composites(chance, [background] * 3, [piece(chance, background)], "here", split))  # type: ignore[arg-type]
    assert len(made) == 3
    assert {split_of(digest(pair.source)) for pair in made} == {split}
    assert {pair.place for pair in made} == {"here"}


def test_a_cutout_holds_the_thing_and_little_else() -> None:
    pair = pairs()[0]
    one = cutout(pair.source, pair.thing)
    assert one.colours.shape[:2] == one.form.shape
    assert float(one.form.sum()) == pytest.approx(np.count_nonzero(pair.thing), rel=0.2)


@pytest.mark.parametrize("key", QUICK)
def test_a_method_leaves_alone_what_is_not_marked_and_repeats(key: str) -> None:
    pair = pairs()[0]
    first, again = (ALL[key](pair, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert np.array_equal(first.image[~first.mask], pair.source[~first.mask])
    assert 0 <= first.severity <= 1
    assert first.mask.any()
    assert not first.mask.all()


@pytest.mark.parametrize("key", EASY_METHODS)
def test_nobody_accepts_an_easy_negative(key: str) -> None:
    assert key.startswith(EASY)
    for pair in pairs(1):
        removed = ALL[key](pair, np.random.default_rng(0))
        found = labels.faults(pair.source, pair.truth, removed.image, pair.thing, removed.mask | pair.effects)
        assert found.yes < 0.2


def quick_rows(seed: int = 0) -> list:
    chance = np.random.default_rng(seed)
    made = ((pair, key) for pair in pairs(seed) for key in QUICK[:4])
    return [row for pair, key in made for row in answered(pair, key, ALL[key](pair, chance), chance)]


def test_rows_are_simulated_and_say_how_they_were_labelled() -> None:
    for rating, _ in quick_rows():
        assert rating.origin == "simulated"
        assert rating.revision == f"rule-{labels.VERSION}"
        notes = json.loads(rating.options)
        assert labels.LAPSE <= notes["yes"] <= 1 - labels.LAPSE
        assert notes["place"].startswith("photo-")


def test_three_raters_answer_for_each_result_and_the_first_row_has_its_pictures() -> None:
    rows = quick_rows()
    assert [rating.rater for rating, _ in rows] == ["simulated-1", "simulated-2", "simulated-3"] * (len(rows) // 3)
    assert [pictures is not None for _, pictures in rows] == [True, False, False] * (len(rows) // 3)
    assert len({rating.result for rating, _ in rows}) == len(rows) // 3
    assert len({rating.receipt for rating, _ in rows}) == len(rows)


def test_raters_agree_as_often_as_the_rule_says() -> None:
    pair = pairs()[0]
    subject = subject_of(pair, "truth", ALL["truth"](pair, np.random.default_rng(0)), "{}", "")
    asked = [replace(subject, result=f"{number:064x}") for number in range(400)]
    for yes in (0.02, 0.5, 0.98):
        others = [[rating.label for rating in said(each, 1, yes)][1:] for each in asked]
        assert np.mean(others) == pytest.approx(yes, abs=0.06)
        assert {len(each) for each in others} == {labels.RATERS - 1}


def test_the_same_seed_is_the_same_bytes_and_the_reader_takes_every_row(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written = [rating for ratings in write(quick_rows(), tmp_path / name, shard=3) for rating in ratings]
    files = {path.relative_to(tmp_path / "one"): path for path in (tmp_path / "one").rglob("*.parquet")}
    assert len(files) == -(-len(written) // 3)
    for relative, path in files.items():
        assert path.read_bytes() == (tmp_path / "two" / relative).read_bytes()
    examples = read_examples(str(tmp_path / "one"))
    assert len(examples) == len(written) // labels.RATERS
    assert {example.ratings for example in examples} == {labels.RATERS}
    assert {example.method for example in examples} == set(QUICK[:4])
    assert {example.origin for example in examples} == {"simulated"}
    assert {round(labels.RATERS * example.label, 5) for example in examples} <= set(range(labels.RATERS + 1))


def test_a_row_that_comes_twice_is_kept_once(tmp_path: Path) -> None:
    rows = quick_rows()
    [ratings] = write([*rows, *rows], tmp_path)
    assert len(ratings) == len(rows)


def test_a_folder_that_holds_something_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["--output", str(tmp_path), "--scenes", "1"]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_photos_that_are_not_there_are_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pairs_highway is missing"):
        next(true_rows(tmp_path))
    with pytest.raises(InputError, match="migan"):
        next(removed_by_migan(tmp_path))


def test_every_method_yields_results_to_accept_and_results_to_reject() -> None:
    chance = np.random.default_rng(0)
    truths = [TEXTURES[name](chance) for name in ("plaster", "earth", "grass", "bricks") for _ in range(4)]
    things = [piece(chance, photo("coffee")) for _ in range(4)]
    shares: dict[str, list[float]] = defaultdict(list)
    for pair in composites(chance, truths, things, "textures", "train"):
        for key, method in METHODS.items():
            removed = method(pair, chance)
            found = labels.faults(pair.source, pair.truth, removed.image, pair.thing, removed.mask | pair.effects)
            shares[key].append(found.yes)
    poor = {key: np.round(found, 2) for key, found in shares.items() if max(found) < 0.5 or min(found) > 0.5}
    assert not poor


def test_real_pairs_are_labelled_by_the_same_rule(photos: Path) -> None:
    ratings = [rating for rating, _ in true_rows(photos, most=2)]
    assert len({rating.source for rating in ratings}) == 4
    assert {rating.origin for rating in ratings} == {"simulated"}
    assert {rating.licence for rating in ratings} == {"for evaluation only"}


def test_results_of_migan_have_no_label(photos: Path) -> None:
    found = removed_by_migan(photos)
    triplets = [next(found) for _ in range(1 + len(AS_THEY_ARE))]
    assert [triplet.subject.method for triplet in triplets] == ["migan", *AS_THEY_ARE]
    assert {triplet.label for triplet in triplets} == {None}
    assert len({triplet.subject.source for triplet in triplets}) == 1
