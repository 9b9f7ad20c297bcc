"""A service that asks for a key, and one that goes away: the page says so, waits, and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pens import draw, enroll
from playwright.sync_api import Browser, expect

from firstsight import api
from served_page import running

pytestmark = pytest.mark.browser


def test_a_key_is_asked_for_and_kept_for_the_tab(browser: Browser, tmp_path: Path) -> None:
    """A wrong key is refused in the service's sentence and asked for again; the right one lets in, survives a reload,
    and is forgotten with the tab; what the key's role does not allow is said."""
    store = tmp_path / "g.db"
    with running(store) as service:
        reader = api.add_key(store, "reader", role="read")
        page = browser.new_page()
        page.goto(service.page)
        dialog = page.get_by_role("dialog", name="This service asks for a key")
        dialog.get_by_label("Key").fill("wrong")
        dialog.get_by_role("button", name="Use this key").click()
        expect(dialog.get_by_role("alert")).to_contain_text("not known")
        dialog.get_by_label("Key").fill(reader)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Draw")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Show it something once")).to_be_visible()
        draw(page, "anchor", 1)
        page.get_by_label("Name", exact=True).fill("anchor")
        page.get_by_role("button", name="Enroll it").click()
        expect(page.locator(".trouble").get_by_role("alert")).to_contain_text("enroll is needed")
        assert page.evaluate("localStorage.length") == 0
        page.get_by_role("button", name="Forget the key").click()
        expect(dialog).to_be_visible()
        other = browser.new_page()
        other.goto(service.page)
        expect(other.get_by_role("dialog")).to_be_visible()
        other.close()
        page.close()


def test_a_service_that_goes_away_comes_back(browser: Browser, tmp_path: Path) -> None:
    """While it is gone a line says that it is tried again, and what is drawn stays; when it is back, so are the
    answers."""
    page = browser.new_page()
    with running(tmp_path / "g.db") as service:
        page.goto(service.page)
        enroll(page, "anchor", 1)
    draw(page, "anchor", 2)
    expect(page.locator("#banner")).to_contain_text("does not answer. Trying again in")
    expect(page.locator(".answers").get_by_role("alert")).to_contain_text("The service does not answer")
    with running(tmp_path / "g.db", service.port):
        expect(page.locator("#banner")).to_be_hidden(timeout=30_000)
        draw(page, "anchor", 3)
        expect(page.locator(".verdict-line")).to_be_visible()
    page.close()


def test_a_store_without_galleries_offers_to_make_one(browser: Browser, tmp_path: Path) -> None:
    """Where the last gallery was dropped, the page makes another."""
    with running(tmp_path / "g.db") as service:
        service.ask("galleries/main/drop", {})
        page = browser.new_page()
        page.goto(service.page)
        expect(page.get_by_role("heading", name="There is no gallery yet")).to_be_visible()
        page.get_by_label("Its name").fill("signs")
        page.get_by_role("button", name="Make it").click()
        expect(page.get_by_role("heading", name="Show it something once")).to_be_visible()
        assert [g["gallery"] for g in service.ask("galleries")] == ["signs"]
        page.close()


LATE = """const quick = window.fetch;
window.fetch = async (at, how) => {
  const answer = await quick(at, how);
  if (how?.headers?.Authorization && String(at).includes("LATE")) await new Promise((done) => setTimeout(done, 2000));
  return answer;
};"""


@pytest.mark.parametrize("late", ["/v1/galleries", "/v1/model", "neither"])
def test_a_dialog_for_the_key_that_is_closed_stays_closed(browser: Browser, tmp_path: Path, late: str) -> None:
    """Whoever closes it is left with the service's sentence and a way to try again, also if one refusal comes late."""
    store = tmp_path / "g.db"
    with running(store) as service:
        secret = api.add_key(store, "reader", role="read")
        page = browser.new_page()
        page.add_init_script(LATE.replace("LATE", late))
        page.goto(service.page)
        dialog = page.get_by_role("dialog", name="This service asks for a key")
        dialog.get_by_label("Key").fill("wrong")
        dialog.get_by_role("button", name="Use this key").click()
        expect(dialog.get_by_role("alert")).to_contain_text("not known")
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="This did not work")).to_be_visible()
        page.wait_for_timeout(2500)
        expect(dialog).to_have_count(0)
        page.get_by_role("button", name="Try again").click()
        dialog.get_by_label("Key").fill(secret)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Draw")).to_be_visible()
        page.close()
