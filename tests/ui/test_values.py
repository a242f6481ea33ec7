"""Values of the page: what a browser may send, and the plain JSON it is told."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rorem_demo.discriminator.score import Likely
from rorem_demo.errors import InputError
from rorem_demo.imaging.drawings import Drawing, Entry, Rectangle
from rorem_demo.imaging.types import Box
from rorem_demo.ui.values import (
    LONGEST_VALUE,
    Done,
    Ranked,
    RemovalRequest,
    Score,
    Started,
    Trouble,
    Update,
    Working,
    parse_json,
    parse_removal,
    scored,
    to_props,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = st.sampled_from(["photo", "run", "drawing", "grid", "invert", "entries", "kind", "grow", "shapes", "tool"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=6),
    max_leaves=20,
)
EMPTY = {"grid": 1, "invert": False, "entries": []}
GOOD: dict[str, Any] = {"photo": "abc", "run": 3, "drawing": EMPTY}

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def admits_or_refuses(text: object) -> None:
    with suppress(InputError):
        assert isinstance(parse_removal(text), RemovalRequest)


@patient
@given(st.text() | st.binary())
@example("1" * 5000)  # more digits than Python reads
@example("[" * LONGEST_VALUE)
@example('{"a":' * 10_000)
@example("NaN")
@example(b"\xff\xfe")
@example('{"photo": "\\ud800", "run": 0, "drawing": null}')
def test_any_text_is_admitted_or_refused(text: str | bytes) -> None:
    admits_or_refuses(text)


@patient
@given(JSON)
def test_any_json_is_admitted_or_refused(value: object) -> None:
    admits_or_refuses(json.dumps(value))


@patient
@given(photo=SCALARS, run=SCALARS, drawing=JSON)
def test_any_value_of_the_right_outline_is_admitted_or_refused(photo: object, run: object, drawing: object) -> None:
    admits_or_refuses(json.dumps({"photo": photo, "run": run, "drawing": drawing}))


@patient
@given(JSON)
def test_any_shape_is_admitted_or_refused(shape: object) -> None:
    entry = {"kind": "brush", "grow": 0, "shapes": [shape]}
    admits_or_refuses(json.dumps({**GOOD, "drawing": {**EMPTY, "entries": [entry]}}))


@pytest.mark.parametrize("text", [None, 7, [], {}, "", "null", "[]", '"text"', "1e999", "{'photo': 1}", b"\xff"])
def test_what_holds_no_object_is_refused(text: object) -> None:
    with pytest.raises(InputError, match="could not be read"):
        parse_json(text)


def test_text_is_refused_by_its_length_before_it_is_parsed() -> None:
    assert parse_json("{}".ljust(LONGEST_VALUE)) == {}
    with pytest.raises(InputError, match="could not be read"):
        parse_json("{}".ljust(LONGEST_VALUE + 1))


def test_bytes_are_read_as_text_is() -> None:
    assert parse_json('{"name": "Fuß"}'.encode()) == {"name": "Fuß"}


def test_a_removal_is_read() -> None:
    box = {"tool": "box", "points": "AAAUKA"}  # zigzag steps 0 0 10 20
    entry = {"kind": "box", "grow": 2, "shapes": [box]}
    request = parse_removal(json.dumps({**GOOD, "drawing": {**EMPTY, "entries": [entry]}}))
    assert request == RemovalRequest("abc", Drawing((Entry("box", (Rectangle((0, 0), (10, 20)),), 2),)), 3)


@pytest.mark.parametrize("field", GOOD)
@pytest.mark.parametrize("value", [None, True, [], "x" * 65])
def test_a_field_of_a_wrong_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(InputError, match="could not be read"):
        parse_removal(json.dumps({**GOOD, field: value}))


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_refused(field: str) -> None:
    with pytest.raises(InputError, match="could not be read"):
        parse_removal(json.dumps({name: value for name, value in GOOD.items() if name != field}))


@pytest.mark.parametrize("run", [0, 2**53 - 1])
def test_a_run_a_browser_can_count_to_is_admitted(run: int) -> None:
    assert parse_removal(json.dumps({**GOOD, "run": run})).run == run


@pytest.mark.parametrize("run", [-1, 2**53, 1.0, "1", False, float("nan"), float("inf")])
def test_any_other_run_is_refused(run: object) -> None:
    with pytest.raises(InputError, match="could not be read"):
        parse_removal(json.dumps({**GOOD, "run": run}))


UPDATES: list[tuple[Update, dict[str, Any]]] = [
    (Started(run=1, seconds=2.5, title="Grey"), {"kind": "started", "run": 1, "seconds": 2.5, "title": "Grey"}),
    (
        Working(run=1, fraction=0.5, box=Box(1, 2, 3, 4), preview=None),
        {"kind": "working", "run": 1, "fraction": 0.5, "box": [1, 2, 3, 4], "preview": None, "title": ""},
    ),
    (
        Done(run=1, photo="id", seconds=0.1, changed_outside=0, title="Grey", seed=None),
        {
            "kind": "done", "run": 1, "photo": "id", "seconds": 0.1,
            "changed_outside": 0, "title": "Grey", "seed": None, "notes": [], "score": None,
        },
    ),
    (
        Ranked(run=1, notes=("Mat failed.",), results=(Done(
            run=1, photo="id", seconds=0.1, changed_outside=0, title="Grey", seed=3,
            score=Score(words="not sure", percent=None, judge="compact-x"),
        ),)),
        {
            "kind": "ranked", "run": 1, "notes": ["Mat failed."], "results": [{
                "run": 1, "photo": "id", "seconds": 0.1, "changed_outside": 0, "title": "Grey", "seed": 3, "notes": [],
                "score": {"words": "not sure", "percent": None, "judge": "compact-x"},
            }],
        },
    ),
    (
        Trouble(run=-1, sentence="No."),
        {"kind": "trouble", "run": -1, "sentence": "No.", "alternative": None, "alternative_title": None},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("update", "props"), UPDATES, ids=lambda value: type(value).__name__)
def test_an_update_is_plain_json(update: Update, props: dict[str, Any]) -> None:
    told, again = (json.loads(json.dumps(to_props(update), allow_nan=False)) for _ in range(2))
    assert told.pop("number") < again.pop("number"), "the browser must see that it was told again"
    assert told == again == props


@pytest.mark.parametrize(
    ("score", "percent", "words"),
    [
        (0.83, 83, "likely clean: 83%"), (0.61, 61, "likely clean: 61%"), (0.6, None, "not sure"),
        (0.4, None, "not sure"), (0.39, 39, "likely not clean: 61%"), (0.0, 1, "likely not clean: 99%"),
    ],
)  # fmt: skip
def test_near_the_middle_a_score_has_no_number(score: float, percent: int | None, words: str) -> None:
    assert scored(Likely(score, "x")) == Score(words=words, percent=percent, judge="x")
    assert scored(None) is None
