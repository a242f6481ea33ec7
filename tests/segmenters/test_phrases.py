"""Phrases: what is looked for, how many, and which of those found; any text is understood or refused in a sentence."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Box, Size
from rorem_demo.segmenters.phrases import LONGEST, MOST_NAMES, SUGGEST, SUGGESTED, parsed
from rorem_demo.segmenters.places import Found, Place, Wanted, chosen

SIZE = Size(100, 80)
LEFT, RIGHT, TOP, BOTTOM = Place.LEFT, Place.RIGHT, Place.TOP, Place.BOTTOM


@pytest.mark.parametrize(
    ("text", "name", "count", "places"),
    [
        ("dog", "dog", None, ()),
        ("the dog", "dog", 1, ()),
        ("A dog!", "dog", 1, ()),
        ("dogs", "dog", None, ()),
        ("the dogs", "dog", None, ()),
        ("all people", "person", None, ()),
        ("people", "person", None, ()),
        ("everyone", "person", None, ()),
        ("every bottle", "bottle", None, ()),
        ("a few cherries", "cherry", None, ()),
        ("both benches", "bench", 2, ()),
        ("the three people", "person", 3, ()),
        ("all 3 boxes", "box", 3, ()),
        ("the two dogs on the left", "dog", 2, (LEFT,)),
        ("the dog on the left", "dog", 1, (LEFT,)),
        ("dog on the left", "dog", 1, (LEFT,)),
        ("dogs on the left", "dog", None, (LEFT,)),
        ("the dog on the left-hand side", "dog", 1, (LEFT,)),
        ("the dog which is on the far left of the picture", "dog", 1, (LEFT,)),
        ("leftmost person", "person", 1, (LEFT,)),
        ("the right lamp", "lamp", 1, (RIGHT,)),
        ("the sign at the top", "sign", 1, (TOP,)),
        ("the sign in the upper right corner", "sign", 1, (RIGHT, TOP)),
        ("bottom left sign", "sign", 1, (LEFT, BOTTOM)),
        ("the bus in the middle", "bus", 1, (Place.MIDDLE,)),
        ("buses in the center of the image", "bus", None, (Place.MIDDLE,)),
        ("the people in the background", "person", None, (Place.BACKGROUND,)),
        ("the person behind", "person", 1, (Place.BACKGROUND,)),
        ("the car in front", "car", 1, (Place.FRONT,)),
        ("the biggest car", "car", 1, (Place.BIGGEST,)),
        ("smallest bird", "bird", 1, (Place.SMALLEST,)),
        ("the biggest car on the right", "car", 1, (RIGHT, Place.BIGGEST)),
        ("Please remove the person from the photo", "person", 1, ()),
        ("could you get rid of the trash cans, please?", "trash can", None, ()),
        ("I want to erase all of the power lines. Thanks", "power line", None, ()),
        ("man with a hat", "man with a hat", None, ()),
        ("the dog behind the car", "dog behind the car", 1, ()),
        ("the car in front of the house", "car in front of the house", 1, ()),
        ("top hat", "top hat", None, ()),
        ("wine glass", "wine glass", None, ()),
        ("glasses", "glasses", None, ()),
        ("the stairs", "stairs", None, ()),
        ("a black and white cat", "black and white cat", 1, ()),
        ("  the   dog\ton\nthe left ", "dog", 1, (LEFT,)),
        ("“the dog”", "dog", 1, ()),
        ("собака слева", "собака слева", None, ()),
        ("Straßenlaterne", "Straßenlaterne", None, ()),
        ("Haus", "Haus", None, ()),
        ("犬と猫", "犬と猫", None, ()),
        ("الكلب", "الكلب", None, ()),
    ],
)
def test_a_phrase_names_things_how_many_and_where(
    text: str, name: str, count: int | None, places: tuple[Place, ...]
) -> None:
    (wanted,) = parsed(text)
    assert (wanted.name, wanted.count, set(wanted.places)) == (name, count, set(places))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("dogs and cats", (Wanted("dog"), Wanted("cat"))),
        ("the dog, the cat and bins", (Wanted("dog", 1), Wanted("cat", 1), Wanted("bin"))),
        ("dog and cat on the left", (Wanted("dog", 1, (LEFT,)), Wanted("cat", 1, (LEFT,)))),
        ("cars on the left & people on the right", (Wanted("car", None, (LEFT,)), Wanted("person", None, (RIGHT,)))),
        ("sand, seaweed", (Wanted("sand"), Wanted("seaweed"))),
    ],
)
def test_several_things_are_named_at_once(text: str, wanted: tuple[Wanted, ...]) -> None:
    assert parsed(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "   ",
            "?!",
            "...",
            "\n\t",
            "\x00",
            "🙂",
            "it",
            "remove it",
            "thing",
            "The things",
            "stuff",
            "everything",
        ),
        *(
            "object",
            "this",
            "that",
            "them",
            "all",
            "the",
            "please",
            "delete",
            "on the left",
            "the one on the left",
            "two",
        ),
        *("and", "the background", "left", "dog and it", "a" * (LONGEST + 1), "dog, " * 30, "x" * 10_000),
    ],
)
def test_a_phrase_that_says_too_little_or_too_much_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parsed(text)
    assert str(caught.value).endswith(".")
    assert caught.value.hint.endswith(".")


def test_so_many_things_and_no_more() -> None:
    assert len(parsed(", ".join(f"thing{number}" for number in range(MOST_NAMES)))) == MOST_NAMES
    with pytest.raises(InputError, match="11 things"):
        parsed(", ".join(f"thing{number}" for number in range(MOST_NAMES + 1)))


@pytest.mark.parametrize("text", ["the " * 50, "please " * 28, "black and " * 20, "on the left " * 16, "i want " * 28])
def test_odd_phrases_are_understood_or_refused_at_once(text: str) -> None:
    start = perf_counter()
    understood(text)
    assert perf_counter() - start < 0.5


def understood(text: str) -> tuple[Wanted, ...] | None:
    try:
        return parsed(text)
    except InputError:
        return None


words = st.sampled_from(
    [
        "the",
        "a",
        "all",
        "every",
        "two",
        "both",
        "dog",
        "dogs",
        "people",
        "person",
        "bus",
        "glass",
        "black",
        "white",
        "and",
        ",",
        "left",
        "right",
        "leftmost",
        "biggest",
        "on",
        "at",
        "in",
        "behind",
        "of",
        "front",
        "background",
        "middle",
        "top",
        "corner",
        "side",
        "please",
        "remove",
        "it",
        "thing",
        "3",
        "photo",
        "this",
        "cat's",
        "who",
        "is",
    ]
)


@given(st.text(max_size=LONGEST + 20) | st.lists(words, max_size=30).map(" ".join))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for wanted in understood(text) or ():
        assert wanted.name.strip()
        assert wanted.count is None or wanted.count > 0


@given(st.lists(words, max_size=12).map(" ".join), st.sampled_from(["Please remove ", "erase ", "Could you hide "]))
def test_politeness_changes_nothing(text: str, polite: str) -> None:
    assert understood(polite + text) == understood(text)


def test_suggestions_are_asked_for_by_a_word() -> None:
    assert parsed(SUGGEST) == parsed("Suggest distractors") == SUGGESTED
    assert 0 < len(SUGGESTED) <= MOST_NAMES
    assert next(one for one in SUGGESTED if one.name == "person").places == (Place.BACKGROUND,)


boxes = st.builds(
    lambda x, y, width, height: Box(x, y, min(SIZE.width, x + width), min(SIZE.height, y + height)),
    st.integers(0, SIZE.width - 1),
    st.integers(0, SIZE.height - 1),
    st.integers(1, SIZE.width),
    st.integers(1, SIZE.height),
)
findings = st.lists(st.builds(Found, boxes, st.floats(0.5, 0.99), st.sampled_from(["dog", "person"])), max_size=12)
wishes = st.builds(
    Wanted,
    st.sampled_from(["dog", "person", "cat"]),
    st.none() | st.integers(1, 4),
    st.lists(st.sampled_from(Place), unique=True, max_size=3).map(tuple),
)


@given(findings, st.lists(wishes, max_size=3))
def test_what_is_chosen_was_found_and_wanted_and_comes_once_surest_first(
    found: list[Found], wanted: list[Wanted]
) -> None:
    picked = chosen(found, wanted, SIZE)
    assert set(picked) <= set(found)
    assert len(picked) == len(set(picked))
    assert {thing.name for thing in picked} <= {one.name for one in wanted}
    assert [thing.score for thing in picked] == sorted((thing.score for thing in picked), reverse=True)


@given(findings, st.integers(1, 4), st.lists(st.sampled_from(Place), unique=True, max_size=2).map(tuple))
def test_as_many_are_chosen_as_were_asked_for(found: list[Found], count: int, places: tuple[Place, ...]) -> None:
    different = {thing for thing in found if thing.name == "dog"}
    picked = chosen(sorted(different), [Wanted("dog", count, places)], SIZE)
    assert len(picked) == min(count, len(different))  # scores in `findings` are all sure


@given(findings)
def test_all_are_all(found: list[Found]) -> None:
    assert set(chosen(found, [Wanted("dog")], SIZE)) == {thing for thing in found if thing.name == "dog"}


EXTREMES = {
    Place.LEFT: lambda box: box.left + box.right,
    Place.RIGHT: lambda box: -box.left - box.right,
    Place.TOP: lambda box: box.top + box.bottom,
    Place.BOTTOM: lambda box: -box.top - box.bottom,
    Place.BIGGEST: lambda box: -box.size.area,
    Place.FRONT: lambda box: -box.size.area,
    Place.SMALLEST: lambda box: box.size.area,
    Place.BACKGROUND: lambda box: box.size.area,
}


@given(findings.filter(lambda found: any(thing.name == "dog" for thing in found)), st.sampled_from(list(EXTREMES)))
def test_one_at_a_place_is_the_one_farthest_there(found: list[Found], place: Place) -> None:
    (picked,) = chosen(found, [Wanted("dog", 1, (place,))], SIZE)
    assert EXTREMES[place](picked.box) == min(EXTREMES[place](thing.box) for thing in found if thing.name == "dog")


def test_one_without_a_place_is_the_surest() -> None:
    found = [Found(Box(0, 0, 9, 9), 0.4, "dog"), Found(Box(50, 0, 59, 9), 0.6, "dog")]
    assert chosen(found, parsed("the dog"), SIZE) == found[1:]


def test_what_is_hardly_a_dog_is_not_the_left_dog() -> None:
    found = [Found(Box(0, 0, 9, 9), 0.15, "dog"), Found(Box(50, 0, 59, 9), 0.6, "dog")]
    assert chosen(found, parsed("the dog on the left"), SIZE) == found[1:]


def test_all_at_a_place_are_those_in_that_half() -> None:
    found = [Found(Box(x, 10, x + 10, 20), 0.9 - x / 1000, "dog") for x in (0, 30, 60, 80)]
    assert chosen(found, parsed("dogs on the left"), SIZE) == found[:2]
    assert chosen(found, parsed("dogs on the right"), SIZE) == found[2:]
    assert chosen(found, parsed("dogs at the bottom"), SIZE) == []


def test_the_background_is_what_is_small_beside_the_largest() -> None:
    main, far, tiny = Box(20, 5, 60, 75), Box(70, 20, 80, 40), Box(90, 20, 93, 26)
    found = [Found(box, score, "person") for box, score in ((main, 0.9), (far, 0.8), (tiny, 0.7))]
    assert chosen(found, parsed("the people in the background"), SIZE) == found[1:]
    assert chosen(found, parsed("the people in the foreground"), SIZE) == found[:1]
    assert chosen(found[:1], SUGGESTED, SIZE) == []
    assert chosen(found, SUGGESTED, SIZE) == found[1:]


def test_a_sign_that_fills_the_photo_is_no_distraction() -> None:
    found = [Found(Box(10, 10, 90, 70), 0.9, "traffic sign"), Found(Box(0, 0, 10, 10), 0.8, "traffic sign")]
    assert chosen(found, SUGGESTED, SIZE) == found[1:]
