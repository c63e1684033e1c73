"""Payouts and their lines come in once, whatever breaks off and whatever changes."""

from decimal import Decimal

import pytest

from errorqueue import failpoints
from errorqueue.models import Alert
from integrations.models import AuditEntry, Bell, Connection, Schedule
from integrations.reconciliation import asking, fetching
from integrations.reconciliation.models import (
    Payout,
    PayoutFetch,
    PayoutLine,
    PayoutPage,
)
from integrations.reconciliation.words import sentence
from integrations.sync import schedules

Standing = Payout.Standing


def sell(shop, number, amount, fee="0.00"):
    order = shop.place_order(shop.new_order(number))
    return shop.charge(order, fee, amount), order


def verbs():
    found = AuditEntry.objects.filter(subject="payout").order_by("pk")
    return list(found.values_list("verb", flat=True))


def test_a_payout_ties_to_its_lines(shop, fetch):
    _, order = sell(shop, 1001, "100.00", "3.20")
    shop.repay(order, "20.00")
    shop.lose_dispute(order, "10.00")
    shop.fee("1.00", tax="0.19")
    shop.reserve("5.00")
    shop.pay_out(trace="BANK-7", status="PAID")

    fetch()

    payout = Payout.objects.get()
    assert payout.net == payout.lines_net == Decimal("45.61")
    assert (payout.standing, payout.difference) == (Standing.TIES, 0)
    assert (payout.line_count, payout.trace, payout.status) == (6, "BANK-7", "paid")
    day = f"{payout.day:%-d %b}"
    assert sentence(payout) == (
        f"Payout {day}, EUR 45.61: 6 lines, net ties to its lines"
    )
    line = PayoutLine.objects.get(kind="sale")
    assert line.order_name == order["name"]
    assert line.order_id == order["admin_graphql_api_id"].rpartition("/")[2]
    assert (line.amount, line.fee, line.net) == (
        Decimal("100.00"),
        Decimal("3.20"),
        Decimal("96.80"),
    )
    assert line.raw["type"] == "CHARGE"


def test_f81_a_payout_says_by_how_much_its_lines_do_not_explain_it(shop, fetch):
    sell(shop, 1001, "100.00")
    lost = shop.balance_row("CHARGE", "3.20")
    shop.pay_out(leave_out=[lost], status="PAID")

    fetch()

    payout = Payout.objects.get()
    assert payout.standing == Standing.DIFFERS
    assert payout.difference == Decimal("3.20")
    assert sentence(payout).endswith("1 line, EUR 3.20 not explained by its lines")
    assert Alert.objects.get(key=f"payout:{payout.pk}").closed_at is None


def test_f81_the_alert_ends_when_the_line_turns_up(shop, fetch):
    sell(shop, 1001, "100.00")
    lost = shop.balance_row("CHARGE", "3.20")
    shop.pay_out(leave_out=[lost], status="PAID")
    fetch()
    shop.change_row(shop.payments.rows[lost.id], hidden=False)

    fetch()

    payout = Payout.objects.get()
    assert payout.standing == Standing.TIES
    assert Alert.objects.get(key=f"payout:{payout.pk}").closed_at is not None
    assert verbs() == ["payout found", "lines read", "lines changed"]


def test_f81_a_new_type_is_named_and_never_guessed(shop, fetch):
    shop.balance_row("QUANTUM_FEE", "-2.00")
    shop.pay_out(status="PAID")

    fetch()

    payout = Payout.objects.get()
    assert payout.standing == Standing.UNMAPPED
    assert payout.unmapped == {"QUANTUM_FEE": 1}
    assert "1 of a type that is not mapped (QUANTUM_FEE)" in sentence(payout)
    assert payout.difference == 0


def test_nothing_is_doubled_and_nothing_noted_when_nothing_changed(shop, fetch):
    sell(shop, 1001, "100.00")
    shop.pay_out(status="PAID")
    fetch()
    before = verbs()

    again = fetch()

    assert Payout.objects.count() == 1
    assert PayoutLine.objects.exclude(kind="payout").count() == 1
    assert verbs() == before
    assert (again.phase, again.changed) == ("done", 0)


