"""`curate` on the command line, with a real model that learned nothing."""

from __future__ import annotations

import json
import shutil
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem_demo.annotating.annotating import doubt
from rorem_demo.cli import main
from rorem_demo.cli.curate import place
from rorem_demo.curation.recipe import BANDS
from rorem_demo.curation.table import HEADER
from rorem_demo.feedback.records import Rating
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.routes import Routes
from tests.curation.models import write_model
from tests.curation.rendered import write_photos
from tests.doubles import CATALOGUE

pytestmark = pytest.mark.slow

COUNT = 8


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos and a model, not to be changed."""
    folder = tmp_path_factory.mktemp("given")
    write_photos(folder / "images", COUNT)
    write_model(folder / "model")
    return folder


class Desk:
    """What the command line says."""

    def __init__(self, folder: Path, given: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.images, self.model, self.output = given / "images", given / "model", folder / "out"
        self.services = Services.assemble(Settings(data=folder / "data", max_megapixels=1.0), CATALOGUE)

    def curate(self, *options: str) -> int:
        """With what must be given; the last of an option given twice counts."""
        given = ["--images", self.images, "--method", "telea", "--discriminator", self.model, "--output", self.output]
        return main(["curate", *map(str, given), "--accept", "0.7", *options], self.services)

    def refusal(self) -> str:
        """The last line on stderr, where nothing was printed."""
        captured = self.capsys.readouterr()
        assert captured.out == ""
        line = captured.err.strip().splitlines()[-1]
        assert line.startswith("rorem_demo: ")
        return line

    def rounds(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]


@pytest.fixture
def desk(tmp_path: Path, given: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, given, capsys)


def scores(folder: Path, bands: Sequence[str] = BANDS) -> dict[str, float]:
    """By photo."""
    rows = [row for band in bands for row in json.loads((folder / band / "meta.json").read_text())]
    return {row["photo"]: row["score"] for row in rows}


def test_a_round_is_told_as_a_row_of_the_table(desk: Desk) -> None:
    assert desk.curate("--round", "Auto 1") == 0
    told = desk.capsys.readouterr()
    header, row, place = told.out.splitlines()
    assert tuple(header.split()) == HEADER
    assert row.startswith("Auto 1  images  telea   compact-")
    assert place == f"All of it is in {desk.output}."
    assert f"{COUNT}/{COUNT}" in told.err, "the progress bar"


def test_the_model_s_scores_are_those_of_the_command_score(desk: Desk) -> None:
    assert desk.curate("--grow", "0", "--json") == 0
    assert desk.rounds()[0]["tested"] == COUNT
    photo, score = next(iter(scores(desk.output).items()))
    mask, result = desk.images / photo.replace(".", "_mask."), desk.folder / "result.png"
    paths = str(desk.images / photo), str(mask)
    assert main(["remove", *paths, "-o", str(result), "--method", "telea", "--grow", "0"], desk.services) == 0
    desk.capsys.readouterr()
    files = {"--model": desk.model, "--source": paths[0], "--mask": paths[1], "--result": result}
    assert main(["discriminator", "score", *(str(x) for pair in files.items() for x in pair), "--json"]) == 0
    assert json.loads(desk.capsys.readouterr().out)["score"] == pytest.approx(score, abs=1e-4)


def test_the_same_again_has_nothing_to_do_and_tells_the_table(desk: Desk) -> None:
    assert desk.curate("--json") == 0
    first = desk.rounds()
    assert desk.curate("--json") == 0
    told = desk.capsys.readouterr()
    assert [json.loads(line) for line in told.out.splitlines()] == first
    assert "nothing to test" in told.err


def test_another_method_is_another_round(desk: Desk) -> None:
    assert desk.curate("--json") == 0
    desk.rounds()
    assert desk.curate("--method", "navier-stokes", "--json") == 0
    rounds = desk.rounds()
    assert [one["method"] for one in rounds] == ["telea", "navier-stokes"]
    assert rounds[1]["total"] == rounds[0]["selected"] + rounds[1]["selected"]


def test_what_it_is_unsure_of_waits_in_the_annotate_tab_the_least_sure_first(desk: Desk) -> None:
    assert desk.curate("--unsure", "0.1..0.7", "--licence", "CC0-1.0", "--json") == 0
    meta = desk.output / "unsure" / "meta.json"
    rows = json.loads(meta.read_text())
    assert len(rows) > 2
    meta.write_text(json.dumps(rows[::-1]))
    services = Services.assemble(Settings(data=desk.folder / "data", annotate=str(meta.parent)), CATALOGUE)
    http = TestClient(Starlette(routes=Routes(services).all()))
    while (item := http.post("/rorem/annotate/next", json={"visit": "anna"}).json()).get("wait", item.get("more")):
        time.sleep(0.05)
    while "item" in item:
        assert all(http.get(f"/rorem/{item[name]}").status_code == 200 for name in ("source", "mask", "result"))
        answer = {"visit": "anna", "removed": True}
        assert http.post(f"/rorem/annotate/{item['item']}/rating", json=answer).status_code == 201
        item = http.post("/rorem/annotate/next", json={"visit": "anna"}).json()
    kept = [held.record for held in services.judging.desk.store.each(Rating)]
    doubts = {item.digests[2]: doubt(item) for item in services.annotating.pile.items}
    services.close(0.0)
    assert [(one.origin, one.method, one.licence) for one in kept] == [("annotate", "telea", "CC0-1.0")] * len(rows)
    photos = {tuple(row["digests"].values()) for row in rows}  # as they were before they were kept
    assert {(one.source, one.mask, one.result) for one in kept} == photos
    answered = [doubts[one.result] for one in kept]
    assert answered == sorted(doubts.values(), reverse=True)
    assert 0 < answered[-1] < answered[0]


def test_masks_may_lie_in_a_folder_of_their_own(desk: Desk) -> None:
    shutil.copytree(desk.images, desk.folder / "photos")
    (desk.folder / "masks").mkdir()
    for path in (desk.folder / "photos").glob("*_mask.png"):
        path.rename(desk.folder / "masks" / path.name.replace("_mask", ""))
    assert desk.curate("--images", str(desk.folder / "photos"), "--masks", str(desk.folder / "masks"), "--json") == 0
    assert desk.rounds()[0]["tested"] == COUNT


def test_triplets_may_be_curated_again(desk: Desk) -> None:
    """What was accepted is in RORem's layout, which is a source, too."""
    assert desk.curate("--accept", "0.2", "--json") == 0
    accepted = desk.rounds()[0]["selected"]
    again = ["--images", str(desk.output / "accepted"), "--output", str(desk.folder / "second")]
    assert desk.curate(*again, "--method", "navier-stokes", "--json") == 0
    assert desk.rounds()[0]["tested"] == accepted > 0


