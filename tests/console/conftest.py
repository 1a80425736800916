"""A real Chromium before a real service."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium", reason="needs selenium: `make test-console` installs it")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.live import LiveService

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No display, no root's sandbox, and none of the browser's own calls to the outside.
FLAGS = """--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run
--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars""".split()
WAIT_S = 30
LAPTOP = (1280, 800)
LAPTOP_AT_200 = (640, 400)
"""What a laptop shows at 200 % zoom, in the page's own pixels."""


class Page:
    """The console in a browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str, *, dark: bool = False, size: tuple[int, int] = LAPTOP, scale: int = 1) -> None:
        """Load it afresh, as a visitor with these preferences sees it."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get("about:blank")
        self.complaints()  # of another test's page
        self.driver.get(url)
        self.until(lambda: self.all("#samples button") and self.all("#health .part"), "the page is loaded")

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.script(f"return document.querySelector({selector!r})?.innerText ?? ''"))

    def script(self, code: str) -> Any:
        return self.driver.execute_script(code)

    def until(self, holds: Callable[[], object], what: str, wait_s: float = WAIT_S) -> None:
        WebDriverWait(self.driver, wait_s, poll_frequency=0.05).until(lambda _: holds(), message=what)

    def sample(self, name: str) -> None:
        """Click a sample and wait for its result."""
        (chip,) = [chip for chip in self.all("#samples button") if chip.text == name]
        self.script("document.getElementById('result').replaceChildren()")
        chip.click()
        self.result()

    def result(self) -> None:
        self.until(
            lambda: (
                self.all("#result .verdict, #result .notice")
                and self.one("#result").get_attribute("aria-busy") == "false"
            ),
            "a result is shown",
        )

    def keys(self, *keys: str) -> None:
        """Type into whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def complaints(self) -> list[str]:
        """What the browser's own log holds: errors of scripts, refused loads."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser, one for the whole run."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not (browser and driver):
        reason = "needs Chromium and ChromeDriver: `make test-console` installs them where it may"
        (pytest.fail if os.environ.get("TOUCHSTONE_REQUIRE_CHROMIUM") else pytest.skip)(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield Page(chrome)
    chrome.quit()


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service with a scripted model that keeps disagreements."""
    settings = {
        "TOUCHSTONE_POOL__WORKERS": "1",
        "TOUCHSTONE_CONSOLE__DISAGREEMENTS": "50",
        "TOUCHSTONE_MODEL__WRONG_CONTROL_SHARE": "0",
    }
    live = LiveService(tmp_path_factory.mktemp("watched"), settings, model="0.01")
    yield live.wait_ready()
    live.stop()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: `TOUCHSTONE_SCREENSHOTS=docs/images` draws those of the documents anew."""
    folder = Path(os.environ.get("TOUCHSTONE_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
