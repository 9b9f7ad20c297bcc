"""The gallery in a browser: renamed, merged, described, removed with a way back; names are text, whatever they hold."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from served_page import Opened, Running, Watch

pytestmark = pytest.mark.browser

HOSTILE = (
    '<img src=x onerror="window.hacked=1">',
    '"><script>window.hacked=1</script>',
    "javascript:window.hacked=1",
    "{{7*7}}${7*7}<svg onload=window.hacked=1>",
    "' OR 1=1; DROP TABLE identity; --",
)


def put(service: Running, gallery: str, identity: str, number: int = 0, metadata: tuple[str, ...] = ()) -> None:
    """Enroll an identity beside the page; each number is another sign."""
    picture = Image.new("L", (120, 120), 255)
    pen = ImageDraw.Draw(picture)
    for bit in range(5):
        if (number + 1) >> bit & 1:
            pen.line([(20 + 18 * bit, 20), (100 - 16 * bit, 100)], 0, 7)
        else:
            pen.arc((16 + 14 * bit, 16, 50 + 12 * bit, 60 + 9 * bit), 0, 300, 0, 7)
    file = io.BytesIO()
    picture.save(file, "PNG")
    image = base64.b64encode(file.getvalue()).decode()
    body = {"identity": identity, "images": [image], "metadata": list(metadata), "override": ["all"]}
    service.ask(f"galleries/{gallery}/enroll", body)


def names(service: Running, gallery: str) -> list[str]:
    """Who is enrolled, as the service has it."""
    return [one["identity"] for one in service.ask(f"galleries/{gallery}/identities")]


def test_a_removal_can_be_undone_and_else_is_final(opened: Opened, service: Running, gallery: str) -> None:
    """Removing hides at once and asks the service only after some seconds: undone, nothing was asked; else it is
    gone."""
    for number, name in enumerate(("ada", "bob")):
        put(service, gallery, name, number)
    page = opened("gallery")
    for undone in (True, False):
        page.locator(".identity-card", has_text="ada").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
        expect(page.locator(".identity-card")).to_have_count(1)
        assert names(service, gallery) == ["ada", "bob"]
        if undone:
            page.get_by_role("button", name="Undo").click()
            expect(page.locator(".identity-card")).to_have_count(2)
            page.wait_for_timeout(8000)
            assert names(service, gallery) == ["ada", "bob"]
    expect(page.get_by_text("ada is removed.").first).to_be_visible(timeout=15_000)
    assert names(service, gallery) == ["bob"]
    expect(page.get_by_text("1 identity", exact=True)).to_be_visible()


def test_who_leaves_the_page_has_still_removed(opened: Opened, service: Running, gallery: str) -> None:
    """A removal that waits is sent when the page is left before its time is up."""
    put(service, gallery, "ada")
    page = opened("gallery")
    page.locator(".identity-card").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.goto("about:blank")
    for _ in range(50):
        if not names(service, gallery):
            break
        page.wait_for_timeout(100)
    assert names(service, gallery) == []


def test_rename_merge_and_describe(opened: Opened, service: Running, gallery: str, watch: Watch) -> None:
    """Each is done in the dialog and shows at once; a name that is taken is refused in the service's sentence."""
    watch.expected.append("409")
    for number, name in enumerate(("ada", "bob", "bob 2")):
        put(service, gallery, name, number)
    page = opened("gallery")
    page.locator(".identity-card", has_text="ada").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Its next name").fill("bob")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("alert")).to_contain_text("bob")
    page.get_by_label("Its next name").fill("Ada Lovelace")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator(".identity-card", has_text="Ada Lovelace")).to_be_visible()

    page.locator(".identity-card", has_text="bob 2").click()
    page.get_by_role("button", name="Merge into").click()
    page.get_by_label("The identity that gets its pictures").fill("bob")
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_role("button", name="bob 2 references")).to_be_visible()
    expect(page.locator(".identity-card")).to_have_count(2)

    page.locator(".identity-card", has_text="Ada").click()
    dialog = page.get_by_role("dialog")
    for name, value in (("team", "red"), ("shift", "late night")):
        dialog.get_by_role("button", name="Add a line").click()
        dialog.get_by_label("What is said").last.fill(name)
        dialog.get_by_label("Its value").last.fill(value)
    dialog.get_by_role("button", name="Save").click()
    page.keyboard.press("Escape")
    expect(page.locator(".identity-card", has_text="Ada")).to_contain_text("team=red")
    for asked, matches in (
        ("team=red", 1),
        ("team=blue", 0),
        ("team=red, shift=late night", 1),
        ("shift=late night team=blue", 0),
        ("shift=late night  team=red", 1),
        ("shift=late", 0),
        ("", 2),
    ):
        page.get_by_label("Where").fill(asked)
        expect(page.locator(".identity-card")).to_have_count(matches)
    assert service.ask(f"galleries/{gallery}/identities") == [
        {"identity": "Ada Lovelace", "references": 1, "metadata": {"shift": "late night", "team": "red"}},
        {"identity": "bob", "references": 2, "metadata": {}},
    ]


