"""What people do about privacy requests: the file, reasons, hurry, the check."""

import json
from datetime import timedelta

import pytest

from errorqueue import people
from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from integrations.models import AuditEntry, Connection, PrivacyRequest
from integrations.sync import accounts, pruning
from integrations.sync.privacy import answering, working
from tests.flows.test_erasing import canary, traces_of
from tests.flows.test_orders import post_order
from tests.flows.test_privacy import ZEB, State, ada, alerts, demand

__all__ = ["ada", "canary", "demand", "post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_file_holds_every_place_and_no_secret(canary, drain, demand, ada, netsuite):
    canary(2, token="order-secret-1234")
    drain()
    canary(3, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    line = FailedRecord.objects.open().get()
    people.comment(line, "He rang twice.", ada)
    request = demand("customers/data_request", ZEB)
    assert request.state == State.PERSON and alerts() == [f"privacy:{request.pk}"]
    sealed = "".join(one.sealed for one in request.parts.all())
    assert "Quackenbush" not in sealed
    found = json.loads(answering.download(request.pk, ada))
    assert [one["what"] for one in found["records"]].count("order #2") == 1
    order = next(one for one in found["records"] if one["what"] == "order #2")
    assert order["as received"]["shipping_address"]["address1"] == "7 Canary Lane"
    assert order["tries"] and order["deliveries"] and order["id there"]
    assert order["as received"]["token"] == "•••"
    assert "order-secret-1234" not in json.dumps(found)
    failed = next(one for one in found["records"] if one["what"] == "order #3")
    [told] = failed["error queue"]
    assert "He rang twice." in json.dumps(told["done about it"])
    assert found["elsewhere"]["Other deliveries"]
    noted = AuditEntry.objects.filter(verb="file downloaded")
    assert noted.get().by == ada


def test_a_customer_of_whom_nothing_is_held_gets_an_answer_too(
    demo, shopify, drain, ada
):
    shopify.create_customer("unseen@example.com")
    shopify.webhooks._pending.clear()
    shopify.request_data("unseen@example.com")
    shopify.deliver_due()
    drain()
    request = PrivacyRequest.objects.get()
    assert request.state == State.PERSON
    assert json.loads(answering.download(request.pk, ada))["records"] == []


def test_a_sent_file_is_deleted_a_week_later_and_the_request_stays(
    canary, drain, demand, ada
):
    canary(2)
    drain()
    request = demand("customers/data_request", ZEB)
    answering.settle(request.pk, ada, "through the shop's upload")
    request.refresh_from_db()
    assert (request.state, request.email, request.words) == (State.DONE, "", [])
    assert alerts() == []
    pruning.prune()
    assert request.parts.exists()
    PrivacyRequest.objects.update(file_until=database_time() - timedelta(seconds=1))
    pruning.prune()
    assert not request.parts.exists()
    with pytest.raises(answering.Refused, match="no file"):
        answering.download(request.pk, ada)


def test_a_reason_is_needed_and_holds_nobodys_address(canary, drain, demand, ada):
    canary(2)
    drain()
    request = demand("customers/data_request", ZEB)
    with pytest.raises(answering.Refused, match="Say why"):
        answering.settle(request.pk, ada, "  ")
    with pytest.raises(answering.Refused, match="without"):
        answering.settle(request.pk, ada, f"mailed to {ZEB.upper()}")
    with pytest.raises(answering.Refused, match="not an erasure"):
        answering.carry_out_now(request.pk, ada, "now")


def test_what_waits_is_carried_out_when_a_person_says_so(canary, drain, demand, ada):
    canary(3, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    request = demand("customers/redact", ZEB)
    answering.carry_out_now(request.pk, ada, "the customer insists")
    drain()
    request.refresh_from_db()
    assert request.state == State.DONE and traces_of() == []
    erased = AuditEntry.objects.filter(verb="erased")
    assert {one.by for one in erased} == {ada}


def test_check_connection_names_the_addresses_to_enter(demo, settings):
    settings.SITE_URL = "https://waybill.example"
    result = accounts.check(Connection.objects.get(slug="shopify"))
    line = result.lines[-1]
    assert line.good and "None has come yet" in line.text
    for topic in ("customers/data_request", "customers/redact", "shop/redact"):
        assert f"{topic}: https://waybill.example/hooks/shopify/" in line.remedy
    lines = accounts.check(Connection.objects.get(slug="netsuite")).lines
    assert not any("personal data" in one.text for one in lines)


def test_workers_look_for_privacy_requests(demand, post_order):
    post_order(number=1, email="jane@example.com")
    request = demand("customers/redact", "jane@example.com")
    assert request.state == State.DONE and not working.has_due()
