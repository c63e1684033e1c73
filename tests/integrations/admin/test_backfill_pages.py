"""The pages of back-fills: who prepares, what the dry run shows, what became of it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from page_builders import in_group, make_record

from errorqueue.clock import database_time
from errorqueue.failures import Failure, FailureKind
from errorqueue.services import capture
from integrations.models import Backfill, BackfillItem, BackfillLeg, Entity
from integrations.sync.backfill.digest import digest_of

LIST = "/admin/integrations/backfill/"
ADD = f"{LIST}add/"
State = Backfill.State


@pytest.fixture(autouse=True)
def able(vendors, monkeypatch):
    """A shop whose orders are listed and read; books that know a reference number."""
    monkeypatch.setattr(vendors.Shop, "lists", frozenset({"order"}))
    monkeypatch.setattr(vendors.Shop, "fetches", frozenset({"order"}))
    known = {"salesOrder": {"otherRefNum": "reference number"}}
    monkeypatch.setattr(vendors.Books, "recognises", known)


@pytest.fixture
def made(flow, version):
    """A back-fill in any state, with items by verdict and state."""

    def make(state=State.READY, items=(), **columns):
        now = database_time()
        told = {"first": date(2026, 11, 2), "last": date(2026, 11, 8), "made_at": now}
        if state in (State.RUNNING, State.PAUSED, State.DONE):
            told |= {"started_at": now}
        found = Backfill.objects.create(
            state=state, **(told | {"looked_at": now} | columns)
        )
        leg = BackfillLeg.objects.create(
            backfill=found,
            flow=flow,
            position=0,
            phase="judged",
            zone="America/New_York",
            recognised_by="otherRefNum",
        )
        BackfillItem.objects.bulk_create(
            BackfillItem(
                backfill=found,
                leg=leg,
                source_key=str(number),
                label=f"#{number}",
                changed_at=now,
                amount=Decimal("10.00"),
                currency="USD",
                **item,
            )
            for number, item in enumerate(items, start=1001)
        )
        Backfill.objects.filter(pk=found.pk).update(digest=digest_of(found))
        found.refresh_from_db()
        return found

    return make


def page_of(backfill):
    return reverse("admin:integrations_backfill_change", args=[backfill.pk])


def body_of(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


# Preparing


def test_an_integration_admin_asks_for_a_dry_run(integrator, flow, version):
    body = body_of(integrator, ADD)
    assert "Orders to books (Tea shop → Books)" in body
    assert "Also by reference number" in body
    asked = {
        "flows": [flow.pk],
        "by": "days",
        "first": "2026-11-02",
        "last": "2026-11-08",
        f"rule_{flow.pk}": "otherRefNum",
    }
    answer = integrator.post(ADD, asked)
    backfill = Backfill.objects.get()
    assert answer.status_code == 302 and answer.url == page_of(backfill)
    assert (backfill.state, backfill.made_by.username) == ("looking", "anna")
    leg = backfill.legs.get()
    assert (leg.flow, leg.recognised_by) == (flow, "otherRefNum")
    body = body_of(integrator, page_of(backfill))
    assert f"{LIST}{backfill.pk}/progress/" in body and "Start the back" not in body


def test_numbers_are_pasted_as_they_come(integrator, flow, version):
    asked = {"flows": [flow.pk], "by": "numbers", "numbers": "#1, 2;3\n\n#1"}
    integrator.post(ADD, {**asked, "first": "2026-01-01"})
    backfill = Backfill.objects.get()
    assert backfill.numbers == ["#1", "2", "3"] and backfill.first is None
    assert backfill.meant == "3 numbers"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flows": []}, "Choose at least one flow."),
        ({"by": "numbers"}, "Paste at least one number"),
        ({"last": ""}, "Choose the first and the last day"),
        ({"first": "2026-11-09"}, "not behind the last one"),
        ({"first": "the second"}, "Enter a valid date"),
    ],
)
def test_what_is_missing_is_said_and_nothing_entered(
    integrator, flow, version, change, words
):
    asked = {"by": "days", "first": "2026-11-02", "last": "2026-11-08"}
    answer = integrator.post(ADD, {"flows": [flow.pk], **asked, **change})
    assert words in answer.content.decode() and not Backfill.objects.exists()


def test_what_the_blueprint_decided_is_filled_in(integrator, flow, version):
    Entity.objects.create(
        name="Orders",
        slug="orders",
        entity="order",
        source="shopify",
        target="netsuite",
        system_of_record="shopify",
        history="backfill",
        history_from=date(2026, 1, 1),
    )
    link = f"{ADD}?entity=orders"
    assert link in body_of(integrator, "/admin/integrations/entity/")
    body = body_of(integrator, link)
    assert 'value="2026-01-01"' in body and "checked" in body
    assert "From the blueprint: Orders is brought over from 1 Jan 2026." in body


def test_the_blueprint_leads_nobody_to_what_they_may_not_do(operator, flow):
    Entity.objects.create(
        name="Orders",
        slug="orders",
        entity="order",
        source="shopify",
        target="netsuite",
        system_of_record="shopify",
        history="backfill",
        history_from=date(2026, 1, 1),
    )
    assert ADD not in body_of(operator, "/admin/integrations/entity/")


# The dry run on the page


def test_the_page_shows_each_kind_and_names_what_cannot_go(integrator, made):
    backfill = made(
        items=[
            {"verdict": "new"},
            {"verdict": "new"},
            {"verdict": "fails", "note": "item: no such item HAMMOCK-XL"},
            {"verdict": "in_step"},
        ],
        unknown=[["#999", "not found"]],
    )
    body = body_of(integrator, page_of(backfill))
    for words in (
        *("2 records go.", "Would fail now", "no such item HAMMOCK-XL", "#1003"),
        *("Numbers that lead to nothing (1)", "#999", "Bring the 1 that would fail"),
        *("worth 20.00 USD", "days of America/New_York", backfill.digest),
    ):
        assert words in body, words
    body = body_of(integrator, f"{page_of(backfill)}?show=new")
    assert "#1001" in body and "#1003" not in body


def test_personal_values_are_hidden_in_reasons(integrator, made):
    note = "email: “jane.doe@example.com” is no address"
    backfill = made(items=[{"verdict": "fails", "note": note}])
    assert "jane.doe" not in body_of(integrator, page_of(backfill))


def test_start_takes_the_digest_that_was_shown(integrator, made):
    backfill = made(items=[{"verdict": "new"}, {"verdict": "fails"}])
    address = f"{LIST}{backfill.pk}/start/"
    answer = integrator.post(address, {"digest": "other"}, follow=True)
    assert "Another dry run was shown" in answer.content.decode()
    integrator.post(address, {"digest": backfill.digest})
    backfill.refresh_from_db()
    assert backfill.state == State.RUNNING and not backfill.with_failing
    states = backfill.items.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["waiting", "left"]


def test_what_is_stale_offers_another_look_and_no_start(integrator, made, version):
    backfill = made(items=[{"verdict": "new"}])
    type(version).objects.filter(pk=version.pk).update(state="retired")
    body = body_of(integrator, page_of(backfill))
    assert "a mapping or one of its value tables" in body
    assert "Start the back-fill" not in body and "Look again" in body


def test_the_buttons_pause_resume_and_cancel(integrator, made):
    backfill = made(State.RUNNING, [{"verdict": "new"}])
    for verb, state in (
        ("pause", State.PAUSED),
        ("resume", State.RUNNING),
        ("cancel", State.CANCELLED),
    ):
        assert f"/{verb}/" in body_of(integrator, page_of(backfill))
        integrator.post(f"{LIST}{backfill.pk}/{verb}/")
        backfill.refresh_from_db()
        assert backfill.state == state
    answer = integrator.post(f"{LIST}{backfill.pk}/resume/", follow=True)
    assert "is: Cancelled" in answer.content.decode()
    assert integrator.get(f"{LIST}{backfill.pk}/cancel/").status_code == 405


def test_the_end_says_what_became_of_all_and_the_sums_are_equal(integrator, made, flow):
    record = make_record(flow)
    what, why = "could not be sent", "The tea is out of stock."
    failure = Failure(kind=FailureKind.DATA, what=what, why=why, remedy="Wait.")
    line = capture(record, record.labels(), failure)
    backfill = made(
        State.DONE,
        [
            {"verdict": "new", "state": "delivered"},
            {"verdict": "pair", "state": "linked"},
            {"verdict": "new", "state": "failed", "record": record},
            {"verdict": "in_step", "state": "in_step"},
        ],
        ended_at=database_time(),
    )
    body = body_of(integrator, page_of(backfill))
    assert "4 records: 1 delivered, 1 linked, 1 failed, 1 in step." in body
    assert f"q=tag%3A{backfill.tag}" in body
    assert reverse("admin:story_record", args=[record.pk]) in body
    assert f"{line.human_id}: {what} {why}" in body
    told = integrator.get(f"{LIST}{backfill.pk}/progress/").json()
    assert (told["percent"], told["is_moving"]) == (100, False)


# Rights, and what the pages cost


@pytest.mark.parametrize(
    ("group", "sees", "runs"),
    [
        ("Integration admins", True, True),
        ("Operators", True, False),
        ("Auditors", True, False),
        ("Signers", False, False),
        ("Mapping editors", False, False),
    ],
)
def test_operators_look_and_only_integration_admins_run(
    client, made, group, sees, runs
):
    backfill = made(items=[{"verdict": "new"}])
    client.force_login(in_group("somebody", group))
    assert client.get(LIST).status_code == (200 if sees else 403)
    assert client.get(page_of(backfill)).status_code == (200 if sees else 403)
    assert client.get(ADD).status_code == (200 if runs else 403)
    assert (f'href="{LIST}"' in body_of(client, "/admin/")) is sees
    answer = client.post(f"{LIST}{backfill.pk}/cancel/")
    assert answer.status_code == (302 if runs else 403)
    if sees and not runs:
        body = body_of(client, page_of(backfill))
        assert "Start the back-fill" not in body and "/cancel/" not in body


def test_pages_cost_the_same_for_ten_records_as_for_hundreds(integrator, made):
    few = made(State.RUNNING, [{"verdict": "new"}] * 10)
    many = made(State.RUNNING, [{"verdict": "new"}] * 300)
    costs = []
    for address in (page_of(few), page_of(many), page_of(few), page_of(many)):
        with CaptureQueriesContext(connection) as seen:
            body_of(integrator, address)
        costs.append(len(seen))
    assert costs[2] == costs[3] <= 30
    for backfill in (few, many):
        with CaptureQueriesContext(connection) as seen:
            integrator.get(f"{LIST}{backfill.pk}/progress/")
        assert len(seen) <= 8


def test_the_list_costs_the_same_for_many(integrator, made):
    made()
    body_of(integrator, LIST)
    with CaptureQueriesContext(connection) as one:
        body_of(integrator, LIST)
    for _ in range(8):
        made(State.DONE, ended_at=database_time())
    with CaptureQueriesContext(connection) as nine:
        body = body_of(integrator, LIST)
    assert len(one) == len(nine)
    assert "2 Nov 2026 to 8 Nov 2026" in body and "Orders to books" in body


def test_a_dry_run_of_yesterday_is_told(integrator, made):
    backfill = made(
        items=[{"verdict": "new"}], looked_at=database_time() - timedelta(hours=30)
    )
    assert "more than a day old" in body_of(integrator, page_of(backfill))
