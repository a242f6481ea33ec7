"""Files to arrays: every kind of file gives its right pixels or one InputError."""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ImageCms

from rorem_demo.errors import InputError
from rorem_demo.imaging.io import Photo, decode_mask, decode_photo, encode_image, encode_mask, original_format
from rorem_demo.imaging.types import Size

LIMIT = 1_000_000
COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
SMOOTH = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8), (0, 0), 4)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def file_of(picture: PIL.Image.Image | np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    (picture if isinstance(picture, PIL.Image.Image) else PIL.Image.fromarray(picture)).save(file, kind, **options)
    return file.getvalue()


def decode(data: bytes, name: str = "") -> Photo:
    return decode_photo(data, name=name, max_pixels=LIMIT)


def refusal(data: bytes, max_pixels: int = LIMIT) -> InputError:
    with pytest.raises(InputError) as caught:
        decode_photo(data, max_pixels=max_pixels)
    assert str(caught.value).endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
def test_lossless_files_give_their_exact_pixels(kind: str) -> None:
    photo = decode(file_of(COLOURS, kind))
    assert np.array_equal(photo.image, COLOURS)
    assert photo.image.dtype == np.uint8
    assert photo.image.flags.writeable
    assert (photo.format, photo.icc, photo.notes) == (kind, None, ())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_files_give_nearly_their_pixels(kind: str) -> None:
    photo = decode(file_of(SMOOTH, kind, quality=95))
    assert np.abs(photo.image.astype(int) - SMOOTH).max() < 25
    assert (photo.format, photo.notes) == (kind, ())


def test_multi_picture_jpeg_is_a_jpeg_to_give_back() -> None:
    data = file_of(SMOOTH, "MPO", save_all=True, append_images=[PIL.Image.fromarray(SMOOTH)])
    photo = decode(data)
    assert (photo.format, original_format(photo), photo.notes) == ("MPO", "JPEG", ())


@pytest.mark.parametrize("shape", [(1, 1), (1, 20000), (20000, 1)])
def test_extreme_shapes(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 77, np.uint8)
    assert np.array_equal(decode(file_of(image)).image, image)
    assert np.array_equal(decode(encode_image(image, "JPEG")).image, image)


def test_gray_one_bit_and_gray_with_alpha() -> None:
    gray = COLOURS[:, :, 0]
    assert np.array_equal(decode(file_of(gray)).image, np.repeat(gray[:, :, None], 3, 2))
    bits = gray > 127
    assert np.array_equal(decode(file_of(bits)).image[:, :, 1], np.where(bits, 255, 0))
    with_alpha = np.dstack([gray, np.full_like(gray, 255)])
    assert np.array_equal(decode(file_of(with_alpha)).image[:, :, 2], gray)
    with_alpha[:, :, 1] = 0
    assert (decode(file_of(with_alpha)).image == 255).all()


def test_palette_with_and_without_transparency() -> None:
    picture = PIL.Image.fromarray(COLOURS).quantize(16)
    expected = np.asarray(picture.convert("RGB"))
    photo = decode(file_of(picture))
    assert np.array_equal(photo.image, expected)
    assert photo.notes == ()
    photo = decode(file_of(picture, transparency=3))
    clear = np.asarray(picture) == 3
    assert clear.any()
    assert (photo.image[clear] == 255).all()
    assert np.array_equal(photo.image[~clear], expected[~clear])
    assert photo.notes == ("Transparency was filled with white.",)
    photo = decode(file_of(picture, transparency=bytes([128] * 16)))
    assert np.abs(photo.image - (expected / 2 + 127.5)).max() <= 1.5


def test_transparency_is_laid_over_white_and_full_opacity_is_exact() -> None:
    alpha = np.full(COLOURS.shape[:2], 255, np.uint8)
    photo = decode(file_of(np.dstack([COLOURS, alpha])))
    assert np.array_equal(photo.image, COLOURS)
    assert photo.notes == ()
    alpha[:, 4:] = 0
    photo = decode(file_of(np.dstack([COLOURS, alpha])))
    assert np.array_equal(photo.image[:, :4], COLOURS[:, :4])
    assert (photo.image[:, 4:] == 255).all()
    assert photo.notes == ("Transparency was filled with white.",)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_is_rounded_not_cut(suffix: str, channels: int) -> None:
    levels = np.random.default_rng(2).integers(0, 65536, (7, 11, 3), np.uint16)
    levels[0, 0], levels[0, 1] = 0, 65535
    _, data = cv2.imencode(suffix, levels[:, :, ::-1] if channels == 3 else levels[:, :, 0])
    photo = decode(data.tobytes())
    expected = np.rint(levels / 257).astype(np.uint8)
    assert np.array_equal(photo.image, expected if channels == 3 else np.repeat(expected[:, :, :1], 3, 2))
    assert photo.notes == ("16 bit levels were reduced to 8 bit.",)


def test_16_bit_with_alpha() -> None:
    levels = np.random.default_rng(3).integers(0, 65536, (7, 11, 4), np.uint16)
    levels[:, :, 3] = 65535
    levels[3:, :, 3] = 0
    photo = decode(cv2.imencode(".png", levels[:, :, [2, 1, 0, 3]])[1].tobytes())
    assert np.array_equal(photo.image[:3], np.rint(levels[:3, :, :3] / 257))
    assert (photo.image[3:] == 255).all()
    assert len(photo.notes) == 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bit_is_turned_upright_too(orientation: int) -> None:
    levels = np.random.default_rng(4).integers(0, 65536, (5, 8, 3), np.uint16)
    data = cv2.imencode(".png", levels[:, :, ::-1])[1].tobytes()
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    tagged = data[:33] + chunk(b"eXIf", exif.tobytes()[6:]) + data[33:]
    assert np.array_equal(decode(tagged).image, upright(np.rint(levels / 257).astype(np.uint8), orientation))


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[0.0, 257.0, 65535.0]], np.float32), [0, 1, 255]),
        (np.array([[-10.0, 0.0, 10.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, np.inf, 1.0]], np.float32), [0, 0, 255]),
        (np.array([[-5.0, -5.0, -5.0]], np.float32), [0, 0, 0]),
        (np.array([[0, 100000, 200000]], np.int32), [0, 128, 255]),
    ],
)
def test_32_bit_tiff(levels: np.ndarray, expected: list[int]) -> None:
    photo = decode(file_of(levels, "TIFF"))
    assert photo.image[0, :, 0].tolist() == expected
    assert photo.notes == ("Levels of many bits were reduced to 8 bit.",)


