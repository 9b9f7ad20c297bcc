"""Every view, light and dark, on a desk and on a phone: named controls, one first heading, nothing cut off."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest
from pens import enroll
from playwright.sync_api import Page, expect

from served_page import Opened, Running

pytestmark = pytest.mark.browser

VIEWS = ("draw", "compare", "enroll", "identify", "gallery", "events", "model")

_FAULTS = (Path(__file__).parent / "faults.js").read_text()

_SMALL = (Path(__file__).parent / "small.js").read_text()


def settled(page: Page) -> None:
    """Wait until nothing loads any more."""
    page.wait_for_load_state("networkidle")
    expect(page.locator(".loading")).to_have_count(0)


@pytest.mark.parametrize("size", [{"width": 1200}, {"width": 360, "height": 740, "has_touch": True, "is_mobile": True}])
def test_every_view_can_be_used_by_everybody(size: dict[str, Any], opened: Opened) -> None:
    """Controls have names, pictures have words, headings an order; nothing is wider than the window; on a phone what
    is touched is large enough."""
    page = opened("draw", **size)
    enroll(page, "anchor", 1)
    for view in VIEWS:
        page.evaluate(f"location.hash = '#/{view}'")
        expect(page.get_by_role("heading", level=1, name=view.title())).to_be_visible()
        settled(page)
        assert (view, page.evaluate(_FAULTS)) == (view, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], view
        if size["width"] == 360:
            assert (view, page.evaluate(_SMALL)) == (view, [])
        assert page.title() == f"{view.title()} – FirstSight"
        current = page.locator("nav [aria-current=page]")
        expect(current).to_have_count(1)
        assert (current.text_content() or "").lower() == view
    if size["width"] == 360:
        page.get_by_role("button", name="Menu").click()
        expect(page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_count(len(VIEWS))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Menu")).to_be_focused()


def test_long_names_are_not_wider_than_a_phone(opened: Opened) -> None:
    """A name of 200 letters without a space, the longest there is, fits into every view."""
    page = opened("draw", width=360, height=740)
    box = page.locator("canvas.sheet").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 220, steps=8)
    page.mouse.move(box["x"] + 60, box["y"] + 240, steps=8)
    page.mouse.up()
    page.get_by_label("Name", exact=True).fill("W" * 200)
    page.get_by_role("button", name="Enroll it").click()
    expect(page.locator(".strip .who")).to_have_count(1)
    for view in VIEWS:
        page.evaluate(f"location.hash = '#/{view}'")
        expect(page.get_by_role("heading", level=1, name=view.title())).to_be_visible()
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
    page.evaluate("location.hash = '#/gallery'")
    page.locator(".identity-card").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate(
        "document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth + 1"
    )
    dialog = page.get_by_role("dialog")
    for name in ("Close", "Undo"):
        button = page.get_by_role("button", name=name)
        box = button.bounding_box()
        assert box is not None
        assert box["width"] > 40, f"{name} is written downwards"
        if name == "Close":
            dialog.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Undo").click()


def test_reduced_motion_is_respected(opened: Opened) -> None:
    """Who asks for less motion gets no animation and no transition."""
    page = opened("draw", reduced_motion="reduce")
    assert page.locator("button").first.evaluate("(node) => getComputedStyle(node).transitionDuration") in ("0s", "")


def test_the_threshold_shows_and_changes_nothing(opened: Opened) -> None:
    """Moving it up lowers false matches and raises false non-matches, in figures and in words; the way back is one
    button; and the model keeps its own."""
    page = opened("model")
    slider = page.get_by_label("Threshold", exact=True)
    rates = page.locator(".rates .big")
    expect(rates.nth(1)).to_have_text("1.0 %")

    def now() -> list[float]:
        return [float(text.replace("%", "").replace("<", "")) for text in rates.all_text_contents()]

    before = now()
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    after = now()
    assert after[0] > before[0]
    assert after[1] < before[1]
    assert after[2] > before[2]
    assert "false matches" in (slider.get_attribute("aria-valuetext") or "")
    expect(page.get_by_text("the model’s own is 0.413")).to_be_visible()
    page.get_by_label("Identities enrolled").fill("1000")
    expect(page.get_by_text("A stranger among 1,000")).to_be_visible()
    page.get_by_role("button", name="Back to the model’s own").click()
    assert now()[:3] == before[:3]
    page.reload()
    expect(rates.first).to_have_text("0.413")
    expect(page.get_by_role("region", name="Model card").get_by_role("table").first).to_contain_text(
        "omniglot:background"
    )


def test_what_is_recorded_shows(opened: Opened, service: Running, gallery: str) -> None:
    """Identified with a place and a direction, someone stands in the events and in the attendance of the day, which
    can be taken along as CSV; without being asked to, nothing is recorded."""
    page = opened("draw")
    enroll(page, "anchor", 1)
    [reference] = service.ask(f"galleries/{gallery}/references")
    address = f"{service.address}/v1/galleries/{gallery}/references/{reference['id']}/image"
    with urllib.request.urlopen(address) as answer:
        sheet = answer.read()
    picture = {"name": "door.png", "mimeType": "image/png", "buffer": sheet}
    page.locator("nav").get_by_role("link", name="Events").click()
    expect(page.get_by_role("heading", name="Nothing is recorded yet")).to_be_visible()
    page.locator("nav").get_by_role("link", name="Identify").click()
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.locator(".verdict-line")).to_have_text("anchor")
    expect(page.get_by_text("Recorded; see")).to_have_count(0)
    for direction in ("in", "out"):
        page.get_by_label("Record who it was").check()
        page.get_by_label("Place").fill("door-1")
        page.get_by_label("Direction").select_option(direction)
        page.locator("input[type=file]").set_input_files(picture)
        expect(page.get_by_text("Recorded; see")).to_be_visible()
    page.locator("nav").get_by_role("link", name="Events").click()
    rows = page.get_by_role("table", name="Events").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("out")
    expect(rows.nth(1)).to_contain_text("anchor")
    expect(rows.nth(1)).to_contain_text("door-1")
    there = page.get_by_role("table", name="Attendance").locator("tbody tr")
    expect(there).to_have_count(1)
    expect(there).to_contain_text("anchor")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download as CSV").click()
    assert "anchor" in coming.value.path().read_text()
    page.get_by_label("What", exact=True).select_option("verify")
    expect(page.get_by_role("heading", name="No such event")).to_be_visible()
