"""Batches: prepared rows, varied anew in each epoch, weighed so that yes and no count the same.

A row's variation depends on seed, epoch and row alone, and the order on seed and epoch: whoever prepares them, in
whatever process and however often a run is resumed, they are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from rorem_demo.discriminator.network import Network
from rorem_demo.discriminator.windows import Arrays
from rorem_demo.errors import InputError

Place: TypeAlias = tuple[int, int]
"""Epoch and row; epoch -1 is the row as it is."""
AS_IT_IS = -1
Numbers: TypeAlias = npt.NDArray[np.floating[Any]]


class Samples(Dataset[dict[str, Tensor]]):
    """Arrays of rows with `label` and `weight`, by Place.

    Args:
        prepared: arrays of each row (`prepared.Prepared`).
        labels: 0..1.
        weights: of the loss.
        network: varies them.
        seed: of the variations.
    """

    def __init__(
        self, prepared: Sequence[Arrays], labels: Numbers, weights: Numbers, network: Network, seed: int
    ) -> None:
        self._prepared, self._network, self._seed = prepared, network, seed
        self._told = np.stack([labels, weights], axis=1).astype(np.float32)

    def __len__(self) -> int:
        return len(self._prepared)

    def __getitem__(self, place: Place) -> dict[str, Tensor]:
        epoch, number = place
        arrays = self._prepared[number]
        if epoch != AS_IT_IS:
            arrays = self._network.varied(arrays, np.random.default_rng([self._seed, epoch, number]))
        label, weight = torch.from_numpy(self._told[number])
        return {name: torch.tensor(array) for name, array in arrays.items()} | {"label": label, "weight": weight}


class Order(Sampler[Place]):
    """Places of `epoch`: shuffled, or one after the other as they are.

    It has no method `set_epoch`, for Accelerate would call that with a number of its own, which starts anew on resume.
    """

    def __init__(self, count: int, seed: int, epoch: int = AS_IT_IS) -> None:
        self._count, self._seed, self.epoch = count, seed, epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Place]:
        numbers: Iterable[int] = range(self._count)
        if self.epoch != AS_IT_IS:
            numbers = np.random.default_rng([self._seed, self.epoch]).permutation(self._count).tolist()
        return ((self.epoch, number) for number in numbers)


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
