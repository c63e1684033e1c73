"""The search box of the header in a real browser, and the story behind it."""

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from errorqueue import people, services
from errorqueue.models import FailedRecord
from integrations.models import SyncRecord
from tests.browser.keyboard import press
from tests.browser.test_queue import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

QUEUE = "/admin/errorqueue/failedrecord/"


@pytest.fixture
def olga(demo):
    user = User.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name="Operators"))
    return user


@pytest.fixture
def order(post_order, netsuite, drain, olga):
    """An order that failed for a SKU and was asked again by olga."""
    post_order(number=4711, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    line = FailedRecord.objects.get()
    people.comment(line, "The catalogue team adds it today.", olga)
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    services.retry(line, olga, "It is there now.")
    drain()
    return SyncRecord.objects.get(label="#4711")


@pytest.fixture
def failing(post_order, drain, demo):
    post_order(number=4712, lines=[("NOPE", "Nope", "1.00", 1)])
    drain()


def box(page):
    return page.get_by_role("search", name="The story of one order")


def test_a_number_typed_anywhere_opens_the_story(order, olga, page, live_server):
    log_in(page, live_server, olga)
    page.goto(f"{live_server.url}/admin/")
    press(page, "Control+k")
    page.keyboard.type("4711")
    press(page, "Enter")
    page.wait_for_url(f"**/story/{order.pk}/")
    sentence = page.locator(".story-sentence").inner_text()
    assert sentence.startswith("Order #4711 is in NetSuite (Northwind) as sales order")
    assert page.locator(".story-line .lane-people", has_text="People").count() == 2


def test_g_then_s_leads_there_from_the_queue_and_puts_nothing_off(
    failing, olga, page, live_server
):
    log_in(page, live_server, olga)
    page.goto(live_server.url + QUEUE)
    press(page, "j")
    press(page, "g")
    press(page, "s")
    expect(page.locator("#story-word")).to_be_focused()
    assert page.locator("dialog[open]").count() == 0
    page.keyboard.type("4712")
    press(page, "Enter")
    page.wait_for_url("**/story/*/")
    page.go_back()
    press(page, "/")  # the list keeps its own search
    expect(page.locator("#searchbar")).to_be_focused()


def test_it_works_without_script_and_on_a_phone(order, olga, browser, live_server):
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    log_in(page, live_server, olga)
    page.goto(f"{live_server.url}/admin/")
    word = box(page).get_by_role("searchbox")
    word.fill(order.email)
    word.press("Enter")
    expect(page.locator("#records-heading")).to_be_visible()
    page.get_by_role("link", name="Order #4711").first.click()
    expect(page.get_by_role("heading", name="Time line")).to_be_visible()
    context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_wider_than_the_screen(order, olga, page, live_server, width):
    page.set_viewport_size({"width": width, "height": 844})
    log_in(page, live_server, olga)
    for path in (f"story/{order.pk}/", "story/?q=HAMMOCK-XL&all", "story/?q=nothing"):
        page.goto(f"{live_server.url}/admin/integrations/{path}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, path
