"""Waiting for a turn: what each tab is told, who counts as one visitor, and three clients of a served app at once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any, Self
from uuid import uuid4

import httpx2 as httpx
import numpy as np
import PIL.Image
import pytest
from gradio_client import Client, handle_file
from starlette.requests import Request

from rorem_demo.imaging.drawings import encode_points
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Image
from rorem_demo.removers.base import RemovalOptions
from rorem_demo.runtime import turns
from rorem_demo.runtime.turns_line import Waiting
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.several.plan import Attempt, Plan
from rorem_demo.ui.arena_own import own_round
from rorem_demo.ui.compare_live import compared
from rorem_demo.ui.several import several
from rorem_demo.ui.tabs.remove import _updates
from rorem_demo.ui.values import Done, Ranked, Started, Waits, parse_removal, to_props
from rorem_demo.ui.waiting import in_words, visitor_of_call, visitor_on_page
from rorem_demo.visits import OpenedPhoto
from tests.segmenter_doubles import SEGMENTERS
from tests.ui.serving import served

IMAGE: Image = np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8)
BOX = {"tool": "box", "points": encode_points([(20, 10), (40, 30)])}
DRAWING = {"grid": 1, "invert": False, "entries": [{"kind": "box", "grow": 0, "shapes": [BOX]}]}


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services.assemble(Settings(data=tmp_path, discriminator="none"))


@pytest.fixture
def photo(services: Services) -> str:
    return services.visits.keep(OpenedPhoto(Photo(IMAGE, "PNG", None, "lake", ())))[0]


def asked(photo: str, **more: Any) -> str:
    return json.dumps({"photo": photo, "run": 7, "drawing": DRAWING, **more})


@contextmanager
def machine_in_use(services: Services, seconds: float = 25.0) -> Iterator[Callable[[], None]]:
    """Somebody else's turn, until the block ends or what it gives is called."""
    turn = services.turns.during("somebody else", seconds, iter([1]))
    next(turn)
    yield turn.close  # type: ignore[attr-defined]  # a generator
    turn.close()  # type: ignore[attr-defined]


# --- words and visitors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "sentence"),
    [
        (Waiting(2, 24.6), "Waiting: 2 before you, about 25 s."),
        (Waiting(1, 1.2), "Waiting: 1 before you, about 1 s."),
        (Waiting(1, 0.4), "Waiting: 1 before you."),
        (Waiting(3, None), "Waiting: 3 before you."),
        (Waiting(9, 89.9), "Waiting: 9 before you, about 90 s."),
        (Waiting(9, 150.0), "Waiting: 9 before you, about 2 min."),
    ],
    ids=str,
)
def test_the_wait_in_one_sentence(waiting: Waiting, sentence: str) -> None:
    assert in_words(waiting) == sentence


def test_all_photos_of_one_page_are_one_visitor(services: Services, photo: str) -> None:
    visit = services.visits.visit_of(photo)
    other, _ = services.visits.keep(OpenedPhoto(Photo(IMAGE, "PNG", None, "sea", ())), visit)
    assert visitor_on_page(services, photo) == visitor_on_page(services, other) == visit
    assert visitor_on_page(services, "gone") == "gone"


def call_from(host: str, forwarded: str = "") -> Request:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "client": (host, 1), "headers": headers})


def test_calls_from_one_address_are_one_visitor_whatever_their_session_and_no_address_is_kept() -> None:
    first, second = (visitor_of_call(call_from("10.0.0.1", "93.184.216.34"), session) for session in "ab")
    assert first == second != visitor_of_call(call_from("93.184.216.35"), "a")
    assert "93.184" not in first


def test_calls_without_a_public_address_are_told_apart_by_session() -> None:
    assert [visitor_of_call(call_from("127.0.0.1"), session) for session in "aba"] == ["a", "b", "a"]
    assert visitor_of_call(call_from("testclient"), "a") == "a"
    assert visitor_of_call(None, None)


# --- each tab -----------------------------------------------------------------------------------------------------


def test_a_removal_is_told_who_is_before_it_and_starts_when_its_turn_comes(services: Services, photo: str) -> None:
    with machine_in_use(services):
        updates = _updates(services, asked(photo), "telea", {})
        told = next(updates)
        assert told == Waits(run=7, sentence="Waiting: 1 before you, about 25 s.")
        assert to_props(told)["kind"] == "waits"
    started, *_, done = updates
    assert isinstance(started, Started)
    assert isinstance(done, Done)


def test_a_best_of_several_waits_before_each_attempt(services: Services, photo: str) -> None:
    attempts = tuple(Attempt(key, RemovalOptions(), 1.0) for key in ("telea", "navier-stokes"))
    request = parse_removal(asked(photo))
    updates = several(services, request, services.mask(photo, request.drawing), Plan(attempts, 2, 60.0))
    kinds = []
    with machine_in_use(services):
        kinds.append(next(updates))
    kinds += updates
    names = [type(update).__name__ for update in kinds]
    assert names[:2] == ["Waits", "Started"]
    assert names.count("Started") == 1
    assert isinstance(kinds[-1], Ranked)


