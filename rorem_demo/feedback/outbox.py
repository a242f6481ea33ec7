"""The outbox: a folder for files under way, one process's at a time, empty whenever nobody has it.

This module imports `datasets` and is to be imported where it is used only.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rorem_demo.feedback.disk import make_folder, refusals
from rorem_demo.feedback.hub import Dataset, RetryLaterError
from rorem_demo.feedback.publishing import Memory, Steps
from rorem_demo.feedback.store import Store

ANOTHER = 5.0
"""Seconds to wait while another process publishes from the same store."""


@contextmanager
def working(store: Store, dataset: Dataset, folder: Path, memory: Memory) -> Iterator[Steps]:
    """Give the steps of a store, to one process at a time.

    What lands does not depend on it; two processes would only empty each other's outbox.

    Raises:
        RetryLaterError: another process has them.
        StorageError: the folder cannot be written to.
    """
    make_folder(folder)
    outbox = folder / "outbox"
    with refusals(folder), (folder / "publishing.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RetryLaterError("Another process is publishing.", after=ANOTHER) from None
        shutil.rmtree(outbox, ignore_errors=True)  # left by a process that was killed
        make_folder(outbox)
        try:
            yield Steps(store, dataset, outbox, memory)
        finally:
            shutil.rmtree(outbox, ignore_errors=True)  # a copy of a picture would outlive its deletion
