"""Feeds: where the results that wait for an answer come from."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from rorem_demo.annotating.items import UNKNOWN
from rorem_demo.errors import ConfigError, RoremError, UnavailableError
from rorem_demo.feedback import disk
from rorem_demo.feedback.triplets import DIGESTS, FOLDERS, told_digests

log = logging.getLogger(__name__)
Row = Mapping[str, Any]

META = "meta.json"
MOST_FETCHED = 2000
"""Items of a dataset that are brought here."""
_SAVED_AFTER = 20
"""Items between two writings of meta.json: what a killed program fetches again."""
_COLUMNS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("source", "mask", "GT"): ("source_digest", "mask_digest", "result_digest"),
    ("source_picture", "mask_picture", "result_picture"): DIGESTS,
}
"""Names of the three pictures, and of their digests: RORem's and a curated dataset's, then those of the answers that
this program publishes."""
_KEPT = ("method", "revision", "options", "seed", "seconds", "device", "mask_made_by", "licence", "license", "score")
_LONGEST_LICENCE = 200


class Feed(Protocol):
    """A folder in RORem's layout, and what its rows say."""

    folder: Path

    def rows(self) -> Iterator[Row]:
        """Objects of meta.json, in order; may take long and may wait for a network.

        Raises:
            RoremError: there are none, or no more can be had.
        """
        ...


class FolderFeed:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self) -> Iterator[Row]:
        """What its meta.json lists; ConfigError where that cannot be read."""
        yield from read_meta(self.folder)


class HubFeed:
    """A dataset of triplets on the Hub, copied into a folder item by item; where it stopped it goes on.

    Args:
        repository: `owner/name`.
        folder: for the copy.
    """

    def __init__(self, repository: str, folder: Path) -> None:
        self.repository = repository
        self.folder = folder

    def rows(self) -> Iterator[Row]:
        """What was copied before, then what is fetched now; UnavailableError where the Hub fails."""
        rows = read_meta(self.folder) if (self.folder / META).exists() else []
        yield from rows
        try:
            yield from self._fetched(rows)
        except RoremError:
            raise
        except Exception as error:  # whatever a network, a dataset or its decoder comes up with
            raise UnavailableError(
                f"The dataset {self.repository} could not be fetched.", hint="Come back in a few minutes."
            ) from error

    def _fetched(self, rows: list[Row]) -> Iterator[Row]:
        for name in FOLDERS:
            disk.make_folder(self.folder / name)
        self._note_licence()
        start = int(rows[-1].get("row", -1)) + 1 if rows else 0
        try:
            for number, found in self._streamed(start, MOST_FETCHED - len(rows)):
                rows.append(self._kept(number, found))
                if len(rows) % _SAVED_AFTER == 0:
                    self._save(rows)
                yield rows[-1]
        finally:
            self._save(rows)

    def _streamed(self, start: int, most: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Rows with all three pictures, from `start` on, with their numbers."""
        if most <= 0:
            return
        from datasets import load_dataset  # noqa: PLC0415  # slow to import, and few need it

        splits = load_dataset(self.repository, streaming=True)
        stream = splits["train"] if "train" in splits else next(iter(splits.values()))
        numbered = enumerate(stream.decode(enable=False).skip(start), start)
        yield from islice(((number, row) for number, row in numbered if _columns(row)), most)

    def _kept(self, number: int, found: dict[str, Any]) -> Row:
        """The row's pictures as files, and what it says otherwise."""
        row: dict[str, Any] = {"row": number, **{name: found[name] for name in _KEPT if found.get(name) is not None}}
        columns = _columns(found)
        digests = dict(zip(DIGESTS, map(found.get, _COLUMNS[columns]), strict=True))
        if told_digests(digests):
            row["digests"] = digests
        for name, column in zip(FOLDERS, columns, strict=True):
            row[name] = f"{name}/{number:06}"
            (self.folder / row[name]).write_bytes(_bytes(found[column]))
        return row

    def _save(self, rows: list[Row]) -> None:
        disk.write_whole(self.folder / META, json.dumps(rows).encode())

    def _note_licence(self) -> None:
        """Where rows name no licence, the dataset's card may."""
        if (self.folder / "LICENSE").exists():
            return
        from huggingface_hub import DatasetCard  # noqa: PLC0415  # slow to import, and few need it
        from huggingface_hub.errors import EntryNotFoundError  # noqa: PLC0415

        with suppress(EntryNotFoundError):  # a dataset needs no card
            licence = DatasetCard.load(self.repository).data.get("license")
            disk.write_whole(self.folder / "LICENSE", str(licence or UNKNOWN).encode())


def feed_of(setting: str | None, folder: Path) -> Feed | None:
    """The feed a setting names: a folder, or a dataset that is copied into a folder of its own in `folder`.

    Raises:
        ConfigError: it names neither.
    """
    if not setting:
        return None
    path = Path(setting).expanduser()
    if path.is_dir():
        return FolderFeed(path)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", setting) and not setting.startswith("."):
        return HubFeed(setting, folder / setting.replace("/", "--"))
    raise ConfigError(
        f"ROREM_ANNOTATE is {setting!r}, which is no folder.", hint="Name a folder, or a dataset as owner/name."
    )


def read_meta(folder: Path) -> list[Row]:
    """The objects in a folder's meta.json.

    Raises:
        ConfigError: there is none, or it is no list.
    """
    try:
        rows = json.loads((folder / META).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{folder.name} has no meta.json that can be read.", hint="Give a folder in RORem's layout."
        ) from error
    if not isinstance(rows, list):
        raise ConfigError(f"The meta.json of {folder.name} is no list.", hint="Give a folder in RORem's layout.")
    return [row if isinstance(row, dict) else {} for row in rows]


def licence_of(folder: Path) -> str:
    """The first line of the folder's LICENSE, or nothing."""
    for path in sorted(folder.glob("LICEN[SC]E*")):
        lines = path.read_text("utf-8", "replace").split("\n") if path.is_file() else []
        if named := [line.strip() for line in lines if line.strip()]:
            return named[0][:_LONGEST_LICENCE]
    return ""


def _columns(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the row's three pictures; empty if one is missing."""
    return next((names for names in _COLUMNS if all(row.get(name) for name in names)), ())


def _bytes(value: Any) -> bytes:
    """A picture as a file, from a value that `datasets` did not decode."""
    if isinstance(value, bytes):
        return value
    if data := value.get("bytes"):
        return bytes(data)
    from datasets import Image  # noqa: PLC0415  # slow to import, and few need it

    file = BytesIO()
    Image().decode_example(value).save(file, "PNG")
    return file.getvalue()
