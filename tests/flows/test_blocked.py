"""Who waits for a record that failed: lines of their own, released in order (F70)."""

import pytest

from errorqueue import services as queue
from errorqueue.models import FailedRecord
from integrations.models import Flow, SyncRecord
from integrations.sync import blocking
from integrations.sync.sweeper import sweep
from tests.flows.test_orders import post_order
from tests.flows.test_preflight import REFUSED

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
Status = FailedRecord.Status


def lines(status):
    return FailedRecord.objects.filter(status=status).order_by("pk")


@pytest.fixture
def queued_behind(post_order, netsuite, drain):
    """Three orders of one customer whom NetSuite refuses."""
    netsuite.fail_next(400, body=REFUSED, path="customer")
    for number in (1, 2, 3):
        post_order(number=number)
    drain()
    return FailedRecord.objects.open().get(entity="customer")


def test_orders_behind_a_failed_customer_name_the_line_that_blocks_them(
    queued_behind,
):
    blocked = lines(Status.BLOCKED)
    # They were tried side by side; what is kept is when each was due.
    assert {line.reference for line in blocked} == {"#1", "#2", "#3"}
    assert {line.blocked_by for line in blocked} == {queued_behind}
    assert queued_behind.blocking.count() == 3
    first = blocked[0]
    assert (
        queued_behind.human_id in first.why and queued_behind.human_id in first.remedy
    )
    assert "waits for its customer, which has failed" in first.sentence
    assert {line.cause_id for line in blocked} == {first.cause_id}
    held = SyncRecord.objects.filter(state=State.HELD).count()
    assert held == 3


def test_fixing_the_head_delivers_the_rest(queued_behind, netsuite, drain):
    queue.retry(queued_behind)
    drain()
    assert not FailedRecord.objects.open().exists()
    numbers = {one["otherRefNum"] for one in netsuite.stored("salesOrder")}
    assert numbers == {"#1", "#2", "#3"}
    endings = {line.ending for line in FailedRecord.objects.filter(entity="order")}
    assert endings == {FailedRecord.Ending.DELIVERED}


def test_the_moment_the_head_lands_the_lines_are_queued_in_their_order(
    queued_behind, netsuite, drain
):
    Flow.objects.filter(slug="shopify-orders").update(is_enabled=False)
    queue.retry(queued_behind)
    drain()
    assert lines(Status.RETRYING).count() == 3
    assert not FailedRecord.objects.filter(blocked_by__isnull=False).exists()
    waiting = SyncRecord.objects.filter(state=State.WAITING)
    ordered = waiting.order_by("due_at", "pk").values_list("label", flat=True)
    assert list(ordered) == ["#1", "#2", "#3"]


def test_a_head_that_fails_again_keeps_them_blocked(queued_behind, netsuite, drain):
    netsuite.fail_next(400, body=REFUSED, path="customer")
    queue.retry(queued_behind)
    drain()
    assert lines(Status.BLOCKED).count() == 3
    assert FailedRecord.objects.count() == 4


def test_an_order_that_comes_later_is_blocked_as_well(queued_behind, post_order, drain):
    post_order(number=4)
    drain()
    assert queued_behind.blocking.count() == 4


def test_a_short_wait_has_no_line(post_order, netsuite, drain, let_pass):
    netsuite.fail_next(503, path="customer")
    post_order(number=5)
    drain()
    assert not FailedRecord.objects.filter(entity="order").exists()
    let_pass(30)
    drain()
    assert not FailedRecord.objects.filter(entity="order").exists()
    assert len(netsuite.orders) == 1


def test_a_head_that_tries_again_only_much_later_blocks(
    post_order, netsuite, drain, let_pass
):
    Flow.objects.filter(slug="shopify-customers").update(retry_schedule=[3600])
    netsuite.fail_next(503, path="customer")
    post_order(number=6)
    drain()
    head = lines(Status.WAITING).get()
    assert lines(Status.BLOCKED).get().blocked_by == head
    let_pass(1.2 * 3600)  # with the most that chance adds
    drain()
    assert not FailedRecord.objects.open().exists()
    assert len(netsuite.orders) == 1


def test_a_blocked_order_waits_through_a_weekend(
    queued_behind, drain, let_pass, netsuite
):
    for _ in range(3):
        let_pass(25 * 3600)
        sweep()
    assert lines(Status.BLOCKED).count() == 3
    queue.retry(FailedRecord.objects.get(pk=queued_behind.pk))
    drain()
    assert len(netsuite.orders) == 3


def test_a_head_that_is_set_aside_leaves_them_to_a_person(
    queued_behind, admin_user, drain
):
    queue.exclude(queued_behind, admin_user, "A test customer")
    sweep()
    assert not lines(Status.BLOCKED).exists()
    left = lines(Status.FAILED)
    assert {line.reference for line in left} == {"#1", "#2", "#3"}
    assert "A test customer" in left[0].why
    states = set(
        SyncRecord.objects.filter(flow__slug="shopify-orders").values_list(
            "state", flat=True
        )
    )
    assert states == {State.FAILED}


def test_an_order_of_a_customer_set_aside_does_not_wait_in_silence(
    queued_behind, admin_user, drain, post_order
):
    queue.exclude(queued_behind, admin_user, "A test customer")
    post_order(number=7)
    drain()
    line = FailedRecord.objects.open().get(reference="#7")
    assert line.status == Status.FAILED
    assert "was set aside" in line.what


def test_a_long_queue_gets_its_lines_in_pieces(
    post_order, netsuite, drain, monkeypatch
):
    monkeypatch.setattr(blocking, "BATCH", 2)
    netsuite.fail_next(400, body=REFUSED, path="customer")
    for number in range(1, 6):
        post_order(number=number)
    for _ in range(4):
        drain()
        sweep()
    assert lines(Status.BLOCKED).count() == 5
    queue.retry(FailedRecord.objects.open().get(entity="customer"))
    drain()
    assert len(netsuite.orders) == 5
    assert not FailedRecord.objects.open().exists()


def test_a_blocked_line_that_a_person_retries_is_blocked_again(queued_behind, drain):
    line = lines(Status.BLOCKED)[0]
    queue.retry(line)
    drain()
    line.refresh_from_db()
    assert (line.status, line.blocked_by) == (Status.BLOCKED, queued_behind)


def test_a_mended_order_needs_no_second_line(queued_behind, netsuite, drain):
    """One line for each record, whatever it waits for."""
    queue.retry(queued_behind)
    drain()
    assert FailedRecord.objects.filter(entity="order").count() == 3