def test_what_cannot_be_tested_is_listed_and_no_failure_of_the_run(desk: Desk) -> None:
    shutil.copytree(desk.images, desk.folder / "images")
    (desk.folder / "images/003.png").write_text("no photo")
    (desk.folder / "images/lonely.png").write_bytes((desk.images / "001.png").read_bytes())
    assert desk.curate("--images", str(desk.folder / "images"), "--json") == 0
    told = desk.capsys.readouterr()
    assert json.loads(told.out)["failed"] == 2
    assert "rorem_demo: 003.png 003_mask.png: The file is not a photo" in told.err
    assert "rorem_demo: lonely.png lonely_mask.png: Cannot read" in told.err


def test_a_run_in_which_nothing_could_be_tested_is_2(desk: Desk) -> None:
    assert desk.curate("--method", "broken") == 2
    assert "Broken failed" in desk.capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--images", "/no/such"], "There is no folder /no/such."),
        (["--masks", "/no/such"], "There is no folder /no/such."),
        (["--method", "nothing-like-it"], "There is no method 'nothing-like-it'."),
        (["--method", "absent"], "Absent cannot run here"),
        (["--discriminator", "/no/such"], "/no/such/config.json cannot be read"),
        (["--unsure", "0.5..0.8"], "accepted from 0.7 and unsure in 0.5..0.8"),
        (["--unsure", "middle"], "The unsure scores are 'middle'."),
        (["--accept", "7"], "accepted from 7"),
        (["--shard-size", "0"], "--shard-size is 0."),
        (["--grow", "100000"], "grow is 100000"),
        (["--work", "here"], "--work goes with a Hub dataset"),
        (["--output", "owner/name"], "There is no token for the Hub. Set HF_TOKEN to one that may write to owner/name"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(
    desk: Desk, options: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert desk.curate(*options) == 2
    assert sentence in desk.refusal()


def test_results_never_go_among_the_photos(desk: Desk) -> None:
    assert desk.curate("--output", str(desk.images)) == 2
    assert "holds the inputs" in desk.refusal()


@pytest.mark.parametrize("output", ["there/new", "./owner/name", "/tmp/a/b/c", "new"])
def test_what_may_be_a_folder_is_none_on_the_hub(desk: Desk, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder)
    (desk.folder / "there").mkdir()
    asked = Namespace(output=output, work=None, shard_size=1)
    assert place(asked, desk.services) == (Path(output), "")


def test_a_folder_without_photos_is_refused(desk: Desk) -> None:
    (desk.folder / "empty").mkdir()
    assert desk.curate("--images", str(desk.folder / "empty")) == 2
    assert "no photos" in desk.refusal()


def test_masks_beside_a_folder_that_names_its_own_are_refused(desk: Desk) -> None:
    (desk.folder / "layout").mkdir()
    (desk.folder / "layout/meta.json").write_text("[]")
    assert desk.curate("--images", str(desk.folder / "layout"), "--masks", str(desk.images)) == 2
    assert "names its masks" in desk.refusal()


def test_a_damaged_model_is_refused(desk: Desk) -> None:
    model = desk.folder / "model"
    shutil.copytree(desk.model, model)
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-8])
    assert desk.curate("--discriminator", str(model)) == 2
    assert "damaged" in desk.refusal()


def test_a_model_that_says_the_same_of_everything_is_refused(desk: Desk) -> None:
    from rorem_demo.discriminator.network import ModelConfig, load_model, save_model
    from rorem_demo.statistics import Calibration

    loaded = load_model(desk.model)
    level = Calibration(slope=0.0).to_json()
    config = ModelConfig(network="compact", views=loaded.config.views, calibration=level)
    save_model(desk.folder / "level", loaded.network, config)
    assert desk.curate("--discriminator", str(desk.folder / "level")) == 2
    assert "scores an object left as it was 0.5000 and a clean picture 0.5000" in desk.refusal()