def test_16_bit_ppm() -> None:
    levels = np.array([[0, 257, 65535, 200]], np.int32)
    assert decode(file_of(levels, "PPM")).image[0, :, 0].tolist() == [0, 1, 255, 1]


def cmyk_profile() -> bytes:
    """The smallest CMYK profile with a table: every ink towards (L, a, b) of its own."""
    corners = [
        (255 - 60 * sum(ink), 128 + 40 * ink[1] - 40 * ink[0], 128 + 40 * ink[2]) for ink in np.ndindex(2, 2, 2, 2)
    ]
    table = bytes(int(np.clip(value, 0, 255)) for corner in corners for value in corner)
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + table + ramp * 3
    size = 128 + 4 + 12 + len(lut)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ") + b"\0" * 12 + b"acsp"
    head = head + b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"A2B0", 144, len(lut)) + lut


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_without_profile(kind: str) -> None:
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:, :, 1] = 255
    inks[8:, :, 3] = 255
    # Pillow writes CMYK JPEGs as Adobe does, inverted.
    photo = decode(file_of(PIL.Image.frombytes("CMYK", (16, 16), inks.tobytes()), kind))
    assert np.abs(photo.image[2, 2].astype(int) - [255, 0, 255]).max() < 4
    assert photo.image[13, 13].max() < 4
    assert photo.notes == ("CMYK colours were converted to RGB.",)


def test_cmyk_through_its_profile_which_is_then_dropped() -> None:
    inks = PIL.Image.new("CMYK", (16, 16), (0, 255, 0, 0))
    plain = decode(file_of(inks, "JPEG"))
    managed = decode(file_of(inks, "JPEG", icc_profile=cmyk_profile()))
    assert np.abs(plain.image.astype(int) - managed.image).max() > 20
    assert managed.icc is None
    broken = decode(file_of(inks, "JPEG", icc_profile=cmyk_profile()[:200]))
    assert np.array_equal(broken.image, plain.image)


