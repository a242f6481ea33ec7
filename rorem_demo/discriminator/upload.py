"""One operation on a model's repository, as a process of its own: `python -m rorem_demo.discriminator.upload LIFELINE`.

Job, answer and end are those of `feedback.upload`; asked by `discriminator.hub`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from rorem_demo.feedback.hub import RefusedError
from rorem_demo.feedback.upload import main


def listing(repository: str, *, create: bool, private: bool) -> dict[str, Any]:
    """Head and files, both of one commit."""
    api = HfApi()
    try:
        head = api.model_info(repository, revision="main").sha
    except RepositoryNotFoundError as error:
        if not create:
            hint = "If it is private, set HF_TOKEN to a token that may see it."
            raise RefusedError(f"The Hub shows no model {repository} to us.", hint=hint) from error
        api.create_repo(repository, private=private, exist_ok=True)
        head = api.model_info(repository, revision="main").sha
    tree = api.list_repo_tree(repository, revision=head, recursive=True)
    return {"head": head, "files": sorted(entry.path for entry in tree if isinstance(entry, RepoFile))}


def fetch(repository: str, *, head: str, files: list[str], folder: str) -> None:
    """Files of a commit into a folder."""
    for file in files:
        HfApi().hf_hub_download(repository, file, revision=head, local_dir=folder)


def commit(repository: str, *, add: Mapping[str, str], parent: str, message: str) -> str:
    """The commit made, or of main if all of it is there already."""
    operations = [CommitOperationAdd(path, file) for path, file in add.items()]
    return str(HfApi().create_commit(repository, operations, commit_message=message, parent_commit=parent).oid)


if __name__ == "__main__":
    main({"listing": listing, "fetch": fetch, "commit": commit})
