"""Weights: whether files are here, and how they get here; through the real client of the Hub."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rorem_demo.errors import ConfigError, RoremError, StorageError, UnavailableError
from rorem_demo.runtime.pins import PINS, Pin, WeightFile, read_pins
from rorem_demo.runtime.weights import Weights
from rorem_demo.segmenters.catalog import SEGMENTERS
from tests.hub import LoopbackHub

NAME = "owner/name"
WEIGHT = WeightFile(repository=NAME, file="unet/model.safetensors")
CONFIG = WeightFile(repository=NAME, file="config.json")
CONTENT = bytes(range(256)) * 4096
FILES = {WEIGHT.file: CONTENT, CONFIG.file: b"{}"}


@dataclass(frozen=True)
class Row:
    title: str = "A model"
    weights: tuple[WeightFile, ...] = (WEIGHT, CONFIG)
    packages: tuple[str, ...] = ()


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with LoopbackHub() as running:
        running.commit(NAME, FILES)
        yield running


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's pauses between tries left out, and its steps made small enough for a small file."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture(params=["cache", "folder"])
def weights(request: pytest.FixtureRequest, hub: LoopbackHub, tmp_path: Path) -> Weights:
    """Fetched to the Hub's cache, and to a folder; nothing is pinned."""
    made = Weights(cache=tmp_path / "hub", endpoint=hub.address, pins=tmp_path / "pins.json")
    return made if request.param == "cache" else replace(made, folder=tmp_path / "weights")


def pinned(weights: Weights, revision: str, **known: Any) -> Weights:
    """The same with WEIGHT pinned, in a file of its own because pins are read once."""
    pins = weights.pins.with_name(f"pins-{len(list(weights.pins.parent.glob('pins-*')))}.json")
    pins.write_text(json.dumps({NAME: {"revision": revision, "files": {WEIGHT.file: known}}}))
    return replace(weights, pins=pins)


def root(weights: Weights) -> Path:
    found = weights.folder or weights.cache
    assert found
    return found


def left(weights: Weights) -> list[str]:
    """Names of what a failed download must not leave behind."""
    suffixes = {".safetensors", ".incomplete", ".unchecked"}
    return [path.name for path in root(weights).rglob("*") if path.suffix in suffixes]


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def refused(weights: Weights, row: Row | None = None) -> RoremError:
    """What fetching says; in every case one sentence, a way out, the cause, and nothing found afterwards."""
    with pytest.raises(RoremError) as caught:
        weights.fetch(row or Row())
    error = caught.value
    assert str(error).endswith(".")
    assert error.hint.endswith(".")
    assert weights.find(WEIGHT) is None
    return error


# Here or not


def test_path_is_below_owner_and_name(tmp_path: Path) -> None:
    file = tmp_path / "owner" / "name" / "unet" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.touch()
    assert Weights(tmp_path).find(WEIGHT) == file


def test_nothing_is_here_without_a_folder_and_with_an_empty_cache(tmp_path: Path) -> None:
    assert Weights(cache=tmp_path).find(WEIGHT) is None


def test_a_missing_file_is_not_here(tmp_path: Path) -> None:
    assert Weights(tmp_path, cache=tmp_path).find(WEIGHT) is None


def test_a_folder_of_its_name_is_not_the_file(tmp_path: Path) -> None:
    (tmp_path / "owner" / "name" / "unet" / "model.safetensors").mkdir(parents=True)
    assert Weights(tmp_path, cache=tmp_path).find(WEIGHT) is None


def test_another_name_is_looked_for_in_the_folder_itself_in_its_order(tmp_path: Path) -> None:
    file = replace(WEIGHT, also=("first.pth", "second.pth"))
    for name in ("second.pth", "first.pth"):
        (tmp_path / name).touch()
        assert Weights(tmp_path).find(file) == tmp_path / name


def test_what_is_unknown_is_none(tmp_path: Path) -> None:
    assert WEIGHT.megabytes is None
    assert Weights(pins=tmp_path / "none.json").pin(WEIGHT) == Pin(revision=None, size=None, sha256=None)


