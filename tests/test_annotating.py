"""Annotating: who is shown which result, and what is kept of their answers. The store is the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.annotating.annotating import Annotating, Issued, Nothing
from rorem_demo.annotating.feeds import Feed, FolderFeed, HubFeed, Row, feed_of, licence_of, read_meta
from rorem_demo.annotating.items import Item, _origin, _score, read_item
from rorem_demo.errors import ConfigError, InputError, UnavailableError
from rorem_demo.feedback.pictures import digest
from rorem_demo.feedback.records import Answer, Rating, Receipt
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.tickets import LIFETIME, GoneError, Ticket, Tickets
from tests.hub import LoopbackHub
from tests.triplets import HEIGHT, WIDTH, triplet, write_folder, write_meta

YES, NO = Answer(removed=True), Answer(removed=False)
LIMIT = 10_000


class Bench:
    """A program with a folder of results, and visitors who answer."""

    def __init__(self, path: Path, feed: Feed | None, **given: Any) -> None:
        self.services = Services.assemble(Settings(data=path / "data", ratings_per_minute=1000))
        self.annotating = Annotating(self.services.judging, feed, LIMIT, **given)

    def next(self, visit: str = "anna", *skip: str) -> Issued | Nothing:
        """What is issued once the feed has been read."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = self.annotating.next(visit, skip)
            if not self.annotating.pile.is_reading:
                return self.annotating.next(visit, skip) if isinstance(found, Nothing) and found.wait else found
            time.sleep(0.01)
        raise AssertionError("the feed is still being read")

    def issued(self, visit: str = "anna", *skip: str) -> Issued:
        self.next(visit, *skip)  # one that was given while there were others to be read
        found = self.next(visit, *skip)
        assert isinstance(found, Issued), found
        return found

    def number(self, issued: Issued) -> int:
        return self.annotating.ticket(issued.ticket).item.number

    def answer(self, visit: str = "anna", answer: Answer = YES) -> int:
        """Answer what comes next; returns its number."""
        issued = self.issued(visit)
        self.annotating.rate(issued.ticket, answer, visit=visit, address="10.0.0.1")
        return self.number(issued)

    @property
    def rows(self) -> list[Rating]:
        return [held.record for held in self.services.judging.desk.store.each(Rating)]

    def sentence(self, visit: str = "anna", *skip: str) -> str:
        found = self.next(visit, *skip)
        assert isinstance(found, Nothing), found
        assert not found.wait
        return found.sentence


