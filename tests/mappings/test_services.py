import threading
import time

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from mappings import services, signing
from mappings.engine import check_document
from mappings.models import MappingRow, MappingVersion, ValueTable
from mappings.moves import digest_of
from tests.mappings import shipped
from tests.mappings.filling import fill_draft
from tests.mappings.lines import Environment, make_line, new_draft

pytestmark = pytest.mark.django_db

State = MappingVersion.State


def test_a_filled_draft_reads_back_as_the_same_document(draft):
    asked, stored = shipped.document("shopify-order"), draft.as_document()
    assert [without_key(row) for row in stored.rows] == [
        without_key(row) for row in asked.rows
    ]
    assert stored.sections == asked.sections
    assert stored.exclusions == asked.exclusions
    assert stored.checks == asked.checks
    assert stored.tables == asked.tables
    assert stored.target_system == "netsuite"
    assert check_document(stored) == []


def without_key(row):
    return {name: value for name, value in vars(row).items() if name != "key"}


def test_a_document_costs_one_query_for_each_kind_of_part(
    draft, django_assert_num_queries
):
    version = MappingVersion.objects.select_related("document").get(pk=draft.pk)
    with django_assert_num_queries(5):
        version.as_document()


def test_publishing_retires_the_version_before(draft, editor):
    first = services.publish(draft, editor)
    second = services.publish(services.new_draft(first.document, editor), editor)
    first.refresh_from_db()
    assert (first.state, second.state) == (State.RETIRED, State.PUBLISHED)
    assert first.document.published() == second
    assert second.published_by == editor and second.published_at is not None
    assert [row.target for row in second.rows.all()] == [
        row.target for row in first.rows.all()
    ]


def test_publishing_refuses_with_every_fault_and_changes_nothing(draft, editor):
    published = services.publish(draft, editor)
    broken = services.new_draft(published.document, editor)
    broken.rows.filter(target="memo").update(source="note..text")
    broken.rows.filter(target="tranDate").update(transforms=["no_such"])
    broken.exclusions.filter(name="Test order").update(when="test =")
    with pytest.raises(ValidationError) as refused:
        services.publish(broken, editor)
    texts = " ".join(refused.value.messages)
    assert len(refused.value.messages) == 3
    assert (
        "Row memo" in texts and "no_such" in texts and "Exclusion Test order" in texts
    )
    published.refresh_from_db()
    broken.refresh_from_db()
    assert (published.state, broken.state) == (State.PUBLISHED, State.DRAFT)


def test_f66_a_published_version_cannot_be_changed_by_any_way(draft, editor):
    published = services.publish(draft, editor)
    row = published.rows.first()
    stale = MappingRow.objects.get(pk=draft.rows.first().pk)
    stale.version = draft  # in memory still a draft
    ways = [
        row.save,
        row.delete,
        stale.save,
        lambda: published.rows.all().update(target="x"),
        lambda: published.rows.all().delete(),
        lambda: published.checks.all().delete(),
        lambda: published.rows.create(target="new", source="x"),
        published.save,
        published.delete,
        lambda: fill_draft(published, shipped.document("shopify-order")),
    ]
    before = published.as_document()
    for way in ways:
        with pytest.raises(ValidationError, match="frozen"):
            way()
    assert MappingVersion.objects.get(pk=published.pk).as_document() == before


def test_a_published_version_is_not_published_twice(draft, editor):
    published = services.publish(draft, editor)
    with pytest.raises(ValidationError, match="published"):
        services.publish(published, editor)


def test_a_document_has_one_draft_at_a_time(draft, editor):
    with pytest.raises(ValidationError, match="draft already"):
        services.new_draft(draft.document, editor)


def test_a_draft_may_start_from_a_retired_version(draft, editor):
    first = services.publish(draft, editor)
    second = services.new_draft(first.document, editor)
    second.rows.filter(target="memo").delete()
    services.publish(second, editor)
    third = services.new_draft(first.document, editor, source=first)
    assert third.number == 3
    assert third.rows.filter(target="memo").exists()
    assert third.note == "From version 1"


def test_a_draft_can_be_deleted_and_its_rows_go_along(draft):
    pk = draft.pk
    draft.delete()
    assert not MappingRow.objects.filter(version_id=pk).exists()


def test_a_published_version_follows_its_table_to_another_name(db):
    """A worker has read the version long ago; its table is renamed, and another one
    takes the old name."""
    document = make_line(Environment.SANDBOX)
    draft = new_draft(document, None)
    table = ValueTable.objects.create(name="Ship methods")
    table.rows.create(source="std", target="Standard")
    draft.rows.update(kind="table", table=table)
    live = services.publish(draft, None)
    assert live.as_document().tables == {"Ship methods": {"std": "Standard"}}
    ValueTable.objects.filter(pk=table.pk).update(name="Carriers")
    other = ValueTable.objects.create(name="Ship methods")
    other.rows.create(source="std", target="Wrong")
    found = MappingVersion.objects.get(pk=live.pk).as_document()
    assert found.tables == {"Carriers": {"std": "Standard"}}
    assert found.rows[0].table == "Carriers"


@pytest.mark.django_db(transaction=True)
def test_what_is_being_saved_is_in_what_is_sent(transactional_db):
    draft = new_draft(make_line(), None)
    changed = threading.Event()

    def change() -> None:
        try:
            with transaction.atomic():
                row = MappingRow.objects.get(version=draft)
                row.source = "email"
                row.save()
                changed.set()
                time.sleep(0.5)
        finally:
            connection.close()

    thread = threading.Thread(target=change)
    thread.start()
    changed.wait(5)
    sent = signing.send(draft, None)
    thread.join()
    assert digest_of(sent) == sent.digest
