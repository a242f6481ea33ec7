"""`discriminator` on the command line: train, evaluate and score are what the package does, in words."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as given_
from hypothesis import strategies as st

from rorem_demo.cli import main
from rorem_demo.cli.discriminator import in_words
from rorem_demo.discriminator import network, train
from rorem_demo.discriminator.card import _BODY
from rorem_demo.discriminator.network import NETWORKS, load_model
from rorem_demo.discriminator.report import from_json
from rorem_demo.discriminator.score import Scorer
from rorem_demo.imaging.io import encode_image, encode_mask
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.curation.models import write_model
from tests.discriminator.scenes import triple, write
from tests.discriminator.tiny import TINY


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, the files of a result, and rated results; not to be changed."""
    folder = tmp_path_factory.mktemp("given")
    write_model(folder / "model")
    source, mask, result = triple(np.random.default_rng(3), "ghost")
    files = {"source": encode_image(source, "PNG"), "mask": encode_mask(mask), "result": encode_image(result, "PNG")}
    for name, data in files.items():
        (folder / f"{name}.png").write_bytes(data)
    write(folder / "rated", 60)
    return folder


class Desk:
    """What the command line says."""

    def __init__(self, folder: Path, given: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.given, self.capsys = folder, given, capsys
        self.services = Services.assemble(Settings(data=folder / "data", max_megapixels=1.0))

    def run(self, *arguments: str) -> int:
        return main(["discriminator", *arguments], self.services)

    def score(self, *options: str) -> int:
        files = {name: self.given / f"{name}.png" for name in ("source", "mask", "result")}
        asked = {"model": self.given / "model", **files}
        return self.run("score", *(part for name, path in asked.items() for part in (f"--{name}", str(path))), *options)

    def refusal(self) -> str:
        captured = self.capsys.readouterr()
        assert captured.out == ""
        line = captured.err.strip().splitlines()[-1]
        assert line.startswith("rorem_demo: ")
        return line


@pytest.fixture
def desk(tmp_path: Path, given: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, given, capsys)


# --- score --------------------------------------------------------------------------------------------------------


def test_a_score_is_the_scorer_s(desk: Desk) -> None:
    assert desk.score("--json") == 0
    found = json.loads(desk.capsys.readouterr().out)
    scorer = Scorer.load(desk.given / "model")
    source, mask, result = triple(np.random.default_rng(3), "ghost")
    expected = scorer.score(source, mask, result)
    assert found == {"score": round(expected, 4), "judge": scorer.version, "simulated": False}


def test_a_score_is_told_in_words_with_the_version(desk: Desk) -> None:
    assert desk.score() == 0
    line = desk.capsys.readouterr().out
    assert re.fullmatch(r"(likely clean|likely not clean|not sure): \d+% \(compact-[0-9a-f]{12}\)\n", line)


def test_the_command_that_a_model_s_card_tells_is_this_one(desk: Desk) -> None:
    (told,) = re.findall(r"python -m rorem_demo (discriminator score .*)", _BODY)
    files = {"FOLDER": "model", "PHOTO": "source.png", "MASK": "mask.png", "RESULT": "result.png"}
    for word, name in files.items():
        told = told.replace(f" {word}", f" {desk.given / name}")
    assert main(told.split(), desk.services) == 0


@given_(st.floats(0, 1))
def test_words_and_numbers_agree(score: float) -> None:
    kind, percent = re.fullmatch(r"([a-z ]+): (\d+)%", in_words(score)).groups()  # type: ignore[union-attr]
    likely = 100 - int(percent) if kind == "likely not clean" else int(percent)
    assert likely == pytest.approx(100 * score, abs=1.01)
    assert (kind == "not sure") == (40 <= likely <= 60)
    assert 1 <= likely <= 99


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--model", "/no/such"], "/no/such/config.json cannot be read"),
        (["--source", "/no/such.png"], "Cannot read /no/such.png"),
        (["--result", "{other}"], "The result is 40x30 but the photo is 200x150."),
        (["--mask", "{empty}"], "Nothing is marked."),
    ],
)
def test_what_cannot_be_scored_is_one_line_and_2(desk: Desk, option: list[str], sentence: str) -> None:
    (desk.folder / "other.png").write_bytes(encode_image(np.zeros((30, 40, 3), np.uint8), "PNG"))
    (desk.folder / "empty.png").write_bytes(encode_mask(np.zeros((150, 200), np.bool_)))
    places = {"other": desk.folder / "other.png", "empty": desk.folder / "empty.png"}
    assert desk.score(*(text.format(**places) for text in option)) == 2
    assert sentence in desk.refusal()