def test_a_change_of_status_is_kept_with_an_audit_entry(shop, fetch):
    sell(shop, 1001, "100.00")
    payout = shop.pay_out()
    fetch()
    shop.set_payout_status(payout, "PAID")

    fetch()

    assert Payout.objects.get().status == "paid"
    entry = AuditEntry.objects.get(subject="payout", verb="payout changed")
    assert entry.detail == "status scheduled → paid"


def test_lines_that_change_or_go_are_kept_with_an_audit_entry(shop, ask):
    kept, _ = sell(shop, 1001, "100.00")
    gone, _ = sell(shop, 1002, "50.00")
    shop.pay_out(status="PAID")
    ask()
    shop.change_row(shop.payments.rows[kept.id], type="CHARGE_ADJUSTMENT")
    shop.change_row(shop.payments.rows[gone.id], hidden=True)

    ask()

    payout = Payout.objects.get()
    assert payout.difference == Decimal("50.00")
    entry = AuditEntry.objects.get(subject="payout", verb="lines changed")
    assert entry.detail.startswith("1 changed, 1 listed no more; lines now 100")
    assert entry.by.username == "fiona"
    assert PayoutLine.objects.get(vendor_id=str(gone.id)).gone_at is not None
    assert PayoutLine.objects.get(vendor_id=str(kept.id)).kind == "adjustment"


def test_a_line_that_moves_belongs_to_one_payout_only(shop, ask):
    row, _ = sell(shop, 1001, "100.00")
    first = shop.pay_out(status="PAID")
    second = shop.pay_out(status="PAID")
    ask()
    shop.change_row(shop.payments.rows[row.id], payout=second.id)

    ask()

    line = PayoutLine.objects.get(vendor_id=str(row.id))
    assert line.payout.vendor_id == str(second.id)
    sums = dict(Payout.objects.values_list("vendor_id", "lines_net"))
    assert sums == {str(first.id): 0, str(second.id): Decimal("100.00")}


def test_f83_a_failed_payout_comes_back_in_the_next(shop, fetch):
    sell(shop, 1001, "100.00")
    first = shop.pay_out()
    fetch()
    shop.set_payout_status(first, "FAILED")
    shop.pay_out(status="PAID")

    fetch()

    second, failed = Payout.objects.order_by("-pk")
    assert failed.status == "failed"
    assert "(failed)" in sentence(failed)
    assert second.standing == Standing.TIES
    assert Decimal(second.kinds["retried"]["net"]) == Decimal("100.00")


def test_f80_currencies_are_never_added(shop, fetch):
    shop.balance_row("CHARGE", "1200", currency="JPY")
    shop.balance_row("CHARGE", "1.234", "0.001", currency="KWD")
    shop.pay_out("JPY", status="PAID")
    shop.pay_out("KWD", status="PAID")
    usd = shop.balance_row("CHARGE", "7.00", currency="USD")
    euro = shop.pay_out("EUR", status="PAID")
    shop.change_row(usd, payout=euro.id)

    fetch()

    found = {one.currency: one for one in Payout.objects.all()}
    assert found["JPY"].net == found["JPY"].lines_net == 1200
    assert found["KWD"].lines_net == Decimal("1.233")
    assert "KWD 1.233" in sentence(found["KWD"])
    assert "JPY 1,200:" in sentence(found["JPY"])
    assert found["EUR"].standing == Standing.MIXED
    assert found["EUR"].lines_net == 0
    assert "1 in USD not added" in sentence(found["EUR"])


def test_a_withdrawal_is_called_one(shop, fetch):
    shop.adjust("-25.00")
    shop.pay_out(status="PAID")

    fetch()

    assert sentence(Payout.objects.get()).startswith("Withdrawal ")
    assert "EUR −25.00: 1 line, net ties" in sentence(Payout.objects.get())


def test_a_shop_without_shopify_payments_is_said_to_have_none(demo, shopify, drain):
    asking.ask_daily()
    drain()

    found = PayoutFetch.objects.get()
    assert found.phase == "done"
    assert "does not use Shopify Payments" in found.problem
    assert not Alert.objects.filter(key__startswith="payout").exists()


def test_a_missing_scope_is_told_to_whoever_asked(shop, ask, account):
    for token in shop.access.apps.values():
        token.scopes = frozenset({"read_orders"})

    found = ask()

    assert found.phase == "failed"
    assert "read_shopify_payments" in found.problem
    assert Alert.objects.get(key=f"payouts:{account.pk}").closed_at is None


