"""Dataset against a Hub that misbehaves: through real child processes and the real client."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from httpx2 import Request, Response
from huggingface_hub.errors import HfHubHTTPError

from rorem_demo.errors import RoremError, StorageError
from rorem_demo.feedback.hub import ConflictError, Dataset, RefusedError, RetryLaterError
from rorem_demo.feedback.upload import in_words
from tests.hub import READER, WRITER, LoopbackHub

pytestmark = pytest.mark.slow  # each test starts processes that import huggingface_hub
NAME = "owner/ratings"
KEY = f"datasets/{NAME}"
SHARD = "data/ratings/2026-11/A.parquet"
CARD = b"---\nconfigs:\n- config_name: default\n  data_files: data/ratings/**/*.parquet\n---\nRatings.\n"
PICTURES = 400_000
"""Bytes of those in a shard."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """Holds the dataset as it is after its creation; no token but a given one is found."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with LoopbackHub() as running:
        running.commit(KEY, {".gitattributes": b""})
        yield running


@pytest.fixture
def dataset(hub: LoopbackHub, tmp_path: Path) -> Dataset:
    return Dataset(NAME, endpoint=hub.address, token=WRITER, deadline=30, cache=tmp_path / "cache")


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """Two groups of rows, most of their bytes pictures."""
    table = pa.table(
        {
            "id": ["A", "B"],
            "receipt": ["a" * 64, "b" * 64],
            "source_picture": [os.urandom(PICTURES // 2), os.urandom(PICTURES // 2)],
        }
    )
    pq.write_table(table, tmp_path / "shard.parquet", row_group_size=1, compression="none", use_dictionary=False)
    return tmp_path / "shard.parquet"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_bytes(CARD)
    return path


def send(dataset: Dataset, shard: Path, **others: Path) -> str:
    return dataset.commit({SHARD: shard, **others}, message="Ratings")


def revisions(hub: LoopbackHub) -> list[str]:
    return list(hub.repositories[KEY].commits)


def children(hub: LoopbackHub) -> list[int]:
    """Living processes that were started to talk to this hub."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = b"rorem_demo.feedback.upload" in (folder / "cmdline").read_bytes()
            if is_child and hub.address.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # gone meanwhile
            continue
    return found


def within(seconds: float, true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def sound(error: RoremError) -> bool:
    """What a person reads is a sentence or two, and the token is not among it."""
    return error.sentence.endswith(".") and WRITER not in error.sentence


# What it does when all is well


def test_a_commit_brings_files_and_takes_others_away_at_once(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    first = send(dataset, shard)
    second = dataset.commit({"deleted/X.jsonl": shard}, delete=[SHARD], parent=first, message="Deleted")
    assert revisions(hub)[1:] == [first, second]
    assert hub.files(KEY) == {".gitattributes": b"", "deleted/X.jsonl": shard.read_bytes()}
    assert not children(hub)


def test_the_same_commit_again_sends_nothing_and_makes_none(
    hub: LoopbackHub, dataset: Dataset, shard: Path, card: Path
) -> None:
    made = send(dataset, shard, **{"README.md": card})
    sent = hub.asked("PUT", "/lfs/")
    assert send(dataset, shard, **{"README.md": card}) == made
    assert len(revisions(hub)) == 2
    assert hub.asked("PUT", "/lfs/") == sent == 1


def test_a_large_file_is_sent_once_and_not_inside_the_commit(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    send(dataset, shard)
    assert sum(hub.received.values()) < 1.02 * shard.stat().st_size


def test_the_listing_is_of_main_and_complete(hub: LoopbackHub, dataset: Dataset) -> None:
    head = hub.commit(KEY, {SHARD: b"1", "README.md": CARD, "deleted/X.jsonl": b"{}"})
    listing = dataset.listing()
    assert listing.head == head
    assert listing.files == ("README.md", SHARD, "deleted/X.jsonl")


@pytest.mark.parametrize("private", [True, False])
def test_listing_creates_a_dataset_that_does_not_exist(hub: LoopbackHub, dataset: Dataset, *, private: bool) -> None:
    new = replace(dataset, repository="owner/new", private=private)
    assert new.listing().files == (".gitattributes",)
    assert hub.repositories["datasets/owner/new"].private is private


def test_rows_are_read_without_the_pictures_and_only_once(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    head = send(dataset, shard)
    rows = (("A", "a" * 64), ("B", "b" * 64))
    assert dataset.rows(SHARD, head) == rows
    sent = sum(hub.sent.values())
    assert sent < PICTURES / 2
    hub.down = True
    assert dataset.rows(SHARD, head) == rows


def test_many_shards_are_read_by_one_process(
    hub: LoopbackHub, dataset: Dataset, shard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [f"data/ratings/2026-11/{name}.parquet" for name in "ABCDE"]
    head = hub.commit(KEY, {path: shard.read_bytes() for path in paths})
    started: list[object] = []
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **kwargs: started.append(args) or start(*args, **kwargs))
    dataset.read_ahead(paths, head)
    assert [len(dataset.rows(path, head)) for path in paths] == [2] * 5
    assert len(started) == 1


def test_a_torn_note_of_rows_is_read_again(dataset: Dataset, shard: Path) -> None:
    head = send(dataset, shard)
    rows = dataset.rows(SHARD, head)
    (note,) = dataset.cache.rglob("*.json")
    note.write_bytes(note.read_bytes()[:20])
    assert dataset.rows(SHARD, head) == rows


def test_a_fetched_file_is_whole_and_of_the_commit_that_was_asked_for(hub: LoopbackHub, dataset: Dataset) -> None:
    old = hub.commit(KEY, {"README.md": b"old"})
    new = hub.commit(KEY, {"README.md": b"new"})
    assert dataset.fetch("README.md", old).read_bytes() == b"old"
    path = dataset.fetch("README.md", new)
    assert path.read_bytes() == b"new"
    assert path.is_relative_to(dataset.cache)
    assert not path.is_symlink()


def test_a_squash_tells_which_commits_died_and_keeps_the_files(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    send(dataset, shard)
    before, files = revisions(hub), hub.files(KEY)
    assert dataset.commits() == tuple(reversed(before))
    assert dataset.squash() == tuple(reversed(before))
    assert hub.files(KEY) == files
    assert not set(revisions(hub)) & set(before)


def test_several_at_once_all_arrive(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    paths = [f"data/{number}.parquet" for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda path: dataset.commit({path: shard}, message="Ratings"), paths))
    assert set(paths) <= set(hub.files(KEY))
    assert sorted(made) == sorted(revisions(hub)[1:])


def test_large_files_go_by_xet_where_it_is_not_switched_off(
    dataset: Dataset, shard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_XET")
    with LoopbackHub(strict=False) as without_xet:
        without_xet.commit(KEY, {})
        with pytest.raises(RetryLaterError):
            send(replace(dataset, endpoint=without_xet.address), shard)
    assert without_xet.asked("GET", "xet-write-token")


# What may work later


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [(503, {}, 0), (409, {}, 0), (429, {"RateLimit": '"api";r=0;t=33', "Retry-After": "99"}, 33)],
)
def test_a_busy_hub_is_left_alone_as_long_as_it_asks(  # noqa: PLR0913, PLR0917  # a fault has three parts
    hub: LoopbackHub, dataset: Dataset, shard: Path, status: int, headers: dict[str, str], after: float
) -> None:
    hub.refuse("POST", "/commit/", status, headers)
    with pytest.raises(RetryLaterError) as caught:
        send(dataset, shard)
    assert caught.value.after == after
    assert sound(caught.value)
    assert len(revisions(hub)) == 1
    assert send(dataset, shard) == revisions(hub)[1]


def answered(status: int, headers: dict[str, str]) -> RoremError:
    """What is made of an answer."""
    response = Response(status, headers=headers, request=Request("POST", "http://hub/api"))
    return in_words(HfHubHTTPError("", response=response), NAME)


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        (503, {"Retry-After": "7"}, 7),
        (429, {"Retry-After": "12"}, 12),
        (429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        (429, {"RateLimit": '"api";r=5;t=33'}, 0),
        (429, {"RateLimit": '"api";r=5;t=33', "Retry-After": "3"}, 3),
        (503, {"RateLimit": '"api";r=0;t=33'}, 0),
    ],
)
def test_a_limit_counts_when_it_is_exhausted_and_the_reason(status: int, headers: dict[str, str], after: float) -> None:
    error = answered(status, headers)
    assert isinstance(error, RetryLaterError)
    assert error.after == after


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_these_answers_may_change_by_themselves(status: int) -> None:
    assert isinstance(answered(status, {}), RetryLaterError)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 422])
def test_these_answers_need_somebody(status: int) -> None:
    assert isinstance(answered(status, {}), RefusedError)


def test_an_error_that_nobody_thought_of_is_tried_again_and_told_to_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    error = in_words(ZeroDivisionError("deep inside"), NAME)
    assert isinstance(error, RetryLaterError)
    assert "ZeroDivisionError" in str(error)
    assert "deep inside" in capfd.readouterr().err


def test_a_full_disk_is_a_storage_error() -> None:
    assert isinstance(in_words(OSError(errno.ENOSPC, "No space left on device"), NAME), StorageError)


def test_an_answer_lost_after_the_commit_may_be_asked_for_again(
    hub: LoopbackHub, dataset: Dataset, shard: Path
) -> None:
    hub.lose("POST", "/commit/")
    with pytest.raises(RetryLaterError) as caught:
        send(dataset, shard)
    assert sound(caught.value)
    assert send(dataset, shard) == revisions(hub)[1]
    assert len(revisions(hub)) == 2


@pytest.mark.parametrize(
    ("method", "part"), [("POST", "/commit/"), pytest.param("PUT", "/lfs/", marks=pytest.mark.slow)]
)
def test_a_request_that_hangs_ends_with_the_deadline_and_its_process(
    hub: LoopbackHub, dataset: Dataset, shard: Path, method: str, part: str
) -> None:
    gate = hub.hold(method, part)
    started = time.monotonic()
    with pytest.raises(RetryLaterError, match="within 8 s") as caught:
        send(replace(dataset, deadline=8), shard)
    assert time.monotonic() - started < 11
    assert gate.arrived.is_set()
    assert not children(hub)
    assert sound(caught.value)
    gate.forget()
    assert send(dataset, shard) == revisions(hub)[1]


def test_the_end_of_a_request_under_way_may_come_nearer(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    gate = hub.hold("POST", "/commit/")
    ends = [math.inf]
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, replace(dataset, deadline=60, until=lambda: ends[0]), shard)
        assert gate.arrived.wait(20)
        ends[0] = time.monotonic()
        with pytest.raises(RetryLaterError, match="did not finish"):
            sending.result(20)
    assert not children(hub)


def test_a_child_that_is_killed_is_said_and_the_next_one_does_it(
    hub: LoopbackHub, dataset: Dataset, shard: Path
) -> None:
    gate = hub.hold("POST", "/commit/")
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, dataset, shard)
        assert gate.arrived.wait(20)
        (child,) = children(hub)
        os.kill(child, signal.SIGKILL)
        with pytest.raises(RetryLaterError, match="ended with -9"):
            sending.result(20)
    gate.forget()
    assert send(dataset, shard) == revisions(hub)[1]


def test_no_child_outlives_a_parent_that_is_killed(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    gate = hub.hold("POST", "/commit/")
    program = (
        "import sys; from pathlib import Path; from rorem_demo.feedback.hub import Dataset; "
        f"Dataset({NAME!r}, endpoint={hub.address!r}, cache=Path(sys.argv[1]))"
        f".commit({{{SHARD!r}: Path(sys.argv[2])}}, message='Ratings')"
    )
    environment = {**os.environ, "HF_TOKEN": WRITER}
    with subprocess.Popen([sys.executable, "-c", program, dataset.cache, shard], env=environment) as parent:
        assert gate.arrived.wait(20)
        assert len(children(hub)) == 1
        parent.kill()
    assert within(5, lambda: not children(hub))


def test_a_child_whose_parent_is_stopped_ends_by_itself(hub: LoopbackHub) -> None:
    hub.hold("GET", "/api/datasets/")
    job = {"operation": "commits", "repository": NAME, "seconds": -4}
    lifeline, held = os.pipe()
    done = subprocess.run(
        [sys.executable, "-m", "rorem_demo.feedback.upload", str(lifeline)],
        input=json.dumps(job).encode(),
        env={**os.environ, "HF_ENDPOINT": hub.address},
        pass_fds=[lifeline],
        check=False,
        timeout=20,
    )
    os.close(lifeline)
    os.close(held)
    assert done.returncode == -signal.SIGALRM


def test_a_hub_that_is_not_there_is_said(dataset: Dataset, shard: Path) -> None:
    nowhere = replace(dataset, endpoint="http://127.0.0.1:9", deadline=60)
    with pytest.raises(RetryLaterError, match="cannot be reached") as caught:
        nowhere.listing()
    assert sound(caught.value)


# What somebody else changed


def test_a_commit_on_what_is_not_main_any_more_does_nothing(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    head = dataset.listing().head
    theirs = hub.commit(KEY, {"theirs": b"1"})
    with pytest.raises(ConflictError) as caught:
        dataset.commit({SHARD: shard}, parent=head, message="Ratings")
    assert sound(caught.value)
    assert revisions(hub)[-1] == theirs
    assert dataset.commit({SHARD: shard}, parent=theirs, message="Ratings") == revisions(hub)[-1]


def test_a_file_that_is_gone_cannot_be_deleted(hub: LoopbackHub, dataset: Dataset) -> None:
    with pytest.raises(ConflictError):
        dataset.commit({}, delete=[SHARD], message="Deleted")


@pytest.mark.parametrize("ask", [Dataset.rows, Dataset.fetch])
def test_a_commit_that_died_is_a_conflict(
    hub: LoopbackHub, dataset: Dataset, shard: Path, ask: Callable[[Dataset, str, str], object]
) -> None:
    head = hub.commit(KEY, {SHARD: shard.read_bytes()})
    dataset.squash()
    with pytest.raises(ConflictError):
        ask(dataset, SHARD, head)


# What the operator has to mend


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "There is no token"),
        (READER, "may not write to owner/ratings"),
        ("hf_unknown", "does not know the token"),
        ("hf_un\x01known", "characters that no token has"),
    ],
)
def test_a_token_that_may_not_write_is_said(
    dataset: Dataset, shard: Path, token: str | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(RefusedError, match=said) as caught:
        send(replace(dataset, token=token), shard)
    assert caught.value.hint
    for text in (caught.value.sentence, caplog.text):
        assert not any(secret in text for secret in (READER, "hf_un"))
    assert len(dataset.commits()) == 1


def test_the_token_is_on_no_command_line_and_in_no_representation(
    hub: LoopbackHub, dataset: Dataset, shard: Path
) -> None:
    gate = hub.hold("POST", "/commit/")
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, dataset, shard)
        assert gate.arrived.wait(20)
        (child,) = children(hub)
        line = Path(f"/proc/{child}/cmdline").read_bytes()
        gate.release()
        sending.result(20)
    assert b"hf_" not in line
    assert "hf_" not in repr(dataset)


def test_a_token_is_given_or_found(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dataset.has_token
    assert not replace(dataset, token=None).has_token
    monkeypatch.setenv("HF_TOKEN", "hf_found")
    assert replace(dataset, token=None).has_token


def test_a_private_dataset_is_not_listed_without_a_token(hub: LoopbackHub, dataset: Dataset) -> None:
    hub.repositories[KEY].private = True
    with pytest.raises(RefusedError, match="There is no token"):
        replace(dataset, token=None).listing()


def test_a_public_dataset_is_listed_without_a_token(hub: LoopbackHub, dataset: Dataset) -> None:
    assert replace(dataset, token=None).listing().head == revisions(hub)[0]


def test_a_token_that_may_not_create_the_dataset_is_said(dataset: Dataset) -> None:
    with pytest.raises(RefusedError, match="may not write to owner/new"):
        replace(dataset, repository="owner/new", token=READER).listing()


def test_a_hub_that_goes_away_while_the_dataset_is_created_is_no_refusal(hub: LoopbackHub, dataset: Dataset) -> None:
    hub.lose("POST", "/api/repos/create")
    with pytest.raises(RetryLaterError, match="cannot be reached"):
        replace(dataset, repository="owner/new").listing()


def test_a_refusal_while_a_file_is_sent_or_read_is_one(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    hub.refuse("PUT", "/lfs/", 403)
    with pytest.raises(RefusedError):
        send(dataset, shard)
    head = send(dataset, shard)
    hub.refuse("GET", "/resolve/", 403)
    with pytest.raises(RefusedError):
        dataset.rows(SHARD, head)


def test_offline_mode_is_said(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RefusedError, match="HF_HUB_OFFLINE") as caught:
        dataset.listing()
    assert sound(caught.value)


def test_what_is_no_name_is_said(dataset: Dataset) -> None:
    with pytest.raises(RefusedError, match="no name of a dataset") as caught:
        replace(dataset, repository="a/b/c").listing()
    assert "ROREM_FEEDBACK_DATASET" in caught.value.hint


def test_what_is_no_address_is_said(dataset: Dataset) -> None:
    with pytest.raises(RefusedError, match="HF_ENDPOINT"):
        replace(dataset, endpoint="hub.example").listing()


def test_a_card_that_the_hub_does_not_take_is_said(hub: LoopbackHub, dataset: Dataset, card: Path) -> None:
    card.write_text("---\nconfigs: [\n---\n")
    with pytest.raises(RefusedError, match="YAML"):
        dataset.commit({"README.md": card}, message="Card")
    assert len(revisions(hub)) == 1


# Files


def test_a_file_to_send_that_is_not_there_is_said_at_once(hub: LoopbackHub, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not there"):
        dataset.commit({SHARD: tmp_path / "none.parquet"}, message="Ratings")
    assert not hub.requests


@pytest.mark.parametrize("what", ["other columns", "other bytes", "broken"])
def test_a_shard_without_ratings_is_said(
    hub: LoopbackHub, dataset: Dataset, shard: Path, tmp_path: Path, what: str
) -> None:
    pq.write_table(pa.table({"other": [1]}), tmp_path / "other.parquet")
    whole = shard.read_bytes()
    contents = {
        "other columns": (tmp_path / "other.parquet").read_bytes(),
        "other bytes": b"no parquet at all",
        "broken": whole[:-200] + bytes(150) + whole[-50:],  # in its footer
    }
    head = hub.commit(KEY, {SHARD: contents[what]})
    with pytest.raises(StorageError, match=SHARD):
        dataset.rows(SHARD, head)


def test_a_cache_that_cannot_be_written_is_said(hub: LoopbackHub, dataset: Dataset, shard: Path) -> None:
    head = hub.commit(KEY, {SHARD: shard.read_bytes()})
    blocked = replace(dataset, cache=shard / "cache")
    for ask in (blocked.rows, blocked.fetch):
        with pytest.raises(StorageError) as caught:
            ask(SHARD, head)
        assert sound(caught.value)


# The parent


def test_nothing_of_the_client_is_imported_here() -> None:
    program = "import sys, rorem_demo.feedback.hub; print({'huggingface_hub', 'httpx2', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
