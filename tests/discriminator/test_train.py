"""Training: the same result however often it is interrupted, and a sentence for whatever is asked wrongly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from accelerate.state import AcceleratorState

from rorem_demo.discriminator import checkpoints
from rorem_demo.discriminator import network as networks
from rorem_demo.discriminator import publish as publishing
from rorem_demo.discriminator import score as scoring
from rorem_demo.discriminator import train as training
from rorem_demo.discriminator.checkpoints import Progress, State
from rorem_demo.discriminator.network import CONFIG, NETWORKS, WEIGHTS, Networks, load_model
from rorem_demo.discriminator.recipe import Recipe
from rorem_demo.discriminator.run import Run
from rorem_demo.discriminator.train import command, main
from rorem_demo.errors import ConfigError, InputError, RoremError, StorageError, UnavailableError
from rorem_demo.statistics import Calibration
from tests.discriminator.scenes import write
from tests.discriminator.tiny import TINY, same, weights_of
from tests.hub import WRITER, LoopbackHub

pytestmark = pytest.mark.slow

ROWS = 60


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("rows"), ROWS, noise=0.1)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    both = Networks(*NETWORKS, TINY)
    monkeypatch.setattr(networks, "NETWORKS", both)
    monkeypatch.setattr(training, "NETWORKS", both)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def whole(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A run that nothing interrupted; its windows serve the other tests."""
    recipe = Recipe(
        dataset=str(rows),
        output=tmp_path_factory.mktemp("whole"),
        network="tiny",
        cache=str(tmp_path_factory.mktemp("windows")),
        checkpoint_steps=2,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "NETWORKS", Networks(*NETWORKS, TINY))
        patch.setattr(training, "NETWORKS", Networks(*NETWORKS, TINY))
        main(recipe)
    return recipe


def result(recipe: Recipe) -> tuple[bytes, bytes]:
    return (recipe.output / WEIGHTS).read_bytes(), (recipe.output / CONFIG).read_bytes()


class StoppedError(Exception):
    """Stands for a process that ends."""


def stopped_at(recipe: Recipe, step: int) -> None:
    """Run until a step, and end there."""

    def stepped(self: Run, batch: Any, at: int) -> float:
        if at == step:
            raise StoppedError
        return original(self, batch, at)

    original = Run.stepped
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "stepped", stepped)
        with pytest.raises(StoppedError):
            main(recipe)


def test_a_model_comes_out_with_where_it_comes_from(whole: Recipe) -> None:
    loaded = load_model(whole.output, network="tiny")
    lineage = loaded.config.lineage
    assert lineage["rows"]["train"] + lineage["rows"]["validation"] <= ROWS
    assert lineage["filter"] == 1
    assert lineage["recipe"]["seed"] == 0
    assert lineage["recipe"]["epochs"] == TINY.epochs
    assert len(lineage["history"]) == TINY.epochs
    assert lineage["history"][-1]["loss"] < lineage["history"][0]["loss"]
    assert Calibration.from_json(loaded.config.calibration)([3.0]) > Calibration()([0.0])


def test_the_epoch_is_the_one_that_validation_prefers(whole: Recipe) -> None:
    lineage = load_model(whole.output).config.lineage
    measured = [(each["auroc"], -each["cross_entropy"]) for each in lineage["history"]]
    assert measured[lineage["epoch"] - 1] == max(measured)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(whole: Recipe, tmp_path: Path) -> None:
    again, other = replace(whole, output=tmp_path / "1"), replace(whole, output=tmp_path / "2", seed=1)
    main(again)
    main(other)
    assert result(again) == result(whole)
    assert not same(weights_of(other.output / WEIGHTS), weights_of(whole.output / WEIGHTS))


@pytest.mark.parametrize("step", [0, 1, 2, 3, 6, 7, 13, 17])
def test_a_run_that_was_stopped_and_resumed_ends_as_if_it_was_not(whole: Recipe, tmp_path: Path, step: int) -> None:
    recipe = replace(whole, output=tmp_path)
    stopped_at(recipe, step)
    main(replace(recipe, resume=True))
    assert result(recipe) == result(whole)


def test_a_run_may_be_stopped_over_and_over(whole: Recipe, tmp_path: Path) -> None:
    recipe = replace(whole, output=tmp_path, resume=True)
    for step in range(3, 18, 3):
        stopped_at(recipe, step)
    main(recipe)
    assert result(recipe) == result(whole)


