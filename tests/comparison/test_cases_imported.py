"""Results from elsewhere: what is taken, what is told of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rorem_demo.comparison.building import Outcome
from rorem_demo.comparison.cases import CaseResult, read_cases
from rorem_demo.comparison.imported import imported
from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Box, Image
from rorem_demo.removers.catalog import REMOVERS
from tests.comparison.case_sets import Counted, built, pictures, save, whole, write_photos


def result_of(number: int, level: int = 99) -> Image:
    source, mask, _ = pictures(number)
    source[mask] = level
    return source


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for number in range(2):
        save(tmp_path / "results" / f"case-{number}.png", result_of(number))
    return tmp_path / "results"


def run(tmp_path: Path, results: Path, name: str = "migan") -> list[Outcome]:
    photos = write_photos(tmp_path / "photos", 2)
    return built(photos, tmp_path / "set", imported(name, results, REMOVERS))


def only(tmp_path: Path, name: str = "migan") -> CaseResult:
    return read_cases(tmp_path / "set").cases["case-0"].result(name)


def test_pictures_named_as_the_cases_become_results(tmp_path: Path, results: Path) -> None:
    assert [outcome.kept for outcome in run(tmp_path, results)] == [False, False]
    found = read_cases(tmp_path / "set")
    whole(found)
    assert (found.cases["case-1"].image("migan") == result_of(1)).all()
    result = only(tmp_path)
    assert (result.imported, result.title, result.licence, result.options) == (True, "migan", "", "{}")
    assert (result.seconds, result.device, result.revision) == (None, "", "")
    assert (result.box, result.changed_outside, result.score) == (Box(20, 10, 34, 24), 0, 0.75)


def test_method_json_says_what_made_them(tmp_path: Path, results: Path) -> None:
    told = {
        "title": "MI-GAN",
        "licence": "MIT",
        "revision": "abc",
        "options": {"seed": 4},
        "seconds": 2,
        "device": "gpu",
    }
    (results / "method.json").write_text(json.dumps(told))
    run(tmp_path, results)
    result = only(tmp_path)
    assert (result.title, result.licence, result.revision, result.device) == ("MI-GAN", "MIT", "abc", "gpu")
    assert (json.loads(result.options), result.seconds) == ({"seed": 4}, 2.0)


def test_a_key_of_the_catalogue_has_its_title_and_licence(tmp_path: Path, results: Path) -> None:
    run(tmp_path, results, "lama")
    assert (only(tmp_path, "lama").title, only(tmp_path, "lama").licence) == ("LaMa", REMOVERS["lama"].licence)


def test_the_same_pictures_are_not_stored_again_but_others_are(tmp_path: Path, results: Path) -> None:
    run(tmp_path, results)
    assert [outcome.kept for outcome in run(tmp_path, results)] == [True, True]
    save(results / "case-0.png", result_of(0, level=11))
    (results / "method.json").write_text(json.dumps({"title": "New", "seconds": 3.5}))
    assert [outcome.kept for outcome in run(tmp_path, results)] == [False, True]
    second = read_cases(tmp_path / "set").cases["case-1"].result("migan")
    assert (second.title, second.seconds) == ("New", 3.5)
    whole(read_cases(tmp_path / "set"))


def test_a_lossy_result_is_stored_whole_with_what_it_changed_outside(tmp_path: Path, results: Path) -> None:
    (results / "case-0.png").unlink()
    save(results / "case-0.jpg", result_of(0), quality=60)
    run(tmp_path, results)
    result = only(tmp_path)
    assert result.box is None
    assert result.changed_outside > 1000
    whole(read_cases(tmp_path / "set"))


def test_a_result_of_another_size_is_refused_and_the_others_are_taken(tmp_path: Path, results: Path) -> None:
    save(results / "case-0.png", np.zeros((40, 55, 3), np.uint8))
    first, second = run(tmp_path, results)
    assert "case-0.png is 55x40 but the photo is 56x40" in str(first.error)
    assert second.error is None
    assert read_cases(tmp_path / "set").cases["case-0"].results == ()


def test_a_huge_or_broken_result_is_refused(tmp_path: Path, results: Path) -> None:
    save(results / "case-0.png", np.zeros((3000, 3000), np.bool_))
    (results / "case-1.png").write_bytes(b"")
    first, second = run(tmp_path, results)
    assert "limit" in str(first.error)
    assert "empty" in str(second.error)


def test_cases_without_a_picture_are_passed_by(tmp_path: Path, results: Path) -> None:
    (results / "case-0.png").unlink()
    assert [outcome.case for outcome in run(tmp_path, results)] == ["case-1"]


@pytest.mark.parametrize("name", ["", "A", "a b", "../a", "truth", "source", "mask", "case", "untouched", "a_b", "-a"])
def test_names_that_no_method_can_have_are_refused(results: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a method's name"):
        imported(name, results, REMOVERS)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="holds no pictures"):
            imported("migan", folder, REMOVERS)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"title": 3}', '{"seconds": -1}', '{"seconds": NaN}', '{"options": []}', '{"options": {"a": {}}}',
     '{"licence": "a\\nb"}'],
)  # fmt: skip
def test_a_broken_method_json_is_refused(results: Path, text: str) -> None:
    (results / "method.json").write_text(text)
    with pytest.raises(InputError, match=r"method\.json"):
        imported("migan", results, REMOVERS)


def test_what_was_made_here_and_what_was_imported_take_each_others_place(tmp_path: Path, results: Path) -> None:
    grey = Counted()
    built(write_photos(tmp_path / "photos", 2), tmp_path / "set", grey)
    assert [outcome.kept for outcome in run(tmp_path, results, "grey")] == [False, False]
    assert only(tmp_path, "grey").imported
    built(tmp_path / "photos", tmp_path / "set", grey)
    assert (only(tmp_path, "grey").imported, len(grey.runs)) == (False, 4)
