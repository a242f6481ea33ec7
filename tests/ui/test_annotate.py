"""Annotating over HTTP: what the page may ask, and what it is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import PIL.Image
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem_demo.feedback.records import REASONS, Rating
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.app import build
from rorem_demo.ui.rating import LONGEST_ANSWER
from rorem_demo.ui.routes import STATIC, Routes
from rorem_demo.ui.values import LONGEST_VALUE
from tests.triplets import HEIGHT, WIDTH, triplet, write_folder

UNREADABLE = "The answer could not be read. Reload the page and answer again."
GONE = "This picture is no longer open. Go on with the next one."


class Page:
    """One visitor's Annotate tab."""

    def __init__(self, services: Services, visit: str = "anna") -> None:
        self.services, self.visit = services, visit
        self.http = TestClient(Starlette(routes=Routes(services).all()), raise_server_exceptions=False)

    def next(self, *skip: str) -> dict[str, Any]:
        for _ in range(500):
            answer = self.http.post("/rorem/annotate/next", json={"visit": self.visit, "skip": list(skip)})
            assert answer.status_code == 200, answer.text
            if not answer.json().get("wait"):
                return dict(answer.json())
            time.sleep(0.01)
        raise AssertionError("the folder is still being read")

    def picture(self, address: str) -> tuple[str, bytes]:
        answer = self.http.get(f"/rorem/{address}")
        assert answer.status_code == 200, answer.text
        return answer.headers["content-type"], answer.content

    def rate(self, item: str, **answer: Any) -> Any:
        return self.http.post(f"/rorem/annotate/{item}/rating", json={"visit": self.visit, **answer})

    @property
    def rows(self) -> list[Rating]:
        return [held.record for held in self.services.judging.desk.store.each(Rating)]

    @property
    def refused(self) -> dict[str, int]:
        return self.services.judging.desk.status().refused


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    write_folder(tmp_path / "results", 2, method="secret-method")
    services = Services.assemble(Settings(data=tmp_path / "data", annotate=str(tmp_path / "results")))
    yield Page(services)
    services.close(0.0)


def decoded(data: bytes) -> Any:
    with PIL.Image.open(BytesIO(data)) as picture:
        return np.array(picture)


def test_an_item_is_three_addresses_and_how_many_are_left(page: Page) -> None:
    told = page.next()
    assert told["item"].isascii()
    assert told.keys() == {"item", "source", "mask", "result", "answered", "left", "more"}
    assert [told[name] for name in ("source", "mask", "result")] == [
        f"annotate/{told['item']}/{name}" for name in ("source", "mask", "result")
    ]
    assert told["answered"] == 0
    assert "secret-method" not in json.dumps(told)


def test_source_and_result_are_sent_alike_and_tell_nothing_but_pixels(page: Page) -> None:
    told = page.next()
    source, mask, result = triplet(0)
    for name, pixels in (("source", source), ("result", result)):
        kind, data = page.picture(told[name])
        assert kind == "image/jpeg"
        assert np.abs(decoded(data).astype(int) - pixels).mean() < 6
        with PIL.Image.open(BytesIO(data)) as picture:
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    kind, data = page.picture(told["mask"])
    assert kind == "image/png"
    assert np.array_equal(decoded(data), mask)
    assert decoded(data).shape == (HEIGHT, WIDTH)


def test_an_answer_gives_a_receipt_and_the_next_item(page: Page) -> None:
    item = page.next()["item"]
    answer = page.rate(item, removed=False, reasons=["blurry"], looked=2.5)
    assert answer.status_code == 201
    assert (answer.json()["removed"], answer.json()["reasons"]) == (False, ["blurry"])
    assert page.http.get(f"/rorem/ratings/{answer.json()['text']}").status_code == 200
    assert [(row.origin, row.label, row.reasons, row.method) for row in page.rows] == [
        ("annotate", 0, ("blurry",), "secret-method")
    ]
    assert page.next()["item"] != item
    assert page.next()["answered"] == 1


def test_an_answer_taken_back_by_its_receipt_is_gone(page: Page) -> None:
    receipt = page.rate(page.next()["item"], removed=True).json()["text"]
    assert page.http.delete(f"/rorem/ratings/{receipt}", headers={"X-Visit": "anna"}).status_code == 200
    assert page.rows == []


def test_when_all_is_answered_it_says_so(page: Page) -> None:
    for _ in range(2):
        page.rate(page.next()["item"], removed=True)
    told = {"done": True, "sentence": "You have answered all that waits here. Thank you.", "wait": False}
    assert page.next() == told


