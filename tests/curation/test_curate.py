"""Curating with a real remover and a judge that is a hash: what is kept where, what is done again, what is counted."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.annotating.annotating import Annotating, Issued
from rorem_demo.annotating.feeds import FolderFeed
from rorem_demo.curation.candidates import Candidate, is_layout, listed
from rorem_demo.curation.curate import Order, Outcome, curate
from rorem_demo.curation.recipe import BANDS
from rorem_demo.curation.rounds import Rounds, shard_of
from rorem_demo.curation.table import markdown
from rorem_demo.curation.team import Team
from rorem_demo.curation.work import Judge
from rorem_demo.discriminator.examples import read_examples
from rorem_demo.errors import InputError, StorageError, UnavailableError
from rorem_demo.feedback.layout import read_folder
from rorem_demo.feedback.triplets import Triplet
from rorem_demo.imaging.io import decode_mask, decode_photo
from rorem_demo.imaging.types import Image, Mask, size_of
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.curation.rendered import Always, Stub, candidates, contents, order, write_photos
from tests.doubles import CATALOGUE

pytestmark = pytest.mark.slow

LIMIT = 1_000_000


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services.assemble(Settings(data=tmp_path / "data", max_megapixels=1.0), CATALOGUE)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "images", 12)


def done(services: Services, asked: Order, judge: Judge | None = None, team: Team | None = None) -> Outcome:
    return curate(services, judge or Stub(), asked, team or Team())


def meta(folder: Path, band: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / band / "meta.json").read_text())
    return rows


# --- what is kept where -------------------------------------------------------------------------------------------


def test_every_mask_gives_a_triplet_in_the_folder_of_its_score(
    services: Services, images: Path, tmp_path: Path
) -> None:
    found = done(services, order(images, tmp_path / "out"))
    rows = {band: meta(tmp_path / "out", band) for band in BANDS}
    assert all(rows.values()), "the photos were chosen so"
    assert sorted(row["photo"] for band in BANDS for row in rows[band]) == [one.photo for one in candidates(images)]
    assert all(row["score"] >= 0.7 for row in rows["accepted"])
    assert all(0.3 <= row["score"] < 0.7 for row in rows["unsure"])
    assert all(row["score"] < 0.3 for row in rows["rejected"])
    (summary,) = found.merged.summaries
    counts = (summary.selected, summary.unsure, summary.rejected)
    assert counts == tuple(len(rows[band]) for band in BANDS)
    assert (summary.tested, summary.total, summary.failed) == (12, summary.selected, 0)


def test_a_row_tells_how_its_result_was_made(services: Services, images: Path, tmp_path: Path) -> None:
    done(services, order(images, tmp_path / "out", options={"seed": 5, "grow": 3}))
    row = meta(tmp_path / "out", "accepted")[0]
    told = {name: row[name] for name in ("origin", "judge", "method", "revision", "seed", "device", "licence")}
    assert told == {
        "origin": "curated",
        "judge": "stub-1",
        "method": "telea",
        "revision": "1",
        "seed": 5,
        "device": "cpu",
        "licence": "CC0-1.0",
    }
    assert (row["options"]["grow"], row["options"]["seed"], row["mask_made_by"]) == (3, 5, ["file"])
    assert row["seconds"] > 0


def test_pictures_are_those_of_the_removal(services: Services, images: Path, tmp_path: Path) -> None:
    done(services, order(images, tmp_path / "out"))
    row = meta(tmp_path / "out", "accepted")[0]
    photo = decode_photo((images / row["photo"]).read_bytes(), max_pixels=LIMIT).image
    marked = (images / row["photo"].replace(".", "_mask.")).read_bytes()
    files = {name: (tmp_path / "out/accepted" / row[name]).read_bytes() for name in ("source", "mask", "GT")}
    source, result = (decode_photo(files[name], max_pixels=LIMIT).image for name in ("source", "GT"))
    mask = decode_mask(files["mask"], size_of(photo), max_pixels=LIMIT)
    assert np.abs(source.astype(int) - photo).mean() < 4
    assert (mask >= decode_mask(marked, size_of(photo), max_pixels=LIMIT)).all(), "grown"
    changed = np.abs(source.astype(int) - result).mean(axis=2)
    assert changed[mask].mean() > 10 * changed[~mask].mean()


def test_predictions_are_no_answers_for_whoever_reads_the_folder(
    services: Services, images: Path, tmp_path: Path
) -> None:
    done(services, order(images, tmp_path / "out", judge="always-1"), Always(1.0))
    triplets = list(read_folder(tmp_path / "out/accepted", max_pixels=LIMIT))
    assert len(triplets) == 12
    assert all(isinstance(one, Triplet) and one.label is None for one in triplets)
    examples = read_examples(str(tmp_path / "out/accepted"))
    assert (len(examples), examples.counts["without-answer"]) == (0, 12)


def test_pictures_of_what_is_rejected_may_be_left_out_and_are_counted_all_the_same(
    services: Services, images: Path, tmp_path: Path
) -> None:
    found = done(services, order(images, tmp_path / "out", rejected=False))
    assert found.merged.summaries[0].rejected > 0
    assert not (tmp_path / "out/rejected").exists()


def test_the_unsure_ones_are_a_queue_for_annotators_the_least_sure_first(
    services: Services, images: Path, tmp_path: Path
) -> None:
    done(services, order(images, tmp_path / "out"))
    rows = meta(tmp_path / "out", "unsure")
    distances = [abs(row["score"] - 0.5) for row in rows]
    assert distances == sorted(distances)
    annotating = Annotating(services.judging, FolderFeed(tmp_path / "out/unsure"), LIMIT)
    annotating.next("anna", ())
    deadline = time.monotonic() + 30
    while annotating.pile.is_reading and time.monotonic() < deadline:
        time.sleep(0.01)
    issued = annotating.next("anna", ())
    assert isinstance(issued, Issued)
    assert (issued.left, annotating.pile.broken) == (len(rows), 0)
    item = annotating.ticket(issued.ticket).item
    assert (item.number, item.origin.method, item.origin.licence) == (0, "telea", "CC0-1.0")
    services.close(0.0)


# --- again, and further -------------------------------------------------------------------------------------------


def test_a_finished_round_is_not_done_again(services: Services, images: Path, tmp_path: Path) -> None:
    first = done(services, order(images, tmp_path / "out"))
    before, judge = contents(tmp_path / "out"), Stub()
    again = done(services, order(images, tmp_path / "out"), judge)
    assert (again.round, judge.asked) == (0, 0)
    assert again.merged == first.merged
    assert contents(tmp_path / "out") == before


class Stopping(Stub):
    """Stops the program when it has been asked so often."""

    def score(self, source: Image, mask: Mask, result: Image) -> float:
        if self.asked == 5:
            raise KeyboardInterrupt
        return super().score(source, mask, result)


def test_a_round_that_was_stopped_goes_on_shard_by_shard(services: Services, images: Path, tmp_path: Path) -> None:
    done(services, order(images, tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        done(services, order(images, tmp_path / "out"), Stopping())
    (begun,) = Rounds(tmp_path / "out/rounds").all()
    kept = sum(len(begun.shards[number]) for number in begun.shards if number not in begun.undone())
    assert 0 < kept <= 5
    judge = Stub()
    done(services, order(images, tmp_path / "out"), judge)
    assert judge.asked == 12 - kept
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_what_killed_processes_leave_goes_and_what_others_keep_there_stays(
    services: Services, images: Path, tmp_path: Path
) -> None:
    done(services, order(images, tmp_path / "out"))
    before, name = contents(tmp_path / "out"), "ab" * 32
    left = ("rounds.md.0f.tmp", "accepted/meta.json.0f.tmp", "rounds/0001/shard-00000.json.0f.tmp")
    pictures = (f"accepted/GT/{name}.jpg", f"unsure/mask/{name}.png.0f.tmp")
    for path in (*left, *pictures):
        (tmp_path / "out" / path).write_text("half")
    notes = ("accepted/GT/notes.txt", "notes.tmp", "LICENSE")
    for path in notes:
        (tmp_path / "out" / path).write_text("mine")
    done(services, order(images, tmp_path / "out"))
    after = contents(tmp_path / "out")
    assert {path: after.pop(path) for path in notes} == dict.fromkeys(notes, b"mine")
    assert after == before


def test_new_photos_are_a_new_round_of_their_own(services: Services, images: Path, tmp_path: Path) -> None:
    first = done(services, order(images, tmp_path / "out", title="Auto 1")).merged.summaries[0]
    write_photos(images, 4, start=12)
    judge = Stub()
    found = done(services, order(images, tmp_path / "out", title="Auto 2"), judge)
    assert (found.round, judge.asked) == (2, 4)
    second = found.merged.summaries[1]
    assert found.merged.summaries[0] == first
    assert (second.title, second.tested, second.total) == ("Auto 2", 4, first.selected + second.selected)
    assert len(meta(tmp_path / "out", "accepted")) == second.total


def test_photos_that_come_while_a_round_is_stopped_wait_for_the_next(
    services: Services, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        done(services, order(images, tmp_path / "out"), Stopping())
    write_photos(images, 1, start=12)
    assert done(services, order(images, tmp_path / "out")).merged.summaries[0].tested == 12
    assert done(services, order(images, tmp_path / "out")).merged.summaries[1].tested == 1


def test_a_round_that_was_stopped_is_not_gone_on_with_otherwise(
    services: Services, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        done(services, order(images, tmp_path / "out"), Stopping())
    with pytest.raises(InputError, match="is not finished and has method 'telea', not 'navier-stokes'"):
        done(services, order(images, tmp_path / "out", method="navier-stokes"))


def test_the_later_word_on_the_same_pixels_counts(services: Services, images: Path, tmp_path: Path) -> None:
    done(services, order(images, tmp_path / "out"))
    found = done(services, order(images, tmp_path / "out", judge="always-1"), Always(0.99))
    second = found.merged.summaries[1]
    assert (second.tested, second.selected, second.total) == (12, 12, 12)
    assert len(meta(tmp_path / "out", "accepted")) == 12
    assert meta(tmp_path / "out", "unsure") == meta(tmp_path / "out", "rejected") == []
    assert not list((tmp_path / "out/unsure/GT").iterdir()), "no picture without a row"


def test_the_same_photo_under_two_names_counts_once(services: Services, images: Path, tmp_path: Path) -> None:
    for name in ("000.png", "000_mask.png"):
        shutil.copy(images / name, images / f"copy-{name}")
    found = done(services, order(images, tmp_path / "out", judge="always-1"), Always(0.99))
    (summary,) = found.merged.summaries
    assert (summary.tested, summary.repeated, summary.selected) == (12, 1, 12)
    assert len(meta(tmp_path / "out", "accepted")) == 12


# --- several processes --------------------------------------------------------------------------------------------


@given(st.text(max_size=8), st.integers(1, 50))
def test_a_photo_is_in_one_shard_for_good(name: str, count: int) -> None:
    assert shard_of(name, count) == shard_of(name, count) < count


def test_shards_are_not_a_process_s_own_hash() -> None:
    assert [shard_of(f"{number}.jpg", 10) for number in range(6)] == [8, 5, 4, 2, 5, 9]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_members_of_a_team_do_every_photo_once(services: Services, images: Path, tmp_path: Path, count: int) -> None:
    """One after the other: each finds its own share undone, and nobody does another's."""
    done(services, order(images, tmp_path / "whole"))
    judge = Stub()
    for index in range(count):
        asked = order(images, tmp_path / "out")
        if index < count - 1:
            from rorem_demo.curation.curate import _opened, _work
            from rorem_demo.curation.work import Worker

            _opened(asked)
            (begun,) = Rounds(tmp_path / "out/rounds").all()
            worker = Worker(services, judge, asked.recipe, asked.folder)
            _work(begun, worker, Team(index=index, count=count), lambda *_: None)
    done(services, order(images, tmp_path / "out"), judge)
    assert judge.asked == 12
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_second_run_at_the_same_folder_is_refused(services: Services, images: Path, tmp_path: Path) -> None:
    class Impatient(Stub):
        def score(self, source: Image, mask: Mask, result: Image) -> float:
            with pytest.raises(UnavailableError, match="Another run"):
                done(services, order(images, tmp_path / "out"))
            return super().score(source, mask, result)

    asked = replace(order(images, tmp_path / "out"), candidates=candidates(images)[:1])
    assert done(services, asked, Impatient()).merged.summaries[0].tested == 1


