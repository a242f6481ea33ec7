"""Several attempts beside each other: in order, each told of, none spoilt by another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from rorem_demo.comparison.lineup import CUT_OFF, FAILED, Entry, Failed, Finished, Started, Update, Working, lineup
from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.types import Box, Image, Mask
from rorem_demo.removers.base import Progress, Removal, RemovalOptions, ResolvedOptions
from rorem_demo.runtime.turns import Begun
from rorem_demo.runtime.turns_line import Waiting

IMAGE = np.zeros((20, 30, 3), np.uint8)
MASK = np.zeros((20, 30), np.bool_)
BOX = Box(0, 0, 30, 20)


class Runner:
    """Does what a method's name says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, RemovalOptions]] = []
        self.closed: list[str] = []

    def __call__(
        self, key: str, image: Image, mask: Mask, options: RemovalOptions
    ) -> Iterator[Waiting | Begun | Progress | Removal]:
        self.asked.append((key, options))
        if key == "queued":
            yield Waiting(2, 9.0)
        try:
            yield Begun(0.0)
            yield Progress(0.5, BOX)
            if key == "broken":
                raise RuntimeError("secret detail")
            if key == "refused":
                raise UnavailableError("It ran out of memory.", hint="Mark less.")
            if key != "silent":
                yield removal(key)
        finally:
            self.closed.append(key)


def removal(key: str) -> Removal:
    return Removal(
        image=IMAGE, mask=MASK, box=BOX, remover=key, options=ResolvedOptions(), seconds=0.1, changed_outside=0
    )


def entries(*methods: str) -> list[Entry]:
    return [Entry(tile=f"{key}-tile", method=key, options=RemovalOptions(seed=7, grow=3)) for key in methods]


def told(run: Runner, *methods: str) -> list[Update]:
    return list(lineup(run, IMAGE, MASK, entries(*methods)))


def test_each_is_told_from_its_start_to_its_end_in_order() -> None:
    one, *others = told(Runner(), "first", "second")
    assert one == Started("first-tile")
    assert [type(update) for update in others] == [Working, Finished, Started, Working, Finished]
    assert others[0] == Working("first-tile", 0.5)
    assert others[1] == Finished("first-tile", removal("first"))


def test_one_that_waits_has_not_started() -> None:
    waiting, started, *_ = told(Runner(), "queued")
    assert (waiting, started) == (Waiting(2, 9.0), Started("queued-tile"))


def test_all_get_the_options_of_their_entry() -> None:
    run = Runner()
    told(run, "first", "second")
    assert run.asked == [(key, RemovalOptions(seed=7, grow=3)) for key in ("first", "second")]


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [("broken", FAILED), ("refused", "It ran out of memory. Mark less."), ("silent", CUT_OFF)],
)
def test_one_that_fails_does_not_spoil_the_others(bad: str, sentence: str) -> None:
    updates = told(Runner(), "first", bad, "last")
    ends = [update for update in updates if isinstance(update, Finished | Failed)]
    assert [end.tile for end in ends] == ["first-tile", f"{bad}-tile", "last-tile"]
    assert [isinstance(end, Finished) for end in ends] == [True, False, True]
    assert ends[1] == Failed(f"{bad}-tile", sentence)


def test_what_broke_is_in_the_log_and_not_on_the_page(caplog: pytest.LogCaptureFixture) -> None:
    updates = told(Runner(), "broken")
    assert "secret detail" in caplog.text
    assert "secret detail" not in str(updates)


def test_closing_stops_the_one_at_work_and_begins_no_other() -> None:
    run = Runner()
    updates = lineup(run, IMAGE, MASK, entries("first", "second"))
    assert [next(updates), next(updates)] == [Started("first-tile"), Working("first-tile", 0.5)]
    updates.close()  # type: ignore[attr-defined]  # it is a generator
    assert run.closed == ["first"]
    assert [key for key, _ in run.asked] == ["first"]


def test_no_entries_are_no_updates() -> None:
    assert told(Runner()) == []
