"""Who may run scenarios, who may add them, and what the pages say."""

import json

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from errorqueue.clock import database_time
from integrations.models import AuditEntry, Connection, Flow, SyncRecord
from integrations.studio.acceptance import own, runs
from mappings.models import MappingDocument, Scenario, ScenarioRun
from tests.flows.conftest import (
    demo,
    drain,
    keys,
    let_pass,
    netsuite,
    shopify,
    vendors,
)
from tests.flows.test_orders import post_order
from tests.integrations.acceptance_stand import ask, play, sandbox

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
ORDER = {"flow": "shopify-orders", "sku": "TENT-2P"}


@pytest.fixture
def as_role(client, sandbox):
    """Log somebody in who has one role."""

    def log_in(group: str) -> User:
        user = User.objects.create_user(group.lower().replace(" ", ""), is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
        return user

    return log_in


@pytest.fixture
def version(sandbox):
    return MappingDocument.objects.get(slug="shopify-order").published()


def page(name: str, *args: int) -> str:
    return reverse(f"admin:{name}", args=args)


def ask_for(client, version, **given):
    address = page("integrations_acceptance_ask", version.pk)
    return client.post(address, {**ORDER, **given}, follow=True)


@pytest.mark.parametrize(
    ("group", "status"),
    [
        ("Signers", 200),
        ("Mapping editors", 200),
        ("Integration admins", 200),
        ("Finance reviewers", 200),
        ("Operators", 403),
        ("Auditors", 403),
    ],
)
def test_only_some_may_run_scenarios(client, as_role, version, group, status):
    user = as_role(group)
    zero = Scenario.objects.get(slug="order-zero-value")
    answer = ask_for(client, version, scenario=[zero.pk])
    assert answer.status_code == status
    assert ScenarioRun.objects.filter(by=user).count() == (status == 200)
    shown = client.get(page("integrations_acceptance", version.pk))
    assert shown.status_code == 200
    assert ("Run all required" in shown.content.decode()) == (status == 200)


def test_all_required_are_asked_for_at_once(client, as_role, version):
    as_role("Signers")
    Scenario.objects.filter(slug="order-429-storm").update(is_required=False)
    ask_for(client, version, required="1")
    asked = ScenarioRun.objects.values_list("scenario__slug", flat=True)
    wanted = Scenario.objects.filter(source_entity="order", is_required=True)
    assert set(asked) == set(wanted.values_list("slug", flat=True))
    progress = client.get(page("integrations_acceptance_progress", version.pk)).json()
    assert progress["is_moving"] is True


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Choose at least one scenario"),
        ({"required": "1", "flow": ""}, "Choose the sandbox"),
        ({"required": "1", "sku": ""}, "name a SKU that NetSuite"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_lost(
    client, as_role, version, given, words
):
    as_role("Signers")
    answer = ask_for(client, version, **given)
    text = answer.content.decode()
    assert words in text
    assert given.get("sku", "TENT-2P") in text
    assert ScenarioRun.objects.count() == 0


def test_a_production_target_is_refused_with_words(client, as_role, version, sandbox):
    as_role("Signers")
    Connection.objects.filter(pk=sandbox.pk).update(environment="production")
    answer = ask_for(client, version, required="1")
    assert "scenarios never run there" in answer.content.decode()
    assert ScenarioRun.objects.count() == 0


def test_the_evidence_is_read_by_a_business_person(client, as_role, play):
    as_role("Signers")
    run = play("order-timeout-after-commit")
    text = client.get(page("integrations_acceptance_run", run.pk)).content.decode()
    assert "exactly one salesOrder stands at the target" in text.lower().replace(
        "salesorder", "salesOrder"
    )
    assert "thrown away on the way back" in text
    assert run.links[0]["url"] in text
    assert run.digest[:16] in text
    assert "Shipping Street" not in text  # a signer works without personal data
    unfolded = client.get(page("integrations_acceptance_run", run.pk) + "?print=1")
    assert unfolded.content.decode().count(" open>") > text.count(" open>")


def test_who_may_see_payloads_sees_the_evidence_whole(client, as_role, play):
    as_role("Mapping editors")
    run = play("order-zero-value")
    text = client.get(page("integrations_acceptance_run", run.pk)).content.decode()
    assert "123 Shipping Street" in text


def test_the_pages_cost_the_same_for_many_runs(
    client, as_role, ask, version, django_assert_max_num_queries
):
    as_role("Signers")
    run = ask("order-zero-value")
    rows = [
        ScenarioRun(
            scenario=run.scenario,
            version=version,
            digest=run.digest,
            state=State.PASSED,
            asked_at=run.asked_at,
            ended_at=run.asked_at,
        )
        for _ in range(40)
    ]
    ScenarioRun.objects.bulk_create(rows)
    with django_assert_max_num_queries(24):
        client.get(page("integrations_acceptance", version.pk))
    User.objects.get(username="signers").groups.add(Group.objects.get(name="Auditors"))
    with django_assert_max_num_queries(24):
        client.get(page("mappings_scenariorun_changelist"))


# Scenarios of one's own

OWN = {
    "name": "A gift order",
    "source_system": "shopify",
    "source_entity": "order",
    "what": "An order with a gift note.",
    "expected": "it stands in the target.",
    "outcome": "delivered",
    "is_required": "on",
    "personal": "anonymous",
    "record": "",
    "payload": "",
}


def add(client, **given):
    return client.post(page("mappings_scenario_add"), {**OWN, **given}, follow=True)


def test_a_scenario_is_made_from_a_stored_record_without_personal_data(
    client, as_role, post_order, drain, play, version
):
    post_order(number=3001)
    drain()
    record = SyncRecord.objects.get(label="#3001")
    as_role("Mapping editors")
    add(client, record=str(record.pk))
    made = Scenario.objects.get(group=Scenario.Group.OWN)
    assert made.origin.endswith("anonymised")
    assert made.source["name"] == "#3001"
    assert record.email not in json.dumps(made.source)
    runs.ask(version, [made], record.flow, "", None)
    runs.step()
    run = ScenarioRun.objects.get(scenario=made)
    assert run.state == State.PASSED, run.verdict


def test_a_scenario_is_made_from_pasted_json(client, as_role):
    source = Scenario.objects.filter
    user = as_role("Integration admins")
    sample = Scenario.objects.get(slug="order-zero-value").source
    add(client, payload=json.dumps(sample))
    made = source(group=Scenario.Group.OWN).get()
    assert (made.made_by, made.origin) == (user, "Pasted JSON")
    assert made.source == sample


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"payload": "{"}, "This is no proper JSON"),
        ({"payload": "[1]"}, "A record is a JSON object"),
        ({"payload": '{"id": 1, "line_items": 3}'}, "would not take this for a record"),
        ({"payload": '{"id": 1, "note": "\\u0000"}'}, "which no database stores"),
        ({"payload": '{"id": 1, "note": "\\ud800"}'}, "which no database stores"),
        ({"record": "999999"}, "There is no record 999999"),
        ({}, "Name a stored record, or paste one as JSON"),
    ],
)
def test_bad_input_is_refused_with_words_and_kept(client, as_role, given, words):
    as_role("Mapping editors")
    answer = add(client, **given)
    text = answer.content.decode()
    assert words in text
    assert "A gift order" in text
    assert not Scenario.objects.filter(group=Scenario.Group.OWN).exists()


