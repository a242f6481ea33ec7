"""RORem's folder: what its training code would read of ours, what we read of one, and nothing lost silently."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback.identity import receipt_hash, secret_of
from rorem_demo.feedback.layout import Exported, Skipped, Triplet, export_folder, imported, read_folder
from rorem_demo.feedback.pictures import digest
from rorem_demo.feedback.records import Pictures, Rating
from tests.feedback.strategies import ALPHABET, Store, rating, real_pictures
from tests.triplets import write_folder

KEY = b"k" * 32
NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)


def read(folder: Path, **options: Any) -> list[Triplet | Skipped]:
    return list(read_folder(folder, **{"max_pixels": 10_000} | options))


def triplets(folder: Path, **options: Any) -> list[Triplet]:
    found = read(folder, **options)
    assert all(isinstance(each, Triplet) for each in found), found
    return found  # type: ignore[return-value]


def exported(rows: int, **others: int) -> Exported:
    return Exported(**{"without_pictures": 0, "superseded": 0, "damaged": 0, "removed": 0, "rows": rows} | others)


def as_rorem_reads(folder: Path) -> list[tuple[PIL.Image.Image, PIL.Image.Image, PIL.Image.Image, float]]:
    """What RORem's `meta_to_discriminator_dataset_format` and transforms make of a folder."""
    found = []
    for item in json.loads((folder / "meta.json").read_text()):
        source, edited = (PIL.Image.open(folder / item[key]).convert("RGB") for key in ("source", "GT"))
        found.append((source, PIL.Image.open(folder / item["mask"]).convert("L"), edited, float(item["score"])))
    return found


def lossless(seed: int, height: int = 10, width: int = 14) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    mask[2:5, 3:8] = 255
    return {
        "source": random.integers(0, 256, (height, width, 3), dtype=np.uint8),
        "mask": mask,
        "GT": random.integers(0, 256, (height, width, 3), dtype=np.uint8),
    }


def made(folder: Path, *scores: Any, **changes: Any) -> Path:
    """A folder as RORem's, of an entry for each score; None leaves it out."""
    entries = []
    for number, score in enumerate(scores):
        entry = {key: f"{key}/{number:04d}.png" for key in ("source", "mask", "GT")}
        for key, array in (lossless(number) | changes).items():
            (folder / key).mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(array).save(folder / entry[key])
        entries.append(entry if score is None else entry | {"score": score})
    (folder / "meta.json").write_text(json.dumps(entries))
    return folder