def test_a_machine_with_another_model_is_refused(services: Services, images: Path, tmp_path: Path) -> None:
    class Follower(Team):
        """Is told what the one that leads did."""

        def once(self, do: Any) -> Any:
            return 1

    with pytest.raises(KeyboardInterrupt):
        done(services, order(images, tmp_path / "out"), Stopping())
    with pytest.raises(InputError, match="judge 'stub-1', not 'stub-2'"):
        done(services, order(images, tmp_path / "out", judge="stub-2"), team=Follower(index=1, count=2))


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.fixture
def spoilt(images: Path) -> Path:
    """Five of twelve cannot be tested."""
    (images / "000.png").write_text("no photo")
    (images / "001.png").write_bytes((images / "001.png").read_bytes()[:300])
    (images / "002_mask.png").unlink()
    (images / "003_mask.png").write_bytes((images / "004.png").read_bytes()[:50])
    from rorem_demo.imaging.io import encode_mask

    (images / "005_mask.png").write_bytes(encode_mask(np.zeros((150, 200), np.bool_)))
    return images


def test_what_cannot_be_tested_is_counted_and_listed(services: Services, spoilt: Path, tmp_path: Path) -> None:
    found = done(services, order(spoilt, tmp_path / "out"))
    summary = found.merged.summaries[0]
    assert (summary.tested, summary.failed) == (7, 5)
    told = {row.photo: row.sentence for row in found.failures}
    assert sorted(told) == ["000.png", "001.png", "002.png", "003.png", "005.png"]
    assert "not a photo" in told["000.png"]
    assert "Cannot read" in told["002.png"]
    assert "Nothing is marked" in told["005.png"]
    listed_ = json.loads((tmp_path / "out/failures.json").read_text())
    assert {row["photo"]: row["sentence"] for row in listed_} == told
    assert {row["round"] for row in listed_} == {1}


