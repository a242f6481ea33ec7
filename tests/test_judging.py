"""Judging: results of visits as subjects of answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rorem_demo import __version__
from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import digest
from rorem_demo.feedback.records import Answer
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Box, Image
from rorem_demo.removers.base import RemovalOptions
from rorem_demo.removers.erase import finish
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.visits import OpenedPhoto

IMAGE: Image = np.random.default_rng(5).integers(0, 256, (60, 80, 3), dtype=np.uint8)
MASK = np.zeros((60, 80), np.bool_)
MASK[10:20, 30:40] = True
YES = Answer(removed=True)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services.assemble(Settings(data=tmp_path))


def issue(services: Services, licence: str = "") -> tuple[str, str]:
    """Id and visit of a fresh result."""
    source, visit = services.visits.keep(OpenedPhoto(Photo(IMAGE, "PNG", None, "lake", ()), licence))
    removal = finish(services.remove("telea", IMAGE, MASK, RemovalOptions(grow=0)))
    return services.keep_result(source, removal, ("brush", "click")), visit


def test_a_subject_says_everything_of_its_result(services: Services) -> None:
    key, _ = issue(services)
    subject = services.judging.subject(key)
    assert (subject.key, subject.origin, subject.method, subject.device) == (key, "app", "telea", "cpu")
    assert (subject.source, subject.mask) == (digest(IMAGE), digest(MASK))
    assert subject.result == digest(services.photo(key).image) != subject.source
    assert (subject.width, subject.height, subject.revision, subject.licence) == (80, 60, __version__, "")
    assert (subject.facts.pixels, subject.facts.boxes) == (100, (Box(30, 10, 40, 20),))
    assert subject.facts.made_by == ("brush", "click")
    assert json.loads(subject.options)["grow"] == 0


def test_weights_are_named_with_what_is_known_of_them(services: Services) -> None:
    revisions = {spec.key: services.weights.revision(spec) for spec in services.removers}
    assert revisions["lama"].startswith("signature-ai/big-lama@")
    assert "unverified" in revisions["rorem-4s"]


def test_what_is_made_from_an_example_is_public(services: Services) -> None:
    key, _ = issue(services, licence="CC0-1.0")
    again = finish(services.remove("telea", services.photo(key).image, MASK, RemovalOptions()))
    further = services.keep_result(key, again)
    assert services.judging.subject(further).licence == "CC0-1.0"


def test_a_result_is_one_side_of_two_as_it_is_a_subject(services: Services) -> None:
    key, _ = issue(services)
    side, subject = services.judging.side(key), services.judging.subject(key)
    names = ("method", "revision", "options", "result", "seconds", "device")
    assert [getattr(side, name) for name in names] == [getattr(subject, name) for name in names]
    with pytest.raises(InputError, match="no longer on the server"):
        services.judging.side("nothing")


def test_an_unknown_result_is_refused_and_counted(services: Services) -> None:
    with pytest.raises(InputError, match="no longer on the server"):
        services.judging.rate("nothing", YES, visit="somebody", address="1.2.3.4")
    assert services.judging.desk.status().refused == {"unknown": 1}


def test_a_photo_is_no_result(services: Services) -> None:
    source, visit = services.visits.keep(OpenedPhoto(Photo(IMAGE, "PNG", None, "lake", ())))
    with pytest.raises(InputError):
        services.judging.rate(source, YES, visit=visit, address="1.2.3.4")


def test_another_visits_result_is_refused_and_counted(services: Services) -> None:
    key, _ = issue(services)
    _, other = issue(services)
    with pytest.raises(InputError, match="another page"):
        services.judging.rate(key, YES, visit=other, address="1.2.3.4")
    assert services.judging.desk.status() == services.judging.desk.status()
    assert services.judging.desk.status().refused == {"foreign": 1}


def test_an_address_is_kept_nowhere(services: Services, tmp_path: Path) -> None:
    key, visit = issue(services)
    receipt = services.judging.rate(key, YES, visit=visit, address="203.0.113.77")
    services.close(0)
    assert receipt.removed
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"203.0.113.77" in path.read_bytes() or visit.encode() in path.read_bytes()] == []


def test_commands_that_keep_nothing_make_no_store(services: Services, tmp_path: Path) -> None:
    issue(services)
    services.close(0)
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_to_keep_answers_the_page_works(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    services = Services.assemble(Settings(data=tmp_path / "file" / "below"))
    services.begin_publishing()
    assert "No answers can be kept" in caplog.text
    key, _ = issue(services)
    assert key
