"""The audit trail: a row for each step, and a chain that shows what was done to it."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse

from errorqueue import services as queue
from integrations.inbox import services as inbox
from integrations.models import AuditEntry, AuditSeal, Connection, Flow, SyncRecord
from integrations.sync import audit, references, runner
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
