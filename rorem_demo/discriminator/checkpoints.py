"""Checkpoints of a training run: each is a folder that is whole or not there, whenever the process is killed.

checkpoint-000120/
    progress.json           where the run stands, and what it was asked for
    weights.safetensors     what training changes
    best.safetensors        the same after the best epoch so far, if there was one
    optimizer.safetensors   AdamW's averages, `NUMBER/NAME`

Nothing drawn at random needs to be kept: every draw has a seed of its own, made of the recipe's and of its place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from rorem_demo.errors import InputError
from rorem_demo.feedback import disk

_NAME = re.compile(r"checkpoint-(\d+)")
_FOREIGN = "Name another output folder, or start again without --resume."


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands."""

    asked: Mapping[str, Any]
    """What the outcome depends on; a run is only resumed with the same."""
    step: int = 0
    """Steps done."""
    loss: float = 0.0
    """Sum over this epoch's steps."""
    best: int = -1
    """Epoch with the best validation so far, from 0; -1 before the first."""
    history: tuple[Mapping[str, float | None], ...] = ()
    """Measures after each epoch."""

    def after_step(self, loss: float) -> Progress:
        """One step further."""
        return replace(self, step=self.step + 1, loss=self.loss + loss)

    def after_epoch(self, measures: Mapping[str, float | None], *, best: bool) -> Progress:
        """One epoch further."""
        number = len(self.history)
        return replace(self, loss=0.0, best=number if best else self.best, history=(*self.history, measures))


@dataclass(frozen=True)
class State:
    """All that goes into a checkpoint."""

    progress: Progress
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    """As `state_dict` gives it."""
    best: Mapping[str, Tensor] = field(default_factory=dict)


def write(folder: Path, state: State, keep: int) -> Path:
    """Write a checkpoint of its step, then remove all but the newest `keep`.

    Raises:
        StorageError: it could not be written; earlier ones are still there.
    """
    target = folder / f"checkpoint-{state.progress.step:06d}"
    unfinished = folder / f".{target.name}{disk.UNFINISHED}"
    with disk.refusals(folder):
        shutil.rmtree(unfinished, ignore_errors=True)
        disk.make_folder(unfinished)
        for name, tensors in _tensors(state).items():
            disk.write_whole(unfinished / f"{name}.safetensors", save(tensors))
        disk.write_whole(unfinished / "progress.json", json.dumps(asdict(state.progress)).encode())
        if target.exists():  # a step's state is always the same
            shutil.rmtree(unfinished)
        else:
            os.replace(unfinished, target)  # noqa: PTH105  # Path.replace is for files in the reader's eyes
        disk.sync_folder(folder)
        for _, old in _found(folder)[:-keep]:
            _removed(old)
    return target


def newest(folder: Path) -> State | None:
    """The newest checkpoint; None if there is none. What a killed process left unfinished is removed.

    Raises:
        InputError: it was damaged after it was written.
    """
    for rest in folder.glob(f".checkpoint-*{disk.UNFINISHED}"):
        shutil.rmtree(rest, ignore_errors=True)  # another process may be at it
    found = _found(folder)
    return _read(found[-1][1]) if found else None


def check_same(progress: Progress, asked: Mapping[str, Any]) -> None:
    """Raise InputError if the run was asked for something else."""
    changed = sorted(name for name in {*progress.asked, *asked} if progress.asked.get(name) != asked.get(name))
    if changed:
        name = changed[0]
        raise InputError(
            f"The run in this folder has {name} {progress.asked.get(name)!r}, not {asked.get(name)!r}.", hint=_FOREIGN
        )


def _found(folder: Path) -> list[tuple[int, Path]]:
    matches = ((_NAME.fullmatch(path.name), path) for path in folder.glob("checkpoint-*"))
    return sorted((int(match[1]), path) for match, path in matches if match)


def _removed(folder: Path) -> None:
    """Hidden first, so that a kill while it goes leaves nothing that looks whole."""
    hidden = folder.with_name(f".{folder.name}{disk.UNFINISHED}")
    folder.rename(hidden)
    shutil.rmtree(hidden)


def _tensors(state: State) -> dict[str, dict[str, Tensor]]:
    averages = {
        f"{number}/{name}": value
        for number, values in state.optimizer["state"].items()
        for name, value in values.items()
    }
    groups = {"weights": state.weights, "best": state.best, "optimizer": averages}
    return {
        group: {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        for group, tensors in groups.items()
    }


def _read(folder: Path) -> State:
    try:
        content = json.loads((folder / "progress.json").read_bytes())
        weights, best, flat = (
            load((folder / f"{name}.safetensors").read_bytes()) for name in ("weights", "best", "optimizer")
        )
        averages: dict[int, dict[str, Tensor]] = {}
        for name, tensor in flat.items():
            number, _, value = name.partition("/")
            averages.setdefault(int(number), {})[value] = tensor
        progress = Progress(**content | {"history": tuple(content["history"])})
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise InputError(f"{folder} is damaged.", hint="Remove it: the one before it is then resumed.") from error
    return State(progress, weights, {"state": averages}, best)
