"""The pictures of the docs are what the page looks like: taken here, and written where FIRSTSIGHT_PICTURES says."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from pens import draw, enroll
from PIL import Image
from playwright.sync_api import Page, expect

from served_page import Opened, Running

pytestmark = pytest.mark.browser

MOST = 200_000  # bytes of a picture


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Where pictures go."""
    place = Path(os.environ.get("FIRSTSIGHT_PICTURES") or tmp_path)
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture
def gallery(service: Running) -> str:
    """A gallery with a name that tells what is in it."""
    service.ask("galleries", {"gallery": "signs", "keep_sources": True})
    return "signs"


def take(page: Page, place: Path) -> None:
    """A picture of what is seen, in 256 colours."""
    page.mouse.move(2, 2)
    page.wait_for_timeout(400)  # until transitions are over
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(place, optimize=True)
    assert 5_000 < place.stat().st_size < MOST


def test_pictures_are_taken(opened: Opened, album: Path) -> None:
    """Drawing for the first time, recognised, unknown, in the dark, on a phone; comparing, the gallery, the model."""
    page = opened("draw", height=840)
    expect(page.get_by_role("heading", name="Show it something once")).to_be_visible()
    take(page, album / "page-first-visit.png")
    for symbol in ("comb", "kite with a tail", "anchor"):
        enroll(page, symbol, 1)
    draw(page, "anchor", 2, 0.7)
    expect(page.locator(".verdict-line")).to_have_text("anchor")
    expect(page.locator(".candidates img")).to_have_count(3)
    take(page, album / "page-draw.png")
    page.get_by_role("button", name="Clear").click()
    draw(page, "snail", 1)
    expect(page.locator(".verdict-line")).to_have_text("Unknown")
    take(page, album / "page-unknown.png")

    page = opened("compare", height=840)
    halves = {"left": ("anchor", 1), "right": ("anchor", 3)}
    for number, (symbol, seed) in enumerate(halves.values()):
        side = page.locator(".well").nth(number)
        side.get_by_role("button", name="Draw").click()
        draw(page, symbol, seed)
        if number:
            sheet = page.locator("canvas.sheet").bounding_box()
            assert sheet is not None
            page.mouse.move(sheet["x"] + 0.72 * sheet["width"], sheet["y"] + 0.12 * sheet["height"])
            page.mouse.down()
            page.mouse.move(sheet["x"] + 0.92 * sheet["width"], sheet["y"] + 0.3 * sheet["height"], steps=5)
            page.mouse.up()
        side.get_by_role("button", name="Use this drawing").click()
    expect(page.locator("canvas.heat")).to_have_count(2)
    page.evaluate("scrollTo(0, 0)")
    take(page, album / "page-compare.png")

    page = opened("gallery", height=560)
    expect(page.locator(".identity-card img")).to_have_count(3)
    take(page, album / "page-gallery.png")

    page = opened("model", height=980)
    expect(page.locator(".chart svg")).to_be_visible()
    page.get_by_label("Threshold", exact=True).focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.evaluate("document.activeElement.blur()")
    take(page, album / "page-model.png")

    page = opened("draw", width=390, height=844, colour="dark", has_touch=True, is_mobile=True, device_scale_factor=2)
    draw(page, "kite with a tail", 2)
    expect(page.locator(".verdict-line")).to_have_text("kite with a tail")
    page.evaluate("scrollTo(0, 130)")
    take(page, album / "page-phone-dark.png")
