"""A field that nobody owns, changed on both sides: both end with the same value."""

from datetime import timedelta

import pytest
from django.db.models import F

from integrations.models import Attempt, AuditEntry, SyncRecord
from integrations.sync.story import story_of
from tests.flows.test_echo import (
    ada,
    change_there,
    here,
    of,
    republish,
    settle,
    there,
    told_by_the_source,
    two_ways,
)

__all__ = ["ada", "settle", "two_ways"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State


@pytest.fixture
def unowned(ada):
    """Nobody owns the note: whoever changes it may write it on the other side."""
    republish("comments", owner="", updaters="")
    return ada


def test_a_field_of_nobody_that_both_sides_changed_is_the_same_on_both(
    unowned, netsuite, shopify, settle
):
    """The shop's change is told only after NetSuite's was written over it."""
    change_there(netsuite, comments="first there")
    settle()
    at = Attempt.objects.latest("pk").started_at - timedelta(seconds=10)
    record = of("shopify-customers")
    told_by_the_source(record, at, note="older here", first_name="Augusta")
    settle(6)
    assert there(netsuite)["comments"] == here(shopify, unowned)["note"]
    assert there(netsuite)["comments"] == "first there"
    written = record.attempts.latest("pk")
    assert "comments" not in written.payload and "firstName" in written.payload
    told = "not sent, the other side changed it first: comments"
    assert told in written.message
    said = [line.entry.detail for line in story_of(of("shopify-customers")).lines]
    assert any(told in one for one in said)


def test_a_record_of_nothing_but_what_was_overtaken_says_so(
    unowned, netsuite, shopify, settle
):
    change_there(netsuite, comments="first there")
    settle()
    at = Attempt.objects.latest("pk").started_at - timedelta(seconds=10)
    told_by_the_source(of("shopify-customers"), at, note="older here")
    settle(6)
    assert there(netsuite)["comments"] == here(shopify, unowned)["note"]
    [noted] = AuditEntry.objects.filter(verb="excluded", detail__contains="changed it")
    assert "the other side changed it first (comments)" in noted.detail


@pytest.mark.parametrize("is_overwritten", [True, False])
def test_what_changed_in_the_moment_of_our_write_waits_for_the_next_word(
    unowned, netsuite, shopify, settle, let_pass, is_overwritten
):
    """Clocks do not tell whether our write came first: the source does."""
    change_there(netsuite, comments="first there")
    settle()
    ours = Attempt.objects.latest("pk")
    record = of("shopify-customers")
    told_by_the_source(record, ours.started_at, note="at that moment")
    if not is_overwritten:
        shopify.store.find_customer(unowned)["note"] = "at that moment"
    settle(1)
    record.refresh_from_db()
    assert record.state == State.WAITING
    assert there(netsuite)["comments"] == "first there"
    if is_overwritten:  # and the source says so
        told_by_the_source(record, ours.started_at, note="first there")
    let_pass(150)
    by = timedelta(seconds=150)
    Attempt.objects.update(started_at=F("started_at") - by)
    SyncRecord.objects.filter(pk=record.pk).update(changed_at=F("changed_at") - by)
    settle(6)
    expected = "first there" if is_overwritten else "at that moment"
    assert there(netsuite)["comments"] == here(shopify, unowned)["note"] == expected
