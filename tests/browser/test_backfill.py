"""A back-fill in a real browser: a week is looked at, brought over, and accounted for."""

import os
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from integrations.models import Backfill
from tests.browser.complaints import complaints
from tests.browser.test_queue import log_in
from tests.flows.backfills import (
    HAMMOCK,
    WEEK,
    forget_ledger,
    of_week,
    past,
    placed,
    run,
    settle,
)
from tests.flows.backfills import looked as look

__all__ = ["past", "placed"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/integrations/backfill/"
SIZES = [(1440, 900), (390, 844)]
SHOTS = os.environ.get("WAYBILL_SHOTS", "")


@pytest.fixture
def week(placed, past, drain):
    """A week of which one order is at the target under our id, and one would fail."""
    placed(1)
    run(look(of_week(past), drain), drain)
    forget_ledger()
    Backfill.objects.all().delete()
    for number in (2, 3):
        placed(number)
    placed(4, lines=[HAMMOCK])
    placed(5, test=True)
    return past


@pytest.fixture
def anna(page, live_server, demo):
    person = User.objects.create_user("anna", is_staff=True)
    person.groups.add(Group.objects.get(name="Integration admins"))
    log_in(page, live_server, person)
    return page


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def keep(page: Page, name: str) -> None:
    """Take a picture, where somebody wants to look at it."""
    if SHOTS:
        width = page.viewport_size["width"]
        page.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=True)


def work(page: Page, drain) -> None:
    """Let the workers work; the page would load itself anew meanwhile."""
    address = page.url
    page.goto("about:blank")
    settle(drain)
    page.goto(address)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_an_integration_admin_back_fills_a_week_after_a_dry_run(
    anna, live_server, week, drain, netsuite, width, height
):
    page = anna
    page.set_viewport_size({"width": width, "height": height})
    page.goto(live_server.url + LIST)
    expect(page.locator("#content")).to_contain_text("No back-fill so far")
    page.get_by_role("link", name="Add back-fill").click()
    page.get_by_label("Orders to NetSuite (").check()
    page.get_by_label("First day").fill(week.isoformat())
    page.get_by_label("Last day").fill((week + WEEK).isoformat())
    assert fits(page)
    keep(page, "prepare")
    page.get_by_role("button", name="Begin the dry run").click()
    expect(page.locator("[data-bulk=label]")).to_have_text("Dry run")
    keep(page, "looking")
    work(page, drain)

    expect(page.locator("[data-bulk=label]")).to_have_text("Dry run done")
    found = page.get_by_role("region", name="What the dry run found")
    numbers = found.get_by_role("row")
    expect(numbers.filter(has_text="Exists under our id")).to_contain_text("1")
    expect(numbers.filter(has_text="Would fail now")).to_contain_text("1")
    expect(numbers.filter(has_text="In all")).to_contain_text("5")
    expect(page.locator("#content")).to_contain_text("HAMMOCK-XL")
    assert len(netsuite.orders) == 1 and fits(page)
    keep(page, "ready")

    page.get_by_label("Bring the 1 that would fail, too").check()
    page.get_by_role("button", name="Start the back-fill").click()
    expect(page.locator("[data-bulk=label]")).to_have_text("Running")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    keep(page, "running")
    work(page, drain)

    expect(page.locator("[data-bulk=label]")).to_have_text("Done")
    became = page.get_by_role("region", name="What became of them")
    rows = became.get_by_role("row")
    for label, number in (("Delivered", "2"), ("Linked", "1"), ("Failed", "1")):
        line = rows.filter(has_text=label)
        expect(line.get_by_role("cell").last).to_have_text(number)
    expect(rows.filter(has_text="In all").get_by_role("cell").last).to_have_text("5")
    assert len(netsuite.orders) == 3 and fits(page)
    keep(page, "done")
    page.get_by_role("link", name="The failed ones in the error queue").click()
    expect(page.locator("#content")).to_contain_text("#4")
    expect(page.locator("#content")).not_to_contain_text("#3")
    page.goto(live_server.url + LIST)
    expect(page.locator("#result_list")).to_contain_text("Back-fill")
    assert fits(page)
    keep(page, "list")


def test_the_pages_keep_to_the_content_policy(anna, live_server, week, drain):
    said = complaints(anna)
    made = look(of_week(week), drain)
    for where in (LIST, f"{LIST}add/", f"{LIST}{made.pk}/change/"):
        anna.goto(live_server.url + where)
        expect(anna.get_by_role("heading", level=1)).to_be_visible()
    assert said == []
