"""A dataset of a great many simulated votes, as files of the dataset have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rorem_demo.feedback.records import CHOICES

SHARDS = 20
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_BASE_32 = np.frombuffer(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", np.uint8)


def write_many(folder: Path, *, votes: int, judges: int, cases: int, methods: int) -> Path:
    """Shards with votes on ready cases, in the order of ids; methods differ by 0.1 each, in logarithms of odds."""
    random = np.random.default_rng(0)
    names = [f"method-{number}" for number in range(methods)]
    results = _texts(random, cases * methods, 64, _HEX)
    photos, masks = _texts(random, cases, 64, _HEX), _texts(random, cases, 64, _HEX)
    raters = _texts(random, judges, 16, _HEX)
    for number, rows in enumerate(np.array_split(np.arange(votes), SHARDS)):
        table = _shard(random, rows, names, (results, photos, masks, raters))
        path = folder / "data" / "pairs" / "2026-11" / f"{number:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
    return folder


def _shard(
    random: np.random.Generator, rows: npt.NDArray[Any], names: list[str], known: tuple[pa.Array, ...]
) -> pa.Table:
    results, photos, masks, raters = known
    n, count = len(rows), len(names)
    case = random.integers(len(photos), size=n)
    left = random.integers(count, size=n)
    right = (left + random.integers(1, count, size=n)) % count
    wins = random.random(n) < 1 / (1 + np.exp(0.1 * (left - right)))
    choice = np.where(random.random(n) < 0.2, random.integers(2, 4, size=n), np.where(wins, 0, 1))
    of_names, of_choices = pa.array(names), pa.array(CHOICES)
    return pa.table(
        {
            "id": _ids(random, rows),
            "schema": pa.array(np.ones(n, np.int32)),
            "app": pa.array(["0.9"] * n),
            "created": pa.array(
                [f"2026-{1 + row % 12:02d}-{1 + row % 28:02d}T10:00:00.000+00:00" for row in rows.tolist()]
            ),
            "origin": pa.array(["simulated"] * n),
            "case": pa.array([f"case-{number}" for number in case.tolist()]),
            "source": photos.take(pa.array(case)),
            "mask": masks.take(pa.array(case)),
            "width": pa.array(np.full(n, 1000, np.int32)),
            "height": pa.array(np.full(n, 1000, np.int32)),
            "mask_pixels": pa.array(1000 * (1 + case % 400)),
            "mask_made_by": pa.array([["brush"] if number % 2 else ["click", "box"] for number in case.tolist()]),
            "left_method": of_names.take(pa.array(left)),
            "left_result": results.take(pa.array(case * count + left)),
            "right_method": of_names.take(pa.array(right)),
            "right_result": results.take(pa.array(case * count + right)),
            "choice": of_choices.take(pa.array(choice)),
            "gold": pa.array([""] * n),
            "rater": raters.take(pa.array(random.integers(len(raters), size=n))),
            "flags": pa.array([[]] * n, pa.list_(pa.string())),
            "receipt": _texts(random, n, 64, _HEX),
        }
    )


def _texts(random: np.random.Generator, n: int, length: int, alphabet: npt.NDArray[np.uint8]) -> pa.Array:
    return _array(alphabet[random.integers(len(alphabet), size=(n, length))])


def _ids(random: np.random.Generator, rows: npt.NDArray[Any]) -> pa.Array:
    letters = _BASE_32[random.integers(32, size=(len(rows), 26))]
    for place in range(10):
        letters[:, place] = _BASE_32[(rows >> 5 * (9 - place)) & 31]
    return _array(letters)


def _array(letters: npt.NDArray[np.uint8]) -> pa.Array:
    n, length = letters.shape
    offsets = np.arange(0, (n + 1) * length, length, dtype=np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(letters)))
