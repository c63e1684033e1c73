"""An old and a new version side by side, and a database between two versions."""

import importlib
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.fields import NOT_PROVIDED

from errorqueue import schema
from errorqueue.models import FailedRecord
from integrations.connectors import registry
from integrations.connectors.shopify import sources
from integrations.connectors.shopify.connector import Shopify
from integrations.inbox import doors
from integrations.inbox.reopening import LATELY, reopen_known, unread
from integrations.management.commands import work
from integrations.models import Connection, Flow, InboxEvent, Schedule, SyncRecord
from integrations.sync import schedules
from tests.flows.test_intake import post, secret, signed
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import creates, order_of, target

__all__ = ["post_order", "secret", "target"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
# Migrations up to these came before the first release: nothing ran beside them.
BEFORE_RELEASE = {
    "errorqueue": 9,
    "integrations": 19,
    "mappings": 9,
    "reconciliation": 1,
}


# F12: what only the newer version knows waits for it


@pytest.fixture
def old_version(monkeypatch):
    """Let this process be a version that has no connector for NetSuite yet."""
    with monkeypatch.context() as patch:
        known = {"shopify": registry.CONNECTORS["shopify"]}
        patch.setattr(registry, "CONNECTORS", known)
        registry.connector_class.cache_clear()
        yield patch
    registry.connector_class.cache_clear()


def test_f12_a_record_for_a_system_of_a_newer_version_is_left_to_it(
    post_order, netsuite, drain, let_pass, old_version
):
    post_order(number=9001)
    drain()
    left = SyncRecord.objects.get(flow__slug="shopify-customers")
    assert (left.state, left.tries, left.crashes) == (State.WAITING, 0, 0)
    assert order_of(9001).state in (State.WAITING, State.HELD)
    assert not FailedRecord.objects.exists() and netsuite.journal == []
    old_version.undo()
    registry.connector_class.cache_clear()
    let_pass(61)
    drain()
    assert order_of(9001).state == State.DELIVERED
    assert len(creates(netsuite)) == 1


def test_f12_a_way_of_writing_that_this_version_does_not_know_is_never_guessed(
    post_order, netsuite, drain, let_pass
):
    Flow.objects.filter(slug="shopify-orders").update(mode="amend")
    post_order(number=9002)
    drain()
    assert order_of(9002).state == State.WAITING
    assert creates(netsuite) == [] and not FailedRecord.objects.exists()
    Flow.objects.filter(slug="shopify-orders").update(mode=Flow.Mode.CREATE)
    let_pass(61)
    drain()
    assert order_of(9002).state == State.DELIVERED


def test_f12_a_delivery_for_a_system_of_a_newer_version_comes_again(
    demo, secret, monkeypatch
):
    doors.forget_all()
    Connection.objects.filter(slug="shopify").update(system="magento")
    response = post(b"{}", signed(b"{}", secret))
    assert response.status_code == 503 and "Retry-After" in response.headers
    Connection.objects.filter(slug="shopify").update(system="shopify")
    doors.forget_all()
    assert post(b"{}", signed(b"{}", secret)).status_code == 202


def test_f12_a_topic_that_the_old_version_set_aside_is_read_by_the_new_one(
    demo, secret, drain, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.delitem(sources.TOPICS, "orders/create")
        body = b'{"id": 7}'
        assert post(body, signed(body, secret)).status_code == 202
        drain()
    event = InboxEvent.objects.get()
    assert (event.state, event.reason) == ("not_wanted", unread("orders/create"))
    assert reopen_known() == 1
    drain()
    event.refresh_from_db()
    assert event.state == InboxEvent.State.PROCESSED
    assert reopen_known() == 0


def test_f12_only_what_was_unknown_lately_is_read_again(demo, secret, drain):
    shopify = Connection.objects.get(slug="shopify")
    common = {"connection": shopify, "state": "not_wanted", "body": b"{}"}
    now = schedules.database_time()
    for delivery, topic, reason, age in (
        ("old", "orders/create", unread("orders/create"), LATELY * 2),
        (
            "no flow",
            "orders/create",
            "orders/create: no flow takes a order.",
            0 * LATELY,
        ),
        ("unknown still", "themes/publish", unread("refunds/create"), 0 * LATELY),
    ):
        InboxEvent.objects.create(
            **common,
            delivery_id=delivery,
            topic=topic,
            reason=reason,
            received_at=now - age,
        )
    assert "themes/publish" not in Shopify.topics
    assert reopen_known() == 0


def test_f12_a_schedule_of_a_newer_version_waits_for_it(demo, monkeypatch):
    now = schedules.database_time()
    schedule = Schedule.objects.create(
        name="New", job="of tomorrow", minutes=1, since=now - timedelta(minutes=5)
    )
    schedules.ring_due()
    assert not schedule.slots.exists()
    done = []
    monkeypatch.setitem(
        schedules.JOBS, "of tomorrow", schedules.Job("New", lambda: done.append(1))
    )
    schedules.ring_due()
    schedules.run(schedule.pk)
    assert done == [1]


# F12: migrations only add, so that the old version goes on beside the new one


def narrows(operation):
    """Say why code of before this operation could not go on after it, or nothing."""
    if isinstance(operation, migrations.AddField):
        field = operation.field
        optional = field.null or field.db_default is not NOT_PROVIDED
        if not optional and not field.many_to_many:
            return f"{operation.name} is needed by rows that old code inserts"
    refused = (
        migrations.RemoveField,
        migrations.RenameField,
        migrations.DeleteModel,
        migrations.RenameModel,
    )
    return f"{operation.describe()} breaks old code" * isinstance(operation, refused)


def test_f12_migrations_since_the_release_only_add():
    loader = MigrationLoader(None)
    problems = [
        f"{app} {name}: {problem}"
        for (app, name), migration in loader.disk_migrations.items()
        if app in schema.OURS and int(name[:4]) > BEFORE_RELEASE[app]
        for problem in map(narrows, migration.operations)
        if problem
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("operation", "is_fine"),
    [
        (migrations.AddField("m", "f", models.IntegerField(null=True)), True),
        (migrations.AddField("m", "f", models.IntegerField(db_default=0)), True),
        (migrations.AddField("m", "f", models.IntegerField(default=0)), False),
        (migrations.RemoveField("m", "f"), False),
        (migrations.RenameField("m", "f", "g"), False),
        (migrations.DeleteModel("m"), False),
        (migrations.CreateModel("m", []), True),
    ],
)
def test_f12_what_old_code_cannot_bear_is_seen(operation, is_fine):
    assert (not narrows(operation)) is is_fine


# F27: a migration that breaks half way


@pytest.fixture
def forgotten():
    """Let the database lack the newest migration of the ledger."""
    recorder = MigrationRecorder(connection)
    newest = schema.missing_migrations() or _names("integrations")
    recorder.record_unapplied("integrations", newest[-1])
    yield f"integrations {newest[-1]}"
    recorder.record_applied("integrations", newest[-1])


def _names(app):
    return sorted(
        name for label, name in MigrationLoader(None).disk_migrations if label == app
    )


def test_f27_workers_and_web_refuse_a_database_that_was_not_migrated(
    forgotten, monkeypatch
):
    assert schema.missing_migrations() == [forgotten]
    with pytest.raises(CommandError, match="manage.py migrate"):
        call_command("work", skip_checks=True)
    sys.modules.pop("config.wsgi", None)
    with pytest.raises(schema.SchemaBehind, match="lacks 1 migrations"):
        importlib.import_module("config.wsgi")


def test_f27_a_database_that_is_away_keeps_nobody_from_starting(db, monkeypatch):
    def away():
        raise OperationalError("gone")

    started = []
    for place in (work, schema):
        monkeypatch.setattr(place, "refuse_old_schema", away)
    monkeypatch.setattr(work, "supervise", lambda: started.append("work"))
    monkeypatch.setattr(work, "warm_up", lambda: None)
    call_command("work", skip_checks=True)
    sys.modules.pop("config.wsgi", None)
    assert importlib.import_module("config.wsgi").application
    assert started == ["work"]


def test_f27_a_database_ahead_of_the_code_is_served(db):
    recorder = MigrationRecorder(connection)
    recorder.record_applied("integrations", "9999_of_tomorrow")
    try:
        schema.refuse_old_schema()
    finally:
        recorder.record_unapplied("integrations", "9999_of_tomorrow")


def test_f27_a_migration_that_breaks_leaves_nothing_behind(db):
    class Broken(migrations.Migration):
        operations = [
            migrations.RunSQL("CREATE TABLE half_way (id integer)"),
            migrations.RunPython(lambda apps, editor: 1 / 0),
        ]

    executor = MigrationExecutor(connection)
    state = executor.loader.project_state()
    broken = Broken("9998_broken", "integrations")
    with pytest.raises(ZeroDivisionError):
        executor.apply_migration(state, broken)
    assert "half_way" not in connection.introspection.table_names()
    applied = MigrationRecorder(connection).applied_migrations()
    assert ("integrations", "9998_broken") not in applied


def test_f27_every_migration_is_whole_or_nothing():
    ours = MigrationLoader(None).disk_migrations.items()
    loose = [key for key, one in ours if key[0] in schema.OURS and not one.atomic]
    assert loose == []
