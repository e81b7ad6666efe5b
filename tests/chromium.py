"""A browser without a screen, and without calls of its own to the network; what axe finds on a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOKS = [(1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")]
"""How wide a page is shown, and which colours its reader likes."""


@contextmanager
def started(profile: Path, traced: str = "") -> Iterator[WebDriver]:
    """A browser with its `profile`, ended at the end.

    `traced` are categories of Chromium's trace; `get_log("performance")` then gives its events.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    if traced:
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        quiet = {"enableNetwork": False, "enablePage": False}
        options.add_experimental_option("perfLoggingPrefs", {**quiet, "traceCategories": traced})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def show(driver: WebDriver, address: str, width: int, colours: str) -> None:
    """Open the page at `address`, so wide, with light or dark `colours`."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    likes = {"features": [{"name": "prefers-color-scheme", "value": colours}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", likes)
    driver.get(address)


def look_at(driver: WebDriver, addresses: Iterable[str]) -> None:
    """Hold pages to axe, to their width and to an empty console, in all `LOOKS`."""
    for address in addresses:
        for width, colours in LOOKS:
            show(driver, address, width, colours)
            assert findings(driver) == [], (address, width, colours)
            wide = driver.execute_script("return document.documentElement.scrollWidth > innerWidth")
            assert not wide, (address, width)
    assert driver.get_log("browser") == []


def findings(driver: WebDriver) -> list[str]:
    """What axe-core finds serious or critical on the page that is open: rule, and the element."""
    driver.execute_script((files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = driver.execute_async_script(
        "const done = arguments[0]; axe.run({resultTypes: ['violations']}).then(run => done(run.violations))"
    )
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
