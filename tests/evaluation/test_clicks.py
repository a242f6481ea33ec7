"""The click benchmark, on pictures and segmenters whose numbers are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.cli import main
from rorem_demo.errors import InputError
from rorem_demo.evaluation.clicks import ClickCase, ClickRun, ClickScore, click_cases, iou, next_click, run_case
from rorem_demo.imaging.types import Image, Mask, Size, size_of
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.segmenters.base import Candidate, Click, Encoding, EncodingStep, Prompt, Segmenter, SegmenterSpec
from rorem_demo.services import Services
from rorem_demo.settings import Settings

SPEC = SegmenterSpec(
    key="toy",
    title="Toy",
    summary="",
    loader=f"{__name__}:load",
    licence="",
    source="",
    prompts=frozenset({"click"}),
    encode_seconds=0,
)


def boxed(shape: tuple[int, int], rows: slice, columns: slice) -> Mask:
    mask = np.zeros(shape, np.bool_)
    mask[rows, columns] = True
    return mask


def case(mask: Mask) -> ClickCase:
    return ClickCase("case", np.zeros((*mask.shape, 3), np.uint8), mask)


@dataclass(frozen=True)
class Known:
    size: Size
    size_bytes: int = 0


@dataclass
class Toy:
    """Gives listed masks, round after round, and remembers what it was asked."""

    rounds: list[list[Mask]]
    asked: list[tuple[tuple[Prompt, ...], Candidate | None]] = field(default_factory=list)

    def encode(self, image: Image) -> Iterator[EncodingStep]:
        yield EncodingStep(1.0, Known(size_of(image)))

    def propose(
        self, encoding: Encoding, prompts: Sequence[Prompt], previous: Candidate | None = None
    ) -> list[Candidate]:
        masks = self.rounds[min(len(self.asked), len(self.rounds) - 1)]
        self.asked.append((tuple(prompts), previous))
        return [Candidate(mask, 0.5) for mask in masks]


def load(spec: SegmenterSpec, files: tuple[Path, ...]) -> Segmenter:
    return Toy([[boxed((20, 20), slice(0, 20), slice(0, 10))]])


def test_the_first_click_is_the_middle_of_the_object() -> None:
    truth = boxed((40, 60), slice(10, 21), slice(20, 31))
    assert next_click(truth, np.zeros_like(truth)) == Click(25, 15)


def test_the_edge_of_the_picture_is_an_edge_of_the_object() -> None:
    assert next_click(np.ones((11, 21), np.bool_), np.zeros((11, 21), np.bool_)) == Click(5, 5)


def test_the_next_click_is_on_the_deeper_error() -> None:
    truth = boxed((60, 60), slice(10, 31), slice(10, 21))
    assert next_click(truth, boxed((60, 60), slice(40, 49), slice(40, 49)) | truth) == Click(44, 44, keep=True)
    assert next_click(truth, boxed((60, 60), slice(40, 49), slice(40, 49))) == Click(15, 15)


def test_no_click_where_nothing_is_wrong() -> None:
    truth = boxed((20, 20), slice(5, 9), slice(5, 9))
    assert next_click(truth, truth) is None


def test_a_clicked_pixel_is_not_clicked_again() -> None:
    truth, nothing = boxed((20, 20), slice(5, 6), slice(5, 6)), np.zeros((20, 20), np.bool_)
    assert next_click(truth, nothing) == Click(5, 5)
    assert next_click(truth, nothing, [Click(5, 5)]) is None


@given(st.integers(0, 2**32 - 1))
def test_every_click_is_on_an_error_and_says_which(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, found = random.random((2, 9, 13)) < random.random((2, 1, 1))
    click = next_click(truth, found)
    if click is None:
        assert np.array_equal(truth, found)
    else:
        assert truth[click.y, click.x] == (not click.keep)
        assert found[click.y, click.x] == click.keep


def test_iou_counts_pixels() -> None:
    assert iou(boxed((10, 10), slice(0, 2), slice(0, 4)), boxed((10, 10), slice(0, 2), slice(2, 6))) == pytest.approx(
        4 / 12
    )
    assert iou(np.zeros((2, 2), np.bool_), np.zeros((2, 2), np.bool_)) == 1


def test_a_run_scores_the_first_candidate_after_each_click_and_the_best_after_the_first() -> None:
    truth = boxed((20, 20), slice(0, 10), slice(0, 20))
    half, three = boxed((20, 20), slice(0, 5), slice(0, 20)), boxed((20, 20), slice(0, 7), slice(0, 20))
    toy = Toy([[half, truth], [three]])
    run = run_case(SPEC, toy, case(truth), clicks=3)
    assert run.ious == pytest.approx((0.5, 0.7, 0.7))
    assert run.best_first == 1
    assert len(run.propose_seconds) == 3


def test_each_round_is_given_all_clicks_and_the_candidate_they_correct() -> None:
    truth = boxed((20, 20), slice(0, 10), slice(0, 20))
    toy = Toy([[boxed((20, 20), slice(0, 20), slice(0, 20))]])
    run_case(SPEC, toy, case(truth), clicks=2)
    (first, nothing), (second, previous) = toy.asked
    assert nothing is None
    assert second[0] == first[0]
    assert isinstance(second[1], Click)
    assert second[1].keep
    assert previous is not None
    assert previous.mask.all()


def test_an_object_found_exactly_is_clicked_once_and_counts_for_all_clicks() -> None:
    truth = boxed((20, 20), slice(0, 10), slice(0, 20))
    toy = Toy([[truth]])
    assert run_case(SPEC, toy, case(truth)).ious == (1, 1, 1, 1, 1)
    assert len(toy.asked) == 1


def test_finding_nothing_counts_as_none() -> None:
    run = run_case(SPEC, Toy([[]]), case(boxed((20, 20), slice(0, 10), slice(0, 20))), clicks=2)
    assert run.ious == (0, 0)
    assert run.best_first == 0


def test_a_score_is_means_of_ious_and_medians_of_seconds() -> None:
    runs = [
        ClickRun(ious=(0.2, 0.4), best_first=0.5, encode_seconds=1, propose_seconds=(1, 9)),
        ClickRun(ious=(0.4, 1.0), best_first=0.7, encode_seconds=3, propose_seconds=(2,)),
    ]
    score = ClickScore.of(runs)
    assert score.cases == 2
    assert score.ious == pytest.approx((0.3, 0.7))
    assert score.best_first == pytest.approx(0.6)
    assert (score.encode_seconds, score.propose_seconds) == (2, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("img", "gt"):
        (tmp_path / name).mkdir()
    mask = boxed((20, 20), slice(0, 20), slice(0, 10)).astype(np.uint8)
    for number in range(4):
        cv2.imwrite(str(tmp_path / "img" / f"{number}.jpg"), np.full((20, 20, 3), 100, np.uint8))
        cv2.imwrite(str(tmp_path / "gt" / f"{number}.png"), mask)
    return tmp_path


def test_cases_come_in_order_and_anything_but_black_is_the_object(folder: Path) -> None:
    cases = list(click_cases(folder))
    assert [one.name for one in cases] == ["0", "1", "2", "3"]
    assert np.array_equal(cases[0].mask, boxed((20, 20), slice(0, 20), slice(0, 10)))


def test_fewer_cases_are_spread_over_the_folder(folder: Path) -> None:
    assert [one.name for one in click_cases(folder, 2)] == ["0", "2"]
    assert len(list(click_cases(folder, 9))) == 4


def test_a_folder_without_photos_or_masks_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photos"):
        list(click_cases(tmp_path / "nowhere"))
    (folder / "gt" / "0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read"):
        list(click_cases(folder))
    (folder / "gt" / "0.png").unlink()
    with pytest.raises(InputError, match="Cannot read"):
        list(click_cases(folder))


def test_the_command_prints_one_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    services = Services.assemble(Settings(), segmenters=Catalog(SPEC))
    assert main(["bench", "clicks", str(folder), "--cases", "3"], services) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["method", "cases"]
    assert row.split()[:5] == ["toy", "3", "1.000", "1.000", "1.000"]


def test_the_command_prints_json_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    services = Services.assemble(Settings(), segmenters=Catalog(SPEC))
    assert main(["bench", "clicks", str(folder), "--method", "toy", "--json"], services) == 0
    assert '"ious": [1.0, 1.0, 1.0, 1.0, 1.0]' in capsys.readouterr().out


def test_the_command_refuses_no_cases(folder: Path) -> None:
    assert main(["bench", "clicks", str(folder), "--cases", "0"], Services.assemble(Settings())) == 2
