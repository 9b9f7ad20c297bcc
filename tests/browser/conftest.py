"""A browser, a service, and a page that must not complain, ask elsewhere, or break its own policy."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from served_page import Opened, Running, Watch, running

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""What a browser that can be driven is called."""

_NUMBERS = itertools.count(1)
_LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window, with a camera that shows a test pattern to whom it is granted.

    Of a module, not of the session: while Playwright is open an event loop runs in this thread, and no test of another
    module may find one there.
    """
    place = next((found for name in NAMES if (found := shutil.which(name))), None)
    if place is None:
        pytest.fail(f"none of {', '.join(NAMES)} is installed; install one, or leave these out with -m 'not browser'")
    os.environ.setdefault("TMPDIR", tempfile.gettempdir())
    arguments = ["--use-fake-device-for-media-stream"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    expect.set_options(timeout=20_000)  # as long as everything else may take
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=place, args=arguments)
        yield made
        made.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for all tests that do not end theirs; each test has a gallery of its own in it."""
    with running(tmp_path_factory.mktemp("served") / "g.db") as made:
        yield made


@pytest.fixture
def gallery(service: Running) -> str:
    """A new, empty gallery."""
    name = f"test-{next(_NUMBERS)}"
    service.ask("galleries", {"gallery": name, "keep_sources": True})
    return name


@pytest.fixture
def watch(service: Running) -> Watch:
    """What is looked for; ``expected`` words in the console are no fault."""
    return Watch(service.address)


@pytest.fixture
def opened(browser: Browser, service: Running, gallery: str, watch: Watch) -> Iterator[Opened]:
    """``opened("gallery", colour="dark", width=360)``: a view in a fresh browser; faults fail the test at its end."""
    contexts: list[BrowserContext] = []

    def open_view(
        view: str = "draw", *, width: int = 1200, height: int = 900, colour: Any = "light", **more: Any
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=colour, locale="en-GB", **more
        )
        contexts.append(context)
        watch.follow(context)
        context.add_init_script(_LISTEN)
        context.add_init_script(f'if (location.host) sessionStorage.setItem("firstsight-gallery", "{gallery}")')
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(f"{service.page}#/{view}")
        page.locator("main h1, main h2").first.wait_for()
        return page

    yield open_view
    for context in contexts:
        for page in context.pages:
            watch.faults += [f"policy: {name}" for name in page.evaluate("window.violations || []")]
        context.close()
    assert watch.faults == []


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    """A picture of a symbol, as a file."""
    from PIL import Image, ImageDraw

    picture = Image.new("L", (200, 200), 255)
    pen = ImageDraw.Draw(picture)
    pen.line([(30, 40), (170, 60), (60, 110), (160, 170)], 0, 9, "curve")
    pen.line([(40, 150), (90, 180)], 0, 9)
    picture.save(tmp_path / "symbol.png")
    return tmp_path / "symbol.png"
