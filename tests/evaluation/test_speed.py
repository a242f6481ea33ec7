"""What is asked of the two processes, in what order, and what is made of their answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.evaluation import speed_jobs
from rorem_demo.evaluation.speed import _check_calls, _Cold, _in_turns, _rates, _side, measure
from rorem_demo.evaluation.speed_errors import Seen, _psnr, errors_of
from rorem_demo.evaluation.speed_jobs import Jobs, Order, jobs_for
from rorem_demo.evaluation.speed_photos import Scene, photos_compared
from rorem_demo.evaluation.speed_process import places
from rorem_demo.evaluation.speed_report import STAGES, Report
from rorem_demo.evaluation.speed_shapes import FULL, TINY
from rorem_demo.imaging.types import Size
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.evaluation.speed_reports import OURS, REFERENCE


def silent(said: str) -> None:
    assert said


def services(folder: Path) -> Services:
    return Services.assemble(Settings(data=folder / "data", weights=folder / "weights"))


class FakeSide:
    """Notes what it is asked; each run takes a second more than the last."""

    def __init__(self, name: str, diary: list[tuple[str, bytes]]) -> None:
        self._name, self._diary, self._runs = name, diary, 0

    def ask(self, question: str, photo: bytes, mask: bytes, seed: int) -> Any:
        assert question == "run"
        self._diary.append((self._name, photo))
        self._runs += 1
        return ran(float(self._runs))


def ran(seconds: float, **stages: float) -> Any:
    rest = seconds - sum(stages.values())
    return SimpleNamespace(seconds=seconds, stages={**stages, "rest": rest}, calls={"unet": 4})


FACTS = SimpleNamespace(numbers={}, load_seconds=1.0, peak_gb=2.0, running_gb=None, gpu_peak_gb=None)


def test_sides_take_turns_and_get_the_same_new_photo_each_round() -> None:
    diary: list[tuple[str, bytes]] = []
    one, other = (FakeSide(name, diary) for name in ("ours", "reference"))
    runs = _in_turns((one, other), Scene(Size(40, 30), 10), 3, silent)  # type: ignore[arg-type]
    assert [name for name, _ in diary] == ["ours", "reference"] * 3
    photos = [photo for _, photo in diary]
    assert photos[::2] == photos[1::2]
    assert len(set(photos)) == 3, "what our VAE made of a photo is kept"
    assert [len(found) for found in runs] == [3, 3]


def test_large_photos_take_turns_with_small_ones() -> None:
    diary: list[tuple[str, bytes]] = []
    found = photos_compared(FakeSide("", diary), (Size(40, 30), Size(80, 60)), 10, 3, silent)  # type: ignore[arg-type]
    assert found.small_seconds == 3.0  # of 1, 3 and 5
    assert found.large_seconds == 4.0  # of 2, 4 and 6
    assert found.ratio == pytest.approx(4 / 3)
    assert len({photo for _, photo in diary}) == 6


def test_a_sides_seconds_are_the_median_and_its_shares_make_up_the_whole() -> None:
    later = SimpleNamespace(**{**vars(FACTS), "load_seconds": 9.0, "peak_gb": 3.0})
    runs = [ran(10.0, unet=6.0, decode=2.0), ran(30.0, unet=15.0), ran(20.0, unet=12.0)]
    side = _side(runs, _Cold(seconds=99.0, facts=FACTS), later)
    assert side.seconds == 20.0
    assert side.runs == (10.0, 30.0, 20.0)
    assert side.shares["unet"] == pytest.approx(33 / 60)
    assert set(side.shares) == set(STAGES)
    assert sum(side.shares.values()) == pytest.approx(1.0)
    assert side.cold_seconds == 99.0
    assert (side.load_seconds, side.peak_gb) == (1.0, 3.0), "loaded alone; the most memory it ever held"


def test_fewer_steps_count_as_no_speed() -> None:
    _check_calls(OURS, REFERENCE)
    with pytest.raises(UnavailableError, match="3 times and the reference 4 times"):
        _check_calls(replace(OURS, calls={"unet": 3}), REFERENCE)


def test_the_unets_rate_is_of_its_own_seconds() -> None:
    rates = _rates((3.0, 4.0, "bfloat16"), OURS)
    assert rates
    assert rates.unet_rate == pytest.approx(3.0 / (0.6 * 10.1 / 4))
    assert rates.share == pytest.approx(rates.unet_rate / 4.0)
    assert _rates(None, OURS) is None


# What comes to be done


def test_both_sides_work_at_the_same_size_in_the_rows_steps(tmp_path: Path) -> None:
    jobs = jobs_for(services(tmp_path), Order(size=1024, device="cuda"))
    for job in (jobs.ours, jobs.reference):
        fit = job.spec.size.fit(Size(700, 300))
        assert max(fit.padded) == min(fit.padded) == job.size == 1024
        assert (job.steps, job.device, job.few_steps) == (4, "cuda", True)
    assert jobs.ours.files == jobs.reference.files == places(tmp_path / "data" / "bench-weights", jobs.ours.spec)
    assert jobs.revision == "random"
    assert jobs.preparation.worker.endswith(":Preparation")
    many = jobs_for(services(tmp_path), Order(method="rorem"))
    assert (many.ours.steps, many.ours.few_steps) == (20, False)


def test_weights_that_are_here_are_taken_unless_others_are_named(tmp_path: Path) -> None:
    here = services(tmp_path)
    for path in places(tmp_path / "weights", here.removers["rorem-4s"]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    jobs = jobs_for(here, Order())
    assert jobs.ours.folder is None
    assert jobs.ours.files == here.weights.files(here.removers["rorem-4s"])
    assert jobs.revision != "random"
    assert jobs_for(here, Order(weights=tmp_path / "other")).ours.folder == tmp_path / "other"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (Order(method="shift-map"), "no published call to compare Shift-map with"),
        (Order(method="sdxl-inpaint"), "no published call"),
        (Order(method="nonsense"), "There is no method 'nonsense'"),
        (Order(repeats=0), "repeats is 0"),
        (Order(size=500), "size is 500"),
        (Order(size=4096), "size is 4096"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, order: Order, said: str) -> None:
    with pytest.raises(InputError, match=said) as told:
        measure(services(tmp_path), order, silent)
    assert told.value.hint
    assert not (tmp_path / "data").exists()


def sized(tmp_path: Path, gigabytes: dict[str, float]) -> Jobs:
    """Jobs whose files have these sizes, without taking them from the disk."""
    jobs = jobs_for(services(tmp_path), Order())
    for path in jobs.ours.files:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(round(gigabytes.get(path.parent.name, 0.0) * 1e9) if path.suffix == ".safetensors" else 0)
    return jobs.with_memory()


PUBLISHED = {"unet": 5.135, "vae": 0.167, "text_encoder": 0.246, "text_encoder_2": 1.39, "rorem-lcm": 0.394}


def test_memory_that_cannot_suffice_is_told_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed_jobs, "computes_in_halves", lambda: True)
    jobs = sized(tmp_path, PUBLISHED)
    assert 6 <= jobs.ours.memory_gb <= 7.2, "no text networks, half precision"
    assert 14 <= jobs.reference.memory_gb <= 17
    monkeypatch.setattr(speed_jobs, "memory_gb", lambda kind: 12.0)
    with pytest.raises(UnavailableError, match=r"about 1[5-7] GB of memory, and 12 GB are free"):
        jobs.check_memory()
    for free, at_once in ((18.0, False), (64.0, True), (None, True)):
        monkeypatch.setattr(speed_jobs, "memory_gb", lambda kind, free=free: free)
        jobs.check_memory()
        assert jobs.fit_at_once == at_once
    monkeypatch.setattr(speed_jobs, "computes_in_halves", lambda: False)
    assert jobs.with_memory().ours.memory_gb > 11


# Errors


def test_errors_are_those_of_the_pictures_and_of_the_unet(tmp_path: Path) -> None:
    reference = Seen(np.full((4, 4, 3), 100, np.uint8), np.full((1, 4, 2, 2), 2.0, np.float32))
    picture = reference.picture.copy()
    picture[0, 0, 0] = 112
    jobs = jobs_for(services(tmp_path), Order())
    found = errors_of(Seen(picture, np.full((1, 4, 2, 2), 2.1, np.float32)), reference, jobs, Order(), silent)
    assert found.unet_relative == pytest.approx(0.05, rel=1e-4)
    assert found.levels_max == 12
    assert found.levels_mean == pytest.approx(12 / 48)
    assert found.psnr_db == pytest.approx(10 * np.log10(255**2 / 3))
    assert found.exact_levels_max is None
    assert _psnr(picture, picture) is None
    unseen = errors_of(Seen(picture, None), reference, jobs, Order(), silent)
    assert unseen.unet_relative is None


# All of it


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [True, False])
def test_a_trial_measures_all_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, at_once: bool) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(Jobs, "fit_at_once", at_once)
    heard: list[str] = []
    order = replace(Order.tiny(tmp_path / "weights"), photos=at_once, check=at_once, repeats=3 if at_once else 1)
    report = measure(services(tmp_path), order, heard.append)
    assert Report.from_json(report.to_json().encode()) == report
    assert (report.weights, report.shape, report.size, report.steps) == ("random", TINY.name, 64, 4)
    assert report.at_once is at_once
    assert report.ratio == pytest.approx(report.reference.seconds / report.ours.seconds)
    assert report.ours.calls == {"encode": 1, "unet": 4, "decode": 1}
    assert report.reference.calls == {"text": 2, "encode": 1, "unet": 4, "decode": 1}
    for side in (report.ours, report.reference):
        assert len(side.runs) == order.repeats
        assert sum(side.shares.values()) == pytest.approx(1.0)
        assert side.cold_seconds > side.load_seconds
        assert 0.1 < side.peak_gb < 4
    assert set(report.reference.numbers.values()) == {"float32"}
    errors = report.errors
    assert errors.exact_psnr_db is None or errors.exact_psnr_db >= 40
    assert (errors.exact_levels_max is not None) == at_once
    assert errors.unet_relative is not None
    assert errors.unet_relative < 0.1
    assert (report.photos is not None) == at_once
    assert report.rates
    assert report.machine.gpu is None
    assert str(tmp_path) not in report.to_json()
    assert sum(said.startswith("run ") for said in heard) == order.repeats
    assert not (tmp_path / "data").exists(), "nothing is written but the weights"


def test_a_trial_is_the_same_work_at_another_size() -> None:
    assert (Order().shapes, Order().repeats) == (FULL, 5)
    assert Order.tiny(Path()).shapes == TINY
