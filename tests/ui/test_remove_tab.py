"""The Remove tab: what the stage is told of a removal, and what a catalogue's rows put on the page."""

import asyncio
import json
import logging
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import PIL.Image
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem_demo.discriminator.current import Current
from rorem_demo.imaging.drawings import encode_points
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Cost, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import REMOVERS, Removers
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.devices import Machine
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.app import build
from rorem_demo.ui.notices import describe
from rorem_demo.ui.routes import Routes
from rorem_demo.ui.tabs.about import methods_table
from rorem_demo.ui.tabs.remove import _updates
from rorem_demo.ui.values import Done, Ranked, Started, Trouble, Update, Working
from rorem_demo.visits import Visits

IMAGE: Image = np.random.default_rng(5).integers(0, 256, (60, 80, 3), dtype=np.uint8)
LEVEL = 77


class Fake:
    """Paints the window grey after what its row's key tells it to do first."""

    def __init__(self, spec: RemoverSpec) -> None:
        self._key = spec.key

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(0.25)
        yield Step(0.5, np.full_like(image, options.seed % 256))
        match self._key:
            case "broken":
                raise RuntimeError("secret detail")
            case "hungry":
                raise MemoryError
            case "misshapen":
                yield Step(1.0, image[1:])
            case "silent":
                yield Step(1.0)
                return
            case "slow":
                time.sleep(0.2)
        yield Step(1.0, np.full_like(image, LEVEL))


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    return Fake(spec)


def row(key: str, **options: Any) -> RemoverSpec:
    cost = Cost(memory_gb=0.1, fixed_seconds=0.2)
    words = {"title": key.title(), "summary": "A fake.", "licence": "CC0-1.0", "source": "This test"}
    return RemoverSpec(key=key, loader=f"{__name__}:load", cost=cost, **{**words, **options})


GOOD = row("good", uses=frozenset({"seed"}), defaults=ResolvedOptions(grow=3, feather=0, seed=5))
CATALOGUE: Removers = Catalog(GOOD, *(row(key) for key in ("plain", "broken", "hungry", "misshapen", "silent", "slow")))


@pytest.fixture
def services() -> Services:
    return Services.assemble(Settings(), CATALOGUE)


@pytest.fixture
def http(services: Services) -> TestClient:
    """The photo routes of the same services."""
    return TestClient(Starlette(routes=Routes(services).all()))


@pytest.fixture
def photo(http: TestClient) -> str:
    file = BytesIO()
    PIL.Image.fromarray(IMAGE).save(file, "PNG")
    return str(http.post("/rorem/photos", content=file.getvalue()).json()["id"])