def test_deleting_an_own_scenario_is_in_the_trail(client, sandbox, admin_user):
    made = Scenario.objects.create(
        slug="own-x", name="Odd order", group=Scenario.Group.OWN, source={"id": 1}
    )
    client.force_login(admin_user)
    client.post(page("mappings_scenario_delete", made.pk), {"post": "yes"})
    assert not Scenario.objects.filter(slug="own-x").exists()
    [line] = AuditEntry.objects.filter(subject="scenario", verb="deleted")
    assert (line.by, "Odd order" in line.detail) == (admin_user, True)


def test_a_record_whose_content_was_removed_gives_no_scenario(sandbox, post_order):
    record = SyncRecord(source={}, label="#1")
    record.flow = Flow.objects.get(slug="shopify-orders")
    with pytest.raises(own.Unusable, match="was removed"):
        own.of_record(record, anonymous=True)


def test_signers_and_auditors_read_the_library_and_change_nothing(client, as_role):
    one = Scenario.objects.get(slug="order-zero-value")
    for group in ("Signers", "Auditors"):
        as_role(group)
        assert client.get(page("mappings_scenario_changelist")).status_code == 200
        assert add(client, payload="{}").status_code == 403
        answer = client.post(page("mappings_scenario_change", one.pk), OWN)
        assert answer.status_code == 403


def test_the_words_of_a_library_scenario_stay_as_the_file_says(client, as_role):
    as_role("Mapping editors")
    one = Scenario.objects.get(slug="order-zero-value")
    client.post(page("mappings_scenario_change", one.pk), {"name": "Mine"})
    again = Scenario.objects.get(pk=one.pk)
    assert again.name == one.name
    assert again.source == one.source
    assert again.is_required is False  # the box was not ticked


@pytest.mark.parametrize(
    ("words", "count"),
    [("zero", 1), ("sandbox", 1), ("sales order", 1), ("mia", 1), ("nothing", 0)],
)
def test_runs_are_found_by_scenario_document_account_and_person(
    client, as_role, version, words, count
):
    as_role("Signers")
    ScenarioRun.objects.create(
        scenario=Scenario.objects.get(slug="order-zero-value"),
        version=version,
        connection="NetSuite sandbox",
        asked_at=database_time(),
        by=User.objects.create_user("mia"),
        verdict="nothing of use",
    )
    answer = client.get(page("mappings_scenariorun_changelist"), {"q": words})
    assert answer.status_code == 200
    assert len(answer.context["cl"].result_list) == count