def test_an_export_is_what_rorem_reads(tmp_path: Path) -> None:
    store = Store()
    files = [real_pictures(seed) for seed in range(2)]
    ratings = [store.shared(rating(number), files[number]) for number in range(2)]
    assert export_folder(ratings, store.__getitem__, tmp_path / "out") == exported(2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["GT", "mask", "meta.json", "source"]
    for (source, mask, edited, score), kept, wanted in zip(
        as_rorem_reads(tmp_path / "out"), ratings, files, strict=True
    ):
        assert score == kept.label
        assert source.tobytes() == PIL.Image.open(BytesIO(wanted.source)).tobytes()
        assert edited.tobytes() == PIL.Image.open(BytesIO(wanted.result)).tobytes()
        assert set(np.unique(mask)) == {0, 255}
        assert source.size == mask.size == edited.size


def test_an_export_has_rorems_four_keys_whole_scores_and_what_the_dataset_says(tmp_path: Path) -> None:
    store = Store()
    export_folder([store.shared(rating(1, flags=("many",)), real_pictures())], store.__getitem__, tmp_path)
    [entry] = json.loads((tmp_path / "meta.json").read_text())
    assert list(entry)[:4] == ["source", "mask", "GT", "score"]
    assert {name: entry[name] for name in list(entry)[4:]} == {
        "digests": {"source": "a" * 64, "mask": "b" * 64, "result": "c" * 64},
        "method": "shift-map",
        "origin": "app",
        "rater": "0123456789abcdef",
        "flags": ["many"],
    }
    assert entry["score"] is not True
    assert [Path(entry[key]).suffix for key in ("source", "mask", "GT")] == [".jpg", ".png", ".jpg"]


def test_what_is_not_written_is_counted(tmp_path: Path) -> None:
    store = Store()
    first = store.shared(rating(0), real_pictures(0))
    second = store.shared(rating(1, supersedes=first.id), real_pictures(0))
    lost = Store().shared(rating(2), real_pictures(2))
    strange = store.shared(rating(3), Pictures(source=b"GIF8", mask=b"GIF8", result=b"GIF8"))

    def picture(sha: str) -> bytes:
        if sha not in store:
            raise StorageError("It is gone.")
        return store[sha]

    ratings = [second, first, lost, strange, rating(4)]
    assert export_folder(ratings, picture, tmp_path) == exported(1, without_pictures=1, superseded=1, damaged=2)
    assert [score for *_, score in as_rorem_reads(tmp_path)] == [1.0]
    assert export_folder(ratings, picture, tmp_path, superseded=True) == exported(2, without_pictures=1, damaged=2)


def test_an_answer_replaced_by_one_without_pictures_is_not_written(tmp_path: Path) -> None:
    store = Store()
    first = store.shared(rating(0), real_pictures())
    done = export_folder([first, rating(1, supersedes=first.id)], store.__getitem__, tmp_path)
    assert done == exported(0, without_pictures=1, superseded=1)


def test_an_export_again_writes_nothing_anew_and_drops_what_was_deleted(tmp_path: Path) -> None:
    store = Store()
    ratings = [store.shared(rating(number), real_pictures(number)) for number in range(3)]
    export_folder(ratings, store.__getitem__, tmp_path)
    torn = tmp_path / "source" / f"{'0' * 64}.jpg.0123456789abcdef.tmp"
    torn.write_bytes(b"left by a kill")
    foreign = tmp_path / "GT" / "notes.txt"
    foreign.write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.*g")}
    assert export_folder(ratings[1:], store.__getitem__, tmp_path) == exported(2, removed=3)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.*g")}
    assert len(after) == 5  # all rows have the same mask
    assert after.items() <= before.items()
    assert foreign.exists()
    assert not torn.exists()


def test_somebody_elses_folder_is_not_written_over(tmp_path: Path) -> None:
    before = (made(tmp_path, 1) / "meta.json").read_bytes()
    with pytest.raises(InputError, match="holds data from elsewhere"):
        export_folder([], {}.__getitem__, tmp_path)
    assert (tmp_path / "meta.json").read_bytes() == before


def test_an_export_comes_back(tmp_path: Path) -> None:
    store = Store()
    ratings = [store.shared(rating(number), real_pictures(number)) for number in range(3)]
    export_folder(ratings, store.__getitem__, tmp_path)
    found = triplets(tmp_path)
    assert [each.label for each in found] == [kept.label for kept in ratings]
    for each, kept in zip(found, ratings, strict=True):
        assert (each.subject.source, each.subject.mask, each.subject.result) == (kept.source, kept.mask, kept.result)
    assert {each.subject.facts.boxes for each in found} == {((3, 2, 9, 6),)}


def test_digests_that_an_entry_tells_count_if_all_three_are_some(tmp_path: Path) -> None:
    made(tmp_path, 1, 1, 1)
    own = triplets(tmp_path)
    told = {"source": "a" * 64, "mask": "b" * 64, "result": "c" * 64}
    listed = json.loads((tmp_path / "meta.json").read_text())
    for entry, digests in zip(listed, (told, told | {"mask": "B" * 64}, list(told.values())), strict=True):
        entry["digests"] = digests
    (tmp_path / "meta.json").write_text(json.dumps(listed))
    subjects = [each.subject for each in triplets(tmp_path)]
    assert (subjects[0].source, subjects[0].mask, subjects[0].result) == tuple(told.values())
    assert [subject.columns for subject in subjects[1:]] == [each.subject.columns for each in own[1:]]
    assert imported(triplets(tmp_path)[0], KEY, NOW).id == imported(own[0], KEY, NOW).id  # imported before, it is known


def test_a_triplet_is_hashed_by_its_pixels_and_its_mask_measured(tmp_path: Path) -> None:
    [found] = triplets(made(tmp_path, 1), licence="CC0-1.0", method="RORem")
    arrays, subject = lossless(0), found.subject
    assert found.label == 1
    assert (subject.origin, subject.licence, subject.method) == ("imported", "CC0-1.0", "RORem")
    assert (subject.width, subject.height) == (14, 10)
    assert subject.source == digest(arrays["source"])
    assert subject.mask == digest(arrays["mask"] > 127)
    assert subject.result == digest(arrays["GT"])
    assert (subject.facts.pixels, subject.facts.boxes, subject.facts.made_by) == (15, ((3, 2, 8, 5),), ("file",))
    kept = subject.pictures()
    assert PIL.Image.open(BytesIO(kept.source)).size == (14, 10)
    assert np.array_equal(np.asarray(PIL.Image.open(BytesIO(kept.mask))), arrays["mask"] > 127)


@pytest.mark.parametrize(
    ("score", "label"),
    [
        *((0, 0), (1, 1), (True, 1), (False, 0), (1.0, 1), ("1", 1), ("0.0", 0)),
        *((None, None), (0.83, None), (2, None), (-1, None), ("yes", None), ([1], None), (float("nan"), None)),
    ],
)
def test_scores_of_zero_and_one_are_answers_and_others_are_none(score: Any, label: int | None, tmp_path: Path) -> None:
    assert [each.label for each in triplets(made(tmp_path, score))] == [label]


def test_an_imported_answer_has_the_same_id_wherever_and_whenever(tmp_path: Path) -> None:
    one = [imported(each, KEY, NOW) for each in triplets(made(tmp_path / "a", 1, 0, 1))]
    (tmp_path / "a").rename(tmp_path / "moved")
    two = [imported(each, b"other" * 8, NOW.replace(year=2027)) for each in triplets(tmp_path / "moved")]
    assert [kept.id for kept in one] == [kept.id for kept in two]
    assert len({kept.id for kept in one}) == 3
    assert all(len(kept.id) == 26 and set(kept.id) <= set(ALPHABET) for kept in one)
    other = imported(triplets(made(tmp_path / "b", 0))[0], KEY, NOW)
    assert (other.result, other.id == one[0].id) == (one[0].result, False)


def test_an_imported_answer_says_where_it_comes_from_and_can_be_deleted(tmp_path: Path) -> None:
    [found] = triplets(made(tmp_path, 0), licence="CC0-1.0")
    kept = imported(found, KEY, NOW)
    assert (kept.origin, kept.label, kept.consent, kept.licence) == ("imported", 0, "public", "CC0-1.0")
    assert (kept.created, kept.files, kept.rater) == ("2026-11-21T15:00:00.000+00:00", None, "")
    assert kept.receipt == receipt_hash(secret_of(KEY, kept.id))
    [unknown] = triplets(tmp_path)
    assert imported(unknown, KEY, NOW).consent == "answer"


def test_a_triplet_without_an_answer_is_not_imported(tmp_path: Path) -> None:
    [found] = triplets(made(tmp_path, None))
    with pytest.raises(InputError, match="no answer"):
        imported(found, KEY, NOW)


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "unusable": lambda path: path.write_bytes(path.read_bytes()[:60]),
}


