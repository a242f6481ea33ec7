"""Answers over HTTP, into the real store: what is kept, what is refused, what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem_demo.errors import InputError
from rorem_demo.feedback.records import LONGEST_COMMENT, REASONS, Rating
from rorem_demo.imaging.types import Box, Image, Mask
from rorem_demo.removers.base import Removal, ResolvedOptions
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.examples import EXAMPLES
from rorem_demo.ui.rating import LONGEST_ANSWER, parse_rating
from rorem_demo.ui.routes import Routes
from rorem_demo.ui.tabs.data import policy
from rorem_demo.visits import OpenedPhoto, Visits

IMAGE: Image = np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8)
MASK: Mask = np.zeros((60, 80), np.bool_)
MASK[20:30, 30:50] = True
YES = {"removed": True, "reasons": [], "comment": "", "share": False}
NO = {**YES, "removed": False, "reasons": ["shadow-left", "blurry"]}
GONE = "This photo is no longer on the server. Open it again."


class Browser:
    """One visitor's page."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.visit = ""
        self.http = TestClient(Starlette(routes=Routes(services).all()), raise_server_exceptions=False)

    def open(self, path: str = "photos", data: bytes | None = None) -> str:
        """A photo, by its id; our own picture unless another file or an example is named."""
        if data is None:
            file = BytesIO()
            PIL.Image.fromarray(IMAGE).save(file, "PNG")
            data = file.getvalue()
        opened = self.http.post(f"/rorem/{path}", content=data, headers={"X-Visit": self.visit}).json()
        self.visit = opened["visit"]
        return str(opened["id"])

    def removed(self, photo: str) -> str:
        """Id of a result of that photo."""
        image = self.services.photo(photo).image
        mask = np.zeros(image.shape[:2], np.bool_)
        mask[20:30, 30:50] = True
        removal = Removal(
            image=np.where(mask[..., None], np.uint8(90), image),
            mask=mask,
            box=Box(20, 10, 60, 40),
            remover="telea",
            options=ResolvedOptions(),
            seconds=0.25,
            changed_outside=0,
        )
        return self.services.keep_result(photo, removal, ("brush",))

    def say(self, result: str, answer: dict[str, Any], **more: Any) -> Any:
        body = {"visit": self.visit, **answer, **more}
        return self.http.post(f"/rorem/results/{result}/rating", content=json.dumps(body))

    def rate(self, result: str, answer: dict[str, Any]) -> dict[str, Any]:
        answered = self.say(result, answer)
        assert answered.status_code == 201, answered.text
        return dict(answered.json())

    def state(self, receipt: dict[str, Any]) -> dict[str, Any]:
        return dict(self.http.get(f"/rorem/ratings/{receipt['text']}").json())

    def rows(self) -> list[Rating]:
        return [held.record for held in self.services.judging.desk.store.each(Rating)]

    def refused(self) -> dict[str, int]:
        return self.services.judging.desk.status().refused


def sentence(answer: Any) -> str:
    assert answer.status_code == 422, answer.text
    assert answer.json().keys() == {"sentence"}
    return str(answer.json()["sentence"])


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    assembled = Services.assemble(Settings(data=tmp_path))
    yield assembled
    assembled.close(0.1)


@pytest.fixture
def browser(services: Services) -> Browser:
    return Browser(services)


@pytest.fixture
def result(browser: Browser) -> str:
    return browser.removed(browser.open())


# --- answers -------------------------------------------------------------------------------------------------------


def test_an_answer_is_on_disk_with_all_that_is_known_of_the_result(browser: Browser, result: str) -> None:
    receipt = browser.rate(result, NO)
    (row,) = browser.rows()
    assert (row.label, row.reasons, row.consent, row.files) == (0, ("blurry", "shadow-left"), "answer", None)
    assert (row.method, row.seconds, row.width, row.mask_pixels) == ("telea", 0.25, 80, 200)
    assert row.mask_made_by == ("brush",)
    assert (receipt["id"], receipt["removed"], receipt["published"]) == (row.id, False, "")
    assert (receipt["waits_for"], receipt["survives"]) == ("dataset", True)
    assert browser.state(receipt) == receipt


def test_the_same_answer_gives_the_same_receipt(browser: Browser, result: str) -> None:
    receipts = [browser.rate(result, YES) for _ in range(10)]
    assert all(receipt == receipts[0] for receipt in receipts)
    assert len(browser.rows()) == 1


def test_a_change_of_mind_is_a_new_row_that_names_the_old_one(browser: Browser, result: str) -> None:
    first, second = browser.rate(result, YES), browser.rate(result, NO)
    rows = {row.id: row for row in browser.rows()}
    assert rows[second["id"]].supersedes == first["id"]
    assert rows[first["id"]].receipt == rows[second["id"]].receipt
    assert second["text"] != first["text"]


def test_a_comment_is_one_line_of_text(browser: Browser, result: str) -> None:
    browser.rate(result, {**NO, "reasons": ["other"], "comment": " a\nghost\x00 \t remains "})
    assert browser.rows()[0].comment == "a ghost remains"


