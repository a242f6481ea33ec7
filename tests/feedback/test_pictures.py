"""What is kept of pictures: small, encoded alike, free of metadata; and files that are whole or refused."""

from __future__ import annotations

import hashlib
import os
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageCms

from rorem_demo.errors import StorageError
from rorem_demo.feedback import pictures
from rorem_demo.feedback.pictures import PictureFolder
from rorem_demo.imaging.types import Box


def opened(data: bytes) -> PIL.Image.Image:
    return PIL.Image.open(BytesIO(data))


def scene(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=2).astype(np.uint8)


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def dot(height: int, width: int, y: int, x: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[y, x] = True
    return mask


def test_a_digest_tells_shape_type_and_values_apart() -> None:
    plain = np.arange(12, dtype=np.uint8)
    others = [plain.reshape(3, 4), plain.reshape(4, 3), plain.astype(np.int8), plain[::-1], plain]
    assert len({pictures.digest(array) for array in others}) == 5
    assert pictures.digest(plain.reshape(3, 4).T) == pictures.digest(np.ascontiguousarray(plain.reshape(3, 4).T))


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_kept_pictures_have_one_size_and_what_was_marked_stays_marked(
    height: int, width: int, data: st.DataObject
) -> None:
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    kept = pictures.encoded(scene(height, width), dot(height, width, y, x), scene(height, width), None)
    source, mask, result = opened(kept.source), opened(kept.mask), opened(kept.result)
    assert source.size == mask.size == result.size == (width, height)
    assert mask.mode == "1"
    assert np.array_equal(np.asarray(mask), dot(height, width, y, x))


def test_a_large_photo_is_kept_at_1024_pixels_and_one_marked_pixel_is_not_lost() -> None:
    photo = scene(1500, 3000)
    kept = pictures.encoded(photo, dot(1500, 3000, 700, 1501), photo, None)
    assert opened(kept.source).size == opened(kept.mask).size == opened(kept.result).size == (1024, 512)
    assert np.asarray(opened(kept.mask)).sum() >= 1


def test_source_and_result_are_encoded_alike_even_where_one_is_much_harder() -> None:
    flat, mask = np.full((1024, 1024, 3), 90, np.uint8), dot(1024, 1024, 5, 5)
    kept = pictures.encoded(flat, mask, noise(1024, 1024, 0), None)
    assert opened(kept.source).quantization == opened(kept.result).quantization


def test_the_worst_pictures_still_fit_into_a_row() -> None:
    mask = noise(1024, 1024, 3)[..., 0] > 127
    kept = pictures.encoded(noise(1024, 1024, 1), mask, noise(1024, 1024, 2), None)
    assert len(kept.source) + len(kept.mask) + len(kept.result) <= 1_900_000


def test_the_worst_pair_fits_into_a_row_too_and_all_its_pictures_are_encoded_alike() -> None:
    mask = noise(1024, 1024, 3)[..., 0] > 127
    flat = np.full((1024, 1024, 3), 90, np.uint8)
    worst = pictures.encoded_pair(noise(1024, 1024, 0), mask, noise(1024, 1024, 1), noise(1024, 1024, 2), None)
    uneven = pictures.encoded_pair(flat, mask, noise(1024, 1024, 1), flat, None)
    for kept in (worst, uneven):
        assert sum(map(len, (kept.source, kept.mask, kept.left, kept.right))) <= 1_900_000
        source, left, right = (opened(file) for file in (kept.source, kept.left, kept.right))
        assert source.quantization == left.quantization == right.quantization


def test_a_pair_keeps_each_picture_on_its_side() -> None:
    grey = [np.full((40, 30, 3), level, np.uint8) for level in (20, 120, 220)]
    kept = pictures.encoded_pair(grey[0], dot(40, 30, 5, 6), grey[1], grey[2], None)
    found = [np.asarray(opened(file)).mean() for file in (kept.source, kept.left, kept.right)]
    assert found == pytest.approx([20, 120, 220], abs=2)
    assert np.array_equal(np.asarray(opened(kept.mask)), dot(40, 30, 5, 6))


def test_an_ordinary_photo_is_kept_well() -> None:
    photo = scene(400, 600)
    kept = pictures.encoded(photo, dot(400, 600, 1, 1), photo, None)
    off = np.abs(np.asarray(opened(kept.source)).astype(int) - photo)
    assert off.mean() < 1.5


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_colours_are_brought_to_srgb() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    # What this profile calls red is green.
    swapped = profile().replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    kept = pictures.encoded(red, dot(32, 32, 1, 1), red, swapped)
    for data in (kept.source, kept.result):
        r, g, b = np.asarray(opened(data))[16, 16].astype(int)
        assert g > 150
        assert max(r, b) < 60


@pytest.mark.parametrize("icc", [None, profile(), profile()[:200]], ids=["none", "srgb", "torn"])
def test_no_metadata_is_kept(icc: bytes | None) -> None:
    grey = np.full((32, 32, 3), 128, np.uint8)
    kept = pictures.encoded(grey, dot(32, 32, 1, 1), grey, icc)
    for data in (kept.source, kept.result):
        assert opened(data).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert np.abs(np.asarray(opened(data)).astype(int) - 128).max() <= 1
    assert opened(kept.mask).info == {}


def test_facts_of_a_mask_name_its_largest_parts_first() -> None:
    mask = np.zeros((60, 80), bool)
    mask[2:5, 3:9] = True
    mask[20:40, 30:60] = True
    found = pictures.facts(mask, ["click", "brush", "click"])
    assert found.pixels == 18 + 600
    assert found.boxes == (Box(30, 20, 60, 40), Box(3, 2, 9, 5))
    assert found.made_by == ("brush", "click")


def test_facts_keep_eight_boxes_of_a_spotted_mask_and_count_every_pixel() -> None:
    mask = np.zeros((41, 41), bool)
    mask[::2, ::2] = True
    found = pictures.facts(mask, ["file"])
    assert len(found.boxes) == 8
    assert found.pixels == 441


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=2000))
def test_what_is_put_is_got_back_under_its_hash(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = PictureFolder(tmp_path_factory.mktemp("pictures"))
    sha = folder.put(data)
    assert sha == folder.put(data) == hashlib.sha256(data).hexdigest()
    assert folder.get(sha) == data


def test_a_torn_or_missing_file_is_never_given_out(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path)
    sha = folder.put(b"whole picture")
    (tmp_path / sha[:2] / sha).write_bytes(b"whole pic")
    with pytest.raises(StorageError, match="damaged"):
        folder.get(sha)
    folder.drop(sha)
    with pytest.raises(StorageError, match="missing"):
        folder.get(sha)
    folder.drop(sha)


def test_a_torn_file_is_mended_when_its_picture_comes_again(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path)
    sha = folder.put(b"whole picture")
    (tmp_path / sha[:2] / sha).write_bytes(b"whole pic")
    folder.put(b"whole picture")
    assert folder.get(sha) == b"whole picture"


def test_an_opening_removes_unfinished_files_that_are_nobodys_any_more(tmp_path: Path) -> None:
    PictureFolder(tmp_path).put(b"picture")
    [shard] = tmp_path.iterdir()
    old, young = shard / "old.tmp", shard / "young.tmp"
    old.touch()
    young.touch()
    long_ago = time.time() - 2 * pictures.STALE
    os.utime(old, (long_ago, long_ago))
    PictureFolder(tmp_path)
    assert young.exists()
    assert not old.exists()


def test_only_files_older_than_an_hour_are_stale(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path)
    old, young = folder.put(b"old"), folder.put(b"young")
    long_ago = time.time() - 2 * pictures.STALE
    os.utime(tmp_path / old[:2] / old, (long_ago, long_ago))
    assert folder.has(young)
    assert list(folder.stale()) == [old]


def test_a_picture_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    sha = hashlib.sha256(b"picture").hexdigest()
    path = tmp_path / sha[:2] / sha

    def fsync(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink().name.partition(".")[0], path.exists()))

    folder = PictureFolder(tmp_path)
    monkeypatch.setattr(os, "fsync", fsync)
    folder.put(b"picture")
    assert synced == [(tmp_path.name, False), (sha, False), (sha[:2], True)]


def test_picture_files_are_for_this_user_only(tmp_path: Path) -> None:
    sha = PictureFolder(tmp_path / "pictures").put(b"picture")
    path = tmp_path / "pictures" / sha[:2] / sha
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_told_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as caught:
        PictureFolder(tmp_path / "file" / "pictures")
    assert caught.value.hint