@pytest.mark.parametrize("why", DAMAGES)
@pytest.mark.parametrize("key", ["source", "mask", "GT"])
def test_a_missing_or_broken_picture_skips_its_entry_alone(why: str, key: str, tmp_path: Path) -> None:
    made(tmp_path, 1, 0, 1)
    DAMAGES[why](tmp_path / key / "0001.png")
    first, skipped, last = read(tmp_path)
    assert isinstance(first, Triplet)
    assert isinstance(last, Triplet)
    assert isinstance(skipped, Skipped)
    assert (skipped.entry, skipped.why) == (1, why)
    assert skipped.sentence.startswith("Entry 1: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"mask": np.zeros((10, 14), np.uint8)},
        {"mask": np.full((9, 14), 255, np.uint8)},
        {"GT": np.zeros((20, 14, 3), np.uint8)},
        {"source": np.zeros((200, 140, 3), np.uint8)},
    ],
    ids=["an empty mask", "a mask of another size", "a result of another size", "a photo too large"],
)
def test_pictures_that_do_not_fit_together_are_skipped(changes: dict[str, np.ndarray], tmp_path: Path) -> None:
    [skipped] = read(made(tmp_path, 1, **changes))
    assert isinstance(skipped, Skipped)
    assert skipped.why == "unusable"


