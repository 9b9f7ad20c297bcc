"""Draw once, name it, draw again: symbols that no model has seen are recognised, and a stranger is unknown."""

from __future__ import annotations

import re

import pytest
from pens import SYMBOLS, draw, enroll
from playwright.sync_api import expect

from served_page import Opened, Running, Watch

pytestmark = pytest.mark.browser

ENROLLED = ("kite with a tail", "comb", "anchor")


def test_symbols_drawn_once_are_recognised_and_a_stranger_is_not(opened: Opened) -> None:
    """Three invented symbols, each enrolled from one drawing, are named when drawn again by another hand at another
    size, with their probability; a fourth one, never enrolled, is unknown."""
    page = opened("draw")
    expect(page.get_by_role("heading", name="Show it something once")).to_be_visible()
    for symbol in ENROLLED:
        enroll(page, symbol, seed=1)
    for seed, scale in ((2, 0.62), (3, 0.9)):
        for symbol in ENROLLED:
            draw(page, symbol, seed, scale)
            expect(page.locator(".verdict.known .verdict-line")).to_have_text(symbol)
            expect(page.locator(".verdict-how")).to_contain_text("probable")
            first = page.locator(".candidates li").first
            expect(first.locator(".who")).to_have_text(symbol)
            assert float((first.locator(".figure").text_content() or "").split()[0]) > 50
            page.get_by_role("button", name="Clear").click()
            expect(page.locator(".verdict")).to_have_count(0)
        draw(page, "snail", seed, scale)
        expect(page.locator(".verdict.unknown .verdict-line")).to_have_text("Unknown")
        expect(page.locator(".verdict-how")).to_contain_text(re.compile("nearest is .* probable, below the .* needed"))
        expect(page.locator(".candidates li")).to_have_count(3)
        page.get_by_role("button", name="Clear").click()
        expect(page.locator(".verdict")).to_have_count(0)


def test_the_gate_is_heard_where_it_is_drawn(opened: Opened, service: Running, gallery: str, watch: Watch) -> None:
    """A drawing of somebody who is enrolled already is refused with the gate's words, and enrolled under another name
    by the finding's own button."""
    watch.expected.append("422")
    page = opened("draw")
    enroll(page, "comb", seed=1)
    draw(page, "comb", seed=1)
    page.get_by_label("Name", exact=True).fill("eve")
    page.get_by_role("button", name="Enroll it").click()
    expect(page.locator(".findings")).to_contain_text("comb")
    assert [one["identity"] for one in service.ask(f"galleries/{gallery}/identities")] == ["comb"]
    page.get_by_role("button", name="Enroll anyway, in spite of duplicate").click()
    page.locator(".strip .who", has_text="eve").wait_for()
    assert [one["identity"] for one in service.ask(f"galleries/{gallery}/identities")] == ["comb", "eve"]


def test_the_answer_follows_each_stroke(opened: Opened) -> None:
    """While a symbol grows it is asked about again, and taking strokes back asks again; the last answer stands."""
    page = opened("draw")
    enroll(page, "comb", seed=1)
    enroll(page, "anchor", seed=1)
    draw(page, "comb", seed=4)
    expect(page.locator(".verdict-line")).to_have_text("comb")
    for _ in SYMBOLS["comb"][1:]:
        page.get_by_role("button", name="Undo stroke").click()
    expect(page.locator(".verdict-line")).to_have_text("Unknown")
    page.keyboard.press("Control+z")
    expect(page.locator("canvas.sheet")).to_have_attribute("aria-label", re.compile("nothing drawn yet"))
    expect(
        page.get_by_role("heading", name="Draw, and see who it is").or_(
            page.get_by_role("heading", name="Now draw it again")
        )
    ).to_be_visible()


def test_the_steps_lead_a_first_visitor(opened: Opened) -> None:
    """The step that is next is marked: draw, then name, then draw again."""
    page = opened("draw")
    current = page.locator(".steps [aria-current=step]")
    expect(current).to_contain_text("Draw a symbol")
    draw(page, "anchor", 1)
    expect(current).to_contain_text("Give it a name")
    page.get_by_label("Name", exact=True).fill("anchor")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Now draw it again")).to_be_visible()
    expect(page.locator("canvas.sheet")).to_have_attribute("data-strokes", "0")
    expect(page.locator(".strip img")).to_be_visible()


def test_fingers_draw_too(opened: Opened) -> None:
    """A touch on the sheet is a stroke and does not scroll the page."""
    page = opened("draw", width=390, height=800, has_touch=True, is_mobile=True)
    sheet = page.locator("canvas.sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    before = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    points = [(box["x"] + 60, box["y"] + 40 + 20 * n) for n in range(8)]
    touch.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": points[0][0], "y": points[0][1]}]}
    )
    for x, y in points[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(sheet).to_have_attribute("data-strokes", "1")
    assert page.evaluate("scrollY") == before


def test_what_is_drawn_in_the_dark_is_black_on_white(opened: Opened, service: Running, gallery: str) -> None:
    """The sheet follows the colours of the page, what is sent does not: the kept picture is dark on white."""
    page = opened("draw", colour="dark")
    enroll(page, "anchor", seed=1)
    [reference] = service.ask(f"galleries/{gallery}/references")
    shown = page.evaluate(
        """async (address) => {
            const picture = await createImageBitmap(await (await fetch(address)).blob());
            const sheet = new OffscreenCanvas(picture.width, picture.height);
            const pen = sheet.getContext("2d");
            pen.drawImage(picture, 0, 0);
            const pixels = pen.getImageData(0, 0, picture.width, picture.height).data;
            const grey = pixels.filter((_, i) => i % 4 === 0);
            return [pixels[0], Math.min(...grey), grey.reduce((a, b) => a + b, 0) / grey.length];
        }""",
        f"{service.address}/v1/galleries/{gallery}/references/{reference['id']}/image",
    )
    assert shown[0] == 255
    assert shown[1] == 0
    assert shown[2] > 200
