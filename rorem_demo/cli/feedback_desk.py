"""What the `feedback` commands stand on: the desk for the time of a command, and steps tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rorem_demo.errors import ConfigError
from rorem_demo.feedback.desk import Desk
from rorem_demo.feedback.hub import ConflictError, RetryLaterError
from rorem_demo.feedback.publisher import Publisher
from rorem_demo.services import Services

T = TypeVar("T")

TRIES = 5
"""How often something is tried that another process or replica was in the way of."""
LONGEST_WAIT = 10.0
"""Seconds; whoever is told to wait longer is told so and comes back."""


@contextmanager
def desk_of(services: Services) -> Iterator[Desk]:
    """The desk while the block runs; then the store is closed, and nothing published that was not asked for."""
    desk = services.judging.desk
    try:
        yield desk
    finally:
        desk.store.close()


def publisher_of(desk: Desk) -> Publisher:
    """What can talk to the dataset.

    Raises:
        ConfigError: no dataset is named, or there is no token for it.
    """
    dataset = desk.publisher.dataset
    if dataset is None:
        raise ConfigError("No dataset is named.", hint="Set ROREM_FEEDBACK_DATASET to owner/name.")
    if not dataset.has_token:
        raise ConfigError("There is no token for the Hub.", hint="Set HF_TOKEN to one that may write to the dataset.")
    return desk.publisher


def patiently(ask: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """What `ask` returns, tried again while a running app or another replica is in the way.

    Raises:
        RetryLaterError: it would be long, or was tried often.
        ConflictError: others were quicker each time.
    """
    for attempt in range(1, TRIES):
        try:
            return ask()
        except ConflictError:
            sleep(attempt)
        except RetryLaterError as error:
            if error.after > LONGEST_WAIT:
                raise
            sleep(max(error.after, attempt))
    return ask()