@pytest.mark.parametrize(
    "entry",
    [None, 7, [], {}, {"source": "source/0000.png", "mask": "mask/0000.png"}]
    + [
        {"source": name, "mask": "mask/0000.png", "GT": "GT/0000.png"}
        for name in (3, "", "../secret.png", "/etc/passwd", "source/../../x.png", "a\0b")
    ],
)
def test_an_entry_that_names_no_files_inside_is_skipped(entry: Any, tmp_path: Path) -> None:
    made(tmp_path, 1)
    PIL.Image.fromarray(lossless(0)["source"]).save(tmp_path.parent / "secret.png")
    entries = json.loads((tmp_path / "meta.json").read_text())
    (tmp_path / "meta.json").write_text(json.dumps([entry, *entries]))
    skipped, whole = read(tmp_path)
    assert isinstance(skipped, Skipped)
    assert (skipped.entry, skipped.why) == (0, "malformed")
    assert isinstance(whole, Triplet)


def test_a_folder_put_together_of_links_is_read(tmp_path: Path) -> None:
    write_folder(tmp_path / "all", 2)
    (tmp_path / "some").mkdir()
    for name in ("source", "mask", "GT"):
        (tmp_path / "some" / name).symlink_to(tmp_path / "all" / name)
    (tmp_path / "some/meta.json").write_text(json.dumps(json.loads((tmp_path / "all/meta.json").read_text())[1:]))
    assert len(triplets(tmp_path / "some")) == 1


@pytest.mark.parametrize("content", [None, b"", b"{", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_a_folder_without_a_list_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "meta.json").write_bytes(content)
    with pytest.raises(InputError, match=r"meta\.json") as told:
        read(tmp_path)
    assert told.value.hint


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 9)), max_size=10))
def test_every_rating_is_written_or_counted_once(plan: list[tuple[bool, int | None]]) -> None:
    store, files, ratings = Store(), real_pictures(), []
    for number, (shares, replaced) in enumerate(plan):
        earlier = "" if replaced is None or replaced >= number else ratings[replaced].id
        kept = rating(number, supersedes=earlier)
        ratings.append(store.shared(kept, files) if shares else kept)
    with TemporaryDirectory() as folder:
        done = export_folder(ratings, store.__getitem__, Path(folder))
        assert done.rows + done.without_pictures + done.superseded + done.damaged == len(plan)
        assert len(as_rorem_reads(Path(folder))) == done.rows
        assert done.rows == sum(_stands(kept, ratings) for kept in ratings if kept.files)


def _stands(kept: Rating, ratings: list[Rating]) -> bool:
    return all(kept.id != other.supersedes for other in ratings)


def test_a_replaced_answer_is_found_whatever_the_order(tmp_path: Path) -> None:
    store = Store()
    first = store.shared(rating(0), real_pictures())
    second = replace(first, id=rating(1).id, label=1, supersedes=first.id)
    for number, order in enumerate(([first, second], [second, first])):
        folder = tmp_path / str(number)
        export_folder(order, store.__getitem__, folder)
        assert [score for *_, score in as_rorem_reads(folder)] == [1.0]