def test_a_file_of_another_size_than_pinned_is_not_here(tmp_path: Path) -> None:
    file = tmp_path / NAME / WEIGHT.file
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half")
    weights = Weights(tmp_path, cache=tmp_path, pins=tmp_path / "pins.json")
    assert weights.find(WEIGHT) == file
    assert pinned(weights, "a" * 40, size=8).find(WEIGHT) is None


def test_files_of_one_repository_never_come_from_two_places(weights: Weights, tmp_path: Path) -> None:
    weights.fetch(Row())
    row = Row()
    both = replace(weights, folder=tmp_path / "other")
    config = tmp_path / "other" / NAME / CONFIG.file
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    if weights.folder:
        assert both.missing(row) == ("weights",)
        assert both.places(row) == ()
    else:
        assert len({path.parent for path in both.files(Row(weights=(CONFIG, WEIGHT)))}) == 2  # unet/ and its parent
        assert config not in both.files(row)
        assert both.places(row) == ("Hub cache",)


def test_missing_weights_are_told_by_their_size(tmp_path: Path) -> None:
    row = Row(weights=(replace(WEIGHT, megabytes=5100),), packages=("no_such_package",))
    weights = Weights(cache=tmp_path, pins=tmp_path / "pins.json")
    assert weights.missing(row) == ("the package no_such_package", "5.1 GB of weights")
    with pytest.raises(UnavailableError, match="A model needs weights"):
        weights.files(row)


