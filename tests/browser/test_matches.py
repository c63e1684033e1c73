"""A match in a real browser: both sides are read, compared, and pairs are linked."""

import os
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from integrations.models import Flow, Link, Match
from tests.browser.complaints import complaints
from tests.browser.test_queue import log_in
from tests.flows.conftest import configure

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/integrations/match/"
SIZES = [(1440, 900), (390, 844)]
SHOTS = os.environ.get("WAYBILL_SHOTS", "")


@pytest.fixture
def flow(demo, netsuite, shopify) -> Flow:
    configure("flows/netsuite-products.yaml")
    Flow.objects.filter(slug="netsuite-products").update(is_enabled=False)
    netsuite.add_item("CUP-01", name="Cup", upc="4006381333931")
    shopify.add_product("TIN-CUP", "Tin cup", "3.00")
    shopify.change_product("TIN-CUP", barcode="4006381333931")
    shopify.add_product("MUG-BLUE", "Enamel mug, blue (copy)", "12.50")
    return Flow.objects.get(slug="netsuite-products")


@pytest.fixture
def anna(page, live_server, demo):
    person = User.objects.create_user("anna", is_staff=True)
    person.groups.add(Group.objects.get(name="Integration admins"))
    log_in(page, live_server, person)
    return page


def looks_right(page: Page, name: str) -> None:
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
        wide = "document.documentElement.scrollWidth <= window.innerWidth"
        assert page.evaluate(wide), f"{name} at {width}"


def test_an_integration_admin_links_what_belongs_together(
    anna, live_server, flow, drain
):
    page = anna
    heard = complaints(page)
    page.goto(f"{live_server.url}{LIST}add/")
    page.get_by_label("Products to Shopify").check()
    looks_right(page, "match-ask")
    page.get_by_role("button", name="Read both sides").click()
    page.wait_for_url("**/change/")
    drain()
    # The page follows the work by itself, and is drawn anew when it is done.
    expect(
        page.get_by_text("Same SKU several times at the target").first
    ).to_be_visible(timeout=30_000)
    looks_right(page, "match-found")
    page.get_by_role("link", name="Same barcode, another SKU").click()
    looks_right(page, "match-pairs")
    page.get_by_label("Link CUP-01").check()
    page.get_by_role("button", name="Link the ticked pairs").click()
    expect(page.get_by_text("Pairs that are being linked: 1.")).to_be_visible()
    drain()
    assert Link.objects.get().source_id
    assert Match.objects.get().state == "ready"
    page.goto(f"{live_server.url}{LIST}")
    looks_right(page, "match-list")
    assert heard == []
