"""Where a board's rows come from: folders, the Hub; older, newer and damaged files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rorem_demo.comparison.board import Board
from rorem_demo.comparison.counting import count
from rorem_demo.comparison.voted import open_answers
from rorem_demo.errors import InputError, StorageError, UnavailableError
from rorem_demo.feedback.records import Rating, Vote
from tests.comparison.polls import Poll, digest, thumb, vote, write
from tests.hub import LoopbackHub

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEY = "datasets/owner/answers"
VOTES = Poll(strengths=(0.7, 0.0, -0.7), judges=25, votes=16).drawn(5)
THUMBS = [thumb(n, f"method-{n % 3}", n % 2, origin="simulated") for n in range(60)]


def board(folder: Path | str, revision: str | None = None) -> Board:
    return count(open_answers(str(folder), revision), simulated=True, now=NOW)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of a dataset: three files of votes and one of thumbs."""
    for name, rows in {"a": VOTES[:150], "b": VOTES[150:170], "c": VOTES[170:]}.items():
        write(tmp_path / "answers", name, rows)
    write(tmp_path / "answers", "a", THUMBS)
    return tmp_path / "answers"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A hub of this machine, which the clients ask."""
    with LoopbackHub() as hub:
        files = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        huggingface_hub.HfFileSystem.clear_instance_cache()
        yield hub
        huggingface_hub.HfFileSystem.clear_instance_cache()


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def take_back(folder: Path, *records: Vote | Rating) -> None:
    lines = [json.dumps({"id": record.id, "receipt": record.receipt, "deleted": "2026"}) for record in records]
    (folder / "deleted").mkdir(exist_ok=True)
    (folder / "deleted" / "one.jsonl").write_text("\n".join(lines) + "\n")


def figures(found: Board) -> str:
    """All but where it is from."""
    values = json.loads(found.to_json())
    return json.dumps(
        {name: values[name] for name in values.keys() - {"dataset", "revision", "deletions"}}, sort_keys=True
    )


def test_the_hub_gives_the_board_of_a_copy(hub: LoopbackHub, copy: Path) -> None:
    commit = hub.commit(KEY, files_of(copy))
    found = board("owner/answers")
    assert figures(found) == figures(board(copy))
    assert (found.dataset, found.revision, found.deletions) == ("owner/answers", commit, commit)


def test_an_old_revision_is_counted_without_what_was_taken_back_since(hub: LoopbackHub, copy: Path) -> None:
    old = hub.commit(KEY, files_of(copy))
    take_back(copy, VOTES[3], THUMBS[4])
    write(copy, "d", [vote(5000, origin="simulated")])
    new = hub.commit(KEY, files_of(copy))
    found = board("owner/answers", old)
    assert (found.revision, found.deletions) == (old, new)
    assert (found.votes, found.ratings) == (len(VOTES) - 1, len(THUMBS) - 1)
    assert found.left_out == {"ratings: taken back": 1, "votes: taken back": 1}


def test_pictures_are_not_fetched(hub: LoopbackHub, copy: Path) -> None:
    path = copy / "data" / "pairs" / "2026-11" / "a.parquet"
    table = pq.read_table(path)
    random = np.random.default_rng(0)
    heavy = pa.array([{"bytes": random.bytes(20_000), "path": None} for _ in table["id"]])
    pq.write_table(table.append_column("left_picture", heavy), path, row_group_size=50, use_dictionary=["rater"])
    hub.commit(KEY, files_of(copy))
    assert board("owner/answers").votes == len(VOTES)
    assert sum(hub.sent.values()) < path.stat().st_size / 5


def test_a_dataset_that_cannot_be_had_is_told_as_such(hub: LoopbackHub, copy: Path) -> None:
    with pytest.raises(UnavailableError, match="has no dataset owner/answers"):
        board("owner/answers")
    hub.commit(KEY, files_of(copy))
    with pytest.raises(InputError, match="no such revision"):
        board("owner/answers", "0" * 40)
    hub.commit("datasets/owner/empty", {"README.md": b"# Nothing"})
    with pytest.raises(InputError, match="has no ratings or votes"):
        board("owner/empty")
    hub.down = True
    with pytest.raises(UnavailableError):
        board("owner/answers")


def test_columns_that_an_older_version_lacks_are_taken_as_empty(tmp_path: Path) -> None:
    older = ("schema", "created", "case", "mask_pixels", "mask_made_by", "flags", "gold", "receipt", "left_result")
    write(tmp_path / "old", "a", VOTES, drop=older)
    write(tmp_path / "new", "a", VOTES)
    old, new = board(tmp_path / "old"), board(tmp_path / "new")
    assert old.methods == new.methods
    assert (old.first, new.first) == ("", "2026-11-21")
    assert old.strata == ()
    assert new.strata
    assert old.left_out == {}


def test_older_and_newer_files_are_counted_together(tmp_path: Path) -> None:
    write(tmp_path, "old", VOTES[:100], drop=("gold", "flags", "mask_made_by"))
    write(tmp_path, "new", VOTES[100:])
    assert board(tmp_path).votes == len(VOTES)


def test_a_file_without_what_a_vote_must_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", VOTES, drop=("choice", "rater"))
    with pytest.raises(InputError, match=r"a\.parquet lacks columns of a vote: choice, rater"):
        board(tmp_path)


@pytest.mark.parametrize("drop", [(), ("choice", "rater")])
def test_a_newer_version_is_refused_whatever_its_columns(tmp_path: Path, drop: tuple[str, ...]) -> None:
    write(tmp_path, "a", [*VOTES[:9], vote(999, schema=2)], drop=drop)
    with pytest.raises(InputError, match=r"a\.parquet has votes of version 2, and this program knows 1") as raised:
        board(tmp_path)
    assert raised.value.hint == "Update the program."


@pytest.mark.parametrize("damage", [b"", b"PAR1 no parquet", None])
def test_a_damaged_file_is_an_error_and_no_skip(copy: Path, damage: bytes | None) -> None:
    path = copy / "data" / "pairs" / "2026-11" / "b.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    with pytest.raises(StorageError, match=r"b\.parquet is damaged"):
        board(copy)


def test_a_file_with_other_types_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "a", VOTES)
    table = pq.read_table(path)
    at = table.schema.get_field_index("flags")
    pq.write_table(table.set_column(at, "flags", pa.array([1.5] * len(table))), path)
    with pytest.raises(StorageError, match=r"a\.parquet is damaged or holds no answers"):
        board(tmp_path)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "1"}', "\udcff"])
def test_a_list_of_deletions_that_cannot_be_read_is_an_error(copy: Path, line: str) -> None:
    (copy / "deleted").mkdir()
    (copy / "deleted" / "one.jsonl").write_bytes(line.encode(errors="surrogateescape"))
    with pytest.raises(StorageError, match=r"one\.jsonl cannot be read"):
        board(copy)


def test_a_row_that_lacks_what_it_must_have_is_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "a", VOTES[:6])
    table = pq.read_table(path).to_pylist()
    table[0]["id"] = None
    table[1]["id"] = "short"
    table[2]["left_method"] = None
    table[3]["right_method"] = ""
    table[4]["gold"] = "maybe"
    pq.write_table(pa.Table.from_pylist(table), path)
    found = board(tmp_path)
    assert (found.votes, found.left_out) == (1, {"votes: cannot be read": 5})


def test_large_and_dictionary_columns_are_read_too(tmp_path: Path) -> None:
    path = write(tmp_path / "other", "a", VOTES)
    table = pq.read_table(path)
    fields = [
        field.with_type(pa.large_string() if field.name == "id" else pa.dictionary(pa.int16(), pa.string()))
        if pa.types.is_string(field.type)
        else field
        for field in table.schema
    ]
    pq.write_table(table.cast(pa.schema(fields)), path)
    write(tmp_path / "plain", "a", VOTES)
    assert figures(board(tmp_path / "other")) == figures(board(tmp_path / "plain"))


def test_votes_without_digests_count_but_tell_nothing_of_agreement(tmp_path: Path) -> None:
    same = [vote(n, photo=1, left_result="gone", rater=digest(n)) for n in range(5)]
    write(tmp_path, "a", same)
    found = count(open_answers(str(tmp_path)), now=NOW)
    assert (found.votes, found.agreement, found.agreement_units) == (5, None, 0)
