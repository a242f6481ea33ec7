"""Current: what it takes, what it keeps when something goes wrong, and what it says of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rorem_demo.discriminator import current as module
from rorem_demo.discriminator.current import WAITING, Current, Folder, Published, Told
from rorem_demo.discriminator.hub import ModelRepository
from rorem_demo.discriminator.network import CONFIG, WEIGHTS
from rorem_demo.discriminator.score import Likely, Scorer
from rorem_demo.errors import ConfigError, UnavailableError
from rorem_demo.feedback.hub import RefusedError, RetryLaterError
from tests.discriminator.judges import files_of, torn, write_judge
from tests.discriminator.scenes import triple
from tests.hub import LoopbackHub

pytestmark = pytest.mark.slow

TRIPLE = triple(np.random.default_rng(1), "good")
NAME = "owner/judge"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_judge(tmp_path / "model")
    return tmp_path / "model"


def taken(folder: Path) -> Current:
    current = Current(Folder(folder))
    current.look()
    assert current.told.version
    return current


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_first_question_loads_it(folder: Path) -> None:
    current = Current(Folder(folder))
    likely = current.likely(*TRIPLE)
    assert likely == Likely(pytest.approx(0.83, abs=0.01), current.told.version)  # type: ignore[arg-type]
    current.close()


def test_a_newer_version_is_taken_without_being_asked(folder: Path) -> None:
    current = Current(Folder(folder), minutes=0.0005)
    old = current.likely(*TRIPLE)
    new = write_judge(folder, 0.2)
    eventually(lambda: current.told.version == new)
    likely = current.likely(*TRIPLE)
    current.close()
    assert old
    assert likely == Likely(pytest.approx(0.2, abs=0.01), new)  # type: ignore[arg-type]


@pytest.mark.parametrize("broken", ["torn", "blind", "not calibrated", "gone"])
def test_a_broken_version_leaves_the_old_one(folder: Path, broken: str) -> None:
    current = taken(folder)
    old = current.told.version
    if broken == "blind":
        write_judge(folder, blind=True)
    elif broken == "torn":
        write_judge(folder, seed=5)
        (folder / WEIGHTS).write_bytes(torn(folder)[WEIGHTS])
    elif broken == "not calibrated":
        (folder / CONFIG).write_text("{}")
    else:
        shutil.rmtree(folder)
    current.look()
    assert current.told.version == old
    assert current.told.trouble
    assert str(folder.parent) not in current.told.trouble
    assert current.told.why_off == ""
    assert current.likely(*TRIPLE) is not None
    new = write_judge(folder, 0.3)
    current.look()
    assert current.told == Told(version=new)
    current.close()


def test_a_version_found_wanting_is_not_loaded_again_and_its_fault_stays_told(folder: Path) -> None:
    loaded: list[Path] = []

    def load(path: Path) -> Scorer:
        loaded.append(path)
        return Scorer.load(path)

    current = Current(Folder(folder), load=load)
    current.look()
    write_judge(folder, blind=True)
    for _ in range(3):
        current.look()
    assert len(loaded) == 2
    assert "scores an object left as it was" in current.told.trouble


def test_what_may_pass_is_tried_again(folder: Path) -> None:
    failures = [MemoryError("no room"), UnavailableError("Weights are not here.")]

    def load(path: Path) -> Scorer:
        if failures:
            raise failures.pop()
        return Scorer.load(path)

    current = Current(Folder(folder), load=load)
    current.look()
    assert current.told == Told(why_off="Weights are not here.")
    current.look()
    assert current.told == Told(why_off="A newer version could not be loaded; the log says why.")
    current.look()
    assert current.told.version


def test_trouble_that_passed_is_told_no_more(folder: Path, tmp_path: Path) -> None:
    current = taken(folder)
    folder.rename(tmp_path / "away")
    current.look()
    assert "holds no model" in current.told.trouble
    (tmp_path / "away").rename(folder)
    current.look()
    assert current.told.trouble == ""


def test_nothing_is_loaded_before_it_is_needed_but_its_version_is_known(folder: Path) -> None:
    def load(path: Path) -> Scorer:
        raise AssertionError(path)

    version = write_judge(folder, simulated=True)
    assert Current(Folder(folder), load=load).told == Told(version=version, simulated=True)


def test_without_a_model_there_is_no_score_and_a_reason(tmp_path: Path) -> None:
    current = Current(Folder(tmp_path / "nothing"))
    assert current.told.why_off
    assert current.likely(*TRIPLE) is None
    assert current.told.why_off.startswith("nothing holds no model.")
    current.close()


def test_a_judge_that_fails_gives_no_score(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    current = taken(folder)
    source, mask, result = TRIPLE
    assert current.likely(source, mask, result[:-3]) is None
    assert "could not score a result" in caplog.text
    assert current.likely(source, mask, result) is not None
    current.close()


def test_a_question_waits_no_longer_than_it_may(folder: Path) -> None:
    def load(path: Path) -> Scorer:
        time.sleep(1)
        return Scorer.load(path)

    current = Current(Folder(folder), load=load)
    start = time.monotonic()
    assert current.likely(*TRIPLE, patience=0.05) is None
    assert time.monotonic() - start < 0.9
    assert current.likely(*TRIPLE) is not None
    current.close()


def test_looking_begins_once_and_ends_when_closed(folder: Path) -> None:
    current = Current(Folder(folder), minutes=0.0005)
    current.begin()
    thread = current._thread
    current.begin()
    assert current._thread is thread
    current.close()
    assert thread
    thread.join(20)
    assert not thread.is_alive()
    assert current.likely(*TRIPLE) is not None


def test_what_the_settings_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def place(named: str | None) -> object:
        return Current.of(named, tmp_path)._place

    monkeypatch.setattr(module, "SHIPPED", tmp_path / "nowhere")
    assert place(None) is None
    assert "ROREM_DISCRIMINATOR names none" in Current.of(None, tmp_path).told.why_off
    monkeypatch.setattr(module, "SHIPPED", folder)
    assert place(None) == Folder(folder)
    assert place(str(folder)) == Folder(folder)
    assert place("./not/there") == Folder(Path("not/there"))
    assert place("none") is None
    assert "switches it off" in Current.of("none", tmp_path).told.why_off
    assert place("me/judge") == Published(ModelRepository("me/judge"), tmp_path / "me--judge")
    with pytest.raises(ConfigError, match="no repository"):
        Current.of("judge", tmp_path)


def test_switched_off_it_starts_nothing(tmp_path: Path) -> None:
    current = Current.of("none", tmp_path)
    assert current.likely(*TRIPLE) is None
    assert current._thread is None


# --- on the Hub, through real child processes -------------------------------------------------------------------------


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with LoopbackHub() as running:
        yield running


def published(hub: LoopbackHub, cache: Path, deadline: float = 60.0) -> Published:
    return Published(ModelRepository(NAME, endpoint=hub.address, deadline=deadline), cache / "judge")


def test_a_newer_commit_is_fetched_once_and_a_broken_one_leaves_the_old(
    hub: LoopbackHub, folder: Path, tmp_path: Path
) -> None:
    first = hub.commit(NAME, files_of(folder))
    current = Current(published(hub, tmp_path))
    assert current.told == WAITING
    current.look()
    old = current.told
    assert old.version
    current.look()
    assert hub.asked("GET", f"/resolve/{first}/{WEIGHTS}") == 1

    broken = hub.commit(NAME, torn(folder))
    current.look()
    assert (current.told.version, current.told.why_off) == (old.version, "")
    assert f"{NAME}/{broken}/{WEIGHTS} is damaged or not whole." in current.told.trouble
    current.look()
    assert hub.asked("GET", f"/resolve/{broken}/{WEIGHTS}") == 1

    version = write_judge(folder, 0.1)
    third = hub.commit(NAME, files_of(folder))
    current.look()
    assert current.told == Told(version=version)
    assert [path.name for path in (tmp_path / "judge").iterdir()] == [third]


def test_a_hub_that_is_down_or_hangs_leaves_the_old_one(hub: LoopbackHub, folder: Path, tmp_path: Path) -> None:
    hub.commit(NAME, files_of(folder))
    current = Current(published(hub, tmp_path, deadline=15))
    current.look()
    version = current.told.version
    hub.down = True
    current.look()
    assert current.told == Told(version=version, trouble="The Hub is busy or out of order (503).")
    hub.down = False
    current.look()
    assert current.told == Told(version=version)
    gate = hub.hold("GET", "/api/models/")
    hurried = Current(published(hub, tmp_path, deadline=8))
    start = time.monotonic()
    hurried.look()
    assert time.monotonic() - start < 16
    assert hurried.told.why_off == "The Hub did not finish within 8 s."
    gate.release()
    hurried.look()
    assert hurried.told.version == version


def test_a_download_that_breaks_off_is_finished_by_the_next_look(
    hub: LoopbackHub, folder: Path, tmp_path: Path
) -> None:
    commit = hub.commit(NAME, files_of(folder))
    current = Current(published(hub, tmp_path))
    hub.refuse("GET", f"/resolve/{commit}/{WEIGHTS}", 404)
    current.look()
    assert current.told.why_off
    current.look()
    assert current.told.version


def test_a_repository_without_a_model_or_not_there_is_told(hub: LoopbackHub, tmp_path: Path) -> None:
    place = published(hub, tmp_path)
    with pytest.raises(RefusedError, match="shows no model owner/judge"):
        place.newest()
    hub.commit(NAME, {"README.md": b"soon"})
    with pytest.raises(UnavailableError, match="holds no model yet"):
        place.newest()
    lost = ModelRepository(NAME, endpoint="http://127.0.0.1:9", deadline=30)
    with pytest.raises(RetryLaterError):
        lost.listing()