def test_looking_into_an_empty_cache_spares_importing_the_client(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from rorem_demo.segmenters.catalog import SEGMENTERS
from rorem_demo.runtime.weights import Weights
assert "huggingface_hub" not in sys.modules
assert Weights(cache=Path({str(tmp_path)!r})).missing(SEGMENTERS["sam-vit-b"])
assert "huggingface_hub.file_download" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# Fetched


def test_what_is_fetched_is_found_with_its_bytes(weights: Weights) -> None:
    paths = weights.fetch(Row())
    assert [path.read_bytes() for path in paths] == [CONTENT, b"{}"]
    assert paths == weights.files(Row()) == (weights.find(WEIGHT), weights.find(CONFIG))
    assert weights.missing(Row()) == ()
    assert weights.places(Row()) == (("folder",) if weights.folder else ("Hub cache",))
    if weights.folder:
        assert paths[0] == weights.folder / NAME / WEIGHT.file


def test_what_is_here_is_not_asked_for_again(weights: Weights, hub: LoopbackHub) -> None:
    weights.fetch(Row())
    hub.requests.clear()
    weights.fetch(Row())
    assert not hub.requests


def test_the_pinned_commit_is_taken_not_the_newest(weights: Weights, hub: LoopbackHub) -> None:
    old = hub.repositories[NAME].commit("main")
    hub.commit(NAME, {WEIGHT.file: b"new", CONFIG.file: b"new"})
    known = {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
    assert pinned(weights, old, **known).fetch(Row())[0].read_bytes() == CONTENT
    assert hub.asked("GET", "/resolve/main/") == 0


def test_the_cache_is_looked_into_at_the_pinned_commit_only(hub: LoopbackHub, tmp_path: Path) -> None:
    weights = Weights(cache=tmp_path / "hub", endpoint=hub.address, pins=tmp_path / "pins.json")
    weights.fetch(Row())
    assert pinned(weights, hub.repositories[NAME].commit("main")).find(WEIGHT)
    assert pinned(weights, "b" * 40).find(WEIGHT) is None


def test_only_what_the_folder_lacks_is_fetched(hub: LoopbackHub, tmp_path: Path) -> None:
    own = tmp_path / "weights" / NAME / WEIGHT.file
    own.parent.mkdir(parents=True)
    own.write_bytes(b"tuned by hand")
    weights = Weights(tmp_path / "weights", cache=tmp_path / "hub", endpoint=hub.address, pins=tmp_path / "pins.json")
    assert weights.fetch(Row())[0].read_bytes() == b"tuned by hand"
    assert hub.asked("GET", WEIGHT.file) == 0


def test_a_file_somebody_put_there_is_never_replaced(hub: LoopbackHub, tmp_path: Path) -> None:
    own = tmp_path / "weights" / NAME / WEIGHT.file
    own.parent.mkdir(parents=True)
    own.write_bytes(b"tuned by hand")
    weights = Weights(tmp_path / "weights", cache=tmp_path / "hub", endpoint=hub.address, pins=tmp_path / "pins.json")
    error = refused(pinned(weights, hub.repositories[NAME].commit("main"), size=len(CONTENT)))
    assert "is not the file that is pinned" in str(error)
    assert own.read_bytes() == b"tuned by hand"


def test_a_listener_hears_bytes_that_grow_up_to_all_of_them(weights: Weights) -> None:
    heard: list[tuple[int, int]] = []
    weights.fetch(Row(), lambda done, size: heard.append((done, size)))
    assert heard == sorted(heard)
    assert heard[-1] == (len(CONTENT) + 2, len(CONTENT) + 2)


def test_two_at_once_download_each_file_once(weights: Weights, hub: LoopbackHub) -> None:
    hub.pause = 0.02
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(weights.fetch, Row()) for _ in range(2))
    assert first.result() == second.result()
    assert first.result()[0].read_bytes() == CONTENT
    assert hub.asked("GET", WEIGHT.file) == hub.asked("HEAD", WEIGHT.file) == 1


def test_a_file_is_not_found_while_it_is_on_its_way_or_unchecked(
    weights: Weights, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    digest = hashlib.file_digest

    def looking(content: Any, name: str) -> Any:
        seen.append(weights.find(WEIGHT))
        return digest(content, name)

    monkeypatch.setattr(hashlib, "file_digest", looking)
    known = pinned(weights, hub.repositories[NAME].commit("main"), sha256=hashlib.sha256(CONTENT).hexdigest())
    known.fetch(Row(weights=(WEIGHT,)), lambda *_: seen.append(weights.find(WEIGHT)))
    assert len(seen) > 1
    assert set(seen) == {None}
    assert known.find(WEIGHT)


def test_a_process_killed_during_the_check_leaves_nothing_to_find(weights: Weights, hub: LoopbackHub) -> None:
    known = pinned(weights, hub.repositories[NAME].commit("main"), sha256=hashlib.sha256(CONTENT).hexdigest())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "file_digest", killed)
        with pytest.raises(KeyboardInterrupt):
            known.fetch(Row())
    assert known.find(WEIGHT) is None
    assert known.fetch(Row())[0].read_bytes() == CONTENT


# Broken off


@pytest.mark.usefixtures("quick")
def test_a_download_cut_once_goes_on_where_it_was(weights: Weights, hub: LoopbackHub) -> None:
    hub.break_after = 300_000
    assert weights.fetch(Row())[0].read_bytes() == CONTENT
    assert len(hub.ranges) == 1
    assert 0 < int(hub.ranges[0].removeprefix("bytes=").rstrip("-")) <= 300_000


@pytest.mark.usefixtures("quick")
def test_a_broken_download_is_not_found_and_the_next_try_is_whole(weights: Weights, hub: LoopbackHub) -> None:
    hub.break_after, hub.down_when_broken = 300_000, True
    assert isinstance(refused(weights), UnavailableError)
    assert left(weights) == []
    hub.down = False
    assert weights.fetch(Row())[0].read_bytes() == CONTENT


# Refused


@pytest.mark.parametrize("known", [{"sha256": "0" * 64}, {"size": 7}, {"size": len(CONTENT), "sha256": "0" * 64}])
def test_other_bytes_than_pinned_are_thrown_away(weights: Weights, hub: LoopbackHub, known: dict[str, Any]) -> None:
    error = refused(pinned(weights, hub.repositories[NAME].commit("main"), **known))
    assert "other bytes than are pinned" in str(error)
    assert left(weights) == []
    assert not [path for path in root(weights).rglob("*") if path.is_file() and path.stat().st_size == len(CONTENT)]


def test_corrupted_bytes_are_thrown_away_and_the_next_try_is_right(weights: Weights, hub: LoopbackHub) -> None:
    hub.corrupt.add(WEIGHT.file)
    known = pinned(weights, hub.repositories[NAME].commit("main"), sha256=hashlib.sha256(CONTENT).hexdigest())
    assert "thrown away" in str(refused(known))
    hub.corrupt.clear()
    assert known.fetch(Row())[0].read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("row", "revision", "sentence"),
    [
        (Row(weights=(replace(WEIGHT, repository="owner/other"),)), "main", "The Hub shows no owner/other"),
        (Row(weights=(replace(WEIGHT, file="other.safetensors"),)), "main", "owner/name lacks a file"),
        (Row(), "c" * 40, "owner/name no longer has the commit"),
    ],
)
def test_what_the_hub_does_not_have_is_said(weights: Weights, row: Row, revision: str, sentence: str) -> None:
    error = refused(pinned(weights, revision), row)
    assert isinstance(error, UnavailableError)
    assert sentence in str(error)
    assert error.__cause__ is not None


