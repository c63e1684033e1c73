"""The list of flows: counts at a fixed price, and filters in the console's words."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from errorqueue.clock import database_time
from integrations.models import Flow, SyncRecord
from integrations.operations import ledger
from tests.errorqueue.conftest import flow
from tests.errorqueue.pages import text_of

__all__ = ["flow"]

LIST = reverse("admin:integrations_flow_changelist")


@pytest.fixture
def line(flow):
    def make(key, state, of=flow):
        return SyncRecord.objects.create(
            flow=of,
            target_connection=of.target,
            source_key=key,
            source={},
            due_at=database_time(),
            state=state,
        )

    return make


@pytest.fixture
def another(flow):
    def make(name, **columns):
        told = {"slug": name.lower().replace(" ", "-"), "is_enabled": True, **columns}
        ends = {"source": flow.source, "target": flow.target, "mapping": flow.mapping}
        kinds = {"source_entity": flow.source_entity, "target_record": "salesOrder"}
        return Flow.objects.create(name=name, **told, **ends, **kinds)

    return make


def queries(client, **asked):
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(LIST, asked)
    assert answer.status_code == 200
    return answer, [one["sql"] for one in seen]


def test_each_flow_shows_its_counts_with_a_link_to_the_records(
    admin_client, flow, line, another
):
    for number, state in enumerate(("waiting", "waiting", "held", "failed")):
        line(str(number), state)
    line("9", "failed", of=another("Returns"))
    line("8", "delivered")
    answer, _ = queries(admin_client)
    found = {one.name: one.told for one in answer.context["cl"].result_list}
    assert found[flow.name] == {"waiting": "2", "held": "1", "failed": "1"}
    assert found["Returns"] == {"waiting": "0", "held": "0", "failed": "1"}
    link = f"?flow__id__exact={flow.pk}&amp;state__exact=waiting"
    assert link in answer.content.decode()


def test_the_list_asks_as_much_for_many_flows_and_records_as_for_one(
    admin_client, flow, line, another
):
    line("0", "failed")
    queries(admin_client)
    _, few = queries(admin_client)
    for number in range(5):
        other = another(f"Flow {number}")
        for key in range(4):
            line(f"{number}-{key}", "failed", of=other)
    _, many = queries(admin_client)
    assert len(many) == len(few)
    # No count is joined to the ledger; each ends at its limit.
    assert not any('LEFT OUTER JOIN "integrations_syncrecord"' in sql for sql in many)


def test_what_was_counted_to_the_limit_says_so(admin_client, flow, line, monkeypatch):
    monkeypatch.setattr(ledger, "MOST", 2)
    for number in range(4):
        line(f"w{number}", "waiting")
        line(f"f{number}", "failed")
    answer, _ = queries(admin_client)
    [found] = [one.told for one in answer.context["cl"].result_list]
    assert found == {"waiting": "2+", "held": "0", "failed": "2+"}


def test_who_needs_a_person_is_found_by_failed_records(
    admin_client, flow, line, another
):
    another("Quiet")
    line("1", "failed")
    answer, _ = queries(admin_client, tab="person")
    assert [one.name for one in answer.context["cl"].result_list] == [flow.name]


def test_the_filter_speaks_as_the_list_does(admin_client, flow, another):
    another("Asleep", is_enabled=False)
    answer, _ = queries(admin_client)
    said = text_of(answer)
    assert "State" in said and "Is enabled" not in said
    for chosen, name in (("1", flow.name), ("0", "Asleep")):
        answer, _ = queries(admin_client, is_enabled__exact=chosen)
        assert [one.name for one in answer.context["cl"].result_list] == [name]
    answer, _ = queries(admin_client, is_enabled__exact="x")
    assert len(answer.context["cl"].result_list) == 2
