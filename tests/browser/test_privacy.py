"""Privacy requests in a real browser: read the list, carry one out, take a file."""

import json

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from integrations.models import PrivacyRequest
from tests.browser.test_queue import log_in
from tests.flows.test_erasing import canary, traces_of
from tests.flows.test_privacy import ZEB, demand

__all__ = ["canary", "demand"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/integrations/privacyrequest/"
SIZES = [(1440, 900), (390, 844)]
SHOTS = ""


@pytest.fixture
def irene(page, live_server, demo):
    person = User.objects.create_user("irene", is_staff=True)
    person.groups.add(Group.objects.get(name="Integration admins"))
    log_in(page, live_server, person)
    return page


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def shot(page, name, width):
    assert fits(page), name
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_an_erasure_that_waits_is_carried_out_and_shows_its_receipt(
    irene, live_server, canary, drain, demand, width, height
):
    page = irene
    page.set_viewport_size({"width": width, "height": height})
    canary(2)
    drain()
    canary(3, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    request = demand("customers/redact", ZEB)
    page.goto(live_server.url + LIST)
    expect(page.get_by_text("29 days left")).to_be_visible()
    shot(page, "list", width)

    page.get_by_role("link", name=f"PR-{request.pk}").click()
    shot(page, "waiting", width)
    page.get_by_label("Why now?").fill("the customer insists")
    page.get_by_label("What is not settled").check()
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("is carried out now")).to_be_visible()
    drain()
    page.reload()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.get_by_text("salesOrder").first).to_be_visible()
    shot(page, "receipt", width)
    assert traces_of() == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_file_is_taken_and_marked_as_sent(
    irene, live_server, canary, drain, demand, width, height
):
    page = irene
    page.set_viewport_size({"width": width, "height": height})
    canary(2)
    drain()
    request = demand("customers/data_request", ZEB)
    page.goto(f"{live_server.url}{LIST}{request.pk}/change/")
    shot(page, "file", width)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download").click()
    found = json.loads(taken.value.path().read_text())
    assert found["customer"] == "990000" and len(found["records"]) == 2
    page.get_by_label("How was it handed to the shop?").fill("through the upload")
    page.get_by_role("button", name="Mark as sent").click()
    expect(page.get_by_text("is done.")).to_be_visible()
    shot(page, "sent", width)
    assert PrivacyRequest.objects.get().done_by.username == "irene"
