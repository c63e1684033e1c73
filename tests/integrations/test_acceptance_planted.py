"""Take a protection away and its scenario fails: a test that cannot fail shows nothing."""

import uuid
from dataclasses import replace

import pytest

from errorqueue.failures import FailureKind
from integrations.connectors import http
from integrations.connectors.netsuite.connector import NetSuite
from integrations.models import SyncRecord, SyncRecordQuerySet
from integrations.models.record import Remembered
from integrations.sync import outcome, runner
from mappings.models import ScenarioRun
from tests.flows.conftest import (
    demo,
    drain,
    keys,
    let_pass,
    netsuite,
    shopify,
    vendors,
)
from tests.integrations.acceptance_stand import ask, play, sandbox

__all__ = [
    "ask",
    "demo",
    "drain",
    "keys",
    "let_pass",
    "netsuite",
    "play",
    "sandbox",
    "shopify",
    "vendors",
]


@pytest.fixture
def blind(monkeypatch):
    """Nobody looks before writing, and records have no name that is kept unique."""

    def create(self, record_type, payload, key):
        body = {name: one for name, one in payload.items() if name != "externalId"}
        return self._written(record_type, key, self._write("POST", record_type, body))

    monkeypatch.setattr(runner, "settle_unknown", lambda delivery, connector: None)
    monkeypatch.setattr(NetSuite, "create", create)


@pytest.fixture
def forgetful(monkeypatch):
    """Each event is taken for a new record."""
    remember = SyncRecordQuerySet.remember

    def anew(self, flow, found, event=None):
        known = self.filter(flow=flow, source_key=found.key).exists()
        key = f"{found.key}-{uuid.uuid4().hex[:6]}" if known else found.key
        return remember(self, flow, replace(found, key=key), event)

    monkeypatch.setattr(SyncRecordQuerySet, "remember", anew)


@pytest.fixture
def backwards(monkeypatch):
    """An older event overwrites a newer one."""
    compare, renew = SyncRecord.compare, SyncRecord.renew

    def never_older(self, found):
        said = compare(self, found)
        return Remembered.NEWER if said == Remembered.OLDER else said

    def renewed(self, columns):
        SyncRecord.objects.filter(pk=self.pk).update(changed_at=None)
        return renew(self, columns)

    monkeypatch.setattr(SyncRecord, "compare", never_older)
    monkeypatch.setattr(SyncRecord, "renew", renewed)


@pytest.fixture
def impatient(monkeypatch):
    """A refusal for the limit fails the record instead of letting it wait."""
    next_wait = outcome.policy.next_wait

    def none_for_limits(kind, tries, **more):
        return None if kind == FailureKind.LIMIT else next_wait(kind, tries, **more)

    def fail(delivery, failure, *, asked):
        outcome._use_up_a_try(delivery, RuntimeError("limit"), failure)

    monkeypatch.setattr(outcome.policy, "next_wait", none_for_limits)
    monkeypatch.setattr(outcome, "_wait_for_slot", fail)


@pytest.fixture
def unforgiving(monkeypatch):
    """A refused log-in is neither renewed nor probed: it fails the record."""

    class Never(Exception):
        pass

    monkeypatch.setattr(http, "_second_chance", lambda error: ("", 0.0))
    monkeypatch.setattr(outcome, "REFUSED", (Never,))


@pytest.mark.parametrize(
    ("slug", "removed", "words"),
    [
        ("order-timeout-after-commit", "blind", "2 records of salesOrder stand"),
        ("order-half-batch", "blind", "of salesOrder stand at the target instead of 4"),
        ("order-429-storm", "impatient", "waits for a free slot"),
        ("order-expired-token", "unforgiving", "failed"),
        ("order-duplicate-webhook", "forgetful", "3 records of salesOrder stand"),
        ("order-reversed-events", "backwards", "older content was sent"),
        ("customer-reversed-events", "backwards", "older content was sent"),
    ],
)
def test_without_its_protection_a_scenario_fails(play, request, slug, removed, words):
    request.getfixturevalue(removed)
    run = play(slug)
    assert run.state == ScenarioRun.State.FAILED, run.steps
    assert words in run.verdict
