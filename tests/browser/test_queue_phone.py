"""The error queue on a phone: the tab in use is seen, and all rows are ticked at once."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import integrations
from tests.browser.test_queue import LIST, lines, log_in, olga
from tests.errorqueue.conftest import flow, make_line, make_person, make_record

__all__ = ["flow", "lines", "make_line", "make_person", "make_record", "olga"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def phone(page: Page, live_server, olga, lines) -> Page:
    page.set_viewport_size({"width": 390, "height": 844})
    log_in(page, live_server, olga)
    page.goto(f"{live_server.url}{LIST}?tab=all")
    return page


def test_the_tab_in_use_is_scrolled_into_view(phone: Page):
    tab = phone.locator(".queue-tabs [aria-current]")
    expect(tab).to_contain_text("All")
    expect(tab).to_be_in_viewport(ratio=0.9)


def test_one_tap_ticks_every_row_and_another_none(phone: Page, lines):
    ticked = phone.locator(".action-select:checked")
    button = phone.get_by_role("button", name="Select all on this page")
    button.click()
    expect(ticked).to_have_count(len(lines))
    button.click()
    expect(ticked).to_have_count(0)


def test_a_wide_screen_has_the_box_and_not_the_button(phone: Page):
    phone.set_viewport_size({"width": 1440, "height": 900})
    button = phone.get_by_role("button", name="Select all on this page")
    expect(button).to_be_hidden()


def test_a_vendors_long_id_makes_no_page_wider_than_a_phone(browser):
    style = Path(integrations.__file__).with_name("static") / "console" / "console.css"
    narrow = browser.new_page(viewport={"width": 390, "height": 844})
    words = "gid://shopify/InventoryItem/47204230283798@gid://shopify/Location/660000"
    narrow.set_content(
        f"<meta name=viewport content='width=device-width'><style>{style.read_text()}"
        f"</style><div id=content><p>written, id {words}</p></div>"
    )
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 390
    narrow.close()
