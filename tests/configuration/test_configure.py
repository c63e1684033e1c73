from textwrap import dedent

import pytest
from django.contrib.auth.models import Group
from django.utils.timezone import now

from integrations.configuration.services import configure
from integrations.models import (
    AuditEntry,
    Connection,
    Flow,
    SyncRecord,
    Token,
    Watch,
)
from mappings.models import SeenValue, ValueTable
from tests.configuration.conftest import ENVIRON, SHOP, line_of


def test_everything_in_a_file_is_created(run):
    outcome = run()
    netsuite = Connection.objects.get(slug="netsuite")
    orders = Flow.objects.get(slug="shopify-orders")
    assert (netsuite.allowance, netsuite.options) == (5, {"tax_mode": "legacy"})
    assert (orders.source.slug, orders.target, orders.mode) == (
        "shopify",
        netsuite,
        "create",
    )
    assert orders.retry_schedule == [1, 2, 0.5]
    assert orders.dependencies.get().needs.slug == "shopify-customers"
    assert orders.dependencies.get().source_path == "customer"
    table = ValueTable.objects.get(name="Countries")
    assert dict(table.rows.values_list("source", "target")) == {
        "NO": "Norway",
        "DE": "Germany",
    }
    assert Group.objects.get(name="Readers").permissions.count() == 2
    assert "connection shopify: created" in outcome.changes
    assert "flow shopify-orders: created" in outcome.changes


def test_a_second_run_changes_nothing(run):
    run()
    again = run()
    assert again.changes == []
    assert again.counts == {
        "connections": 2,
        "value_tables": 1,
        "mapping_documents": 2,
        "flows": 2,
        "groups": 1,
        "routing": 0,
        "scenarios": 0,
        "blueprint": 0,
        "channels": 0,
        "teams": 0,
        "alert_rules": 0,
    }


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("allowance: 3", "allowance: 5", "connection shopify: allowance 3 → 5"),
        (
            "options: {tax_mode: legacy}",
            "options: {tax_mode: suitetax}",
            'connection netsuite: options {"tax_mode": "legacy"}'
            ' → {"tax_mode": "suitetax"}',
        ),
        ("mode: create", "mode: upsert", "flow shopify-orders: mode create → upsert"),
        (
            "[1, 2, 0.5]",
            "[]",
            "flow shopify-orders: retry_schedule [1, 2, 0.5] → empty",
        ),
        (
            "needs: [{flow: shopify-customers, at: customer}]",
            "needs: [{flow: shopify-customers, at: buyer}]",
            "flow shopify-orders: needs shopify-customers at buyer",
        ),
        (
            "needs: [{flow: shopify-customers, at: customer}]",
            "needs: []",
            "flow shopify-orders: needs shopify-customers no more",
        ),
        (
            "DE: Germany",
            "DE: Allemagne",
            "value table Countries: row DE: Germany → Allemagne",
        ),
        (
            "integrations.view_flow,",
            "integrations.view_link,",
            "group Readers: permission integrations.view_flow removed",
        ),
    ],
)
def test_each_change_is_said_in_words(run, before, after, words):
    run()
    assert words in run(SHOP.replace(before, after)).changes
    assert run(SHOP.replace(before, after)).changes == []


def test_rows_of_a_value_table_are_as_the_file_says(run):
    run()
    changed = run(SHOP.replace("{NO: Norway,", "{SE: {target: Sweden, note: new},"))
    assert changed.changes == [
        "value table Countries: row SE → Sweden added",
        "value table Countries: row NO removed",
    ]
    assert ValueTable.objects.get().rows.get(source="SE").note == "new"


def test_a_file_changes_a_table_as_a_person_would(run):
    run()
    table = ValueTable.objects.get()
    seen = SeenValue.objects.create(
        table=table, value="SE", first_seen_at=now(), last_seen_at=now()
    )
    AuditEntry.objects.all().delete()
    ValueTable.objects.update(changed_at=None)
    run()
    table.refresh_from_db()
    assert table.changed_at is None
    assert not AuditEntry.objects.filter(subject="table").exists()
    run(SHOP.replace("{NO: Norway, DE: Germany}", "{SE: Sweden, DE: Allemagne}"))
    told = AuditEntry.objects.filter(subject="table", subject_id=table.pk)
    assert [(one.verb, one.detail) for one in told.order_by("pk")] == [
        ("row removed", "Row NO → Norway"),
        ("row added", "Row SE Source value: '' → 'SE'"),
        ("row added", "Row SE Target value: '' → 'Sweden'"),
        ("row changed", "Row DE Target value: 'Germany' → 'Allemagne'"),
    ]
    seen.refresh_from_db()
    assert seen.state == SeenValue.State.MAPPED
    table.refresh_from_db()
    assert table.changed_at is not None


