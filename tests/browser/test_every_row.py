"""Every remover on the page, on random weights: preview, cancel, result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rorem_demo.removers.catalog import REMOVERS
from tests.browser.conftest import served
from tests.browser.driving import load, notice, paint_disc, remove
from tests.whole_weights import KEYS, write_weights

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def weighted_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder)
    with served(ROREM_WEIGHTS_DIR=str(folder)) as found:
        yield found


def test_each_is_offered_and_removes(open_page: OpenPage, weighted_address: str, scene: Path) -> None:
    page = open_page(weighted_address)
    load(page, scene)
    paint_disc(page)
    for key in KEYS:
        page.locator(f'#method input[value="{key}"]').check()
        expect(page.locator("#stage [data-estimate]")).to_contain_text("About")
        remove(page, seconds=120)
        expect(notice(page)).to_contain_text("0 pixels changed outside")
        expect(notice(page)).to_contain_text(REMOVERS[key].title)
        page.get_by_role("button", name="Change selection").click()


def test_without_a_gpu_the_quick_one_is_preselected(open_page: OpenPage, weighted_address: str) -> None:
    page = open_page(weighted_address)
    expect(page.locator('#method input[value="lama"]')).to_be_checked()
