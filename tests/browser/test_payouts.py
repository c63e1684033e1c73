"""Payouts in a real browser: the sentence, the waterfall, a line and its failed order."""

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from tests.browser.complaints import complaints
from tests.browser.test_queue import log_in
from tests.reconciliation.conftest import fetch, shop

__all__ = ["fetch", "shop"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/reconciliation/payout/"
SIZES = [(1440, 900), (390, 844)]


@pytest.fixture
def payout(post_order, shop, drain, fetch):
    """A payout with a good order, a failed one, and 3.20 that no line explains."""
    good = post_order(number=7001)
    failed = post_order(number=7002, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    shop.charge(good, "7.50", "249.00")
    shop.charge(failed, "2.90", "89.00")
    shop.repay(good, "20.00")
    shop.lose_dispute(failed, "30.00")
    shop.fee("4.00", tax="0.76")
    shop.adjust("-1.50")
    shop.reserve("25.00")
    shop.balance_row("QUANTUM_FEE", "-2.00")
    lost = shop.balance_row("CHARGE", "3.20")
    shop.pay_out(leave_out=[lost], status="PAID", trace="BANK-7")
    for number in range(60):
        shop.balance_row("CHARGE", f"{number + 10}.01", "0.30")
    shop.pay_out(status="SCHEDULED")
    return fetch()


@pytest.fixture
def fiona(page, live_server, demo):
    person = User.objects.create_user("fiona", is_staff=True)
    person.groups.add(Group.objects.get(name="Finance reviewers"))
    log_in(page, live_server, person)
    return page


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_reviewer_reads_the_sentence_and_follows_a_line_to_its_failed_order(
    fiona, live_server, payout, width, height
):
    said = complaints(fiona)
    fiona.set_viewport_size({"width": width, "height": height})
    fiona.goto(live_server.url + LIST)
    assert fits(fiona)
    sentence = "9 lines, EUR 3.20 not explained by its lines"
    fiona.get_by_role("link", name=sentence).click()
    expect(fiona.get_by_role("heading", level=1)).to_contain_text(sentence)
    assert fits(fiona)

    chart = fiona.locator("svg.waterfall")
    expect(chart.get_by_label("Not explained by its lines: EUR 3.20")).to_be_visible()
    chart.get_by_role("link", name="Gross sales: EUR 338.00, 2 lines").click()
    expect(fiona.get_by_role("heading", name="Lines: Gross sales")).to_be_visible()
    rows = fiona.locator(".payout-lines tbody tr")
    expect(rows).to_have_count(2)
    assert fits(fiona)

    rows.filter(has_text="#7002").locator("a[href*=failedrecord]").click()
    expect(fiona.get_by_role("heading", level=1)).to_contain_text("7002")
    assert said == []