def box(left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
    shape = {"tool": "box", "points": encode_points([(left, top), (right, bottom)])}
    return {"grid": 1, "invert": False, "entries": [{"kind": "box", "grow": 0, "shapes": [shape]}]}


def value_of(photo: str, drawing: object = None, run: int = 7) -> str:
    return json.dumps({"photo": photo, "run": run, "drawing": drawing or box(20, 10, 40, 30)})


def told(services: Services, value: str, key: str = "good", **asked: float | None) -> list[Update]:
    return list(_updates(services, value, key, asked))


def trouble(services: Services, value: str, key: str = "good", **asked: float | None) -> Trouble:
    """The only or last update, which is one sentence (and a hint) without technical detail."""
    last = told(services, value, key, **asked)[-1]
    assert isinstance(last, Trouble)
    assert last.sentence.endswith(".")
    assert not any(word in last.sentence for word in ("Traceback", "Error", "secret", "\n"))
    return last


# --- a removal that works -----------------------------------------------------------------------------------------


def test_a_removal_is_told_from_start_to_end(services: Services, photo: str) -> None:
    updates = told(services, value_of(photo))
    assert [type(update) for update in updates] == [Started, Working, Working, Working, Done]
    assert {update.run for update in updates} == {7}
    assert [update.fraction for update in updates if isinstance(update, Working)] == [0.25, 0.5, 1.0]
    assert updates[0] == Started(run=7, seconds=0.2, title="Good")


def test_a_preview_is_a_picture_of_the_window(services: Services, photo: str) -> None:
    working = [update for update in told(services, value_of(photo), seed=200) if isinstance(update, Working)]
    assert working[0].preview is None
    kind, _, data = str(working[1].preview).partition(";base64,")
    with PIL.Image.open(BytesIO(b64decode(data))) as picture:
        assert (kind, picture.size) == ("data:image/jpeg", working[1].box.size)
        assert abs(np.asarray(picture).astype(int) - 200).max() <= 2


def test_the_result_is_a_photo_with_nothing_changed_outside(services: Services, http: TestClient, photo: str) -> None:
    done = told(services, value_of(photo))[-1]
    assert isinstance(done, Done)
    assert (done.changed_outside, done.title, done.seed) == (0, "Good", 5)
    with PIL.Image.open(BytesIO(http.get(f"/rorem/photos/{done.photo}/download").content)) as picture:
        result = np.asarray(picture)
    assert (result[10:30, 20:40] == LEVEL).all()
    outside = np.ones((60, 80), np.bool_)
    outside[7:33, 17:43] = False
    assert (result[outside] == IMAGE[outside]).all()


def test_a_result_can_be_continued_from(services: Services, photo: str) -> None:
    first = told(services, value_of(photo))[-1]
    assert isinstance(first, Done)
    second = told(services, value_of(first.photo, box(50, 40, 60, 50), run=8))[-1]
    assert isinstance(second, Done)
    result = services.photo(second.photo).image
    assert (result[15, 30] == LEVEL).all()
    assert (result[45, 55] == LEVEL).all()
    assert (services.photo(photo).image == IMAGE).all()


def test_a_seed_is_told_only_where_one_is_used(services: Services, photo: str) -> None:
    given, unused = told(services, value_of(photo), seed=9)[-1], told(services, value_of(photo), "plain", seed=9)[-1]
    assert isinstance(given, Done)
    assert isinstance(unused, Done)
    assert (given.seed, unused.seed) == (9, None)


def test_closing_the_updates_frees_the_model_for_the_next(services: Services, photo: str) -> None:
    cancelled = _updates(services, value_of(photo), "slow", {})
    assert isinstance(next(cancelled), Started)
    assert isinstance(next(cancelled), Working)
    cancelled.close()  # type: ignore[attr-defined]  # a generator
    assert isinstance(told(services, value_of(photo), "slow")[-1], Done)


# --- troubles -----------------------------------------------------------------------------------------------------

FAILURES = {
    "broken": "Broken failed on this photo. Try another method.",
    "hungry": "Hungry ran out of memory. Mark a smaller area or choose another method.",
    "misshapen": "Misshapen returned ",
    "silent": "Silent gave no picture. Try another method.",
}


@pytest.mark.parametrize("key", FAILURES)
def test_a_failing_method_offers_the_default_one(services: Services, photo: str, key: str) -> None:
    failed = trouble(services, value_of(photo), key)
    assert failed.sentence.startswith(FAILURES[key])
    assert (failed.run, failed.alternative, failed.alternative_title) == (7, "good", "Good")


def test_a_failing_default_offers_nothing(photo: str, services: Services) -> None:
    alone = replace(services, removers=Catalog(row("broken")))
    assert trouble(alone, value_of(photo), "broken").alternative is None


def test_a_method_that_cannot_run_here_says_what_it_needs(services: Services, photo: str) -> None:
    crowded = replace(services, removers=Catalog(GOOD, row("absent", packages=("no_such_package",))))
    sentence = trouble(crowded, value_of(photo), "absent").sentence
    assert sentence == "Absent cannot run here: it needs the package no_such_package. Choose Good instead."


@pytest.mark.parametrize(
    ("drawing", "sentence"),
    [
        ({"grid": 1, "invert": False, "entries": []}, "Nothing is marked. Mark the object to remove first."),
        ({"grid": 1, "invert": True, "entries": []}, "The selection covers everything around it."),
        (box(-300, 0, 99_999, 5), "The selection could not be read."),
    ],
)
def test_a_selection_that_cannot_be_used(services: Services, photo: str, drawing: object, sentence: str) -> None:
    assert trouble(services, value_of(photo, drawing)).sentence.startswith(sentence)


def test_a_stale_photo(services: Services) -> None:
    assert trouble(services, value_of("unknown")).sentence == "This photo is no longer on the server. Open it again."


def test_an_unknown_method(services: Services, photo: str) -> None:
    assert trouble(services, value_of(photo), "<b>none</b>").sentence.startswith("There is no method")


HOSTILE = ["", "null", "[]", "{", "[" * 60_000, "x" * 10**6, '{"photo": 1}', None, 7]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_value(services: Services, value: Any) -> None:
    assert trouble(services, value).sentence.startswith("The selection could not be read.")


def test_a_value_whose_run_cannot_be_read_is_answered_to_whoever_waits(services: Services) -> None:
    assert trouble(services, "{").run == -1


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 7.5, -1, 2**32])
@pytest.mark.parametrize("name", ["seed", "grow"])
def test_a_hostile_option(services: Services, photo: str, name: str, number: float) -> None:
    assert trouble(services, value_of(photo), "good", **{name: number}).sentence.startswith(f"{name} is ")


