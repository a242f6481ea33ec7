"""Draw the README's screenshots: the app as a visitor sees it, on each of its main tabs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
PORT = "7869"
SIZE = (1280, 868)
TOWERS = [[(0.344, 0.27), (0.344, 0.50), (0.336, 0.87)], [(0.662, 0.27), (0.662, 0.50), (0.666, 0.87)]]
"""A stroke over each of two, in parts of the stage's sides."""


def main() -> None:
    """Serve, drive, save `docs/*.jpg`."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        with served("app.py"):
            for name, act in (("screenshot", remove_two_towers), ("compare", compare), ("arena", vote)):
                draw(browser, name, act)
        with served("-m", "scripts.simulated_votes"):
            draw(browser, "leaderboard", look_at_leaderboard)
        browser.close()


@contextmanager
def served(*command: str) -> Iterator[None]:
    """The app, with nobody's answers in it, while the block runs."""
    with TemporaryDirectory() as data:
        variables = {"GRADIO_SERVER_PORT": PORT, "GRADIO_ANALYTICS_ENABLED": "False", "ROREM_DATA_DIR": data}
        app = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.DEVNULL
        )
        try:
            wait_for(f"http://127.0.0.1:{PORT}/")
            yield
        finally:
            app.terminate()
            app.wait(10)


def draw(browser: Browser, name: str, act: Callable[[Page], None]) -> None:
    """The page after `act`, as `docs/NAME.jpg`."""
    page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, reduced_motion="reduce")
    page.goto(f"http://127.0.0.1:{PORT}/")
    act(page)
    page.screenshot(path=ROOT / "docs" / f"{name}.jpg", type="jpeg", quality=85)
    page.close()


def wait_for(address: str) -> None:
    """Until the page answers; half a minute at most."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the app did not answer")


def remove_two_towers(page: Page) -> None:
    """Open the example, paint, remove; the slider rests between them."""
    page.get_by_role("button", name="The towers").click()
    page.wait_for_selector('[data-part="view"][data-mode="select"]')
    page.wait_for_timeout(500)
    for _ in range(3):
        page.keyboard.press("]")
    box = page.locator("#stage canvas").bounding_box()
    if box is None:
        raise SystemExit("the page shows no stage")
    for tower in TOWERS:
        for index, (x, y) in enumerate(tower):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
            if index == 0:
                page.mouse.down()
        page.mouse.up()
    page.keyboard.press("Control+Enter")
    page.wait_for_selector('[data-part="view"][data-mode="result"]', timeout=30_000)
    page.wait_for_function("document.querySelector('#stage [data-likely]').textContent", timeout=30_000)  # loads once
    page.wait_for_timeout(1000)


def compare(page: Page) -> None:
    """A ready case with its truth."""
    page.goto(f"http://127.0.0.1:{PORT}/#case=scene-tree")
    page.reload()
    page.wait_for_function("document.querySelectorAll('#compare .grid canvas').length > 3")
    page.wait_for_timeout(2000)


def vote(page: Page) -> None:
    """A pair that waits for its answer."""
    page.get_by_role("tab", name="Arena").click()
    page.wait_for_selector('#arena [data-panel][data-mode="asking"]')
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)


def look_at_leaderboard(page: Page) -> None:
    """Of simulated judges."""
    page.get_by_role("tab", name="Leaderboard").click()
    page.wait_for_selector("#leaderboard [data-method]", timeout=30_000)
    page.wait_for_timeout(1000)


if __name__ == "__main__":
    main()
