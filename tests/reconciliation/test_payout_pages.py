"""What a finance reviewer sees of payouts, and that nobody else does."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from errorqueue.models import FailedRecord
from integrations.models import AuditEntry, SyncRecord
from integrations.reconciliation.models import Payout, PayoutFetch, PayoutLine
from tests.flows.test_orders import post_order
from tests.integrations.admin.page_builders import in_group

__all__ = ["post_order"]

LIST = "/admin/reconciliation/payout/"
NOW = timezone.now()


@pytest.fixture
def fiona(shop, client):
    client.force_login(in_group("fiona-finance", "Finance reviewers"))
    return client


def sell(shop, number, amount, fee="0.00"):
    order = shop.place_order(shop.new_order(number))
    shop.charge(order, fee, amount)
    return order


def page(client, address=LIST):
    answer = client.get(address)
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


def of(payout):
    return f"{LIST}{payout.pk}/change/"


@pytest.fixture
def payout(shop, fetch):
    order = sell(shop, 1001, "100.00", "3.20")
    shop.repay(order, "20.00")
    shop.balance_row("QUANTUM_FEE", "-2.00")
    lost = shop.balance_row("CHARGE", "3.20")
    shop.pay_out(leave_out=[lost], status="PAID", trace="BANK-7")
    fetch()
    return Payout.objects.get()


def test_the_list_says_it_in_a_sentence(fiona, payout):
    shown = page(fiona)

    assert "EUR 78.00: 3 lines, EUR 3.20 not explained by its lines" in shown
    assert "1 of a type that is not mapped (QUANTUM_FEE)" in shown
    assert "Does not tie" in shown
    assert page(fiona, f"{LIST}?tab=person&status=paid&currency=EUR&period=month")
    assert "not explained" not in page(fiona, f"{LIST}?tab=ties")
    assert "EUR 78.00" not in page(fiona, f"{LIST}?status=failed")


def test_every_bar_of_the_waterfall_opens_its_lines(fiona, payout):
    shown = page(fiona, of(payout))

    assert 'aria-label="Gross sales: EUR 100.00, 1 lines"' in shown
    assert "Refunds: EUR −20.00, 1 lines" in shown
    assert "Fees: EUR −3.20, 1 lines" in shown
    assert "Unmapped types: EUR −2.00, 1 lines" in shown
    assert "Sum of the lines: EUR 74.80" in shown
    assert "Not explained by its lines: EUR 3.20" in shown
    assert "Net, as at the bank: EUR 78.00" in shown
    refunds = page(fiona, f"{of(payout)}?part=refunds")
    assert "Lines: Refunds" in refunds
    assert refunds.count('data-label="Order"') == 1
    assert page(fiona, f"{of(payout)}?part=fees").count('data-label="Order"') == 1
    assert page(fiona, f"{of(payout)}?part=odd").count('data-label="Order"') == 0


def test_lines_are_found_by_order(fiona, payout):
    found = page(fiona, f"{of(payout)}?q=1001")
    none = page(fiona, f"{of(payout)}?q=9999")

    assert found.count('data-label="Order"') == 2
    assert "No line is like that" in none


def test_a_line_leads_to_the_story_of_its_order(fiona, post_order, shop, fetch, drain):
    order = post_order(number=1042)
    drain()
    shop.charge(order, "1.00")
    shop.pay_out(status="PAID")
    fetch()
    record = SyncRecord.objects.get(flow__source_entity="order")

    shown = page(fiona, of(Payout.objects.get()))

    assert f"/admin/integrations/story/{record.pk}/" in shown
    assert f"/admin/integrations/syncrecord/{record.pk}/change/" in shown


def test_a_line_leads_to_the_open_error_of_its_order(
    fiona, post_order, shop, fetch, drain
):
    order = post_order(number=1043, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    shop.charge(order, "1.00")
    shop.pay_out(status="PAID")
    fetch()
    line = FailedRecord.objects.open().get(reference="#1043")

    shown = page(fiona, of(Payout.objects.get()))

    assert f"/admin/errorqueue/failedrecord/{line.pk}/change/" in shown
    assert line.human_id in shown


def test_nobody_without_the_right_sees_anything(payout, client):
    client.force_login(in_group("olga", "Operators"))

    assert client.get(LIST).status_code == 403
    assert client.get(of(payout)).status_code == 403
    assert client.post(f"{LIST}fetch/").status_code == 403
    assert LIST not in client.get("/admin/").content.decode()


def test_auditors_look_and_do_not_fetch(payout, account, client):
    client.force_login(in_group("ava", "Auditors"))

    assert "Fetch now" not in page(client)
    asked = {"account": account.pk, "first": "2026-11-01", "last": "2026-11-02"}
    assert client.post(f"{LIST}fetch/", asked).status_code == 403


def test_a_reviewer_fetches_by_a_button(fiona, shop, account, drain):
    sell(shop, 1001, "100.00")
    shop.pay_out(status="PAID")
    today = timezone.now().date().isoformat()
    asked = {"account": account.pk, "first": today, "last": today}

    answer = fiona.post(f"{LIST}fetch/", asked, follow=True)
    again = fiona.post(f"{LIST}fetch/", asked, follow=True)
    drain()

    assert "Being fetched" in answer.content.decode()
    assert "wait until that has ended" in again.content.decode()
    assert "net ties to its lines" in page(fiona)
    assert PayoutFetch.objects.get().asked_by.username == "fiona-finance"
    assert AuditEntry.objects.filter(verb="payouts asked").count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"first": ""}, "Choose the first and the last day"),
        ({"first": "2026-11-05", "last": "2026-11-01"}, "not behind the last"),
        ({"first": "2024-01-01", "last": "2026-11-01"}, "at most 400 days"),
    ],
)
def test_days_that_make_no_sense_are_refused_in_words(fiona, account, changes, said):
    asked = {"account": account.pk, "first": "2026-11-01", "last": "2026-11-02"}

    answer = fiona.post(f"{LIST}fetch/", {**asked, **changes}, follow=True)

    assert said in answer.content.decode()
    assert not PayoutFetch.objects.exists()


def make(account, count, start=0):
    payout = Payout.objects.create(
        connection=account,
        vendor_id=f"9{start}",
        status="paid",
        currency="EUR",
        net=Decimal(count),
        issued_at=NOW,
        day=NOW.date(),
        raw={},
        found_at=NOW,
    )
    PayoutLine.objects.bulk_create(
        PayoutLine(
            payout=payout,
            connection=account,
            vendor_id=f"{start}{number:06}",
            type="CHARGE",
            kind="sale",
            amount=1,
            fee=0,
            net=1,
            currency="EUR",
            at=NOW,
            order_id=str(number),
            raw={},
        )
        for number in range(count)
    )
    return payout


def test_pages_ask_as_often_for_many_lines_as_for_few(fiona, account):
    few, many = make(account, 3), make(account, 300, start=7)
    page(fiona, of(few))

    def asked(address):
        with CaptureQueriesContext(connection) as seen:
            page(fiona, address)
        return len(seen)

    assert asked(of(few)) == asked(of(many))
    before = asked(LIST)
    for number in range(5):
        make(account, 1, start=20 + number)
    assert asked(LIST) == before
    assert "Page 1 of 6" in page(fiona, of(many))
    assert "Page 2 of 6" in page(fiona, f"{of(many)}?p=2")