def test_a_dialog_goes_with_its_view(opened: Opened, service: Running, gallery: str) -> None:
    """Going back in the browser while an identity is open closes it, and shows the view before."""
    put(service, gallery, "ada")
    page = opened("model")
    page.locator("nav").get_by_role("link", name="Gallery").click()
    page.locator(".identity-card").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Model")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_names_are_text(opened: Opened, service: Running, gallery: str, drawing: Path) -> None:
    """Markup and scripts in names and metadata are shown as they are written, in every view, and do nothing."""
    for number, name in enumerate(HOSTILE):
        put(service, gallery, name, number, (f"note={name}",))
        service.ask(f"galleries/{gallery}/annotate", {"identity": name, "metadata": [f"said={name}"]})
    page = opened("gallery")
    expect(page.locator(".identity-card .who")).to_have_text(list(HOSTILE))
    page.locator(".identity-card").first.click()
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(HOSTILE[0])
    expect(page.get_by_role("dialog").get_by_text(f"note={HOSTILE[0]}")).to_be_visible()
    page.keyboard.press("Escape")
    for view in ("draw", "identify"):
        page.goto(f"{service.page}#/{view}")
        expect(page.get_by_role("heading", level=1, name=view.title())).to_be_visible()
        page.locator("input[type=file]").first.set_input_files(drawing)
        expect(page.locator(".candidates .who")).to_have_count(5)
        assert set(page.locator(".candidates .who").all_text_contents()) == set(HOSTILE)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('main script, main svg[onload], main img[onerror]').length") == 0


def test_thousands_come_in_pages(opened: Opened, service: Running, gallery: str) -> None:
    """Of 130 identities 60 are shown at a time, in their order, there and back; a search finds any of them."""
    for number in range(130):
        put(service, gallery, f"person {number:03}", number % 31)
    page = opened("gallery")
    cards = page.locator(".identity-card .who")
    for _ in range(2):
        expect(cards.first).to_have_text("person 000")
        expect(cards).to_have_count(60)
        page.get_by_role("button", name="Later").click()
        expect(cards.first).to_have_text("person 060")
        page.get_by_role("button", name="Later").click()
        expect(cards).to_have_count(10)
        page.get_by_role("button", name="Earlier").click()
        expect(cards.first).to_have_text("person 060")
        page.get_by_role("button", name="Earlier").click()
    page.get_by_label("Search").fill("129")
    expect(cards).to_have_text(["person 129"])
    page.get_by_label("Search").fill("nobody")
    expect(page.get_by_role("heading", name="Nobody is called that")).to_be_visible()


def test_keys_alone_are_enough(opened: Opened, service: Running, gallery: str, drawing: Path) -> None:
    """Without a mouse: past the navigation, a picture and a name, enrolled; then to the gallery, into a dialog, out
    of it with the focus back, and every stop is seen."""
    page = opened("enroll")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "file"
    page.locator("input[type=file]").set_input_files(drawing)
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.labels?.[0]?.textContent") == "Name":
            break
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    expect(page.get_by_text("ada: 1 new reference").first).to_be_visible()
    page.locator(".brand").focus()
    for _ in range(5):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Gallery"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Gallery")).to_be_focused()
    expect(page.locator(".identity-card")).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        if page.evaluate("document.activeElement.className") == "identity-card":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".identity-card")).to_be_focused()


def test_a_name_that_is_used_again_is_not_removed(
    opened: Opened, service: Running, gallery: str, drawing: Path
) -> None:
    """Who removes somebody and enrolls that name at once removes the old pictures, and keeps the new one."""
    put(service, gallery, "ada", 3)
    before = service.ask(f"galleries/{gallery}/references")
    page = opened("gallery")
    page.locator(".identity-card").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.locator("nav").get_by_role("link", name="Enroll").click()
    page.locator("input[type=file]").set_input_files(drawing)
    page.get_by_label("Name", exact=True).fill(" ada ")
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.get_by_text("ada: 1 new reference, 1 in all").first).to_be_visible()
    page.wait_for_timeout(8000)
    [after] = service.ask(f"galleries/{gallery}/references")
    assert after["id"] != before[0]["id"]


def test_a_removal_meets_what_others_did_meanwhile(
    opened: Opened, service: Running, gallery: str, watch: Watch
) -> None:
    """Somebody else gave the identity another picture, or removed it too: the page says so, and removes nothing new."""
    watch.expected.append("404")
    for number, name in enumerate(("ada", "bob")):
        put(service, gallery, name, number)
    page = opened("gallery")
    for name in ("ada", "bob"):
        page.locator(".identity-card", has_text=name).click()
        expect(page.get_by_role("dialog").get_by_text("1 reference")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    put(service, gallery, "ada", 9)
    service.ask(f"galleries/{gallery}/remove", {"identity": "bob"})
    expect(page.get_by_text("ada was not removed: it has other pictures now").first).to_be_visible(timeout=15_000)
    expect(page.get_by_text("bob was not removed: 'bob' is not enrolled").first).to_be_visible()
    assert service.ask(f"galleries/{gallery}/identities") == [{"identity": "ada", "references": 2, "metadata": {}}]


def test_a_page_whose_beginning_was_removed_begins_again(
    opened: Opened, service: Running, gallery: str, watch: Watch
) -> None:
    """The identity before the shown page goes, by somebody else's hand: the list starts anew."""
    watch.expected.append("404")
    for number in range(70):
        put(service, gallery, f"person {number:03}", number % 31)
    page = opened("gallery")
    page.get_by_role("button", name="Later").click()
    cards = page.locator(".identity-card .who")
    expect(cards.first).to_have_text("person 060")
    service.ask(f"galleries/{gallery}/remove", {"identity": "person 059"})
    page.locator(".identity-card").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Rename").click()
    page.get_by_label("Its next name").fill("sixty")
    page.get_by_role("button", name="Rename").click()
    expect(cards.first).to_have_text("person 000")
