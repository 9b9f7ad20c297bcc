"""Pictures by upload, drop, paste and camera; what the gate says; comparing with what matched."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pens import draw
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from served_page import Opened, Running, Watch

pytestmark = pytest.mark.browser

_DROP = """
async ([selector, name, kind]) => {
    const bytes = Uint8Array.from(atob(kind), (c) => c.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type: "image/png" }));
    const place = document.querySelector(selector);
    for (const type of ["dragenter", "dragover", "drop"]) {
        place.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
}
"""
_WARM = """
(sheet) => {
    const pixels = sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height).data;
    return pixels.filter((value, i) => i % 4 === 3 && value > 60).length;
}
"""
_PASTE = """
([name, kind]) => {
    const bytes = Uint8Array.from(atob(kind), (c) => c.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type: "image/png" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}
"""


def text_of(file: Path) -> str:
    """A file in base64."""
    return base64.b64encode(file.read_bytes()).decode()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A picture of another symbol that has one part in common with ``drawing``."""
    picture = Image.new("L", (200, 200), 255)
    pen = ImageDraw.Draw(picture)
    pen.line([(30, 40), (170, 60), (60, 110), (160, 170)], 0, 9, "curve")
    pen.ellipse((130, 20, 180, 60), outline=0, width=9)
    picture.save(tmp_path / "other.png")
    return tmp_path / "other.png"


def test_upload_drop_and_paste(opened: Opened, service: Running, gallery: str, drawing: Path, other: Path) -> None:
    """Pictures from all three are listed, one can be taken out, and the rest is enrolled with what is said of them."""
    page = opened("enroll")
    page.locator("input[type=file]").set_input_files([drawing])
    page.evaluate(_DROP, [".picker", "dropped.png", text_of(other)])
    page.evaluate(_PASTE, ["pasted.png", text_of(drawing)])
    expect(page.locator(".file-name")).to_have_text(["symbol.png", "dropped.png", "pasted.png"])
    page.get_by_role("button", name="Remove pasted.png").click()
    page.get_by_label("Name", exact=True).fill("ada")
    page.get_by_role("button", name="Add a line").click()
    page.get_by_label("What is said, 1").fill("team")
    page.get_by_label("Its value, 1").fill("red")
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.get_by_text("ada: 2 new references, 2 in all.").first).to_be_visible()
    references = service.ask(f"galleries/{gallery}/references")
    assert [one["metadata"] for one in references] == [{"team": "red"}] * 2
    assert all(one["kept"] for one in references)


def test_what_is_no_picture_is_said(opened: Opened, watch: Watch, tmp_path: Path) -> None:
    """A text file is refused before it is sent; a broken picture in the sentence of the service."""
    watch.expected.append("422")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG not really")
    page = opened("identify")
    page.locator("input[type=file]").set_input_files(tmp_path / "notes.txt")
    expect(page.get_by_role("alert")).to_contain_text("not a picture")
    page = opened("compare")
    for side in (0, 1):
        page.locator("input[type=file]").nth(side).set_input_files(tmp_path / "broken.png")
    expect(page.locator(".compare-answer").get_by_role("alert")).to_contain_text("not an image FirstSight reads")


def test_the_gate_is_heard_and_overridden_by_name(
    opened: Opened, service: Running, gallery: str, drawing: Path, watch: Watch
) -> None:
    """A picture of somebody who is enrolled already is refused with the gate's words, seen before it is sent, and
    enrolled all the same by the finding's own button."""
    watch.expected.append("422")
    page = opened("enroll")
    page.locator("input[type=file]").set_input_files(drawing)
    expect(page.get_by_text("Nothing speaks against these pictures.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("ada")
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.get_by_text("ada: 1 new reference").first).to_be_visible()
    page.locator("input[type=file]").set_input_files(drawing)
    page.get_by_label("Name", exact=True).fill("eve")
    expect(page.locator(".gate .findings")).to_contain_text("Looks like somebody else")
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.locator(".trouble .findings")).to_contain_text("ada")
    assert len(service.ask(f"galleries/{gallery}/identities")) == 1
    page.get_by_role("button", name="Enroll anyway, in spite of duplicate").click()
    expect(page.get_by_text("eve: 1 new reference").first).to_be_visible()
    assert [one["identity"] for one in service.ask(f"galleries/{gallery}/identities")] == ["ada", "eve"]


