"""Screening: harmless shared pictures are accepted, doubtful ones wait for a person."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

from rorem_demo.errors import UnavailableError
from rorem_demo.feedback.records import PairPictures, Pictures
from rorem_demo.feedback.screening import Screening, ScreenSpec, load_classifier
from rorem_demo.feedback.store import Store
from rorem_demo.runtime.weights import Weights
from tests.feedback.answers import keep_shared, keep_shared_vote

LIGHT, DARK = b"light", b"dark"


class Eye:
    """Finds dark pictures doubtful."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, picture: bytes) -> float:
        self.seen.append(picture)
        return 0.9 if picture == DARK else 0.1


def pictures(source: bytes, result: bytes) -> Pictures:
    return Pictures(source=source, mask=b"mask", result=result)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_harmless_pictures_are_accepted_and_doubtful_ones_wait(store: Store) -> None:
    harmless = keep_shared(store, pictures(LIGHT, LIGHT))
    doubtful = [keep_shared(store, pictures(DARK, LIGHT)), keep_shared(store, pictures(LIGHT, DARK))]
    told: list[None] = []
    screening = Screening(store, Eye, lambda: told.append(None))
    assert screening.screen() == 1
    assert {held.record.id for held in store.to_review()} == set(doubtful)
    found = store.find(harmless)
    assert found is not None
    assert found.review == "accepted"


def test_of_a_vote_the_photo_and_both_results_are_looked_at(store: Store) -> None:
    def pair(source: bytes, left: bytes, right: bytes) -> PairPictures:
        return PairPictures(source=source, mask=DARK, left=left, right=right)

    harmless = keep_shared_vote(store, pair(LIGHT, LIGHT, LIGHT))
    shown = (pair(DARK, LIGHT, LIGHT), pair(LIGHT, DARK, LIGHT), pair(LIGHT, LIGHT, DARK))
    doubtful = [keep_shared_vote(store, each) for each in shown]
    assert Screening(store, Eye, lambda: None).screen() == 1
    assert {held.record.id for held in store.to_review()} == set(doubtful)
    found = store.find(harmless)
    assert found is not None
    assert found.review == "accepted"


def test_a_doubtful_picture_is_looked_at_once(store: Store) -> None:
    keep_shared(store, pictures(DARK, LIGHT))
    eye = Eye()
    screening = Screening(store, lambda: eye, lambda: None)
    assert (screening.screen(), screening.screen()) == (0, 0)
    assert eye.seen == [DARK]


def test_the_classifier_is_loaded_when_something_waits_and_not_before(store: Store) -> None:
    loaded: list[Eye] = []

    def load() -> Eye:
        loaded.append(Eye())
        return loaded[-1]

    screening = Screening(store, load, lambda: None)
    screening.screen()
    assert loaded == []
    keep_shared(store, pictures(LIGHT, LIGHT))
    keep_shared(store, pictures(LIGHT, b"other"))
    screening.screen()
    assert len(loaded) == 1


def test_in_the_background_it_accepts_and_tells(store: Store) -> None:
    from threading import Event

    accepted = Event()
    screening = Screening(store, Eye, accepted.set)
    screening.start()
    keep_shared(store, pictures(LIGHT, LIGHT))
    screening.wake()
    assert accepted.wait(5)
    screening.close()
    assert list(store.to_review()) == []


# The classifier, through transformers' own files


def write_checkpoint(folder: Path, labels: tuple[str, str] = ("normal", "nsfw")) -> Weights:
    place = folder / "Falconsai" / "nsfw_image_detection"
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=16,
        id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)},
    )  # fmt: skip
    ViTForImageClassification(config).save_pretrained(place)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(place)
    return Weights(folder)


def picture(level: int) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(np.full((40, 60, 3), level, np.uint8)).save(file, "JPEG")
    return file.getvalue()


def test_a_checkpoint_in_the_published_format_scores(tmp_path: Path) -> None:
    classify = load_classifier(ScreenSpec(), write_checkpoint(tmp_path))
    swapped = load_classifier(ScreenSpec(), write_checkpoint(tmp_path / "other", ("nsfw", "normal")))
    assert 0 <= classify(picture(0)) <= 1
    assert classify(picture(0)) == classify(picture(0)) != classify(picture(255))
    assert 0 <= swapped(picture(0)) <= 1


def test_damaged_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path)
    file = weights.files(ScreenSpec())[0]
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UnavailableError, match="damaged"):
        load_classifier(ScreenSpec(), weights)


def test_another_network_is_refused(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path)
    place = tmp_path / "Falconsai" / "nsfw_image_detection" / "config.json"
    place.write_text(place.read_text().replace('"num_hidden_layers": 1', '"num_hidden_layers": 2'))
    with pytest.raises(UnavailableError, match="another network"):
        load_classifier(ScreenSpec(), weights)


def test_a_broken_picture_is_a_sentence(tmp_path: Path) -> None:
    classify = load_classifier(replace(ScreenSpec(), title="The check"), write_checkpoint(tmp_path))
    with pytest.raises(UnavailableError, match="The check failed"):
        classify(b"no picture")
