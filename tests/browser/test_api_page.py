"""The REST interface's page and the token's page in a real browser."""

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from tests.browser.complaints import complaints
from tests.browser.test_queue import log_in
from tests.errorqueue.conftest import make_person
from tests.flows.conftest import configure

__all__ = ["make_person"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def olga(make_person):
    configure("roles.yaml")
    person = make_person("olga")
    person.groups.add(Group.objects.get(name="Operators"))
    return person


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_reads_well_at_any_width(page, live_server, olga, width):
    wrong = complaints(page)
    page.set_viewport_size({"width": width, "height": 900})
    log_in(page, live_server, olga)
    page.goto(f"{live_server.url}/api/")
    page.locator("#failed_records_retry summary").click()
    expect(page.locator("#failed_records_retry pre")).to_contain_text("curl -X POST")
    page.locator("#bulk_runs_start summary").click()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width and wrong == []


def test_an_operator_makes_a_token_and_sees_it_once(page, live_server, olga):
    log_in(page, live_server, olga)
    page.goto(f"{live_server.url}/api/")
    page.get_by_role("link", name="API tokens").first.click()
    page.get_by_role("link", name="Add").first.click()
    page.get_by_label("What it is for").fill("warehouse sync")
    page.get_by_role("button", name="Make the token").click()
    plain = page.locator(".once").inner_text()
    assert plain.startswith("wb_")
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_text("warehouse sync")).to_be_visible()
    assert plain not in page.content()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()
