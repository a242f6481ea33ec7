"""Pictures of a ready case: read whole, or as a patch on the photo, and never other than they were promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback.pictures import digest
from rorem_demo.imaging.io import decode_mask, decode_photo
from rorem_demo.imaging.types import Box, Image, Mask, Size, size_of

_AGAIN = "Take the case again from where it came, or remove its folder and run the command compare again."


def whole_image(path: Path, size: Size, promised: str) -> Image:
    """The picture in a file, which has this digest. Raises StorageError, as do the others."""
    image = _image(path, size)
    _check(image, promised, path)
    return image


def mask_image(path: Path, size: Size, promised: str) -> Mask:
    """The mask in a file, which has this digest."""
    try:
        mask = decode_mask(_bytes(path), size, max_pixels=size.area)
    except InputError as error:
        raise _damaged(path, str(error)) from error
    _check(mask, promised, path)
    return mask


def patched(path: Path, box: Box, source: Path, size: Size, promised: str) -> Image:
    """The photo with the picture of a file in its box; all of it has this digest."""
    image = _image(source, size)
    image[box.slices] = _image(path, box.size)
    _check(image, promised, path)
    return image


def _image(path: Path, size: Size) -> Image:
    try:
        image = decode_photo(_bytes(path), max_pixels=size.area).image
    except InputError as error:
        raise _damaged(path, str(error)) from error
    if size_of(image) != size:
        raise _damaged(path, f"It is {size_of(image)} and should be {size}.")
    return image


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{_shown(path)} cannot be read: {error.strerror}.", hint=_AGAIN) from error


def _check(array: npt.NDArray[Any], promised: str, path: Path) -> None:
    if digest(array) != promised:
        raise _damaged(path, "It is another picture than the case says.")


def _damaged(path: Path, why: str) -> StorageError:
    return StorageError(f"{_shown(path)} is damaged. {why}", hint=_AGAIN)


def _shown(path: Path) -> str:
    """Case and file, without the folders of this machine, for every visitor to read."""
    return f"{path.name} of the ready case {path.parent.name}"
