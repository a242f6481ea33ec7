"""The Arena over HTTP and through gradio's event: what the page may ask, and is told before and after a vote."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem_demo.feedback.records import CHOICES, REASONS, Vote
from rorem_demo.imaging.drawings import encode_points
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Cost, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import Removers
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.arena_own import OwnView, own_props, own_round, quick_enough
from rorem_demo.ui.methods import colour_of
from rorem_demo.ui.rating import LONGEST_ANSWER
from rorem_demo.ui.routes import STATIC, Routes
from rorem_demo.ui.values import LONGEST_VALUE
from rorem_demo.visits import Visits
from tests.comparison.case_sets import HEIGHT, WIDTH, Counted, built, write_photos

METHODS = ("secret-alpha", "secret-beta", "secret-gamma")
UNREADABLE = "The answer could not be read. Reload the page and answer again."
GONE = "This pair is no longer open. Go on with the next one."
IMAGE: Image = np.random.default_rng(5).integers(0, 256, (60, 80, 3), dtype=np.uint8)


class Page:
    """One visitor's Arena."""

    def __init__(self, services: Services, visit: str = "anna") -> None:
        self.services, self.visit = services, visit
        self.http = TestClient(Starlette(routes=Routes(services).all()), raise_server_exceptions=False)
        self.said: list[str] = []
        """Everything the server sent but pictures."""

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(f"/rorem/arena/{path}", json={"visit": self.visit, **body})
        self.said.append(f"{dict(answer.headers)} {answer.text}")
        return answer

    def next(self, *holding: str) -> dict[str, Any]:
        answer = self.post("next", holding=list(holding))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def vote(self, key: str, choice: str = "left", **body: Any) -> Any:
        return self.post(f"{key}/vote", choice=choice, **body)

    @property
    def rows(self) -> list[Vote]:
        return [held.record for held in self.services.judging.desk.store.each(Vote)]

    @property
    def refused(self) -> dict[str, int]:
        return self.services.judging.desk.status().refused


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    photos = write_photos(folder / "photos", 3, truths=True)
    titles = {key: f"Title of {key}" for key in METHODS}
    built(
        photos,
        folder / "set",
        *(Counted(key=key, level=60 + 60 * at, title=titles[key]) for at, key in enumerate(METHODS)),
    )
    return folder / "set"


@pytest.fixture
def page(tmp_path: Path, cases: Path) -> Iterator[Page]:
    services = Services.assemble(Settings(data=tmp_path, cases=cases, ratings_per_minute=1000))
    yield Page(services)
    services.close(0.0)


# --- before the vote ----------------------------------------------------------------------------------------------


def test_a_round_is_three_addresses_a_size_and_where_to_look(page: Page) -> None:
    told = page.next()
    key = told["round"]
    assert told == {
        "round": key,
        **{view: f"arena/{key}/{view}" for view in ("left", "right", "source")},
        "width": WIDTH,
        "height": HEIGHT,
        "spots": [[20 / WIDTH, 10 / HEIGHT, 34 / WIDTH, 24 / HEIGHT]],
        "own": False,
        "public": True,
    }
    assert len(key) == 22
    assert key.isascii()


def test_nothing_that_is_sent_before_the_vote_tells_a_method(page: Page) -> None:
    lengths, headers = set(), set()
    for _ in range(9):
        told = page.next()
        lengths.add(len(page.said[-1]))
        for view in ("left", "right", "source"):
            answer = page.http.get(f"/rorem/{told[view]}")
            headers.add(
                tuple(sorted((name, value) for name, value in answer.headers.items() if name != "content-length"))
            )
            assert not any(word in answer.content for method in METHODS for word in (method.encode(), b"Title of"))
        page.post(f"{told['round']}/skip")
    words = [*METHODS, "Title of", "untouched", "truth", *(colour_of(method) for method in METHODS)]
    assert [word for word in words if any(word in said for said in page.said)] == []
    assert len(lengths) == 1, "the length of what is told is always the same"
    assert len(headers) == 1, "so are the headers of all pictures"


