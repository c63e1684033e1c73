"""Completeness in a real browser: compare a day, see what was missing, export, verify."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from playwright.sync_api import Page, expect

from integrations.models import Certificate
from tests.browser.complaints import complaints
from tests.browser.test_queue import log_in
from tests.flows.test_completeness import place_on, yesterday
from tests.flows.test_subscriptions import settle, shop

__all__ = ["place_on", "shop", "yesterday"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/integrations/completeness/"
SIZES = [(1440, 900), (390, 844)]


@pytest.fixture
def day(place_on, yesterday, shopify, drain):
    """A day with one order that came, one that was deleted since, and two that did not."""
    for number in (6301, 6302):
        place_on(yesterday, number)
    drain()
    shopify.delete_order("#6302")
    shopify.webhooks.lose_next(20)
    for number in (6303, 6304):
        place_on(yesterday, number)
    return yesterday


@pytest.fixture
def olga(page, live_server, demo):
    person = User.objects.create_user("olga", is_staff=True)
    person.groups.add(Group.objects.get(name="Operators"))
    log_in(page, live_server, person)
    return page


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def verified() -> str:
    out = StringIO()
    try:
        call_command("verify_completeness", stdout=out)
    except CommandError as error:
        return str(error)
    return out.getvalue()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_day_is_compared_looked_into_exported_and_verified(
    olga, live_server, day, drain, width, height
):
    page = olga
    page.set_viewport_size({"width": width, "height": height})
    page.goto(live_server.url + LIST)
    row = page.get_by_role("row").filter(has_text=f"{day:%-d %b %Y}")
    expect(row.get_by_text("Not compared").first).to_be_visible()
    assert fits(page)

    page.get_by_role("button", name="Compare now").click()
    expect(page.locator("[data-bulk=label]")).to_have_text("Running")
    expect(page.get_by_role("button", name="Compare now")).to_have_count(0)
    # The page would load itself anew in the middle of the next visit.
    page.goto("about:blank")
    settle(drain)
    page.goto(live_server.url + LIST)
    expect(page.locator("[data-bulk=label]")).to_have_text("Done")
    expect(page.locator(".complete-chain .pill")).to_have_text("Chain whole")
    expect(row).to_contain_text("3 listed, 1 no longer")

    page.get_by_role("link", name=f"{day:%a %-d %b %Y}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Completeness of")
    orders = page.locator("section.card").filter(has_text="Orders to NetSuite").first
    expect(orders).to_contain_text("What had not come by itself (2)")
    expect(orders).to_contain_text("What the source lists no more (1)")
    expect(orders).to_contain_text("Deleted, or not shown to us")
    expect(orders).to_contain_text("This look found 2 missing, and fetched 2.")
    sums = orders.locator(".complete-sums")
    expect(sums.get_by_role("row", name="Of this day in all")).to_contain_text("4")
    assert fits(page)

    with page.expect_download() as told:
        page.get_by_role("link", name="This day as csv").click()
    text = Path(told.value.path()).read_text(encoding="utf-8-sig")
    lines = {one["Flow"]: one for one in csv.DictReader(StringIO(text))}
    made = Certificate.objects.get(flow_slug="shopify-orders")
    line = lines["Orders to NetSuite"]
    assert (line["Source lists"], line["Found missing"]) == ("3", "2")
    assert (line["No longer listed"], line["Digest"]) == ("1", made.digest)

    orders.get_by_role("link", name="#6303").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("6303")
    expect(page.locator("#content")).to_contain_text("Delivered")

    assert "the chain is whole" in verified()
    Certificate.objects.filter(pk=made.pk).update(missing=0, delivered=99)
    assert f"Certificate {made.pk}" in verified()
    page.goto(live_server.url + LIST)
    expect(page.locator(".errornote")).to_contain_text("was changed after it was made")
    assert fits(page)


def test_the_pages_keep_to_the_content_policy(olga, live_server, day, drain):
    said = complaints(olga)
    for where in (LIST, f"{LIST}{day.isoformat()}/"):
        olga.goto(live_server.url + where)
        expect(olga.get_by_role("heading", level=1)).to_contain_text("Completeness")
    assert said == []
