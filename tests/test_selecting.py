"""Selecting: one look at each photo, whoever asks and however often; nobody sees another's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Box, Image
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.runtime.weights import Weights
from rorem_demo.segmenters.base import BoxPrompt, Click, EncodingStep, Phrase, Segmenter, SegmenterSpec
from rorem_demo.selecting import Selecting
from rorem_demo.visits import OpenedPhoto, Visits
from tests.segmenter_doubles import PHRASE, Alike, row

IMAGE: Image = np.zeros((30, 40, 3), np.uint8)
IMAGE[10:20, 10:20] = (200, 40, 30)
COUNTED: list[str] = []
ABSENT = WeightFile(repository="nobody/nothing", file="model.safetensors", megabytes=620)


class Counting(Alike):
    def encode(self, image: Image) -> Iterator[EncodingStep]:
        COUNTED.append(threading.current_thread().name)
        yield from super().encode(image)


def load_counting(spec: SegmenterSpec, files: tuple[Path, ...]) -> Segmenter:
    return Counting(0.1)


def counting() -> SegmenterSpec:
    return SegmenterSpec(**{**vars(row("counting")), "loader": f"{__name__}:load_counting"})


class Desk:
    """A visitor with one open photo."""

    def __init__(self, *rows: SegmenterSpec, preferred: str | None = None, capacity: int = 10**6) -> None:
        self.visits = Visits(capacity, 60)
        self.selecting = Selecting(Catalog(*rows), Weights(), self.visits, preferred)
        self.photo = self.open()

    def open(self, image: Image = IMAGE) -> str:
        return self.visits.keep(OpenedPhoto(Photo(image, "PNG", None, "photo", ())))[0]


def test_a_photo_is_looked_at_once_however_many_ask_at_once() -> None:
    COUNTED.clear()
    desk = Desk(counting())
    with ThreadPoolExecutor(8) as pool:
        masks = list(pool.map(lambda _: desk.selecting.propose(desk.photo, [Click(12, 12)]).mask, range(8)))
    assert len(COUNTED) == 1
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


def test_another_photo_is_another_look_and_another_answer() -> None:
    COUNTED.clear()
    desk = Desk(counting())
    other = desk.open(np.roll(IMAGE, 5, axis=1))
    first, second = (desk.selecting.propose(photo, [Click(16, 12)]).mask for photo in (desk.photo, other))
    assert len(COUNTED) == 2
    assert np.array_equal(np.roll(first, 5, axis=1), second)


def test_a_look_that_was_dropped_is_taken_again() -> None:
    COUNTED.clear()
    desk = Desk(counting(), capacity=2 * IMAGE.nbytes)
    desk.selecting.propose(desk.photo, [Click(12, 12)])
    desk.visits.keep(OpenedPhoto(Photo(IMAGE, "PNG", None, "photo", ())), desk.visits.visit_of(desk.photo))
    with pytest.raises(InputError, match="no longer on the server"):
        desk.selecting.propose(desk.photo, [Click(12, 12)])
    desk.photo = desk.open()
    desk.selecting.propose(desk.photo, [Click(12, 12)])
    assert len(COUNTED) == 2


def test_preparing_tells_how_far_it_is_and_only_once() -> None:
    desk = Desk(row("alike"))
    assert [step.fraction for step in desk.selecting.prepare(desk.photo, "click")] == [0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert [step.fraction for step in desk.selecting.prepare(desk.photo, "click")] == [1]


def test_leaving_early_leaves_the_next_visitor_free() -> None:
    desk = Desk(row("alike"))
    steps = desk.selecting.prepare(desk.photo, "click")
    for _ in range(3):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert desk.selecting.propose(desk.photo, [Click(12, 12)]).mask.any()


def test_who_has_looked_never_waits_for_who_looks() -> None:
    desk = Desk(row("slow"))
    for _ in desk.selecting.prepare(desk.photo, "click"):
        pass
    looking = desk.selecting.prepare(desk.open(), "click")
    for _ in range(3):
        next(looking)  # holds the lock of first looks from here on
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(desk.selecting.propose, desk.photo, [Click(12, 12)]).result(timeout=5).mask.any()
    looking.close()  # type: ignore[attr-defined]


def test_the_first_row_that_runs_acts_unless_another_is_preferred() -> None:
    absent = row("absent", frozenset({"click", "box"}), ABSENT)
    rows = absent, row("alike"), row("slow")
    assert Desk(*rows).selecting.acting("click").key == "alike"
    assert Desk(*rows, preferred="slow").selecting.acting("click", "box").key == "slow"
    assert Desk(*rows, preferred="absent").selecting.acting("click").key == "alike"
    with pytest.raises(InputError, match="unknown"):
        Desk(*rows, preferred="unknown")


def test_a_row_asked_for_by_name_is_never_replaced() -> None:
    desk = Desk(row("absent", frozenset({"click", "box"}), ABSENT), row("alike"))
    with pytest.raises(UnavailableError, match=r"needs 0\.6 GB of weights"):
        desk.selecting.propose(desk.photo, [Click(1, 1)], key="absent")


def test_without_weights_for_phrases_the_sentence_says_what_to_do() -> None:
    desk = Desk(row("alike"), row("words", PHRASE, ABSENT))
    with pytest.raises(UnavailableError, match=r"Words cannot run here: it needs 0\.6 GB of weights") as refused:
        desk.selecting.propose(desk.photo, [Phrase("dog")])
    assert refused.value.hint == "Paint over the object instead."
    with pytest.raises(UnavailableError, match="Nothing here understands a phrase"):
        Desk(row("alike")).selecting.acting("phrase")


def test_weights_that_cannot_be_read_give_way_and_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(row("torn"), row("alike"))
    with caplog.at_level(logging.ERROR):
        assert desk.selecting.propose(desk.photo, [Click(12, 12)]).method.key == "alike"
        assert desk.selecting.propose(desk.photo, [Click(12, 12)]).method.key == "alike"
    assert [record.message for record in caplog.records] == ["The weights of Torn cannot be read. Download them again."]
    assert desk.selecting.acting("click").key == "alike"
    with pytest.raises(UnavailableError, match="weights that can be read"):
        desk.selecting.propose(desk.photo, [Click(12, 12)], key="torn")


def test_a_phrase_is_found_as_a_box_and_refined() -> None:
    desk = Desk(row("alike"), row("redness", PHRASE, rough=True))
    proposal = desk.selecting.propose(desk.photo, [Phrase("the red square")])
    (found,) = proposal.objects
    assert (found.label, found.score) == ("disc", 0.5)
    assert proposal.method.key == "redness"
    assert proposal.several


def test_where_the_refiner_finds_nothing_the_box_stays() -> None:
    image = np.full_like(IMAGE, (200, 40, 30))
    desk = Desk(row("alike"), row("redness", PHRASE, rough=True))
    (found,) = desk.selecting.select(image, [Phrase("all people")]).objects
    assert found.mask.all()


def test_several_candidates_for_one_object_are_one_object() -> None:
    desk = Desk(row("alike"))
    proposal = desk.selecting.select(IMAGE, [Click(12, 12)])
    assert len(proposal.candidates) == 3
    assert len(proposal.objects) == 1
    assert np.array_equal(proposal.mask, proposal.candidates[0].mask)


def test_bad_prompts_are_refused_before_the_photo_is_looked_at() -> None:
    COUNTED.clear()
    desk = Desk(counting())
    for prompts in ([], [Click(99, 0)], [BoxPrompt(Box(1, 1, 1, 1))]):
        with pytest.raises(InputError):
            desk.selecting.propose(desk.photo, prompts)
    assert COUNTED == []


@pytest.mark.parametrize("text", ["", "  ", "it", "something", "x" * 10_000])
def test_a_phrase_that_says_too_little_or_too_much_is_refused(text: str) -> None:
    desk = Desk(row("alike"), row("redness", PHRASE, rough=True))
    with pytest.raises(InputError) as refused:
        desk.selecting.propose(desk.photo, [Phrase(text)])
    assert refused.value.hint