def test_lab_tiff() -> None:
    photo = decode(file_of(PIL.Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF"))
    assert (photo.image >= 254).all()
    assert photo.notes == ("Lab colours were converted to RGB.",)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_many(kind: str) -> None:
    frames = [PIL.Image.new("RGB", (32, 32), colour) for colour in ("#c03020", "#2030c0")]
    photo = decode(file_of(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert np.abs(photo.image[9, 9].astype(int) - [0xC0, 0x30, 0x20]).max() < 6
    assert len(photo.notes) == 1
    assert photo.notes[0].startswith("Only the first ")


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """What EXIF means: where row 0 and column 0 of the stored pixels lie in the upright picture."""
    transposed = stored.swapaxes(0, 1)
    return {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: transposed,
        6: transposed[:, ::-1],
        7: transposed[::-1, ::-1],
        8: transposed[::-1],
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation: int, kind: str) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    photo = decode(file_of(COLOURS, kind, exif=exif, **options))
    assert np.array_equal(photo.image, upright(COLOURS, orientation))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_jpeg_and_16_bit_tiff(orientation: int) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    stored = decode(file_of(SMOOTH, "JPEG")).image
    assert np.array_equal(decode(file_of(SMOOTH, "JPEG", exif=exif)).image, upright(stored, orientation))
    levels = np.arange(40, dtype=np.uint16).reshape(5, 8) * 1600
    tiff = file_of(PIL.Image.fromarray(levels), "TIFF", tiffinfo={0x0112: orientation})
    assert np.array_equal(decode(tiff).image[:, :, 0], upright(np.rint(levels / 257), orientation))


def test_location_does_not_come_back_out() -> None:
    exif = PIL.Image.Exif()
    exif[0x010E] = "a secret place"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: "2024:01:02"})
    data = file_of(SMOOTH, "JPEG", exif=exif, comment=b"a secret place")
    assert b"2024:01:02" in data
    photo = decode(data)
    for kind in ("PNG", "JPEG", "WEBP"):
        written = encode_image(photo.image, kind, photo.icc)
        assert b"2024:01:02" not in written
        assert b"secret" not in written
        assert not PIL.Image.open(BytesIO(written)).getexif()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_reason_to_refuse() -> None:
    assert decode(file_of(SMOOTH, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\xff\x01\x12")).image.shape == SMOOTH.shape


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_colour_profile_is_kept(kind: str) -> None:
    photo = decode(file_of(SMOOTH, kind, icc_profile=SRGB))
    assert photo.icc == SRGB
    for out in ("PNG", "JPEG", "WEBP"):
        assert PIL.Image.open(BytesIO(encode_image(photo.image, out, photo.icc))).info["icc_profile"] == SRGB


def test_profiles_of_other_colour_spaces_are_dropped() -> None:
    gray = SRGB[:16] + b"GRAY" + SRGB[20:]
    assert decode(file_of(COLOURS[:, :, 0], icc_profile=gray)).icc is None
    assert decode(file_of(COLOURS, icc_profile=b"no profile")).icc is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "photo"),
        ("holiday.JPG", "holiday"),
        ("C:\\fakepath\\my dog (1).jpeg", "my-dog-1"),
        ("../../etc/passwd", "passwd"),
        ("Häuser.tar.gz", "Hauser.tar"),
        ('a"b\r\nSet-Cookie: x.png', "a-b-Set-Cookie-x"),
        ("照片.jpg", "photo"),
        (".jpg", "jpg"),
        ("x" * 300 + ".png", "x" * 80),
    ],
)
def test_name_is_safe_in_a_header(given: str, expected: str) -> None:
    assert decode(file_of(COLOURS), name=given).name == expected


def test_bomb_is_refused_by_its_header() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error = refusal(png_header(20000, 20000), 50_000_000)
    assert "400 megapixels" in str(error)
    assert "50." in str(error)
    assert refusal(png_header(11, 10), 109)


def test_limit_is_the_callers_and_not_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PIL.Image.MAX_IMAGE_PIXELS is None
    image = np.zeros((10, 10, 3), np.uint8)
    assert decode_photo(file_of(image), max_pixels=100).image.shape == image.shape


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40, "HEIC"),
        (b"%PDF-1.7\n...", "PDF"),
        (b"just some text", "not a photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a photo"),
        (b"\0" * 100, "not a photo"),
        (b"\xff\xd8\xff", "not a photo"),
    ],
)
def test_what_is_no_photo_is_named(data: bytes, word: str) -> None:
    assert word in str(refusal(data))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("AVIF", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("PPM", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_truncated_files_are_refused(kind: str, options: dict[str, object]) -> None:
    data = file_of(SMOOTH, kind, **options)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        refusal(data[: int(len(data) * share)])


def test_corrupt_chunk_is_refused() -> None:
    data = bytearray(file_of(SMOOTH))
    data[data.index(b"IDAT") + 40] ^= 0xFF
    assert "damaged" in str(refusal(bytes(data)))


def test_lack_of_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    assert "memory" in str(refusal(file_of(COLOURS)))


def _valid_files() -> list[bytes]:
    _, deep = cv2.imencode(".png", np.full((8, 8, 4), 12345, np.uint16))
    _, deep_tiff = cv2.imencode(".tiff", np.full((8, 8, 3), 12345, np.uint16))
    kinds = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")
    cmyk = file_of(PIL.Image.new("CMYK", (16, 16)), "JPEG", icc_profile=cmyk_profile())
    return [file_of(SMOOTH, kind) for kind in kinds] + [deep.tobytes(), deep_tiff.tobytes(), cmyk]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(_valid_files()), st.data())
def test_mutated_files_raise_nothing_else(valid: bytes, draw: st.DataObject) -> None:
    data = bytearray(valid)
    for _ in range(draw.draw(st.integers(1, 8))):
        # Half of the changes go to the headers, where most of the branches are.
        place = draw.draw(st.one_of(st.integers(0, min(200, len(data) - 1)), st.integers(0, len(data) - 1)))
        data[place] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    try:
        photo = decode(bytes(data[:cut]))
    except InputError:
        return
    assert photo.image.dtype == np.uint8
    assert photo.image.ndim == 3


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(data: bytes) -> None:
    refusal(data)


def test_mask_round_trip_is_one_bit() -> None:
    mask = COLOURS[:, :, 0] > 90
    data = encode_mask(mask)
    assert PIL.Image.open(BytesIO(data)).mode == "1"
    assert np.array_equal(decode_mask(data, Size(9, 6), max_pixels=LIMIT), mask)


def test_mask_is_light_over_black() -> None:
    levels = np.array([[0, 127, 128, 255]], np.uint8)
    assert decode_mask(file_of(levels), Size(4, 1), max_pixels=LIMIT).tolist() == [[False, False, True, True]]
    clear = np.dstack([np.full((1, 4), 255, np.uint8), levels])
    assert decode_mask(file_of(clear), Size(4, 1), max_pixels=LIMIT).tolist() == [[False, False, True, True]]


def test_mask_of_another_size_is_refused_and_empty_or_full_is_not() -> None:
    for level in (0, 255):
        mask = decode_mask(file_of(np.full((6, 9), level, np.uint8)), Size(9, 6), max_pixels=LIMIT)
        assert (mask == bool(level)).all()
    with pytest.raises(InputError, match="9x6 but the photo is 6x9"):
        decode_mask(encode_mask(np.zeros((6, 9), np.bool_)), Size(6, 9), max_pixels=LIMIT)


def test_formats_given_back() -> None:
    def back(kind: str) -> str:
        return original_format(Photo(COLOURS, kind, None, "photo", ()))

    assert [back(kind) for kind in ("JPEG", "MPO", "WEBP", "PNG", "TIFF", "GIF")] == [
        "JPEG",
        "JPEG",
        "WEBP",
        *["PNG"] * 3,
    ]


def test_jpeg_keeps_full_colour_resolution() -> None:
    assert PIL.Image.open(BytesIO(encode_image(SMOOTH, "JPEG"))).layer[0][1:3] == (1, 1)


def test_too_long_a_side_is_refused() -> None:
    with pytest.raises(InputError, match="WEBP"):
        encode_image(np.zeros((1, 20000, 3), np.uint8), "WEBP")
