"""Scenarios are really played at a sandbox, and judged by what stands there."""

import pytest
from django_q.models import OrmQ

from errorqueue.models import Alert, FailedRecord
from integrations.models import Attempt, InboxEvent, Link, SyncRecord
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
from tests.integrations.acceptance_stand import ask, draft_of, play, sandbox

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

State = ScenarioRun.State
# How many records of its kind each scenario leaves at the target.
SHIPPED = {
    "order-zero-value": 1,
    "order-unknown-sku": 0,
    "order-long-address": 0,
    "customer-long-address": 0,
    "order-timeout-after-commit": 1,
    "order-429-storm": 1,
    "order-expired-token": 1,
    "order-half-batch": 4,
    "order-duplicate-webhook": 1,
    "order-reversed-events": 1,
    "customer-timeout-after-commit": 1,
    "customer-reversed-events": 1,
}


@pytest.mark.parametrize("slug", SHIPPED)
def test_the_shipped_mappings_pass_every_scenario(play, netsuite, slug):
    run = play(slug)
    assert run.state == State.PASSED, [run.verdict, *run.steps]
    if slug.startswith("order"):
        assert len(netsuite.orders) == SHIPPED[slug]
    kinds = [link["label"].split()[0] for link in run.links]
    wanted = "salesOrder" if slug.startswith("order") else "customer"
    assert kinds.count(wanted) == SHIPPED[slug]
    assert run.verdict.startswith("Expected: ")
    assert len(run.digest) == 64
    assert run.account == "123456_SB1"


def test_the_evidence_of_a_time_out_tells_the_whole_story(play):
    run = play("order-timeout-after-commit")
    told = " ".join(step["words"] for step in run.steps)
    assert "its answer was thrown away on the way back" in told
    assert "try 1: Unknown" in told
    assert "try 2: Delivered" in told
    assert run.given["test"] is False
    assert {line["sku"] for line in run.given["line_items"]} == {"TENT-2P"}
    assert '"externalId"' in run.made
    assert run.namespace in run.made
    lost = [one for one in run.exchanges if one["status"] is None]
    assert len(lost) == 1
    assert lost[0]["url"].endswith("/salesOrder")
    assert any(one["of"] == "Read back" for one in run.exchanges)
    assert run.links[-1]["url"].startswith("http://127.0.0.1")


def test_no_secret_is_kept_in_the_evidence(play, keys):
    run = play("order-expired-token")
    kept = str([run.steps, run.exchanges, run.verdict, run.made])
    for secret in keys.environment().values():
        if len(secret) > 12:
            assert secret not in kept
    assert "•••" in kept


def test_a_run_touches_nothing_that_is_real(play, drain):
    tables = (SyncRecord, Attempt, InboxEvent, FailedRecord, Alert, Link)
    before = [model.objects.count() for model in tables]
    play("order-unknown-sku")
    play("order-half-batch")
    assert [model.objects.count() for model in tables] == before
    tasks = {row.func() for row in OrmQ.objects.all()}
    assert tasks <= {"integrations.tasks.run_scenarios"}


def test_a_draft_that_leaves_zero_orders_out_fails(play):
    draft = draft_of("shopify-order")
    draft.exclusions.create(position=9, name="Free of charge", when="total_price = 0")
    run = play("order-zero-value", draft)
    assert run.state == State.FAILED
    assert "Free of charge" in run.verdict


def test_a_draft_that_puts_any_article_for_an_unknown_one_fails(play):
    draft = draft_of("shopify-order")
    row = draft.rows.get(section="Lines", target="item.id", source="sku")
    row.source, row.constant, row.transforms = "", "Unlisted product", []
    row.save()
    run = play("order-unknown-sku", draft)
    assert run.state == State.FAILED
    assert "was written" in run.verdict


def test_a_draft_without_a_limit_for_addresses_fails_without_the_field(play):
    draft = draft_of("shopify-order")
    rows = draft.rows.filter(target="shippingAddress.addr1")
    rows.update(
        max_length=None, length_option="", source="", kind="constant", constant="x"
    )
    run = play("order-long-address", draft)
    assert run.state == State.PASSED  # a rule of the mapping put something else there
    rows.update(when="test = true")
    assert play("order-long-address", draft).digest != run.digest
