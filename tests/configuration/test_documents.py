import pytest
from django.contrib.auth import get_user_model

from mappings.models import MappingDocument, MappingVersion
from mappings.services import new_draft, publish
from tests.configuration.conftest import SHOP


@pytest.fixture
def orders(run):
    run()
    return MappingDocument.objects.get(slug="shopify-order")


def test_a_new_document_is_published_as_the_first_version(orders):
    version = orders.published()
    assert version.number == 1
    assert version.note == "configured from shop.yaml"
    assert [str(row) for row in version.rows.all()] == [
        "otherRefNum",
        "country",
        "lines: quantity",
    ]
    assert version.rows.get(target="otherRefNum").transforms == [
        "trim",
        {"cut": {"length": 20}},
    ]
    assert version.rows.get(target="country").table.name == "Countries"
    assert version.exclusions.get().when == "test = true"
    assert version.sections.get().source == "line_items"


def test_a_difference_publishes_a_new_version_and_keeps_the_old(orders, run):
    changed = run(
        SHOP.replace("source: name,", "source: number,").replace(
            "{target: quantity, source: quantity", "{target: quantity, source: count"
        )
    )
    assert changed.changes == [
        "mapping document shopify-order: version 2 published, 2 rows changed"
    ]
    assert orders.published().number == 2
    old = orders.versions.get(number=1)
    assert old.state == MappingVersion.State.RETIRED
    assert old.rows.get(target="otherRefNum").source == "name"


def test_a_new_order_of_rows_is_a_difference(orders, run):
    first = (
        "      - {target: country, kind: table, source: country, table: Countries}\n"
    )
    text = SHOP.replace(first, "").replace(
        "    rows:\n      - {target: other",
        f"    rows:\n{first}      - {{target: other",
    )
    assert run(text).changes == [
        "mapping document shopify-order: version 2 published, order changed"
    ]
    assert run(text).changes == []


def test_defaults_written_out_are_no_difference(orders, run):
    text = SHOP.replace(
        "{target: quantity, source: quantity,",
        "{target: quantity, kind: copy, required: false, note: '', source: quantity,",
    )
    assert run(text).changes == []


def test_an_open_draft_of_a_person_is_left_as_it_is(orders, run):
    anna = get_user_model().objects.create_user("anna")
    draft = orders.versions.create(number=2, created_by=anna)
    draft.rows.create(target="memo", source="note")
    outcome = run(SHOP.replace("source: name,", "source: number,"))
    draft.refresh_from_db()
    assert outcome.changes == [
        "mapping document shopify-order: version 3 published, 1 row changed"
    ]
    assert outcome.notes == [
        "mapping document shopify-order: the open draft v2 is left as it is"
    ]
    assert draft.state == MappingVersion.State.DRAFT
    assert draft.rows.get().target == "memo"


def test_what_a_person_published_is_replaced_by_what_the_file_says(orders, run):
    draft = new_draft(orders, None)
    draft.rows.filter(target="otherRefNum").update(source="number")
    publish(draft, None)
    assert run().changes == [
        "mapping document shopify-order: version 3 published, 1 row changed"
    ]
    assert orders.published().rows.get(target="otherRefNum").source == "name"


def test_a_draft_published_without_a_change_is_no_difference(orders, run):
    publish(new_draft(orders, None), None)
    assert run().changes == []
    assert orders.published().number == 2
