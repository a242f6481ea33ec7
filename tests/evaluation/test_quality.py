"""Measured quality: figures that can be told by hand, what is measured anew and what is not, and what goes wrong."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from rorem_demo import __version__
from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.evaluation import quality_measures
from rorem_demo.evaluation.quality import REPORT, SHEET, TEXT, Order, measure
from rorem_demo.evaluation.quality_figures import mean_of, rate_of
from rorem_demo.evaluation.quality_ledger import NAME, opened
from rorem_demo.evaluation.quality_markdown import markdown, tables
from rorem_demo.evaluation.quality_report import MethodQuality, Report
from rorem_demo.evaluation.quality_sheet import extremes
from rorem_demo.evaluation.quality_work import BASELINES, Measured
from rorem_demo.statistics import wilson
from tests.evaluation.networks import write_dino, write_inception
from tests.evaluation.pairs import LEVEL, add_pair, services, write_pairs


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs", 3)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A line for each removal of `telling`."""
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("SECONDS", "0")
    (tmp_path / "told").touch()
    return tmp_path / "told"


def removals(told: Path) -> int:
    return len(told.read_text().splitlines())


def order(pairs: Path, *methods: str, **asked: object) -> Order:
    return Order(pairs=pairs, methods=methods or ("grey",), folder=pairs.parent / "out", **asked)  # type: ignore[arg-type]


def found(report: Report, key: str) -> MethodQuality:
    return next(method for method in report.methods if method.key == key)


def levels(difference: float) -> float:
    """dB of pictures that differ by so many levels."""
    return 20 * math.log10(255 / difference)


def test_psnr_in_the_hole_is_that_of_the_difference(pairs: Path) -> None:
    grey = found(measure(services(), order(pairs)), "grey")
    assert grey.hole_psnr is not None
    assert grey.hole_psnr.value == pytest.approx(levels(10))
    assert (grey.hole_psnr.n, grey.pairs, grey.failures) == (3, 3, 0)
    assert grey.hole_psnr.low == pytest.approx(grey.hole_psnr.high), "all pairs are alike"


def test_outside_is_the_photo_against_the_truth_and_nothing_changed(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", 2, outside=5)
    report = measure(services(), order(pairs, "grey", "telling"))
    for key in ("grey", "telling", *BASELINES):
        outside = found(report, key).outside_psnr
        assert outside is not None
        assert outside.value == pytest.approx(levels(5)), key
        assert found(report, key).changed_outside == 0


def test_pairs_that_are_equal_have_no_psnr_and_are_told_as_equal(pairs: Path) -> None:
    report = measure(services(), order(pairs))
    truth = found(report, "truth")
    assert truth.hole_psnr is None
    assert truth.hole_ssim is not None
    assert truth.hole_ssim.value == 1
    line = next(line for line in tables(report).splitlines() if line.startswith("| `truth` | 3 |"))
    assert "| equal |" in line


def test_baselines_are_a_floor_and_a_ceiling(pairs: Path) -> None:
    report = measure(services(), order(pairs))
    assert [method.key for method in report.methods] == ["untouched", "mean-colour", "truth", "grey"]
    untouched, mean = found(report, "untouched"), found(report, "mean-colour")
    assert untouched.hole_psnr
    assert untouched.hole_psnr.value == pytest.approx(levels(240 - LEVEL - 10))
    assert mean.hole_psnr
    assert mean.hole_psnr.value > levels(5), "the grain has a mean of 109.5, the truth 110"
    assert untouched.seconds is None


def test_a_method_is_told_with_its_revision_options_and_seed(pairs: Path) -> None:
    grey = found(measure(services(), order(pairs, seed=7)), "grey")
    assert grey.revision == __version__
    assert (grey.options["seed"], grey.options["grow"]) == (7, 8)
    assert grey.seconds is not None


def test_what_cannot_be_measured_is_counted_and_named(pairs: Path) -> None:
    dark, mask = np.zeros((40, 50, 3), np.uint8), np.zeros((40, 50), np.bool_)
    add_pair(pairs, "unmarked", dark, mask, dark)
    mask[10:20, 10:20] = True
    add_pair(pairs, "dark", dark, mask, dark)
    add_pair(pairs, "other-size", dark, mask, dark[:30])
    add_pair(pairs, "gone", dark, mask, dark)
    (pairs / "mask/gone.png").unlink()
    add_pair(pairs, "untrue", dark, mask, None)
    report = measure(services(), order(pairs))
    grey, truth = found(report, "grey"), found(report, "truth")
    assert (grey.pairs, grey.failures) == (3, 4)
    assert (truth.pairs, truth.failures) == (4, 3)
    sentences = {each.case: each.sentence for each in report.failures if each.method == "grey"}
    assert sorted(sentences) == ["dark", "gone", "other-size", "unmarked"]
    assert sentences["dark"] == "Grey failed on this photo. Try another method."
    assert report.about.without_truth == 1
    text = markdown(report)
    assert "- `grey`, dark: Grey failed on this photo." in text
    assert "1 pairs without a truth were left out." in text


def test_the_report_is_written_and_can_be_read_again(pairs: Path) -> None:
    report = measure(services(), order(pairs))
    out = pairs.parent / "out"
    again = Report.from_json((out / REPORT).read_bytes())
    assert again.to_json() == report.to_json()
    assert tables(again) in (out / TEXT).read_text()
    with PIL.Image.open(out / SHEET) as sheet:
        assert sheet.format == "JPEG"
    assert str(pairs.parent) not in (out / REPORT).read_text() + (out / TEXT).read_text()


def test_a_report_of_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="no report"):
        Report.from_json(b'{"about": 1}')


