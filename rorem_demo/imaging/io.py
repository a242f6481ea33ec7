"""Files to arrays and back: the border where bytes of strangers become an Image or a Mask.

Pixels stay in the photo's own colour space and its ICC profile travels beside them, so that what is not
removed can be given back exactly. Only the raster formats listed here reach a decoder, their size is
checked from the header, and whatever a decoder raises on bad bytes comes out as one InputError.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL import ImageCms

from rorem_demo.errors import InputError
from rorem_demo.imaging.types import Image, Mask, Size, size_of

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Format: TypeAlias = Literal["PNG", "JPEG", "WEBP"]
"""A format this program writes."""

# Pillow's own bomb check is one number for the whole process, warns below it and raises at twice it;
# `_check_pixels` asks the same of every header with the caller's limit.
PIL.Image.MAX_IMAGE_PIXELS = None

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")
_ORIENTATIONS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112
_LARGEST_PROFILE = 4 << 20
_LONGEST_NAME = 80

# CPU seconds for a grainy 12 MP photo: levels 1 to 6 take 1.7, 1.8, 2.2, 3.5, 5.0 and 5.1 for 20.8, 20.7, 20.4,
# 17.9, 17.9 and 17.9 MB. Level 1 that looks for runs only takes four fifths of plain level 1, for 17.8 MB.
_PNG_OPTIONS: dict[str, Any] = {"compress_level": 1, "compress_type": zlib.Z_RLE}
_SAVE_OPTIONS: dict[Format, dict[str, Any]] = {
    "PNG": _PNG_OPTIONS,
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95, "method": 2},
}
_LONGEST_SIDE: dict[Format, int] = {"PNG": 2**31 - 1, "JPEG": 65500, "WEBP": 16383}


@dataclass(frozen=True)
class Photo:
    """A decoded photo and what of its file must be known to give it back.

    image: upright RGB pixels, values as stored in the file.
    format: Pillow's name of the file's format, "JPEG" or "TIFF" for instance.
    icc: the profile `image` is to be read with; None means sRGB or unknown.
    name: the file's name without folders and suffix, in characters safe in a download header.
    notes: one sentence for each thing that was changed on the way in.
    """

    image: Image
    format: str
    icc: bytes | None
    name: str
    notes: tuple[str, ...]


def decode_photo(data: bytes, *, name: str = "", max_pixels: int) -> Photo:
    """The photo in an image file, with all metadata but the colour profile gone.

    Args:
        data: the whole file.
        name: the file's name as the visitor's machine gave it.
        max_pixels: larger photos are refused before anything of them is decoded.

    Raises:
        InputError: not a raster photo, damaged, incomplete or too large.
    """
    picture = _decode(data, max_pixels, backdrop="white")
    return Photo(np.array(picture.rgb), picture.format, picture.icc, _safe_stem(name), picture.notes)


def decode_mask(data: bytes, size: Size, *, max_pixels: int) -> Mask:
    """The mask in an image file: True where the picture, laid over black, is lighter than 127 of 255.

    So white means remove, black or transparent means keep. A mask with nothing or everything marked is
    admitted here: an entry may well be empty; `as_mask` judges the whole selection.

    Args:
        data: the whole file.
        size: of the photo.
        max_pixels: larger files are refused before anything of them is decoded.

    Raises:
        InputError: as for `decode_photo`, or not of the photo's size.
    """
    picture = _decode(data, max_pixels, backdrop="black")
    levels = np.asarray(picture.rgb.convert("L"))
    if size_of(levels) != size:
        raise InputError(
            f"The mask file is {size_of(levels)} but the photo is {size}.",
            hint="Use a mask of exactly the photo's size.",
        )
    return levels > 127


def encode_image(image: Image, format: Format, icc: bytes | None = None) -> bytes:  # noqa: A002 the word Pillow uses
    """The image as a file with no metadata but its colour profile.

    PNG is lossless; JPEG and WEBP are written at quality 95, JPEG without chroma subsampling.

    Raises:
        InputError: a side is longer than the format can hold.
    """
    if max(image.shape) > _LONGEST_SIDE[format]:
        raise InputError(f"A {format} file cannot hold {size_of(image)} pixels.", hint="Choose PNG instead.")
    file = BytesIO()
    PIL.Image.fromarray(image).save(file, format, icc_profile=icc, **_SAVE_OPTIONS[format])
    return file.getvalue()


def encode_mask(mask: Mask) -> bytes:
    """The mask as a 1 bit PNG, white = remove."""
    file = BytesIO()
    PIL.Image.fromarray(mask).save(file, "PNG", **_PNG_OPTIONS)
    return file.getvalue()


def original_format(photo: Photo) -> Format:
    """The format to give the photo back in: its own where that can be written, else PNG."""
    formats: dict[str, Format] = {"JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WEBP"}
    return formats.get(photo.format, "PNG")


@dataclass(frozen=True)
class _Picture:
    """What a file holds, upright, 8 bit and opaque."""

    rgb: PIL.Image.Image
    format: str
    icc: bytes | None
    notes: tuple[str, ...]


def _decode(data: bytes, max_pixels: int, backdrop: str) -> _Picture:
    """The first picture of a file; whatever its decoder raises becomes an InputError."""
    if not data:
        raise InputError("The file is empty.", hint="Choose a JPEG, PNG or WebP photo.")
    try:
        with PIL.Image.open(BytesIO(data), formats=_FORMATS) as file:
            _check_pixels(Size(*file.size), max_pixels)
            return _read(file, data, backdrop)
    except InputError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise _not_a_photo(data) from error
    except MemoryError as error:
        raise InputError(
            "There is not enough memory to open the file.", hint="Make the picture smaller first."
        ) from error
    # Broad: on bad bytes decoders raise OSError, SyntaxError, struct.error, IndexError and whatever comes next.
    except Exception as error:
        raise InputError(
            "The file is damaged or incomplete.", hint="Open it in another program and save it again."
        ) from error


def _check_pixels(size: Size, limit: int) -> None:
    if size.area > limit:
        raise InputError(
            f"The picture has {size.megapixels:.4g} megapixels ({size}) and the limit is {limit / 1e6:.4g}.",
            hint="Make it smaller first.",
        )


def _not_a_photo(data: bytes) -> InputError:
    """Why no decoder knew the file, from the kinds people try most."""
    head = data[:4096].lower()
    if b"<svg" in head:
        return InputError("SVG drawings cannot be opened.", hint="Export it as PNG first.")
    if head[4:8] == b"ftyp" and head[8:11] in {b"hei", b"hev", b"mif", b"msf"}:
        return InputError("HEIC photos cannot be opened.", hint="Export it as JPEG first.")
    if head.startswith(b"%pdf"):
        return InputError("PDF documents cannot be opened.", hint="Export the page as PNG first.")
    return InputError("The file is not a photo this program can open.", hint="Save it as JPEG, PNG or WebP first.")


def _read(file: ImageFile, data: bytes, backdrop: str) -> _Picture:
    notes = [_note_on_frames(file)]
    # Tiles are forgotten once loaded, and only they tell how many bits the file has.
    wide = file.format in {"PNG", "TIFF"} and any(";16" in str(tile.args) for tile in file.tile)
    file.load()
    profile = _profile(file)
    picture, note = _reduced(file, data) if wide or file.mode in {"I", "F"} else (file, "")
    notes.append(note)
    picture, note = _coloured(picture, profile)
    notes.append(note)
    icc = profile if profile and not note and _colour_space(profile) == b"RGB " else None
    picture, note = _flattened(picture, backdrop)
    notes.append(note)
    return _Picture(_upright(picture, file), file.format or "", icc, tuple(filter(None, notes)))


def _note_on_frames(file: ImageFile) -> str:
    # The further pictures of an MPO are depth or gain maps, which nobody misses.
    if file.format == "MPO" or not getattr(file, "is_animated", False):
        return ""
    if file.format == "TIFF":
        return "Only the first page of the file was used."
    return "Only the first frame of the animation was used."


def _profile(file: ImageFile) -> bytes | None:
    """The file's ICC profile if it is one and no file format is too small for it."""
    icc = file.info.get("icc_profile")
    if not isinstance(icc, bytes) or len(icc) > _LARGEST_PROFILE or icc[36:40] != b"acsp":
        return None
    return icc


