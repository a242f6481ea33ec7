"""Places with answers: votes on blind pairs, and thumbs, without their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import pyarrow as pa

from rorem_demo.errors import InputError
from rorem_demo.feedback.published import place_of
from rorem_demo.feedback.records import SCHEMA, VOTE_SCHEMA

if TYPE_CHECKING:
    from rorem_demo.feedback.store import Store

Kind: TypeAlias = Literal["pairs", "ratings"]
"""Votes on blind pairs, or thumbs; the folder of `data/` that has them."""

_TEXTS = pa.list_(pa.string())
COLUMNS: Mapping[Kind, Mapping[str, pa.DataType]] = {
    "pairs": {
        **dict.fromkeys(
            ("id", "created", "origin", "case", "source", "mask", "left_method", "left_result"), pa.string()
        ),
        **dict.fromkeys(("right_method", "right_result", "choice", "gold", "rater", "receipt"), pa.string()),
        **dict.fromkeys(("schema", "width", "height", "mask_pixels"), pa.int64()),
        **dict.fromkeys(("mask_made_by", "flags"), _TEXTS),
    },
    "ratings": {
        **dict.fromkeys(("id", "created", "origin", "source", "mask", "result", "method"), pa.string()),
        **dict.fromkeys(("rater", "supersedes", "receipt"), pa.string()),
        **dict.fromkeys(("schema", "label"), pa.int64()),
        "score": pa.float64(),
        "flags": _TEXTS,
    },
}
"""What is read of each row."""
NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "pairs": ("id", "left_method", "right_method", "choice", "rater"),
    "ratings": ("id", "method", "label", "rater"),
}
"""Without these a file is none of its kind; others may be missing, as in files of an older version."""
KNOWN: Mapping[Kind, int] = {"pairs": VOTE_SCHEMA, "ratings": SCHEMA}
"""Newest version of a row that this program can read."""


class Answers(Protocol):
    """A place with answers."""

    @property
    def dataset(self) -> str:
        """`owner/name`, a folder's name, or "" for this machine's own store."""

    @property
    def revision(self) -> str:
        """The commit, 40 digits; "" of a folder or the store."""

    @property
    def deletions(self) -> str:
        """The commit whose deletions were applied as well, the newest; "" of a folder or the store."""

    def batches(self, kind: Kind) -> Iterator[pa.RecordBatch]:
        """Every row of a kind, some thousand at a time, in any order: the columns of `COLUMNS`, null where missing.

        Raises:
            RoremError: the place cannot be read, or is of a newer version.
        """

    def taken_back(self) -> Iterator[str]:
        """Receipts whose rows do not count."""


def open_answers(place: str, revision: str | None = None) -> Answers:
    """The answers of a dataset on the Hub, or of a folder with its files.

    Args:
        place: `owner/name`, or a folder with `data/pairs/` or `data/ratings/`.
        revision: a commit, branch or tag of the dataset; None is the newest.

    Raises:
        InputError: there is no such folder, or it holds neither.
        UnavailableError: the Hub cannot be reached, or does not show the dataset.
    """
    from rorem_demo.comparison.voted_files import Filed, open_folder  # noqa: PLC0415  # it stands on this module

    found = place_of(place, revision)
    if isinstance(found, Path):
        return open_folder(found)
    from rorem_demo.discriminator.sources_hub import hub_files  # noqa: PLC0415  # the client takes a second

    return Filed(hub_files(found, revision))


def stored_answers(store: Store) -> Answers:
    """The answers that are kept on this machine, published or not."""
    from rorem_demo.comparison.voted_store import Stored  # noqa: PLC0415  # it stands on this module

    return Stored(store)


def check_version(batch: pa.RecordBatch, kind: Kind, where: str) -> None:
    """Raise InputError if a row is of a newer version, whose columns may mean something else."""
    versions = [one for one in batch.column("schema").unique().to_pylist() if isinstance(one, int)]
    if (newest := max(versions, default=0)) > KNOWN[kind]:
        what = "votes" if kind == "pairs" else "ratings"
        raise InputError(
            f"{where} has {what} of version {newest}, and this program knows {KNOWN[kind]}.", hint="Update the program."
        )
