"""Ready cases: what is read, and what is left out."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorem_demo.comparison.cases import Case, read_cases
from rorem_demo.errors import InputError, StorageError
from rorem_demo.imaging.types import Box, Size
from tests.comparison.case_sets import HEIGHT, WIDTH, made_set, pictures, said, save, say, whole


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return made_set(tmp_path)


@pytest.fixture
def case(place: Path) -> Path:
    return place / "case-0"


def test_a_set_is_read_as_it_was_made(place: Path) -> None:
    found = read_cases(place)
    assert list(found.cases) == ["case-0", "case-1"]
    assert (found.broken, len(found.version)) == (0, 16)
    case = found.cases["case-1"]
    source, mask, truth = pictures(1)
    assert case.size == Size(WIDTH, HEIGHT)
    assert (case.source() == source).all()
    assert (case.mask() == mask).all()
    assert (case.true_image() == truth).all()
    assert (case.image("grey") == np.where(mask[..., None], 128, source)).all()
    assert case.facts.pixels == mask.sum()
    assert case.facts.boxes == (Box(20, 10, 34, 24),)
    assert [result.method for result in case.results] == ["grey", "white"]


def test_a_result_says_what_made_it(place: Path) -> None:
    result = read_cases(place).cases["case-0"].result("grey")
    assert (result.title, result.licence, result.revision, result.device) == ("Grey", "CC0-1.0", "1", "cpu")
    assert json.loads(result.options) == {"seed": 0}
    assert (result.seconds, result.score, result.judge, result.imported) == (0.25, 0.75, "stub-1", False)
    assert result.box == Box(20, 10, 34, 24)


def test_there_are_no_cases_in_no_folder_an_empty_one_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "nowhere", tmp_path, tmp_path / "file"):
        assert (read_cases(place).cases, read_cases(place).version) == ({}, "")


def test_what_is_no_case_is_passed_by(place: Path) -> None:
    (place / ".git").mkdir()
    (place / "notes.txt").write_text("")
    (place / "begun").mkdir()
    (place / "begun" / "source.png").write_bytes(b"not finished")
    assert (len(read_cases(place).cases), read_cases(place).broken) == (2, 0)


def test_the_version_changes_with_what_the_cases_say(place: Path, case: Path) -> None:
    before = read_cases(place).version
    assert read_cases(place).version == before
    say(case, said(case) | {"title": "Another"})
    changed = read_cases(place).version
    shutil.rmtree(case)
    assert len({before, changed, read_cases(place).version}) == 3


def change(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def changed(told: dict[str, Any]) -> None:
        inner: Any = told
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to

    return changed


HOSTILE = {
    "a newer schema": change("schema", to=2),
    "no schema": change("schema", to=None),
    "a switch for a number": change("schema", to=True),
    "a title that is a list": change("title", to=[]),
    "a title of two lines": change("title", to="a\nb"),
    "a title with a control character": change("title", to="a\x1b[2J"),
    "a title without end": change("title", to="a" * 10_000),
    "no width": change("width", to=0),
    "a width with a fraction": change("width", to=56.0),
    "a huge picture": change("height", to=10**8),
    "no source": change("source", to=None),
    "a source above the folder": change("source", "file", to="../case-1/source.png"),
    "a source anywhere": change("source", "file", to="/etc/passwd"),
    "case.json as a picture": change("source", "file", to="case.json"),
    "a file that is not there": change("source", "file", to="other.png"),
    "a file of another length": change("source", "bytes", to=1),
    "a digest that is none": change("source", "digest", to="0" * 63),
    "a mask without pixels": change("mask", "pixels", to=0),
    "more marked than there is": change("mask", "pixels", to=WIDTH * HEIGHT + 1),
    "a box outside": change("mask", "boxes", to=[[0, 0, WIDTH + 1, 1]]),
    "a box of three": change("mask", "boxes", to=[[0, 0, 1]]),
    "an empty box": change("mask", "boxes", to=[[3, 3, 3, 5]]),
    "a maker that is markup": change("mask", "made_by", to=["<b>"]),
    "a truth that is text": change("truth", to="truth.png"),
    "a truth above the folder": change("truth", "file", to="..\\truth.png"),
    "results that are no list": change("results", to={}),
    "a result that is text": change("results", 0, to="grey"),
    "a method that is a path": change("results", 0, "method", to="../grey"),
    "a method that is markup": change("results", 0, "method", to="<script>"),
    "a method called truth": change("results", 0, "method", to="truth"),
    "two results of one method": change("results", 0, "method", to="white"),
    "a result's file above the folder": change("results", 0, "file", to="../x.png"),
    "a box outside the photo": change("results", 0, "box", to=[-1, 0, 4, 4]),
    "endless seconds": change("results", 0, "seconds", to=float("inf")),
    "seconds that are no number": change("results", 0, "seconds", to=float("nan")),
    "seconds that are text": change("results", 0, "seconds", to="1"),
    "seconds below zero": change("results", 0, "seconds", to=-1),
    "a score above one": change("results", 0, "score", to=1.01),
    "a score that is no number": change("results", 0, "score", to=float("nan")),
    "more changed than there is": change("results", 0, "changed_outside", to=10**9),
    "options that are a list": change("results", 0, "options", to=[1]),
    "options in options": change("results", 0, "options", to={"a": {"b": 1}}),
    "options that are no number": change("results", 0, "options", to={"seed": float("inf")}),
    "imported by a number": change("results", 0, "imported", to=1),
}


@pytest.mark.parametrize("changed", HOSTILE.values(), ids=HOSTILE)
def test_a_case_that_says_what_it_may_not_is_left_out(
    place: Path, case: Path, changed: Callable[[dict[str, Any]], None], caplog: pytest.LogCaptureFixture
) -> None:
    told = said(case)
    changed(told)
    say(case, told)
    found = read_cases(place)
    assert (list(found.cases), found.broken) == (["case-1"], 1)
    (record,) = caplog.records
    assert "case-0" in record.getMessage()
    assert "\n" not in record.getMessage()


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"schema": 1}', b'{"schema": 1' + b" " * 3_000_000]
)
def test_a_case_without_sound_json_is_left_out(place: Path, case: Path, text: bytes) -> None:
    (case / "case.json").write_bytes(text)
    assert (list(read_cases(place).cases), read_cases(place).broken) == (["case-1"], 1)


@pytest.mark.parametrize("name", ["source.png", "mask.png", "truth.png", "grey.png"])
def test_a_case_without_one_of_its_pictures_is_left_out(place: Path, case: Path, name: str) -> None:
    (case / name).unlink()
    assert (list(read_cases(place).cases), read_cases(place).broken) == (["case-1"], 1)


@pytest.mark.parametrize("name", ["source.png", "mask.png", "truth.png", "grey.png"])
def test_a_case_with_a_cut_picture_is_left_out(place: Path, case: Path, name: str) -> None:
    (case / name).write_bytes((case / name).read_bytes()[:-1])
    assert (list(read_cases(place).cases), read_cases(place).broken) == (["case-1"], 1)


def test_a_picture_that_a_link_stands_for_is_missing(place: Path, case: Path, tmp_path: Path) -> None:
    (case / "source.png").rename(tmp_path / "source.png")
    (case / "source.png").symlink_to(tmp_path / "source.png")
    assert list(read_cases(place).cases) == ["case-1"]


def test_a_case_that_a_link_leads_to_is_none(place: Path, case: Path, tmp_path: Path) -> None:
    case.rename(tmp_path / "case-0")
    (place / "case-0").symlink_to(tmp_path / "case-0")
    assert list(read_cases(place).cases) == ["case-1"]


def test_a_folder_whose_name_is_no_id_is_left_out_and_told_on_one_line(
    place: Path, case: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case.rename(place / "Case\n0")
    found = read_cases(place)
    assert (list(found.cases), found.broken) == (["case-1"], 1)
    assert caplog.text.count("\n") == 1


@pytest.mark.parametrize("name", ["source.png", "mask.png", "truth.png", "grey.png"])
def test_a_picture_that_changed_since_is_refused_with_a_sentence(place: Path, case: Path, name: str) -> None:
    found = read_cases(place).cases["case-0"]
    shutil.copy(place / "case-1" / ("white.png" if name == "grey.png" else name), case / name)
    if name == "mask.png":
        save(case / name, ~pictures(0)[1])
    looks: dict[str, Callable[[], object]] = {
        "source.png": found.source,
        "mask.png": found.mask,
        "truth.png": found.true_image,
        "grey.png": lambda: found.image("grey"),
    }
    with pytest.raises(StorageError, match=f"{name} of the ready case case-0 is damaged") as caught:
        looks[name]()
    assert str(place) not in caught.value.sentence, "visitors read it"


def test_a_picture_that_is_gone_or_no_picture_is_refused_with_a_sentence(place: Path, case: Path) -> None:
    found = read_cases(place).cases["case-0"]
    (case / "grey.png").write_bytes(b"GIF89a")
    with pytest.raises(StorageError, match="is damaged"):
        found.image("grey")
    (case / "source.png").unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        found.source()


def test_a_picture_larger_than_told_is_never_decoded(place: Path, case: Path) -> None:
    found = read_cases(place).cases["case-0"]
    PIL.Image.new("1", (3000, 3000)).save(case / "source.png")
    with pytest.raises(StorageError, match="the limit is"):
        found.source()


def test_what_a_case_does_not_have_is_refused_with_a_sentence(tmp_path: Path) -> None:
    case = read_cases(made_set(tmp_path, truths=False)).cases["case-0"]
    with pytest.raises(InputError, match="without its object"):
        case.true_image()
    with pytest.raises(InputError, match="no result of 'lama'"):
        case.image("lama")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_a_case_the_set_is_read(place: Path, data: st.DataObject) -> None:
    logging.getLogger("rorem_demo.comparison.cases").disabled = True
    try:
        told = said(place / "case-1")
        spot: Any = data.draw(st.sampled_from([told, told["source"], told["mask"], told["truth"], told["results"][0]]))
        spot[data.draw(st.sampled_from(sorted(spot)))] = data.draw(ANY)
        say(place / "case-0", told)
        found = read_cases(place)
        assert len(found.cases) + found.broken == 2
        assert "case-1" in found.cases
    finally:
        logging.getLogger("rorem_demo.comparison.cases").disabled = False


@pytest.mark.slow
def test_ten_thousand_cases_are_read_in_seconds(tmp_path: Path) -> None:
    place = made_set(tmp_path, count=1)
    for number in range(1, 10_000):
        shutil.copytree(place / "case-0", place / f"case-{number}", copy_function=os.link)
    start = time.process_time()
    found = read_cases(place)
    assert (len(found.cases), found.broken) == (10_000, 0)
    assert time.process_time() - start < 5


def test_results_stand_in_the_order_of_the_catalogue_and_others_after_them(place: Path, case: Path) -> None:
    told = said(case)
    told["results"] = [
        told["results"][0] | {"method": name} for name in ("zebra", "telea", "another", "shift-map", "rorem")
    ]
    say(case, told)
    found: Case = read_cases(place).cases["case-0"]
    assert [result.method for result in found.results] == ["rorem", "shift-map", "telea", "another", "zebra"]
    whole(read_cases(place))


@pytest.mark.parametrize(
    ("options", "imported", "grown"),
    [
        ({"grow": 8}, False, 8),
        ({"grow": 8}, True, 0),
        ({}, False, 0),
        ({"grow": 10**9}, False, 0),
        ({"grow": "8"}, False, 0),
    ],
)
def test_a_result_says_by_how_much_the_mask_was_grown(
    place: Path,
    case: Path,
    options: dict[str, Any],
    imported: bool,  # noqa: FBT001
    grown: int,
) -> None:
    told = said(case)
    told["results"][0] |= {"options": options, "imported": imported}
    say(case, told)
    assert read_cases(place).cases["case-0"].result("grey").grown_by == grown
