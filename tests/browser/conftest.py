"""A served app and a real Chromium. Pointer and touch events are the browser's own, never values set from script."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",  # the stage is a 2D canvas: twelve times the frames of an emulated GPU
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


expect.set_options(timeout=20_000)  # patience with slow machines: a test that is about seconds names its own


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(port: int, *command: str, **environment: str) -> subprocess.Popen[bytes]:
    """The app in a process of its own, `python app.py` by default; returns once the page answers."""
    variables = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False", **environment}
    process = subprocess.Popen(
        [sys.executable, *(command or ("app.py",))], cwd=ROOT, env=variables, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the app did not answer within a minute")


@contextmanager
def served(*command: str, **environment: str) -> Iterator[str]:
    """The address of an app that runs while the block does; see `serve`."""
    port = free_port()
    process = serve(port, *command, **environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with served() as found:
        yield found


@pytest.fixture(scope="session")
def crowded_address() -> Iterator[str]:
    """An app with slow and failing removers (`tests.doubles`) where one may wait for a turn, and one in the queue."""
    settings = {"ROREM_QUEUE_SIZE": "1", "ROREM_TEST_AT_ONCE": "2", "ROREM_TEST_SLOW_SECONDS": "8"}
    with served("-m", "tests.doubles", **settings) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        message = "no chromium on this machine"
        if os.environ.get("ROREM_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the app as another visitor: a context of its own. Script errors fail the test."""
    contexts, errors = [], []

    def opened(to: str = address, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(to)
        page.locator("#stage [data-examples] button").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of 900 x 600: textured ground with a red disc of radius 60 at its centre."""
    return save_scene(tmp_path_factory.mktemp("scene") / "scene.png", 900, 600)


@pytest.fixture(scope="session")
def large_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same at 12 megapixels, as a JPEG."""
    return save_scene(tmp_path_factory.mktemp("scene") / "large.jpg", 4000, 3000)


def save_scene(path: Path, width: int, height: int) -> Path:
    generator = np.random.default_rng(7)
    coarse = Pillow.fromarray(generator.integers(90, 150, (24, 36), dtype=np.uint8)).resize((width, height))
    ground = np.stack([np.asarray(coarse)] * 3, axis=2).astype(np.int16) + generator.integers(-8, 8, (height, width, 1))
    rows, columns = np.ogrid[:height, :width]
    disc = (columns - width / 2) ** 2 + (rows - height / 2) ** 2 < (height / 10) ** 2
    ground[disc] = (200, 40, 30)
    Pillow.fromarray(ground.astype(np.uint8)).save(path, quality=95)
    return path
