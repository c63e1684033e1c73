"""The pages of privacy requests: by when, the receipt, and who may do what."""

import json

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from integrations.models import AuditEntry, PrivacyRequest, SyncRecord
from tests.errorqueue.pages import text_of
from tests.flows.test_erasing import canary, traces_of
from tests.flows.test_orders import post_order
from tests.flows.test_privacy import ZEB, demand

__all__ = ["canary", "demand", "post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/integrations/privacyrequest/"
State = PrivacyRequest.State


def somebody(name, *groups):
    person = User.objects.create_user(name, is_staff=True)
    person.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def irene(demo):
    return somebody("irene", "Integration admins")


def page_of(request, verb="change"):
    return f"{LIST}{request.pk}/{verb}/"


def shown(client, address):
    return text_of(client.get(address))


def pressed(client, request, verb, **form):
    return text_of(client.post(page_of(request, verb), form, follow=True))


@pytest.fixture
def waiting(canary, drain, demand):
    """An erasure that waits for an order in the error queue."""
    canary(2)
    drain()
    canary(3, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    return demand("customers/redact", ZEB)


def test_the_list_says_whose_by_when_and_what_it_waits_for(waiting, irene):
    text = shown(irene, LIST)
    assert f"PR-{waiting.pk}" in text and "Customer 990000" in text
    assert "Waits for records" in text and "1 record under way" in text
    assert "29 days left" in text
    assert ZEB not in text


def test_the_page_carries_it_out_with_a_reason_and_shows_the_receipt(
    waiting, irene, drain
):
    text = shown(irene, page_of(waiting))
    assert ZEB not in text and "z•••@canary.example" in text
    assert "1 record of this request is not settled" in text
    refused = pressed(irene, waiting, "carry-out", reason="insists")
    assert "Tick that what is not settled" in refused
    refused = pressed(irene, waiting, "carry-out", reason=" ", confirmed="on")
    assert "Say why" in refused
    text = pressed(irene, waiting, "carry-out", reason="insists", confirmed="on")
    assert "is carried out now" in text
    drain()
    text = shown(irene, page_of(waiting))
    assert "Receipt" in text and "Records 3" in text
    assert "order" in text and "salesOrder" in text and "never reached" in text
    assert "Carried out now" in text and "irene · insists" in text
    assert "Erase for good" not in text
    assert traces_of() == []


def test_the_file_is_downloaded_and_marked_as_sent(canary, drain, demand, irene):
    canary(2)
    drain()
    request = demand("customers/data_request", ZEB)
    assert "Needs a person" in shown(irene, page_of(request))
    answer = irene.post(page_of(request, "file"))
    assert (
        answer["Content-Disposition"] == f'attachment; filename="PR-{request.pk}.json"'
    )
    assert "no-store" in answer["Cache-Control"]
    assert json.loads(answer.content)["customer"] == "990000"
    text = pressed(irene, request, "settle", reason="through the upload form")
    assert "is done" in text and "It is deleted on" in text
    assert "Mark as sent" not in text
    request.refresh_from_db()
    assert request.state == State.DONE
    noted = AuditEntry.objects.filter(subject="privacy request")
    assert {str(one.by) for one in noted} == {"None", "irene"}


def test_auditors_read_and_change_nothing(waiting, drain, demand):
    auditor = somebody("amy", "Auditors")
    text = shown(auditor, page_of(waiting))
    assert "Erase for good" not in text and ZEB not in text
    for verb in ("carry-out", "settle", "file"):
        assert auditor.post(page_of(waiting, verb)).status_code == 403
    assert SyncRecord.objects.exclude(email="").exists()


def test_operators_see_none_of_it(waiting):
    operator = somebody("olga", "Operators")
    assert operator.get(LIST).status_code == 403
    assert operator.get(page_of(waiting)).status_code == 403
    assert operator.post(page_of(waiting, "file")).status_code == 403


def test_who_may_not_download_is_told_who_may(canary, drain, demand):
    canary(2)
    drain()
    request = demand("customers/data_request", ZEB)
    auditor = somebody("amy", "Auditors")
    text = shown(auditor, page_of(request))
    assert "downloaded by integration admins" in text and "Download " not in text


def test_buttons_are_posts_of_known_verbs(waiting, irene):
    assert irene.get(page_of(waiting, "file")).status_code == 405
    assert irene.post(page_of(waiting, "burn")).status_code == 404
    assert irene.post(f"{LIST}999999/settle/").status_code == 404
    assert "There is no file" in pressed(irene, waiting, "file")
    refused = pressed(irene, waiting, "settle", reason="x")
    assert "does not wait for a person" in refused


def test_the_list_costs_the_same_however_long(
    waiting, irene, django_assert_max_num_queries
):
    irene.get(LIST)
    for number in range(20):
        PrivacyRequest.objects.create(
            connection=waiting.connection,
            wish="data",
            mark=str(number),
            received_at=waiting.received_at,
            due_at=waiting.due_at,
        )
    with django_assert_max_num_queries(16):
        assert "PR-" in shown(irene, LIST)


def test_the_trail_leads_to_the_request(waiting, irene):
    amy = somebody("amy", "Auditors")
    page = amy.get("/admin/integrations/auditentry/").content.decode()
    assert page_of(waiting) in page
