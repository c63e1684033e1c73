"""Runs are rows that workers take, never at production, and evidence that stands."""

import os
import signal
import time
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from errorqueue.clock import database_time
from integrations.models import AuditEntry, Bell, Connection, Flow, SyncRecord
from integrations.studio.acceptance import evidence_for, make_stale, own, payloads, runs
from integrations.studio.acceptance.sandboxes import NotAllowed, known_sku, stands_for
from integrations.sync import background
from mappings import signing
from mappings.models import MappingDocument, Scenario, ScenarioRun, Signature
from mappings.moves import digest_of
from mappings.requirements import lacking
from tests.flows.conftest import (
    configure,
    demo,
    drain,
    keys,
    let_pass,
    netsuite,
    shopify,
    vendors,
)
from tests.flows.test_orders import post_order
from tests.integrations.acceptance_stand import ask, draft_of, play, sandbox

__all__ = [
    "ask",
    "demo",
    "drain",
    "keys",
    "let_pass",
    "netsuite",
    "play",
    "post_order",
    "sandbox",
    "shopify",
    "vendors",
]

State = ScenarioRun.State
Environment = Connection.Environment
ZERO = "order-zero-value"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"environment": Environment.PRODUCTION}, "never run there"),
        ({"state": Connection.State.REFUSED}, "cannot be called now"),
    ],
)
def test_a_scenario_is_refused_at_what_is_no_usable_sandbox(
    ask, sandbox, netsuite, change, words
):
    Connection.objects.filter(pk=sandbox.pk).update(**change)
    with pytest.raises(NotAllowed, match=words):
        ask(ZERO)
    assert ScenarioRun.objects.count() == 0
    assert netsuite.orders == {}


def test_an_account_that_is_production_elsewhere_is_no_sandbox(ask, sandbox):
    Connection.objects.create(
        name="Live",
        slug="live",
        system="netsuite",
        environment=Environment.PRODUCTION,
        account_id=sandbox.account_id,
        namespace="live",
        auth_method="tba",
    )
    with pytest.raises(NotAllowed, match="same account"):
        ask(ZERO)


@pytest.mark.parametrize("written", ["123456_SB1", "123456-sb1", " 123456_sb1 "])
def test_the_account_is_known_however_it_was_written(ask, sandbox, written):
    Connection.objects.filter(pk=sandbox.pk).update(account_id="123456_SB1")
    live_at("https://live.test", account_id=written)
    with pytest.raises(NotAllowed, match="same account"):
        ask(ZERO)


@pytest.mark.parametrize("tail", ["", "/", "/."])
def test_the_address_of_production_is_no_sandbox(ask, sandbox, tail):
    live_at(f"{sandbox.base_url}{tail}")
    with pytest.raises(NotAllowed, match="address of a production connection"):
        ask(ZERO)
    Connection.objects.filter(slug="live").update(base_url="https://live.test")
    assert ask(ZERO)


def live_at(base_url, account_id="123456"):
    Connection.objects.create(
        name="Live",
        slug="live",
        system="netsuite",
        environment=Environment.PRODUCTION,
        account_id=account_id,
        base_url=base_url,
        namespace="live",
        auth_method="tba",
    )


@pytest.mark.parametrize("is_saved_back", [False, True])
def test_a_draft_that_is_saved_while_it_is_copied_proves_nothing(
    ask, monkeypatch, is_saved_back
):
    draft = draft_of("shopify-order")
    run = ask(ZERO, draft)
    copy = runs.scratch.rows_for

    def saved_meanwhile(*args):
        row = draft.rows.get(target="memo")
        before, row.max_length = row.max_length, 900
        row.save()
        found = copy(*args)
        if is_saved_back:
            row.max_length = before
            row.save()
        return found

    monkeypatch.setattr(runs.scratch, "rows_for", saved_meanwhile)
    runs.step()
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "changed just now" in run.verdict


