"""Folders of photos with masks: their layouts, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rorem_demo.comparison.folders import FolderCase, pictures, read_folder
from rorem_demo.errors import InputError
from tests.comparison.case_sets import MOST_PIXELS, save, write_photos
from tests.comparison.case_sets import pictures as drawn


def found(folder: Path) -> list[FolderCase]:
    return list(read_folder(folder))


def write_meta(folder: Path, *rows: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "meta.json").write_text(json.dumps(rows))
    return folder


def row(source: str, mask: str, **more: Any) -> dict[str, Any]:
    return {"source": f"source/{source}", "mask": f"mask/{mask}", **more}


def test_photos_masks_and_truths_of_one_name_belong_together(tmp_path: Path) -> None:
    cases = found(write_photos(tmp_path, 2, truths=True))
    assert [case.name for case in cases] == ["case-0", "case-1"]
    source, mask, truth = pictures(cases[1], MOST_PIXELS)
    assert truth is not None
    for one, other in zip((source, mask, truth), drawn(1), strict=True):
        assert (one == other).all()


def test_truths_may_be_missing_and_masks_may_say_that_they_are_masks(tmp_path: Path) -> None:
    write_photos(tmp_path, 1)
    (tmp_path / "masks" / "case-0.png").rename(tmp_path / "masks" / "case-0_mask.png")
    (case,) = found(tmp_path)
    assert case.truth is None
    assert pictures(case, MOST_PIXELS)[2] is None


def test_img_and_gt_hold_photos_and_masks(tmp_path: Path) -> None:
    write_photos(tmp_path, 1)
    (tmp_path / "images").rename(tmp_path / "img")
    (tmp_path / "masks").rename(tmp_path / "gt")
    (case,) = found(tmp_path)
    assert (pictures(case, MOST_PIXELS)[1] == drawn(0)[1]).all()


def test_roremslayout_is_read_with_gt_as_the_truth_and_what_it_says_of_rights(tmp_path: Path) -> None:
    for name, picture in zip(("source", "mask", "GT"), drawn(3), strict=True):
        save(tmp_path / name / "a.png", picture)
    write_meta(tmp_path, row("a.png", "a.png", GT="GT/a.png", licence="CC0-1.0", credit="Somebody\nelse", score=1))
    (case,) = found(tmp_path)
    assert (case.name, case.licence, case.credit, case.title) == ("a", "CC0-1.0", "Somebody else", "")
    truth = pictures(case, MOST_PIXELS)[2]
    assert truth is not None
    assert (truth == drawn(3)[2]).all()


def test_rows_without_a_gt_have_no_truth(tmp_path: Path) -> None:
    (case,) = found(write_meta(tmp_path, row("a.png", "a.png")))
    assert case.truth is None


def test_rows_that_share_a_photo_have_names_of_their_own(tmp_path: Path) -> None:
    rows = [row("a.png", "1.png"), row("a.png", "2.png"), row("a.png", "2.png"), row("a-2.png", "2.png"), row("b", "3")]
    names = [case.name for case in found(write_meta(tmp_path, *rows))]
    assert len(set(names)) == 5
    assert names[:2] == ["a-1", "a-2"] or names[0] == "a-1"
    assert names[-1] == "b"


@pytest.mark.parametrize(
    "bad",
    [
        3, [], {}, {"source": "a.png"}, {"source": "../a.png", "mask": "a.png"}, {"source": "/etc/a", "mask": "a.png"},
        {"source": "a.png", "mask": "a\0.png"}, {"source": "a.png", "mask": "a.png", "GT": "../../b.png"},
        {"source": "a.png", "mask": "a.png", "GT": 4}, {"source": "circle/a.png", "mask": "a.png"},
    ],
)  # fmt: skip
def test_rows_that_name_no_files_inside_are_passed_by_and_logged(
    tmp_path: Path, bad: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    cases = found(write_meta(tmp_path, bad, row("good.png", "good.png")))
    assert [case.name for case in cases] == ["good"]
    assert "Entry 0" in caplog.text


def test_a_link_out_of_the_folder_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    folder = write_meta(tmp_path / "data", row("a.png", "a.png"))
    (folder / "source").symlink_to(tmp_path / "secret")
    assert found(folder) == []


def test_about_json_says_whose_photos_they_are(tmp_path: Path) -> None:
    write_photos(tmp_path, 2)
    told = {"licence": "CC0-1.0", "credit": "A", "cases": {"case-1": {"title": "One", "credit": "B", "licence": 3}}}
    (tmp_path / "about.json").write_text(json.dumps(told))
    first, second = found(tmp_path)
    assert (first.title, first.licence, first.credit) == ("", "CC0-1.0", "A")
    assert (second.title, second.licence, second.credit) == ("One", "CC0-1.0", "B")


@pytest.mark.parametrize("text", ["{", "[]", '{"cases": []}', "[" * 100_000])
def test_a_broken_about_json_is_refused(tmp_path: Path, text: str) -> None:
    write_photos(tmp_path, 1)
    (tmp_path / "about.json").write_text(text)
    with pytest.raises(InputError, match=r"about\.json"):
        found(tmp_path)


def test_another_folder_is_refused_with_the_layouts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no photos with masks") as caught:
        found(tmp_path)
    assert "images/ and masks/" in caught.value.hint


def test_what_cannot_be_decoded_is_refused_with_a_sentence(tmp_path: Path) -> None:
    write_photos(tmp_path, 1, truths=True)
    (case,) = found(tmp_path)
    with pytest.raises(InputError, match="limit"):
        pictures(case, 100)
    save(tmp_path / "truth" / "case-0.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="without the object is 4x4 but the photo is 56x40"):
        pictures(case, MOST_PIXELS)
    save(tmp_path / "masks" / "case-0.png", np.zeros((40, 56), np.bool_))
    with pytest.raises(InputError, match="Nothing is marked"):
        pictures(case, MOST_PIXELS)
    (tmp_path / "masks" / "case-0.png").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        pictures(found(tmp_path)[0], MOST_PIXELS)


def test_data_sets_as_they_are_published_are_read(photos: Path) -> None:
    for name, count in (("coco_mval", 200), ("migan_places2_object", 20)):
        cases = found(photos / name)
        assert len(cases) == count
        source, mask, _ = pictures(cases[0], 50_000_000)
        assert mask.shape == source.shape[:2]
