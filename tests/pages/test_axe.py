"""Everybody can read every page: axe-core finds nothing serious, and nothing is wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chromium import CHROMIUM, LOOKS, findings, show, started
from tests.pages.test_hostile_titles import PAGES

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

TITLE = "A song of which the title is as long as that of others by the same artist"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, files = tmp_path_factory.mktemp("pages"), {}
    for number, (name, draw) in enumerate(PAGES.items()):
        files[name] = folder / f"{number}.html"
        files[name].write_text(draw(TITLE, folder), encoding="utf-8")
    return files


@pytest.mark.parametrize(("number", "name"), list(enumerate(PAGES)))
def test_a_page_in_one_of_its_looks(
    number: int, name: str, browser: WebDriver, drawn: dict[str, Path]
) -> None:
    looked_at(browser, drawn[name], *LOOKS[number % len(LOOKS)])


@pytest.mark.soak
@pytest.mark.parametrize("name", PAGES)
def test_a_page_wide_and_narrow_light_and_dark(name: str, browser: WebDriver, drawn: dict[str, Path]) -> None:
    for look in LOOKS:
        looked_at(browser, drawn[name], *look)


def looked_at(browser: WebDriver, page: Path, width: int, colours: str) -> None:
    show(browser, page.as_uri(), width, colours)
    assert findings(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_keyboard_leads_through_the_map(browser: WebDriver, drawn: dict[str, Path]) -> None:
    """One stop of the tab key; from there the arrows lead to the nearest song, and Enter plays."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    show(browser, drawn["evaluation report"].as_uri(), 1280, "light")
    browser.execute_script(
        "document.querySelectorAll('.sky circle').forEach((dot, n) => {"
        "dot.setAttribute('cx', ['20%', '50%', '80%'][n]); dot.dataset.name = 'song ' + n; });"
        "document.querySelector('.genres button:last-child').focus();"
    )
    assert browser.execute_script("return document.querySelectorAll('.sky [tabindex=\"0\"]').length") == 1
    tip = "return document.querySelector('.tip').hidden ? null : document.querySelector('.tip').textContent"
    told = []
    for key in (Keys.TAB, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT):
        ActionChains(browser).send_keys(key).perform()
        told.append(browser.execute_script(tip))
    assert told == ["song 0", "song 1", "song 2", "song 2", "song 1"]
    ActionChains(browser).send_keys(Keys.ARROW_LEFT).perform()
    browser.execute_script(
        "document.activeElement.addEventListener('click', () => { window.clicked = true; })"
    )
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert browser.execute_script("return window.clicked")


def test_the_button_of_a_song_that_plays_shows_two_bars(browser: WebDriver, drawn: dict[str, Path]) -> None:
    show(browser, drawn["evaluation report"].as_uri(), 1280, "light")
    bars = browser.execute_script(
        "const button = document.querySelector('.song header .play');"
        "button.setAttribute('aria-pressed', true);"
        "const shown = getComputedStyle(button, '::before');"
        "return [shown.borderLeftWidth, shown.borderRightWidth, shown.borderTopWidth, shown.marginLeft];"
    )
    left, right, top, margin = (float(width.removesuffix("px")) for width in bars)
    assert left == right >= 3
    assert top == margin == 0
