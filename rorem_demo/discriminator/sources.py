"""Sources: places with rows. A dataset on the Hub, a folder of its shards, or one as RORem's training code reads it.

A rating is a row. So is each result of a pair that a vote called both good or both bad, since that is an answer to
each; a vote that one is better says of neither whether it succeeded and is no row, and gold items never are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from rorem_demo.discriminator.triples import Triple
from rorem_demo.errors import InputError, RoremError
from rorem_demo.feedback.published import files_in, place_of
from rorem_demo.feedback.triplets import META


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An answer to one result without its pictures: all that decides whether it counts."""

    id: str
    """26 characters; of a vote's two rows those of its id but the first (`identity.side_id`)."""
    source: str
    """Digests of photo, mask and result, 64 hex digits each."""
    mask: str
    result: str
    label: int
    """1 = removed, 0 = not."""
    rater: str
    flags: tuple[str, ...]
    supersedes: str
    receipt: str
    method: str
    origin: str
    mask_fraction: float
    """Of the photo."""
    pictures: bool
    """The row has them."""
    shard: int
    """Which of the source's files it lies in."""


Unread: TypeAlias = str
"""Why there is no row: malformed, missing, unusable, without-answer; of votes also without-label, gold."""


class Source(Protocol):
    """A place with rows."""

    @property
    def dataset(self) -> str:
        """`owner/name`, or the folder's name."""

    @property
    def revision(self) -> str:
        """The commit, 40 digits; "" for a folder."""

    @property
    def deletions(self) -> str:
        """The commit whose deletions were applied, the newest; "" for a folder."""

    def rows(self) -> Iterator[Row | Unread]:
        """Every row without its pictures, in any order.

        Raises:
            RoremError: the place cannot be read, or is of a newer schema.
        """

    def taken_back(self) -> Iterator[str]:
        """Receipts whose rows are not to be used, older revisions' too."""

    def pictures(self, shard: int, ids: Collection[str]) -> Iterator[tuple[str, Triple | RoremError]]:
        """Decoded pictures of these rows of a shard, or why there are none; rows that are not there are left out."""


def open_source(place: str, revision: str | None = None) -> Source:
    """The source of that name.

    Args:
        place: `owner/name` of a dataset on the Hub, or a folder: with `data/ratings/` or `data/pairs/`, or with a
            meta.json.
        revision: a commit, branch or tag of the dataset; None is the newest.

    Raises:
        InputError: there is no such folder, or it holds neither.
        UnavailableError: the Hub cannot be reached, or does not show the dataset.
    """
    found = place_of(place, revision)
    if isinstance(found, Path):
        return _open_folder(found)
    from rorem_demo.discriminator.sources_hub import open_hub  # noqa: PLC0415  # the client takes a second

    return open_hub(found, revision)


def _open_folder(folder: Path) -> Source:
    files = files_in(folder)
    if any(files.shards.values()):
        from rorem_demo.discriminator.sources_shards import Shards  # noqa: PLC0415  # pyarrow and datasets

        return Shards(files)
    if (folder / META).exists():
        from rorem_demo.discriminator.sources_folder import Folder  # noqa: PLC0415  # as the others

        return Folder(folder)
    raise InputError(
        f"{folder} holds neither data/ratings/*.parquet nor data/pairs/*.parquet nor {META}.",
        hint="Name a copy of the dataset, or a folder that `feedback export` wrote.",
    )