def test_a_second_run_measures_nothing_and_says_the_same(pairs: Path, told: Path) -> None:
    first = measure(services(), order(pairs, "telling"))
    assert removals(told) == 3
    second = measure(services(), order(pairs, "telling"))
    assert removals(told) == 3
    assert second == first


def test_only_a_changed_pair_is_measured_anew(pairs: Path, told: Path) -> None:
    before = measure(services(), order(pairs, "telling"))
    PIL.Image.fromarray(np.full((72, 96, 3), 90, np.uint8)).save(pairs / "GT/pair-01.png")
    after = measure(services(), order(pairs, "telling"))
    assert removals(told) == 4
    assert found(after, "telling").hole_psnr != found(before, "telling").hole_psnr


def test_another_seed_is_measured_anew_and_another_method_beside(pairs: Path, told: Path) -> None:
    measure(services(), order(pairs, "telling"))
    measure(services(), order(pairs, "telling", "grey"))
    assert removals(told) == 3
    measure(services(), order(pairs, "telling", seed=1))
    assert removals(told) == 6


def test_what_failed_is_tried_again_and_nothing_else(pairs: Path, told: Path) -> None:
    mask = pairs / "mask/pair-01.png"
    data = mask.read_bytes()
    mask.write_bytes(b"no picture")
    assert found(measure(services(), order(pairs, "telling")), "telling").failures == 1
    mask.write_bytes(data)
    report = measure(services(), order(pairs, "telling"))
    assert (found(report, "telling").pairs, found(report, "telling").failures) == (3, 0)
    assert removals(told) == 3


def test_a_line_that_was_cut_off_is_measured_again(pairs: Path, told: Path) -> None:
    whole = measure(services(), order(pairs, "telling"))
    ledger = pairs.parent / "out" / NAME
    ledger.write_bytes(ledger.read_bytes()[:-20])
    again = measure(services(), order(pairs, "telling"))
    assert removals(told) == 4
    assert [replace(method, seconds=None) for method in again.methods] == [
        replace(method, seconds=None) for method in whole.methods
    ]
    assert all(json.loads(line) for line in ledger.read_text().splitlines())


def test_lines_that_are_no_figures_are_passed_over(pairs: Path, told: Path) -> None:
    first = measure(services(), order(pairs, "telling"))
    ledger = pairs.parent / "out" / NAME
    ledger.write_bytes(b'\xff\n[]\n{"case": 1}\n' + ledger.read_bytes())
    assert measure(services(), order(pairs, "telling")) == first
    assert removals(told) == 3


def test_a_result_whose_small_picture_is_gone_is_made_again(pairs: Path, told: Path) -> None:
    measure(services(), order(pairs, "telling"))
    for path in (pairs.parent / "out/strips").iterdir():
        path.unlink()
    measure(services(), order(pairs, "telling"))
    assert removals(told) == 6


def test_two_runs_at_one_folder_are_refused(pairs: Path) -> None:
    with opened(pairs.parent / "out"), pytest.raises(UnavailableError, match="Another run is at"):
        measure(services(), order(pairs))


