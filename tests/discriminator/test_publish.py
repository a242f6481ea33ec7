"""Publishing a model: only what is better, as one commit, whatever the Hub does meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rorem_demo.discriminator.examples import read_examples
from rorem_demo.discriminator.hub import ModelRepository
from rorem_demo.discriminator.network import CONFIG, WEIGHTS, Loaded, load_model
from rorem_demo.discriminator.predictions import Predictions
from rorem_demo.discriminator.publish import FILES, better, held_out, publish
from rorem_demo.errors import ConfigError, InputError, StorageError, UnavailableError
from rorem_demo.feedback.hub import ConflictError, RefusedError, RetryLaterError
from rorem_demo.statistics import Floats
from tests.discriminator.judges import files_of, torn, write_judge
from tests.discriminator.scenes import write
from tests.hub import READER, WRITER, LoopbackHub

NAME = "owner/judge"
ROWS = 600
LABEL = np.arange(ROWS) % 2.0


def said(noise: float, shift: float = 0.0, seed: int = 0) -> Predictions:
    """Of a judge that mistakes more the more noise there is, and is too sure of clean results by `shift`."""
    chance = np.random.default_rng(seed)
    told = LABEL * 2 - 1 + chance.normal(0, noise, ROWS)
    prob: Floats = 1 / (1 + np.exp(-2 * told / noise**2))
    return Predictions(
        prob=prob ** np.exp(-shift),
        label=LABEL,
        method=np.full(ROWS, "telea"),  # type: ignore[arg-type]
        photo=np.array([f"{number // 4}" for number in range(ROWS)]),
        mask_fraction=np.full(ROWS, 0.1),
        origin=np.full(ROWS, "app"),  # type: ignore[arg-type]
    )


def by_version(**told: Predictions) -> Callable[[Loaded], Predictions]:
    """A seam that knows what each version says."""
    return lambda loaded: told[loaded.config.version.replace("-", "_")]


def never(loaded: Loaded) -> Predictions:
    raise AssertionError(loaded.config.version)


# --- the rule ---------------------------------------------------------------------------------------------------------


def test_what_ranks_better_by_more_than_chance_is_better() -> None:
    why_not, why = better(said(0.8), said(2.0, seed=1))
    assert why_not == ""
    assert "so it is better." in why
    assert "calibration error" in why


@pytest.mark.parametrize("noise", [2.0, 3.0])
def test_what_ranks_alike_or_worse_is_not(noise: float) -> None:
    why_not, why = better(said(noise, seed=2), said(2.0, seed=2))
    assert "more than chance" in why_not
    assert why == ""


def test_what_ranks_better_but_means_its_percents_less_is_not() -> None:
    why_not, _ = better(said(0.9, shift=1.5), said(2.0, seed=1))
    assert "calibration error is" in why_not
    assert "worse by more than 0.02" in why_not
    assert why_not.count(".\n") == 0


def test_other_rows_are_refused() -> None:
    few = said(1.0).where(np.arange(ROWS) < 50)
    with pytest.raises(InputError, match="not asked about the same rows"):
        better(said(1.0), few)


def test_held_out_rows_are_asked_in_the_same_order_whoever_judges(tmp_path: Path) -> None:
    rows = read_examples(str(write(tmp_path / "rows", 6)))
    asking = held_out(rows)
    found = []
    for seed in range(2):
        write_judge(tmp_path / f"{seed}", seed=seed)
        found.append(asking(load_model(tmp_path / f"{seed}")))
    assert len(found[0].prob) == 6
    assert found[0].label.tolist() == found[1].label.tolist()
    assert found[0].photo.tolist() == found[1].photo.tolist()
    assert found[0].prob.tolist() != found[1].prob.tolist()


# --- before anything is asked of the Hub ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path, name: str) -> None:
    write_judge(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        publish(tmp_path, ModelRepository(NAME, endpoint="http://127.0.0.1:9"), never)


def test_a_judge_that_mistakes_the_canaries_is_refused(tmp_path: Path) -> None:
    write_judge(tmp_path, blind=True)
    with pytest.raises(InputError, match="scores an object left as it was"):
        publish(tmp_path, ModelRepository(NAME, endpoint="http://127.0.0.1:9"), never)


def test_a_name_without_an_owner_is_refused() -> None:
    with pytest.raises(ConfigError, match="no repository"):
        ModelRepository("judge")


# --- on the loopback Hub, through real child processes ----------------------------------------------------------------


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with LoopbackHub() as running:
        yield running


@pytest.fixture
def repository(hub: LoopbackHub) -> ModelRepository:
    return ModelRepository(NAME, endpoint=hub.address, token=WRITER, deadline=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_judge(tmp_path / "new", seed=1)
    return tmp_path / "new"


@pytest.fixture
def old(hub: LoopbackHub, tmp_path: Path) -> str:
    """Version of what is published."""
    version = write_judge(tmp_path / "old", seed=2)
    hub.commit(NAME, files_of(tmp_path / "old"))
    return version.replace("-", "_")


def offered(folder: Path) -> str:
    return str(json.loads((folder / CONFIG).read_bytes())["version"]).replace("-", "_")


def holds(hub: LoopbackHub, folder: Path) -> bool:
    """Main has the four files of this folder."""
    return {name: data for name, data in hub.files(NAME).items() if name in FILES} == files_of(folder)


def commits(hub: LoopbackHub) -> int:
    return len(hub.repositories[NAME].commits)


def quickly(
    folder: Path, repository: ModelRepository, asking: Callable[[Loaded], Predictions]
) -> tuple[Any, list[float]]:
    pauses: list[float] = []
    return publish(folder, repository, asking, sleep=pauses.append), pauses


@pytest.mark.slow
def test_the_first_model_makes_the_repository_and_is_one_commit(
    hub: LoopbackHub, repository: ModelRepository, folder: Path
) -> None:
    outcome, pauses = quickly(folder, repository, never)
    assert (outcome.published, outcome.why, pauses) == (True, "There was no published model to beat.", [])
    assert outcome.commit == list(hub.repositories[NAME].commits)[-1]
    assert hub.repositories[NAME].private
    assert (holds(hub, folder), commits(hub)) == (True, 2)
    again, _ = quickly(folder, repository, never)
    assert (again.published, again.commit, commits(hub)) == (False, "", 2)
    assert again.why == f"{outcome.version} is published already."


@pytest.mark.slow
def test_a_better_one_replaces_it_through_503_and_a_lost_answer(
    hub: LoopbackHub, repository: ModelRepository, folder: Path, old: str
) -> None:
    asking = by_version(**{offered(folder): said(0.8), old: said(2.0, seed=1)})
    hub.refuse("GET", f"/api/models/{NAME}", 503)
    hub.refuse("POST", f"/api/models/{NAME}/commit", 503)
    hub.lose("POST", f"/api/models/{NAME}/commit")
    outcome, pauses = quickly(folder, repository, asking)
    assert outcome.published
    assert "so it is better" in outcome.why
    assert (holds(hub, folder), commits(hub)) == (True, 2)
    assert outcome.commit == list(hub.repositories[NAME].commits)[-1]
    assert 2 <= len(pauses) <= 3


@pytest.mark.slow
def test_one_that_is_not_better_leaves_the_hub_as_it_is(
    hub: LoopbackHub, repository: ModelRepository, folder: Path, old: str
) -> None:
    before = hub.files(NAME)
    asking = by_version(**{offered(folder): said(2.0, seed=1), old: said(0.8)})
    outcome, _ = quickly(folder, repository, asking)
    assert (outcome.published, outcome.commit) == (False, "")
    assert outcome.why.endswith("so it is worse by more than chance.")
    assert (hub.files(NAME), commits(hub)) == (before, 1)


@pytest.mark.slow
def test_a_hub_that_stays_down_is_told_and_tried_four_times(
    hub: LoopbackHub, repository: ModelRepository, folder: Path
) -> None:
    hub.down = True
    pauses: list[float] = []
    with pytest.raises(RetryLaterError, match="503"):
        publish(folder, repository, never, sleep=pauses.append)
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


@pytest.mark.slow
def test_somebody_elses_model_in_between_is_never_overwritten(
    hub: LoopbackHub, repository: ModelRepository, folder: Path, old: str, tmp_path: Path
) -> None:
    other = write_judge(tmp_path / "other", seed=3)

    def meanwhile(loaded: Loaded) -> Predictions:
        hub.commit(NAME, files_of(tmp_path / "other"))
        return by_version(**{offered(folder): said(0.8), old: said(2.0, seed=1)})(loaded)

    with pytest.raises(ConflictError):
        publish(folder, repository, meanwhile, sleep=lambda _: None)
    assert json.loads(hub.files(NAME)[CONFIG])["version"] == other


@pytest.mark.slow
def test_a_published_model_that_cannot_be_read_is_left_alone(
    hub: LoopbackHub, repository: ModelRepository, folder: Path, tmp_path: Path
) -> None:
    write_judge(tmp_path / "old", seed=2)
    hub.commit(NAME, torn(tmp_path / "old"))
    with pytest.raises(UnavailableError, match=f"cannot be read.*{NAME}/{WEIGHTS} is damaged"):
        publish(folder, repository, never, sleep=lambda _: None)
    assert commits(hub) == 1


@pytest.mark.slow
def test_a_token_that_may_only_read_is_told(hub: LoopbackHub, folder: Path, old: str) -> None:
    reading = ModelRepository(NAME, endpoint=hub.address, token=READER, deadline=60)
    asking = by_version(**{offered(folder): said(0.8), old: said(2.0, seed=1)})
    with pytest.raises(RefusedError, match="may not write"):
        publish(folder, reading, asking, sleep=lambda _: None)


@pytest.mark.slow
def test_what_reads_back_otherwise_is_told(hub: LoopbackHub, repository: ModelRepository, folder: Path) -> None:
    hub.corrupt.add("report.json")
    with pytest.raises(StorageError, match=r"report\.json reads back"):
        publish(folder, repository, never, sleep=lambda _: None)
