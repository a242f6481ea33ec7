"""One operation on a dataset of the Hub, as a process of its own: `python -m rorem_demo.feedback.upload LIFELINE`.

Reads a job from stdin and writes one line, {"done": ...} or what `hub.failure` says, both JSON. May be killed at any
time. Ends by itself when LIFELINE, a file descriptor, is closed at the other end: then nobody waits for it any more.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, HfFileSystem, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from rorem_demo.errors import RoremError, StorageError
from rorem_demo.feedback import disk
from rorem_demo.feedback.hub import ConflictError, RefusedError, RetryLaterError, failure

_GRACE = 5
"""Seconds after the parent's deadline; it is no signal for the parent, but the end of one whose parent is stopped."""
_BUSY = frozenset({408, 409, 425, 429})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MOVED = frozenset({"EntryNotFound", "RevisionNotFound"})


def listing(repository: str, *, private: bool) -> dict[str, Any]:
    """Head and files; pinned to the head, so that both are of one commit."""
    api = HfApi()
    head = _head(api, repository, missing_is_none=bool(get_token()))
    if head is None:
        api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        head = _head(api, repository)
    tree = api.list_repo_tree(repository, repo_type="dataset", revision=head, recursive=True)
    return {"head": head, "files": sorted(entry.path for entry in tree if isinstance(entry, RepoFile))}


def _head(api: HfApi, repository: str, *, missing_is_none: bool = False) -> str | None:
    try:
        return api.dataset_info(repository, revision="main").sha
    except RepositoryNotFoundError:
        if missing_is_none:
            return None
        raise


def commit(repository: str, *, add: Mapping[str, str], delete: list[str], parent: str | None, message: str) -> str:
    """The commit made, or of main if there was nothing to do."""
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path, file)  # by path: Xet takes no open file
        for path, file in add.items()
    ]
    operations += [CommitOperationDelete(path, is_folder=False) for path in delete]
    made = HfApi().create_commit(
        repository, operations, commit_message=message, parent_commit=parent, repo_type="dataset"
    )
    return str(made.oid)


def rows(repository: str, *, notes: Mapping[str, str], head: str) -> int:
    """Write [id, receipt] of each row of each shard to its note, whole or not at all; returns how many there are."""
    for path, note in notes.items():
        disk.make_folder(Path(note).parent)
        disk.write_whole(Path(note), json.dumps(_ids(repository, path, head)).encode())
    return len(notes)


def _ids(repository: str, path: str, head: str) -> list[list[str]]:
    """Without read-ahead, which would bring the pictures."""
    import pyarrow as pa  # noqa: PLC0415  # a quarter of a second, for this job only
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    name = f"datasets/{repository}@{head}/{path}"
    with HfFileSystem().open(name, "rb", cache_type="none") as file:
        try:
            table = ParquetFile(file).read(["id", "receipt"])
            columns = [table.column(column).to_pylist() for column in ("id", "receipt")]
        except HfHubHTTPError:  # an OSError too
            raise
        except (pa.ArrowInvalid, OSError, KeyError) as error:
            raise StorageError(f"{path} of {repository} holds no answers.", hint="Delete it there.") from error
    return [list(row) for row in zip(*columns, strict=True)]


def fetch(repository: str, *, path: str, head: str, folder: str) -> str:
    """Where the file is now."""
    return HfApi().hf_hub_download(repository, path, repo_type="dataset", revision=head, local_dir=folder)


def commits(repository: str) -> list[str]:
    """Newest first."""
    return [one.commit_id for one in HfApi().list_repo_commits(repository, repo_type="dataset")]


def squash(repository: str) -> list[str]:
    """Commits that were there before."""
    before = commits(repository)
    HfApi().super_squash_history(repository, repo_type="dataset")
    return before


OPERATIONS: dict[str, Callable[..., Any]] = {
    one.__name__: one for one in (listing, commit, rows, fetch, commits, squash)
}


