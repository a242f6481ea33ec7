"""Draw the README's screenshot: the app as a visitor sees it after removing two towers from an example."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
PORT = "7869"
TOWERS = [[(0.344, 0.27), (0.344, 0.50), (0.336, 0.87)], [(0.662, 0.27), (0.662, 0.50), (0.666, 0.87)]]
"""A stroke over each of two, in parts of the stage's sides."""


def main() -> None:
    """Serve, drive, save `docs/screenshot.jpg`."""
    environment = {**os.environ, "GRADIO_SERVER_PORT": PORT, "GRADIO_ANALYTICS_ENABLED": "False"}
    app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{PORT}/")
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox", "--disable-gpu"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
            page = browser.new_page(viewport={"width": 1280, "height": 868}, reduced_motion="reduce")
            page.goto(f"http://127.0.0.1:{PORT}/")
            remove_two_towers(page)
            page.screenshot(path=ROOT / "docs" / "screenshot.jpg", type="jpeg", quality=85)
            browser.close()
    finally:
        app.terminate()
        app.wait(10)


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


if __name__ == "__main__":
    main()
