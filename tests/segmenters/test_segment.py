"""The one way to run a segmenter: what prompts it lets through, and what it makes of failures."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.types import Box, Image, Size
from rorem_demo.segmenters.base import BoxPrompt, Candidate, Click, Encoding, EncodingStep, Phrase, Prompt
from rorem_demo.segmenters.phrases import SUGGEST
from rorem_demo.segmenters.segment import MOST_CLICKS, checked_prompts, encoded, finished, kinds_of, proposed
from tests.segmenter_doubles import PHRASE, Alike, Broken, Redness, row

SIZE = Size(40, 30)
IMAGE: Image = np.zeros((30, 40, 3), np.uint8)
IMAGE[10:20, 10:20] = (200, 40, 30)
POINTER, READER = row("alike"), row("redness", PHRASE)


def checked(*prompts: Prompt) -> tuple[Prompt, ...]:
    return checked_prompts(POINTER, prompts, SIZE)


def refusal(*prompts: Prompt) -> str:
    with pytest.raises(InputError) as refused:
        checked(*prompts)
    assert refused.value.hint
    return str(refused.value)


def test_places_on_the_photo_pass() -> None:
    prompts = (BoxPrompt(Box(0, 0, 40, 30)), Click(0, 0), Click(39, 29, keep=True))
    assert checked(*prompts) == prompts


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (40, 0), (0, 30), (2**31, 5)])
def test_a_click_outside_the_photo_is_refused(x: int, y: int) -> None:
    assert "outside the photo" in refusal(Click(5, 5), Click(x, y))


def test_nothing_is_refused() -> None:
    assert "Nothing was pointed at" in refusal()


def test_a_thousand_clicks_are_refused_and_a_hundred_are_not() -> None:
    assert "1000 clicks" in refusal(*[Click(1, 1)] * 1000)
    assert checked(*[Click(n % 40, n // 40) for n in range(MOST_CLICKS)])


def test_of_contradicting_clicks_the_last_counts() -> None:
    assert checked(Click(1, 1), Click(5, 5), Click(1, 1, keep=True)) == (Click(1, 1, keep=True), Click(5, 5))


def test_only_clicks_on_what_stays_are_refused() -> None:
    assert "should stay" in refusal(Click(1, 1, keep=True))
    assert "should stay" in refusal(Click(1, 1), Click(1, 1, keep=True))
    assert checked(BoxPrompt(Box(0, 0, 9, 9)), Click(1, 1, keep=True))


@pytest.mark.parametrize(
    "box", [Box(5, 5, 5, 9), Box(5, 5, 9, 5), Box(9, 9, 5, 5), Box(40, 0, 50, 9), Box(-9, 0, 0, 9)]
)
def test_a_box_of_no_area_is_refused(box: Box) -> None:
    assert "holds nothing" in refusal(BoxPrompt(box))


def test_a_box_is_cut_at_the_edges() -> None:
    assert checked(BoxPrompt(Box(-5, -5, 400, 20))) == (BoxPrompt(Box(0, 0, 40, 20)),)


def test_two_boxes_are_refused() -> None:
    assert "Several objects" in refusal(BoxPrompt(Box(0, 0, 9, 9)), BoxPrompt(Box(9, 9, 20, 20)))


def test_what_a_segmenter_does_not_understand_is_refused() -> None:
    assert "does not understand a phrase" in refusal(Phrase("dog"))


def test_a_phrase_stands_alone() -> None:
    both = row("both", frozenset({"click", "box", "phrase"}))
    assert checked_prompts(both, [Phrase("dog")], SIZE) == (Phrase("dog"),)
    with pytest.raises(InputError, match="Both a phrase and a place"):
        checked_prompts(both, [Phrase("dog"), Click(1, 1)], SIZE)


def test_kinds_are_told() -> None:
    assert kinds_of([Click(1, 1), BoxPrompt(Box(0, 0, 1, 1))]) == {"click", "box"}


places = st.tuples(st.integers(-50, 90), st.integers(-50, 90), st.booleans()).map(lambda click: Click(*click))
boxes = st.tuples(*[st.integers(-50, 90)] * 4).map(lambda box: BoxPrompt(Box(*box)))


@given(st.lists(places | boxes, max_size=6))
def test_any_prompts_are_refused_or_mean_something(prompts: list[Prompt]) -> None:
    try:
        passed = checked(*prompts)
    except InputError:
        return
    clicks = [prompt for prompt in passed if isinstance(prompt, Click)]
    assert len({(click.x, click.y) for click in clicks}) == len(clicks)
    assert all(0 <= click.x < 40 and 0 <= click.y < 30 for click in clicks)
    assert len(passed) > len([click for click in clicks if click.keep])


def test_encoding_tells_how_far_it_is_and_ends_with_the_encoding() -> None:
    steps = list(encoded(POINTER, Alike(), IMAGE))
    assert [step.fraction for step in steps] == [0, 0.25, 0.5, 0.75, 1]
    assert [step.encoding is None for step in steps] == [True] * 4 + [False]


def test_a_failing_segmenter_is_told_in_one_sentence() -> None:
    with pytest.raises(UnavailableError, match=r"^Broken failed on this photo\.$") as failed:
        finished(encoded(row("broken"), Broken(), IMAGE))
    assert isinstance(failed.value.__cause__, RuntimeError)
    assert failed.value.hint == "Paint over the object instead."


class Hungry(Alike):
    def propose(self, encoding: Encoding, *prompts: object) -> list[Candidate]:
        raise MemoryError


class Empty(Alike):
    def propose(self, encoding: Encoding, *prompts: object) -> list[Candidate]:
        return [Candidate(np.zeros((30, 40), np.bool_), 0.5)]


class Small(Alike):
    def propose(self, encoding: Encoding, *prompts: object) -> list[Candidate]:
        return [Candidate(np.ones((3, 4), np.bool_), 0.5)]


class Endless(Alike):
    def encode(self, image: Image) -> Iterator[EncodingStep]:
        yield EncodingStep(0.5)


def look(segmenter: Alike | Redness) -> Encoding:
    return finished(encoded(POINTER, segmenter, IMAGE))


@pytest.mark.parametrize(
    ("segmenter", "sentence"),
    [(Hungry(), "out of memory"), (Empty(), "a mask of nothing"), (Small(), "a mask of nothing")],
    ids=["hungry", "empty", "small"],
)
def test_what_is_no_answer_is_told(segmenter: Alike, sentence: str) -> None:
    with pytest.raises(UnavailableError, match=sentence):
        proposed(POINTER, segmenter, look(segmenter), [Click(1, 1)])


def test_an_encoding_that_never_comes_is_told() -> None:
    with pytest.raises(UnavailableError, match="could not read this photo"):
        finished(encoded(POINTER, Endless(), IMAGE))


def test_nothing_found_names_the_phrase_and_a_way_out() -> None:
    with pytest.raises(InputError, match="Found no “a zebra” in this photo") as refused:
        proposed(READER, Redness(), look(Redness()), [Phrase(" a \n zebra ")])
    assert refused.value.hint == "Try a plainer word, or click it."


def test_suggestions_that_are_none_are_told_in_other_words() -> None:
    nothing = finished(encoded(READER, Redness(), np.zeros_like(IMAGE)))
    with pytest.raises(InputError, match="Found nothing that people usually want gone"):
        proposed(READER, Redness(), nothing, [Phrase(SUGGEST)])


def test_candidates_come_through() -> None:
    found = proposed(POINTER, Alike(), look(Alike()), [Click(12, 12)])
    assert len(found) == 3
    assert found[0].mask.sum() == 100