Make = Callable[..., Bench]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three results."""
    write_folder(tmp_path / "results", 3)
    return tmp_path / "results"


@pytest.fixture
def make(tmp_path: Path, folder: Path) -> Iterator[Make]:
    """Programs on the folder; the later ones find what the earlier ones kept."""
    made: list[Bench] = []

    def benched(feed: Feed | None = None, **given: Any) -> Bench:
        made.append(Bench(tmp_path, feed or FolderFeed(folder), **given))
        return made[-1]

    yield benched
    for bench in made:
        bench.services.close(0.0)


# --- whose turn it is ---------------------------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_file_and_each_once(make: Make) -> None:
    bench = make()
    assert [bench.answer() for _ in range(3)] == [0, 1, 2]
    assert bench.sentence() == "You have answered all that waits here. Thank you."


def test_it_is_told_how_many_are_done_and_left(make: Make) -> None:
    bench = make()
    bench.answer()
    issued = bench.issued()
    assert (issued.done, issued.left) == (1, 2)


def test_another_visitor_is_first_asked_what_nobody_answered(make: Make) -> None:
    bench = make()
    bench.answer("anna")
    assert [bench.answer("bert") for _ in range(3)] == [1, 2, 0]


def test_what_was_issued_already_is_not_issued_again_where_the_page_says_so(make: Make) -> None:
    bench = make()
    first = bench.issued()
    second = bench.issued("anna", first.ticket)
    assert bench.number(second) == 1
    third = bench.issued("anna", first.ticket, second.ticket)
    everything = first.ticket, second.ticket, third.ticket
    assert (
        bench.sentence("anna", *everything)
        == "You have seen all that waits here. Reload the page for what you skipped."
    )
    assert bench.number(bench.issued("bert", *everything)) == 0, "another visit's ids mean nothing"


def test_a_higher_priority_comes_first_among_those_equally_often_answered(make: Make) -> None:
    bench = make(priority=lambda item: {0: 0.1, 1: 0.9, 2: 0.5}[item.number])
    assert [bench.answer() for _ in range(3)] == [1, 2, 0]


def test_what_a_discriminator_was_least_sure_of_comes_first(make: Make, folder: Path) -> None:
    told: list[dict[str, float]] = [{"score": 0.9}, {}, {"score": 0.45}, {"score": 1}, {"score": 0.3}, {"score": 0.52}]
    write_meta(folder, [row | score for row, score in zip(write_folder(folder, 6), told, strict=True)])
    bench = make()
    assert [bench.answer() for _ in range(6)] == [5, 2, 4, 0, 1, 3], "what nobody was asked of last, as in the file"


def test_what_nobody_answered_comes_before_what_a_discriminator_doubted(make: Make, folder: Path) -> None:
    rows = read_meta(folder)
    write_meta(folder, [{**rows[0], "score": 0.5}, {**rows[1], "score": 0.9}, rows[2]])
    bench = make()
    assert bench.answer("anna") == 0
    assert [bench.answer("bert") for _ in range(3)] == [1, 2, 0]


def test_after_a_restart_everybody_goes_on_where_they_were(make: Make) -> None:
    bench = make()
    assert bench.answer("anna") == 0
    later = make()
    issued = later.issued("anna")
    assert (later.number(issued), issued.done, issued.left) == (1, 1, 2)
    assert [later.answer("bert") for _ in range(3)] == [1, 2, 0], "answers of before count"


def test_a_folder_that_was_sorted_anew_keeps_its_answers(make: Make, folder: Path) -> None:
    make().answer()
    write_meta(folder, read_meta(folder)[::-1])
    later = make()
    assert [later.answer() for _ in range(2)] == [0, 1]
    assert later.sentence().startswith("You have answered all")


def test_the_same_result_twice_is_asked_once(make: Make, folder: Path) -> None:
    write_meta(folder, read_meta(folder) * 2)
    bench = make()
    assert bench.issued().left == 3


def test_without_a_feed_nothing_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path, None)
    assert bench.sentence() == "Nothing waits for an answer here."
    bench.services.close(0.0)


# --- answers ------------------------------------------------------------------------------------------------------


def test_an_answer_is_kept_with_its_pictures_and_where_they_are_from(make: Make, folder: Path) -> None:
    about = {"method": "migan", "seed": 7, "seconds": 1.5, "revision": "abc", "device": "gpu", "licence": "MIT"}
    write_folder(folder, 3, **about, options={"steps": 4})
    bench = make()
    bench.answer(answer=NO)
    (row,) = bench.rows
    source, mask, result = triplet(0)
    assert (row.origin, row.label, row.consent, row.licence) == ("annotate", 0, "public", "MIT")
    assert (row.method, row.revision, row.device, row.seconds) == ("migan", "abc", "gpu", 1.5)
    assert row.options == '{"seed": 7, "steps": 4}'
    assert (row.source, row.mask, row.result) == (digest(source), digest(mask), digest(result))
    assert (row.width, row.height, row.mask_pixels, row.mask_made_by) == (WIDTH, HEIGHT, int(mask.sum()), ("file",))
    assert row.files is not None


def test_digests_that_a_row_tells_are_those_of_the_answer(make: Make, folder: Path) -> None:
    told = {"source": "a" * 64, "mask": "b" * 64, "result": "c" * 64}
    rows = read_meta(folder)
    write_meta(folder, [{**rows[0], "digests": told}, {**rows[1], "digests": told | {"mask": "short"}}])
    bench = make()
    assert [bench.answer(), bench.answer()] == [0, 1]
    assert [(row.source, row.mask, row.result) for row in bench.rows] == [
        tuple(told.values()),
        tuple(map(digest, triplet(1))),
    ]
    assert make().sentence() == "You have answered all that waits here. Thank you."  # after a restart


def test_what_the_folder_does_not_say_is_unknown(make: Make) -> None:
    bench = make()
    bench.answer()
    (row,) = bench.rows
    assert (row.method, row.licence, row.consent, row.options) == ("unknown", "unknown", "public", "{}")


def test_a_licence_file_speaks_for_rows_that_say_nothing(make: Make, folder: Path) -> None:
    (folder / "LICENSE.txt").write_text("\n CC BY 4.0 \nmore")
    bench = make()
    bench.answer()
    assert bench.rows[0].licence == "CC BY 4.0"


def test_a_change_of_mind_supersedes_and_the_same_again_is_one_answer(make: Make) -> None:
    bench = make()
    issued = bench.issued()

    def rate(answer: Answer) -> Receipt:
        return bench.annotating.rate(issued.ticket, answer, visit="anna", address="10.0.0.1")

    first, again, changed = rate(YES), rate(YES), rate(Answer(removed=False, reasons=("blurry",)))
    assert first == again
    assert changed.text != first.text
    assert [(row.label, row.reasons) for row in bench.rows] == [(1, ()), (0, ("blurry",))]
    assert bench.rows[1].supersedes == first.id
    assert bench.issued().done == 1


def test_nobody_is_said_to_share_what_was_public(make: Make) -> None:
    bench = make()
    receipt = bench.annotating.rate(bench.issued().ticket, Answer(removed=True, share=True), visit="anna", address="")
    assert not receipt.share


def test_a_look_that_was_too_short_is_flagged_though_the_picture_was_fetched_ahead(make: Make) -> None:
    bench = make()
    for looked, flags in ((0.2, ("too-fast",)), (5.0, ())):
        ticket = bench.issued().ticket
        found = bench.annotating._tickets._held[ticket]
        bench.annotating._tickets._held[ticket] = Ticket(
            found.item, found.visit, found.expires, found.issued - timedelta(minutes=1)
        )
        bench.annotating.rate(ticket, YES, visit="anna", address="", looked=looked)
        assert bench.rows[-1].flags == flags


def test_an_id_that_was_forged_is_refused_and_counted(make: Make) -> None:
    bench = make()
    with pytest.raises(GoneError, match="no longer open"):
        bench.annotating.rate("forged", YES, visit="anna", address="")
    assert bench.services.judging.desk.status().refused == {"unknown": 1}
    assert bench.rows == []


def test_somebody_elses_id_is_refused_and_counted(make: Make) -> None:
    bench = make()
    with pytest.raises(InputError, match="another page"):
        bench.annotating.rate(bench.issued("anna").ticket, YES, visit="bert", address="")
    assert bench.services.judging.desk.status().refused == {"foreign": 1}
    assert bench.rows == []


def test_an_id_expires(make: Make) -> None:
    now = [100.0]
    bench = make(clock=lambda: now[0])
    ticket = bench.issued().ticket
    now[0] += LIFETIME + 1
    with pytest.raises(GoneError):
        bench.annotating.rate(ticket, YES, visit="anna", address="")
    assert bench.rows == []


def test_the_oldest_ids_go_first(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("rorem_demo.tickets.MOST", 2)
    tickets, item = Tickets(), item_of(folder, {})
    keys = [tickets.issue(item, "anna") for _ in range(3)]
    assert [tickets.find(key) is not None for key in keys] == [False, True, True]
    assert len(set(keys)) == 3


def test_files_that_changed_since_they_were_shown_are_not_kept_under_the_old_answer(make: Make, folder: Path) -> None:
    bench = make()
    ticket = bench.issued().ticket
    (folder / "GT/0.png").write_bytes((folder / "GT/1.png").read_bytes())
    with pytest.raises(InputError, match="have changed"):
        bench.annotating.rate(ticket, YES, visit="anna", address="")
    assert bench.rows == []


# --- what is left out ---------------------------------------------------------------------------------------------


def item_of(folder: Path, about: dict[str, Any]) -> Item:
    return read_item(folder, {**read_meta(folder)[0], **about}, 0, licence="unknown", max_pixels=LIMIT)


def small(path: Path) -> None:
    PIL.Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)


def linked(folder: Path) -> None:
    outside = folder.parent / "outside.png"
    (folder / "GT/1.png").rename(outside)
    (folder / "GT/1.png").symlink_to(outside)


BREAKAGES: dict[str, Callable[[Path], object]] = {
    "a missing file": lambda folder: (folder / "GT/1.png").unlink(),
    "a torn file": lambda folder: os.truncate(folder / "source/1.png", 40),
    "another size": lambda folder: small(folder / "GT/1.png"),
    "another size of the mask": lambda folder: small(folder / "mask/1.png"),
    "nothing marked": lambda folder: PIL.Image.new("L", (WIDTH, HEIGHT)).save(folder / "mask/1.png"),
    "a name longer than any": lambda folder: write_meta(
        folder, [{**row, "GT": "x" * 5000} if at == 1 else row for at, row in enumerate(read_meta(folder))]
    ),
    "a link out of the folder": linked,
    "a row that is no object": lambda folder: write_meta(folder, [read_meta(folder)[0], 5, read_meta(folder)[2]]),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_broken_item_is_skipped_and_counted(make: Make, folder: Path, name: str) -> None:
    BREAKAGES[name](folder)
    bench = make()
    assert [bench.answer() for _ in range(2)] == [0, 2]
    assert bench.sentence().startswith("You have answered all")
    assert bench.annotating.pile.broken == 1


@pytest.mark.parametrize(
    "name", ["../outside.png", "/etc/hostname", "source/../../outside.png", "source", "", "a\0b", 5]
)
def test_a_row_reaches_no_file_outside_its_folder(folder: Path, name: object) -> None:
    (folder.parent / "outside.png").write_bytes((folder / "source/0.png").read_bytes())
    with pytest.raises(InputError):
        item_of(folder, {"source": name})


def test_a_picture_that_is_too_large_is_left_out(folder: Path) -> None:
    with pytest.raises(InputError, match="megapixels"):
        read_item(folder, read_meta(folder)[0], 0, licence="", max_pixels=100)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
DOUBTFUL = st.floats(0, 1, exclude_min=True, exclude_max=True)
ABOUT = ("method", "revision", "options", "seed", "seconds", "device", "mask_made_by", "licence")


@given(about=st.fixed_dictionaries({}, optional=dict.fromkeys(ABOUT, JSON)))
def test_whatever_a_row_says_of_its_making_is_kept_short_and_on_one_line(about: dict[str, Any]) -> None:
    origin = _origin(about, "unknown")
    for text in (origin.method, origin.revision, origin.device, origin.licence, *origin.made_by):
        assert len(text) <= 200
        assert text == " ".join(text.split())
    assert 0 <= origin.seconds < float("inf")
    assert isinstance(json.loads(origin.options), dict)
    assert origin.method
    assert origin.licence


@given(score=JSON | DOUBTFUL)
def test_whatever_a_row_says_of_its_score_is_a_prediction_or_nothing(score: Any) -> None:
    found = _score(score)
    assert found == score if isinstance(score, float) and 0 < score < 1 else found is None


# --- feeds --------------------------------------------------------------------------------------------------------


def test_a_setting_names_a_folder_or_a_dataset(tmp_path: Path) -> None:
    assert feed_of(None, tmp_path) is None
    assert isinstance(feed_of(str(tmp_path), tmp_path), FolderFeed)
    feed = feed_of("owner/name", tmp_path)
    assert isinstance(feed, HubFeed)
    assert feed.folder == tmp_path / "owner--name"


@pytest.mark.parametrize("setting", ["nowhere", "/not/there", "./not/there", "../name", "a/b/c"])
def test_any_other_setting_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ConfigError, match="ROREM_ANNOTATE"):
        feed_of(setting, tmp_path)


@pytest.mark.parametrize("text", ["", "{", '{"rows": []}', "5", "[" * 100_000])
def test_a_folder_without_a_list_says_so_to_whoever_opens_the_tab(make: Make, folder: Path, text: str) -> None:
    (folder / "meta.json").write_text(text)
    assert make().sentence().endswith("Give a folder in RORem's layout.")


def test_a_folder_without_a_licence_has_none(tmp_path: Path) -> None:
    assert licence_of(tmp_path) == ""
    (tmp_path / "LICENCE").write_text(" \n\n")
    assert licence_of(tmp_path) == ""


class Failing:
    """Gives one row, then fails, as often as it is read."""

    def __init__(self, folder: Path, error: Exception) -> None:
        self.folder, self._error, self.read = folder, error, 0

    def rows(self) -> Iterator[Row]:
        self.read += 1
        yield read_meta(self.folder)[0]
        raise self._error


def test_a_feed_that_breaks_off_leaves_what_it_gave(make: Make, folder: Path) -> None:
    bench = make(Failing(folder, UnavailableError("The dataset a/b could not be fetched.")))
    assert bench.answer() == 0
    assert bench.sentence() == "You have answered all that waits here. Thank you."


def test_a_feed_that_fails_is_told_in_one_sentence_and_read_again_after_a_while(make: Make, folder: Path) -> None:
    now = [0.0]
    write_meta(folder, [{}])
    feed = Failing(folder, RuntimeError("secret"))
    bench = make(feed, clock=lambda: now[0])
    assert bench.sentence() == "The results could not be read."
    assert bench.sentence()
    assert feed.read == 1
    now[0] += 301
    assert bench.sentence()
    assert feed.read == 2
    assert bench.annotating.pile.broken == 1


# --- a dataset on the Hub, with the real clients --------------------------------------------------------------------

FETCH = """
import sys
from pathlib import Path
from rorem_demo.annotating import feeds
from rorem_demo.errors import RoremError
feeds.MOST_FETCHED = int(sys.argv[2])
feed = feeds.HubFeed("owner/results", Path(sys.argv[1]))
try:
    for row in feed.rows():
        print(row["row"], row["GT"], row.get("method"), row.get("seed"))
