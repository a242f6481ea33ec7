"""Batches: prepared rows in an order of each epoch, weighed so that yes and no count the same.

The order hangs on seed and epoch alone: in whatever process and however often a run is resumed, it is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from rorem_demo.discriminator.windows import Arrays
from rorem_demo.errors import InputError

Numbers: TypeAlias = npt.NDArray[np.floating[Any]]


class Samples(Dataset[dict[str, Tensor]]):
    """Arrays of rows with `label` and `weight`, by number.

    Args:
        prepared: arrays of each row (`prepared.Prepared`).
        labels: 0..1.
        weights: of the loss.
    """

    def __init__(self, prepared: Sequence[Arrays], labels: Numbers, weights: Numbers) -> None:
        self._prepared = prepared
        self._told = np.stack([labels, weights], axis=1).astype(np.float32)

    def __len__(self) -> int:
        return len(self._prepared)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        label, weight = torch.from_numpy(self._told[number])
        arrays = {name: torch.tensor(array) for name, array in self._prepared[number].items()}
        return arrays | {"label": label, "weight": weight}


class Order(Sampler[int]):
    """Numbers of rows, shuffled for `epoch`.

    It has no method `set_epoch`, for Accelerate would call that with a number of its own, which starts anew on resume.
    """

    def __init__(self, count: int, seed: int, epoch: int = 0) -> None:
        self._count, self._seed, self.epoch = count, seed, epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return iter(np.random.default_rng([self._seed, self.epoch]).permutation(self._count).tolist())


def balanced(labels: Numbers, weights: Numbers) -> Numbers:
    """Weights of mean 1 with which yes and no weigh the same; a label between gives to both.

    Raises:
        InputError: all say the same, or there are none.
    """
    yes, no = float(weights @ labels), float(weights @ (1 - labels))
    if min(yes, no) <= 0:
        said = f"All {len(labels)} results to learn from say {'removed' if yes else 'not removed'}"
        raise InputError(
            f"{said}." if len(labels) else "There is nothing to learn from.",
            hint="Both kinds are needed; collect more answers.",
        )
    each = weights * (labels / yes + (1 - labels) / no)
    return np.asarray(each * (len(each) / each.sum()))


def batch_of(rows: Sequence[Arrays]) -> Mapping[str, Tensor]:
    """Rows stacked, as a network takes them."""
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