def test_shared_pictures_are_kept_and_others_never(browser: Browser, result: str, tmp_path: Path) -> None:
    browser.rate(result, NO)
    assert not list(tmp_path.glob("pictures/**/*.*"))
    receipt = browser.rate(result, {**NO, "share": True})
    assert receipt["share"]
    row = browser.rows()[-1]
    assert (row.consent, row.licence) == ("pictures", "CC-BY-4.0")
    assert row.files is not None
    source = browser.services.judging.desk.store.pictures.get(row.files.source)
    with PIL.Image.open(BytesIO(source)) as picture:
        assert picture.size == (80, 60)


def test_metadata_of_a_photo_is_nowhere_in_what_is_kept(browser: Browser, tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x010E] = "secret description"
    file = BytesIO()
    PIL.Image.fromarray(IMAGE).save(file, "JPEG", exif=exif, xmp=b"secret packet")
    browser.rate(browser.removed(browser.open(data=file.getvalue())), {**NO, "share": True})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert not [path for path in files if b"secret" in path.read_bytes()]


def test_an_example_is_public_so_its_pictures_are_kept_without_asking(browser: Browser) -> None:
    name = next(iter(EXAMPLES))
    receipt = browser.rate(browser.removed(browser.open(f"examples/{name}")), YES)
    (row,) = browser.rows()
    assert (row.consent, row.licence) == ("public", EXAMPLES[name].licence)
    assert row.files is not None
    assert not receipt["share"]


def test_an_address_is_nowhere_in_what_is_kept(browser: Browser, result: str, tmp_path: Path) -> None:
    browser.rate(result, YES)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"testclient" in path.read_bytes()]


# --- what is refused -----------------------------------------------------------------------------------------------


def test_unknown_forged_and_mistaken_ids_are_refused_and_counted(browser: Browser, result: str) -> None:
    photo = browser.open()
    for key in ("unknown", f"{result}x", photo, "%00", "a" * 3000):
        assert sentence(browser.say(key, YES)) == GONE
    assert browser.refused() == {"unknown": 5}
    assert browser.rows() == []


def test_an_expired_result_is_refused_and_counted(services: Services) -> None:
    now = [0.0]
    visits = Visits(2**24, 60, clock=lambda: now[0])
    browser = Browser(replace(services, visits=visits))
    result = browser.removed(browser.open())
    now[0] = 61.0
    assert sentence(browser.say(result, YES)) == GONE
    assert browser.refused() == {"unknown": 1}


def test_another_visits_result_is_refused_and_counted(browser: Browser, result: str) -> None:
    other = Browser(browser.services)
    other.open()
    assert sentence(other.say(result, YES)).startswith("This result was made on another page.")
    assert sentence(other.say(result, YES, visit="")).startswith("This result was made on another page.")
    assert browser.refused() == {"foreign": 2}


BAD = [
    {"removed": None}, {"removed": 1}, {"removed": "true"}, {"share": 1}, {"share": None}, {"visit": None},
    {"visit": "v" * 65}, {"visit": 7}, {"reasons": "blurry"}, {"reasons": None}, {"reasons": [None]},
    {"reasons": ["ugly"]}, {"reasons": ["blurry"] * 8}, {"reasons": [["blurry"]]}, {"comment": None},
    {"comment": ["x"]}, {"comment": "without its reason"}, {"reasons": ["other"], "comment": "x" * 201},
    {"removed": True}, {"removed": True, "reasons": [], "comment": "fine"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD, ids=lambda wrong: json.dumps(wrong)[:40])
def test_a_malformed_answer_is_refused_and_counted(browser: Browser, result: str, wrong: dict[str, Any]) -> None:
    sentence(browser.say(result, NO, **wrong))
    assert browser.refused() == {"malformed": 1}
    assert browser.rows() == []


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b"\xff", b'"x"', b"[" * 4000, b" " * (LONGEST_ANSWER + 1)], ids=range(8)
)
def test_a_body_that_is_no_answer_is_refused_and_counted(browser: Browser, result: str, body: bytes) -> None:
    sentence(browser.http.post(f"/rorem/results/{result}/rating", content=body))
    assert browser.refused() == {"malformed": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(REASONS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["removed", "reasons", "comment", "share", "visit"], JSON)))
def test_whatever_is_sent_is_an_answer_or_an_input_error(value: dict[str, Any]) -> None:
    try:
        answer = parse_rating(json.dumps(value)).answer
    except InputError:
        return
    assert answer.removed is value["removed"]
    assert len(answer.comment) <= LONGEST_COMMENT
    assert set(answer.reasons) <= set(REASONS)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=LONGEST_COMMENT))
def test_any_comment_can_be_written_to_a_file(comment: str) -> None:
    body = {"removed": False, "reasons": ["other"], "comment": comment, "visit": "v"}
    kept = parse_rating(json.dumps(body)).answer.comment
    assert kept.encode().decode() == kept
    assert kept.isprintable() or not any(character in kept for character in "\n\r\t\x00\x1b")


def test_the_longest_comment_of_any_characters_fits(browser: Browser, result: str) -> None:
    browser.rate(result, {**NO, "reasons": list(REASONS), "comment": "😀" * LONGEST_COMMENT})
    assert browser.rows()[0].comment == "😀" * LONGEST_COMMENT


