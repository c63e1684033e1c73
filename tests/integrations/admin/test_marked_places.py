"""What a mapping row is marked as hides its field in every payload that is shown."""

import json
from copy import deepcopy

import pytest
from django.urls import reverse
from page_builders import ORDER, in_group

from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from integrations.models import Attempt, InboxEvent, SyncRecord
from mappings.models import MappingRow, MappingVersion

SECRET = "Ruritania"
SOURCE = deepcopy(ORDER) | {"code": SECRET, "place": "Strelsau"}
SENT = {"otherRefNum": "#1001", "custbody1": SECRET, "memo": "Strelsau"}


@pytest.fixture
def marked(version):
    """One field is marked as secret; another of the same order is not."""
    MappingVersion.objects.filter(pk=version.pk).update(state="draft")
    draft = MappingVersion.objects.get(pk=version.pk)
    MappingRow.objects.create(
        version=draft, target="custbody1", source="code", sensitivity="secret"
    )
    MappingRow.objects.create(version=draft, target="memo", source="place")
    draft.state, draft.published_at = "published", database_time()
    draft.save()
    return draft


@pytest.fixture
def event(shop):
    return InboxEvent.objects.create(
        connection=shop,
        delivery_id="d-1",
        topic="orders/create",
        body=json.dumps(SOURCE).encode(),
        digest="0" * 64,
        received_at=database_time(),
    )


@pytest.fixture
def attempt(failed, marked, event):
    SyncRecord.objects.filter(pk=failed.pk).update(source=SOURCE, event=event)
    exchange = {
        "method": "PUT",
        "url": "https://books/salesOrder",
        "request": json.dumps(SENT),
        "response": json.dumps(SENT | {"memo2": "x" * 20})[:-4],  # cut off
        "status": 400,
    }
    return Attempt.objects.create(
        record=failed,
        number=1,
        token=1,
        version=1,
        mapping=marked,
        started_at=database_time(),
        payload=SENT,
        exchanges=[exchange],
    )


def pages_of(attempt, event):
    line = FailedRecord.objects.get()
    names = {
        "integrations_syncrecord": attempt.record_id,
        "integrations_attempt": attempt.pk,
        "integrations_inboxevent": event.pk,
        "errorqueue_failedrecord": line.pk,
    }
    return [reverse(f"admin:{name}_change", args=[pk]) for name, pk in names.items()]


def test_a_marked_field_is_hidden_wherever_its_payload_stands(attempt, event, client):
    pages = pages_of(attempt, event)
    client.force_login(in_group("audrey", "Auditors"))
    for page in pages:
        shown = client.get(page).content.decode()
        assert SECRET not in shown, page
        assert "Strelsau" in shown, page
    client.force_login(in_group("olga", "Operators"))
    for page in pages:
        assert SECRET in client.get(page).content.decode(), page


def test_the_tries_of_a_record_ask_once_what_is_marked(
    attempt, event, client, django_assert_max_num_queries
):
    client.force_login(in_group("audrey", "Auditors"))
    page = pages_of(attempt, event)[0]
    with django_assert_max_num_queries(60) as one_try:
        client.get(page)
    for number in range(2, 8):
        attempt.pk, attempt.number = None, number
        attempt.save()
    with django_assert_max_num_queries(len(one_try)):
        assert client.get(page).status_code == 200
