"""Shards: what goes in comes out, here and through `datasets`, in little memory, and damage is told."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.errors import StorageError
from rorem_demo.feedback import parquet_file, shards
from rorem_demo.feedback.kinds import PAIRS, RATINGS
from rorem_demo.feedback.pictures import LARGEST_ROW
from rorem_demo.feedback.records import (
    CHOICES,
    SCHEMA,
    VOTE_SCHEMA,
    Batch,
    PairPictures,
    Pictures,
    Rating,
    Record,
    Vote,
)
from rorem_demo.feedback.shards import (
    FEATURES,
    PAIR_FEATURES,
    content_path,
    kind_at,
    merge_shards,
    read_shard,
    rewrite_shard,
    shard_path,
    write_shard,
)
from tests.feedback.strategies import (
    Store,
    batch_of,
    pair_rows,
    rating,
    real_pair,
    real_pictures,
    rows,
    sha256,
    vote,
)

Shared: TypeAlias = tuple[Path, tuple[Rating, ...], list[Pictures]]
PICTURES = {"source_picture", "mask_picture", "result_picture"}


def no_pictures(sha: str) -> bytes:
    raise StorageError(f"The picture {sha} is missing.")


def written(path: Path, *records: Record, store: dict[str, bytes] | None = None) -> Path:
    write_shard(batch_of(*records), store.__getitem__ if store is not None else no_pictures, path)
    return path


class Missing(dict[str, bytes]):
    """As a store that has lost files."""

    def __missing__(self, sha: str) -> bytes:
        return no_pictures(sha)


def never(_: str) -> bool:
    return False


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    """A shard of three, the second with pictures."""
    store, files = Store(), real_pictures()
    ratings = (rating(0), store.shared(rating(1), files), rating(2, score=0.25))
    return written(tmp_path / "shared.parquet", *ratings, store=store), ratings, [files]


@pytest.fixture
def voted(tmp_path: Path) -> Path:
    """A shard of four votes, one of each choice, the third with pictures."""
    store = Store()
    votes = [vote(0), vote(1), store.shared(vote(2), real_pair()), vote(3)]
    return written(tmp_path / "voted.parquet", *votes, store=store)


@given(st.lists(rows(), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_whatever_is_written_is_read_back_equal(kept: list[tuple[Rating, Pictures | None]]) -> None:
    store = Store()
    for _, files in kept:
        if files:
            store |= {sha256(data): data for data in (files.source, files.mask, files.result)}
    with TemporaryDirectory() as folder:
        path = written(Path(folder) / "shard.parquet", *(each for each, _ in kept), store=store)
        assert list(read_shard(path, RATINGS)) == kept


@given(st.lists(pair_rows(), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_whatever_is_voted_is_read_back_equal(kept: list[tuple[Vote, PairPictures | None]]) -> None:
    store = Store()
    for _, files in kept:
        if files:
            store |= {sha256(data): data for data in vars(files).values()}
    with TemporaryDirectory() as folder:
        path = written(Path(folder) / "shard.parquet", *(each for each, _ in kept), store=store)
        assert list(read_shard(path, PAIRS)) == kept


def test_columns_are_the_fields_of_a_rating_in_their_order(shared: Shared) -> None:
    names = [name for name in Rating.__dataclass_fields__ if name != "files"]
    assert pq.read_schema(shared[0]).names == [*names, "source_picture", "mask_picture", "result_picture"]


def test_columns_of_votes_are_their_fields_and_the_choice_is_a_word_to_every_reader(voted: Path) -> None:
    names = [name for name in Vote.__dataclass_fields__ if name != "files"]
    pictures = ["source_picture", "mask_picture", "left_picture", "right_picture"]
    assert pq.read_schema(voted).names == [*names, *pictures]
    assert pq.read_table(voted)["choice"].to_pylist() == list(CHOICES)


def test_datasets_finds_the_pictures_of_votes_by_itself(voted: Path) -> None:
    loaded = datasets.load_dataset("parquet", data_files=str(voted), split="train", streaming=True)
    assert loaded.features == PAIR_FEATURES
    rows = list(loaded)
    assert [row["choice"] for row in rows] == list(CHOICES)
    assert [row["right_picture"] and row["right_picture"].size for row in rows] == [None, None, (24, 16), None]


def test_of_a_votes_pictures_that_cannot_be_read_the_vote_remains_and_says_so(tmp_path: Path) -> None:
    store = Store()
    lost = store.shared(vote(), real_pair())
    del store[lost.files.right]
    [(kept, files)] = read_shard(written(tmp_path / "shard.parquet", lost, store=Missing(store)), PAIRS)
    assert (kept.flags, kept.files, kept.licence, files) == (("pictures-damaged",), None, "", None)


def test_a_rewritten_shard_of_votes_keeps_its_pictures_and_its_place(voted: Path, tmp_path: Path) -> None:
    out = tmp_path / "rewritten.parquet"
    assert rewrite_shard(voted, out, vote(0).receipt.__eq__) == 3
    before, after = list(read_shard(voted, PAIRS)), list(read_shard(out, PAIRS))
    assert after == before[1:]
    assert content_path(PAIRS, out) == f"data/pairs/2026-11/{vote(1).id}-{sha256(out.read_bytes())[:16]}.parquet"
    assert merge_shards((out, voted), tmp_path / "all.parquet", never) == 7


def test_ratings_and_votes_are_not_merged_or_taken_for_each_other(shared: Shared, voted: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="has other columns than"):
        merge_shards((shared[0], voted), tmp_path / "all.parquet", never)
    with pytest.raises(StorageError, match="lacks columns of ratings: result, method"):
        list(read_shard(voted, RATINGS))
    with pytest.raises(StorageError, match="lacks columns of pairs: case, cases"):
        list(read_shard(shared[0], PAIRS))


def test_votes_of_a_newer_version_are_refused(voted: Path, tmp_path: Path) -> None:
    newer = changed(voted, tmp_path / "newer.parquet", schema=pa.array([VOTE_SCHEMA + 1] * 4, pa.int32()))
    with pytest.raises(StorageError, match="has pairs of version 2, and this program knows 1"):
        next(read_shard(newer, PAIRS))


def test_a_shard_is_named_by_its_kind_month_and_batch() -> None:
    batch = Batch(name="01K9-aa", records=(vote(created="2026-02-03T00:00:00.000+00:00"),), sending=False)
    assert shard_path(batch) == "data/pairs/2026-02/01K9-aa.parquet"
    assert kind_at(shard_path(batch)) is PAIRS
    batch = Batch(name="01K9-aa", records=(rating(created="2026-02-03T00:00:00.000+00:00"), rating(1)), sending=False)
    assert shard_path(batch) == "data/ratings/2026-02/01K9-aa.parquet"


def test_datasets_finds_features_and_pictures_by_itself(shared: Shared, tmp_path: Path) -> None:
    loaded = datasets.load_dataset("parquet", data_files=str(shared[0]), split="train", cache_dir=str(tmp_path))
    assert loaded.features == FEATURES
    assert loaded.features["label"].int2str(loaded["label"][:2]) == ["not removed", "removed"]
    first, second, third = loaded
    assert (first["source_picture"], third["score"]) == (None, 0.25)
    assert (second["source_picture"].size, second["mask_picture"].mode) == ((24, 16), "1")
    assert second["mask_boxes"] == [[1, 2, 31, 42]]


def test_datasets_streams_pictures(shared: Shared) -> None:
    loaded = datasets.load_dataset("parquet", data_files=str(shared[0]), split="train", streaming=True)
    assert loaded.features == FEATURES
    assert [row["result_picture"] and row["result_picture"].format for row in loaded] == [None, "JPEG", None]


def test_a_reader_may_ask_for_some_columns_and_rows(shared: Shared) -> None:
    wanted = {"columns": ["id", "label"], "filters": [("label", "==", 1)]}
    loaded = datasets.load_dataset("parquet", data_files=str(shared[0]), split="train", streaming=True, **wanted)
    assert list(loaded) == [{"id": rating(1).id, "label": 1}]


def test_every_column_has_its_pages_indexed_and_pictures_show_up_in_no_statistics(shared: Shared) -> None:
    group = pq.read_metadata(shared[0]).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    assert all(column.has_offset_index for column in columns)
    files = {f"{name}.bytes" for name in PICTURES}
    assert {column.path_in_schema for column in columns if not column.has_column_index} == files
    assert {column.path_in_schema for column in columns if not column.is_stats_set} == files
    assert {column.path_in_schema for column in columns if column.compression == "UNCOMPRESSED"} == files


def test_pages_are_cut_by_content_so_that_a_deletion_changes_only_those_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "CHUNKS", {name: size >> 6 for name, size in parquet_file.CHUNKS.items()})
    store = Store()
    ratings = [store.shared(rating(number), big(number, 1000)) for number in range(900)]
    path = written(tmp_path / "old.parquet", *ratings, store=store)
    rewrite_shard(path, tmp_path / "new.parquet", ratings[300].receipt.__eq__)
    old, new = picture_column(path, 0), picture_column(tmp_path / "new.parquet", 0)
    assert new.startswith(old[:250_000])
    assert new.endswith(old[-100_000:])


def test_a_shard_says_how_its_pages_were_cut(shared: Shared) -> None:
    cut = json.loads(pq.read_metadata(shared[0]).metadata[b"content_defined_chunking"])
    assert cut == datasets.config.DEFAULT_CDC_OPTIONS


def test_a_deletion_leaves_other_row_groups_byte_by_byte_as_they_were(tmp_path: Path) -> None:
    store = Store()
    ratings = [store.shared(rating(number), big(number, 1_500_000)) for number in range(18)]
    old = written(tmp_path / "old.parquet", *ratings, store=store)
    assert rewrite_shard(old, tmp_path / "new.parquet", ratings[3].receipt.__eq__) == 17
    groups = pq.read_metadata(old).num_row_groups
    assert groups == 3
    same = [picture_column(old, at) == picture_column(tmp_path / "new.parquet", at) for at in range(groups)]
    assert same == [False, True, True]


def big(seed: int, size: int) -> Pictures:
    return Pictures(source=np.random.default_rng(seed).bytes(size), mask=b"mask", result=b"result")


def picture_column(path: Path, group: int) -> bytes:
    """The bytes of the photos in a row group."""
    metadata = pq.read_metadata(path)
    column = metadata.row_group(group).column(metadata.schema.names.index("bytes"))
    assert column.path_in_schema == "source_picture.bytes"
    return path.read_bytes()[column.data_page_offset :][: column.total_compressed_size]


@pytest.mark.slow
def test_the_same_batch_is_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.feedback.strategies import *\n"
        "from rorem_demo.feedback.shards import write_shard\n"
        "store = Store(); ratings = [store.shared(rating(n), real_pictures(n)) for n in range(5)]\n"
        "write_shard(batch_of(*ratings, rating(6)), store.__getitem__, Path(sys.argv[1]))\n"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", script, tmp_path / seed], check=True, env=environment)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert len(list(read_shard(tmp_path / "1", RATINGS))) == 6


def test_of_pictures_that_cannot_be_read_the_answer_remains_and_says_so(tmp_path: Path) -> None:
    lost = Store().shared(rating(flags=("too-fast",)), real_pictures())
    [(kept, files)] = read_shard(written(tmp_path / "shard.parquet", lost), RATINGS)
    assert (kept.flags, kept.files, kept.licence, files) == (("pictures-damaged", "too-fast"), None, "", None)
    assert (kept.id, kept.label, kept.consent) == (lost.id, lost.label, "pictures")


def test_the_largest_permitted_row_is_one_the_viewer_shows(tmp_path: Path) -> None:
    store = Store()
    third = LARGEST_ROW // 3
    files = Pictures(
        **{name: np.random.default_rng(at).bytes(third) for at, name in enumerate(("source", "mask", "result"))}
    )
    longest = rating(comment="\U0001f600" * 200, options="o" * 2000, mask_boxes=((9999,) * 4,) * 8)
    path = written(tmp_path / "shard.parquet", store.shared(longest, files), store=store)
    assert LARGEST_ROW - 3 < path.stat().st_size < 2_000_000


def test_a_rewritten_shard_lacks_what_was_dropped_and_is_named_by_what_is_left(shared: Shared, tmp_path: Path) -> None:
    path, ratings, [files] = shared
    out = tmp_path / "rewritten.parquet"
    assert rewrite_shard(path, out, ratings[0].receipt.__eq__) == 2
    assert list(read_shard(out, RATINGS)) == [(ratings[1], files), (ratings[2], None)]
    assert content_path(RATINGS, out) == f"data/ratings/2026-11/{ratings[1].id}-{sha256(out.read_bytes())[:16]}.parquet"


def test_of_a_shard_that_loses_all_rows_no_file_is_left(shared: Shared, tmp_path: Path) -> None:
    assert rewrite_shard(shared[0], tmp_path / "empty.parquet", lambda _: True) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["shared.parquet"]


def test_a_deletion_keeps_columns_of_a_newer_program(shared: Shared, tmp_path: Path) -> None:
    table = pq.read_table(shared[0])
    newer = table.append_column("mood", pa.array(["a", "b", "c"]))
    newer = newer.set_column(1, newer.schema.field("schema"), pa.array([SCHEMA + 1] * 3, pa.int32()))
    pq.write_table(newer, tmp_path / "newer.parquet")
    rewrite_shard(tmp_path / "newer.parquet", tmp_path / "out.parquet", rating(1).receipt.__eq__)
    assert pq.read_table(tmp_path / "out.parquet")["mood"].to_pylist() == ["a", "c"]


def test_small_shards_become_one_in_their_order(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{number}.parquet", rating(number)) for number in range(5)]
    assert merge_shards(paths, tmp_path / "all.parquet", rating(2).receipt.__eq__) == 4
    assert [kept.id for kept, _ in read_shard(tmp_path / "all.parquet", RATINGS)] == [
        rating(n).id for n in (0, 1, 3, 4)
    ]
    assert pq.read_metadata(tmp_path / "all.parquet").num_row_groups == 1


def test_shards_of_different_columns_are_not_merged(shared: Shared, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(shared[0]).drop_columns("comment"), tmp_path / "other.parquet")
    with pytest.raises(StorageError, match=r"other\.parquet has other columns than shared\.parquet"):
        merge_shards([shared[0], tmp_path / "other.parquet"], tmp_path / "all.parquet", never)
    assert not list(tmp_path.glob("all*"))


def test_unknown_columns_are_left_out(shared: Shared, tmp_path: Path) -> None:
    table = pq.read_table(shared[0])
    pq.write_table(table.add_column(0, "mood", pa.array(["a", "b", "c"])), tmp_path / "more.parquet")
    assert list(read_shard(tmp_path / "more.parquet", RATINGS)) == list(read_shard(shared[0], RATINGS))


def changed(path: Path, out: Path, **columns: pa.Array) -> Path:
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.set_column(table.schema.names.index(name), name, values)
    pq.write_table(table, out)
    return out


def test_ratings_of_a_newer_version_are_refused_before_any_is_given(shared: Shared, tmp_path: Path) -> None:
    newer = changed(shared[0], tmp_path / "newer.parquet", schema=pa.array([SCHEMA, SCHEMA, SCHEMA + 1], pa.int32()))
    with pytest.raises(
        StorageError, match=r"newer\.parquet has ratings of version 2, and this program knows 1"
    ) as told:
        next(read_shard(newer, RATINGS))
    assert told.value.hint == "Update the program."


@pytest.mark.parametrize("name", ["id", "schema", "reasons", "mask_picture"])
def test_a_missing_column_is_told(name: str, shared: Shared, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(shared[0]).drop_columns(name), tmp_path / "less.parquet")
    with pytest.raises(StorageError, match=r"less\.parquet (lacks|is damaged)"):
        list(read_shard(tmp_path / "less.parquet", RATINGS))


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"no parquet at all" * 50])
def test_what_is_no_shard_is_refused_in_one_sentence(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(damage)
    with pytest.raises(StorageError, match=r"^bad\.parquet is damaged or no shard of answers\.$") as told:
        list(read_shard(tmp_path / "bad.parquet", RATINGS))
    assert told.value.hint


def test_a_shard_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"Cannot read gone\.parquet: No such file or directory"):
        list(read_shard(tmp_path / "gone.parquet", RATINGS))
    with pytest.raises(StorageError, match=r"Cannot read gone\.parquet"):
        rewrite_shard(tmp_path / "gone.parquet", tmp_path / "out.parquet", never)


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_no_torn_shard_is_read_in_part_or_written_on(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = written(Path(folder) / "torn.parquet", *(rating(number) for number in range(3)))
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(StorageError, match=r"torn\.parquet"):
            next(read_shard(path, RATINGS))
        with pytest.raises(StorageError, match=r"torn\.parquet"):
            rewrite_shard(path, path.with_name("out.parquet"), never)
        assert not path.with_name("out.parquet").exists()


def test_a_flipped_bit_in_a_picture_is_noticed(tmp_path: Path) -> None:
    store, files = Store(), big(0, 50_000)
    path = written(tmp_path / "shard.parquet", store.shared(rating(), files), store=store)
    data = bytearray(path.read_bytes())
    data[data.index(files.source) + 700] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageError, match=r"shard\.parquet is damaged"):
        list(read_shard(path, RATINGS))


@contextmanager
def room(size: int) -> Iterator[None]:
    """A disk that is full after so many bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_leaves_nothing_or_what_was_there(tmp_path: Path) -> None:
    store = Store()
    ratings = [store.shared(rating(number), big(number, 400_000)) for number in range(30)]
    path = written(tmp_path / "shard.parquet", rating())
    before = path.read_bytes()
    with room(9_000_000), pytest.raises(StorageError, match="disk is full"):
        written(path, *ratings, store=store)
    assert [each.name for each in tmp_path.iterdir()] == ["shard.parquet"]
    assert path.read_bytes() == before


