"""The Arena: who is shown which two results, and what is kept of their votes. The store is the real one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.comparison import gold
from rorem_demo.comparison.arena import Arena, Issued, Nothing, Revealed
from rorem_demo.comparison.arena_views import Gallery, Views, views_of
from rorem_demo.comparison.cases import CaseSet, read_cases
from rorem_demo.comparison.policy import POLICY
from rorem_demo.comparison.rounds import Pixels
from rorem_demo.comparison.rounds_own import OwnPair
from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import digest
from rorem_demo.feedback.records import CHOICES, Choice, Verdict, Vote
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Size
from rorem_demo.removers.base import RemovalOptions
from rorem_demo.removers.erase import finish
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.tickets import LIFETIME, GoneError
from rorem_demo.visits import OpenedMask, OpenedPhoto
from tests.comparison.case_sets import HEIGHT, WIDTH, Counted, built, pictures, write_photos

LEFT = Verdict(choice="left")
METHODS = ("alpha", "beta", "gamma")


class Fixed(Random):
    """Draws gold items or none; all else by its seed."""

    def __init__(self, seed: int, *, checks: bool) -> None:
        super().__init__(seed)
        self.checks = checks

    def random(self) -> float:
        return 0.0 if self.checks else 0.5 + super().random() / 2


class Bench:
    """An Arena over a set of cases, and visitors who vote."""

    def __init__(self, path: Path, cases: CaseSet, *, checks: bool = False, chance: Random | None = None) -> None:
        self.services = Services.assemble(Settings(data=path / "data", ratings_per_minute=10_000))
        self.now, self.cases = 0.0, cases
        self.arena = Arena(
            self.services.judging,
            lambda: self.cases,
            lambda: None,
            chance=chance or Fixed(1, checks=checks),
            clock=lambda: self.now,
        )

    def next(self, visit: str = "anna", *holding: str) -> Issued:
        found = self.arena.next(visit, holding)
        assert isinstance(found, Issued), found
        return found

    def vote(self, key: str, choice: Choice = "left", visit: str = "anna", **said: Any) -> Revealed:
        return self.arena.vote(key, Verdict(choice=choice, **said), visit=visit, address="10.0.0.1")

    @property
    def rows(self) -> list[Vote]:
        return [held.record for held in self.services.judging.desk.store.each(Vote)]

    @property
    def refused(self) -> dict[str, int]:
        return self.services.judging.desk.status().refused


Make = Callable[..., Bench]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases with results of three methods and the truth."""
    path = tmp_path_factory.mktemp("cases")
    photos = write_photos(path / "photos", 3, truths=True)
    methods = [Counted(key=key, level=60 + 70 * at, title=key.title()) for at, key in enumerate(METHODS)]
    built(photos, path / "set", *methods)
    return path / "set"


@pytest.fixture
def make(tmp_path: Path, folder: Path) -> Iterator[Make]:
    made: list[Bench] = []

    def bench(cases: CaseSet | None = None, **given_: Any) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), cases or read_cases(folder), **given_))
        return made[-1]

    yield bench
    for one in made:
        one.services.close(0.0)


# --- what is shown ------------------------------------------------------------------------------------------------


def test_nobody_is_shown_the_same_pair_of_the_same_case_twice(make: Make) -> None:
    bench, shown = make(), set()
    for _ in range(9):
        told = bench.vote(bench.next().key)
        shown.add((*sorted(told.methods), bench.rows[-1].case))
    assert len(shown) == 9
    assert bench.arena.next("anna") == Nothing("You have seen every pair that is here. Thank you.", empty=False)
    assert isinstance(bench.arena.next("bert"), Issued), "another visitor begins anew"


def test_pairs_are_judged_equally_often(make: Make) -> None:
    bench = make()
    for visit in "abcdefg":
        for _ in range(3):
            bench.vote(bench.next(visit).key, visit=visit)
    counts = Counter(tuple(sorted((row.left_method, row.right_method))) for row in bench.rows)
    assert set(counts.values()) == {7}


def test_each_method_is_on_either_side_about_equally_often(make: Make) -> None:
    bench = make(chance=Random(4))
    sides: Counter[str] = Counter()
    for visit in range(40):
        for _ in range(2):
            bench.vote(bench.next(str(visit)).key, visit=str(visit))
    sides.update(row.left_method for row in bench.rows)
    assert set(sides) == set(METHODS)
    left = sum(row.left_method < row.right_method for row in bench.rows)
    assert 25 < left < 55