def test_many_answers_within_a_minute_are_refused_with_a_sentence(tmp_path: Path) -> None:
    services = Services.assemble(Settings(data=tmp_path, ratings_per_minute=3))
    browser = Browser(services)
    photo = browser.open()
    for _ in range(3):
        browser.rate(browser.removed(photo), YES)
    assert "Wait a minute" in sentence(browser.say(browser.removed(photo), YES))
    assert browser.refused() == {"limit": 1}
    assert len(browser.rows()) == 3
    services.close(0.1)


def test_a_store_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    browser = Browser(Services.assemble(Settings(data=tmp_path / "file")))
    answer = browser.say(browser.removed(browser.open()), YES)
    assert "Traceback" not in sentence(answer)
    sentence(browser.http.get("/rorem/feedback"))


# --- receipts ------------------------------------------------------------------------------------------------------


def test_deleting_takes_every_answer_of_the_receipt_and_its_pictures(
    browser: Browser, result: str, tmp_path: Path
) -> None:
    first = browser.rate(result, YES)
    browser.rate(result, {**NO, "share": True})
    answer = browser.http.delete(f"/rorem/ratings/{first['text']}", headers={"X-Visit": browser.visit})
    assert answer.json() == {"sentence": "Deleted. It had not been published."}
    assert browser.rows() == []
    assert not [path for path in tmp_path.glob("pictures/**/*") if path.is_file()]
    assert sentence(browser.http.get(f"/rorem/ratings/{first['text']}")).startswith("No answer with this receipt")


def test_after_deleting_the_same_result_can_be_answered_again(browser: Browser, result: str) -> None:
    first = browser.rate(result, YES)
    browser.http.delete(f"/rorem/ratings/{first['text']}")
    second = browser.rate(result, YES)
    assert second["text"] != first["text"]
    assert len(browser.rows()) == 1


def test_a_receipt_as_somebody_types_it_is_understood(browser: Browser, result: str) -> None:
    receipt = browser.rate(result, YES)
    typed = receipt["text"].lower().replace("-", " - ")
    assert browser.http.get(f"/rorem/ratings/{typed}").json() == receipt


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
def test_what_is_no_receipt_is_refused(browser: Browser, verb: str) -> None:
    for text in ("x", "%00", "a" * 3000, "..", "%ff"):
        assert "receipt" in sentence(browser.http.request(verb, f"/rorem/ratings/{text.replace('..', '%2E%2E%2E')}"))


def test_a_receipt_with_another_secret_shows_and_deletes_nothing(browser: Browser, result: str) -> None:
    receipt = browser.rate(result, YES)
    forged = receipt["text"][:-1] + ("0" if receipt["text"][-1] != "0" else "1")
    sentence(browser.http.get(f"/rorem/ratings/{forged}"))
    browser.http.delete(f"/rorem/ratings/{forged}")
    assert len(browser.rows()) == 1
    assert browser.refused() == {"unknown-receipt": 1}


def test_receipts_are_cached_by_nobody(browser: Browser, result: str) -> None:
    receipt = browser.rate(result, YES)
    assert browser.http.get(f"/rorem/ratings/{receipt['text']}").headers["cache-control"] == "no-store"


# --- the store in numbers, the policy ------------------------------------------------------------------------------


def test_the_status_tells_what_is_kept_and_where(browser: Browser, result: str) -> None:
    browser.rate(result, YES)
    assert browser.http.get("/rorem/feedback").json() == {
        "kept": 1, "published": 0, "waiting": 1, "in_review": 0, "last_published": "", "last_error": "",
        "dataset": None, "token": False, "survives": True,
    }  # fmt: skip


def test_on_a_disk_that_forgets_the_receipt_and_the_policy_say_so(tmp_path: Path) -> None:
    configured = Settings(data=tmp_path, on_space=True, feedback_dataset="somebody/answers")
    services = Services.assemble(configured)
    browser = Browser(services)
    receipt = browser.rate(browser.removed(browser.open()), YES)
    assert not receipt["survives"]
    assert "lost at a restart" in policy(configured)
    assert "https://huggingface.co/datasets/somebody/answers" in policy(configured)
    services.close(0.1)


def test_the_policy_is_filled_in_and_names_no_dataset_that_is_not_set() -> None:
    text = policy(Settings(expiry_minutes=17, review_minutes=0))
    assert "after 17 minutes" in text
    assert "@" not in text
    assert "datasets/" not in text
    assert "They wait here" not in text
    waits = policy(Settings(review_minutes=30, reviewed=True))
    assert "They wait here for 30 minutes and until somebody has looked at them, then they are published." in waits


def test_a_dataset_name_is_text_in_the_policy() -> None:
    assert "<script>" not in policy(Settings(feedback_dataset="a/<script>"))


def test_an_opened_example_is_said_to_be_public(browser: Browser) -> None:
    photo = browser.http.post("/rorem/examples/coffee.jpg").json()
    assert photo["public"]
    assert browser.services.visits.get(photo["id"], OpenedPhoto).licence
