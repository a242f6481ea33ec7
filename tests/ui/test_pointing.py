"""Pointing over HTTP: what the page may ask, and what it is told."""

from __future__ import annotations

import asyncio
import base64
import json
from io import BytesIO
from typing import Any

import httpx2 as httpx  # what starlette's TestClient answers with
import numpy as np
import PIL.Image
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem_demo.imaging.types import Image, Mask
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.segmenters.base import SegmenterSpec
from rorem_demo.segmenters.phrases import SUGGEST
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.routes import STATIC, Routes
from rorem_demo.ui.values import LONGEST_VALUE
from tests.segmenter_doubles import PHRASE, row

IMAGE: Image = np.full((60, 80, 3), 40, np.uint8)
IMAGE[20:30, 30:50] = (200, 40, 30)
RED: Mask = np.zeros((60, 80), np.bool_)
RED[20:30, 30:50] = True
ABSENT = WeightFile(repository="nobody/nothing", file="model.safetensors", megabytes=620)


class Browser:
    """One visitor's page with one open photo."""

    def __init__(self, *rows: SegmenterSpec, image: Image = IMAGE) -> None:
        self.services = Services.assemble(Settings(), segmenters=Catalog(*rows))
        self.http = TestClient(Starlette(routes=Routes(self.services).all()), raise_server_exceptions=False)
        self.photo = self.open(image)

    def open(self, image: Image) -> str:
        file = BytesIO()
        PIL.Image.fromarray(image).save(file, "PNG")
        return str(self.http.post("/rorem/photos", content=file.getvalue()).json()["id"])

    def encode(self, kind: str = "click") -> list[dict[str, Any]]:
        answer = self.http.post(f"/rorem/photos/{self.photo}/encode?kind={kind}")
        return [json.loads(line) for line in answer.text.splitlines()]

    def select(self, **prompts: Any) -> dict[str, Any]:
        answer = self.http.post(f"/rorem/photos/{self.photo}/select", content=json.dumps(prompts))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refusal(self, body: str | bytes, photo: str = "") -> str:
        answer = self.http.post(f"/rorem/photos/{photo or self.photo}/select", content=body)
        assert answer.status_code == 422, answer.text
        return str(answer.json()["sentence"])

    def mask(self, key: str) -> Mask:
        with PIL.Image.open(BytesIO(self.http.get(f"/rorem/masks/{key}").content)) as picture:
            return np.array(picture.convert("L")) > 127


@pytest.fixture
def browser() -> Browser:
    return Browser(row("alike"), row("redness", PHRASE, rough=True))


def test_who_answers_is_told_by_title_or_by_a_reason() -> None:
    browser = Browser(row("alike"), row("words", PHRASE, ABSENT))
    offers = browser.http.get("/rorem/segmenters").json()
    assert offers["click"] == offers["box"] == {"title": "Alike", "learned": False}
    reason = "Words cannot run here: it needs 0.6 GB of weights. Paint over the object instead."
    assert offers["phrase"] == {"sentence": reason}


def test_the_first_look_tells_how_far_it_is_line_by_line(browser: Browser) -> None:
    lines = browser.encode()
    assert lines[0] == {"title": "Alike", "fraction": 0.0}
    assert [line["fraction"] for line in lines[:-1]] == sorted(line["fraction"] for line in lines[:-1])
    assert lines[-1] == {"ready": True}


def test_a_phrase_looks_with_both_segmenters(browser: Browser) -> None:
    assert {line.get("title") for line in browser.encode("phrase")} == {"Redness", "Alike", None}


def test_a_failing_look_is_one_sentence_without_details() -> None:
    assert Browser(row("broken")).encode()[-1] == {
        "sentence": "Broken failed on this photo. Paint over the object instead."
    }


def test_looking_at_a_photo_that_is_gone_says_so(browser: Browser) -> None:
    browser.photo = "nothing"
    assert browser.encode() == [{"sentence": "This photo is no longer on the server. Open it again."}]


def test_many_first_looks_at_once_all_come_to_their_end() -> None:
    browser = Browser(row("brief"))
    photos = [browser.open(np.full((20, 20, 3), number, np.uint8)) for number in range(24)]

    async def looked() -> list[str]:
        app = Starlette(routes=Routes(browser.services).all())  # in one loop, as a server is
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", timeout=60) as http:
            answers = (http.post(f"/rorem/photos/{photo}/encode?kind=click") for photo in photos)
            return [answer.text.splitlines()[-1] for answer in await asyncio.gather(*answers)]

    assert asyncio.run(looked()) == ['{"ready": true}'] * 24


def test_an_unknown_way_of_pointing_is_refused(browser: Browser) -> None:
    answer = browser.http.post(f"/rorem/photos/{browser.photo}/encode?kind=telepathy")
    assert (answer.status_code, answer.json()) == (
        422,
        {"sentence": "There is no such way of pointing. Reload the page."},
    )