def many(shop, count):
    for number in range(count):
        shop.balance_row("CHARGE", f"{number}.01", "0.01")
    return shop.pay_out(status="PAID")


class Killed(BaseException):
    """As good as SIGKILL: nothing catches it."""


def test_a_worker_that_is_killed_at_every_page_loses_and_doubles_nothing(
    shop, drain, monkeypatch
):
    many(shop, 250)
    many(shop, 3)
    hit, struck = failpoints.hit, []

    def kill_every_second(place):
        hit(place)
        if place == "payouts.page":
            struck.append(place)
            if len(struck) % 2:
                raise Killed

    asking.ask_daily()
    monkeypatch.setattr(failpoints, "hit", kill_every_second)
    deaths = run_to_the_end(drain)

    assert deaths >= 5
    assert [one.line_count for one in Payout.objects.order_by("pk")] == [250, 3]
    assert set(Payout.objects.values_list("standing", flat=True)) == {Standing.TIES}
    assert PayoutLine.objects.exclude(kind="payout").count() == 253
    assert sorted(verbs()) == ["lines read"] * 2 + ["payout found"] * 2


def run_to_the_end(drain):
    """Die and come back, lease after lease, until nothing is due."""
    deaths = 0
    for _ in range(40):
        try:
            drain()
        except Killed:
            deaths += 1
        waiting = PayoutFetch.objects.filter(ended_at=None)
        if not waiting.update(try_at=asking.database_time()):
            return deaths
    raise AssertionError("it never came to an end")


def test_a_page_that_fails_is_read_again_without_harm(shop, account, drain):
    many(shop, 250)
    asking.ask_daily()
    shop.fail_as("INTERNAL_SERVER_ERROR", operation="WaybillPayoutLines", times=1)
    drain()
    PayoutFetch.objects.update(try_at=asking.database_time())
    Connection.objects.filter(pk=account.pk).update(
        state="ready", probe_at=None, limited_until=None
    )

    drain()

    payout = Payout.objects.get()
    assert payout.standing == Standing.TIES
    assert payout.line_count == 250


def test_lines_are_seen_only_when_all_are_read(shop, drain):
    many(shop, 150)
    asking.ask_daily()
    found = fetching._claim()
    connector = fetching.connector_for(found.connection)
    fetching._payouts(found, connector)
    fetching._lines(found, connector)

    assert PayoutLine.objects.count() == 0
    assert "have not been read yet" in sentence(Payout.objects.get())
    fetching._lines(found, connector)
    assert PayoutLine.objects.exclude(kind="payout").count() == 150
    assert not PayoutPage.objects.exists()


def test_whoever_lost_a_fetch_keeps_nothing(shop, drain):
    many(shop, 3)
    asking.ask_daily()
    slow = fetching._claim()
    connector = fetching.connector_for(slow.connection)
    fetching._payouts(slow, connector)
    PayoutFetch.objects.update(try_at=asking.database_time())
    quick = fetching._claim()
    fetching._lines(quick, connector)

    with pytest.raises(fetching.Lost):
        fetching._payouts(slow, connector)

    assert Payout.objects.get().line_count == 3


def test_one_fetch_of_an_account_at_a_time(shop, account, django_user_model):
    person = django_user_model.objects.create(username="fiona")
    today = asking.database_time().date()
    asking.ask(account, today, today, person)

    with pytest.raises(asking.NotAsked, match="being fetched"):
        asking.ask(account, today, today, person)
    assert asking.ask_daily() == []


def test_the_schedule_fetches_daily(demo):
    schedules.ensure_defaults()

    found = Schedule.objects.get(job="payouts")

    assert found.rule == Schedule.Rule.DAILY
    schedules.job_of(found).run()
    assert PayoutFetch.objects.count() == 1
    assert Bell.objects.filter(lane="background").exists()


def test_f79_an_amount_that_cannot_be_kept_leaves_the_lines_as_they_were(shop, ask):
    row, _ = sell(shop, 1001, "100.00")
    shop.pay_out(status="PAID")
    ask()
    shop.change_row(shop.payments.rows[row.id], fee=Decimal("0.00001"))

    ask()

    payout = Payout.objects.get()
    assert "fee.amount" in payout.problem
    assert (payout.line_count, payout.lines_net) == (1, Decimal("100.00"))
    assert PayoutLine.objects.exclude(kind="payout").get().fee == 0
