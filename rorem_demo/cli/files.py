"""Files named on the command line: read them, pair photos with masks, write whole results or none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from rorem_demo.errors import InputError, StorageError
from rorem_demo.imaging.io import Format

FORMATS: dict[str, Format] = {"": "PNG", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""What a result's extension stands for."""
PHOTO_SUFFIXES = frozenset({".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""What a batch takes from a folder of photos."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One photo to work on."""

    photo: Path
    mask: Path
    output: Path

    @property
    def format(self) -> Format:
        """What the result is written as.

        Raises:
            InputError: its extension stands for nothing we write.
        """
        suffix = self.output.suffix.lower()
        if suffix not in FORMATS:
            raise InputError(f"Cannot write {suffix} files.", hint="Name the output .png, .jpg or .webp.")
        return FORMATS[suffix]

    def check(self) -> None:
        """Refuse now what would fail after the work is done.

        Raises:
            InputError: an extension we do not write, or an output that is no file or one of the inputs.
            StorageError: no such folder.
        """
        _ = self.format
        check_output(self.output, inputs=(self.photo, self.mask))


def check_output(output: Path, *, inputs: Sequence[Path]) -> None:
    """Refuse now what could not be written after the work is done.

    Raises:
        InputError: the output is no file, or one of the inputs.
        StorageError: no such folder.
    """
    if not output.parent.is_dir():
        raise StorageError(f"There is no folder {output.parent}.", hint="Create it first.")
    if not output.exists():
        return
    if not output.is_file():
        raise InputError(f"{output} is not a file.", hint="Give a file to write to.")
    if any(path.exists() and output.samefile(path) for path in inputs):
        raise InputError(f"{output} is an input.", hint="Write to another file.")


def paired(photos: Path, masks: Path, output: Path) -> list[Job]:
    """A job per photo of a folder, in order of names; masks are `name.png` or `name_mask.png`.

    Results are PNG, so that what lies outside a mask stays exact. A photo without a mask gives a job whose
    mask cannot be read. Makes the output folder.

    Raises:
        InputError: no photos, or the output folder is one of the others.
        StorageError: the output folder cannot be made.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"Cannot make the folder {output}: {error.strerror}.", hint="Choose another one.") from error
    if any(output.samefile(folder) for folder in (photos, masks)):
        raise InputError(f"{output} holds the inputs.", hint="Write to another folder.")
    found = _photos(photos, skip_masks=photos.samefile(masks))
    stems = Counter(photo.stem for photo in found)
    names = {photo: photo.stem if stems[photo.stem] == 1 else photo.name for photo in found}
    return [Job(photo=photo, mask=_mask_of(photo, masks), output=output / f"{names[photo]}.png") for photo in found]


def _photos(folder: Path, *, skip_masks: bool) -> list[Path]:
    files = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in PHOTO_SUFFIXES)
    found = [path for path in files if not (skip_masks and path.stem.endswith("_mask"))]
    if not found:
        raise InputError(f"There are no photos in {folder}.")
    return found


def _mask_of(photo: Path, masks: Path) -> Path:
    marked, plain = masks / f"{photo.stem}_mask.png", masks / f"{photo.stem}.png"
    return plain if plain.exists() and not plain.samefile(photo) else marked


def read(path: Path) -> bytes:
    """The bytes of an input.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error


def write(path: Path, data: bytes) -> None:
    """Write a file in one step: it is whole, or as it was before.

    Raises:
        StorageError: it cannot be written.
    """
    part = path.with_name(f".{token_hex(8)}.part")  # in the same folder, because only there a rename is one step
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # some file systems tell only now that the disk is full
        part.replace(path)
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error.strerror}.", hint="Choose another place.") from error
    finally:
        with suppress(OSError):
            part.unlink()
