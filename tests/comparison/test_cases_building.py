"""Making ready cases: what is stored, what stays, and what failures leave."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from rorem_demo import __version__
from rorem_demo.comparison.building import build
from rorem_demo.comparison.building_methods import Made, Method
from rorem_demo.comparison.building_names import id_of
from rorem_demo.comparison.building_pictures import patch_of
from rorem_demo.comparison.cases import Case, read_case, read_cases
from rorem_demo.comparison.cases_format import ID
from rorem_demo.comparison.folders import read_folder
from rorem_demo.errors import InputError, StorageError
from rorem_demo.imaging.types import Box, Image, Mask
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.runtime.weights import Weights
from tests.comparison.case_sets import (
    MOST_PIXELS,
    Counted,
    built,
    opinion,
    pictures,
    said,
    save,
    whole,
    write_photos,
)


def case_of(place: Path, name: str = "case-0") -> Case:
    found = read_case(place / name)
    assert found is not None
    return found


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    photos, grey = write_photos(tmp_path / "photos", 3), Counted()
    first = built(photos, tmp_path / "set", grey)
    assert [outcome.kept for outcome in first] == [False] * 3
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*") if path.is_file()}
    again = built(photos, tmp_path / "set", grey)
    assert [outcome.kept for outcome in again] == [True] * 3
    assert len(grey.runs) == 3
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*") if path.is_file()}


@pytest.mark.parametrize("change", [{"revision": "2"}, {"options": '{"seed": 1}'}])
def test_another_revision_or_other_options_are_made_anew(tmp_path: Path, change: dict[str, str]) -> None:
    photos, other = write_photos(tmp_path / "photos", 1), Counted(level=90, **change)  # type: ignore[arg-type]
    built(photos, tmp_path / "set", Counted(), Counted(key="white", level=255))
    (outcome,) = built(photos, tmp_path / "set", other)
    assert (outcome.kept, len(other.runs)) == (False, 1)
    case = case_of(tmp_path / "set")
    assert (case.image("grey")[pictures(0)[1]] == 90).all()
    assert [result.method for result in case.results] == ["grey", "white"]


def test_another_photo_of_the_name_takes_the_place_of_the_case(tmp_path: Path) -> None:
    photos, grey = write_photos(tmp_path / "photos", 1, truths=True), Counted()
    built(photos, tmp_path / "set", grey, Counted(key="white", level=255))
    save(photos / "images" / "case-0.png", pictures(9)[0])
    (photos / "truth" / "case-0.png").unlink()
    built(photos, tmp_path / "set", grey)
    assert len(grey.runs) == 2
    case = case_of(tmp_path / "set")
    assert [result.method for result in case.results] == ["grey"]
    assert sorted(path.name for path in case.folder.iterdir()) == ["case.json", "grey.png", "mask.png", "source.png"]
    whole(read_cases(tmp_path / "set"))


def test_new_titles_are_told_without_making_anything_anew(tmp_path: Path) -> None:
    photos, grey = write_photos(tmp_path / "photos", 1), Counted()
    built(photos, tmp_path / "set", grey)
    (photos / "about.json").write_text(
        json.dumps({"licence": "CC0-1.0", "cases": {"case-0": {"title": "A\u00a0b \x07"}}})
    )
    built(photos, tmp_path / "set", Counted(title="Gray", runs=grey.runs))
    case = case_of(tmp_path / "set")
    assert (case.title, case.licence, case.result("grey").title, len(grey.runs)) == ("A b", "CC0-1.0", "Gray", 1)


def test_methods_are_added_to_the_cases_of_a_set(tmp_path: Path) -> None:
    photos, white = write_photos(tmp_path / "photos", 2), Counted(key="white", level=255)
    built(photos, tmp_path / "set", Counted())
    cases = read_cases(tmp_path / "set").cases.values()
    list(build(cases, [white.method()], tmp_path / "set", opinion, MOST_PIXELS))
    assert white.runs == ["case-0", "case-1"]
    assert [result.method for result in case_of(tmp_path / "set").results] == ["grey", "white"]


def test_a_case_that_is_broken_is_made_anew(tmp_path: Path) -> None:
    photos, grey = write_photos(tmp_path / "photos", 1), Counted()
    built(photos, tmp_path / "set", grey)
    (tmp_path / "set" / "case-0" / "grey.png").unlink()
    assert read_cases(tmp_path / "set").broken == 1
    built(photos, tmp_path / "set", grey)
    assert (len(grey.runs), read_cases(tmp_path / "set").broken) == (2, 0)


def test_a_failing_method_stops_neither_the_other_cases_nor_the_other_methods(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    poor = Counted(key="poor", fails=lambda case: case.id == "case-1")
    outcomes = built(photos, tmp_path / "set", poor, Counted())
    failed = [(outcome.case, outcome.method, str(outcome.error)) for outcome in outcomes if outcome.error]
    assert failed == [("case-1", "poor", "It failed.")]
    found = read_cases(tmp_path / "set")
    counts = {key: [result.method for result in case.results] for key, case in found.cases.items()}
    assert counts == {"case-0": ["grey", "poor"], "case-1": ["grey"], "case-2": ["grey", "poor"]}


def test_a_failure_of_a_new_version_leaves_the_old_result(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    built(photos, tmp_path / "set", Counted())
    (outcome,) = built(photos, tmp_path / "set", Counted(revision="2", fails=lambda _: True))
    assert outcome.error
    assert case_of(tmp_path / "set").result("grey").revision == "1"


@pytest.mark.parametrize("data", [b"", b"no picture", None])
def test_a_broken_photo_does_not_stop_the_others(tmp_path: Path, data: bytes | None) -> None:
    photos, grey = write_photos(tmp_path / "photos", 2), Counted()
    mask = photos / "masks" / "case-0.png"
    mask.unlink() if data is None else mask.write_bytes(data)
    first, second = built(photos, tmp_path / "set", grey)
    assert (first.case, first.method, isinstance(first.error, InputError)) == ("case-0", "", True)
    assert (second.case, second.error) == ("case-1", None)
    assert list(read_cases(tmp_path / "set").cases) == ["case-1"]


def test_photos_whose_names_differ_too_little_are_not_mixed_up(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    for folder in ("images", "masks"):
        (photos / folder / "Case 0.png").write_bytes((photos / folder / "case-0.png").read_bytes())
    outcomes = built(photos, tmp_path / "set", Counted())
    assert [(outcome.case, bool(outcome.error)) for outcome in outcomes] == [("case-0", True), ("case-0", False)]


def test_two_do_not_write_to_one_set(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    first = build(read_folder(photos), [Counted().method()], tmp_path / "set", opinion, MOST_PIXELS)
    next(first)
    with pytest.raises(StorageError, match="Somebody else"):
        built(photos, tmp_path / "set", Counted())
    first.close()
    assert built(photos, tmp_path / "set", Counted())[0].kept


def test_a_disk_that_refuses_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("a file")
    with pytest.raises(StorageError):
        built(write_photos(tmp_path / "photos", 1), tmp_path / "set", Counted())


def painted(where: Box, mask_used: Mask | None = None) -> Method:
    """Paints a box, whatever is marked."""

    def make(case: Case, image: Image, mask: Mask) -> Made:
        result = image.copy()
        result[where.slices] = 7
        return Made(image=result, mask=mask if mask_used is None else mask_used, seconds=None, changed_outside=3)

    told = {"title": "", "licence": "", "revision": "", "options": "{}", "device": ""}
    return Method(key="painted", imported=False, make=make, **told)


@pytest.mark.parametrize(
    ("where", "box"),
    [
        (Box(22, 12, 30, 20), Box(20, 10, 34, 24)),  # inside the mask's box, which is kept whole
        (Box(15, 12, 30, 20), Box(15, 10, 34, 24)),
        (Box(0, 0, 56, 40), None),
    ],
)
def test_a_result_is_stored_as_what_it_changes(tmp_path: Path, where: Box, box: Box | None) -> None:
    built(write_photos(tmp_path / "photos", 1), tmp_path / "set", painted(where))
    case = case_of(tmp_path / "set")
    result = case.result("painted")
    assert (result.box, result.changed_outside, result.seconds) == (box, 3, None)
    with PIL.Image.open(case.folder / result.file) as picture:
        assert picture.size == (box.size if box else case.size)
    wanted = pictures(0)[0]
    wanted[where.slices] = 7
    assert (case.image("painted") == wanted).all()


def test_a_result_that_changes_nothing_is_a_patch_of_the_mask() -> None:
    source, mask, _ = pictures(0)
    box, patch = patch_of(source, source.copy(), mask)
    assert box == Box(20, 10, 34, 24)
    assert (patch == source[10:24, 20:34]).all()


def test_the_judge_is_asked_about_the_mask_that_was_used(tmp_path: Path) -> None:
    used, asked = np.ones((40, 56), np.bool_), []

    def judge(source: Image, mask: Mask, result: Image) -> None:
        asked.append((mask.copy(), (source != result).any()))

    cases = read_folder(write_photos(tmp_path / "photos", 1))
    list(build(cases, [painted(Box(20, 10, 34, 24), used)], tmp_path / "set", judge, MOST_PIXELS))
    ((mask, differs),) = asked
    assert mask.all()
    assert differs
    result = case_of(tmp_path / "set").result("painted")
    assert (result.score, result.judge) == (None, "")


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_stays_as_it_is_but_for_its_metadata(tmp_path: Path, subsampling: str, progressive: bool) -> None:  # noqa: FBT001
    photos, (source, _, _) = write_photos(tmp_path / "photos", 1), pictures(0)
    (photos / "images" / "case-0.png").unlink()
    exif = PIL.Image.Exif()
    exif[0x010E] = "secret place"
    path = photos / "images" / "case-0.jpg"
    save(path, source, exif=exif, comment=b"secret word", subsampling=subsampling, progressive=progressive)
    path.write_bytes(path.read_bytes() + b"secret film")
    built(photos, tmp_path / "set", Counted())
    case = case_of(tmp_path / "set")
    assert case.source_file == "source.jpg"
    stored = (case.folder / "source.jpg").read_bytes()
    assert b"secret" not in stored
    with PIL.Image.open(path) as picture:
        assert (case.source() == np.asarray(picture)).all()


def test_a_photo_that_lies_on_its_side_is_stored_upright(tmp_path: Path) -> None:
    photos, (source, mask, _) = write_photos(tmp_path / "photos", 1), pictures(0)
    (photos / "images" / "case-0.png").unlink()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    save(photos / "images" / "case-0.jpg", source, exif=exif)
    save(photos / "masks" / "case-0.png", np.rot90(mask, -1))
    built(photos, tmp_path / "set", Counted())
    case = case_of(tmp_path / "set")
    assert (case.source_file, case.size) == ("source.png", (40, 56))
    whole(read_cases(tmp_path / "set"))


def test_a_photo_with_a_profile_is_stored_in_srgb(tmp_path: Path) -> None:
    photos, (source, _, _) = write_photos(tmp_path / "photos", 1), pictures(0)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"....", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"....", b"bXYZ", 1)
    save(photos / "images" / "case-0.png", source, icc_profile=swapped)
    built(photos, tmp_path / "set", Counted())
    case = case_of(tmp_path / "set")
    assert np.abs(case.source().astype(int) - source[..., ::-1]).max() <= 2, "red and blue change places"
    with PIL.Image.open(BytesIO((case.folder / case.source_file).read_bytes())) as stored:
        assert "icc_profile" not in stored.info
    whole(read_cases(tmp_path / "set"))


def test_a_truth_is_stored_as_what_it_changes(tmp_path: Path) -> None:
    built(write_photos(tmp_path / "photos", 1, truths=True), tmp_path / "set", Counted())
    case = case_of(tmp_path / "set")
    assert case.truth_box == Box(20, 10, 34, 24)
    assert (case.true_image() == pictures(0)[2]).all()


@pytest.mark.parametrize("name", ["Büro 1", "..", "a/b", "", "ÆØ", "x" * 300, "-a-", "日本"])
def test_every_name_gives_an_id(name: str) -> None:
    assert ID.fullmatch(id_of(name))


def test_what_a_killed_run_left_unfinished_is_removed(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    built(photos, tmp_path / "set", Counted())
    folder = tmp_path / "set" / "case-0"
    (folder / "grey.png.0123456789abcdef.tmp").write_bytes(b"half")
    (folder / "README.md").write_text("mine")
    built(photos, tmp_path / "set", Counted())
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "case.json", "grey.png", "mask.png", "source.png",
    ]  # fmt: skip


def test_case_json_holds_everything_that_is_told(tmp_path: Path) -> None:
    built(write_photos(tmp_path / "photos", 1), tmp_path / "set", Counted())
    told = said(tmp_path / "set" / "case-0")
    assert (told["schema"], told["width"], told["height"], told["title"]) == (1, 56, 40, "case-0")
    (result,) = told["results"]
    assert result["options"] == {"seed": 0}
    assert {"revision", "device", "seconds", "licence", "score", "judge", "digest", "bytes"} <= set(result)


def test_the_revision_of_a_method_with_weights_is_their_commits() -> None:
    weights = Weights(None)
    repository = REMOVERS["lama"].weights[0].repository
    assert weights.revision(REMOVERS["lama"]).startswith(f"{repository}@")
    assert weights.revision(REMOVERS["rorem-4s"]).count("@") == 2
    assert weights.revision(REMOVERS["telea"]) == __version__