def test_both_pictures_are_files_of_one_kind(page: Page) -> None:
    told = page.next()
    found = []
    for view in ("left", "right", "source"):
        with PIL.Image.open(BytesIO(page.http.get(f"/rorem/{told[view]}").content)) as picture:
            tables = getattr(picture, "quantization", None)
            found.append((picture.format, picture.size, picture.mode, sorted(picture.info.items()), str(tables)))
    assert found[0] == found[1] == found[2]
    assert found[0][:3] == ("JPEG", (WIDTH, HEIGHT), "RGB")


def test_what_the_page_says_of_pairs_is_the_same_whatever_it_shows(page: Page) -> None:
    told = []
    for _ in range(3):
        page.next()
        told.append(page.http.get("/rorem/arena/about").text)
    assert len(set(told)) == 1
    assert "Now 0 of 3 pairs have 30" in json.loads(told[0])["policy"]


def test_without_cases_the_page_is_told_that_there_is_nothing(tmp_path: Path) -> None:
    services = Services.assemble(Settings(data=tmp_path, cases=None))
    told = Page(services).next()
    services.close(0.0)
    assert told == {"done": True, "sentence": "No ready case with two results is here yet.", "empty": True}


# --- votes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", CHOICES)
def test_a_vote_gives_a_receipt_and_then_the_names(page: Page, choice: str) -> None:
    answer = page.vote(page.next()["round"], choice, looked=2.5)
    assert answer.status_code == 201
    told = answer.json()
    (row,) = page.rows
    assert (row.choice, told["choice"], told["receipt"]["choice"], told["check"]) == (choice, choice, choice, "")
    for side, method in (("left", row.left_method), ("right", row.right_method)):
        assert told[side] == {
            "title": f"Title of {method}",
            "colour": colour_of(method),
            "likely": "likely clean: 75%",
            "result": "",
        }
    assert page.http.get(f"/rorem/ratings/{told['receipt']['text']}").json()["choice"] == choice


def test_a_vote_taken_back_by_its_receipt_is_gone(page: Page) -> None:
    key = page.next()["round"]
    receipt = page.vote(key).json()["receipt"]["text"]
    assert page.http.delete(f"/rorem/ratings/{receipt}", headers={"X-Visit": "anna"}).status_code == 200
    assert page.rows == []
    assert page.vote(key, "right").status_code == 422, "the names are known"
    assert page.rows == []


def test_a_double_click_and_a_change_of_mind_give_the_first_receipt(page: Page) -> None:
    key = page.next()["round"]
    first, second = page.vote(key, "left").json(), page.vote(key, "right").json()
    assert (first["receipt"], second["choice"]) == (second["receipt"], "left")
    assert len(page.rows) == 1


def test_reasons_go_with_the_vote(page: Page) -> None:
    page.vote(page.next()["round"], "both-bad", reasons=["shadow-left", "blurry", "blurry"])
    assert page.rows[0].reasons == ("blurry", "shadow-left")


def test_a_forged_and_an_expired_id_are_told_as_gone_and_counted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = page.vote("forged")
    assert (answer.status_code, answer.json()) == (410, {"sentence": GONE})
    key = page.next()["round"]
    monkeypatch.setattr("rorem_demo.tickets.MOST", 1)
    page.next()
    assert page.vote(key).status_code == 410
    assert page.http.get(f"/rorem/arena/{key}/left").status_code == 410
    assert page.post(f"{key}/skip").status_code == 410
    assert (page.refused, page.rows) == ({"unknown": 3}, [])


def test_another_visitors_round_is_refused_and_counted(page: Page) -> None:
    key = Page(page.services, "bert").next()["round"]
    answer = page.vote(key)
    assert (answer.status_code, answer.json()["sentence"]) == (
        422,
        "This pair was shown on another page. Go on with the next one.",
    )
    assert (page.refused, page.rows) == ({"foreign": 1}, [])