def test_so_many_cases_are_spread_over_the_folder(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", 9)
    report = measure(services(), order(pairs, cases=3))
    assert found(report, "grey").pairs == 3
    lines = map(json.loads, (tmp_path / "out" / NAME).read_text().splitlines())
    assert {line["case"] for line in lines} == {"pair-00", "pair-03", "pair-06"}


@pytest.mark.parametrize(
    ("methods", "error", "said"),
    [
        (("grey", "grey"), InputError, "named once"),
        (("nonsense",), InputError, "no method 'nonsense'"),
        (("truth",), InputError, "measured with every run"),
        (("absent",), UnavailableError, "Absent cannot run here: it needs weights"),
    ],
)
def test_methods_that_cannot_be_measured_are_refused_before_anything_is_written(
    methods: tuple[str, ...], error: type[Exception], said: str, pairs: Path
) -> None:
    with pytest.raises(error, match=said):
        measure(services(), order(pairs, *methods))
    assert not (pairs.parent / "out").exists()


def test_a_folder_without_a_truth_is_refused(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", 1)
    entries = [{key: name for key, name in entry.items() if key != "GT"} for entry in _meta(pairs)]
    (pairs / "meta.json").write_text(json.dumps(entries))
    with pytest.raises(InputError, match="no pairs with a truth"):
        measure(services(), order(pairs))


def _meta(pairs: Path) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads((pairs / "meta.json").read_bytes())
    return entries


def test_empty_columns_say_why(pairs: Path) -> None:
    report = measure(services(), order(pairs))
    text = markdown(report)
    for title in ("LPIPS", "DINO", "CLIP"):
        assert f"- {title} is empty: Its weights are not here: " in text
    assert "- FID is empty: FID is told of more than 500 cases; these are 3." in text
    assert "- Likely clean is empty: ROREM_DISCRIMINATOR switches it off." in text
    assert found(report, "grey").clean is None
    assert set(found(report, "grey").distances.values()) == {None}


def test_distances_and_fid_are_measured_where_their_weights_are(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality_measures, "MOST_FOR_NO_FID", 2)
    write_dino(tmp_path / "weights")
    write_inception(tmp_path / "weights")
    at_hand = services(weights=tmp_path / "weights")
    report = measure(at_hand, order(pairs))
    truth, grey = found(report, "truth"), found(report, "grey")
    assert truth.distances["dino"]
    assert truth.distances["dino"].value == pytest.approx(0, abs=1e-6)
    assert grey.distances["dino"]
    assert grey.distances["dino"].value > truth.distances["dino"].value
    assert truth.fid is None
    assert grey.fid is not None
    assert grey.fid > 0
    assert "DINO is empty" not in markdown(report)
    assert measure(at_hand, order(pairs)) == report


def test_weights_that_come_later_are_used(pairs: Path, tmp_path: Path, told: Path) -> None:
    assert (
        found(measure(services(weights=tmp_path / "w"), order(pairs, "telling")), "telling").distances["dino"] is None
    )
    write_dino(tmp_path / "w")
    assert found(measure(services(weights=tmp_path / "w"), order(pairs, "telling")), "telling").distances["dino"]
    assert removals(told) == 6


def test_the_rate_of_clean_results_has_wilsons_interval() -> None:
    rate = rate_of([True, True, False, True])
    between = wilson(3, 4)
    assert rate
    assert (rate.value, rate.low, rate.high, rate.n) == (0.75, between.low, between.high, 4)
    assert rate_of([]) is None
    assert mean_of([None]) is None
    one = mean_of([3.0, None])
    assert one
    assert (one.value, one.low, one.high, one.n) == (3.0, None, None, 1)


def test_the_interval_of_a_mean_is_about_two_standard_errors() -> None:
    values = np.random.default_rng(0).normal(20, 2, 100)
    figure = mean_of(values.tolist())
    assert figure
    assert figure.low is not None
    assert figure.high is not None
    error = values.std() / 10
    assert figure.low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert figure.high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


@pytest.mark.parametrize(
    ("count", "best", "worst"), [(0, "", ""), (1, "a", ""), (3, "c", "a"), (5, "ed", "ab"), (9, "ihg", "abc")]
)
def test_the_sheet_shows_the_best_and_the_worst_and_none_twice(count: int, best: str, worst: str) -> None:
    results = [
        Measured(identity=name, case=name, method="m", hole_psnr=float(number), hole_ssim=0.5)
        for number, name in enumerate("abcdefghi"[:count])
    ]
    results.append(Measured(identity="x", case="x", method="m", sentence="It failed."))
    assert ["".join(each.case for each in side) for side in extremes(results)] == [best, worst]


def test_images_masks_and_truth_beside_each_other_are_read_too(pairs: Path, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    for part, name in (("source", "images"), ("mask", "masks"), ("GT", "truth")):
        (pairs / part).rename(beside / name)
    grey = found(measure(services(), order(beside)), "grey")
    assert grey.hole_psnr
    assert grey.hole_psnr.value == pytest.approx(levels(10))
