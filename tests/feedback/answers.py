"""Answers for tests: a subject, people, and rows put straight into a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rorem_demo.feedback.identity import receipt_hash, secret_of
from rorem_demo.feedback.records import (
    MaskFacts,
    Pairing,
    PairPictures,
    Person,
    Pictures,
    Rating,
    Side,
    Subject,
    Vote,
)
from rorem_demo.feedback.store import Store
from rorem_demo.imaging.types import Box

PICTURES = Pictures(source=b"source", mask=b"mask", result=b"result")
PAIR_PICTURES = PairPictures(source=b"source", mask=b"mask", left=b"left", right=b"right")
FACTS = MaskFacts(pixels=25, boxes=(Box(1, 2, 6, 7),), made_by=("brush",))


def subject(key: str = "result", **changes: Any) -> Subject:
    """A result of an hour ago, the visitor's own."""
    given: dict[str, Any] = {
        "origin": "app", "source": "a" * 64, "mask": "b" * 64, "result": "c" * 64, "width": 60, "height": 40,
        "method": "shift-map", "revision": "0.1.0", "options": '{"seed": 0}', "seconds": 1.25, "device": "cpu",
        "facts": FACTS,
        "issued": datetime.now(UTC) - timedelta(hours=1), "pictures": lambda: PICTURES,
    }  # fmt: skip
    return Subject(key=key, **given | changes)


def side(method: str = "shift-map", result: str = "c" * 64) -> Side:
    return Side(method=method, revision="0.1.0", options='{"seed": 0}', result=result, seconds=1.25004, device="cpu")


def pairing(key: str = "round", **changes: Any) -> Pairing:
    """Two results of an hour ago, of the visitor's own photo."""
    given: dict[str, Any] = {
        "origin": "app", "case": "", "cases": "", "source": "a" * 64, "mask": "b" * 64, "width": 60, "height": 40,
        "facts": FACTS, "left": side(), "right": side("telea", "d" * 64), "policy": "even-1",
        "issued": datetime.now(UTC) - timedelta(hours=1), "pictures": lambda: PAIR_PICTURES,
    }  # fmt: skip
    return Pairing(key=key, **given | changes)


def person(number: int = 0) -> Person:
    return Person(rater=f"rater{number}", visitor=f"visitor{number}")


def rating(store: Store, **changes: Any) -> Rating:
    """A row as the desk would make it."""
    key = store.new_id()
    given: dict[str, Any] = {
        "app": "0.1.0", "created": datetime.now(UTC).isoformat(timespec="milliseconds"), "origin": "app",
        "source": "a" * 64, "mask": "b" * 64, "result": "c" * 64, "width": 60, "height": 40, "method": "shift-map",
        "revision": "0.1.0", "options": "{}", "seconds": 1.25, "device": "cpu", "mask_pixels": 25,
        "mask_boxes": (Box(1, 2, 6, 7),), "mask_made_by": ("brush",), "label": 1, "reasons": (), "comment": "",
        "score": None, "judge": "", "rater": "rater0", "flags": (), "consent": "answer", "licence": "",
        "supersedes": "", "receipt": receipt_hash(secret_of(store.key, key)),
    }  # fmt: skip
    return Rating(id=key, **given | changes)


def vote(store: Store, **changes: Any) -> Vote:
    """The same of a vote."""
    key = store.new_id()
    given: dict[str, Any] = {
        "app": "0.1.0", "created": datetime.now(UTC).isoformat(timespec="milliseconds"), **pairing().columns,
        "choice": "left", "reasons": (), "rater": "rater0", "flags": (), "consent": "answer", "licence": "",
        "receipt": receipt_hash(secret_of(store.key, key)),
    }  # fmt: skip
    return Vote(id=key, **given | changes)


def keep_shared_vote(store: Store, pictures: PairPictures) -> str:
    """A vote whose shared pictures wait for a reviewer; returns its id."""
    made = vote(store, consent="pictures", licence="CC-BY-4.0", choice="both-good")
    store.append(made, visitor=made.id, subject=made.id, pictures=pictures, ready=datetime.now(UTC), review=True)
    return made.id


def keep_shared(store: Store, pictures: Pictures) -> str:
    """A row whose shared pictures wait for a reviewer; returns its id."""
    made = rating(store, consent="pictures", licence="CC-BY-4.0")
    store.append(made, visitor=made.id, subject=made.id, pictures=pictures, ready=datetime.now(UTC), review=True)
    return made.id