def test_what_was_open_before_a_reload_comes_again_after_all_others(make: Make) -> None:
    bench = make()
    lost = bench.next()
    for _ in range(8):
        bench.vote(bench.next().key)
    again = bench.next()
    assert again.key != lost.key
    bench.vote(again.key)
    assert len({(row.case, frozenset((row.left_method, row.right_method))) for row in bench.rows}) == 9
    assert isinstance(bench.arena.next("anna"), Nothing)


def test_what_the_page_still_has_open_does_not_come_again(make: Make) -> None:
    bench = make()
    for _ in range(8):
        bench.vote(bench.next().key)
    last = bench.next()
    assert isinstance(bench.arena.next("anna", [last.key]), Nothing)
    assert isinstance(bench.arena.next("anna", ["forged"]), Issued)


def test_results_that_do_not_differ_are_no_pair(tmp_path: Path, make: Make) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    built(photos, tmp_path / "set", Counted(key="one"), Counted(key="same"))
    found = make(read_cases(tmp_path / "set")).arena.next("anna")
    assert found == Nothing("No ready case with two results is here yet.", empty=True)


def test_without_cases_there_is_nothing_for_anybody(make: Make) -> None:
    assert make(CaseSet(cases={}, version="")).arena.next("anna") == Nothing(
        "No ready case with two results is here yet.", empty=True
    )


def test_a_case_with_a_broken_picture_is_left_out_and_told_in_the_log(
    tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    built(photos, tmp_path / "set", *(Counted(key=key, level=60 + 70 * at) for at, key in enumerate(METHODS)))
    cases = read_cases(tmp_path / "set")
    (tmp_path / "set" / "case-0" / "alpha.png").write_bytes(b"no picture")
    bench = make(cases)
    for _ in range(3):
        bench.vote(bench.next().key)
    assert isinstance(bench.arena.next("bert"), Issued)
    assert {row.case for row in bench.rows} <= {"case-0", "case-1"}
    for visit in "cdefghij":
        for _ in range(3):
            bench.next(visit)
    assert "case-0 is left out of the Arena" in caplog.text


def test_cases_that_change_are_drawn_from_as_they_are_now(make: Make) -> None:
    bench = make()
    first = bench.next()
    bench.cases = CaseSet(cases={}, version="")
    assert isinstance(bench.arena.next("anna"), Nothing)
    bench.vote(first.key)
    assert len(bench.rows) == 1


# --- pictures -----------------------------------------------------------------------------------------------------


def decoded(data: bytes) -> Any:
    with PIL.Image.open(BytesIO(data)) as picture:
        return np.array(picture), dict(picture.info), picture.size, getattr(picture, "quantization", None)


def test_both_pictures_come_from_one_encoder_in_one_size_and_say_nothing_else(make: Make) -> None:
    bench = make()
    key = bench.next().key
    (left, left_info, left_size, left_tables), (right, right_info, right_size, right_tables) = (
        decoded(bench.arena.view(key, side)) for side in ("left", "right")
    )
    assert left_size == right_size == (WIDTH, HEIGHT)
    assert left_info == right_info
    assert left_tables == right_tables
    assert not np.array_equal(left, right)
    assert set(left_info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_the_source_has_an_outline_around_what_was_to_go_and_not_on_it(make: Make) -> None:
    bench = make()
    issued = bench.next()
    bench.vote(issued.key)
    source, mask, _ = pictures(int(bench.rows[0].case[-1]))
    shown, *_ = decoded(bench.arena.view(issued.key, "source"))
    changed = np.abs(shown.astype(int) - source).max(axis=2)
    assert np.median(changed[mask]) < 10
    assert (changed > 60).sum() > 40


def test_a_large_photo_is_shown_smaller_and_all_three_alike() -> None:
    image = np.zeros((1000, 4000, 3), np.uint8)
    mask = np.zeros((1000, 4000), np.bool_)
    mask[500, 2000] = True
    views = views_of(Pixels(image, mask, image, image))
    assert views.size == Size(1280, 320)
    assert {decoded(data)[2] for data in (views.left, views.right, views.source)} == {(1280, 320)}
    assert views.left == views.right != views.source


def test_pictures_for_which_there_is_no_room_are_made_anew() -> None:
    gallery, made = Gallery(capacity=10), []

    def make_views(name: str) -> Views:
        made.append(name)
        return Views(b"1234", b"1234", b"1234", Size(1, 1))

    gallery.put("a", make_views("a"))
    gallery.put("b", make_views("b"))
    gallery.get("b", lambda: make_views("b"))
    gallery.get("a", lambda: make_views("a"))
    assert made == ["a", "b", "a"]


def test_where_something_was_to_go_is_told_and_nothing_of_the_methods(make: Make) -> None:
    issued = make().next()
    assert issued.spots == ((20, 10, 34, 24),)
    assert (issued.size, issued.photo, issued.own) == (Size(WIDTH, HEIGHT), Size(WIDTH, HEIGHT), False)
    assert not any(method in repr(issued) for method in METHODS)


# --- votes --------------------------------------------------------------------------------------------------------


def test_a_vote_says_everything_of_both_sides(make: Make) -> None:
    bench = make()
    issued = bench.next()
    told = bench.vote(issued.key, "right", reasons=("blurry",))
    (row,) = bench.rows
    source, mask, _ = pictures(int(row.case[-1]))
    assert (row.origin, row.choice, row.reasons, row.gold, row.policy) == ("app", "right", ("blurry",), "", POLICY)
    assert (row.source, row.mask, row.cases) == (digest(source), digest(mask), bench.cases.version)
    results = {result.method: result for result in bench.cases.cases[row.case].results}
    assert (row.left_result, row.right_result) == (results[row.left_method].digest, results[row.right_method].digest)
    assert (row.left_revision, row.left_options, row.left_device) == ("1", '{"seed": 0}', "cpu")
    assert (row.left_seconds, row.width, row.height, row.mask_pixels) == (0.25, WIDTH, HEIGHT, int(mask.sum()))
    assert told.methods == (row.left_method, row.right_method)
    assert (told.left.title, told.left.score, told.choice) == (row.left_method.title(), 0.75, "right")
    shown, *_ = decoded(bench.arena.view(issued.key, "left"))
    assert np.abs(shown[mask].astype(int) - (60 + 70 * METHODS.index(row.left_method))).mean() < 4, "sides are as shown"


def test_a_second_answer_gives_the_first_receipt_whatever_it_says(make: Make) -> None:
    bench = make()
    key = bench.next().key
    first, second = bench.vote(key, "left"), bench.vote(key, "both-bad")
    assert second.receipt.text == first.receipt.text
    assert second.choice == "left"
    assert [row.choice for row in bench.rows] == ["left"]


def test_a_double_click_is_one_vote(make: Make) -> None:
    bench = make()
    key = bench.next().key
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda _: bench.vote(key), range(8)))
    assert len({one.receipt.text for one in told}) == 1
    assert len(bench.rows) == 1


