"""The loopback Hub itself: that it keeps what real clients send, tells the truth of it, and fails as it is told."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, HfFileSystem
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

from tests.hub import READER, WRITER, LoopbackHub

NAME = "owner/things"
KEY = f"datasets/{NAME}"
HELLO = b"hello\n"
HELLO_ID = "ce013625030ba8dba906f756967f9e9ca394464a"
"""What `git hash-object` says of it."""
LARGE = bytes(range(256)) * 1000

# The client sends large files in a way that its own HTTP library will give up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)
    with LoopbackHub() as running:
        running.commit(KEY, {"a/hello.txt": HELLO, "a/b/large.parquet": LARGE, "c.txt": b""})
        yield running


@pytest.fixture
def api(hub: LoopbackHub) -> HfApi:
    return HfApi(hub.address, token=WRITER)


def commit(api: HfApi, files: dict[str, bytes], *, delete: tuple[str, ...] = (), parent: str | None = None) -> str:
    added = [CommitOperationAdd(path, content) for path, content in files.items()]
    gone = [CommitOperationDelete(path) for path in delete]
    done = api.create_commit(NAME, [*added, *gone], commit_message="m", repo_type="dataset", parent_commit=parent)
    return str(done.oid)


def revisions(hub: LoopbackHub) -> list[str]:
    return list(hub.repositories[KEY].commits)


def status(caught: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return caught.value.response.status_code


# What it keeps


def test_files_that_are_sent_are_there_and_those_deleted_are_not(hub: LoopbackHub, api: HfApi) -> None:
    commit(api, {"new.parquet": LARGE + b"1", "new.txt": b"2"}, delete=("a/", "c.txt"))
    assert hub.files(KEY) == {"new.parquet": LARGE + b"1", "new.txt": b"2"}


def test_a_commit_with_another_parent_is_refused(hub: LoopbackHub, api: HfApi) -> None:
    old = revisions(hub)[-1]
    new = commit(api, {"c.txt": b"1"}, parent=old)
    with pytest.raises(HfHubHTTPError) as caught:
        commit(api, {"c.txt": b"2"}, parent=old)
    assert status(caught) == 412
    assert revisions(hub)[-1] == new


def test_what_is_there_already_makes_no_commit(hub: LoopbackHub, api: HfApi) -> None:
    assert commit(api, {"a/hello.txt": HELLO, "a/b/large.parquet": LARGE}) == revisions(hub)[-1]
    assert not hub.asked("POST", "/commit/")


def test_an_old_commit_keeps_its_files_until_history_is_squashed(hub: LoopbackHub, api: HfApi) -> None:
    old = revisions(hub)[-1]
    commit(api, {}, delete=("c.txt",))
    assert "c.txt" in api.list_repo_files(NAME, repo_type="dataset", revision=old)
    assert "c.txt" not in api.list_repo_files(NAME, repo_type="dataset")
    api.super_squash_history(NAME, repo_type="dataset")
    assert len(api.list_repo_commits(NAME, repo_type="dataset")) == 1
    with pytest.raises(RevisionNotFoundError):
        api.list_repo_files(NAME, repo_type="dataset", revision=old)
    with pytest.raises(RevisionNotFoundError):
        api.hf_hub_download(NAME, "c.txt", repo_type="dataset", revision=old)


# What it tells


def test_sizes_and_ids_are_those_of_git_and_lfs(hub: LoopbackHub, api: HfApi) -> None:
    tree = api.list_repo_tree(NAME, repo_type="dataset", recursive=True, expand=True)
    said = {entry.path: entry for entry in tree}
    assert list(said) == ["a", "a/b", "a/b/large.parquet", "a/hello.txt", "c.txt"]
    assert (said["a/hello.txt"].blob_id, said["a/hello.txt"].size) == (HELLO_ID, len(HELLO))
    large = said["a/b/large.parquet"]
    assert (large.lfs.sha256, large.lfs.size) == (hashlib.sha256(LARGE).hexdigest(), len(LARGE))
    assert large.last_commit.oid == revisions(hub)[-1]


def test_a_folder_is_listed_by_itself_and_one_that_is_missing_is_said(hub: LoopbackHub, api: HfApi) -> None:
    assert [one.path for one in api.list_repo_tree(NAME, "a", repo_type="dataset")] == ["a/b", "a/hello.txt"]
    with pytest.raises(HfHubHTTPError) as caught:
        list(api.list_repo_tree(NAME, "z", repo_type="dataset"))
    assert caught.value.response.headers["X-Error-Code"] == "EntryNotFound"


def test_of_paths_only_those_that_exist_are_told(hub: LoopbackHub, api: HfApi) -> None:
    said = api.get_paths_info(NAME, ["c.txt", "a", "z"], repo_type="dataset")
    assert [one.path for one in said] == ["c.txt", "a"]


@pytest.mark.parametrize(
    ("span", "first", "end"),
    [("5-9", 5, 10), ("200000-", 200000, 256000), ("-7", 255993, 256000), ("255999-300000", 255999, 256000)],
)
def test_a_part_of_a_file_is_that_part(hub: LoopbackHub, span: str, first: int, end: int) -> None:
    got = httpx2.get(f"{hub.address}/{KEY}/resolve/main/a/b/large.parquet", headers={"Range": f"bytes={span}"})
    assert got.status_code == 206
    assert got.content == LARGE[first:end]
    assert got.headers["Content-Range"] == f"bytes {first}-{end - 1}/256000"


def test_a_part_beyond_the_end_is_refused(hub: LoopbackHub) -> None:
    got = httpx2.get(f"{hub.address}/{KEY}/resolve/main/c.txt", headers={"Range": "bytes=0-"})
    assert got.status_code == 416


def test_the_file_system_reads_what_is_there(hub: LoopbackHub) -> None:
    files = HfFileSystem(endpoint=hub.address, token=WRITER, skip_instance_cache=True)
    with files.open(f"{KEY}/a/b/large.parquet", cache_type="none") as file:
        file.seek(1000)
        assert file.read(10) == LARGE[1000:1010]
    assert sum(hub.sent[line] for line in hub.sent if "resolve" in line) == 10


def test_bytes_are_counted_where_they_came_in(hub: LoopbackHub, api: HfApi) -> None:
    commit(api, {"new.parquet": LARGE + b"1"})
    assert [n for line, n in hub.received.items() if line.startswith("PUT /lfs/")] == [len(LARGE) + 1]


# Who may


def test_a_repository_is_created_once(hub: LoopbackHub, api: HfApi) -> None:
    assert api.create_repo("owner/new", repo_type="dataset", private=True).repo_id == "owner/new"
    assert hub.repositories["datasets/owner/new"].private
    assert api.create_repo("owner/new", repo_type="dataset", exist_ok=True).repo_id == "owner/new"
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_repo("owner/new", repo_type="dataset")
    assert status(caught) == 409


@pytest.mark.parametrize(("token", "refused"), [(False, 401), (READER, 403), ("hf_else", 401)])
def test_who_may_not_write_does_not(hub: LoopbackHub, token: Any, refused: int) -> None:
    api = HfApi(hub.address, token=token)
    with pytest.raises(HfHubHTTPError) as caught:
        commit(api, {"c.txt": b"1"})
    assert status(caught) == refused
    with pytest.raises(HfHubHTTPError) as caught:
        api.super_squash_history(NAME, repo_type="dataset")
    assert status(caught) == refused
    assert len(revisions(hub)) == 1


def test_a_private_repository_is_read_with_a_token_only(hub: LoopbackHub) -> None:
    hub.repositories[KEY].private = True
    assert HfApi(hub.address, token=READER).dataset_info(NAME).private
    with pytest.raises(HfHubHTTPError) as caught:
        HfApi(hub.address, token=False).dataset_info(NAME)
    assert status(caught) == 401


def test_a_token_is_known_by_its_role(hub: LoopbackHub) -> None:
    assert HfApi(hub.address, token=READER).whoami()["auth"]["accessToken"]["role"] == "read"


@pytest.mark.parametrize("front", ["configs: [", "configs: 1", "configs:\n- data_files: x", "- a list"])
def test_a_card_with_wrong_metadata_is_refused(hub: LoopbackHub, api: HfApi, front: str) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        commit(api, {"README.md": f"---\n{front}\n---\n".encode()})


def test_a_card_without_metadata_is_warned_of(hub: LoopbackHub, api: HfApi) -> None:
    with pytest.warns(UserWarning, match="empty or missing"):
        commit(api, {"README.md": b"Words.\n"})


# How it fails


def test_a_request_held_before_is_undone_and_one_held_after_is_done(hub: LoopbackHub, api: HfApi) -> None:
    before, after = hub.hold("POST", "/commit/"), hub.hold("POST", "/commit/", "after")
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(commit, api, {"c.txt": b"1"})
        assert before.arrived.wait(10)
        assert hub.files(KEY)["c.txt"] == b""
        before.release()
        assert after.arrived.wait(10)
        assert hub.files(KEY)["c.txt"] == b"1"
        assert not made.done()
        after.release()
        assert made.result(10) == revisions(hub)[-1]


@pytest.mark.parametrize(("point", "kept"), [("before", 1), ("after", 2)])
def test_a_held_request_may_be_forgotten(hub: LoopbackHub, api: HfApi, point: str, kept: int) -> None:
    gate = hub.hold("POST", "/commit/", point)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(commit, api, {"c.txt": b"1"})
        assert gate.arrived.wait(10)
        gate.forget()
        with pytest.raises(httpx2.RemoteProtocolError):
            made.result(10)
    assert len(revisions(hub)) == kept


def test_as_many_requests_are_refused_as_was_told(hub: LoopbackHub, api: HfApi) -> None:
    hub.refuse("POST", "/commit/", 429, {"Retry-After": "5"}, times=2)
    for _ in range(2):
        with pytest.raises(HfHubHTTPError) as caught:
            commit(api, {"c.txt": b"1"})
        assert status(caught) == 429
        assert caught.value.response.headers["Retry-After"] == "5"
    assert commit(api, {"c.txt": b"1"}) == revisions(hub)[-1]


def test_an_answer_is_lost_after_the_work_is_done(hub: LoopbackHub, api: HfApi) -> None:
    hub.lose("POST", "/commit/")
    with pytest.raises(httpx2.RemoteProtocolError):
        commit(api, {"c.txt": b"1"})
    assert hub.files(KEY)["c.txt"] == b"1"


def test_half_a_request_is_none(hub: LoopbackHub) -> None:
    before = revisions(hub)
    with socket.create_connection(("127.0.0.1", int(hub.address.rpartition(":")[2])), 10) as client:
        line = f"POST /api/datasets/{NAME}/super-squash/main HTTP/1.1\r\n"
        head = f"{line}Authorization: Bearer {WRITER}\r\nContent-Length: 99\r\n\r\n"
        client.sendall(head.encode() + b'{"message": "m"}')
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert revisions(hub) == before


def test_what_it_does_not_know_fails_the_block() -> None:
    with pytest.raises(AssertionError, match="GET /api/nothing"), LoopbackHub() as hub:
        assert httpx2.get(f"{hub.address}/api/nothing").status_code == 404


def test_what_it_does_not_know_hides_no_other_failure_and_may_be_allowed() -> None:
    with pytest.raises(httpx2.HTTPStatusError), LoopbackHub() as hub:
        httpx2.get(f"{hub.address}/api/nothing").raise_for_status()
    with LoopbackHub(strict=False) as hub:
        httpx2.get(f"{hub.address}/api/nothing")
    assert hub.unexpected == ["GET /api/nothing"]


# datasets, which reads its environment when it is imported


PROGRAM = """
from datasets import Dataset, load_dataset
Dataset.from_dict({"id": ["A", "B"]}).push_to_hub("owner/pushed", private=True)
print(load_dataset("owner/pushed", split="train")["id"][:], next(iter(load_dataset(
    "owner/pushed", split="train", streaming=True)))["id"])
"""


@pytest.mark.slow
def test_datasets_pushes_loads_and_streams(hub: LoopbackHub, tmp_path: Path) -> None:
    known = {"HF_ENDPOINT": hub.address, "HF_TOKEN": WRITER, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env={**os.environ, **known}, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "['A', 'B'] A"