def test_whole_numbers_may_come_as_floats(services: Services, photo: str) -> None:
    done = told(services, value_of(photo), seed=7.0, grow=None)[-1]
    assert isinstance(done, Done)
    assert done.seed == 7


class Unlucky(Visits):
    """Fails in a way nobody foresaw."""

    def get(self, key: str, kind: type[Any]) -> Any:
        raise ZeroDivisionError("secret detail")


def test_the_unforeseen_is_one_sentence_and_a_log_record(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    unlucky = replace(services, visits=Unlucky(1, 1))
    assert trouble(unlucky, value_of("any")).sentence == "Something failed on the server. Try again."
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("rorem_demo.ui.tabs.remove", logging.ERROR)
    assert "secret detail" in caplog.text


def test_a_failing_model_leaves_its_traceback_in_the_log(
    services: Services, photo: str, caplog: pytest.LogCaptureFixture
) -> None:
    trouble(services, value_of(photo), "broken")
    assert "secret detail" in caplog.text


# --- several tries ------------------------------------------------------------------------------------------------


def test_several_tries_are_told_from_start_to_end(services: Services, photo: str, tmp_path: Path) -> None:
    rows = Catalog(*(services.removers[key] for key in ("good", "broken", "plain")))
    some = replace(services, removers=rows, discriminator=Current.of("none", tmp_path))
    updates = list(_updates(some, value_of(photo), "good", {"seed": 5.0}, 3))
    assert isinstance(updates[0], Started)
    assert (updates[0].title, updates[0].seconds) == ("1 of 3, Good", pytest.approx(0.6))
    working = [update for update in updates if isinstance(update, Working)]
    assert [update.fraction for update in working] == sorted(update.fraction for update in working)
    assert list(dict.fromkeys(update.title for update in working)) == [
        "1 of 3, Good", "2 of 3, Good", "3 of 3, Broken", "Ranking",
    ]  # fmt: skip
    assert any(update.preview for update in working)
    last = updates[-1]
    assert isinstance(last, Ranked)
    assert [(done.title, done.seed, done.score) for done in last.results] == [("Good", 5, None), ("Good", 6, None)]
    assert last.notes == ("Broken failed on this photo.", "Nothing ranked them: no judge is at work.")
    assert {update.run for update in updates} == {done.run for done in last.results} == {7}
    assert len({done.photo for done in last.results}) == 2


@pytest.mark.parametrize("tries", [0, -1, 10, 2.5, 10**9, float("nan"), "3", None, True, []])
def test_a_hostile_number_of_tries(services: Services, photo: str, tries: Any) -> None:
    (refused,) = _updates(services, value_of(photo), "good", {}, tries)
    assert isinstance(refused, Trouble)
    assert refused.sentence == "The number of tries could not be read. Choose it again."


def test_cancelled_tries_free_the_model_for_the_next(services: Services, photo: str) -> None:
    cancelled = _updates(services, value_of(photo), "slow", {}, 3)
    for _ in range(3):
        next(cancelled)
    cancelled.close()  # type: ignore[attr-defined]  # a generator
    assert isinstance(told(services, value_of(photo), "slow")[-1], Done)


def test_tries_are_offered_where_a_judge_can_rank_them() -> None:
    judged = Services.assemble(Settings(discriminator="owner/judge", best_of_seconds=45), CATALOGUE)
    page = built(judged)
    assert choices(page, "radio", "Tries") == [1, 3, 6]
    assert any("45&nbsp;s" in str(block["value"]) for block in props(page, "html"))


def test_where_no_judge_is_one_line_says_so() -> None:
    page = built(Services.assemble(Settings(discriminator="none"), CATALOGUE))
    assert not [block for block in props(page, "radio") if block["label"] == "Tries"]
    assert any("ROREM_DISCRIMINATOR switches it off." in str(block["value"]) for block in props(page, "html"))


# --- the page -----------------------------------------------------------------------------------------------------


def built(services: Services) -> gr.Blocks:
    """The page, made while a loop runs: without one gradio opens its own and never closes it."""

    async def make() -> gr.Blocks:
        return build(services)

    return asyncio.run(make())


def props(page: gr.Blocks, kind: str) -> list[dict[str, Any]]:
    return [block["props"] for block in page.config["components"] if block["type"] == kind]


def choices(page: gr.Blocks, kind: str, label: str) -> list[str]:
    found, *_ = [block for block in props(page, kind) if block["label"] == label]
    return [key for _, key in found["choices"]]


def test_the_api_is_remove_and_select_alone(services: Services) -> None:
    api = built(services).get_api_info()
    assert api is not None
    assert list(api["named_endpoints"]) == ["/remove", "/select"]
    assert api["unnamed_endpoints"] == {}


def test_a_new_row_is_on_the_page_and_in_the_api_with_no_other_change() -> None:
    new = row("brand-new", title="Brand New")
    services = Services.assemble(Settings(), Catalog(*REMOVERS, new))
    page, keys = built(services), [*(spec.key for spec in REMOVERS), "brand-new"]
    runnable = [spec.key for spec in services.removers if not services.missing(spec)]
    assert choices(page, "radio", "Method") == runnable
    assert runnable[-1] == "brand-new"
    assert choices(page, "dropdown", "Method") == keys
    assert "| Brand New | CC0-1.0 | This test | runs on the CPU |" in methods_table(services).splitlines()
    assert any("Brand New" in str(block["value"]) for block in props(page, "html"))
    assert any("| Brand New |" in block["value"] for block in props(page, "markdown"))
    assert "brand-new" in json.dumps(page.get_api_info())


def test_a_row_that_cannot_run_here_is_described_but_not_offered() -> None:
    absent = row("absent", packages=("no_such_package",))
    services = Services.assemble(Settings(), Catalog(GOOD, absent))
    page = built(services)
    assert choices(page, "radio", "Method") == ["good"]
    assert any("needs the package no_such_package" in str(block["value"]) for block in props(page, "html"))
    assert "needs the package no_such_package |" in methods_table(services)


def test_a_description_escapes_html() -> None:
    evil = '"><script>alert(1)</script>'
    html = describe(row(evil, title=evil, summary=evil, licence=evil), Machine(gpu=False, cores=2), (evil,))
    assert "<script" not in html
    assert html.count("<p ") == html.count("</p>") == 1