def test_a_scenario_that_says_something_else_now_has_shown_nothing(play):
    draft = draft_of("shopify-order")
    play(ZERO, draft)
    scenario = Scenario.objects.get(slug=ZERO)
    scenario.is_required = False
    own.save(scenario, None)
    assert [one.scenario.slug for one in evidence_for(draft).proofs if one.passed]
    scenario.outcome = Scenario.Outcome.STOPPED
    own.save(scenario, None)
    [proof] = [one for one in evidence_for(draft).proofs if one.run]
    assert (proof.passed, proof.state) == (False, "Stale")
    scenario.outcome = Scenario.Outcome.DELIVERED
    own.save(scenario, None)
    assert not any(one.passed for one in evidence_for(draft).proofs)


def test_a_new_library_takes_back_what_another_one_has_shown(play):
    draft = draft_of("shopify-order")
    play(ZERO, draft)
    configure("scenarios.yaml")
    assert any(one.passed for one in evidence_for(draft).proofs)
    Scenario.objects.filter(slug=ZERO).update(key="as_it_is")
    configure("scenarios.yaml")
    assert not any(one.passed for one in evidence_for(draft).proofs)


def test_the_latest_run_counts_for_signing_as_on_the_page(play, sandbox):
    version = signing.send(draft_of("shopify-customer"), None)
    run = play("customer-timeout-after-commit", version)
    assert run.scenario.pk not in {one.scenario for one in lacking(version)}
    ScenarioRun.objects.create(
        scenario=run.scenario,
        version=version,
        digest=run.digest,
        state=State.FAILED,
        asked_at=timezone.now(),
    )
    assert run.scenario.pk in {one.scenario for one in lacking(version)}


def test_what_became_production_meanwhile_is_not_called(ask, sandbox, netsuite):
    run = ask(ZERO)
    Connection.objects.filter(pk=sandbox.pk).update(environment=Environment.PRODUCTION)
    runs.step()
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "production connection" in run.verdict
    assert netsuite.orders == {}


def test_the_sweeper_rings_for_a_run_whose_bell_was_lost(ask):
    ask(ZERO)
    Bell.objects.all().delete()
    background.run()
    assert Bell.objects.filter(lane="acceptance", rung_at__isnull=False).exists()


def test_a_run_whose_worker_is_killed_is_taken_again_and_passes(ask, netsuite):
    run = ask("order-half-batch")
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        try:
            runs.step()
        finally:
            os._exit(0)
    give_up = time.monotonic() + 30
    while not ScenarioRun.objects.get(pk=run.pk).steps:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    first = ScenarioRun.objects.get(pk=run.pk)
    assert (first.state, first.token) == (State.RUNNING, 1)
    assert not runs.has_due()  # its lease still holds
    ScenarioRun.objects.update(lease_until=database_time() - timedelta(seconds=1))
    assert runs.has_due()
    runs.step()
    run.refresh_from_db()
    assert run.state == State.PASSED, run.verdict
    assert run.namespace != first.namespace


def test_after_three_deaths_a_run_has_failed(ask, netsuite):
    run = ask(ZERO)
    past = database_time() - timedelta(seconds=1)
    ScenarioRun.objects.update(state=State.RUNNING, token=3, lease_until=past)
    runs.step()
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "died three times" in run.verdict
    assert run.ended_at
    assert netsuite.orders == {}


def test_what_has_ended_is_never_rewritten(play):
    run = play(ZERO)
    run.verdict = "All was well."
    with pytest.raises(ValidationError, match="Run the scenario again"):
        run.save()
    with pytest.raises(ValidationError):
        run.delete()
    assert ScenarioRun.objects.get(pk=run.pk).verdict != "All was well."


def test_the_same_scenario_waits_only_once(ask, sandbox):
    ask(ZERO)
    with pytest.raises(ValueError, match="unpack"):
        ask(ZERO)
    assert ScenarioRun.objects.count() == 1


def test_a_run_speaks_for_the_content_it_was_run_with(play):
    draft = draft_of("shopify-order")
    run = play(ZERO, draft)
    assert run.digest == digest_of(draft)
    assert [one.scenario.slug for one in evidence_for(draft).proofs if one.passed] == [
        ZERO
    ]
    row = draft.rows.get(target="memo")
    row.max_length = 900
    row.save()
    assert not any(one.passed for one in evidence_for(draft).proofs)


