"""Scorer: the same score whoever asks, calibrated, from nothing but a whole model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch

from rorem_demo.discriminator.network import CONFIG, WEIGHTS, Loaded, ModelConfig, load_model
from rorem_demo.discriminator.score import Scorer, canaries, check_canary
from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.statistics import Calibration
from tests.discriminator.judges import write_judge
from tests.discriminator.scenes import triple


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("judge")
    write_judge(made)
    return made


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Scorer:
    return Scorer.load(folder)


def config_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / CONFIG).read_bytes()))


def rewrite(folder: Path, **values: Any) -> None:
    (folder / CONFIG).write_text(json.dumps(config_of(folder) | values))


def test_the_score_is_the_calibrated_logit(folder: Path, scorer: Scorer) -> None:
    loaded = load_model(folder)
    source, mask, result = triple(np.random.default_rng(3), "ghost")
    arrays = loaded.network.arrays(source, mask, result)
    with torch.inference_mode():
        found = loaded.network({name: torch.from_numpy(value[None]) for name, value in arrays.items()})
    wanted = float(Calibration.from_json(loaded.config.calibration)(found.numpy())[0])
    assert scorer.score(source, mask, result) == pytest.approx(wanted, abs=1e-6)
    assert wanted == pytest.approx(0.83, abs=0.01)


def test_many_threads_get_what_one_gets(scorer: Scorer) -> None:
    asked = [triple(np.random.default_rng(seed), "blur") for seed in range(4)] * 4
    alone = [scorer.score(*each) for each in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda each: scorer.score(*each), asked))
    assert together == alone
    assert len(set(alone)) == 4


def test_other_threads_keep_their_number_of_threads(scorer: Scorer) -> None:
    before = torch.get_num_threads()
    scorer.score(*triple(np.random.default_rng(0), "good"))
    found: list[int] = []
    other = Thread(target=lambda: found.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert [torch.get_num_threads(), *found] == [before, before]


def test_the_version_is_the_one_that_was_saved(folder: Path, scorer: Scorer) -> None:
    assert scorer.version == config_of(folder)["version"]
    assert scorer.version.startswith("compact-")


def test_pictures_of_different_sizes_are_refused(scorer: Scorer) -> None:
    source, mask, result = triple(np.random.default_rng(0), "good")
    with pytest.raises(InputError):
        scorer.score(source, mask, result[:-1])
    with pytest.raises(InputError):
        scorer.score(source, np.zeros_like(mask), result)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    write_judge(tmp_path / "one", seed=1)
    write_judge(tmp_path / "other", seed=2)
    (tmp_path / "one" / WEIGHTS).write_bytes((tmp_path / "other" / WEIGHTS).read_bytes())
    with pytest.raises(InputError, match="other weights than its config"):
        Scorer.load(tmp_path / "one")


def test_a_calibration_changed_by_hand_is_refused(tmp_path: Path) -> None:
    write_judge(tmp_path)
    rewrite(tmp_path, calibration={"kind": "logistic", "slope": 1.0, "offset": 3.0})
    with pytest.raises(InputError, match="other weights than its config"):
        Scorer.load(tmp_path)


def test_an_uncalibrated_model_is_refused(folder: Path) -> None:
    loaded = load_model(folder)
    with pytest.raises(InputError, match="never calibrated"):
        Scorer(Loaded(loaded.network, ModelConfig(network="compact", views=1, version="compact-0")))


def test_a_score_that_is_no_number_is_an_error(folder: Path) -> None:
    class Lost:
        def arrays(self, *pictures: object) -> dict[str, Any]:
            return {"x": np.zeros(1, np.float32)}

        def __call__(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
            return torch.full((1,), torch.nan)

    lost = Scorer(Loaded(Lost(), load_model(folder).config))  # type: ignore[arg-type]
    with pytest.raises(UnavailableError, match="gave no number"):
        check_canary(lost)


def test_the_canaries_are_told_apart(scorer: Scorer) -> None:
    good, bad = check_canary(scorer)
    assert 0 <= bad < good <= 1


def test_a_judge_that_prefers_the_object_is_refused(tmp_path: Path) -> None:
    write_judge(tmp_path, blind=True)
    with pytest.raises(InputError, match="scores an object left as it was"):
        check_canary(Scorer.load(tmp_path))


def test_canaries_are_a_clean_picture_and_an_untouched_one() -> None:
    clean, left = canaries()
    assert np.array_equal(left.source, left.result)
    assert np.array_equal(clean.source[~clean.mask], clean.result[~clean.mask])
    changed = (clean.source != clean.result).any(axis=2)
    assert changed[clean.mask].mean() > 0.7


@pytest.mark.parametrize(
    ("config", "report", "simulated"),
    [
        ({"origins": ["simulated"]}, None, True),
        ({"origins": {"simulated": 9, "app": 1}}, None, True),
        ({"origins": None}, {"lineage": {"origins": {"simulated": 4}}}, True),
        ({"origins": None}, {"lineage": {"origins": {"app": 4}}}, False),
        ({}, [], False),
        ({}, {"lineage": "simulated"}, False),
        ({"origins": "simulated"}, None, False),
    ],
)
def test_simulated_raters_are_found_in_config_and_report(
    tmp_path: Path,
    config: dict[str, Any],
    report: object,
    simulated: bool,  # noqa: FBT001
) -> None:
    write_judge(tmp_path)
    rewrite(tmp_path, lineage=config)
    (tmp_path / "report.json").unlink()
    if report is not None:
        (tmp_path / "report.json").write_text(json.dumps(report))
    assert Scorer.load(tmp_path).simulated is simulated


def test_naming_the_scorer_imports_no_torch() -> None:
    code = "import rorem_demo.discriminator.current, sys; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