def test_skipped_items_are_not_issued_again(page: Page) -> None:
    first = page.next()["item"]
    second = page.next(first)["item"]
    assert page.next(first, second)["sentence"].startswith("You have seen all that waits here.")
    assert page.rows == []


@pytest.mark.parametrize("visit", ["anna", "bert"])
def test_a_forged_id_tells_the_page_to_let_go_and_is_counted(page: Page, visit: str) -> None:
    page.visit = visit
    answer = page.rate("forged", removed=True)
    assert (answer.status_code, answer.json()) == (410, {"sentence": GONE})
    assert page.refused == {"unknown": 1}
    picture = page.http.get("/rorem/annotate/forged/result")
    assert (picture.status_code, picture.json()) == (410, {"sentence": GONE})


def test_another_visits_id_is_refused_and_counted(page: Page) -> None:
    item = page.next()["item"]
    page.visit = "bert"
    answer = page.rate(item, removed=True)
    assert answer.status_code == 422
    assert answer.json()["sentence"].startswith("This picture was shown on another page.")
    assert (page.refused, page.rows) == ({"foreign": 1}, [])


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"x" * (LONGEST_ANSWER + 1), *(
        json.dumps(value).encode()
        for value in ({"visit": "anna"}, {"removed": 1, "visit": "anna"}, {"removed": True},
                      {"removed": True, "visit": 5})
    )],
)  # fmt: skip
def test_an_answer_the_page_would_never_send_is_refused_and_counted(page: Page, body: bytes) -> None:
    answer = page.http.post(f"/rorem/annotate/{page.next()['item']}/rating", content=body)
    assert (answer.status_code, answer.json()) == (422, {"sentence": UNREADABLE})
    assert (page.refused, page.rows) == ({"malformed": 1}, [])


@pytest.mark.parametrize("looked", [None, "long", True, -5, 1e300, [1]])
def test_nonsense_about_how_long_somebody_looked_does_no_harm(page: Page, looked: object) -> None:
    assert page.rate(page.next()["item"], removed=True, looked=looked).status_code == 201


def test_a_number_that_is_none_does_no_harm(page: Page) -> None:
    body = b'{"removed": true, "visit": "anna", "looked": NaN}'
    assert page.http.post(f"/rorem/annotate/{page.next()['item']}/rating", content=body).status_code == 201


@pytest.mark.parametrize(
    "body",
    [b"", b"5", b"x" * (LONGEST_VALUE + 1), *(
        json.dumps(value).encode()
        for value in ({}, {"visit": ""}, {"visit": "x" * 65}, {"visit": 1}, {"visit": "anna", "skip": "all"},
                      {"visit": "anna", "skip": [1]})
    )],
)  # fmt: skip
def test_a_request_for_an_item_the_page_would_never_send_is_refused(page: Page, body: bytes) -> None:
    answer = page.http.post("/rorem/annotate/next", content=body)
    assert answer.status_code == 422
    assert answer.json()["sentence"].endswith(("it.", "page.", "again."))


def test_there_are_three_pictures_and_no_other(page: Page) -> None:
    item = page.next()["item"]
    assert page.http.get(f"/rorem/annotate/{item}/meta").status_code == 422
    assert page.http.get(f"/rorem/annotate/{item}/..%2fmeta.json").status_code == 404


def test_a_setting_that_names_nothing_is_told_where_the_picture_would_be(tmp_path: Path) -> None:
    services = Services.assemble(Settings(data=tmp_path / "data", annotate=str(tmp_path / "absent")))
    answer = Page(services).http.post("/rorem/annotate/next", json={"visit": "anna"})
    assert answer.status_code == 422
    assert "which is no folder" in answer.json()["sentence"]
    services.close(0.0)


@pytest.mark.parametrize(("annotate", "tabs"), [(None, 0), ("/results", 1)])
def test_the_tab_is_there_where_something_is_to_be_annotated(tmp_path: Path, annotate: str | None, tabs: int) -> None:
    services = Services.assemble(Settings(data=tmp_path / "data", annotate=annotate))

    async def make() -> gr.Blocks:  # without a running loop gradio opens its own and never closes it
        return build(services)

    page = asyncio.run(make())
    labels = [getattr(block, "label", None) for block in page.blocks.values()]
    assert labels.count("Annotate") == tabs
    told = [block for block in page.blocks.values() if "ROREM_ANNOTATE" in str(getattr(block, "value", ""))]
    assert len(told) == 1 - tabs


def test_the_page_offers_every_reason_once() -> None:
    script = (STATIC / "reasons.js").read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f'["{reason}"' not in script] == []
    assert script.count('  ["') == len(REASONS)
