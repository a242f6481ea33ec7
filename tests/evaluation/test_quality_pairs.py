"""scripts/pairs.py: true pairs in RORem's layout, as the bench reads them."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from rorem_demo.comparison.folders import FolderCase, pictures, read_folder

ROOT = Path(__file__).parents[2]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["pairs.py", *arguments])
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds to it
    runpy.run_path(str(ROOT / "scripts/pairs.py"), run_name="__main__")


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path, quality=95)


def write_photos(folder: Path) -> None:
    """One small pair of each kind, and one that is left out."""
    save(folder / "pairs_highway/plate.png", np.full((20, 30, 3), 90, np.uint8))
    save(folder / "pairs_highway/input/in000001.jpg", np.full((20, 30, 3), 200, np.uint8))
    label = np.zeros((20, 30), np.uint8)
    label[5:10, 5:10], label[10:12, 5:10], label[12:14, 5:10] = 255, 50, 170
    save(folder / "pairs_highway/label/gt000001.png", label)
    for name in ("in000067", "in000081"):
        save(folder / f"pairs_road/{name}_input.jpg", np.full((20, 30, 3), 200, np.uint8))
        save(folder / f"pairs_road/{name}_mask.png", label)
        save(folder / f"pairs_road/{name}_gt.jpg", np.full((20, 30, 3), 90, np.uint8))
    for part in ("paste", "mask", "gt"):
        save(folder / f"smarteraser/{part}/a.jpg", np.full((20, 30, 3), 200, np.uint8))


def cases(folder: Path) -> list[FolderCase]:
    return list(read_folder(folder))


def test_each_folder_becomes_one_that_the_bench_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(tmp_path / "photos")
    run(monkeypatch, "--photos", str(tmp_path / "photos"), "--output", str(tmp_path / "out"))
    assert [case.name for case in cases(tmp_path / "out/highway")] == ["in000001"]
    assert [case.name for case in cases(tmp_path / "out/road")] == ["in000081"], "the other's truth shows a car"
    assert [case.name for case in cases(tmp_path / "out/smarteraser")] == ["a"]
    assert str(tmp_path) not in (tmp_path / "out/highway/meta.json").read_text()


def test_object_and_shadow_are_marked_and_the_unknown_border_is_not_in_the_truth_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photos(tmp_path / "photos")
    run(monkeypatch, "--photos", str(tmp_path / "photos"), "--output", str(tmp_path / "out"))
    source, mask, truth = pictures(cases(tmp_path / "out/highway")[0], 10_000)
    assert truth is not None
    marked, absent = np.zeros((20, 30), np.bool_), np.zeros((20, 30), np.bool_)
    marked[5:12, 5:10] = absent[5:14, 5:10] = True
    assert np.array_equal(mask, marked)
    assert np.array_equal(truth, np.where(absent[..., None], 90, source))


@pytest.mark.slow
def test_scenes_are_rendered_with_and_without_a_thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--scenes", "1", "--output", str(tmp_path))
    (case,) = cases(tmp_path / "scenes")
    source, mask, truth = pictures(case, 10_000_000)
    assert truth is not None
    difference = np.abs(source.astype(int) - truth).max(axis=2)
    assert difference[mask].mean() > 3 * difference[~mask].mean()


@pytest.mark.slow
def test_the_real_folders_give_what_the_document_says(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, "--photos", str(photos), "--output", str(tmp_path))
    counts = {path.parent.name: len(json.loads(path.read_bytes())) for path in tmp_path.glob("*/meta.json")}
    assert counts == {"highway": 135, "road": 74, "smarteraser": 3}