def test_a_skipped_round_takes_no_vote(page: Page) -> None:
    key = page.next()["round"]
    assert page.post(f"{key}/skip").status_code == 200
    assert page.vote(key).status_code == 410
    assert (page.refused, page.rows) == ({"skipped": 1}, [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"visit": "anna"},
        {"visit": "anna", "choice": "A"},
        {"visit": "anna", "choice": ["left"]},
        {"visit": "anna", "choice": "left", "share": "yes"},
        {"visit": "anna", "choice": "left", "reasons": "blurry"},
        {"visit": "anna", "choice": "left", "reasons": ["ugly"]},
        {"visit": "anna", "choice": "both-good", "reasons": ["blurry"]},
        {"visit": 7, "choice": "left"},
        {"visit": "a" * 65, "choice": "left"},
    ],
)
def test_a_malformed_vote_is_refused_and_counted(page: Page, body: dict[str, Any]) -> None:
    key = page.next()["round"]
    answer = page.http.post(f"/rorem/arena/{key}/vote", json=body)
    assert answer.status_code == 422
    assert answer.json()["sentence"].endswith(".")
    assert (page.refused, page.rows) == ({"malformed": 1}, [])


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"visit": ' + b"[" * 9999, b" " * (LONGEST_ANSWER + 1)])
def test_a_vote_that_is_no_vote_is_refused(page: Page, body: bytes) -> None:
    key = page.next()["round"]
    answer = page.http.post(f"/rorem/arena/{key}/vote", content=body)
    assert (answer.status_code, answer.json()["sentence"]) == (422, UNREADABLE)
    assert page.rows == []


@pytest.mark.parametrize(
    "body", [{}, {"visit": ""}, {"visit": "anna", "holding": "x"}, {"visit": "anna", "holding": [1]}]
)
def test_asking_without_a_token_or_with_nonsense_is_refused(page: Page, body: dict[str, Any]) -> None:
    assert page.http.post("/rorem/arena/next", json=body).status_code == 422


def test_more_than_a_page_would_send_is_refused(page: Page) -> None:
    assert page.http.post("/rorem/arena/next", content=b" " * (LONGEST_VALUE + 1)).status_code == 422


def test_there_are_three_pictures_and_no_others(page: Page) -> None:
    key = page.next()["round"]
    assert page.http.get(f"/rorem/arena/{key}/truth").status_code == 422


# --- one's own photo ----------------------------------------------------------------------------------------------


class Fake:
    """Paints the window in its row's grey, or fails."""

    def __init__(self, spec: RemoverSpec) -> None:
        self._key = spec.key

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(0.5, image)
        if self._key.endswith("broken"):
            raise RuntimeError("secret detail")
        yield Step(1.0, np.full_like(image, 50 + sum(self._key.encode()) % 100))


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    return Fake(spec)


def row(key: str, seconds: float = 0.1) -> RemoverSpec:
    return RemoverSpec(
        key=key,
        title=f"Title of {key}",
        summary="A fake.",
        loader=f"{__name__}:load",
        licence="none",
        source="tests",
        cost=Cost(memory_gb=0.1, fixed_seconds=seconds),
    )


def running(path: Path, *specs: RemoverSpec) -> Services:
    removers: Removers = Catalog(*specs)
    return Services.assemble(Settings(data=path, cases=None, best_of_seconds=10), removers)


def value(services: Services, run: int = 4, **changes: Any) -> str:
    page = Page(services)
    file = BytesIO()
    PIL.Image.fromarray(IMAGE).save(file, "PNG")
    photo = page.http.post("/rorem/photos", content=file.getvalue()).json()["id"]
    shape = {"tool": "box", "points": encode_points([(20, 10), (40, 30)])}
    drawing = {"grid": 1, "invert": False, "entries": [{"kind": "box", "grow": 0, "shapes": [shape]}]}
    return json.dumps({"photo": photo, "run": run, "drawing": drawing, "visit": "anna", **changes})


