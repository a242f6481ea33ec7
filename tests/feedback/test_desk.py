"""Desk: answers in, receipts out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rorem_demo.errors import InputError
from rorem_demo.feedback import desk as desk_module
from rorem_demo.feedback.desk import Desk, Rules
from rorem_demo.feedback.publisher import Publisher
from rorem_demo.feedback.records import CHOICES, Answer, Verdict, Vote
from rorem_demo.feedback.store import Store
from tests.feedback.answers import PAIR_PICTURES, PICTURES, pairing, person, subject

YES, NO = Answer(removed=True), Answer(removed=False)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = desk_at(tmp_path)
    yield made
    made.store.close()


def desk_at(folder: Path, **rules: object) -> Desk:
    store = Store(folder)
    return Desk(store, Publisher(store, None, folder / "outbox"), Rules(**rules))  # type: ignore[arg-type]


def rows(desk: Desk) -> int:
    return desk.status().kept


def test_the_same_answer_again_gives_the_same_receipt(desk: Desk) -> None:
    first = desk.rate(subject(), YES, person())
    assert desk.rate(subject(), YES, person()) == first
    assert rows(desk) == 1


def test_reasons_in_another_order_are_the_same_answer(desk: Desk) -> None:
    first = desk.rate(subject(), Answer(removed=False, reasons=("blurry", "other")), person())
    assert desk.rate(subject(), Answer(removed=False, reasons=("other", "blurry", "blurry")), person()) == first


def test_a_change_of_mind_supersedes_and_both_are_kept(desk: Desk) -> None:
    first = desk.rate(subject(), YES, person())
    second = desk.rate(subject(), NO, person())
    kept = desk.store.find(second.id)
    assert kept is not None
    assert kept.record.supersedes == first.id
    assert (first.removed, second.removed, rows(desk)) == (True, False, 2)


def test_another_visitor_supersedes_nobody(desk: Desk) -> None:
    desk.rate(subject(), YES, person(1))
    other = desk.store.find(desk.rate(subject(), NO, person(2)).id)
    assert other is not None
    assert other.record.supersedes == ""


def test_a_double_click_is_one_answer(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as clicks:
        receipts = set(clicks.map(lambda _: desk.rate(subject(), YES, person()).text, range(16)))
    assert (len(receipts), rows(desk)) == (1, 1)


def test_pictures_are_kept_only_if_they_are_shared_or_public(desk: Desk) -> None:
    def encodes() -> object:
        raise AssertionError("nobody shared them")

    private = desk.store.find(desk.rate(subject("private", pictures=encodes), YES, person()).id)
    shared = desk.store.find(desk.rate(subject("shared"), Answer(removed=True, share=True), person()).id)
    public = desk.store.find(desk.rate(subject("public", licence="CC0-1.0"), YES, person()).id)
    assert private is not None
    assert shared is not None
    assert public is not None
    assert (private.record.consent, private.record.licence, private.record.files) == ("answer", "", None)
    assert (shared.record.consent, shared.record.licence) == ("pictures", "CC-BY-4.0")
    assert (public.record.consent, public.record.licence) == ("public", "CC0-1.0")
    assert shared.record.files is not None
    assert desk.store.pictures.get(shared.record.files.result) == PICTURES.result
    assert public.record.files == shared.record.files


def test_sharing_later_is_another_answer(desk: Desk) -> None:
    desk.rate(subject(), YES, person())
    assert desk.rate(subject(), Answer(removed=True, share=True), person()).share
    assert rows(desk) == 2


def test_sharing_no_more_takes_the_pictures_back(desk: Desk) -> None:
    shared = desk.store.find(desk.rate(subject(), Answer(removed=True, share=True), person()).id)
    kept = desk.store.find(desk.rate(subject(), YES, person()).id)
    assert shared is not None
    assert shared.record.files is not None
    assert kept is not None
    assert (kept.record.consent, kept.record.supersedes, rows(desk)) == ("answer", "", 1)
    assert not desk.store.pictures.has(shared.record.files.source)
    assert [stone.id for stone in desk.store.tombstones()] == [shared.record.id]


def test_shared_pictures_wait_and_answers_do_not(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, review_delay=timedelta(hours=2))
    soon = datetime.now(UTC) + timedelta(minutes=1)
    shared = desk.store.find(desk.rate(subject("shared"), Answer(removed=True, share=True), person()).id)
    plain = desk.store.find(desk.rate(subject("plain"), YES, person()).id)
    assert shared is not None
    assert plain is not None
    assert plain.ready < soon < shared.ready
    assert shared.review == "none"


def test_with_a_reviewer_shared_pictures_wait_for_one(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, reviewed=True)
    desk.rate(subject("plain"), YES, person())
    shared = desk.rate(subject("shared"), Answer(removed=True, share=True), person())
    assert [held.record.id for held in desk.store.to_review()] == [shared.id]


def test_too_many_answers_in_a_minute_are_refused_and_counted(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, per_minute=3)
    for number in range(3):
        desk.rate(subject(f"r{number}"), YES, person())
    with pytest.raises(InputError, match="within a minute"):
        desk.rate(subject("one more"), YES, person())
    desk.rate(subject("one more"), YES, person(2))
    assert desk.status().refused == {"limit": 1}


@pytest.mark.parametrize(("seconds", "flags"), [(0.2, ("too-fast",)), (3.0, ())])
def test_an_answer_nobody_could_have_thought_about_is_flagged(
    desk: Desk, seconds: float, flags: tuple[str, ...]
) -> None:
    issued = datetime.now(UTC) - timedelta(seconds=seconds)
    kept = desk.store.find(desk.rate(subject(issued=issued), YES, person()).id)
    assert kept is not None
    assert kept.record.flags == flags


def test_many_answers_and_ever_the_same_are_flagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "MANY", 4)
    monkeypatch.setattr(desk_module, "REPEATED", 2)
    desk = desk_at(tmp_path, per_minute=1000)
    answers = [YES, YES, YES, NO, YES, YES]
    receipts = [desk.rate(subject(f"r{n}"), answer, person()) for n, answer in enumerate(answers)]
    flags = [held.record.flags for receipt in receipts if (held := desk.store.find(receipt.id))]
    assert flags == [(), (), ("repeated",), (), ("many",), ("many",)]


def test_a_receipt_finds_its_answer_and_a_forged_one_does_not(desk: Desk) -> None:
    receipt = desk.rate(subject(), YES, person())
    assert desk.receipt(receipt.text.lower()) == receipt
    key, _, secret = receipt.text.partition("-")
    other = desk.rate(subject("other"), YES, person()).text.partition("-")[2]
    assert secret != other
    with pytest.raises(InputError, match="No answer"):
        desk.receipt(f"{key}-{other}")


def test_deleting_takes_every_answer_on_the_result_with_it(desk: Desk) -> None:
    first = desk.rate(subject(), YES, person())
    second = desk.rate(subject(), NO, person())
    kept = desk.rate(subject("another result"), NO, person())
    assert "had not been published" in desk.delete(first.text, person())
    assert rows(desk) == 1
    for gone in (first, second):
        with pytest.raises(InputError, match="No answer with this receipt"):
            desk.receipt(gone.text)
    assert desk.receipt(kept.text) == kept


def test_an_answer_given_after_deleting_is_a_new_one(desk: Desk) -> None:
    first = desk.rate(subject(), YES, person())
    desk.delete(first.text, person())
    second = desk.rate(subject(), YES, person())
    assert second.text != first.text
    assert rows(desk) == 1


def test_a_receipt_of_another_replica_leaves_a_tombstone(desk: Desk, tmp_path: Path) -> None:
    elsewhere = desk_at(tmp_path / "elsewhere")
    receipt = elsewhere.rate(subject(), YES, person())
    assert "within minutes" in desk.delete(receipt.text, person())
    kept = elsewhere.store.find(receipt.id)
    assert kept is not None
    assert [tombstone.receipt for tombstone in desk.store.tombstones()] == [kept.record.receipt]
    assert desk.status().refused == {"unknown-receipt": 1}


def test_a_forged_receipt_deletes_nothing(desk: Desk) -> None:
    receipt = desk.rate(subject(), YES, person())
    other = desk.rate(subject("other"), YES, person())
    forged = receipt.text.partition("-")[0] + "-" + "0" * 22
    desk.delete(forged, person(2))
    assert desk.receipt(receipt.text) == receipt
    assert desk.receipt(other.text) == other


def test_what_publishing_waits_for_is_said(desk: Desk) -> None:
    assert desk.rate(subject(), YES, person()).waits_for == "dataset"


def test_a_comment_that_is_too_long_and_reasons_for_a_yes_are_refused() -> None:
    with pytest.raises(InputError, match="too long"):
        Answer(removed=False, comment="x" * 201)
    with pytest.raises(InputError, match="go with a no"):
        Answer(removed=True, reasons=("blurry",))


def test_a_comment_is_one_line_of_valid_text() -> None:
    assert Answer(removed=False, comment=" a\n\ud800 \x07b\t").comment == "a b"


# Votes

LEFT = Verdict(choice="left")


def kept_vote(desk: Desk, key: str = "round", verdict: Verdict = LEFT, **changes: Any) -> Vote:
    held = desk.store.find(desk.vote(pairing(key, **changes), verdict, person()).id)
    assert held is not None
    assert isinstance(held.record, Vote)
    return held.record


def test_a_vote_is_kept_with_all_that_the_round_says(desk: Desk) -> None:
    judged = pairing(case="door", cases="v1", gold="right")
    receipt = desk.vote(judged, Verdict(choice="right", reasons=("blurry", "blurry")), person())
    assert (receipt.removed, receipt.choice, receipt.reasons, receipt.share) == (None, "right", ("blurry",), False)
    (held,) = desk.store.each(Vote)
    kept = held.record
    assert (kept.case, kept.cases, kept.gold, kept.policy) == ("door", "v1", "right", "even-1")
    assert (kept.left_method, kept.right_method, kept.right_result) == ("shift-map", "telea", "d" * 64)
    assert (kept.left_seconds, kept.mask_pixels, kept.mask_made_by) == (1.25, 25, ("brush",))
    assert (kept.consent, kept.files, kept.flags, kept.rater) == ("answer", None, (), "rater0")
    assert kept.left_options == '{"seed": 0}'


def test_the_first_vote_on_a_round_stands(desk: Desk) -> None:
    first = desk.vote(pairing(), LEFT, person())
    assert desk.vote(pairing(), Verdict(choice="both-bad", reasons=("blurry",)), person()) == first
    assert desk.vote(pairing(), LEFT, person(2)).id != first.id
    assert (rows(desk), desk.status().votes) == (2, 2)


def test_a_double_click_is_one_vote(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as clicks:
        said = [Verdict(choice=choice) for choice in CHOICES] * 4
        receipts = set(clicks.map(lambda verdict: desk.vote(pairing(), verdict, person()).text, said))
    assert (len(receipts), rows(desk)) == (1, 1)


@pytest.mark.parametrize("licence", ["", "CC0-1.0"])
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("choice", CHOICES)
def test_pictures_of_a_vote_are_kept_where_shared_or_public_and_labelled(
    desk: Desk,
    choice: Any,
    share: bool,  # noqa: FBT001
    licence: str,
) -> None:
    kept = kept_vote(desk, verdict=Verdict(choice=choice, share=share), licence=licence)
    wanted = choice in {"both-good", "both-bad"} if licence else share
    assert kept.consent == ("public" if licence else "pictures" if share else "answer")
    assert (kept.files is not None) == wanted
    assert kept.licence == ((licence or "CC-BY-4.0") if wanted else "")
    if kept.files:
        assert [desk.store.pictures.get(name) for name in vars(kept.files).values()] == [*vars(PAIR_PICTURES).values()]


@pytest.mark.parametrize("choice", CHOICES)
def test_pictures_of_gold_items_are_never_kept_or_encoded(desk: Desk, choice: Any) -> None:
    def encodes() -> object:
        raise AssertionError("the set of cases has them")

    verdict = Verdict(choice=choice, share=True)
    kept = kept_vote(desk, verdict=verdict, licence="CC0-1.0", gold="left", pictures=encodes)
    assert (kept.files, kept.consent, kept.licence) == (None, "public", "")


def test_shared_pictures_of_a_vote_wait_and_votes_without_do_not(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, reviewed=True, review_delay=timedelta(hours=2))
    soon = datetime.now(UTC) + timedelta(minutes=1)
    kept_vote(desk, "plain")
    shared = kept_vote(desk, "shared", Verdict(choice="left", share=True))
    kept_vote(desk, "public", Verdict(choice="both-good", share=True), licence="CC0-1.0")
    assert [held.record for held in desk.store.to_review()] == [shared]
    assert [held.ready < soon for held in desk.store.each(Vote)] == [True, False, True]


def test_a_receipt_finds_and_deletes_a_vote(desk: Desk) -> None:
    receipt = desk.vote(pairing(), LEFT, person())
    kept = desk.rate(subject(), YES, person())
    assert desk.receipt(receipt.text.lower()) == receipt
    assert "had not been published" in desk.delete(receipt.text, person())
    with pytest.raises(InputError, match="No answer with this receipt"):
        desk.receipt(receipt.text)
    assert desk.receipt(kept.text) == kept


def test_who_takes_a_vote_back_does_not_vote_on_that_round_again(desk: Desk) -> None:
    receipt = desk.vote(pairing(), LEFT, person())
    desk.delete(receipt.text, person())
    with pytest.raises(InputError, match="deleted") as refused:
        desk.vote(pairing(), Verdict(choice="right"), person())
    assert refused.value.hint == "Judge another pair."
    desk.vote(pairing("another"), LEFT, person())
    assert rows(desk) == 1


def test_limits_count_votes_and_ratings_together(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, per_minute=3)
    desk.rate(subject(), YES, person())
    first = desk.vote(pairing("a"), LEFT, person())
    desk.vote(pairing("b"), LEFT, person())
    for one_more in (lambda: desk.vote(pairing("c"), LEFT, person()), lambda: desk.rate(subject("c"), YES, person())):
        with pytest.raises(InputError, match="within a minute"):
            one_more()
    assert desk.vote(pairing("a"), LEFT, person()) == first
    assert desk.status().refused == {"limit": 2}


def test_many_are_of_both_kinds_and_repeated_is_within_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "MANY", 6)
    monkeypatch.setattr(desk_module, "REPEATED", 2)
    desk = desk_at(tmp_path, per_minute=1000)
    flags = []
    for number, choice in enumerate(["left", "left", "left", "right", "left"]):
        if number == 2:
            desk.rate(subject(), YES, person())
        flags.append(kept_vote(desk, f"r{number}", Verdict(choice=choice)).flags)
    assert flags == [(), (), ("repeated",), (), ()]
    assert kept_vote(desk, "last").flags == ("many",)


def test_a_vote_nobody_could_have_thought_about_is_flagged(desk: Desk) -> None:
    assert kept_vote(desk, issued=datetime.now(UTC) - timedelta(seconds=0.2)).flags == ("too-fast",)


def test_reasons_do_not_go_with_two_good_results() -> None:
    with pytest.raises(InputError, match="not good"):
        Verdict(choice="both-good", reasons=("blurry",))


def test_the_receipt_of_a_rating_says_what_it_said_before_there_were_votes(desk: Desk) -> None:
    receipt = desk.rate(subject(), NO, person())
    assert (receipt.removed, receipt.choice) == (False, None)
