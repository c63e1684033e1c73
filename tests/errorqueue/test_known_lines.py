"""A queue from before causes and search keys keeps its lines, and they are found."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from errorqueue.clock import database_time
from errorqueue.models import Cause, FailedRecord, LineKey
from errorqueue.query import lines_for

BEFORE = ("errorqueue", "0001_initial")


@pytest.fixture
def old_state(transactional_db):
    call_command("migrate", *BEFORE, verbosity=0)
    yield MigrationExecutor(connection).loader.project_state(BEFORE).apps
    call_command("migrate", verbosity=0)


def test_lines_of_the_first_version_get_their_cause_and_their_keys(
    old_state, django_user_model
):
    kind = ContentType.objects.get(app_label="integrations", model="syncrecord")
    now = database_time()
    old = old_state.get_model("errorqueue", "FailedRecord")
    for number in (1001, 1002):
        old.objects.create(
            content_type_id=kind.pk,
            object_id=str(number),
            kind="mapping",
            what="– ship method 'DHL' is not known",
            reference=f"#{number}",
            skus="TENT-2 STOVE-1",
            source_id=f"gid://shopify/Order/{number}",
            problems=[{"target": "shipMethod", "value": "DHL", "rule": "unknown"}],
            first_failed_at=now,
            last_failed_at=now,
        )
    call_command("migrate", verbosity=0)
    cause = Cause.objects.get()
    assert FailedRecord.objects.filter(cause=cause).count() == 2
    assert LineKey.objects.filter(name="sku", value="tent-2").count() == 2
    person = django_user_model(username="olga")
    for sought in ("order:1002", "source:1002", "field:shipMethod+1002"):
        assert [line.reference for line in lines_for(f"q={sought}", person)] == [
            "#1002"
        ]
