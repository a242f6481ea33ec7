"""Cells: a photo as some hundred patches of even colour, and what is near, alike and joined among them.

A few hundred cells are so few that every question about all pairs of them is one product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.types import Image, size_of

Floats: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int32]
Pairs: TypeAlias = tuple[Labels, Labels]

FAR = np.float32(1e9)
"""Stands for a distance without a way."""
SIDE = 10
"""Of a cell, in pixels of the reduced photo."""

_MOST_PIXELS = 320 * 240
_SHORTEST = 2 * SIDE
"""Superpixels of OpenCV crash on pictures with a shorter side."""
_ROUNDS = 5
_SMALLEST = 25
"""Per cent of a usual cell; smaller ones join a neighbour."""
_LIGHTNESS = 0.7
_TEXTURE = 0.7
"""How much both count beside colour when cells are compared."""
_ALIKE = 8.0
"""Levels of Lab between colours that are much alike."""
_LOOSENESS = 0.25
"""How little of a cell's own value neighbours leave it."""
_EDGE, _COLOUR = 2.0, 0.5
"""What a gradient counts beside distance and difference when walking, and a difference beside it when smoothing."""


@dataclass(frozen=True, eq=False)
class Cells:
    """n patches that together are the photo; arrays over pairs of neighbours tell of the border between them."""

    labels: Labels
    """H x W of the reduced photo, 0..n-1."""
    pixels: npt.NDArray[np.intp]
    """Index of one pixel of each in the flat labels."""
    areas: Floats
    """Pixels of each."""
    rims: Floats
    """Pixels on the picture's edge of each."""
    first: Labels
    second: Labels
    """The two of each pair of neighbours, which is named once."""
    lengths: Floats
    """Pixels along the border of each pair."""
    gradients: Floats
    contrasts: Floats
    """On the border, and between both means: 1 is usual for this photo."""
    steps: Floats
    """How far one is from the other on foot: long over edges."""
    likeness: Floats
    """n x n: how many pixels of cell j look like cell i."""
    smoothing: Floats
    """n x n: this times any values over cells evens them out where no edge is."""

    @property
    def count(self) -> int:
        return len(self.areas)

    @property
    def size_bytes(self) -> int:
        return sum(getattr(self, field.name).nbytes for field in fields(self))

    def distances(self, seeds: npt.NDArray[np.intp]) -> Floats:
        """Length of the shortest way from any of the seeds to each cell; `FAR` to all if there are none."""
        found = np.full(self.count, FAR, np.float32)
        found[seeds] = 0
        while True:
            before = found.copy()
            np.minimum.at(found, self.second, before[self.first] + self.steps)
            np.minimum.at(found, self.first, before[self.second] + self.steps)
            if np.array_equal(before, found):
                return found

    def joined(self, regions: Floats, seeds: npt.NDArray[np.intp]) -> Floats:
        """What of each region (n x k, 0 or 1) hangs together with a seed in it."""
        found = np.zeros_like(regions)
        for region, part in zip(regions.T, found.T, strict=True):
            _, parts = cv2.connectedComponents(region.astype(np.uint8)[self.labels], connectivity=4)
            cells = parts.ravel()[self.pixels]
            part[:] = region * np.isin(cells, cells[seeds])
        return found

    def cut(self, regions: Floats, weights: Floats) -> Floats:
        """Sum of the weights of those pairs that the outline of each region (n x k) parts."""
        return np.asarray(weights @ np.abs(regions[self.first] - regions[self.second]), np.float32)

    def shares(self, mask: npt.NDArray[np.bool_]) -> Floats:
        """How much of each cell a mask of the photo covers, 0..1."""
        height, width = self.labels.shape
        levels = cv2.resize(mask.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA)
        return _sums(self.labels, levels, self.count) / (255 * self.areas)


def cells_of(image: Image) -> Cells:
    """The cells of a photo; what they cost hardly depends on its size."""
    small = _reduced(image)
    labels = _labels(small)
    count = int(labels.max()) + 1
    areas = _sums(labels, np.ones(labels.shape, np.float32), count)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    colours = np.stack([_sums(labels, lab[..., channel], count) for channel in range(3)], axis=1) / areas[:, None]
    texture = _sums(labels, _roughness(lab), count) / areas
    first, second, lengths, gradients = _borders(labels, _gradient(lab))
    contrasts = np.linalg.norm(colours[first] - colours[second], axis=1)
    places = _places(labels, areas)
    return Cells(
        labels=labels,
        pixels=np.unique(labels, return_index=True)[1],
        areas=areas,
        rims=_rims(labels, count),
        first=first,
        second=second,
        lengths=lengths,
        gradients=gradients / _mean(gradients, lengths),
        contrasts=contrasts / _mean(contrasts, lengths),
        steps=contrasts + _EDGE * gradients + np.linalg.norm(places[first] - places[second], axis=1),
        likeness=_likeness(colours, texture) * areas,
        smoothing=_smoothing(areas, (first, second), lengths, gradients + _COLOUR * contrasts),
    )


