"""The audit trail: a row for each step, and a chain that shows what was done to it."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django_q.models import OrmQ

from errorqueue import services as queue
from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.inbox import services as inbox
from integrations.models import (
    AuditEntry,
    AuditSeal,
    AuditWalk,
    Connection,
    Flow,
    InboxEvent,
    Schedule,
    ScheduleSlot,
    SyncRecord,
)
from integrations.sync import audit, references, runner, schedules
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = timedelta(seconds=20)


def steps(record):
    found = AuditEntry.objects.filter(subject="record", subject_id=record.pk)
    return [(one.verb, one.before, one.after) for one in found.order_by("pk")]


@pytest.fixture
def sealed(post_order, drain):
    """Two blocks of entries under two seals."""

    def age():
        AuditEntry.objects.update(at=F("at") - timedelta(seconds=60))
        assert audit.seal() > 0

    post_order(number=6001)
    drain()
    age()
    post_order(number=6002, email="second@example.com")
    drain()
    AuditEntry.objects.filter(seal=None).update(at=F("at") - timedelta(seconds=60))
    assert audit.seal() > 0
    return AuditEntry.objects.order_by("pk")


def test_each_step_of_a_record_leaves_a_row(post_order, drain):
    post_order(number=6010)
    inbox.read_waiting()
    target = Connection.objects.get(slug="netsuite")
    order = SyncRecord.objects.get(label="#6010")
    SyncRecord.objects.filter(flow__slug="shopify-customers").update(
        due_at=F("due_at") + timedelta(hours=1)
    )
    [claimed] = SyncRecord.objects.claim(target, "w", 1, LEASE)
    runner.run(claimed, nullcontext)
    SyncRecord.objects.update(due_at=F("due_at") - timedelta(hours=2))
    drain()
    assert steps(order) == [
        ("held", "running", "held"),
        ("delivered", "running", "delivered"),
    ]
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    assert [verb for verb, _, _ in steps(customer)] == ["delivered", "let go"]


def test_what_people_do_is_noted_with_their_name(
    post_order, drain, order_line, admin_user
):
    post_order(number=6011, lines=[("NOPE", "Typo", "10.00", 1)])
    drain()
    order = SyncRecord.objects.get(label="#6011")
    queue.retry(order_line("#6011"), admin_user)
    drain()
    queue.exclude(order_line("#6011"), admin_user, "Cancelled by Jane Doe")
    assert [verb for verb, _, _ in steps(order)][-4:] == [
        "failed",
        "retry asked",
        "failed",
        "excluded",
    ]
    by_person = AuditEntry.objects.filter(verb__in=["retry asked", "excluded"])
    assert {one.by for one in by_person} == {admin_user}


def test_a_try_that_waits_again_is_noted_with_its_number(post_order, netsuite, drain):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600])
    netsuite.fail_next(503, path="salesOrder")
    post_order(number=6012)
    drain()
    entry = AuditEntry.objects.get(verb="waits again")
    assert (entry.after, entry.detail.endswith("try 1")) == ("waiting", True)


def test_no_entry_holds_personal_data(post_order, drain):
    payload = post_order(number=6013)
    drain()
    told = " ".join(AuditEntry.objects.values_list("detail", flat=True))
    customer = payload["customer"]
    for word in (payload["email"], customer["first_name"], customer["last_name"]):
        assert word not in told


def test_a_step_that_is_rolled_back_leaves_no_row(post_order, drain):
    post_order(number=6014)
    inbox.read_waiting()
    order = SyncRecord.objects.get(label="#6014")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        order.enqueue()
        raise ZeroDivisionError
    assert steps(order) == []


def test_the_chain_is_whole_while_nobody_touches_it(sealed):
    found = audit.verify()
    assert (found.broken, found.seals, found.unsealed) == ("", 2, 0)
    assert found.entries == AuditEntry.objects.count()


def test_what_was_noted_a_moment_ago_is_not_sealed_yet(post_order, drain):
    audit.seal()  # what the configuration noted may be old enough
    post_order(number=6015)
    drain()
    assert audit.seal() == 0
    assert AuditEntry.objects.filter(seal=None).exists()


def test_a_changed_entry_breaks_its_seal(sealed):
    AuditEntry.objects.filter(pk=sealed[0].pk).update(detail="nothing happened")
    found = audit.verify()
    assert "was changed" in found.broken and found.seals == 0


def test_a_deleted_entry_breaks_its_seal(sealed):
    sealed.last().delete()
    found = audit.verify()
    assert "are there" in found.broken and found.seals == 1


def test_two_entries_that_changed_places_break_their_seal(sealed):
    first, second = sealed[0], sealed[1]
    AuditEntry.objects.filter(pk=first.pk).update(id=999_999)
    AuditEntry.objects.filter(pk=second.pk).update(id=first.pk)
    AuditEntry.objects.filter(pk=999_999).update(id=second.pk)
    assert audit.verify().broken


def test_a_seal_that_was_taken_out_breaks_the_next_one(sealed):
    first = AuditSeal.objects.order_by("pk")[0]
    AuditEntry.objects.filter(seal=first).delete()
    first.delete()
    assert "a seal is missing" in audit.verify().broken


def test_the_chain_cannot_fork(sealed):
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditSeal.objects.create(
            previous="", digest="x", entries=0, sealed_at=sealed[0].at
        )


def test_the_command_fails_at_a_broken_chain(sealed, capsys):
    call_command("verify_audit")
    assert "is whole" in capsys.readouterr().out
    AuditEntry.objects.filter(pk=sealed[0].pk).update(verb="delivered twice")
    with pytest.raises(CommandError, match="was changed"):
        call_command("verify_audit")


# A walk that goes on


@pytest.fixture
def chain(db, monkeypatch):
    """A chain of so many seals over three entries each."""

    def make(seals):
        monkeypatch.setattr(audit, "BLOCK", 3)
        for number in range(seals * 3):
            AuditEntry.objects.note_many("ledger", number, "counted", number)
        AuditEntry.objects.update(at=F("at") - timedelta(seconds=60))
        audit.seal()
        return list(AuditSeal.objects.order_by("pk"))

    return make


def resumed():
    walk = AuditWalk.objects.get()
    return walk.seal, walk.seals, walk.entries


def test_a_walk_whose_time_is_up_goes_on_where_it_ended(chain):
    seals = chain(5)
    for number, seal in enumerate(seals[:-1], start=1):
        found = audit.verify_on(0)
        assert (found.is_complete, found.seals) == (False, number)
        assert resumed() == (seal.pk, number, number * 3)
    found = audit.verify_on(60)
    assert (found.is_complete, found.seals, found.entries) == (True, 5, 15)
    assert resumed() == (0, 0, 0)
    assert audit.verify_on(60).seals == 5  # the next walk begins at the beginning


def test_a_walk_in_pieces_finds_what_a_whole_one_does(chain):
    seals = chain(4)
    AuditEntry.objects.filter(seal=seals[2]).update(detail="nothing happened")
    assert not audit.verify_on(0).broken
    assert not audit.verify_on(0).broken
    found = audit.verify_on(0)
    assert f"Seal {seals[2].pk}" in found.broken and "was changed" in found.broken
    assert found.seals == 2
    assert resumed() == (0, 0, 0)


def test_a_walk_does_not_go_on_behind_a_chain_that_was_written_anew(chain):
    seals = chain(3)
    audit.verify_on(0)
    entries = AuditEntry.objects.filter(seal=seals[0])
    entries.update(detail="nothing happened")
    forged = audit.digest_of("", entries.order_by("pk"))
    AuditSeal.objects.filter(pk=seals[0].pk).update(digest=forged)
    AuditSeal.objects.filter(pk=seals[1].pk).update(previous=forged)
    assert "does not follow" in audit.verify_on(60).broken


def test_a_walk_ends_when_the_worker_is_to_stop(chain, monkeypatch):
    chain(3)
    monkeypatch.setattr(audit, "is_stopping", lambda: True)
    assert audit.verify_on(60).seals == 1


def test_the_nightly_check_takes_as_many_tasks_as_it_needs(chain, settings):
    settings.DRAIN_SECONDS = 0
    chain(4)
    now = database_time()
    schedule = Schedule.objects.create(
        name="Check", job="verify", minutes=1, since=now - timedelta(minutes=2)
    )
    tasks = 0
    schedules.ring_due()
    while schedule.slots.get().state == ScheduleSlot.State.STARTED:
        slot = schedule.slots.get()
        assert slot.worker == "" and OrmQ.objects.exists()
        OrmQ.objects.all().delete()
        schedules.run(schedule.pk)
        tasks += 1
    # The fourth ends at the last seal, the fifth finds that none follows.
    assert tasks == 5
    assert schedule.slots.get().state == ScheduleSlot.State.DONE


def test_a_break_behind_the_first_task_fails_the_nightly_check_and_alerts(
    chain, settings
):
    settings.DRAIN_SECONDS = 0
    seals = chain(3)
    AuditEntry.objects.filter(seal=seals[1]).first().delete()
    now = database_time()
    schedule = Schedule.objects.create(
        name="Check", job="verify", minutes=1, since=now - timedelta(minutes=2)
    )
    schedules.ring_due()
    for _ in range(3):
        schedules.run(schedule.pk)
    slot = schedule.slots.get()
    assert slot.state == ScheduleSlot.State.FAILED
    assert f"Seal {seals[1].pk}" in slot.message
    assert Alert.objects.get().key == f"schedule:{schedule.pk}"


def test_the_command_goes_on_behind_a_seal(chain, capsys):
    seals = chain(3)
    call_command("verify_audit", seconds=0)
    told = capsys.readouterr().out
    assert f"go on with verify_audit --after {seals[0].pk}" in told
    call_command("verify_audit", after=seals[0].pk)
    told = capsys.readouterr().out
    assert f"is whole behind seal {seals[0].pk}: 6 entries under 2 seals" in told
    with pytest.raises(CommandError, match="there is no seal 999999"):
        call_command("verify_audit", after=999999)


# What people do with a delivery


@pytest.fixture
def poisoned(demo):
    """A delivery in quarantine, and its line in the error queue."""

    def make():
        event = InboxEvent.objects.create(
            connection=Connection.objects.get(slug="shopify"),
            delivery_id="poison",
            topic="orders/create",
            body=b"{",
            digest="0" * 64,
            received_at=database_time(),
        )
        inbox.read_waiting()
        event.refresh_from_db()
        assert event.state == InboxEvent.State.QUARANTINED
        return event, FailedRecord.objects.open().get()

    return make


def told_of(event):
    found = AuditEntry.objects.filter(subject="inbox", subject_id=event.pk)
    return [(one.verb, one.before, one.after, one.by) for one in found.order_by("pk")]


def test_what_people_do_with_a_delivery_is_noted_with_their_name(
    poisoned, admin_user, admin_client
):
    event, line = poisoned()
    queue.retry(line, admin_user)
    event.refresh_from_db()
    event.enqueue(admin_user)  # it waits already: no second line
    assert told_of(event) == [
        ("retry asked", "quarantined", "received", admin_user),
    ]
    inbox.read_waiting()
    event.refresh_from_db()
    queue.exclude(FailedRecord.objects.open().get(), admin_user, "Sent by Jane Doe")
    assert told_of(event)[1:] == [
        ("excluded", "quarantined", "not_wanted", admin_user),
    ]
    details = AuditEntry.objects.filter(subject="inbox").values_list(
        "detail", flat=True
    )
    assert "Jane" not in " ".join(details)
    page = admin_client.get(reverse("admin:integrations_auditentry_changelist"))
    assert page.status_code == 200
    assert "Not wanted" in page.content.decode()


def test_what_a_person_did_with_a_delivery_vanishes_with_its_line(poisoned, admin_user):
    event, _ = poisoned()
    for act in (event.enqueue, lambda by: event.exclude("not ours", by)):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            act(admin_user)
            raise ZeroDivisionError
    event.refresh_from_db()
    assert (event.state, told_of(event)) == (InboxEvent.State.QUARANTINED, [])


def test_the_page_tells_the_story_and_changes_nothing(sealed, admin_client):
    page = admin_client.get(reverse("admin:integrations_auditentry_changelist"))
    text = page.content.decode()
    assert page.status_code == 200
    assert "Order #6001" in text and "Delivered" in text
    entry = reverse("admin:integrations_auditentry_change", args=[sealed[0].pk])
    assert admin_client.post(entry, {"detail": "x"}).status_code == 403


def test_a_needed_record_that_is_sent_again_leaves_its_line(post_order, drain):
    post_order(number=3095)
    drain()
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    customer.delivered_at -= 2 * references.JUST_NOW
    assert references._send_again(customer)
    entry = AuditEntry.objects.filter(subject_id=customer.pk).first()
    assert (entry.before, entry.after) == ("delivered", "waiting")