def test_a_forged_id_is_refused_and_counted(make: Make) -> None:
    bench = make()
    with pytest.raises(GoneError, match="no longer open"):
        bench.vote("forged")
    assert bench.refused == {"unknown": 1}
    with pytest.raises(GoneError):
        bench.arena.view("forged", "left")


def test_an_expired_round_is_refused_and_counted(make: Make) -> None:
    bench = make()
    key = bench.next().key
    bench.now = LIFETIME + 1
    with pytest.raises(GoneError):
        bench.vote(key)
    with pytest.raises(GoneError):
        bench.arena.view(key, "left")
    assert (bench.refused, bench.rows) == ({"unknown": 1}, [])


def test_another_visits_round_is_refused_and_counted(make: Make) -> None:
    bench = make()
    key = bench.next().key
    with pytest.raises(InputError, match="another page"):
        bench.vote(key, visit="bert")
    with pytest.raises(InputError, match="another page"):
        bench.arena.skip(key, "bert")
    assert (bench.refused, bench.rows) == ({"foreign": 2}, [])
    bench.vote(key)


def test_a_skipped_round_is_no_vote_and_takes_none(make: Make) -> None:
    bench = make()
    key = bench.next().key
    bench.arena.skip(key, "anna")
    with pytest.raises(GoneError, match="skipped"):
        bench.vote(key)
    assert (bench.refused, bench.rows) == ({"skipped": 1}, [])
    for _ in range(8):
        bench.vote(bench.next().key)
    assert isinstance(bench.arena.next("anna"), Nothing), "it does not come again"


def test_skipping_after_the_vote_changes_nothing(make: Make) -> None:
    bench = make()
    key = bench.next().key
    told = bench.vote(key)
    bench.arena.skip(key, "anna")
    assert bench.vote(key).receipt.text == told.receipt.text