def test_a_run_is_in_the_trail_and_makes_nobody_a_writer(play, django_user_model):
    draft = draft_of("shopify-order")
    run = play(ZERO, draft)
    entry = AuditEntry.objects.get(subject="mapping", verb="scenario passed")
    assert entry.subject_id == draft.pk
    assert entry.by is None
    assert f"run {run.pk}" in entry.detail


def test_no_slot_of_the_account_means_waiting(ask, sandbox):
    run = ask(ZERO)
    Connection.objects.filter(pk=sandbox.pk).update(allowance=0)
    runs.step()
    run.refresh_from_db()
    assert (run.state, run.token) == (State.WAITING, 0)


def test_a_refreshed_sandbox_takes_runs_and_signatures_back(
    play, sandbox, django_user_model
):
    version = draft_of("shopify-customer")
    document = version.document
    MappingDocument.objects.filter(pk=document.pk).update(environment="production")
    slugs = Scenario.objects.filter(source_entity="customer").values_list(
        "slug", flat=True
    )
    version.refresh_from_db()
    version = signing.send(version, None)
    for slug in slugs:
        assert play(slug, version).state == State.PASSED
    signer = django_user_model.objects.create_superuser("signer")
    signing.sign(version, Signature.Role.BUSINESS, signer)
    assert signing.standing(version).unproven == ()

    assert make_stale(sandbox, "NetSuite was refreshed") == len(slugs)

    signature = Signature.objects.get()
    assert signature.stale_at
    assert signature.stale_reason == "NetSuite was refreshed"
    assert set(ScenarioRun.objects.values_list("state", flat=True)) == {State.STALE}
    assert len(lacking(version)) == len(slugs)
    with pytest.raises(ValidationError, match="cannot go live"):
        signing.refuse_unsigned(version)
    assert AuditEntry.objects.filter(verb="gone stale").count() == 1
    assert make_stale(sandbox, "Again") == 0


def test_a_refresh_leaves_runs_at_other_sandboxes_alone(play, sandbox):
    run = play("customer-timeout-after-commit")
    other = Connection.objects.get(slug="shopify")
    assert make_stale(other, "refreshed") == 0
    run.refresh_from_db()
    assert run.state == State.PASSED


def test_an_article_that_landed_there_is_proposed(sandbox, post_order, drain):
    flow = Flow.objects.get(slug="shopify-orders")
    assert known_sku(flow) == ""
    post_order(number=3001)
    drain()
    assert SyncRecord.objects.get(flow=flow).state == "delivered"
    assert known_sku(flow) in SyncRecord.objects.get(flow=flow).skus.split()


def test_the_places_a_version_can_be_tried_at_say_why_not(sandbox):
    version = MappingDocument.objects.get(slug="shopify-order").published()
    (stand,) = stands_for(version)
    assert (stand.flow.slug, stand.problem) == ("shopify-orders", "")


def test_anonymising_keeps_lengths_and_what_is_no_persons():
    given = {
        "name": "#1001",
        "email": "ada@lovelace.example",
        "total_price": "12.00",
        "shipping_address": {"address1": "12 Long Street", "country_code": "GB"},
        "note": "call +49 170 1234567",
    }
    made = payloads.anonymised(given)
    assert made["email"] == "someone@example.com"
    assert made["shipping_address"] == {
        "address1": "55 Xxxx Xxxxxx",
        "country_code": "GB",
    }
    assert "1234567" not in made["note"]
    assert (made["name"], made["total_price"]) == ("#1001", "12.00")


def test_a_change_of_nothing_is_refused():
    with pytest.raises(payloads.PathMissing, match="no “lines”"):
        payloads.changed({"a": 1}, [{"at": "lines[0].sku", "to": "x"}], {})


def test_stale_leases_are_counted_by_the_database(ask):
    run = ask(ZERO)
    ScenarioRun.objects.filter(pk=run.pk).update(
        state=State.RUNNING, lease_until=timezone.now() + timedelta(minutes=1)
    )
    assert not runs.has_due()
