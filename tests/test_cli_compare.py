"""`compare` as a command: what it makes, prints and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rorem_demo import __version__
from rorem_demo.cli import main
from rorem_demo.comparison.cases import read_cases
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.comparison.case_sets import pictures, save, whole, write_photos
from tests.doubles import CATALOGUE


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services.assemble(Settings(data=tmp_path / "data", discriminator="none"), CATALOGUE)


class Desk:
    """Photos, the command, and what it says."""

    def __init__(self, folder: Path, services: Services, capsys: pytest.CaptureFixture[str]) -> None:
        self.photos, self.output = write_photos(folder / "photos", 2), folder / "set"
        self._services, self._capsys = services, capsys

    def run(self, *arguments: str, cases: bool = True) -> tuple[int, str, str]:
        given = ["--cases", str(self.photos)] if cases else []
        code = main(["compare", *given, "--output", str(self.output), *arguments], self._services)
        out, err = self._capsys.readouterr()
        return code, out, err

    def told(self, *arguments: str, cases: bool = True) -> list[dict[str, Any]]:
        code, out, err = self.run("--json", *arguments, cases=cases)
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines()]

    def methods(self) -> dict[str, list[str]]:
        found = read_cases(self.output)
        whole(found)
        return {key: [result.method for result in case.results] for key, case in found.cases.items()}


@pytest.fixture
def desk(tmp_path: Path, services: Services, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, services, capsys)


def test_a_line_for_every_result_and_a_summary(desk: Desk) -> None:
    code, out, err = desk.run("--methods", "navier-stokes,telea")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("case-0: navier-stokes, 0.")
    assert "2 cases with 4 results" in err
    assert desk.methods() == {"case-0": ["telea", "navier-stokes"], "case-1": ["telea", "navier-stokes"]}


def test_json_has_all_that_is_known_of_a_result(desk: Desk) -> None:
    first, _ = desk.told("--methods", "telea", "--seed", "5", "--grow", "3")
    assert (first["case"], first["method"], first["kept"], first["imported"]) == ("case-0", "telea", False, False)
    assert first["options"] == {"context": 0.1, "feather": 4, "grow": 3, "guidance": 1.0, "seed": 5, "steps": 1}
    assert (first["score"], first["changed_outside"], first["device"]) == (None, 0, "cpu")
    assert (first["box"], first["revision"]) == ([17, 7, 37, 27], __version__)
    assert [each["kept"] for each in desk.told("--methods", "telea", "--seed", "5", "--grow", "3")] == [True, True]
    assert [each["kept"] for each in desk.told("--methods", "telea", "--seed", "6", "--grow", "3")] == [False, False]


def test_every_method_that_can_run_is_the_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    services = Services.assemble(Settings(data=tmp_path / "data", discriminator="none"))
    desk = Desk(tmp_path, services, capsys)
    assert desk.run()[0] == 0
    assert desk.methods()["case-0"] == ["shift-map", "telea", "navier-stokes"]


def test_results_are_imported_beside_those_made_here(desk: Desk, tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / "migan" / f"case-{number}.png", pictures(number)[2])
    code, _, err = desk.run("--methods", "telea", "--import", f"migan={tmp_path / 'migan'}")
    assert code == 0
    assert "migan: pictures of no case here: case-2." in err
    assert desk.methods()["case-1"] == ["telea", "migan"]


def test_an_import_alone_runs_nothing_and_says_what_it_lacks(desk: Desk, tmp_path: Path) -> None:
    save(tmp_path / "migan" / "case-0.png", pictures(0)[2])
    code, _, err = desk.run("--import", f"migan={tmp_path / 'migan'}")
    assert code == 0
    assert "migan: no picture of case-1." in err
    assert desk.methods() == {"case-0": ["migan"], "case-1": []}


def test_methods_are_added_to_a_set_without_its_photos(desk: Desk) -> None:
    desk.told("--methods", "telea")
    assert len(desk.told("--methods", "navier-stokes", cases=False)) == 2
    assert desk.methods()["case-0"] == ["telea", "navier-stokes"]
    code, _, _ = desk.run("--methods", "shift-map", "--cases", str(desk.output), cases=False)
    assert code == 0
    assert desk.methods()["case-0"] == ["shift-map", "telea", "navier-stokes"]


def test_a_method_that_fails_is_told_in_one_line_each_and_the_code_is_2(desk: Desk) -> None:
    code, out, err = desk.run("--methods", "broken,telea", "--json")
    assert code == 2
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["case"] for line in lines if "error" in line] == ["case-0", "case-1"]
    assert [line for line in err.splitlines() if line.startswith("rorem_demo: case-0 by broken: ")]
    assert "2 failed" in err
    assert "secret detail" not in out
    assert desk.methods()["case-0"] == ["telea"]


def test_a_method_without_its_weights_is_told_once_and_the_others_run(desk: Desk) -> None:
    code, _, err = desk.run("--methods", "absent,telea")
    assert code == 2
    assert err.count("Absent cannot run here: it needs 5.1 GB of weights.") == 1
    assert desk.methods()["case-1"] == ["telea"]


def test_a_broken_photo_is_told_and_the_code_is_2(desk: Desk) -> None:
    (desk.photos / "images" / "case-0.png").write_bytes(b"")
    code, out, err = desk.run("--methods", "telea")
    assert code == 2
    assert "rorem_demo: case-0: The file is empty." in err
    assert out.startswith("case-1: telea")


def test_debug_shows_where_an_error_came_from(desk: Desk) -> None:
    (desk.photos / "images" / "case-0.png").write_bytes(b"")
    with pytest.raises(Exception, match="The file is empty"):
        desk.run("--methods", "telea", "--debug")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--methods", "nothing"], "There is no method 'nothing'."),
        (["--methods", "absent"], "None of these methods can run here."),
        (["--methods", ","], "None of these methods can run here."),
        (["--methods", "telea", "--grow", "9999"], "grow is 9999."),
        (["--import", "migan"], "--import is 'migan'."),
        (["--import", "migan=/no/such/folder"], "holds no pictures"),
        (["--import", "Truth=/no/such/folder"], "cannot be a method's name"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is(desk: Desk, arguments: list[str], sentence: str) -> None:
    code, out, err = desk.run(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert not desk.output.exists()


def test_a_method_that_is_named_twice_is_refused(desk: Desk, tmp_path: Path) -> None:
    save(tmp_path / "telea" / "case-0.png", pictures(0)[2])
    code, _, err = desk.run("--methods", "telea", "--import", f"telea={tmp_path / 'telea'}")
    assert code == 2
    assert "named twice" in err


def test_no_cases_are_refused_with_a_way_out(desk: Desk) -> None:
    code, _, err = desk.run("--methods", "telea", cases=False)
    assert code == 2
    assert "There are no cases in" in err
