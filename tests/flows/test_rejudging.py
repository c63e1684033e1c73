"""Open ownership conflicts when another version is in force: none stays for nothing."""

import pytest
from django.contrib.auth.models import User

from integrations.models import AuditEntry, Flow, OwnershipConflict, SyncRecord
from integrations.studio import ownership
from integrations.sync import runner
from integrations.sync.story import records, story_of
from mappings import services
from mappings.models import MappingDocument
from tests.flows.test_ownership import (
    change_here,
    change_there,
    customer,
    owned,
    there,
)

__all__ = ["change_here", "change_there", "customer", "owned"]

pytestmark = pytest.mark.django_db(transaction=True)

Answer = OwnershipConflict.Answer
State = SyncRecord.State


@pytest.fixture
def person(db):
    return User.objects.create_user("olga")


@pytest.fixture
def parked(owned, netsuite, customer, change_there, change_here) -> OwnershipConflict:
    """A note of the shop that waits, since NetSuite owns the field."""
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    return OwnershipConflict.objects.get(answer=Answer.OPEN)


@pytest.fixture
def publish(db):
    """Publish the customer mapping with another word on the comments."""

    def published(by=None, **columns):
        document = MappingDocument.objects.get(slug="shopify-customer")
        draft = services.new_draft(document, by)
        rows = draft.rows.filter(target="comments")
        rows.update(**columns) if columns else rows.delete()
        return services.publish(draft, by)

    return published


def again(conflict) -> OwnershipConflict:
    conflict.refresh_from_db()
    return conflict


def test_the_write_goes_by_itself_once_the_writer_is_the_owner(
    parked, publish, netsuite, drain, person
):
    version = publish(person, owner="shopify")
    closed = again(parked)
    assert closed.answer == Answer.NEW_OWNER and closed.draft == version
    assert closed.answered_by is None
    assert f"{version} makes Shopify the owner" in closed.reason
    [noted] = AuditEntry.objects.filter(verb="conflict settled")
    assert noted.by == person and "comments: " in noted.detail
    drain()
    assert there(netsuite)["comments"] == "changed in the shop"
    told = [line.entry.what for line in story_of(records().get()).lines]
    assert any("another version of its mapping is live" in one for one in told)


def test_the_owner_that_a_person_changed_lets_the_write_go(
    parked, netsuite, drain, person
):
    draft = ownership.change_owner(parked, person, "The shop keeps the notes")
    services.publish(draft, person)
    drain()
    assert there(netsuite)["comments"] == "changed in the shop"


def test_a_rule_that_lets_the_owner_win_closes_it_and_writes_nothing(
    parked, publish, netsuite, drain
):
    publish(conflict="owner_wins")
    closed = again(parked)
    assert closed.answer == Answer.OWNER_WINS
    assert "value of its owner stays" in closed.reason
    drain()
    assert there(netsuite)["comments"] == "mended in NetSuite"


def test_a_field_that_is_written_no_more_is_no_conflict(parked, publish):
    publish()
    assert "does not write this field any more" in again(parked).reason


def test_newest_is_judged_by_what_stands_there_now(
    parked, publish, netsuite, change_there, drain
):
    publish(conflict="newest")
    assert again(parked).answer == Answer.OPEN and parked.rule == "newest"
    drain()
    assert again(parked).answer == Answer.OWNER_WINS
    assert not OwnershipConflict.objects.filter(answer=Answer.OPEN).exists()


def test_a_conflict_that_still_is_one_stays_and_nothing_is_sent(
    parked, publish, netsuite
):
    calls = len(netsuite.journal)
    publish(note="Only for people")
    assert again(parked).answer == Answer.OPEN
    assert records().get(pk=parked.record_id).state == State.DELIVERED
    assert len(netsuite.journal) == calls


def test_another_owner_that_is_not_the_writer_is_named(parked, publish, drain):
    publish(owner="salesforce")
    drain()
    assert again(parked).answer == Answer.OPEN
    assert parked.owner == "salesforce"


def test_what_a_person_excluded_stays_excluded(parked, publish):
    mine = SyncRecord.objects.filter(pk=parked.record_id)
    mine.update(state=State.EXCLUDED, exclusion="By hand: theirs")
    publish(owner="shopify")
    assert again(parked).answer == Answer.NEW_OWNER
    assert mine.get().state == State.EXCLUDED


def test_a_delivery_under_way_with_the_old_version_parks_nothing_anew(
    parked, publish, netsuite, change_here, monkeypatch
):
    """The other version goes live between its guard and its outcome."""
    write = runner.write
    calls = []

    def slow(*given):
        if not calls:
            calls.append(publish(owner="shopify"))
        return write(*given)

    monkeypatch.setattr(runner, "write", slow)
    change_here(note="a third value", first_name="Augusta")
    assert calls
    assert not OwnershipConflict.objects.filter(answer=Answer.OPEN).exists()
    assert there(netsuite)["comments"] == "a third value"


def test_a_flow_that_takes_another_document_judges_anew(parked, netsuite, drain):
    from integrations.studio import watching

    flow = Flow.objects.get(slug="shopify-customers")
    twin = MappingDocument.objects.get(pk=flow.mapping_id)
    first = twin.published()
    twin.pk, twin.name, twin.slug = None, "Twin", "twin"
    twin.save()
    draft = services.new_draft(twin, None, source=first)
    draft.rows.filter(target="comments").update(owner="shopify")
    MappingDocument.objects.get(slug="shopify-customer").versions.update(
        state="retired"
    )
    services.publish(draft, None)
    flow.mapping = twin
    flow.save()
    watching.took_document(flow, None)
    drain()
    assert again(parked).answer == Answer.NEW_OWNER
    assert there(netsuite)["comments"] == "changed in the shop"