def test_two_methods_run_on_an_own_photo_and_neither_is_named(tmp_path: Path) -> None:
    services = running(tmp_path, row("secret-one"), row("secret-two"))
    views = list(own_round(services, value(services)))
    last = views[-1]
    assert ([view.words for view in views[:-1]], views[0].seconds) == (["1 of 2"] * 3 + ["2 of 2"] * 3, 0.2)
    assert [view.fraction for view in views] == [0, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0]
    assert {view.run for view in views} == {4}
    assert last.ended
    assert last.round is not None
    assert last.round["own"]
    assert "secret" not in json.dumps([own_props(view) for view in views])
    page = Page(services)
    answer = page.vote(last.round["round"], "right").json()
    (kept,) = page.rows
    assert {kept.left_method, kept.right_method} == {"secret-one", "secret-two"}
    assert answer["left"]["title"] == f"Title of {kept.left_method}"
    result = page.http.get(f"/rorem/photos/{answer['left']['result']}/view")
    assert result.status_code == 200
    services.close(0.0)


def test_a_method_that_fails_is_told_and_another_one_runs(tmp_path: Path) -> None:
    services = running(tmp_path, row("broken"), row("fine"), row("good"))
    for _ in range(6):
        last = list(own_round(services, value(services)))[-1]
        assert last.round is not None
        page = Page(services)
        page.vote(last.round["round"])
        assert last.note in {"", "Title of broken failed on this photo."}
    assert all("broken" not in {vote.left_method, vote.right_method} for vote in page.rows)
    services.close(0.0)


def test_where_only_one_method_does_it_the_reason_is_told(tmp_path: Path) -> None:
    services = running(tmp_path, row("broken"), row("fine"))
    last = list(own_round(services, value(services)))[-1]
    services.close(0.0)
    assert last.round is None
    assert last.ended
    assert last.trouble.startswith("Title of broken failed on this photo.")
    assert "secret detail" not in last.trouble


def test_where_one_method_runs_it_is_said(tmp_path: Path) -> None:
    services = running(tmp_path, row("only"))
    (last,) = own_round(services, value(services))
    services.close(0.0)
    assert last == OwnView(run=4, trouble="Only one method runs here. Judge the ready cases instead.", ended=True)


@pytest.mark.parametrize(
    "changes",
    [{"visit": ""}, {"visit": None}, {"photo": "nothing"}, {"drawing": None}, {"photo": 4}, {"run": -1}],
)
def test_nonsense_is_one_sentence(tmp_path: Path, changes: dict[str, Any]) -> None:
    services = running(tmp_path, row("one"), row("two"))
    (last,) = own_round(services, value(services, **changes))
    services.close(0.0)
    assert last.ended
    assert last.trouble.endswith(".")


def test_methods_nobody_would_wait_for_are_left_out_and_named(tmp_path: Path) -> None:
    services = running(tmp_path, row("slow", 99), row("one"), row("two"))
    last = list(own_round(services, value(services)))[-1]
    services.close(0.0)
    assert last.note == "Not drawn from here, as they would take over 10 s: Title of slow."
    assert quick_enough({"one": 1, "slow": 99}, 10) == ["one", "slow"], "two are needed"


def test_what_an_own_photo_left_behind_goes_with_the_visit(tmp_path: Path) -> None:
    services = running(tmp_path, row("one"), row("two"))
    last = list(own_round(services, value(services)))[-1]
    assert last.round is not None
    services.visits.__dict__.update(Visits(1, 60.0, time.monotonic).__dict__)  # everything was pushed out
    page = Page(services)
    told = page.vote(last.round["round"], "left", share=True)
    assert (told.status_code, page.rows) == (422, [])
    assert page.vote(last.round["round"], "left").status_code == 201, "what needs no pictures is kept"
    services.close(0.0)


# --- the page -----------------------------------------------------------------------------------------------------


def test_the_page_offers_every_reason_once() -> None:
    script = (STATIC / "reasons.js").read_text(encoding="utf-8")
    assert [reason for reason in REASONS if script.count(f'["{reason}"') != 1] == []


def test_the_page_offers_every_answer_once() -> None:
    html = (STATIC / "arena.html").read_text(encoding="utf-8")
    assert [choice for choice in CHOICES if html.count(f'data-choice="{choice}"') != 1] == []