# --- evaluate -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_evaluation_writes_a_report_and_tells_its_goals(desk: Desk) -> None:
    output = desk.folder / "report"
    asked = ["evaluate", str(desk.given / "model"), "--dataset", str(desk.given / "rated"), "--output", str(output)]
    assert desk.run(*asked, "--json") == 0
    found = json.loads(desk.capsys.readouterr().out)
    report = from_json((output / "report.json").read_bytes())
    assert found["version"] == report.lineage.version == load_model(desk.given / "model").config.version
    assert found["report"] == str(output / "report.json")
    assert set(found["goals"]) == {goal.name for goal in report.evaluation.goals}
    assert (output / "report.md").read_text().startswith(f"# Report of {report.lineage.version}")
    assert list((output / "plots").glob("*.png"))
    assert desk.run(*asked) == 0
    told = desk.capsys.readouterr()
    assert told.out.splitlines()[-1] == f"The report is {output / 'report.md'}."
    assert "60 answers read, 60 used" in told.err


def test_a_dataset_that_is_not_there_is_one_line_and_2(desk: Desk) -> None:
    asked = ["evaluate", str(desk.given / "model"), "--dataset", "/no/such", "--output", str(desk.folder)]
    assert desk.run(*asked) == 2
    assert "/no/such" in desk.refusal()


@pytest.mark.parametrize("count", [0, 1])
def test_a_dataset_without_rows_to_judge_by_is_one_line_and_2(desk: Desk, count: int) -> None:
    rated = write(desk.folder / "rated", 1)
    if not count:
        (rated / "meta.json").write_text("[]")
    asked = ["evaluate", str(desk.given / "model"), "--dataset", str(rated), "--output", str(desk.folder / "report")]
    assert desk.run(*asked) == 2
    assert f"None of {count} results" in desk.refusal()
    assert not (desk.folder / "report").exists()


# --- train --------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is trained in no time."""
    rows = network.Networks(*NETWORKS, TINY)
    for module in (network, train):
        monkeypatch.setattr(module, "NETWORKS", rows)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_training_takes_the_script_s_options_and_tells_the_version(desk: Desk) -> None:
    output = desk.folder / "model"
    (desk.folder / "recipe.toml").write_text('network = "tiny"\nepochs = 9\n')
    asked = ["--dataset", str(desk.given / "rated"), "--config", str(desk.folder / "recipe.toml")]
    assert desk.run("train", *asked, "--epochs", "2", "--seed", "4", "--output", str(output), "--json") == 0
    lines = [line for line in desk.capsys.readouterr().out.splitlines() if line.startswith("{")]
    config = load_model(output).config
    assert json.loads(lines[-1]) == {"version": config.version, "folder": str(output)}
    assert config.lineage["recipe"]["epochs"] == 2
    assert config.lineage["recipe"]["seed"] == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No dataset is named."),
        (["--dataset", "x"], "No output is named."),
        (["--dataset", "/no/such", "--output", "{folder}/m"], "/no/such"),
        (["--dataset", "x", "--output", "{folder}/m", "--network", "giant"], "There is no network 'giant'."),
        (["--config", "/no/such.toml"], "/no/such.toml cannot be read"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_2(desk: Desk, arguments: list[str], sentence: str) -> None:
    assert desk.run("train", *(text.format(folder=desk.folder) for text in arguments)) == 2
    assert sentence in desk.refusal()


def test_the_command_line_imports_no_torch_until_a_command_needs_it() -> None:
    heavy = ["accelerate", "datasets", "torch", "matplotlib", "pyarrow"]
    code = (
        "import sys; from rorem_demo.cli import main;"
        "main(['discriminator', 'train', '--config', '/no/such.toml']);"
        "main('curate --images x --method x --discriminator x --output x --shard-size 0'.split());"
        f"sys.exit(', '.join(m for m in {heavy} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.count("rorem_demo: ") == len(done.stderr.strip().splitlines()) == 2
