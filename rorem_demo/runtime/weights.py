"""Weights: the files a model needs, where they are on this machine, and how they get here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from rorem_demo import __version__
from rorem_demo.errors import UnavailableError
from rorem_demo.runtime.fetching import Progress, Told, check, check_room, in_words
from rorem_demo.runtime.pins import PINS, Pin, WeightFile, read_pins

Place: TypeAlias = Literal["folder", "Hub cache"]


class NeedsWeights(Protocol):
    """A row of a catalogue, as far as its weights are concerned."""

    @property
    def title(self) -> str: ...
    @property
    def weights(self) -> tuple[WeightFile, ...]: ...
    @property
    def packages(self) -> tuple[str, ...]:
        """Modules it needs beyond `requirements.txt`."""
        ...


@dataclass(frozen=True)
class Weights:
    """Where weights are looked for, and fetched to: the folder if there is one, else the Hub's cache.

    Whoever names a folder does so because it outlives the machine or is shared; weights that went elsewhere would
    be fetched again after every restart. `HF_HOME` moves the cache.
    """

    folder: Path | None = None
    """Holds them as `owner/name/file`."""
    cache: Path | None = None
    """The Hub's cache; None is where huggingface_hub keeps it."""
    endpoint: str | None = None
    """Address of the Hub; None is huggingface_hub's own."""
    pins: Path = PINS

    def pin(self, file: WeightFile) -> Pin:
        """What is known of a file."""
        entry = read_pins(self.pins).get(file.repository, {})
        return Pin(revision=entry.get("revision"), **entry.get("files", {}).get(file.file, {}))

    def revision(self, row: NeedsWeights) -> str:
        """Commits of the weights a row runs with; a row without weights is as old as the program."""
        pins = {file.repository: self.pin(file).revision or "unverified" for file in row.weights}
        return " ".join(f"{repository}@{revision}" for repository, revision in pins.items()) or __version__

    def find(self, file: WeightFile) -> Path | None:
        """Where the file is; None if it is not here, not whole, or not checked yet."""
        stock = self._stock([file])
        return stock and stock[1][0]

    def places(self, row: NeedsWeights) -> tuple[Place, ...]:
        """Where the files of a row are, without repetition; empty if one is not here."""
        stocks = [self._stock(group) for group in _repositories(row)]
        return tuple({stock[0]: None for stock in stocks if stock}) if all(stocks) else ()

    def files(self, row: NeedsWeights) -> tuple[Path, ...]:
        """The files of a row, in its order; those of one repository lie in one folder.

        Raises:
            UnavailableError: one is not here.
        """
        found: dict[WeightFile, Path] = {}
        for group in _repositories(row):
            stock = self._stock(group)
            if stock is None:
                hint = "The command `weights` fetches them."
                raise UnavailableError(f"{row.title} needs weights that are not here.", hint=hint)
            found |= zip(group, stock[1], strict=True)
        return tuple(found[file] for file in row.weights)

    def missing(self, row: NeedsWeights) -> tuple[str, ...]:
        """What this machine would need to run a row, in plain words; empty if it can."""
        needs = [f"the package {name}" for name in row.packages if find_spec(name) is None]
        absent = [file for group in _repositories(row) if not self._stock(group) for file in group]
        gigabytes = self.size(absent) / 1e9
        amount = f"{gigabytes:.1f} GB of weights" if gigabytes else "weights"
        return (*needs, amount) if absent else tuple(needs)

    def size(self, files: Sequence[WeightFile]) -> int:
        """Bytes of these files as far as known, pinned before told; 0 if nothing is."""
        return sum(self.pin(file).size or (file.megabytes or 0) * 10**6 for file in files)

    def fetch(self, row: NeedsWeights, progress: Progress | None = None) -> tuple[Path, ...]:
        """Download what is missing of a row; returns its files, in its order.

        Takes the pinned commit, `main` where none is known. huggingface_hub shows a bar if stderr is a terminal.
        A download that breaks off goes on by itself while the server answers; the next call starts it again. One
        caller at a time fetches from a repository, in all processes that share the folder or the cache.

        Raises:
            UnavailableError: not allowed, not there, not reached, or not the pinned bytes.
            StorageError: the disk is full or may not be written to.
        """
        absent = [group for group in _repositories(row) if not self._stock(group)]
        for group in absent:
            if not group[0].is_on_hub:
                hint = (
                    f"Put {group[0].file} into {group[0].repository}/ of ROREM_WEIGHTS_DIR, or set ROREM_REPOSITORIES."
                )
                raise UnavailableError(f"No repository of the Hub is known to hold weights of {row.title}.", hint=hint)
        told = Told(progress, {file: self.size([file]) for group in absent for file in group})
        for group in absent:
            with in_words(group[0]), self._alone(group[0]):
                if not self._stock(group):  # whoever held the lock may have fetched it
                    for file in group:
                        self._download(file, told)
        return self.files(row)

    def _stock(self, group: Sequence[WeightFile]) -> tuple[Place, list[Path]] | None:
        """The first place that holds all of these files of one repository, and their paths there."""
        for place, paths in self._stocks(group):
            whole = [path for path in paths if path is not None]
            if len(whole) == len(group):
                return place, whole
        return None

    def _stocks(self, group: Sequence[WeightFile]) -> Iterator[tuple[Place, list[Path | None]]]:
        if folder := self.folder:
            yield "folder", [self._whole(folder, folder / file.repository / file.file, file) for file in group]
            others = [[folder / name for name in file.also] for file in group]
            yield "folder", [next(filter(Path.is_file, paths), None) for paths in others]
        hub = self._cache()
        if hub.joinpath(_folder_name(group[0])).is_dir():  # else spare the import, a third of a second
            from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415

            found = [try_to_load_from_cache(f.repository, f.file, hub, self.pin(f).revision) for f in group]
            paths = [Path(path) if isinstance(path, str) else None for path in found]
            yield "Hub cache", [path and self._whole(hub, path, f) for f, path in zip(group, paths, strict=True)]

    def _whole(self, root: Path, path: Path, file: WeightFile) -> Path | None:
        if not path.is_file() or _unchecked(root, file).exists():
            return None
        return path if self.pin(file).size in {None, path.stat().st_size} else None

    def _cache(self) -> Path:
        from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415  # 30 ms, for rows with weights only

        return self.cache or Path(HF_HUB_CACHE)

    @contextmanager
    def _alone(self, file: WeightFile) -> Iterator[None]:
        from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # noqa: PLC0415

        # Beside the client's own lock, under which a second download into a folder removes what the first brought.
        lock = _locks(self.folder or self._cache(), file) / "rorem.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            yield

    def _download(self, file: WeightFile, told: Told) -> None:
        """Bring one file to where it belongs; until it is checked a mark hides it from `find`, even if killed."""
        from huggingface_hub import hf_hub_download  # noqa: PLC0415

        pin, root = self.pin(file), self.folder or self._cache()
        if self.folder and self._lies_in(self.folder, file):
            return
        if not self.find(file):
            check_room(root, self.size([file]))
        mark = _unchecked(root, file)
        mark.touch()
        try:
            path = hf_hub_download(
                file.repository,
                file.file,
                revision=pin.revision or "main",
                endpoint=self.endpoint,
                cache_dir=self.cache,
                local_dir=self.folder / file.repository if self.folder else None,
                tqdm_class=told.bar(file),
            )
            check(Path(path), file, pin)
        except Exception:  # not BaseException: an interrupted check leaves the mark
            mark.unlink()
            raise
        mark.unlink()

    def _lies_in(self, folder: Path, file: WeightFile) -> bool:
        """Whether the folder holds the file; refuses to replace what somebody else put there."""
        path = folder / file.repository / file.file
        if path.is_file() and not self._whole(folder, path, file) and not _unchecked(folder, file).exists():
            raise UnavailableError(f"{path} is not the file that is pinned.", hint="Move it away and try again.")
        return self._whole(folder, path, file) is not None


def _repositories(row: NeedsWeights) -> list[list[WeightFile]]:
    groups: dict[str, list[WeightFile]] = {}
    for file in row.weights:
        groups.setdefault(file.repository, []).append(file)
    return list(groups.values())


def _folder_name(file: WeightFile) -> str:
    return f"models--{file.repository.replace('/', '--')}"


def _locks(root: Path, file: WeightFile) -> Path:
    return root / ".locks" / _folder_name(file)


def _unchecked(root: Path, file: WeightFile) -> Path:
    return _locks(root, file) / f"{file.file.replace('/', '--')}.unchecked"