def test_a_gated_repository_names_the_page_and_the_token(weights: Weights, hub: LoopbackHub) -> None:
    hub.repositories[NAME].gated = True
    error = refused(weights)
    assert "accept its terms" in str(error)
    assert "https://huggingface.co/owner/name" in error.hint
    assert "HF_TOKEN" in error.hint
    assert error.__cause__ is not None


@pytest.mark.usefixtures("quick")
def test_a_hub_out_of_order_is_said(weights: Weights, hub: LoopbackHub) -> None:
    hub.down = True
    error = refused(weights)
    assert "refused" in str(error)
    assert error.__cause__ is not None


@pytest.mark.usefixtures("quick")
def test_without_a_network_it_says_so(weights: Weights) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and nobody listens
        error = refused(replace(weights, endpoint=f"http://127.0.0.1:{free.getsockname()[1]}"))
    assert "cannot be reached" in str(error)
    assert error.__cause__ is not None


def test_offline_mode_is_named(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    error = refused(weights)
    assert "HF_HUB_OFFLINE" in str(error)
    assert error.__cause__ is not None


def test_too_little_room_is_said_before_the_download(
    weights: Weights, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**6))
    error = refused(pinned(weights, hub.repositories[NAME].commit("main"), size=5 * 10**6))
    assert isinstance(error, StorageError)
    assert "5 MB of weights do not fit" in str(error)
    assert hub.asked("GET", WEIGHT.file) == 0


def test_a_disk_that_fills_is_a_storage_error_and_leaves_nothing(weights: Weights, hub: LoopbackHub) -> None:
    code = f"""
from pathlib import Path
from rorem_demo.errors import StorageError
from tests.runtime.test_weights import Row, Weights
folder, cache, address = {str(weights.folder or "")!r}, {str(weights.cache)!r}, {hub.address!r}
weights = Weights(Path(folder) if folder else None, Path(cache), address)
try:
    weights.fetch(Row())
except StorageError as error:
    print(error.sentence)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HOME": str(root(weights))},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.stdout.startswith("Cannot write weights: File too large. Make room")
    assert left(weights) == []


def test_a_folder_that_cannot_be_made_is_a_storage_error(weights: Weights) -> None:
    root(weights).write_text("no folder")
    error = refused(weights)
    assert isinstance(error, StorageError)
    assert "Not a directory" in str(error)


# Pins


def test_the_pins_in_the_repository_are_whole_commits_and_digests() -> None:
    for repository, entry in read_pins(PINS).items():
        assert repository.count("/") == 1
        assert {"files"} <= set(entry) <= {"revision", "files"}
        assert "revision" not in entry or len(bytes.fromhex(entry["revision"])) == 20
        for known in entry["files"].values():
            assert set(known) <= {"size", "sha256"}
            assert "sha256" not in known or len(bytes.fromhex(known["sha256"])) == 32


def test_segment_anything_is_pinned_to_a_commit() -> None:
    assert Weights().pin(SEGMENTERS["sam-vit-b"].weights[0]).revision == "70c1a07f894ebb5b307fd9eaaee97b9dfc16068f"


def test_pins_that_cannot_be_read_are_the_operators_to_mend(tmp_path: Path) -> None:
    pins = tmp_path / "pins.json"
    pins.write_text("{")
    with pytest.raises(ConfigError, match="Cannot read"):
        Weights(pins=pins).pin(WEIGHT)
