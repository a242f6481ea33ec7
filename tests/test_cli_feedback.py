"""The command `feedback`: what it prints, keeps, publishes and answers; with real clients of a loopback Hub."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from rorem_demo.cli import main
from rorem_demo.cli.feedback_desk import LONGEST_WAIT, TRIES, patiently
from rorem_demo.errors import UnavailableError
from rorem_demo.feedback.hub import ConflictError, RetryLaterError
from rorem_demo.feedback.identity import receipt_of, secret_of
from rorem_demo.feedback.pictures import encoded, encoded_pair
from rorem_demo.feedback.records import Pictures, Rating, Vote
from rorem_demo.feedback.store import Store
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.feedback.answers import PAIR_PICTURES, keep_shared, keep_shared_vote, rating
from tests.hub import WRITER, LoopbackHub

NAME = "owner/ratings"
KEY = f"datasets/{NAME}"


@dataclass
class Desk:
    """The command line over a store of its own; each command opens it anew, as a process would."""

    settings: Settings
    capsys: pytest.CaptureFixture[str]

    @property
    def folder(self) -> Path:
        return self.settings.data

    def run(self, *arguments: str) -> int:
        return main(("feedback", *arguments), Services.assemble(self.settings))

    def lines(self) -> list[str]:
        return self.capsys.readouterr().out.splitlines()

    def json(self) -> Any:
        (line,) = self.lines()
        return json.loads(line)

    def said(self, *arguments: str) -> Any:
        """What a command that succeeds prints as JSON."""
        assert self.run(*arguments, "--json") == 0, self.capsys.readouterr().err
        return self.json()

    def refusal(self, *arguments: str) -> str:
        """The one line on stderr of a command that the operator has to mend something for."""
        assert self.run(*arguments) == 2
        captured = self.capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err.removeprefix("rorem_demo: ").strip()

    def with_store(self, use: Callable[[Store], Any]) -> Any:
        store = Store(self.folder)
        try:
            return use(store)
        finally:
            store.close()

    def keep(self, count: int = 1, pictures: Pictures | None = None, **changes: Any) -> list[Rating]:
        """Answers that may be published."""

        def keep(store: Store) -> list[Rating]:
            given = {"consent": "public", "licence": "CC0-1.0"} if pictures else {}
            ready = datetime.now(UTC) - timedelta(minutes=1)
            made = [rating(store, **given | changes) for _ in range(count)]
            return [
                store.append(one, visitor=one.id, subject=one.id, pictures=pictures, ready=ready, review=False)
                for one in made
            ]

        kept: list[Rating] = self.with_store(keep)
        return kept

    def receipt(self, one: Rating) -> str:
        secret: str = self.with_store(lambda store: secret_of(store.key, one.id))
        return receipt_of(one.id, secret)

    def ids(self) -> set[str]:
        found: set[str] = self.with_store(lambda store: {held.record.id for held in store.each(Rating)})
        return found


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Without a dataset."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return Desk(Settings(data=tmp_path / "answers"), capsys)


@pytest.fixture
def hub(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """Where the desk publishes to."""
    with LoopbackHub() as running:
        for name, value in {"HF_ENDPOINT": running.address, "HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1"}.items():
            monkeypatch.setenv(name, value)
        desk.settings = replace(desk.settings, feedback_dataset=NAME)
        yield running


MASK = np.zeros((30, 40), np.bool_)
MASK[10:20, 10:20] = True
GREYS = [np.full((30, 40, 3), level, np.uint8) for level in (100, 200)]


def pictures(seed: int = 0) -> Pictures:
    source, result = np.random.default_rng(seed).integers(0, 256, (2, 30, 40, 3), dtype=np.uint8)
    return encoded(source, MASK, result, None)


def shards(hub: LoopbackHub) -> list[str]:
    return [path for path in hub.files(KEY) if path.endswith(".parquet")]


# status


def test_status_says_what_is_kept_and_where(desk: Desk) -> None:
    desk.keep(3)
    said = desk.said("status")
    assert (said["kept"], said["published"], said["waiting"], said["dataset"]) == (3, 0, 3, None)
    assert said["folder"] == str(desk.folder)
    assert said["token"] is False
    assert desk.run("status") == 0
    assert ["kept", "3"] in [line.split() for line in desk.lines()]


def test_status_tells_votes_from_ratings(desk: Desk) -> None:
    desk.keep(3)
    desk.with_store(lambda store: keep_shared_vote(store, PAIR_PICTURES))
    said = desk.said("status")
    assert (said["kept"], said["votes"], said["waiting"], said["votes_waiting"], said["in_review"]) == (4, 1, 4, 1, 1)
    assert desk.run("status") == 0
    assert ["votes", "waiting", "1"] in [line.split() for line in desk.lines()]


def test_status_of_a_folder_that_is_a_file_is_one_sentence(desk: Desk) -> None:
    desk.folder.write_text("")
    assert str(desk.folder) in desk.refusal("status")


# publish, verify, compact, purge


@pytest.mark.parametrize("command", ["publish", "verify", "compact"])
def test_without_a_dataset_or_a_token_the_sentence_says_what_to_set(desk: Desk, command: str) -> None:
    assert "ROREM_FEEDBACK_DATASET" in desk.refusal(command)
    desk.settings = replace(desk.settings, feedback_dataset=NAME)
    assert "HF_TOKEN" in desk.refusal(command)


@pytest.mark.slow
def test_publish_sends_everything_that_may_go_and_says_so(desk: Desk, hub: LoopbackHub) -> None:
    desk.settings = replace(desk.settings, publish_rows=2)
    desk.keep(3)
    desk.with_store(lambda store: keep_shared(store, pictures()))
    assert desk.run("publish") == 0
    assert desk.lines() == [
        "published 2 answers",
        "published 1 answer",
        "Not published yet: 1, of which 1 wait for a reviewer.",
    ]
    assert len(shards(hub)) == 2
    assert desk.said("publish") == {"steps": [], "waiting": 1, "in_review": 1}


@pytest.mark.slow
def test_verify_finds_what_is_missing_and_what_is_changed(desk: Desk, hub: LoopbackHub) -> None:
    kept = desk.keep(2)
    desk.said("publish")
    said = desk.said("verify")
    assert (said["sound"], said["same"], said["missing"]) == (True, 2, [])
    hub.commit(KEY, {path: data for path, data in hub.files(KEY).items() if not path.endswith(".parquet")})
    assert desk.run("verify", "--json") == 2
    said = desk.json()
    assert (said["sound"], said["missing"]) == (False, [one.id for one in kept])
    assert desk.run("verify") == 2
    assert f"{kept[0].id} is missing in the dataset." in desk.lines()


@pytest.mark.slow
def test_a_deleted_answer_leaves_the_store_and_with_publish_the_dataset(desk: Desk, hub: LoopbackHub) -> None:
    first, second = desk.keep(2)
    desk.said("publish")
    said = desk.said("delete", desk.receipt(first))
    assert said["unsent"] is True
    assert desk.ids() == {second.id}
    assert [step["step"] for step in desk.said("publish")["steps"]] == ["deleted"]
    assert all(first.id.encode() not in data for path, data in hub.files(KEY).items() if path.endswith(".parquet"))
    assert desk.said("verify")["same"] == 1


@pytest.mark.slow
def test_compact_and_purge_leave_the_same_answers(desk: Desk, hub: LoopbackHub) -> None:
    for _ in range(2):
        desk.keep(2)
        desk.said("publish")
    assert desk.said("compact") == {"fewer": 1}
    assert len(shards(hub)) == 1
    commits = len(hub.repositories[KEY].commits)
    assert desk.said("purge", "--yes")["revisions"] >= commits
    assert len(hub.repositories[KEY].commits) == 1
    assert desk.said("verify")["same"] == 4


def test_purge_does_nothing_without_a_yes(desk: Desk, hub: LoopbackHub) -> None:
    assert "--yes" in desk.refusal("purge")
    assert not hub.requests


@pytest.mark.slow
def test_a_hub_that_refuses_is_one_sentence(desk: Desk, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.keep()
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    assert "token" in desk.refusal("publish")
    assert desk.said("status")["waiting"] == 1


# in the way


@pytest.mark.parametrize("error", [ConflictError("others"), RetryLaterError("busy", after=1.0)])
def test_what_is_in_the_way_is_waited_for_and_not_for_ever(error: UnavailableError) -> None:
    waits: list[float] = []
    left = [error] * (TRIES - 1)

    def ask() -> str:
        if left:
            raise left.pop()
        return "done"

    assert patiently(ask, waits.append) == "done"
    assert len(waits) == TRIES - 1
    left[:] = [error] * TRIES
    with pytest.raises(type(error)):
        patiently(ask, waits.append)


def test_a_hub_that_asks_for_a_long_rest_gets_it_from_the_operator() -> None:
    def ask() -> None:
        raise RetryLaterError("busy", after=LONGEST_WAIT + 1)

    with pytest.raises(RetryLaterError):
        patiently(ask, lambda _: pytest.fail("it waited"))


# review


def test_review_lists_shows_and_decides(desk: Desk, tmp_path: Path) -> None:
    first, second, third = (desk.with_store(lambda store, n=n: keep_shared(store, pictures(n))) for n in range(3))
    assert desk.run("review", "--show", str(tmp_path / "look"), "--json") == 0
    assert [json.loads(line)["id"] for line in desk.lines()] == [first, second, third]
    with PIL.Image.open(tmp_path / "look" / f"{first}.jpg") as shown:
        assert shown.size == (3 * 40 + 2 * 8, 30)
        white = np.asarray(shown)[:, 48:88].mean(axis=2) > 127
    assert white[12:18, 12:18].all()
    assert not white[:8].any()
    assert desk.said("review", "--reject", f"{second}.jpg", "--accept-all") == {"accepted": 2, "rejected": 1}
    held = desk.with_store(lambda store: {one.record.id: one for one in store.each(Rating)})
    assert [held[key].review for key in (first, second, third)] == ["accepted", "rejected", "accepted"]
    assert held[second].record.files is None
    assert desk.run("review") == 0
    assert desk.lines() == ["No pictures wait for a reviewer."]


def test_review_shows_both_results_of_a_vote_and_decides(desk: Desk, tmp_path: Path) -> None:
    shown = encoded_pair(GREYS[0], MASK, *GREYS, None)
    key = desk.with_store(lambda store: keep_shared_vote(store, shown))
    assert desk.run("review", "--show", str(tmp_path), "--json") == 0
    (row,) = map(json.loads, desk.lines())
    assert (row["id"], row["answer"], row["method"]) == (key, "both-good", "shift-map, telea")
    with PIL.Image.open(tmp_path / f"{key}.jpg") as together:
        assert together.size == (4 * 40 + 3 * 8, 30)
        levels = [np.asarray(together)[5:25, left + 5 : left + 35].mean() for left in (96, 144)]
    assert levels == pytest.approx([100, 200], abs=3)
    assert desk.said("review", "--reject", key) == {"accepted": 0, "rejected": 1}
    (held,) = desk.with_store(lambda store: list(store.each(Vote)))
    assert (held.record.files, held.review) == (None, "rejected")


def test_a_review_that_names_an_unknown_id_decides_nothing(desk: Desk) -> None:
    key = desk.with_store(lambda store: keep_shared(store, pictures()))
    assert "01UNKNOWN" in desk.refusal("review", "--accept", key, "--reject", "01unknown")
    assert desk.said("status")["in_review"] == 1


def test_what_is_both_accepted_and_rejected_is_refused(desk: Desk) -> None:
    key = desk.with_store(lambda store: keep_shared(store, pictures()))
    assert key in desk.refusal("review", "--accept", key, "--reject", key)
    assert desk.said("status")["in_review"] == 1


# delete


def test_delete_takes_the_pictures_too(desk: Desk) -> None:
    (kept,) = desk.keep(pictures=pictures())
    assert desk.run("delete", desk.receipt(kept).lower()) == 0
    assert desk.lines()[0] == "Deleted. It had not been published."
    assert desk.ids() == set()
    assert not [path for path in (desk.folder / "pictures").rglob("*") if path.is_file()]


def test_what_is_no_receipt_deletes_nothing(desk: Desk) -> None:
    desk.keep()
    assert "not a receipt" in desk.refusal("delete", "01ABC")
    assert len(desk.ids()) == 1


# export, import


def test_what_is_exported_can_be_imported_elsewhere(desk: Desk, tmp_path: Path) -> None:
    desk.keep(pictures=pictures(0))
    desk.keep(pictures=pictures(1), label=0, reasons=("blurry",))
    desk.keep(2)
    desk.with_store(lambda store: keep_shared(store, pictures(2)))
    folder = str(tmp_path / "export")
    said = desk.said("export", folder)
    assert (said["rows"], said["without_pictures"]) == (2, 3)
    meta = json.loads((tmp_path / "export" / "meta.json").read_text())
    assert sorted(entry["score"] for entry in meta) == [0, 1]
    assert desk.said("export", folder)["rows"] == 2

    other = Desk(replace(desk.settings, data=tmp_path / "other"), desk.capsys)
    arguments = "import", folder, "--licence", "CC0-1.0", "--method", "elsewhere"
    assert other.said(*arguments)["kept"] == 2
    again = other.said(*arguments)
    assert (again["kept"], again["known"]) == (0, 2)
    kept = other.with_store(lambda store: [held.record for held in store.each(Rating)])
    assert {(one.origin, one.method, one.licence) for one in kept} == {("imported", "elsewhere", "CC0-1.0")}
    assert sorted(one.label for one in kept) == [0, 1]
    assert all(one.files for one in kept)


def test_votes_are_not_exported(desk: Desk, tmp_path: Path) -> None:
    desk.keep(pictures=pictures(0))
    desk.with_store(lambda store: keep_shared_vote(store, PAIR_PICTURES))
    assert desk.said("export", str(tmp_path / "export"))["rows"] == 1


def test_import_without_a_licence_keeps_answers_alone(desk: Desk, tmp_path: Path) -> None:
    desk.keep(pictures=pictures())
    desk.said("export", str(tmp_path / "export"))
    other = Desk(replace(desk.settings, data=tmp_path / "other"), desk.capsys)
    assert other.said("import", str(tmp_path / "export"))["kept"] == 1
    (kept,) = other.with_store(lambda store: [held.record for held in store.each(Rating)])
    assert (kept.files, kept.consent) == (None, "answer")


def test_import_counts_what_it_cannot_use(desk: Desk, tmp_path: Path) -> None:
    desk.keep(2, pictures=pictures())
    folder = tmp_path / "export"
    desk.said("export", str(folder))
    entries = json.loads((folder / "meta.json").read_text())
    unanswered = {key: value for key, value in entries[0].items() if key != "score"}
    (folder / "meta.json").write_text(json.dumps([entries[0], unanswered, {"source": "../../etc/passwd"}]))
    other = Desk(replace(desk.settings, data=tmp_path / "other"), desk.capsys)
    assert other.run("import", str(folder), "--json") == 0
    captured = other.capsys.readouterr()
    assert json.loads(captured.out) == {"kept": 1, "known": 0, "without_answer": 1, "deleted": 0, "skipped": 1}
    assert captured.err.startswith("Entry 2 ")


def test_import_does_not_bring_back_what_was_deleted_here(desk: Desk, tmp_path: Path) -> None:
    desk.keep(pictures=pictures())
    desk.said("export", str(tmp_path / "export"))
    other = Desk(replace(desk.settings, data=tmp_path / "other"), desk.capsys)
    other.said("import", str(tmp_path / "export"))
    (kept,) = other.with_store(lambda store: [held.record for held in store.each(Rating)])
    other.said("delete", other.receipt(kept))
    assert other.said("import", str(tmp_path / "export"))["deleted"] == 1
    assert other.ids() == set()


def test_a_folder_of_something_else_is_refused(desk: Desk, tmp_path: Path) -> None:
    assert "meta.json" in desk.refusal("import", str(tmp_path))


# the program


def test_a_command_that_stays_here_does_not_import_what_publishing_needs(desk: Desk) -> None:
    code = (
        "import sys; from rorem_demo.cli import main; code = main(['feedback', 'status']); "
        "sys.exit(code or bool({'datasets', 'pyarrow', 'gradio', 'torch'} & set(sys.modules)))"
    )
    environment = {"ROREM_DATA_DIR": str(desk.folder), "PATH": ""}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


@pytest.mark.slow
def test_publish_waits_while_a_running_app_publishes(desk: Desk, hub: LoopbackHub) -> None:
    desk.keep()
    desk.said("publish")
    desk.keep()
    (lock,) = desk.folder.rglob("publishing.lock")
    program = subprocess.Popen([sys.executable, "-m", "rorem_demo", "feedback", "publish"], env=environment_of(desk))
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(3)
    assert program.wait(60) == 0
    assert desk.said("status")["waiting"] == 0


def environment_of(desk: Desk) -> dict[str, str]:
    return {**os.environ, "ROREM_DATA_DIR": str(desk.folder), "ROREM_FEEDBACK_DATASET": NAME}