def test_row_groups_are_bounded_however_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "_GROUP", 100_000)
    store = Store()
    ratings = [store.shared(rating(n), big(n, 9_000)) if n % 2 else rating(n) for n in range(200)]
    path = written(tmp_path / "shard.parquet", *ratings, store=store)
    metadata = pq.read_metadata(path)
    sizes = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    assert len(sizes) > 5
    assert max(sizes) < 120_000


GROWTH = """
import sys
from pathlib import Path
from rorem_demo.feedback.kinds import RATINGS
from rorem_demo.feedback.records import PictureFiles
from rorem_demo.feedback.shards import read_shard, rewrite_shard, write_shard
from tests.feedback.strategies import batch_of, rating

folder, noise = Path(sys.argv[1]), bytes(range(256)) * 160
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000
files = [PictureFiles(source=f"{n}s", mask=f"{n}m", result=f"{n}r") for n in range(3200)]
batch = batch_of(*(rating(n, files=name) for n, name in enumerate(files)))
before = peak()
write_shard(batch, lambda name: name.encode() + noise, folder / "a.parquet")
assert sum(1 for _ in read_shard(folder / "a.parquet", RATINGS)) == 3200
assert rewrite_shard(folder / "a.parquet", folder / "b.parquet", batch.records[9].receipt.__eq__) == 3199
print((folder / "a.parquet").stat().st_size / 1e6, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_a_large_shard_is_written_read_and_rewritten_in_little_memory() -> None:
    with TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", GROWTH, folder], check=True, capture_output=True, text=True)
    size, growth = map(float, done.stdout.split())
    assert size > 390
    assert growth < 260
