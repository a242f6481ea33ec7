"""The commands `weights` and `doctor --pin`: what they print, write and answer; through the real client of the Hub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rorem_demo.cli import main
from rorem_demo.removers.base import Cost, RemoverSpec
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import PINS, WeightFile
from rorem_demo.runtime.weights import Weights
from rorem_demo.segmenters.base import SegmenterSpec
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.hub import LoopbackHub

LARGE, SMALL = b"large" * 400_000, b"{}"
FILES = {"model.safetensors": LARGE, "config.json": SMALL}
KNOWN = {
    "model.safetensors": {"size": len(LARGE), "sha256": hashlib.sha256(LARGE).hexdigest()},
    "config.json": {"size": len(SMALL)},
}


def file(repository: str, name: str = "model.safetensors") -> WeightFile:
    return WeightFile(repository=repository, file=name, megabytes=2)


def remover(key: str, *weights: WeightFile) -> RemoverSpec:
    cost = Cost(memory_gb=0, fixed_seconds=0)
    return RemoverSpec(
        key=key, title=key.title(), summary="", loader="", licence="", source="", cost=cost, weights=weights
    )


def segmenter(key: str, *weights: WeightFile) -> SegmenterSpec:
    return SegmenterSpec(
        key=key,
        title=key.title(),
        summary="",
        loader="",
        licence="",
        source="",
        prompts=frozenset({"click"}),
        encode_seconds=1.0,
        weights=weights,
    )


@dataclass
class Desk:
    """The command line over a catalogue of doubles, with its pins in a folder of its own."""

    hub: LoopbackHub
    pins: Path
    services: Services
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> int:
        return main(arguments, self.services)

    def lines(self) -> list[str]:
        return self.capsys.readouterr().out.splitlines()

    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]

    def pinned(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.pins.read_text())
        return found


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with LoopbackHub() as hub:
        for name in ("a/remover", "b/segmenter"):
            hub.commit(name, FILES)
        weights = Weights(cache=tmp_path / "hub", endpoint=hub.address, pins=tmp_path / "pins.json")
        removers = remover("plain"), remover("deep", file("a/remover"), file("a/remover", "config.json"))
        segmenters = Catalog(segmenter("sharp", file("b/segmenter")), segmenter("rough"))
        services = replace(Services.assemble(Settings(), Catalog(*removers), segmenters, screen=None), weights=weights)
        yield Desk(hub, weights.pins, services, capsys)


# weights


def test_without_keys_every_row_with_weights_is_listed(desk: Desk) -> None:
    assert desk.run("weights") == 0
    rows = [line.split(maxsplit=3) for line in desk.lines()[1:]]
    assert rows == [["deep", "missing", "4", "unverified"], ["sharp", "missing", "2", "unverified"]]


def test_weights_named_are_fetched_and_then_listed_as_here(desk: Desk) -> None:
    assert desk.run("weights", "sharp") == 0
    assert desk.lines() == ["sharp: 2 MB in the Hub cache"]
    assert desk.run("weights", "--json") == 0
    (found,) = desk.json()
    places = {row["key"]: row["places"] for row in found["weights"]}
    assert places == {"deep": [], "sharp": ["Hub cache"]}


def test_with_a_folder_weights_go_there(desk: Desk, tmp_path: Path) -> None:
    desk.services = replace(desk.services, weights=replace(desk.services.weights, folder=tmp_path / "weights"))
    assert desk.run("weights", "deep", "sharp", "--json") == 0
    deep, sharp = desk.json()
    assert deep["files"] == [str(tmp_path / "weights" / "a/remover" / name) for name in FILES]
    assert sharp["places"] == ["folder"]


def test_a_row_without_weights_needs_none(desk: Desk) -> None:
    assert desk.run("weights", "plain") == 0
    assert desk.lines() == ["plain: needs none"]


def test_an_unknown_key_is_refused_before_anything_is_fetched(desk: Desk) -> None:
    assert desk.run("weights", "sharp", "no-such-key") == 2
    assert "'no-such-key'. Choose one of: deep, sharp." in desk.capsys.readouterr().err
    assert not desk.hub.requests


def test_what_cannot_be_fetched_is_one_line_and_2(desk: Desk) -> None:
    desk.hub.repositories["b/segmenter"].gated = True
    assert desk.run("weights", "sharp") == 2
    captured = desk.capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("rorem_demo: b/segmenter is kept for those who accept its terms.")
    assert captured.err.count("\n") == 1


# doctor


def test_doctor_tells_where_weights_are_and_how_well_they_are_known(desk: Desk) -> None:
    desk.run("weights", "sharp")
    assert desk.run("doctor") == 0
    rows = [line.split() for line in desk.lines()]
    assert ["deep", "missing", "4", "unverified"] in rows
    assert ["sharp", "Hub", "cache", "2", "unverified"] in rows


def test_doctor_json_tells_of_weights(desk: Desk) -> None:
    assert desk.run("doctor", "--json") == 0
    (found,) = desk.json()
    assert [row["key"] for row in found["weights"]] == ["deep", "sharp"]


# doctor --pin


def test_pin_writes_commits_sizes_and_digests(desk: Desk) -> None:
    assert desk.run("doctor", "--pin") == 0
    commits = {name: desk.hub.repositories[name].commit("main") for name in desk.hub.repositories}
    assert desk.lines() == [f"{name}: {commit}" for name, commit in commits.items()]
    assert desk.pinned() == {
        "a/remover": {"revision": commits["a/remover"], "files": KNOWN},
        "b/segmenter": {
            "revision": commits["b/segmenter"],
            "files": {"model.safetensors": KNOWN["model.safetensors"]},
        },
    }


def test_what_no_repository_holds_is_not_asked_for(desk: Desk) -> None:
    rows = Catalog(remover("deep", file("a/remover"), file("elsewhere")))
    desk.services = replace(Services.assemble(Settings(), rows, Catalog(), screen=None), weights=desk.services.weights)
    assert desk.run("doctor", "--pin") == 0
    assert list(desk.pinned()) == ["a/remover"]
    assert not desk.hub.asked("GET", "elsewhere")


def test_what_is_pinned_is_shown_and_fetched_with_its_check(desk: Desk) -> None:
    desk.run("doctor", "--pin")
    desk.lines()
    assert desk.run("weights") == 0
    assert [line.split(maxsplit=3)[3] for line in desk.lines()[1:]] == ["pinned", "pinned, checked"]
    desk.hub.corrupt.add("model.safetensors")
    assert desk.run("weights", "sharp") == 2
    assert "thrown away" in desk.capsys.readouterr().err


def test_pinning_twice_writes_the_same_bytes(desk: Desk) -> None:
    desk.run("doctor", "--pin")
    before = desk.pins.read_bytes(), desk.pins.stat().st_mtime_ns
    assert desk.run("doctor", "--pin") == 0
    assert (desk.pins.read_bytes(), desk.pins.stat().st_mtime_ns) == before


def test_a_pinned_commit_stays_and_is_completed(desk: Desk) -> None:
    old = desk.hub.repositories["b/segmenter"].commit("main")
    desk.pins.write_text(json.dumps({"b/segmenter": {"revision": old, "files": {}}}))
    desk.hub.commit("b/segmenter", {"model.safetensors": b"newer"})
    assert desk.run("doctor", "--pin") == 0
    entry = desk.pinned()["b/segmenter"]
    assert entry == {"revision": old, "files": {"model.safetensors": KNOWN["model.safetensors"]}}


def test_pin_latest_moves_to_the_newest_commit(desk: Desk) -> None:
    desk.run("doctor", "--pin")
    new = desk.hub.commit("b/segmenter", {"model.safetensors": b"newer"})
    assert desk.run("doctor", "--pin", "latest") == 0
    entry = desk.pinned()["b/segmenter"]
    assert entry["revision"] == new
    assert entry["files"]["model.safetensors"]["size"] == 5


def test_what_cannot_be_asked_stays_as_it_was_and_is_2(desk: Desk) -> None:
    before = {"b/segmenter": {"revision": "d" * 40, "files": {"model.safetensors": {"size": 3}}}, "old/one": {}}
    desk.pins.write_text(json.dumps(before))
    assert desk.run("doctor", "--pin", "--json") == 2
    first, second = desk.json()
    assert first["repository"] == "a/remover"
    assert first["revision"] == desk.hub.repositories["a/remover"].commit("main")
    assert "no longer has the commit" in second["error"]
    assert list(desk.pinned()) == ["a/remover", "b/segmenter", "old/one"]
    assert {name: desk.pinned()[name] for name in before} == before


def test_without_a_hub_nothing_is_written(desk: Desk) -> None:
    desk.hub.down = True
    assert desk.run("doctor", "--pin") == 2
    assert [line.partition(": ")[0] for line in desk.lines()] == ["a/remover", "b/segmenter"]
    assert not desk.pins.exists()


def test_a_file_the_repository_lacks_is_told(desk: Desk) -> None:
    desk.hub.commit("b/segmenter", {"other.bin": b""})
    assert desk.run("doctor", "--pin") == 2
    assert "has no model.safetensors" in desk.lines()[1]
    assert "b/segmenter" not in desk.pinned()


def test_other_bytes_at_a_pinned_commit_are_never_written_over(desk: Desk) -> None:
    old = desk.hub.repositories["b/segmenter"].commit("main")
    before = {"revision": old, "files": {"model.safetensors": {"sha256": "0" * 64}}}
    desk.pins.write_text(json.dumps({"b/segmenter": before}))
    assert desk.run("doctor", "--pin") == 2
    assert "differs from what is pinned of the same commit" in desk.lines()[1]
    assert desk.pinned()["b/segmenter"] == before


def test_pins_that_cannot_be_written_are_one_line_and_2(desk: Desk, tmp_path: Path) -> None:
    weights = replace(desk.services.weights, pins=tmp_path / "no folder" / "pins.json")
    desk.services = replace(desk.services, weights=weights)
    assert desk.run("doctor", "--pin") == 2
    assert "Cannot write" in desk.capsys.readouterr().err


# As a process of its own, with the real catalogue


def test_the_program_fetches_segment_anything_at_its_pinned_commit(tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        revision = json.loads(PINS.read_text())["facebook/sam-vit-base"]["revision"]
        hub.commit("facebook/sam-vit-base", {"model.safetensors": LARGE}, revision)
        hub.commit("facebook/sam-vit-base", {"model.safetensors": b"newer"})
        environment = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path)}
        environment.pop("ROREM_WEIGHTS_DIR", None)
        done = subprocess.run(
            [sys.executable, "-m", "rorem_demo", "weights", "sam-vit-b", "--json"],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
    pinned = json.loads(PINS.read_text())["facebook/sam-vit-base"]["files"]
    if pinned:  # then these bytes are the wrong ones
        assert done.returncode == 2
        assert "thrown away" in done.stderr
        return
    assert done.stderr == ""
    (path,) = json.loads(done.stdout)["files"]
    assert Path(path).read_bytes() == LARGE
    assert Path(path).is_relative_to(tmp_path / "hub")
