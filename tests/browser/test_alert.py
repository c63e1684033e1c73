"""At night on a phone: the alert's link, log in, acknowledge, fix, retry, in step."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from playwright.sync_api import Page, expect

from errorqueue import alerts, incidents
from errorqueue.models import Alert
from integrations.models import SyncRecord

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def operator(demo):
    user = User.objects.create_user(
        "olga", password="a long pass phrase", is_staff=True
    )
    user.groups.add(Group.objects.get(name="Operators"))
    return user


@pytest.fixture
def fail(operator, settings, live_server, post_order, drain):
    """Let an order fail at 02:00; return the link of the message about it."""
    settings.SITE_URL = live_server.url

    def at_night(**order) -> str:
        post_order(number=3301, **order)
        drain()
        return re.search(r"Acknowledge: (\S+)", mail.outbox[0].body)[1]

    return at_night


def is_narrow(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def acknowledge(page: Page, link: str) -> None:
    """Follow the link, log in, press the button, and open the record."""
    page.set_viewport_size(PHONE)
    page.goto(link)
    assert "/admin/login/" in page.url
    page.fill("#id_username", "olga")
    page.fill("#id_password", "a long pass phrase")
    page.click("[type=submit]")
    assert page.url == link and is_narrow(page)
    assert Alert.objects.get().acknowledged_at is None

    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".page-state .pill")).to_have_text("Acknowledged")
    expect(page.locator(".timeline")).to_contain_text("by olga")
    assert is_narrow(page)
    page.get_by_role("link", name=re.compile("Open ERR-")).click()


def is_delivered(netsuite) -> bool:
    record = SyncRecord.objects.get(label="#3301")
    return record.state == SyncRecord.State.DELIVERED and len(netsuite.orders) == 1


def is_over(page: Page, link: str) -> None:
    incidents.refresh()
    page.goto(link)
    expect(page.locator("#content")).to_contain_text("It is over already")


def test_from_the_alert_to_a_delivered_order_on_a_phone(
    fail, page: Page, netsuite, drain
):
    link = fail(lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    acknowledge(page, link)
    expect(page.locator("#content")).to_contain_text("HAMMOCK-XL")

    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    page.get_by_role("button", name="Retry now").first.click()
    page.wait_for_load_state()
    drain()
    assert is_delivered(netsuite)
    is_over(page, link)


def test_the_wrong_value_is_fixed_in_its_box_on_a_phone(
    fail, page: Page, netsuite, drain
):
    link = fail(shipping=[("Drone", "9.90")])
    acknowledge(page, link)
    expect(page.locator("#content")).to_contain_text("Drone")
    assert netsuite.orders == {} and is_narrow(page)

    page.get_by_role("link", name="Fix…").first.click()
    box = page.locator("#sheet select[name^=place_]")
    box.wait_for()
    assert is_narrow(page)
    box.select_option(index=1)
    page.fill("#sheet [name=reason]", "the shop's new courier")
    page.get_by_role("button", name="Check, save and retry").click()
    expect(page.locator("#sheet")).to_be_hidden()
    drain()
    assert is_delivered(netsuite)
    is_over(page, link)
    alerts.send_waiting()
    assert len(mail.outbox) == 1  # to ALERT_EMAILS, which hear no end