def test_a_vote_that_could_not_be_kept_may_be_given_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make()
    key = bench.next().key
    with monkeypatch.context() as patched:
        patched.setattr(type(bench.services.judging.desk), "vote", refuse)
        with pytest.raises(InputError):
            bench.vote(key)
    bench.vote(key, "both-good")
    assert [row.choice for row in bench.rows] == ["both-good"]


def refuse(*_: object) -> None:
    raise InputError("Many answers came from here within a minute.", hint="Wait a minute, then go on.")


def test_after_a_vote_was_deleted_its_round_takes_no_other(make: Make) -> None:
    bench = make()
    key = bench.next().key
    told = bench.vote(key)
    desk = bench.services.judging.desk
    desk.delete(told.receipt.text, bench.services.judging.person("anna", "10.0.0.1"))
    with pytest.raises(InputError, match="No answer with this receipt"):
        bench.vote(key, "right")
    assert bench.rows == []


def test_a_vote_on_a_ready_case_shares_nothing(make: Make) -> None:
    bench = make()
    bench.vote(bench.next().key, "both-good", share=True)
    assert bench.rows[0].consent != "pictures"


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["next", "vote", "skip", "again"]), st.sampled_from(["anna", "bert"]), st.integers(0, 9)
        ),
        max_size=30,
    )
)
def test_whatever_is_clicked_there_is_at_most_one_vote_a_round(
    tmp_path_factory: pytest.TempPathFactory, folder: Path, clicks: list[tuple[str, str, int]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("clicks"), read_cases(folder), chance=Random(len(clicks)))
    rounds: list[tuple[str, str]] = []
    voted: dict[str, str] = {}
    skipped: set[str] = set()
    for what, visit, number in clicks:
        if what == "next" or not rounds:
            found = bench.arena.next(visit)
            rounds += [(found.key, visit)] if isinstance(found, Issued) else []
            continue
        key, owner = rounds[number % len(rounds)]
        if what == "skip":
            if owner == visit:
                bench.arena.skip(key, visit)
                skipped |= {key} - voted.keys()
            continue
        try:
            receipt = bench.vote(key, CHOICES[number % 4], visit).receipt.text
        except InputError:
            assert owner != visit or key in skipped
        else:
            assert owner == visit
            assert key not in skipped
            assert voted.setdefault(key, receipt) == receipt
    assert len(bench.rows) == len(voted)
    bench.services.close(0.0)


# --- gold items ---------------------------------------------------------------------------------------------------


def test_a_gold_item_is_the_photo_against_the_truth_and_not_before_the_third_round(make: Make) -> None:
    bench = make(checks=True)
    told = [bench.vote(bench.next().key) for _ in range(3)]
    assert [bool(one.check) for one in told] == [False, False, True]
    row = bench.rows[-1]
    source, _, truth = pictures(int(row.case[-1]))
    assert {row.left_method: row.left_result, row.right_method: row.right_result} == {
        gold.UNTOUCHED: digest(source),
        gold.TRUTH: digest(truth),
    }
    assert row.gold == ("left" if row.left_method == gold.TRUTH else "right")
    assert (row.left_revision, row.left_options, row.left_device) == ("", "{}", "")


def test_after_a_gold_item_it_is_said_gently_whether_the_answer_agrees(make: Make) -> None:
    assert "and you saw it" in gold.in_words("left", "left")
    assert "Our answer would be A" in gold.in_words("left", "both-good")
    assert "Our answer would be B" in gold.in_words("right", "left")
    bench = make(checks=True)
    told = [bench.vote(bench.next().key) for _ in range(3)][-1]
    assert {told.left.title, told.right.title} == set(gold.TITLES.values())


def test_gold_items_count_for_no_pair(make: Make) -> None:
    bench = make(checks=True)
    for _ in range(5):
        bench.vote(bench.next().key)
    assert sum(bool(row.gold) for row in bench.rows) == 3
    assert "the least 0" in bench.arena.about().policy, "two votes on three pairs"


def test_each_case_is_a_gold_item_once(make: Make) -> None:
    bench = make(checks=True)
    for _ in range(12):
        bench.vote(bench.next().key)
    golden = [row.case for row in bench.rows if row.gold]
    assert sorted(golden) == ["case-0", "case-1", "case-2"]
    assert isinstance(bench.arena.next("anna"), Nothing)


def test_about_one_round_in_twenty_is_a_gold_item() -> None:
    chance = Random(0)
    due = sum(gold.is_due(3, chance) for _ in range(10_000))
    assert 400 < due < 600
    assert not any(gold.is_due(number, chance) for number in (1, 2) for _ in range(1000))


def test_without_a_known_truth_there_are_no_gold_items(tmp_path: Path, make: Make) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    built(photos, tmp_path / "set", *(Counted(key=key, level=60 + 70 * at) for at, key in enumerate(METHODS)))
    bench = make(read_cases(tmp_path / "set"), checks=True)
    assert not any(bench.vote(bench.next().key).check for _ in range(6))


# --- one's own photo ----------------------------------------------------------------------------------------------


def own_pair(services: Services, licence: str = "") -> OwnPair:
    source, mask, _ = pictures(7)
    photo, visit = services.visits.keep(OpenedPhoto(Photo(source, "PNG", None, "lake", ()), licence))
    kept, _ = services.visits.keep(OpenedMask.of(mask, photo), visit)
    results = [
        services.keep_result(photo, finish(services.remove(key, source, mask, RemovalOptions())), ("brush",))
        for key in ("telea", "navier-stokes")
    ]
    return OwnPair(photo=photo, mask=kept, made_by=("brush",), left=results[0], right=results[1])


def test_a_round_of_an_own_photo_is_voted_on_like_any_other(make: Make) -> None:
    bench = make()
    issued = bench.arena.own("anna", own_pair(bench.services))
    assert (issued.own, issued.public) == (True, False)
    told = bench.vote(issued.key, "left")
    (row,) = bench.rows
    source, mask, _ = pictures(7)
    assert (row.case, row.cases, row.licence, row.consent, row.files) == ("", "", "", "answer", None)
    assert (row.left_method, row.right_method) == told.methods == ("telea", "navier-stokes")
    assert (row.source, row.mask, row.mask_made_by) == (digest(source), digest(mask), ("brush",))
    assert json.loads(row.left_options)["grow"] > 0
    assert row.left_revision
    assert told.left.result


def test_pictures_of_an_own_photo_are_kept_only_if_they_are_shared(make: Make) -> None:
    bench = make()
    bench.vote(bench.arena.own("anna", own_pair(bench.services)).key, "left", share=True)
    assert bench.rows[0].consent == "pictures"
    assert bench.rows[0].files is not None


def test_an_example_is_public(make: Make) -> None:
    bench = make()
    issued = bench.arena.own("anna", own_pair(bench.services, "CC0-1.0"))
    assert issued.public
    bench.vote(issued.key, "both-bad", share=True)
    assert (bench.rows[0].licence, bench.rows[0].consent) == ("CC0-1.0", "public")


def test_methods_for_an_own_photo_are_chosen_by_the_same_votes(make: Make) -> None:
    bench = make()
    bench.vote(bench.next().key)
    judged = {bench.rows[0].left_method, bench.rows[0].right_method}
    drawn = [bench.arena.methods(METHODS) for _ in range(20)]
    assert judged not in [set(pair) for pair in drawn]
    with pytest.raises(InputError, match="Only one method runs here"):
        bench.arena.methods(["alpha"])


def test_the_sides_of_an_own_photo_are_drawn(make: Make) -> None:
    bench = make(chance=Random(3))
    assert {bench.arena.methods(("a", "b")) for _ in range(30)} == {("a", "b"), ("b", "a")}


# --- what the page says -------------------------------------------------------------------------------------------


def test_methods_that_not_every_case_has_are_named(tmp_path: Path, make: Make) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    some = Counted(key="alpha", title="Alpha", fails=lambda case: case.id == "case-1")
    built(photos, tmp_path / "set", some, Counted(key="beta", level=9), Counted(key="gamma", level=99))
    missing = make(read_cases(tmp_path / "set")).arena.about().missing
    assert "In fewer cases: Alpha (1 of 2)." in missing
    assert "LaMa" in missing.split("In none yet: ")[1]


def test_the_policy_is_told_with_its_numbers(make: Make) -> None:
    bench = make()
    assert "Now 0 of 3 pairs have 30, the least 0." in bench.arena.about().policy
    for _ in range(3):
        bench.vote(bench.next().key)
    assert "Now 0 of 3 pairs have 30, the least 1." in bench.arena.about().policy
    assert "About one pair in 20 is a check" in bench.arena.about().policy
