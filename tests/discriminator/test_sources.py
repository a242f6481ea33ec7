"""Sources: the same rows from the Hub, from a copy of it and from an exported folder, and what is said of bad ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import datasets
import huggingface_hub
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rorem_demo.discriminator.examples import Example, read_examples
from rorem_demo.discriminator.prepared import prepare
from rorem_demo.discriminator.sources import open_source
from rorem_demo.discriminator.splits import Split
from rorem_demo.discriminator.triples import Triple, decoded
from rorem_demo.errors import InputError, RoremError, StorageError, UnavailableError
from rorem_demo.feedback.layout import export_folder
from rorem_demo.feedback.pictures import digest
from rorem_demo.feedback.records import CHOICES, Pictures, Rating
from rorem_demo.feedback.shards import FEATURES, PAIR_FEATURES
from tests.discriminator.rated import files_of, of, shown, shown_vote, voted, write_dataset
from tests.feedback.strategies import Store, real_pair, real_pictures
from tests.hub import READER, LoopbackHub

pytestmark = pytest.mark.slow

NAME, KEY = "owner/answers", "datasets/owner/answers"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    """A Hub that the real clients take for theirs."""
    with LoopbackHub() as hub:
        files = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.address)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        huggingface_hub.HfFileSystem.clear_instance_cache()
        yield hub
        huggingface_hub.HfFileSystem.clear_instance_cache()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Two months: four answers on three results, one of them without pictures, and one that was taken back."""
    store = Store()
    october = [shown(store, 1, created="2026-10-01T00:00:00.000+00:00"), of(2, result=1), shown(store, 3)]
    november = [shown(store, 4, method="telea"), shown(store, 5)]
    return write_dataset(tmp_path / "a [copy]*", store, october, november, gone=[november[1]])


COUNTS = {"read": 5, "used": 4, "tombstoned": 1}


def same(one: Triple, other: Triple) -> bool:
    pairs = ((one.source, other.source), (one.mask, other.mask), (one.result, other.result))
    return all(np.array_equal(*pair) for pair in pairs)


def test_a_copy_of_the_dataset_is_read_whatever_its_folder_is_called(copy: Path) -> None:
    examples = read_examples(str(copy))
    assert examples.counts == COUNTS
    assert sorted(example.photo for example in examples) == sorted(of(number).source for number in (1, 3, 4))
    by = {example.photo: example for example in examples}
    assert (by[of(1).source].ratings, by[of(1).source].label) == (2, 0.5)
    assert same(by[of(4).source].pictures(), decoded(real_pictures(4)))


def test_pictures_of_many_come_each_once(copy: Path) -> None:
    examples = read_examples(str(copy))
    found = dict(examples.triples())
    assert sorted(found) == [0, 1, 2]
    for number, triple in found.items():
        assert isinstance(triple, Triple)
        assert same(triple, examples[number].pictures())


def test_the_hub_gives_what_a_copy_gives(hub: LoopbackHub, copy: Path) -> None:
    commit = hub.commit(KEY, files_of(copy))
    there, here = read_examples(NAME), read_examples(str(copy))
    assert list(there) == list(here)
    assert there.counts == here.counts == COUNTS
    assert there.lineage() | {"dataset": "", "revision": "", "deletions": ""} == here.lineage() | {"dataset": ""}
    assert (there.source.dataset, there.source.revision, there.source.deletions) == (NAME, commit, commit)
    triples, copies = dict(there.triples()), dict(here.triples())
    for number, other in copies.items():
        one = triples[number]
        assert isinstance(one, Triple)
        assert isinstance(other, Triple)
        assert same(one, other)
    assert same(there[0].pictures(), here[0].pictures())


def test_an_old_revision_obeys_new_deletions(hub: LoopbackHub, copy: Path, tmp_path: Path) -> None:
    old = hub.commit(KEY, files_of(copy))
    store = Store()
    later = write_dataset(tmp_path / "later", store, [shown(store, 6)], gone=[of(3)])
    new = hub.commit(KEY, files_of(later))
    examples = read_examples(NAME, old)
    assert examples.counts == {"read": 5, "used": 3, "tombstoned": 2}
    assert (examples.lineage()["revision"], examples.lineage()["deletions"]) == (old, new)
    assert read_examples(NAME, "main").source.revision == new