def test_workers_and_checkpoints_change_nothing(whole: Recipe, tmp_path: Path) -> None:
    recipe = replace(whole, output=tmp_path, workers=1, checkpoint_steps=1000, keep=1)
    main(recipe)
    assert (recipe.output / WEIGHTS).read_bytes() == (whole.output / WEIGHTS).read_bytes()
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


def test_a_finished_run_may_be_resumed(whole: Recipe) -> None:
    before = result(whole)
    main(replace(whole, resume=True))
    assert result(whole) == before


def test_a_run_in_bf16_learns_too(whole: Recipe, tmp_path: Path) -> None:
    config = main(replace(whole, output=tmp_path, precision="bf16"))
    assert config.lineage["history"][-1]["loss"] < config.lineage["history"][0]["loss"]
    assert not same(weights_of(tmp_path / WEIGHTS), weights_of(whole.output / WEIGHTS))


def test_a_killed_process_is_resumed_to_the_same_bytes(rows: Path, tmp_path: Path) -> None:
    """compact, with SIGKILL, in the middle of an epoch, as soon as a checkpoint is there."""
    recipe = Recipe(
        dataset=str(rows), output=tmp_path / "whole", epochs=2, batch=12, checkpoint_steps=1, cache=str(tmp_path / "w")
    )
    main(recipe)
    killed = replace(recipe, output=tmp_path / "killed")
    for name in ("checkpoint-000002", "checkpoint-000005"):
        process = subprocess.Popen([*_line(killed), "--resume"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while not (killed.output / "checkpoints" / name).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not (killed.output / CONFIG).exists()
    main(replace(killed, resume=True))
    assert result(killed) == result(recipe)


def _line(recipe: Recipe) -> list[str]:
    given = {"dataset": recipe.dataset, "output": recipe.output, "cache": recipe.cache}
    numbers = {"epochs": recipe.epochs, "batch": recipe.batch, "checkpoint-steps": recipe.checkpoint_steps}
    options = [text for name, value in (given | numbers).items() for text in (f"--{name}", str(value))]
    return [sys.executable, "-m", "rorem_demo.discriminator.train", *options]


def test_an_earlier_run_is_not_written_over(whole: Recipe) -> None:
    with pytest.raises(ConfigError, match="holds a run already"):
        main(whole)


@pytest.mark.parametrize(("name", "value"), [("seed", 5), ("learning_rate", 0.5), ("hold_out", ("lama",))])
def test_a_run_is_not_resumed_as_another(whole: Recipe, name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        main(replace(whole, resume=True, **{name: value}))


def test_a_run_is_not_resumed_on_other_rows(whole: Recipe, tmp_path: Path) -> None:
    other = write(tmp_path / "rows", 30, seed=9)
    with pytest.raises(InputError, match="has dataset"):
        main(replace(whole, resume=True, dataset=str(other)))


def test_rows_of_one_kind_are_refused(whole: Recipe, rows: Path, tmp_path: Path) -> None:
    entries = json.loads((rows / "meta.json").read_text())
    one = tmp_path / "one"
    one.mkdir()
    for name in ("source", "mask", "GT"):
        (one / name).symlink_to(rows / name)
    (one / "meta.json").write_text(json.dumps([entry for entry in entries if entry["score"]]))
    with pytest.raises(InputError, match="are removed"):
        main(replace(whole, output=tmp_path / "out", dataset=str(one)))


def test_a_loss_that_is_no_number_ends_the_run(whole: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no number"):
        main(replace(whole, output=tmp_path, learning_rate=1e30, epochs=20))


def test_tensorboard_can_read_the_log(whole: Recipe) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(whole.output / "logs")).Reload()
    assert {"loss", "auroc", "cross_entropy"} <= set(log.Tags()["scalars"])


def test_the_command_tells_the_version_or_one_sentence(whole: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["--dataset", whole.dataset, "--output", str(whole.output), "--network", "tiny", "--cache", whole.cache]
    assert command([*line, "--checkpoint-steps", "2", "--resume"]) == 0
    assert capsys.readouterr().out.startswith("tiny-")
    assert command([*line, "--seed", "3"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_gives_what_the_line_does_not(tmp_path: Path) -> None:
    recipe = asked(tmp_path, 'dataset = "a/b"\nepochs = 7\nhold-out = ["lama"]\nwarmup = 0', "--epochs", "3")
    assert (recipe.dataset, recipe.epochs, recipe.hold_out, recipe.warmup) == ("a/b", 3, ("lama",), 0.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epoch = 3", "the unknown epoch"),
        ("epochs = 'many'", "epochs in"),
        ("epochs = true", "epochs in"),
        ("epochs = -1", "epochs is -1"),
        ("smoothing = 0.5", "too large"),
        ("precision = 'fp16'", "precision is 'fp16'"),
        ("aggregation = 'mean'", "aggregation is 'mean'"),
        ("warmup = nan", "warmup is nan"),
        ("epochs = ", "no TOML"),
        ("", "No dataset"),
    ],
)
def test_a_file_with_anything_else_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        asked(tmp_path, text if told == "No dataset" else f'{text}\ndataset = "a/b"')


def asked(folder: Path, text: str, *line: str) -> Recipe:
    from argparse import ArgumentParser

    from rorem_demo.discriminator.recipe import add_arguments, recipe_of

    (folder / "recipe.toml").write_text(text)
    parser = ArgumentParser()
    add_arguments(parser)
    arguments = ["--config", str(folder / "recipe.toml"), "--output", str(folder), *line]
    return recipe_of(parser.parse_args(arguments))


def state(step: int) -> State:
    tensors = {"a": torch.full((3,), float(step))}
    return State(Progress(asked={}, step=step), tensors, {"state": {0: {"exp_avg": torch.ones(2) * step}}}, tensors)


def test_the_newest_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    for step in (2, 10, 9):
        checkpoints.write(tmp_path, state(step), keep=5)
    found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.progress == state(10).progress
    assert torch.equal(found.weights["a"], torch.full((3,), 10.0))
    assert torch.equal(found.optimizer["state"][0]["exp_avg"], torch.full((2,), 10.0))


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for step in range(1, 6):
        checkpoints.write(tmp_path, state(step), keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-000004", "checkpoint-000005"]


def test_wherever_writing_ends_a_whole_checkpoint_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between any two calls to the file system: the newest whole one is read, and writing goes on."""
    ended = 0
    for at in range(60):
        folder = tmp_path / str(at)
        checkpoints.write(folder, state(1), keep=1)
        with monkeypatch.context() as patch, End(patch, at) as end:
            checkpoints.write(folder, state(2), keep=1)
        ended += end.ended
        found = checkpoints.newest(folder)
        assert found is not None
        assert found.progress.step in {1, 2}
        checkpoints.write(folder, state(3), keep=1)
        assert [path.name for path in folder.iterdir()] == ["checkpoint-000003"]
    assert 10 < ended < 60


class End:
    """Ends everything at the n-th call that changes the disk."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int) -> None:
        self.left, self.ended = at, False
        for owner, name in ((os, "fsync"), (os, "replace"), (os, "unlink"), (os, "rmdir"), (os, "mkdir"), (os, "open")):
            patch.setattr(owner, name, self._counting(getattr(owner, name)))

    def _counting(self, original: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise StoppedError
            return original(*args, **named)

        return call

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.ended = kind is StoppedError
        return self.ended


def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.write(tmp_path, state(1), keep=1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="full"):
        checkpoints.write(tmp_path, state(2), keep=1)
    found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.progress.step == 1


@pytest.mark.parametrize("name", ["progress.json", "weights.safetensors", "optimizer.safetensors"])
def test_a_damaged_checkpoint_is_told(tmp_path: Path, name: str) -> None:
    path = checkpoints.write(tmp_path, state(1), keep=1) / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RoremError, match="damaged"):
        checkpoints.newest(tmp_path)


def test_a_trained_model_is_published_with_its_report_and_card(
    whole: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "check_canary", lambda scorer: None)  # three numbers know no canary
    monkeypatch.setattr(scoring, "NETWORKS", Networks(*NETWORKS, TINY), raising=False)
    for name, value in {"HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1"}.items():
        monkeypatch.setenv(name, value)
    with LoopbackHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        main(replace(whole, output=tmp_path / "model", push_to="me/judge", epochs=1))
        assert set(hub.files("me/judge")) >= {"config.json", "model.safetensors", "README.md", "report.json"}
