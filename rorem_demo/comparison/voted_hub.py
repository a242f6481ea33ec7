"""Answers of a dataset on the Hub, at one commit."""

from __future__ import annotations

from fnmatch import fnmatchcase

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from rorem_demo.comparison.voted import Kind
from rorem_demo.comparison.voted_files import Filed
from rorem_demo.discriminator.sources_hub import HubFiles, hub_troubles
from rorem_demo.errors import InputError


def open_hub(repository: str, revision: str | None) -> Filed:
    """The dataset at a revision, with the deletions of that and of the newest.

    Raises:
        InputError: it has no such revision, or no answers.
        UnavailableError: it is missing, private or gated, or the Hub cannot be reached.
    """
    with hub_troubles(repository):
        api = HfApi()
        newest = str(api.dataset_info(repository).sha)
        commit = str(api.dataset_info(repository, revision=revision).sha) if revision else newest
        trees = {at: _paths(api, repository, at) for at in {commit, newest}}
    shards: dict[Kind, tuple[str, ...]] = {
        "pairs": _addresses(repository, commit, trees[commit], "data/pairs/*.parquet"),
        "ratings": _addresses(repository, commit, trees[commit], "data/ratings/*.parquet"),
    }
    if not any(shards.values()):
        raise InputError(f"{repository} has no answers at {commit[:8]}.", hint="Publish some first, or name another.")
    # Whoever took an answer back meanwhile took it back from older revisions, too.
    lists = {one for at, tree in trees.items() for one in _addresses(repository, at, tree, "deleted/*.jsonl")}
    files = HubFiles(repository, {str(kind): found for kind, found in shards.items()}, tuple(sorted(lists)))
    return Filed(dataset=repository, revision=commit, deletions=newest, files=files, shards=shards, lists=files.lists)


def _paths(api: HfApi, repository: str, commit: str) -> list[str]:
    tree = api.list_repo_tree(repository, repo_type="dataset", revision=commit, recursive=True)
    return sorted(entry.path for entry in tree if isinstance(entry, RepoFile))


def _addresses(repository: str, commit: str, paths: list[str], pattern: str) -> tuple[str, ...]:
    return tuple(f"hf://datasets/{repository}@{commit}/{path}" for path in paths if fnmatchcase(path, pattern))
