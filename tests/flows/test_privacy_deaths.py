"""Privacy requests whose worker is killed, or whose step breaks."""

import pytest

from errorqueue import failpoints
from errorqueue.clock import database_time
from integrations.models import AuditEntry, PrivacyRequest
from integrations.sync.privacy import redacting
from tests.flows.test_erasing import canary, traces_of
from tests.flows.test_orders import post_order
from tests.flows.test_privacy import ZEB, State, demand

__all__ = ["canary", "demand", "post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """As good as SIGKILL: nothing catches it."""


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request"])
def test_a_worker_that_is_killed_in_each_step_loses_and_doubles_nothing(
    canary, drain, shopify, monkeypatch, topic
):
    for number in (2, 3, 4):
        canary(number)
    drain()
    monkeypatch.setattr("integrations.sync.privacy.redacting.BATCH", 1)
    monkeypatch.setattr("integrations.sync.privacy.gathering.BATCH", 1)
    hit, struck = failpoints.hit, []

    def kill_every_second(place):
        hit(place)
        if place == "privacy.step":
            struck.append(place)
            if len(struck) % 2:
                raise Killed

    shopify.demand(topic, ZEB)
    shopify.deliver_due()
    monkeypatch.setattr(failpoints, "hit", kill_every_second)
    deaths = run_to_the_end(drain)
    [request] = PrivacyRequest.objects.all()
    assert deaths >= 5
    assert request.receipt["counts"]["Records"] == 4
    assert len(request.receipt["keys"]) == 4
    if topic == "customers/redact":
        assert request.state == State.DONE and traces_of() == []
        assert AuditEntry.objects.filter(verb="erased").count() == 4
    else:
        assert request.state == State.PERSON
        assert [one.number for one in request.parts.all()] == [1, 2, 3, 4, 5]


def run_to_the_end(drain):
    """Die and come back, lease after lease, until nothing is due."""
    deaths = 0
    for _ in range(40):
        try:
            drain()
        except Killed:
            deaths += 1
        waiting = PrivacyRequest.objects.filter(state__in=[State.OPEN, State.WAITING])
        if not waiting.update(look_at=database_time()):
            return deaths
    raise AssertionError("it never came to an end")


def test_a_step_that_breaks_is_told_and_tried_again(canary, drain, demand, monkeypatch):
    canary(2)
    drain()

    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(redacting, "_finish", broken)
    request = demand("customers/redact", ZEB)
    assert request.state == State.WAITING and "ZeroDivisionError" in request.said
    monkeypatch.undo()
