"""Examples: a sequence in little memory, its lineage, and when nothing can be learned from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rorem_demo.discriminator.examples import examples_of
from rorem_demo.discriminator.triples import Triple
from rorem_demo.errors import InputError, RoremError, StorageError
from rorem_demo.feedback.shards import write_shard
from tests.discriminator.rated import Listed, listed, of, row_of, shown, write_dataset
from tests.feedback.strategies import Store, batch_of, real_pictures

ROOT = Path(__file__).parents[2]


def test_it_is_a_sequence_sorted_by_key() -> None:
    store = Store()
    examples = listed(*(shown(store, number) for number in range(9)))
    assert examples.told == "9 answers read, 9 used; left out: 0"
    keys = [example.key for example in examples]
    assert keys == sorted(keys)
    assert examples[-1] == list(examples)[8]
    assert list(examples[2:5]) == list(examples)[2:5]
    assert list(examples.where(examples.labels > 0.5)) == [one for one in examples if one.truth == 1]
    with pytest.raises(IndexError):
        examples[9]


@pytest.mark.parametrize("of_all", [1, 3, 20])
def test_shares_hold_every_example_once_and_cut_few_files(of_all: int) -> None:
    store = Store()
    rows = tuple(row_of(shown(store, number), shard=number % 4) for number in range(12))
    examples = examples_of(Listed(rows), aggregation="majority", origins=None)
    shares = [examples.share(index, of_all) for index in range(of_all)]
    assert sorted(one.key for share in shares for one in share) == [one.key for one in examples]
    for share in shares:
        assert [one.key for one in share] == sorted(one.key for one in share)
        assert len(np.unique(share.rows["shard"])) <= 1 + 4 // of_all + (of_all == 1)


def test_the_lineage_is_json_and_tells_what_was_learned() -> None:
    store = Store()
    rows = [shown(store, number) for number in range(4)]
    told = listed(*rows, origins=("app", "annotate")).lineage()
    assert json.loads(json.dumps(told)) == told
    assert (told["filter"], told["aggregation"], told["origins"]) == (1, "majority", ["annotate", "app"])
    assert told["counts"] == {"read": 4, "used": 4}
    assert told["examples"] != listed(*rows[:3]).lineage()["examples"]


def test_nothing_to_learn_from_is_told_with_the_reasons() -> None:
    with pytest.raises(InputError) as error:
        listed(of(1), of(2)).check_trainable()
    assert error.value.sentence.startswith(
        "Nothing can be learned from: 2 answers read, 0 used; left out: 2 without-pictures."
    )


@pytest.mark.parametrize(("label", "said"), [(1, "removed"), (0, "not removed")])
def test_one_class_cannot_be_learned_from_but_can_be_read(label: int, said: str) -> None:
    store = Store()
    examples = listed(*(shown(store, number, label=label) for number in range(3)))
    assert len(examples) == 3
    with pytest.raises(InputError, match=f"All 3 results are {said}"):
        examples.check_trainable()


def test_both_classes_can_be_learned_from() -> None:
    store = Store()
    listed(shown(store, 1), shown(store, 2)).check_trainable()


def test_a_row_whose_pictures_are_gone_says_so() -> None:
    class Emptied(Listed):
        def pictures(self, shard: int, ids: object) -> Iterator[tuple[str, Triple | RoremError]]:
            return iter(())

    examples = listed(shown(Store(), 1))
    gone = replace(examples, source=Emptied(()))
    with pytest.raises(InputError, match="no pictures any more"):
        gone[0].pictures()
    [(number, error)] = gone.triples()
    assert (number, type(error)) == (0, InputError)


STREAMED = """
import resource, sys
import torch  # datasets does, which is no growth
from rorem_demo.discriminator.examples import read_examples
examples = read_examples(sys.argv[1])
peaks = []
for _ in range(3):
    assert sum(1 for _ in examples.triples()) == len(examples) == 100
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[-1] - peaks[0])
"""


@pytest.mark.slow
def test_pictures_of_three_times_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    store = Store()
    rows = [store.shared(of(number), real_pictures(number, 520, 520)) for number in range(100)]
    write_dataset(tmp_path, store, rows)
    assert sum(map(len, store.values())) > 30 << 20
    assert measured(STREAMED, tmp_path) < 30 << 20


def measured(program: str, *folders: Path) -> int:
    """Bytes that a program says."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *map(str, folders)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return int(said) * (1 if sys.platform == "darwin" else 1024)


MEASURED = """
import resource, sys
from rorem_demo.discriminator.examples import read_examples
read_examples(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert read_examples(sys.argv[1]).counts == {"read": 20000, "used": 0, "without-pictures": 20000}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def none_kept(sha: str) -> bytes:
    raise StorageError(f"{sha} is not kept.")


@pytest.mark.slow
def test_twenty_thousand_rows_take_few_megabytes(tmp_path: Path) -> None:
    for name, count, each in (("small", 1, 100), ("large", 4, 5000)):
        for shard in range(count):
            rows = [of(shard * each + number) for number in range(each)]
            write_shard(
                batch_of(*rows), none_kept, tmp_path / name / "data" / "ratings" / "2026-11" / f"{shard}.parquet"
            )
    assert measured(MEASURED, tmp_path / "large", tmp_path / "small") < 50 << 20
