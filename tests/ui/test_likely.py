"""A result's score: told once in words, kept with the answer of whoever saw it, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rorem_demo.discriminator.score import Likely
from rorem_demo.feedback.records import Rating
from rorem_demo.imaging.types import Box, Image
from rorem_demo.removers.base import Removal, ResolvedOptions
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.routes import Routes
from rorem_demo.ui.tabs.about import judged
from rorem_demo.ui.values import in_words
from tests.discriminator.judges import write_judge

IMAGE: Image = np.random.default_rng(3).integers(0, 256, (120, 160, 3), dtype=np.uint8)
ANSWER = {"removed": True, "reasons": [], "comment": "", "share": False}
NOTHING = {"words": "", "judge": ""}


@dataclass
class Visitor:
    """One visitor's page."""

    services: Services
    http: TestClient
    visit: str = ""

    def result(self) -> str:
        """Id of a fresh result of a fresh photo."""
        file = BytesIO()
        PIL.Image.fromarray(IMAGE).save(file, "PNG")
        headers = {"X-Visit": self.visit}
        opened = self.http.post("/rorem/photos", content=file.getvalue(), headers=headers).json()
        self.visit = opened["visit"]
        mask = np.zeros(IMAGE.shape[:2], np.bool_)
        mask[40:70, 60:100] = True
        removal = Removal(
            image=np.where(mask[..., None], np.uint8(120), IMAGE),
            mask=mask,
            box=Box(40, 20, 120, 90),
            remover="telea",
            options=ResolvedOptions(),
            seconds=0.1,
            changed_outside=0,
        )
        return self.services.keep_result(str(opened["id"]), removal, ("brush",))

    def likely(self, result: str) -> Any:
        return self.http.get(f"/rorem/results/{result}/likely").json()

    def rate(self, result: str, **more: object) -> int:
        body = ANSWER | {"visit": self.visit} | more
        return self.http.post(f"/rorem/results/{result}/rating", json=body).status_code

    def rows(self) -> list[Rating]:
        return [held.record for held in self.services.judging.desk.store.each(Rating)]


def visitor(services: Services) -> Visitor:
    return Visitor(services, TestClient(Starlette(routes=Routes(services).all()), raise_server_exceptions=False))


@pytest.fixture
def judge(tmp_path: Path) -> str:
    return write_judge(tmp_path / "judge")


@pytest.fixture
def page(tmp_path: Path, judge: str) -> Iterator[Visitor]:
    services = Services.assemble(Settings(data=tmp_path / "data", discriminator=str(tmp_path / "judge")))
    yield visitor(services)
    services.close(0)


@pytest.fixture
def off(tmp_path: Path) -> Iterator[Visitor]:
    services = Services.assemble(Settings(data=tmp_path / "data", discriminator="none"))
    yield visitor(services)
    services.close(0)


def test_a_result_is_told_in_words_with_the_version(page: Visitor, judge: str) -> None:
    assert page.likely(page.result()) == {"words": "likely clean: 83%", "judge": judge}


def test_who_saw_the_score_has_it_in_their_row(page: Visitor, judge: str) -> None:
    result = page.result()
    page.likely(result)
    assert page.rate(result, judge=judge) == 201
    (row,) = page.rows()
    assert (row.judge, row.score) == (judge, pytest.approx(0.83, abs=0.01))


@pytest.mark.parametrize("claimed", [{}, {"judge": ""}, {"judge": "compact-000000000000"}])
def test_who_answered_before_it_or_names_another_judge_has_none(page: Visitor, claimed: dict[str, str]) -> None:
    result = page.result()
    page.likely(result)
    assert page.rate(result, **claimed) == 201
    (row,) = page.rows()
    assert (row.judge, row.score) == ("", None)


def test_a_judge_that_was_never_asked_is_in_no_row(page: Visitor, judge: str) -> None:
    assert page.rate(page.result(), judge=judge) == 201
    (row,) = page.rows()
    assert (row.judge, row.score) == ("", None)


@pytest.mark.parametrize("claimed", [3, None, ["compact"], {"a": 1}, True])
def test_a_judge_that_is_no_text_is_refused(page: Visitor, claimed: object) -> None:
    assert page.rate(page.result(), judge=claimed) == 422


def test_a_newer_version_scores_new_results_and_leaves_what_was_told(page: Visitor, judge: str, tmp_path: Path) -> None:
    old = page.result()
    before = page.likely(old)
    newer = write_judge(tmp_path / "judge", 0.3)
    page.services.discriminator.look()
    assert page.likely(old) == before
    assert page.likely(page.result()) == {"words": "likely not clean: 70%", "judge": newer}
    assert page.rate(old, judge=judge) == 201
    assert page.rows()[0].judge == judge


def test_keeping_a_score_keeps_id_visit_and_time_of_a_result(page: Visitor) -> None:
    result = page.result()
    before = page.services.judging.subject(result)
    size = page.services.visits.size_bytes
    page.likely(result)
    assert page.services.judging.subject(result) == before
    assert page.services.visits.visit_of(result) == page.visit
    assert page.services.visits.size_bytes == size


def test_switched_off_nothing_is_told_and_answers_are_kept(off: Visitor) -> None:
    result = off.result()
    assert off.likely(result) == NOTHING
    assert off.rate(result) == 201
    assert off.rows()[0].score is None


def test_a_photo_or_an_unknown_id_is_refused(off: Visitor) -> None:
    said = off.http.get("/rorem/results/nothing/likely")
    assert said.status_code == 422
    assert "no longer on the server" in said.json()["sentence"]


def test_a_score_is_cached_by_nobody(page: Visitor) -> None:
    assert page.http.get(f"/rorem/results/{page.result()}/likely").headers["cache-control"] == "no-store"


# --- in words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.83, "likely clean: 83%"), (0.61, "likely clean: 61%"), (0.604, "not sure"), (0.5, "not sure"),
        (0.4, "not sure"), (0.39, "likely not clean: 61%"), (0.0, "likely not clean: 99%"), (1.0, "likely clean: 99%"),
    ],
)  # fmt: skip
def test_scores_in_words(score: float, words: str) -> None:
    assert in_words(Likely(score, "j")) == words


def test_no_score_is_no_words() -> None:
    assert in_words(None) == ""


@given(st.floats(0, 1))
def test_a_percent_is_always_of_what_is_said(score: float) -> None:
    words = in_words(Likely(score, "j"))
    if words != "not sure":
        said, _, percent = words.partition(": ")
        assert (said == "likely clean") == (score > 0.5)
        assert 61 <= int(percent.rstrip("%")) <= 99


# --- About ------------------------------------------------------------------------------------------------------------


def test_about_names_the_judge_at_work(page: Visitor, judge: str) -> None:
    assert f"At work: `{judge}`." in judged(page.services)
    assert "simulated" not in judged(page.services)


def test_about_says_that_raters_were_simulated(page: Visitor, tmp_path: Path) -> None:
    write_judge(tmp_path / "judge", simulated=True)
    assert "It was trained on simulated raters" in judged(page.services)


def test_about_says_why_none_is_at_work(off: Visitor) -> None:
    assert "None is at work. ROREM_DISCRIMINATOR switches it off." in judged(off.services)


def test_about_says_why_a_newer_one_was_not_taken(page: Visitor, judge: str, tmp_path: Path) -> None:
    page.services.discriminator.look()
    write_judge(tmp_path / "judge", blind=True)
    page.services.discriminator.look()
    assert f"At work: `{judge}`." in judged(page.services)
    assert "A newer version was not taken: compact-" in judged(page.services)