def test_failures_are_tried_again_only_when_asked(services: Services, spoilt: Path, tmp_path: Path) -> None:
    done(services, order(spoilt, tmp_path / "out"))
    assert done(services, order(spoilt, tmp_path / "out")).round == 0
    write_photos(spoilt, 2)
    found = done(services, order(spoilt, tmp_path / "out", retry=True))
    second = found.merged.summaries[1]
    assert (found.round, second.tested, second.failed) == (2, 2, 3)
    assert done(services, order(spoilt, tmp_path / "out")).round == 0


class Picky(Stub):
    """Fails on one result."""

    def score(self, source: Image, mask: Mask, result: Image) -> float:
        self.asked += 1
        if self.asked == 4:
            raise RuntimeError("out of\nluck")
        return 0.5


def test_a_fault_on_one_photo_does_not_end_the_round(services: Services, images: Path, tmp_path: Path) -> None:
    found = done(services, order(images, tmp_path / "out"), Picky())
    assert [row.sentence for row in found.failures] == ["RuntimeError: out of luck"]
    assert found.merged.summaries[0].tested == 11


def test_a_remover_that_fails_on_every_photo_ends_the_round_and_leaves_it_undone(
    services: Services, tmp_path: Path
) -> None:
    images = write_photos(tmp_path / "many", 21)
    with pytest.raises(UnavailableError, match="20 removals failed, the last with: Broken"):
        done(services, order(images, tmp_path / "out", method="broken", shard_size=100))
    assert Rounds(tmp_path / "out/rounds").all()[0].undone()


