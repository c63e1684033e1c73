"""A flow that its target refuses, from the first failure to the last delivery."""

import pytest
from django.core import mail

from errorqueue import preflight, services
from errorqueue.failures import Light
from errorqueue.models import Alert, FailedRecord
from integrations.models import Flow, Opening, SyncRecord
from integrations.sync import flows
from integrations.sync.sweeper import sweep
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
UNKNOWN = [("HAMMOCK-XL", "Hammock XL", "89.00", 1)]


@pytest.fixture
def flow(demo):
    Flow.objects.filter(slug="shopify-orders").update(breaker_least=5)
    return Flow.objects.get(slug="shopify-orders")


@pytest.fixture
def let_breaker_pass(let_pass):
    def let(seconds):
        let_pass(seconds)
        for flow in Flow.objects.exclude(probe_at=None):
            flow.probe_at = None if flow.probe_at is None else flow.held_at
            flow.save(update_fields=["probe_at"])

    return let


@pytest.fixture
def broken(flow, post_order, drain):
    """The breaker is open: five failed, and five more wait."""
    for number in range(1, 6):
        post_order(number=number, lines=UNKNOWN, email="one@example.com")
    drain()
    for number in range(6, 11):
        post_order(number=number, lines=UNKNOWN, email="one@example.com")
    drain()
    flow.refresh_from_db()
    assert flow.hold_kind == Flow.Hold.BREAKER
    return flow


def states():
    orders = SyncRecord.objects.filter(flow__slug="shopify-orders")
    return dict(orders.values_list("label", "state"))


def test_f89_an_item_that_is_missing_holds_the_flow_and_it_drains_alone_after_the_fix(
    flow, post_order, netsuite, drain, let_breaker_pass
):
    for number in range(1, 6):
        post_order(number=number, lines=UNKNOWN, email="one@example.com")
    drain()
    flow.refresh_from_db()
    assert flow.hold_kind == Flow.Hold.BREAKER
    assert set(states().values()) == {State.FAILED}
    for number in range(6, 14):
        post_order(number=number, lines=UNKNOWN, email="one@example.com")
    drain()
    late = SyncRecord.objects.filter(flow=flow, state=State.HELD)
    assert late.count() == 8 and not late.exclude(tries=0).exists()
    assert FailedRecord.objects.open().count() == 5

    let_breaker_pass(61)
    drain()  # the oldest three try, and fail
    assert FailedRecord.objects.open().count() == 8
    flow.refresh_from_db()
    assert flow.held_at and flow.probing_since is None
    assert Opening.objects.get(flow=flow).rounds == 1

    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    let_breaker_pass(121)
    drain()
    flow.refresh_from_db()
    assert flow.held_at is None
    found = states()
    assert [found[f"#{number}"] for number in range(9, 14)] == [State.DELIVERED] * 5
    told = [one.subject for one in mail.outbox if "on hold" in one.subject]
    assert len(told) == 1
    assert not Alert.objects.filter(
        key=flows.breaker_key(flow), closed_at=None
    ).exists()


def test_f89_what_a_person_retries_goes_at_once_and_the_rest_follows(
    broken, netsuite, drain, django_user_model
):
    olga = django_user_model.objects.create_user("olga")
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    line = FailedRecord.objects.get(reference="#3")
    assert preflight.check(line).light == Light.GREEN
    services.retry(line, olga)
    drain()
    broken.refresh_from_db()
    assert broken.held_at is None
    found = states()
    assert found.pop("#3") == State.DELIVERED
    assert {label for label, state in found.items() if state == State.FAILED} == {
        "#1", "#2", "#4", "#5",
    }  # fmt: skip
    assert all(found[f"#{number}"] == State.DELIVERED for number in range(6, 11))


def test_f89_a_retry_that_fails_again_hurries_nothing(broken, drain, django_user_model):
    olga = django_user_model.objects.create_user("olga")
    due = broken.probe_at
    services.retry(FailedRecord.objects.get(reference="#3"), olga)
    drain()
    broken.refresh_from_db()
    assert (broken.probe_at, broken.probing_since) == (due, None)
    assert SyncRecord.objects.get(label="#3").state == State.FAILED
    assert SyncRecord.objects.filter(flow=broken, state=State.HELD).count() == 5


def test_a_wait_for_a_record_is_not_used_up_while_its_flow_is_on_hold(
    demo, post_order, drain, let_pass
):
    customers = Flow.objects.get(slug="shopify-customers")
    flows.hold(customers, "month end")
    post_order(number=1)
    drain()
    for _ in range(2):
        let_pass(25 * 3600)
        sweep()
        assert states() == {"#1": State.HELD}
    flows.resume(customers, "the month has ended")
    drain()
    assert states() == {"#1": State.DELIVERED} and not FailedRecord.objects.exists()