def test_a_comparison_says_who_is_before_its_next_tile(services: Services, photo: str) -> None:
    views = compared(services, asked(photo, methods=["telea", "navier-stokes"]))
    with machine_in_use(services, 100.0):
        assert next(views).waiting == ""
        told = next(views)
        assert told.waiting == "Waiting: 1 before you, about 2 min."
        assert [tile.state for tile in told.tiles[1:]] == ["waiting", "waiting"]
    after = list(views)
    assert {view.waiting for view in after} == {""}
    assert [tile.state for tile in after[-1].tiles[1:]] == ["done", "done"]


def test_the_arenas_own_photo_says_who_is_before_it(services: Services, photo: str) -> None:
    with machine_in_use(services):
        views = own_round(services, asked(photo, visit="visit"))
        told = next(views)
        assert (told.waiting, told.fraction, told.ended) == ("Waiting: 1 before you, about 25 s.", 0.0, False)
    *between, last = views
    assert {view.waiting for view in between} == {""}
    assert last.round


def test_who_leaves_while_waiting_holds_no_place(
    services: Services, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TOLD_EVERY", 0.01)
    with machine_in_use(services):
        for updates in (
            _updates(services, asked(photo), "telea", {}),
            compared(services, asked(photo, methods=["telea"])),
            own_round(services, asked(photo, visit="visit")),
        ):
            next(updates)
            next(updates)
            updates.close()  # type: ignore[attr-defined]  # a generator
        other = next(services.turns.during("other", 1.0, iter([1])))
        assert isinstance(other, Waiting)
        assert other.before == 1


# --- served -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared() -> Services:
    return Services.assemble(Settings(max_megapixels=1, discriminator="none"), segmenters=SEGMENTERS)


@pytest.fixture(scope="module")
def address(shared: Services) -> Iterator[str]:
    with served(shared) as address:
        yield address


class Visitor:
    """A page in a thread: removes once by Telea; `seen` is what came, `told` the sentences."""

    def __init__(self, address: str, name: str, seen: list[str]) -> None:
        self.name, self.seen, self.told = name, seen, list[str]()
        self._http = httpx.Client(base_url=address, timeout=60)
        self._config = self._http.get("/config").json()
        picture = BytesIO()
        PIL.Image.fromarray(IMAGE).save(picture, "PNG")
        self._photo = self._http.post("/rorem/photos", content=picture.getvalue()).json()["id"]
        self._thread = Thread(target=self._remove)
        self._leaving = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._http.close()

    def leave(self) -> None:
        self._leaving = True
        self._thread.join(30)

    def wait_until_told(self) -> str:
        deadline = time.monotonic() + 30
        while not self.told:
            assert time.monotonic() < deadline, f"{self.name} is told nothing"
            time.sleep(0.02)
        return self.told[-1]

    def _remove(self) -> None:
        one = next(one for one in self._config["dependencies"] if [event for _, event in one["targets"]] == ["submit"])
        parts = {part["id"]: part["props"].get("value") for part in self._config["components"]}
        data = [asked(self._photo), "telea", *(parts[number] for number in one["inputs"][2:])]
        session = uuid4().hex
        call = {"data": data, "fn_index": one["id"], "session_hash": session}
        self._http.post("/gradio_api/queue/join", json=call).raise_for_status()
        with self._http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as lines:
            for line in lines.iter_lines():
                self.told += re.findall(r"Waiting: [^\"]*", line)
                if "process_completed" in line:
                    self.seen.append(self.name)
                if self._leaving or "process_completed" in line:
                    return


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_three_clients_at_once_are_told_their_places_and_served_in_their_order(address: str, shared: Services) -> None:
    seen: list[str] = []
    with Visitor(address, "first", seen) as first:  # so that all that must be loaded is, and `first` has used it
        pass
    with machine_in_use(shared) as free, Visitor(address, "second", seen) as second:
        assert re.fullmatch(r"Waiting: 1 before you, about 2[45] s\.", second.wait_until_told())
        with Visitor(address, "third", seen) as third:
            assert re.fullmatch(r"Waiting: 2 before you, about 2\d s\.", third.wait_until_told())
            with Visitor(address, "fourth", seen) as fourth:
                assert fourth.wait_until_told().startswith("Waiting: 3 before you")
                second.leave()
                deadline = time.monotonic() + 10
                while not fourth.told[-1].startswith("Waiting: 2 before you"):
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                free()
    assert seen == ["first", "third", "fourth"]
    assert first.told == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_a_call_of_the_api_that_is_cancelled_while_it_waits_holds_no_place(
    address: str, shared: Services, tmp_path: Path
) -> None:
    for name, picture in (("photo", IMAGE), ("mask", np.pad(np.full((9, 9), 255, np.uint8), ((20, 31), (20, 51))))):
        PIL.Image.fromarray(picture).save(tmp_path / f"{name}.png")
    files = [handle_file(tmp_path / f"{name}.png") for name in ("photo", "mask")]
    client = Client(address, verbose=False, download_files=str(tmp_path))
    with machine_in_use(shared):
        job = client.submit(*files, "telea", api_name="/remove")
        deadline = time.monotonic() + 30
        while not shared.turns._line._waiting:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        job.cancel()
        while shared.turns._line._waiting:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert client.predict(*files, "telea", api_name="/remove")[1]["method"] == "telea"