def test_the_light_pass_fetches_no_pictures(hub: LoopbackHub, tmp_path: Path) -> None:
    store = Store()
    big = [store.shared(of(number), real_pictures(number, 700, 700)) for number in range(6)]
    copy = write_dataset(tmp_path / "big", store, big)
    hub.commit(KEY, files_of(copy))
    size = sum(map(len, store.values()))
    examples = read_examples(NAME)
    assert len(examples) == 6
    assert sum(hub.sent.values()) < size / 20


def test_a_connection_that_breaks_amid_pictures_is_taken_up_again(hub: LoopbackHub, copy: Path) -> None:
    hub.commit(KEY, files_of(copy))
    examples = read_examples(NAME)
    hub.break_after = 500
    triples = dict(examples.triples())
    assert hub.break_after is None
    assert all(isinstance(triple, Triple) for triple in triples.values())
    assert len(triples) == 3


def test_a_hub_that_goes_down_amid_pictures_is_an_error_and_no_skip(
    hub: LoopbackHub, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.commit(KEY, files_of(copy))
    examples = read_examples(NAME)
    hub.down = True
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the client's tries
    with pytest.raises(UnavailableError):
        dict(examples.triples())


def told(error: pytest.ExceptionInfo[RoremError]) -> str:
    assert error.value.hint
    return error.value.sentence


def test_datasets_that_cannot_be_had_are_told_apart(hub: LoopbackHub, copy: Path) -> None:
    with pytest.raises(UnavailableError) as missing:
        read_examples("owner/nothing")
    assert "no dataset owner/nothing, or hides it. Set HF_TOKEN" in told(missing)
    hub.commit(KEY, files_of(copy))
    with pytest.raises(InputError, match="no such revision"):
        read_examples(NAME, "0" * 40)
    hub.repositories[KEY].private = True
    with pytest.raises(UnavailableError) as private:
        read_examples(NAME)
    assert "HF_TOKEN" in told(private)
    hub.commit("datasets/owner/empty", {"README.md": b"# Nothing"})
    with pytest.raises(InputError, match="has no ratings"):
        read_examples("owner/empty")
    hub.down = True
    with pytest.raises(UnavailableError) as down:
        read_examples(NAME)
    assert "Start again" in told(down)


def test_a_gated_dataset_is_told_as_such(hub: LoopbackHub, copy: Path) -> None:
    hub.commit(KEY, files_of(copy))
    examples = read_examples(NAME)
    hub.repositories[KEY].gated = True
    for step in (lambda: read_examples(NAME), lambda: dict(examples.triples())):
        with pytest.raises(UnavailableError) as error:
            step()
        assert "gated" in told(error)


def test_a_private_dataset_is_read_with_a_token(hub: LoopbackHub, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.commit(KEY, files_of(copy))
    hub.repositories[KEY].private = True
    monkeypatch.setenv("HF_TOKEN", READER)
    examples = read_examples(NAME)
    assert examples.counts == COUNTS
    assert examples[0].pictures().mask.any()


@pytest.mark.parametrize("place", ["/nowhere/at/all", "a/b/c", "", "name", "../up"])
def test_a_place_that_is_none_is_refused(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        read_examples(place)


def test_a_folder_with_neither_shards_nor_entries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither data/ratings/\*.parquet nor data/pairs/\*.parquet nor meta.json"):
        read_examples(str(tmp_path))


def test_a_folder_has_no_revisions(copy: Path) -> None:
    with pytest.raises(InputError, match="no revisions"):
        read_examples(str(copy), "main")


def shard_of(folder: Path) -> Path:
    return min((folder / "data").rglob("*.parquet"))


def newer(shard: Path) -> None:
    table = pq.read_table(shard).drop_columns(["mask_pixels"])
    at = table.schema.get_field_index("schema")
    pq.write_table(table.set_column(at, "schema", pa.array([2] * len(table), pa.int32())), shard)


def bare(shard: Path) -> None:
    pq.write_table(pq.read_table(shard).drop_columns(["receipt"]), shard)


def torn(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-100])


def strange(shard: Path) -> None:
    shard.write_bytes(b"no parquet")


@pytest.mark.parametrize(
    ("harm", "kind", "sentence"),
    [
        (newer, InputError, "ratings of version 2, and this program knows 1. Update the program."),
        (bare, InputError, "lacks columns of ratings: receipt."),
        (torn, StorageError, "is damaged or no shard"),
        (strange, StorageError, "is damaged or no shard"),
    ],
)
def test_a_bad_shard_is_named(copy: Path, harm: Callable[[Path], None], kind: type[RoremError], sentence: str) -> None:
    harm(shard_of(copy))
    with pytest.raises(kind) as error:
        read_examples(str(copy))
    assert sentence in told(error)
    assert shard_of(copy).name in told(error)


def test_nothing_is_learned_past_a_list_of_deletions_that_cannot_be_read(copy: Path) -> None:
    (copy / "deleted" / "two.jsonl").write_text('{"id": "x", "rece')
    with pytest.raises(StorageError) as error:
        read_examples(str(copy))
    assert "two.jsonl cannot be read. Mend it" in told(error)


def test_rows_with_cells_that_make_no_sense_are_counted(copy: Path) -> None:
    shard = shard_of(copy)
    rows = pq.read_table(shard).to_pylist()
    rows[0]["source"] = "no digest"
    rows[1]["label"] = -1
    rows[2]["width"] = None
    pq.write_table(pa.Table.from_pylist(rows, FEATURES.arrow_schema), shard)
    assert read_examples(str(copy)).counts == {"read": 5, "used": 1, "tombstoned": 1, "malformed": 3}


def test_columns_of_a_later_day_do_no_harm(copy: Path) -> None:
    shard = shard_of(copy)
    table = pq.read_table(shard)
    pq.write_table(table.append_column("mood", pa.array(["fine"] * len(table))), shard)
    examples = read_examples(str(copy))
    assert examples.counts == COUNTS
    assert len(dict(examples.triples())) == 3


# Votes


def sides(number: int) -> tuple[Triple, Triple]:
    """Left and right result of a vote as they are decoded."""
    files = real_pair(number)
    left, right = (Pictures(source=files.source, mask=files.mask, result=one) for one in (files.left, files.right))
    return decoded(left), decoded(right)


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """Of every choice one with pictures, a gold one, one without pictures, one that was taken back; no rating."""
    store = Store()
    kept = [shown_vote(store, number, choice=choice) for number, choice in enumerate(CHOICES)]
    gold = shown_vote(store, 5, choice="both-bad", gold="left")
    gone = shown_vote(store, 6)
    return write_dataset(tmp_path / "votes", store, [*kept, gold, voted(7), gone], gone=[gone])


VOTES = {"read": 11, "used": 4, "tombstoned": 2, "without-pictures": 2, "gold": 1, "without-label": 2}


def test_two_good_and_two_bad_results_are_two_rows_each_and_wins_and_gold_are_none(votes: Path) -> None:
    examples = read_examples(str(votes))
    assert examples.counts == VOTES
    good, bad = CHOICES.index("both-good"), CHOICES.index("both-bad")
    found = {(example.photo, example.method): example for example in examples}
    assert {key: example.label for key, example in found.items()} == {
        (of(good).source, "shift-map"): 1.0, (of(good).source, "telea"): 1.0,
        (of(bad).source, "shift-map"): 0.0, (of(bad).source, "telea"): 0.0,
    }  # fmt: skip
    assert [example.mask_fraction for example in examples] == [pytest.approx(1200 / (640 * 480))] * 4
    assert same(found[of(bad).source, "shift-map"].pictures(), sides(bad)[0])
    assert same(found[of(bad).source, "telea"].pictures(), sides(bad)[1])


def test_pictures_of_both_sides_are_decoded_in_one_pass_and_prepared(votes: Path, tmp_path: Path) -> None:
    examples = read_examples(str(votes))
    triples = dict(examples.triples())
    assert sorted(triples) == [0, 1, 2, 3]
    for number, triple in triples.items():
        assert isinstance(triple, Triple)
        assert same(triple, examples[number].pictures())
    prepared = prepare(examples, tmp_path / "cache", lambda triple: {"mean": triple.result.mean(keepdims=True)}, "v1")
    assert [float(each["mean"].item()) for each in prepared] == [triples[number].result.mean() for number in range(4)]


def test_a_vote_and_a_rating_answer_the_same_result_together(tmp_path: Path) -> None:
    store = Store()
    ratings = [of(1, label=0), of(2, label=0)]
    copy = write_dataset(tmp_path / "both", store, ratings, [shown_vote(store, 1), voted(2)])
    examples = read_examples(str(copy))
    assert examples.counts == {"read": 6, "used": 3, "without-pictures": 3}
    assert sorted((example.method, example.label, example.ratings) for example in examples) == [
        ("shift-map", 0.5, 2), ("telea", 1.0, 1),
    ]  # fmt: skip
    assert len({example.photo for example in examples}) == 1


def test_rows_of_a_vote_go_into_one_split_with_its_photo(votes: Path) -> None:
    examples = read_examples(str(votes))
    for part in get_args(Split):
        photos = [example.photo for example in examples.part(part)]
        assert all(photos.count(photo) == 2 for photo in photos)


def test_flagged_votes_are_left_out_and_doubted_as_ratings_are(tmp_path: Path) -> None:
    store = Store()
    fast, doubted = (shown_vote(store, n, flags=(flag,)) for n, flag in enumerate(("too-fast", "repeated")))
    examples = read_examples(str(write_dataset(tmp_path / "votes", store, [fast, doubted])))
    assert examples.counts == {"read": 4, "used": 2, "too-fast": 2}
    assert set(examples.weights) == {0.5}


def test_equal_results_of_a_vote_count_once(tmp_path: Path) -> None:
    store = Store()
    vote = shown_vote(store, 1, right_result=of(1).result)
    assert read_examples(str(write_dataset(tmp_path / "v", store, [vote]))).counts == {
        "read": 2, "used": 1, "superseded": 1,
    }  # fmt: skip


def test_the_hub_gives_the_votes_that_a_copy_gives(hub: LoopbackHub, votes: Path) -> None:
    hub.commit(KEY, files_of(votes))
    there, here = read_examples(NAME), read_examples(str(votes))
    assert list(there) == list(here)
    assert there.counts == here.counts == VOTES
    for (_, one), (_, other) in zip(there.triples(), here.triples(), strict=True):
        assert isinstance(one, Triple)
        assert isinstance(other, Triple)
        assert same(one, other)


def test_votes_with_cells_that_make_no_sense_are_counted(votes: Path) -> None:
    shard = shard_of(votes)
    rows = pq.read_table(shard).to_pylist()
    rows[0]["choice"] = "neither"
    rows[2]["right_result"] = "no digest"
    rows[3]["id"] = "z" * 26
    pq.write_table(pa.Table.from_pylist(rows, PAIR_FEATURES.arrow_schema), shard)
    counts = {
        "read": 9,
        "used": 0,
        "tombstoned": 2,
        "without-pictures": 2,
        "gold": 1,
        "malformed": 3,
        "without-label": 1,
    }
    assert read_examples(str(votes)).counts == counts


def test_votes_of_a_newer_version_are_named(votes: Path) -> None:
    newer(shard_of(votes))
    with pytest.raises(InputError) as error:
        read_examples(str(votes))
    assert "has pairs of version 2, and this program knows 1. Update the program." in told(error)


# Folders as RORem reads them


def exported(folder: Path, *numbers: int) -> tuple[Path, list[Rating]]:
    store = Store()
    ratings = [shown(store, number) for number in numbers]
    export_folder(ratings, store.__getitem__, folder)
    return folder, ratings


def test_an_exported_folder_is_read_with_its_scores(tmp_path: Path) -> None:
    folder, ratings = exported(tmp_path / "out", 1, 2, 3)
    examples = read_examples(str(folder))
    assert examples.counts == {"read": 3, "used": 3}
    assert sorted(examples.labels) == sorted(rating.label for rating in ratings)
    pictures = [decoded(real_pictures(number)) for number in (1, 2, 3)]
    for _, triple in examples.triples():
        assert isinstance(triple, Triple)
        assert any(same(triple, one) for one in pictures)
    assert {(example.origin, example.method) for example in examples} == {("app", "shift-map")}
    assert examples[0].mask_fraction == pytest.approx(24 / (24 * 16))


def test_an_exported_folder_says_what_its_shards_say(tmp_path: Path) -> None:
    """Methods, origins, raters who disagree, doubtful and replaced answers; all answers have pictures."""
    store = Store()
    doubtful = [shown(store, 6, flags=("too-fast",)), shown(store, 7, result=4, flags=("repeated",))]
    replaced = shown(store, 8, result=3, supersedes=of(3).id, receipt=of(3).receipt)
    others = [shown(store, 4, method="telea", origin="annotate"), shown(store, 5, photo=1, rater="somebody else")]
    ratings = [*(shown(store, number) for number in (1, 2, 3)), *others, *doubtful, replaced]
    ratings += [shown(store, number, rater=f"r{number}") for number in range(10, 40)]
    export_folder(ratings, store.__getitem__, tmp_path / "folder")
    shards = read_examples(str(write_dataset(tmp_path / "shards", store, ratings)))
    folder = read_examples(str(tmp_path / "folder"))
    for part in get_args(Split):
        here, there = ([as_learned(one) for one in examples.part(part)] for examples in (folder, shards))
        assert here == there != []
    assert (folder.counts["read"], folder.counts["used"]) == (len(ratings) - 1, shards.counts["used"])
    assert folder.digest() == shards.digest()


def as_learned(example: Example) -> tuple[object, ...]:
    return (*(getattr(example, name) for name in ("key", "photo", "method", "origin", "label", "weight", "ratings")),)


def test_a_folder_that_says_no_more_than_rorems_has_digests_of_its_own(tmp_path: Path) -> None:
    folder, ratings = exported(tmp_path / "out", 1, 2)
    listed = json.loads((folder / "meta.json").read_text())
    plain = [{name: entry[name] for name in ("source", "mask", "GT", "score")} for entry in listed]
    (folder / "meta.json").write_text(json.dumps(plain))
    examples = read_examples(str(folder))
    assert {(example.origin, example.method) for example in examples} == {("imported", "")}
    assert {example.photo for example in examples} == {digest(decoded(real_pictures(each)).source) for each in (1, 2)}
    assert sorted(examples.labels) == sorted(rating.label for rating in ratings)


def test_entries_may_say_which_photo_and_method_they_are_of(tmp_path: Path) -> None:
    folder, ratings = exported(tmp_path / "out", 1, 2)
    listed = json.loads((folder / "meta.json").read_text())
    digests = [{name: getattr(one, name) for name in ("source", "mask", "result")} for one in ratings]
    listed[0] |= {"digests": digests[0], "method": "telea", "origin": "simulated", "rater": "r"}
    listed[1] |= {"digests": digests[1] | {"mask": "short"}, "method": 5, "origin": "unheard-of", "flags": "too-fast"}
    (folder / "meta.json").write_text(json.dumps(listed))
    first, second = sorted(read_examples(str(folder)), key=lambda example: example.origin, reverse=True)
    assert (first.photo, first.method, first.origin) == (ratings[0].source, "telea", "simulated")
    assert second.photo != ratings[1].source
    assert (second.method, second.origin) == ("", "imported")


def test_every_entry_that_cannot_be_used_is_counted(tmp_path: Path) -> None:
    folder, _ = exported(tmp_path / "out", 1, 2)
    listed = json.loads((folder / "meta.json").read_text())
    listed += [
        {**listed[0], "score": 0.7},
        {**listed[0], "mask": "mask/none.png"},
        {**listed[0], "GT": "../../etc/passwd"},
        "nothing",
        {**listed[0], "mask": "meta.json"},
    ]
    (folder / "meta.json").write_text(json.dumps(listed))
    assert read_examples(str(folder)).counts == {
        "read": 7, "used": 2, "malformed": 2, "missing": 1, "unusable": 1, "without-answer": 1,
    }  # fmt: skip


def test_the_same_entry_by_two_annotators_is_one_result(tmp_path: Path) -> None:
    folder, _ = exported(tmp_path / "out", 1)
    [entry] = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps([entry, {**entry, "score": 0}]))
    [example] = read_examples(str(folder))
    assert (example.label, example.ratings, example.truth) == (0.5, 2, None)


def test_pictures_that_went_since_are_told(tmp_path: Path) -> None:
    folder, _ = exported(tmp_path / "out", 1)
    [example] = read_examples(str(folder))
    next((folder / "source").iterdir()).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        example.pictures()


def test_an_open_source_says_where_it_is(copy: Path) -> None:
    source = open_source(str(copy))
    assert (source.dataset, source.revision, source.deletions) == ("a [copy]*", "", "")