def _reduced(image: Image) -> Image:
    size = size_of(image)
    factor = (_MOST_PIXELS / size.area) ** 0.5
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, size.scaled(factor), interpolation=cv2.INTER_AREA), np.uint8)


def _labels(image: Image) -> Labels:
    height, width = image.shape[:2]
    if min(height, width) < _SHORTEST:
        rows, columns = np.arange(height) // SIDE, np.arange(width) // SIDE
        return np.asarray(rows[:, None] * (columns[-1] + 1) + columns, np.int32)
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 0.8), cv2.COLOR_RGB2LAB)
    slic = cv2.ximgproc.createSuperpixelSLIC(lab, cv2.ximgproc.SLICO, SIDE)
    slic.iterate(_ROUNDS)
    slic.enforceLabelConnectivity(_SMALLEST)
    _, labels = np.unique(slic.getLabels(), return_inverse=True)
    return np.asarray(labels.reshape(height, width), np.int32)


def _sums(labels: Labels, values: npt.NDArray[Any], count: int) -> Floats:
    return np.bincount(labels.ravel(), values.ravel(), count).astype(np.float32)


def _rims(labels: Labels, count: int) -> Floats:
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.bincount(edge, minlength=count).astype(np.float32)


def _places(labels: Labels, areas: Floats) -> Floats:
    rows, columns = np.indices(labels.shape, np.float32)
    return np.stack([_sums(labels, np.asarray(axis), len(areas)) / areas for axis in (columns, rows)], axis=1)


def _roughness(lab: Floats) -> Floats:
    """Standard deviation of colour in a small window around each pixel."""
    spread = cv2.GaussianBlur(lab * lab, (0, 0), 3) - cv2.GaussianBlur(lab, (0, 0), 3) ** 2
    return np.asarray(np.sqrt(np.maximum(spread, 0).sum(axis=-1)), np.float32)


def _gradient(lab: Floats) -> Floats:
    """Strength of the edge at each pixel, as the mean over three scales: levels of Lab across an edge."""
    strength = np.zeros(lab.shape[:2], np.float32)
    for scale in (1, 2, 4):
        smooth = cv2.GaussianBlur(lab, (0, 0), scale)
        across, down = (cv2.Sobel(smooth, cv2.CV_32F, *axis, scale=scale / 8) for axis in ((1, 0), (0, 1)))
        strength += np.sqrt((across**2 + down**2).sum(axis=-1)) / 3
    return strength


def _borders(labels: Labels, gradient: Floats) -> tuple[Labels, Labels, Floats, Floats]:
    """Each pair of neighbours, how long their border is, and the mean gradient on it."""
    sides = (np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])
    ones = np.concatenate([labels[one].ravel() for one, _ in sides])
    others = np.concatenate([labels[other].ravel() for _, other in sides])
    strength = np.concatenate([np.maximum(gradient[one], gradient[other]).ravel() for one, other in sides])
    parted = ones != others
    low, high = np.minimum(ones, others)[parted], np.maximum(ones, others)[parted]
    count = int(labels.max()) + 1
    pairs, which, lengths = np.unique(low.astype(np.int64) * count + high, return_inverse=True, return_counts=True)
    means = np.bincount(which, strength[parted], len(pairs)) / lengths
    first, second = (index.astype(np.int32) for index in np.divmod(pairs, count))
    return first, second, lengths.astype(np.float32), means.astype(np.float32)


def _mean(values: Floats, weights: Floats) -> float:
    """Weighted mean, never quite zero, so that it can divide."""
    return float((values * weights).sum() / max(1.0, float(weights.sum()))) + 1e-6


def _likeness(colours: Floats, texture: Floats) -> Floats:
    looks = np.concatenate([colours * (_LIGHTNESS, 1, 1), _TEXTURE * texture[:, None]], axis=1).astype(np.float32)
    squares = np.square(looks[:, None] - looks).sum(axis=-1)
    return np.asarray(np.exp(-squares / (2 * _ALIKE**2)), np.float32)


def _smoothing(areas: Floats, pairs: Pairs, lengths: Floats, edges: Floats) -> Floats:
    """Solves: each cell near its own value, and near its neighbours' the more, the weaker the edge between."""
    bonds = np.zeros((len(areas), len(areas)))
    usual = float(np.median(edges)) + 1e-6 if edges.size else 1.0
    bonds[pairs] = lengths * np.exp(-edges / usual)
    bonds += bonds.T
    total = bonds.sum(axis=1)
    own = (_LOOSENESS * total.mean() + 1e-6) * areas / areas.mean()
    return np.asarray(np.linalg.solve(np.diag(total + own) - bonds, np.diag(own)), np.float32)
