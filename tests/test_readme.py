"""Documents: what they say of the code, held against the code."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from huggingface_hub import RepoCard

from rorem_demo.cli import main
from rorem_demo.settings import Settings
from rorem_demo.ui.examples import ASSETS, EXAMPLES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(path for folder in (ROOT, ROOT / "docs", ASSETS) for path in folder.glob("*.md"))
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}  # all that the Hub knows
PIN = re.compile(r"([\w-]+)(?:\[[\w,]+\])?==(\d[\w.]*)")
MACHINE_PATH = re.compile(r"(?<![\w.:/])(?:/work|/root|/home|/Users|/tmp|C:\\)\b")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def lines_of(name: str) -> list[str]:
    """Without comments and blank lines."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pins(lines: list[str]) -> dict[str, str]:
    return {found[1]: found[2] for line in lines if (found := PIN.fullmatch(line))}


class Recorder(Mapping[str, str]):
    """An environment with nothing set that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_front_matter_is_what_a_space_needs() -> None:
    front = RepoCard.load(ROOT / "README.md").data.to_dict()
    needed = {"sdk": "gradio", "python_version": "3.12", "license": "apache-2.0", "app_file": "app.py"}
    assert front | needed == front
    assert front["sdk_version"] == pins(lines_of("requirements.txt"))["gradio"]
    assert (ROOT / front["app_file"]).is_file()
    assert len(front["short_description"]) <= 60  # the Hub refuses longer ones
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS


def test_the_python_of_the_space_is_one_we_support() -> None:
    version = RepoCard.load(ROOT / "README.md").data.to_dict()["python_version"]
    assert (3, 11) <= tuple(map(int, version.split("."))) < (3, 13)


def test_tables_written_by_script_are_up_to_date() -> None:
    command = [sys.executable, "scripts/readme.py", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_every_variable_that_is_read_is_in_the_guide_to_deploying() -> None:
    environment = Recorder()
    Settings.from_environment(environment)
    guide = (ROOT / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
    assert environment.asked
    assert [name for name in sorted(environment.asked) if f"`{name}`" not in guide] == []


def test_the_guide_to_deploying_names_no_variable_that_is_not_read() -> None:
    environment = Recorder()
    Settings.from_environment(environment)
    guide = (ROOT / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
    assert set(re.findall(r"ROREM_\w+", guide)) <= environment.asked


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python -m rorem_demo ([a-z]\w*)", README))))
def test_a_command_in_the_readme_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned(name: str) -> None:
    lines = [line for line in lines_of(name) if line != "-r requirements.txt"]
    assert [line for line in lines if not PIN.fullmatch(line)] == []


def test_the_space_installs_nothing_that_only_tests_need() -> None:
    tools = pins(lines_of("requirements-dev.txt")).keys()
    assert {"pytest", "hypothesis", "playwright"} <= tools
    assert pins(lines_of("requirements.txt")).keys() & tools == set()


def test_every_asset_is_named_with_its_licence() -> None:
    table = (ASSETS / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in ASSETS.iterdir()} - {"README.md"}
    rows = {found[1]: found[2] for found in re.finditer(r"^\| `([^`]+)` \|[^|]+\| ([^|]+) \|", table, re.MULTILINE)}
    assert files == rows.keys()
    assert all(licence.strip() for licence in rows.values())


def test_every_example_is_an_asset() -> None:
    assert [name for name in EXAMPLES if not (ASSETS / name).is_file()] == []


def test_ci_runs_lint_and_test_alone() -> None:
    block = re.search(r"<!-- ci -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == ["make lint", "make test"]
    assert README.count("<!-- ci -->") == 1


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_folder_of_some_machine(path: Path) -> None:
    assert MACHINE_PATH.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