def test_a_method_that_cannot_run_here_is_refused_before_anything_is_written(
    services: Services, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnavailableError, match="cannot run here"):
        done(services, order(images, tmp_path / "out", method="absent"))
    assert not (tmp_path / "out").exists()


def test_a_folder_with_data_from_elsewhere_is_left_alone(services: Services, images: Path, tmp_path: Path) -> None:
    (tmp_path / "out/accepted").mkdir(parents=True)
    (tmp_path / "out/accepted/meta.json").write_text("[]")
    with pytest.raises(InputError, match="from elsewhere"):
        done(services, order(images, tmp_path / "out"))


def test_a_damaged_shard_is_named(services: Services, images: Path, tmp_path: Path) -> None:
    done(services, order(images, tmp_path / "out"))
    shard = next((tmp_path / "out/rounds/0001").glob("shard-*"))
    shard.write_text(shard.read_text()[:40])
    with pytest.raises(StorageError, match=shard.name):
        done(services, order(images, tmp_path / "out"))
    shard.unlink()
    assert done(services, order(images, tmp_path / "out")).merged.summaries[0].tested == 12


# --- RORem's layout as a source -----------------------------------------------------------------------------------


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Two masks of one photo, and entries that lead nowhere."""
    folder = write_photos(tmp_path / "layout", 2)
    (tmp_path / "secret.png").write_bytes((folder / "000.png").read_bytes())
    rows = [
        {"source": "000.png", "mask": "000_mask.png", "GT": "000.png", "score": 1},
        {"source": "000.png", "mask": "001_mask.png"},
        {"source": "../secret.png", "mask": "000_mask.png"},
        "nothing",
    ]
    (folder / "meta.json").write_text(json.dumps(rows))
    return folder


def test_a_folder_in_rorems_layout_gives_photo_and_mask_of_each_entry(
    services: Services, layout: Path, tmp_path: Path
) -> None:
    assert is_layout(layout)
    found = done(services, order(layout, tmp_path / "out", candidates=listed(layout)))
    assert (found.merged.summaries[0].tested, found.merged.summaries[0].failed) == (2, 2)
    assert sorted(row.photo for row in found.failures) == ["meta.json#2", "meta.json#3"]
    assert all("names no source and mask inside" in row.sentence for row in found.failures)


def test_a_meta_json_that_lists_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("[]")
    with pytest.raises(InputError, match="lists nothing"):
        listed(tmp_path)


# --- the table ----------------------------------------------------------------------------------------------------


def test_rounds_are_written_as_the_paper_has_them(services: Services, images: Path, tmp_path: Path) -> None:
    found = done(services, order(images, tmp_path / "out", title="Auto | 1"))
    text = (tmp_path / "out/rounds.md").read_text()
    assert text == markdown(found.merged.summaries)
    lines = text.splitlines()
    assert lines[0].startswith("| round | images | method | judge | tested | selected | total | rate |")
    summary = found.merged.summaries[0]
    assert summary.rate is not None
    rate = f"{summary.rate:.1%}"
    assert lines[2].startswith(
        f"| Auto \\| 1 | images | telea | stub-1 | 12 | {summary.selected} | {summary.total} | {rate} "
    )
    (row,) = json.loads((tmp_path / "out/rounds.json").read_text())
    assert (row["tested"], row["selected"], row["rate"]) == (12, summary.selected, summary.selected / 12)


def test_a_round_in_which_nothing_could_be_tested_has_no_rate(services: Services, tmp_path: Path) -> None:
    asked = order(tmp_path, tmp_path / "out", candidates=[Candidate("none.png", "none_mask.png")])
    (summary,) = done(services, asked).merged.summaries
    assert (summary.rate, summary.tested, summary.failed) == (None, 0, 1)