def test_a_dry_run_says_the_same_and_changes_nothing(run):
    would = run(dry_run=True)
    assert not Connection.objects.exists()
    assert not Group.objects.exists()
    assert run().changes == would.changes


def test_keys_left_out_keep_what_stands(run):
    run()
    Connection.objects.update(allowance=9, state=Connection.State.PAUSED)
    outcome = run(SHOP.replace("    allowance: 3\n", ""))
    shopify = Connection.objects.get(slug="shopify")
    assert outcome.changes == ["connection netsuite: allowance 9 → 5"]
    assert (shopify.allowance, shopify.state) == (9, Connection.State.PAUSED)


def test_things_that_left_the_file_are_left_alone(run):
    run()
    outcome = run("value_tables: [{name: Units, rows: {kg: kilogram}}]")
    assert outcome.changes == ["value table Units: created with 1 row"]
    assert Connection.objects.count() == 2
    assert Flow.objects.count() == 2


def test_files_are_read_together_and_refer_to_each_other(db, write):
    head, flows = SHOP.split("flows:\n")
    files = [write("flows:\n" + flows, "flows.yaml"), write(head, "accounts.yaml")]
    configure(files, ENVIRON)
    assert Flow.objects.count() == 2


def test_a_reference_may_stand_in_the_console_already(run):
    run()
    flow = SHOP[SHOP.index("flows:\n") : SHOP.index("  - slug: shopify-orders")]
    changed = run(flow.replace("shopify-customers", "more-customers").replace(
        "Customers to", "More customers to"
    ))  # fmt: skip
    assert changed.changes == ["flow more-customers: created"]


def test_the_namespace_is_made_from_system_and_account(run):
    run()
    shopify = Connection.objects.get(slug="shopify")
    assert shopify.namespace == "shopify-northwind"


def test_the_namespace_stays_once_records_refer_to_it(run, problems):
    run()
    flow = Flow.objects.get(slug="shopify-orders")
    SyncRecord.objects.create(
        flow=flow,
        target_connection=flow.target,
        source_key="1",
        source={},
        due_at="2026-01-01T00:00:00Z",
    )
    other = SHOP.replace("netsuite-demo", "netsuite-other").replace(
        "source_entity: order\n    target: netsuite\n    target_record: salesOrder\n    mode",
        "source_entity: refund\n    target: netsuite\n    target_record: salesOrder\n    mode",
    )
    found = problems(other)
    assert found[0].startswith(
        f"shop.yaml:{line_of(SHOP, 'netsuite-demo')}: connections[netsuite].namespace: "
    )
    assert "netsuite-demo: it stays" in found[0]
    assert any(
        "flows[shopify-orders].source_entity" in line and "order: it stays" in line
        for line in found
    )


def test_a_namespace_may_change_before_anything_was_recorded(run):
    run()
    changed = run(SHOP.replace("netsuite-demo", "netsuite-other")).changes
    assert changed == ["connection netsuite: namespace netsuite-demo → netsuite-other"]


def test_a_changed_account_drops_the_token_of_the_old_one(run):
    run()
    for connection in Connection.objects.all():
        Token.objects.create(connection=connection, sealed="x")
    run(SHOP.replace("123456_SB1", "654321"))
    assert Token.objects.get().connection.slug == "shopify"


def test_values_from_the_environment_are_not_shown_in_changes(run):
    text = SHOP.replace('"123456_SB1"', "${ACCOUNT}")
    run(text, {"ACCOUNT": "111111"})
    changed = run(text, {"ACCOUNT": "222222"}).changes
    assert changed == ["connection netsuite: account_id changed"]


def test_a_flow_that_a_file_points_at_another_document_is_watched(run):
    run()
    twin = dedent(
        """
        mapping_documents:
          - slug: other-order
            name: Other orders
            source_system: shopify
            source_entity: order
            target_system: netsuite
            target_record: salesOrder
            rows:
              - {target: memo, source: note}
        """
    )
    run(twin)
    flow = Flow.objects.get(slug="shopify-orders")
    assert not Watch.objects.exists()
    run(SHOP.replace("mapping: shopify-order\n", "mapping: other-order\n"))
    flow.refresh_from_db()
    watch = Watch.objects.get()
    assert (watch.flow, watch.version) == (flow, flow.mapping.published())
    assert (watch.state, watch.size) == ("watching", 50)
    run(SHOP.replace("mapping: shopify-order\n", "mapping: other-order\n"))
    assert Watch.objects.count() == 1
