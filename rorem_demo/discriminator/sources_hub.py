"""Shards of a dataset on the Hub, at one commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import IO, cast

import httpx2
from huggingface_hub import HfApi, HfFileSystem, get_token
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from rorem_demo.discriminator.sources_shards import Shards
from rorem_demo.errors import InputError, RoremError, StorageError, UnavailableError
from rorem_demo.feedback.kinds import KINDS


@dataclass(frozen=True)
class HubFiles:
    """Files of a dataset, each at a commit."""

    dataset: str
    revision: str
    deletions: str
    shards: Mapping[str, tuple[str, ...]]
    lists: tuple[str, ...]

    def open(self, address: str) -> AbstractContextManager[IO[bytes]]:
        """The file, fetched range by range; nothing is fetched ahead, which would be pictures."""
        return cast("AbstractContextManager[IO[bytes]]", HfFileSystem().open(address, "rb", cache_type="none"))

    def in_words(self, address: str) -> AbstractContextManager[None]:  # noqa: ARG002  # a seam
        """What the client raises, as RoremError."""
        return hub_troubles(self.dataset)


def open_hub(repository: str, revision: str | None) -> Shards:
    """The rows of `hub_files`."""
    return Shards(hub_files(repository, revision))


def hub_files(repository: str, revision: str | None) -> HubFiles:
    """The dataset at a revision, with the deletions of that and of the newest.

    Raises:
        InputError: it has no such revision, or no ratings or votes.
        UnavailableError: it is missing, private or gated, or the Hub cannot be reached.
    """
    with hub_troubles(repository):
        api = HfApi()
        newest = str(api.dataset_info(repository).sha)
        commit = str(api.dataset_info(repository, revision=revision).sha) if revision else newest
        trees = {at: _paths(api, repository, at) for at in {commit, newest}}
    shards = {kind: _addresses(repository, commit, trees[commit], f"data/{kind}/*.parquet") for kind in KINDS}
    if not any(shards.values()):
        sentence = f"{repository} has no ratings or votes at {commit[:8]}."
        raise InputError(sentence, hint="Publish some first, or name another.")
    # Whoever took an answer back meanwhile took it back from older revisions, too.
    lists = {one for at, tree in trees.items() for one in _addresses(repository, at, tree, "deleted/*.jsonl")}
    return HubFiles(repository, commit, newest, shards, tuple(sorted(lists)))


def _paths(api: HfApi, repository: str, commit: str) -> list[str]:
    tree = api.list_repo_tree(repository, repo_type="dataset", revision=commit, recursive=True)
    return sorted(entry.path for entry in tree if isinstance(entry, RepoFile))


def _addresses(repository: str, commit: str, paths: list[str], pattern: str) -> tuple[str, ...]:
    return tuple(f"hf://datasets/{repository}@{commit}/{path}" for path in paths if fnmatchcase(path, pattern))


@contextmanager
def hub_troubles(repository: str) -> Iterator[None]:
    """What the Hub's clients raise, as RoremError."""
    try:
        yield
    except (OSError, httpx2.TransportError, HFValidationError) as error:
        raise _in_words(error, repository) from error


def _in_words(error: Exception, repository: str) -> RoremError:  # noqa: PLR0911  # one for each cause
    token = "The token may not see it." if get_token() else "Set HF_TOKEN if it is private."
    match error:
        case HFValidationError():
            return InputError(f"{repository!r} is no name of a dataset.", hint="Name it owner/name.")
        case GatedRepoError():
            return UnavailableError(f"{repository} is gated.", hint="Ask for access on its page; set HF_TOKEN.")
        case RepositoryNotFoundError():
            return UnavailableError(f"The Hub has no dataset {repository}, or hides it.", hint=token)
        case RevisionNotFoundError():
            return InputError(f"{repository} has no such revision.", hint="It may have been purged; name another.")
        case OfflineModeIsEnabled():
            return UnavailableError("HF_HUB_OFFLINE keeps this machine from the Hub.", hint="Unset it, or use a copy.")
        case HfHubHTTPError() if error.response.status_code in {401, 403}:
            return UnavailableError(f"The Hub refuses to show {repository}.", hint=token)
        case HfHubHTTPError():
            status = error.response.status_code
            return UnavailableError(f"The Hub is busy or out of order ({status}).", hint="Start again; it goes on.")
    if type(error) is OSError and error.errno is None:  # a decoder's; those of connections are of other types
        return StorageError(f"A shard of {repository} is damaged.", hint="Name another revision.")
    return UnavailableError(f"The Hub cannot be reached for {repository}.", hint="Start again; it goes on.")
