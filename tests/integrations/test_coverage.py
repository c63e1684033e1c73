"""Which rows, defaults and tables the last records used."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from integrations.models import Coverage, Metadata
from integrations.studio import coverage as measuring
from integrations.studio.refresh import KNOWN
from mappings import engine
from mappings.models import ValueTable
from tests.integrations.environments import *  # noqa: F403

pytestmark = pytest.mark.django_db(transaction=True)


def document(*rows, tables=None):
    return engine.document_from({"name": "Test", "rows": list(rows)}, tables or {})


def uses_of(read, *sources):
    tally = measuring.Tally()
    for source in sources:
        measuring.count(read, source, {}, tally)
    coverage = Coverage(content=tally.written())
    return {row.name: row for row in measuring.row_uses(read, coverage)}, coverage


def test_rows_are_used_always_the_default_or_never():
    read = document(
        {"target": "name", "source": "name"},
        {"target": "terms", "source": "terms", "default": "Net 30"},
        {"target": "colour", "source": "colour", "default": "red"},
        {"target": "fax", "source": "fax"},
    )
    rows, _ = uses_of(read, {"name": "A"}, {"name": "B", "colour": "blue"})
    assert {name: row.verdict for name, row in rows.items()} == {
        "name": "used",
        "terms": "default",
        "colour": "used",
        "fax": "never",
    }
    assert (rows["colour"].filled, rows["colour"].default) == (2, 1)


def test_table_rows_that_no_record_hit_are_named():
    tables = {"Colours": {"red": "1", "blue": "2"}, "Sizes": {"L": "l"}}
    read = document(
        {"target": "colour", "kind": "table", "source": "colour", "table": "Colours"},
        {"target": "size", "kind": "table", "source": "size", "table": "Sizes"},
        tables=tables,
    )
    _, coverage = uses_of(read, {"colour": "red"}, {"colour": "red"})
    colours, sizes = measuring.table_uses(read, coverage)
    assert (colours.hits, colours.unused) == (2, ["blue"])
    assert (sizes.hits, sizes.unused) == (0, ["L"])


def test_a_worker_measures_real_records_and_asks_nobody(
    post_order, drain, netsuite, order_document, monkeypatch
):
    for number in range(1, 4):
        post_order(number=number)
    drain()
    before = len(netsuite.journal)
    monkeypatch.setattr(measuring, "BATCH", 2)
    made = measuring.ask(order_document.published(), None)
    assert measuring.ask(order_document.published(), None) == made
    drain()
    made.refresh_from_db()
    assert made.ended_at and made.records == 3
    assert len(netsuite.journal) == before
    read = order_document.published().as_document()
    verdicts = {row.name: row.verdict for row in measuring.row_uses(read, made)}
    assert verdicts["otherRefNum"] == "used"
    assert verdicts["terms.id"] == "never"
    [methods] = [
        t for t in measuring.table_uses(read, made) if t.name == "Shipping methods"
    ]
    assert methods.hits and "DHL Express" in methods.unused


def test_a_measurement_that_died_goes_on_and_counts_nothing_twice(
    post_order, drain, order_document, monkeypatch
):
    for number in range(1, 4):
        post_order(number=number)
    drain()
    monkeypatch.setattr(measuring, "BATCH", 1)
    made = measuring.ask(order_document.published(), None)
    advance, steps = measuring._advance, []

    def dies(*args):
        steps.append(args)
        if len(steps) == 2:
            raise SystemExit
        return advance(*args)

    monkeypatch.setattr(measuring, "_advance", dies)
    with pytest.raises(SystemExit):
        measuring.step()
    drain()
    made.refresh_from_db()
    assert made.ended_at and made.records == 3


def test_every_night_each_live_document_is_sampled(post_order, drain, order_document):
    post_order(number=1)
    drain()
    measuring.ask_all()
    drain()
    made = Coverage.objects.get(version=order_document.published())
    assert (made.sample, made.records) == (measuring.NIGHTLY_SAMPLE, 1)


def test_required_fields_that_nobody_fills(demo, books, order_document):
    rules = {
        "memo": {"label": "Memo", "required": True},
        "department": {"label": "Department", "required": True},
        "department.id": {"required": False},
        "item": {},
        "item.items": {},
        "item.items.taxCode": {"label": "Tax code", "required": True},
        "partners": {},
        "partners.items.role": {"required": True},
        "partners.items": {},
    }
    Metadata.objects.create(
        connection=books, name=f"{KNOWN}salesOrder", content=rules,
        read_at="2026-01-01T00:00Z",
    )  # fmt: skip
    version = order_document.published()
    assert measuring.unfilled_required(version, version.as_document()) == [
        "Department (department)",
        "Tax code (item.items.taxCode)",
    ]


def test_the_page_measures_on_demand_and_checks_the_right(
    client, post_order, drain, order_document
):
    post_order(number=1)
    drain()
    ValueTable.objects.create(name="Forgotten table")
    page = reverse("admin:integrations_coverage", args=[order_document.pk])
    for name, group in (("rita", "Auditors"), ("mara", "Mapping editors")):
        person = User.objects.create_user(name, is_staff=True)
        person.groups.add(Group.objects.get(name=group))
    client.force_login(User.objects.get(username="rita"))
    assert client.get(page).status_code == 200
    assert client.post(page).status_code == 403
    client.force_login(User.objects.get(username="mara"))
    assert "look again" in client.post(page, follow=True).content.decode()
    drain()
    shown = client.get(page).content.decode()
    assert "over 1 records" in shown
    assert "Never filled" in shown
    unused = shown.partition("Value tables that no document uses")[2]
    assert "Forgotten table" in unused and "Shipping methods" not in unused