def _colour_space(icc: bytes) -> bytes:
    return icc[16:20]


def _reduced(file: ImageFile, data: bytes) -> tuple[PIL.Image.Image, str]:
    """The picture with its levels brought from 16 or 32 bits to 8, and a note that says so."""
    if file.mode in {"I", "F"}:
        usual = (65535.0,) if file.format == "PPM" else (1.0, 255.0, 65535.0)
        return PIL.Image.fromarray(_spread(np.asarray(file), usual)), "Levels of many bits were reduced to 8 bit."
    levels = np.asarray(file) if file.mode.startswith("I;16") else _colour_levels(file, data)
    # Rounded v / 257, which maps 0..65535 onto 0..255; without room to spare in 16 bits.
    picture = (
        file if levels is None else PIL.Image.fromarray(((levels.astype(np.uint32) + 128) // 257).astype(np.uint8))
    )
    return picture, "16 bit levels were reduced to 8 bit."


def _colour_levels(file: ImageFile, data: bytes) -> npt.NDArray[np.uint16] | None:
    """RGB or RGBA in 16 bits, which Pillow cannot hold; None where OpenCV reads the file differently."""
    levels = cast("npt.NDArray[np.uint16] | None", cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))
    if levels is None or levels.dtype != np.uint16 or size_of(levels) != file.size:
        return None
    channels = levels.shape[2:]
    # OpenCV ignores how a TIFF's fourth channel is to be read, Pillow does not.
    if channels == (4,) and file.format == "PNG":
        return levels[:, :, [2, 1, 0, 3]]
    return levels[:, :, ::-1] if channels == (3,) and file.mode == "RGB" else None


def _spread(values: npt.NDArray[Any], usual: tuple[float, ...]) -> npt.NDArray[np.uint8]:
    """Levels as 0..255: from 0 to the first usual white they all fit under, else from the least to the most."""
    finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    top = next((top for top in usual if low >= 0 and high <= top), None)
    if top is None:
        finite, top = finite - low, max(high - low, np.finfo(np.float64).tiny)
    return np.rint(finite / top * 255).astype(np.uint8)


def _coloured(picture: PIL.Image.Image, profile: bytes | None) -> tuple[PIL.Image.Image, str]:
    """The picture in a mode of RGB, gray or palette, and a note if its colours were converted."""
    if picture.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return _transformed(picture, lab, srgb), "Lab colours were converted to RGB."
    if picture.mode != "CMYK":
        return picture, ""
    note = "CMYK colours were converted to RGB."
    if profile and _colour_space(profile) == b"CMYK":
        try:
            return _transformed(picture, BytesIO(profile), ImageCms.createProfile("sRGB")), note
        except ImageCms.PyCMSError:
            pass
    return picture.convert("RGB"), note


def _transformed(picture: PIL.Image.Image, source: Any, target: Any) -> PIL.Image.Image:
    result = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    return cast("PIL.Image.Image", result)


def _flattened(picture: PIL.Image.Image, backdrop: str) -> tuple[PIL.Image.Image, str]:
    """The picture in RGB, laid over the backdrop, and a note if anything of that shows through."""
    if not picture.has_transparency_data:
        return picture.convert("RGB"), ""
    rgba = picture.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (255, 255):
        return rgba.convert("RGB"), ""
    canvas = PIL.Image.new("RGBA", rgba.size, backdrop)
    canvas.alpha_composite(rgba)
    return canvas.convert("RGB"), f"Transparency was filled with {backdrop}."


def _upright(picture: PIL.Image.Image, file: ImageFile) -> PIL.Image.Image:
    """The picture turned as the file asks; Pillow has already turned a TIFF and forgotten its tag."""
    try:
        orientation = file.getexif().get(_ORIENTATION_TAG)
    # Broad: a photo with sound pixels is not refused for its metadata, and parsing that raises anything.
    except Exception:  # noqa: BLE001
        return picture
    method = _ORIENTATIONS.get(orientation) if isinstance(orientation, int) else None
    return picture if method is None else picture.transpose(method)


def _safe_stem(name: str) -> str:
    """The name without folders and suffix, in ASCII letters, digits, dot, dash and underscore."""
    base = re.split(r"[/\\]", name)[-1]
    stem = base.rpartition(".")[0] or base
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain)[:_LONGEST_NAME].strip("-._") or "photo"