def in_words(error: Exception, repository: str) -> RoremError:  # noqa: PLR0911  # one for each cause
    """What an error of the client means for whoever publishes."""
    for cause in _causes(error):
        match cause:
            case RoremError():
                return cause
            case HfHubHTTPError():
                return _answered(cause, repository)
            case OfflineModeIsEnabled():
                return RefusedError("HF_HUB_OFFLINE keeps this machine from the Hub.", hint="Unset it to publish.")
            case HFValidationError():
                hint = "Set ROREM_FEEDBACK_DATASET to owner/name."
                return RefusedError(f"{repository!r} is no name of a dataset.", hint=hint)
            case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
                return RefusedError("HF_ENDPOINT is no address.", hint="Unset it, or set it to https://NAME.")
            case httpx2.TransportError():
                return RetryLaterError("The Hub cannot be reached.")
    return _unanswered(error)


def _unanswered(error: Exception) -> RoremError:
    """Of no answer, or of one that cannot be read."""
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, OSError) and (cause.errno in _FULL or cause.filename):  # others are of connections
            return StorageError(f"What the Hub sends cannot be kept: {cause.strerror}.", hint="Make room, or mend it.")
    if any(isinstance(cause, OSError | json.JSONDecodeError) for cause in chain):
        return RetryLaterError("The Hub cannot be reached.")
    traceback.print_exception(error)
    return RetryLaterError(f"Talking to the Hub failed ({type(error).__name__}).", hint="The log says where.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _answered(error: HfHubHTTPError, repository: str) -> RoremError:
    status, headers = error.response.status_code, error.response.headers
    if status == 412 or headers.get("X-Error-Code") in _MOVED:
        return ConflictError(f"{repository} has changed meanwhile.", hint="List it again and repeat.")
    if status in _BUSY or status >= 500:
        return RetryLaterError(f"The Hub is busy or out of order ({status}).", after=_after(status, headers))
    return _refused(error, status, repository)


def _refused(error: HfHubHTTPError, status: int, repository: str) -> RefusedError:
    said = " ".join((error.server_message or "").split())[:200]
    said = f" It said: {said.rstrip('.')}." if said else ""
    wanted = f"Set HF_TOKEN to a fine-grained token that may write to {repository}."
    if status in {401, 403, 404} and not get_token():
        return RefusedError("There is no token for the Hub.", hint=wanted)
    if status == 401:
        return RefusedError("The Hub does not know the token.", hint=wanted)
    if status == 403:
        return RefusedError(f"The token may not write to {repository}.{said}", hint=wanted)
    if status == 404:
        return RefusedError(f"The Hub has no dataset {repository} that the token may see.", hint=wanted)
    return RefusedError(f"The Hub refuses {repository} ({status}).{said}", hint="Look at its settings on the Hub.")


def _after(status: int, headers: Mapping[str, str]) -> float:
    """Seconds to wait: when an exhausted limit starts anew, else what Retry-After says; 0 if neither does."""
    limit = re.search(r"r\s*=\s*0\s*;\s*t\s*=\s*(\d+)", headers.get("RateLimit", "")) if status == 429 else None
    named = limit.group(1) if limit else headers.get("Retry-After", "").strip()
    return float(named) if named.isdecimal() else 0.0


def _checked_token() -> None:
    """Refuse a token that cannot be sent, of which the client's error would print every character."""
    if not re.fullmatch(r"[\x21-\x7e]*", get_token() or ""):
        raise RefusedError("The token for the Hub holds characters that no token has.", hint="Copy it again.")


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)


def main(operations: Mapping[str, Callable[..., Any]] = OPERATIONS) -> None:
    """Do the job, which is one of these operations."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed belongs into the log
    threading.Thread(target=_end_with, args=[int(sys.argv[1])], daemon=True).start()
    job = json.load(sys.stdin)
    signal.alarm(math.ceil(job.pop("seconds")) + _GRACE)
    try:
        _checked_token()
        said: dict[str, Any] = {"done": operations[job.pop("operation")](**job)}
    except Exception as error:  # noqa: BLE001  # each has to become words for the parent
        sys.stderr.writelines(traceback.format_exception_only(error))
        said = failure(in_words(error, job["repository"]))
    print(json.dumps(said), file=answers, flush=True)
    sys.stderr.flush()
    os._exit(0)  # what counts is said; threads of the client may not end


if __name__ == "__main__":
    main()
