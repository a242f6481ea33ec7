"""Shared fixtures: services without a network, and the folder of real photos where there is one."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before torch reads it: two workers on two cores are quicker with a thread each than waiting for each other's.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Before huggingface_hub reads it: what somebody has in their own cache must not change what tests find.
os.environ["HF_HOME"] = str(Path(tempfile.gettempdir()) / "rorem-tests-without-a-hub")
# Nor may tests keep answers where somebody's own are.
os.environ["ROREM_DATA_DIR"] = tempfile.mkdtemp(prefix="rorem-tests-")


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder named by ROREM_TEST_PHOTOS."""
    folder = os.environ.get("ROREM_TEST_PHOTOS")
    if not folder:
        pytest.skip("ROREM_TEST_PHOTOS names no folder of real photos")
    return Path(folder)


_WORK_SECONDS = 0.0225
"""What `pace` does took on the machine of 2026-11-22 in docs/LOG.md, on which bounds of seconds were set."""


@pytest.fixture
def pace() -> float:
    """How many times as long as there one thread takes here and now, at least 1: bounds of seconds are times this."""
    import cv2  # after the number of threads is set, which numpy reads too
    import numpy as np

    def work() -> float:
        begun = time.thread_time()
        noise = np.random.default_rng(0).integers(0, 256, (768, 1024, 3), np.uint8)
        cv2.cvtColor(noise, cv2.COLOR_RGB2LAB)
        cv2.GaussianBlur(noise, (0, 0), 3)
        np.sort(noise[..., 0], axis=None)
        np.square(noise, dtype=np.float32).mean(axis=(0, 1))
        return time.thread_time() - begun

    return max(1.0, sorted(work() for _ in range(7))[3] / _WORK_SECONDS)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch works in one thread: those of a pool wait for each other longer than tiny networks take."""
    import torch  # most tests do without

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: playwright keeps an event loop running in its thread, where no other can then be run."""
    items.sort(key=lambda item: "browser" in item.keywords)
