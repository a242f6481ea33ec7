"""Prepared examples: computed once, resumed, never torn, and everything that is left out is counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rorem_demo.discriminator.examples import Examples, read_examples
from rorem_demo.discriminator.prepared import Prepared, prepare
from rorem_demo.discriminator.triples import Triple
from rorem_demo.errors import ConfigError, InputError, StorageError
from rorem_demo.feedback.records import Pictures, Rating
from tests.discriminator.rated import of, shown, write_dataset
from tests.feedback.strategies import Store, real_pictures

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


class Window:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, triple: Triple) -> dict[str, npt.NDArray[np.generic]]:
        self.calls += 1
        corner = np.dstack([triple.source[:8, :8], triple.result[:8, :8], triple.mask[:8, :8]])
        return {"wide": corner, "facts": np.array([triple.mask.mean(), 1.0], np.float32)}


def never(_: Triple) -> dict[str, npt.NDArray[np.generic]]:
    raise AssertionError


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def dataset(tmp_path: Path, store: Store) -> Path:
    batches = [[shown(store, number) for number in range(start, start + 4)] for start in (0, 4)]
    return write_dataset(tmp_path / "dataset", store, *batches)


def check(prepared: Prepared, examples: Examples) -> None:
    """They are what the window gives of each example's own pictures."""
    assert [example.key for example in prepared.examples] == [example.key for example in examples]
    for number, example in enumerate(examples):
        for name, array in Window()(example.pictures()).items():
            assert np.array_equal(prepared[number][name], array)
            assert prepared[number][name].dtype == array.dtype


def test_they_are_what_the_window_gives_in_the_examples_order(dataset: Path, tmp_path: Path) -> None:
    examples = read_examples(str(dataset))
    told: list[tuple[int, int]] = []
    prepared = prepare(examples, tmp_path / "cache", Window(), "v1", lambda done, of: told.append((done, of)))
    check(prepared, examples)
    assert told == [(done, 8) for done in range(9)]
    assert prepared.counts == examples.counts
    assert len(prepared[2:4]) == 2


def test_nothing_is_computed_twice_not_even_for_another_revision(dataset: Path, tmp_path: Path, store: Store) -> None:
    cache = tmp_path / "cache"
    prepare(read_examples(str(dataset)), cache, Window(), "v1")
    check(prepare(read_examples(str(dataset)), cache, never, "v1"), read_examples(str(dataset)))
    write_dataset(dataset, store, [shown(store, 9), of(3)])
    window = Window()
    grown = read_examples(str(dataset))
    check(prepare(grown, cache, window, "v1"), grown)
    assert (window.calls, len(grown)) == (1, 9)


def test_another_version_of_the_window_begins_anew(dataset: Path, tmp_path: Path) -> None:
    examples, window = read_examples(str(dataset)), Window()
    for version in ("v1", "v2"):
        prepare(examples, tmp_path / "cache", window, version)
    assert window.calls == 16


def test_a_window_that_changes_under_its_version_is_refused(dataset: Path, tmp_path: Path) -> None:
    examples = read_examples(str(dataset))
    prepare(examples[:3], tmp_path / "cache", Window(), "v1")
    with pytest.raises(ConfigError) as error:
        prepare(examples, tmp_path / "cache", lambda triple: {"wide": triple.source}, "v1")
    assert "new version" in error.value.sentence


def broken(store: Store, number: int) -> Rating:
    files = real_pictures(number)
    return store.shared(of(number), Pictures(source=files.source[:200], mask=files.mask, result=files.result))


def test_broken_pictures_are_counted_with_all_their_answers(tmp_path: Path, store: Store) -> None:
    sizes = real_pictures(3, 30, 30), real_pictures(4)
    misfit = store.shared(of(2), Pictures(source=sizes[0].source, mask=sizes[1].mask, result=sizes[1].result))
    rows = [shown(store, 0), broken(store, 1), of(5, result=1), misfit]
    examples = read_examples(str(write_dataset(tmp_path / "dataset", store, rows)))
    assert examples.counts == {"read": 4, "used": 4}
    prepared = prepare(examples, tmp_path / "cache", Window(), "v1")
    assert [example.photo for example in prepared.examples] == [of(0).source]
    assert prepared.counts == {"read": 4, "used": 1, "broken-pictures": 3}
    assert len(prepared) == 1


def test_no_picture_at_all_is_told(tmp_path: Path, store: Store) -> None:
    examples = read_examples(str(write_dataset(tmp_path / "dataset", store, [broken(store, 1)])))
    prepared = prepare(examples, tmp_path / "cache", Window(), "v1")
    assert len(prepared) == 0
    with pytest.raises(InputError, match=r"1 answers read, 0 used; left out: 1 broken-pictures"):
        prepared.examples.check_trainable()
    assert len(prepare(examples[:0], tmp_path / "cache", never, "v1")) == 0


def test_a_damaged_file_is_noticed_and_made_anew(dataset: Path, tmp_path: Path) -> None:
    examples, cache = read_examples(str(dataset)), tmp_path / "cache"
    prepared = prepare(examples, cache, Window(), "v1")
    [damaged, short] = [cache / "v1" / examples[number].key[:2] / examples[number].key for number in (0, 1)]
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    short.write_bytes(b"")
    with pytest.raises(StorageError, match="damaged"):
        prepared[0]
    with pytest.raises(StorageError, match="gone"):
        prepared[0]
    window = Window()
    check(prepare(examples, cache, window, "v1"), examples)
    assert window.calls == 2


def test_parts_keep_photos_apart(dataset: Path, tmp_path: Path) -> None:
    prepared = prepare(read_examples(str(dataset)), tmp_path / "cache", Window(), "v1")
    parts = [prepared.part(name) for name in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 8
    for part in parts:
        for number, example in enumerate(part.examples):
            assert np.array_equal(part[number]["wide"], Window()(example.pictures())["wide"])


KILLED = """
import sys, time
from pathlib import Path
from rorem_demo.discriminator.examples import read_examples
from rorem_demo.discriminator.prepared import prepare
from tests.discriminator.test_prepared import Window

class Slow(Window):
    def __call__(self, triple):
        time.sleep(0.2)
        return super().__call__(triple)

prepare(read_examples(sys.argv[1]), Path(sys.argv[2]), Slow(), "v1", lambda done, of: print(done, flush=True))
"""


def test_a_killed_preparation_goes_on_where_it_was(dataset: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, str(dataset), str(cache)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        for line in process.stdout:
            if line.strip() == "3":
                break
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    examples, window = read_examples(str(dataset)), Window()
    check(prepare(examples, cache, window, "v1"), examples)
    assert 4 <= window.calls <= 5
