"""Writes shards of rows whose truth is known: `python -m rorem_demo.discriminator.simulated --output DIR`."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

from rorem_demo.discriminator.simulated.photos import true_rows
from rorem_demo.discriminator.simulated.places import place_rows
from rorem_demo.discriminator.simulated.rows import write
from rorem_demo.errors import InputError, RoremError
from rorem_demo.feedback.shards import Row

SCENES = 610
"""Makes some 35,000 results, each with three answers: an hour of two cores."""


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 after a sentence about what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m rorem_demo.discriminator.simulated", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="a new folder, for the shards")
    parser.add_argument("--scenes", type=int, default=SCENES, help="57 results each, about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes; changes the time, not the rows")
    parser.add_argument("--photos", type=Path, help="instead of scenes: real pairs, to evaluate and never to train")
    asked = parser.parse_args(arguments)
    try:
        rows = true_rows(asked.photos, asked.seed) if asked.photos else made_rows(asked.scenes, asked.seed, asked.jobs)
        build(rows, asked.output)
    except RoremError as error:
        print(error, file=sys.stderr)  # noqa: T201  # a command
        return 1
    return 0


def build(rows: Iterable[Row], folder: Path) -> Counter[tuple[str, int]]:
    """Write the shards, telling how far it is; returns how many rows have which method and label.

    Raises:
        InputError: the folder holds something already, or the rows' photos are missing.
        StorageError: it cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty.", hint="Name a new folder.")
    start, counts = time.monotonic(), Counter[tuple[str, int]]()
    for ratings in write(rows, folder):
        counts.update((rating.method, rating.label) for rating in ratings)
        print(f"{counts.total()} rows, {time.monotonic() - start:.0f} s", flush=True)  # noqa: T201
    for method in sorted({method for method, _ in counts}):
        print(f"{method:20} {counts[method, 1]:5} of {counts[method, 0] + counts[method, 1]} accepted")  # noqa: T201
    return counts


def made_rows(scenes: int, seed: int, jobs: int) -> Iterator[Row]:
    """Rows of scenes and composites in the order of the scenes, in however many processes they are made."""
    made = partial(place_rows, seed)
    if jobs <= 1:
        yield from chain.from_iterable(map(made, range(scenes)))
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from chain.from_iterable(pool.map(made, range(scenes)))


if __name__ == "__main__":
    sys.exit(main())