def test_a_click_gives_masks_with_pictures_and_ids(browser: Browser) -> None:
    answer = browser.select(clicks=[[35, 25, 0]])
    assert answer["title"] == "Alike"
    assert [candidate["score"] for candidate in answer["candidates"]] == [0.9, 0.8, 0.7]
    best = answer["candidates"][0]
    assert np.array_equal(browser.mask(best["mask"]), RED)
    data = base64.b64decode(best["picture"].removeprefix("data:image/png;base64,"))
    with PIL.Image.open(BytesIO(data)) as picture:
        assert np.array_equal(np.array(picture), RED)


def test_a_proposed_mask_can_be_drawn_into_a_selection(browser: Browser) -> None:
    key = browser.select(clicks=[[35, 25, 0]])["candidates"][0]["mask"]
    entry = {"kind": "click", "grow": 0, "shapes": [{"tool": "mask", "mask": key}]}
    drawing = {"grid": 1, "invert": False, "entries": [entry]}
    answer = browser.http.post(f"/rorem/photos/{browser.photo}/survey", content=json.dumps(drawing))
    assert answer.json()["marked"] == RED.sum()


def test_a_preview_keeps_nothing(browser: Browser) -> None:
    browser.encode()
    before = browser.services.visits.size_bytes
    answer = browser.select(clicks=[[35, 25, 0]], preview=True)
    assert len(answer["candidates"]) == 1
    assert answer["candidates"][0]["mask"] is None
    assert browser.services.visits.size_bytes == before


def test_a_further_click_is_told_what_it_corrects(browser: Browser) -> None:
    first = browser.select(clicks=[[35, 25, 0]])["candidates"][0]["mask"]
    answer = browser.select(clicks=[[35, 25, 0], [2, 2, 0]], previous=first)
    assert browser.mask(answer["candidates"][0]["mask"]).all()
    other = Browser(row("alike"))
    assert "no longer on the server" in other.refusal(json.dumps({"clicks": [[35, 25, 0]], "previous": first}))


def test_a_box_and_a_phrase(browser: Browser) -> None:
    assert np.array_equal(browser.mask(browser.select(box=[25, 15, 55, 35])["candidates"][0]["mask"]), RED)
    found = browser.select(phrase="the red square on the left")
    assert [candidate["label"] for candidate in found["candidates"]] == ["disc"]


def test_a_large_mask_is_shown_no_larger_than_the_page_draws_it() -> None:
    browser = Browser(row("alike"), image=np.full((300, 4000, 3), 9, np.uint8))
    key = browser.select(clicks=[[5, 5, 0]])["candidates"][0]["mask"]
    assert browser.mask(key).shape == (96, 1280)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"dog"',
        b"x" * (LONGEST_VALUE + 1),
        *(
            json.dumps(value)
            for value in (
                {"clicks": 5},
                {"clicks": [[1, 2]]},
                {"clicks": [[1.5, 2, 0]]},
                {"clicks": [[1, 2, "no"]]},
                {"clicks": [[10**12, 2, 0]]},
                {"clicks": [[True, 2, 0]]},
                {"box": [1, 2, 3]},
                {"box": {"left": 1}},
                {"phrase": ["dog"]},
                {"clicks": [[1, 1, 0]], "previous": 7},
            )
        ),
    ],
)
def test_what_the_page_would_never_send_is_refused(browser: Browser, body: str | bytes) -> None:
    assert browser.refusal(body) == "The selection could not be read. Reload the page and mark the object again."


@pytest.mark.parametrize(
    ("prompts", "sentence"),
    [
        ({}, "Nothing was pointed at."),
        ({"clicks": [[80, 0, 0]]}, "The click at 80, 0 is outside the photo. It is 80x60 pixels."),
        ({"clicks": [[1, 1, 0]] * 1000}, "1000 clicks are too many for one object. Begin it anew."),
        ({"clicks": [[1, 1, 1]]}, "Every click says what should stay."),
        ({"box": [5, 5, 5, 20]}, "The box holds nothing of the photo."),
        ({"phrase": "zebra"}, "Found no “zebra” in this photo. Try a plainer word, or click it."),
        ({"phrase": "dog", "clicks": [[1, 1, 0]]}, "Nothing here understands"),
    ],
)
def test_what_means_nothing_is_told_in_one_sentence(browser: Browser, prompts: dict[str, Any], sentence: str) -> None:
    assert browser.refusal(json.dumps(prompts)).startswith(sentence)


def test_masks_of_one_visitor_are_nobody_elses(browser: Browser) -> None:
    key = browser.select(clicks=[[35, 25, 0]])["candidates"][0]["mask"]
    other = browser.open(IMAGE)
    entry = {"kind": "click", "grow": 0, "shapes": [{"tool": "mask", "mask": key}]}
    drawing = {"grid": 1, "invert": False, "entries": [entry]}
    answer = browser.http.post(f"/rorem/photos/{other}/survey", content=json.dumps(drawing))
    assert answer.status_code == 422


def test_the_page_asks_for_suggestions_in_the_words_that_are_understood() -> None:
    script = (STATIC / "pointing.js").read_text(encoding="utf-8")
    assert f'const SUGGESTED = "{SUGGEST}";' in script