def test_one_bad_picture_is_named_beside_the_good_ones(
    opened: Opened, drawing: Path, tmp_path: Path, watch: Watch
) -> None:
    """The gate looks at the others, says which it can't read, and enrolling says so too."""
    watch.expected.append("422")
    (tmp_path / "holiday.png").write_bytes(b"GIF89a")
    page = opened("enroll")
    page.get_by_label("Name", exact=True).fill("ada")
    page.locator("input[type=file]").set_input_files([drawing, tmp_path / "holiday.png"])
    expect(page.locator(".gate .findings")).to_contain_text("Can't be read: holiday.png")
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.locator(".trouble").get_by_role("alert")).to_contain_text("1 of 2 images can't be read: image 2")


def test_compare_says_what_matched(opened: Opened, drawing: Path, other: Path) -> None:
    """Two pictures give a verdict with its probability and a map over both, which can be taken away; where it lies is
    in the words for those who don't see it."""
    page = opened("compare")
    expect(page.get_by_text("Nothing of them is kept")).to_be_visible()
    page.locator("input[type=file]").nth(0).set_input_files(drawing)
    expect(page.get_by_text("Give the other one")).to_be_visible()
    page.evaluate(_PASTE, ["pasted.png", text_of(other)])
    expect(page.locator(".verdict-line")).to_have_text("The same")
    expect(page.locator(".verdict-how")).to_contain_text("probable")
    expect(page.locator("canvas.heat")).to_have_count(2)
    for side in (0, 1):
        warm = page.locator("canvas.heat").nth(side).evaluate(_WARM)
        assert warm > 100
    assert "what matched is mostly at the" in (page.locator(".layers img").first.get_attribute("alt") or "")
    page.get_by_label("Show what matched").uncheck()
    expect(page.locator("canvas.heat").first).to_have_css("opacity", "0")


def test_compare_what_is_drawn(opened: Opened) -> None:
    """Both sides can be drawn on the spot."""
    page = opened("compare")
    for symbol in ("comb", "anchor"):
        side = page.locator(".well").nth(0 if symbol == "comb" else 1)
        side.get_by_role("button", name="Draw").click()
        draw(page, symbol, 1)
        side.get_by_role("button", name="Use this drawing").click()
    expect(page.locator(".verdict-line")).to_have_text("Not the same")


def test_a_camera_that_is_refused_is_said_and_upload_stays(opened: Opened, drawing: Path) -> None:
    """Who refuses the camera reads a sentence, and can go on with a file."""
    page = opened("identify")
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("alert")).to_contain_text("The camera was refused")
    expect(page.get_by_text("Choose a picture", exact=True)).to_be_visible()
    page.locator("input[type=file]").set_input_files(drawing)
    expect(page.locator(".well-picture img")).to_be_visible()


def test_a_camera_that_is_missing_is_said(opened: Opened) -> None:
    """Where there is no camera, or none for a page without encryption, another sentence says so."""
    page = opened("enroll")
    page.evaluate(
        "void (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError')))"
    )
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("alert")).to_contain_text("No camera was found")
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("alert")).to_contain_text("without encryption")


def test_a_picture_is_taken(opened: Opened) -> None:
    """With leave, the camera shows what it sees, gives pictures to enroll, and is off when it is switched off or the
    view is left."""
    page: Page = opened("enroll", permissions=["camera"])
    page.get_by_role("button", name="Camera").click()
    expect(page.locator("video")).not_to_have_js_property("videoWidth", 0)
    page.get_by_role("button", name="Take the picture").click()
    expect(page.locator(".files li")).to_have_count(1)
    page.evaluate("window.track = document.querySelector('video').srcObject.getTracks()[0]")
    page.get_by_role("link", name="Gallery", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Gallery")).to_be_visible()
    assert page.evaluate("window.track.readyState") == "ended"