except RoremError as error:
    print(error.sentence)
"""


class FetchedDataset:
    """Rows of a dataset as the program reads them, in a process of its own: the clients read the Hub's address once."""

    def __init__(self, hub: LoopbackHub, path: Path) -> None:
        self.hub, self.path, self.folder = hub, path, path / "copy"

    def publish(self, names: tuple[str, str, str], rows: int, *, without: int = -1, **columns: list[Any]) -> None:
        """`without`: number of a row that has no pictures."""
        import datasets

        pictures = {
            name: [None if row == without else PIL.Image.fromarray(triplet(row)[place]) for row in range(rows)]
            for place, name in enumerate(names)
        }
        features = datasets.Features(
            {name: datasets.Image() for name in names}
            | {name: datasets.Value("float64" if name == "score" else "string") for name in columns}
        )
        datasets.Dataset.from_dict({**pictures, **columns}, features=features).to_parquet(self.path / "shard.parquet")
        files = {"data/train-00000-of-00001.parquet": (self.path / "shard.parquet").read_bytes()}
        self.hub.commit("datasets/owner/results", files | {"README.md": b"---\nlicense: cc-by-4.0\n---\nResults."})

    def fetch(self, most: int = 2000) -> list[str]:
        variables = {
            **os.environ,
            "HF_ENDPOINT": self.hub.address,
            "HF_HOME": str(self.path / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        command = [sys.executable, "-c", FETCH, str(self.folder), str(most)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def fetched(tmp_path: Path) -> Iterator[FetchedDataset]:
    with LoopbackHub() as hub:
        yield FetchedDataset(hub, tmp_path)


@pytest.mark.slow
def test_a_dataset_is_copied_item_by_item_and_goes_on_where_it_stopped(make: Make, fetched: FetchedDataset) -> None:
    fetched.publish(("source", "mask", "GT"), 5, method=["migan"] * 5)
    assert fetched.fetch(2) == [f"{number} GT/{number:06} migan None" for number in range(2)]
    assert fetched.fetch(4) == [f"{number} GT/{number:06} migan None" for number in range(4)]
    fetched.hub.repositories["datasets/owner/results"].gated = True
    lines = fetched.fetch()
    assert lines[:4] == [f"{number} GT/{number:06} migan None" for number in range(4)]
    assert lines[4:] == ["The dataset owner/results could not be fetched. Come back in a few minutes."]
    bench = make(FolderFeed(fetched.folder))
    assert [bench.answer() for _ in range(4)] == [0, 1, 2, 3]
    assert {row.licence for row in bench.rows} == {"cc-by-4.0"}
    assert [row.result for row in bench.rows] == [digest(triplet(number)[2]) for number in range(4)]


@pytest.mark.slow
def test_rows_of_our_own_dataset_are_read_but_not_those_without_pictures(fetched: FetchedDataset) -> None:
    fetched.publish(("source_picture", "mask_picture", "result_picture"), 3, without=1, method=["lama", "lama", "sdxl"])
    assert fetched.fetch() == ["0 GT/000000 lama None", "2 GT/000002 sdxl None"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pictures", "digests"),
    [
        (("source_picture", "mask_picture", "result_picture"), ("source", "mask", "result")),
        (("source", "mask", "GT"), ("source_digest", "mask_digest", "result_digest")),
    ],
    ids=["answers", "curated"],
)
def test_digests_of_a_dataset_stay(
    pictures: tuple[str, str, str], digests: tuple[str, str, str], make: Make, fetched: FetchedDataset
) -> None:
    told = {name: [letter * 64, None] for name, letter in zip(digests, "abc", strict=True)}
    fetched.publish(pictures, 2, **told)
    assert len(fetched.fetch()) == 2
    bench = make(FolderFeed(fetched.folder))
    assert [bench.answer(), bench.answer()] == [0, 1]
    assert [row.source for row in bench.rows] == ["a" * 64, digest(triplet(1)[0])]
    assert [row.result for row in bench.rows] == ["c" * 64, digest(triplet(1)[2])]


@pytest.mark.slow
def test_scores_of_a_dataset_decide_what_comes_first(make: Make, fetched: FetchedDataset) -> None:
    fetched.publish(("source", "mask", "GT"), 4, score=[0.8, None, 0.4, 0.55])
    assert len(fetched.fetch()) == 4
    bench = make(FolderFeed(fetched.folder))
    assert [bench.answer() for _ in range(4)] == [3, 2, 0, 1]


@pytest.mark.slow
def test_a_dataset_that_is_not_there_is_one_sentence(fetched: FetchedDataset) -> None:
    fetched.hub.commit("datasets/owner/other", {})
    fetched.hub._strict = False
    assert fetched.fetch() == ["The dataset owner/results could not be fetched. Come back in a few minutes."]
