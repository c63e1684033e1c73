"""Fields that changed at an account, and the rows of documents that they hit."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.urls import reverse

from errorqueue.models import Alert
from integrations.connectors import exact
from integrations.models import Drift, Flow, Metadata, Schedule, SyncRecord
from integrations.simulators.netsuite.record_types import RECORD_TYPES
from integrations.studio import drift as drifting
from integrations.studio import observed
from integrations.studio.drift import find
from integrations.studio.uses import Use, source_uses
from integrations.sync import schedules
from mappings.engine import Document, Exclusion, Row, Section, SumCheck
from mappings.engine import Kind as RowKind
from mappings.models import MappingRow, MappingVersion
from tests.flows.conftest import configure
from tests.integrations.environments import *  # noqa: F403

pytestmark = pytest.mark.django_db(transaction=True)

Kind = Drift.Kind


def rule(**told):
    return {
        "longest": None,
        "choices": [],
        "label": "",
        "type": "text",
        "required": False,
        **told,
    }


def use(path, **more):
    return Use("orders", path, path, **more)


def kinds(known, now, *uses):
    return {
        (one.kind, one.field): [u.row for u in one.uses]
        for one in find(known, now, uses)
    }


# Two states of the fields


def test_nothing_drifts_when_nothing_changed():
    fields = {"memo": rule(longest=10), "entity": rule(), "entity.id": rule()}
    assert kinds(fields, fields, use("memo"), use("entity.id")) == {}


def test_a_removed_field_hits_the_rows_inside_it():
    known = {"entity": rule(label="Customer"), "entity.id": rule(), "memo": rule()}
    assert kinds(known, {"memo": rule()}, use("entity.id"), use("memo")) == {
        (Kind.REMOVED, "entity"): ["entity.id"]
    }


def test_a_field_with_the_same_label_and_type_was_renamed():
    known = {"custbody_po": rule(label="PO number"), "memo": rule()}
    now = {"custbody_po2": rule(label="PO number"), "memo": rule()}
    [one] = find(known, now, [use("custbody_po")])
    assert (one.kind, one.was, one.now) == (Kind.RENAMED, "custbody_po", "custbody_po2")
    assert [u.row for u in one.uses] == ["custbody_po"]


def test_two_that_could_be_it_are_no_renaming():
    known = {"a": rule(label="PO number"), "memo": rule()}
    now = {"b": rule(label="PO number"), "c": rule(label="PO number"), "memo": rule()}
    assert set(kinds(known, now)) == {
        (Kind.REMOVED, "a"),
        (Kind.ADDED, "b"),
        (Kind.ADDED, "c"),
    }


def test_newly_required_hits_a_document_only_when_no_row_fills_it():
    known, now = {"dept": rule()}, {"dept": rule(required=True)}
    assert kinds(known, now, use("dept.id")) == {(Kind.REQUIRED, "dept"): []}
    assert kinds(known, now, use("memo2"), *[])[(Kind.REQUIRED, "dept")] == [
        "(no row fills it)"
    ]


@pytest.mark.parametrize(
    ("limit", "hit"), [(None, True), (50, True), (20, False), (10, False)]
)
def test_newly_shorter_hits_rows_that_allow_more(limit, hit):
    known, now = {"memo": rule(longest=50)}, {"memo": rule(longest=20)}
    [one] = find(known, now, [use("memo", max_length=limit)])
    assert one.kind == Kind.SHORTER and bool(one.uses) is hit
    assert (one.was, one.now) == ("50 characters", "20 characters")


def test_longer_is_no_drift():
    assert (
        kinds({"memo": rule(longest=20)}, {"memo": rule(longest=50)}, use("memo")) == {}
    )


def test_a_choice_that_went_hits_the_constant_that_used_it():
    known = {"status": rule(choices=["A", "B"])}
    now = {"status": rule(choices=["A", "C"])}
    [one] = find(known, now, [use("status", constant="B"), use("status", constant="A")])
    assert (one.kind, one.was, one.now) == (Kind.CHOICES, "without B", "with C")
    assert [u.constant for u in one.uses] == ["B"]


def test_an_account_without_metadata_says_nothing():
    assert find({"memo": rule()}, {}, [use("memo")]) == []


def test_every_place_that_reads_the_source_is_a_use():
    document = Document(
        "Orders",
        (
            Row("memo", RowKind.TEMPLATE, template="{note} of {$.name}"),
            Row("memo2", RowKind.EXPRESSION, expression="email or phone"),
            Row("gift", source="waybill.external_id", when="gift_message"),
            Row("rate", source="price", section="Lines", when="^.is_paid"),
            Row(
                "fee",
                source="$.fee.amount",
                section="Discounts",
                when="^.sku and ^.^.x",
            ),
        ),
        sections=(
            Section("Lines", "item.items", "line_items", "quantity"),
            Section("Discounts", "off.items", "line_items[].discounts[]"),
        ),
        exclusions=(Exclusion("Tests", "test = true"),),
        checks=(SumCheck("Total", "total_price", ("rate",)),),
    )
    found = {(one.row, one.path) for one in source_uses("orders", document)}
    assert found == {
        ("memo", "note"),
        ("memo", "name"),
        ("memo2", "email"),
        ("memo2", "phone"),
        ("gift", "gift_message"),
        ("Lines: rate", "line_items.price"),
        ("Lines: rate", "is_paid"),
        ("Discounts: fee", "fee.amount"),
        ("Discounts: fee", "line_items.sku"),
        ("Discounts: fee", "x"),
        ("Section Lines", "line_items"),
        ("Section Lines", "line_items.quantity"),
        ("Section Discounts", "line_items.discounts"),
        ("Exclusion Tests", "test"),
        ("Check Total", "total_price"),
    }
    known = {"note": rule(), "email": rule(), "test": rule(), "name": rule()}
    hit = {
        one.field: one.uses
        for one in find(known, {"name": rule()}, source_uses("orders", document))
    }
    assert [use.row for use in hit["note"]] == ["memo"]
    assert [use.row for use in hit["email"]] == ["memo2"]
    assert [use.row for use in hit["test"]] == ["Exclusion Tests"]


# With the account


@pytest.fixture
def first_night(demo, books):
    drifting.look()


@pytest.fixture
def fields(monkeypatch):
    """Change what the account says of a field of sales orders, until mended."""
    kind = RECORD_TYPES["salesOrder"]
    original = dict(kind.fields)

    def change(name, **columns):
        kind.fields[name] = replace(original[name], **columns)

    def remove(name):
        del kind.fields[name]

    def mend():
        kind.fields.clear()
        kind.fields.update(original)

    change.remove, change.mend = remove, mend
    yield change
    mend()


def opened():
    return {(one.field, one.kind) for one in Drift.objects.filter(gone_at=None)}


def test_what_is_written_under_the_name_of_what_is_read_is_no_drift(demo, books):
    """Customers are read from the shop and written to it, in other fields."""
    configure("flows/netsuite-customers.yaml", "flows/shopify-fulfillments.yaml")
    configure("flows/netsuite-fulfillments.yaml")
    drifting.look()
    assert opened() == set()


def test_the_documents_that_come_along_fit_the_account(demo, books):
    drifting.look()
    assert opened() == set()
    assert Metadata.objects.filter(
        connection=books, name="known fields of salesOrder"
    ).exists()


def test_a_removed_field_alerts_once_and_closes_when_it_is_back(
    first_night, fields, drain
):
    fields.remove("memo")
    for _ in range(3):
        drifting.look()
        drain()
    one = Drift.objects.get()
    assert (one.field, one.kind, one.record_type) == (
        "memo",
        Kind.REMOVED,
        "salesOrder",
    )
    assert ["shopify-order", "memo"] in one.documents
    [alert] = Alert.objects.all()
    assert len(mail.outbox) == 1 and "memo" in mail.outbox[0].body
    fields.mend()
    drifting.look()
    one.refresh_from_db()
    alert.refresh_from_db()
    assert one.gone_at and alert.closed_at


def test_shorter_closes_when_the_document_is_mended(
    first_night, fields, order_document
):
    fields("memo", limit=100)
    drifting.look()
    assert opened() == {("memo", Kind.SHORTER)}
    version = order_document.published()
    MappingVersion.objects.filter(pk=version.pk).update(state="draft")
    MappingRow.objects.filter(version=version, target="memo").update(max_length=100)
    MappingVersion.objects.filter(pk=version.pk).update(
        state="published", published_at="2026-01-02T00:00Z"
    )
    drifting.look()
    assert opened() == set()
    drifting.look()
    assert (
        Drift.objects.count() == 1 and not Alert.objects.filter(closed_at=None).exists()
    )


def test_what_hits_no_document_alerts_nobody_and_is_over_once_seen(
    first_night, netsuite, books, admin_user
):
    netsuite.add_custom_field("custbody_gift", "text")
    drifting.look()
    [one] = Drift.objects.all()
    assert (one.field, one.kind, one.documents) == ("custbody_gift", Kind.ADDED, [])
    assert not Alert.objects.exists()
    drifting.look()
    assert Drift.objects.count() == 1
    drifting.mark_seen(one, admin_user)
    drifting.look()
    drifting.look()
    assert opened() == set() and Drift.objects.count() == 1


def test_what_was_seen_but_not_mended_stays_open_and_alerts_no_more(
    first_night, fields, admin_user
):
    fields.remove("memo")
    drifting.look()
    drifting.mark_seen(Drift.objects.get(), admin_user)
    drifting.look()
    assert opened() == {("memo", Kind.REMOVED)}
    assert not Alert.objects.filter(closed_at=None).exists()


def test_an_account_that_does_not_answer_changes_nothing(first_night, fields, netsuite):
    fields.remove("memo")
    netsuite.fail_next(503, times=50)
    drifting.look()
    assert opened() == set()


def test_the_jobs_are_installed_with_every_installation(db):
    schedules.ensure_defaults()
    for name in ("drift", "lookups", "coverage"):
        assert Schedule.objects.filter(job=name, is_enabled=True).count() == 1
        assert name in schedules.JOBS


def test_the_page_says_what_happened_and_takes_seen_from_who_may(
    client, first_night, fields
):
    fields.remove("memo")
    drifting.look()
    page = reverse("admin:integrations_drift_changelist")
    for name, group in (("rita", "Auditors"), ("mara", "Mapping editors")):
        person = User.objects.create_user(name, is_staff=True)
        person.groups.add(Group.objects.get(name=group))
    sent = {"action": "mark_seen", "_selected_action": [Drift.objects.get().pk]}
    client.force_login(User.objects.get(username="rita"))
    shown = client.get(page).content.decode()
    assert "The field memo of salesOrder is not there any more." in shown
    assert "shopify-order: memo" in shown
    client.post(page, sent)
    assert Drift.objects.get().seen_at is None
    client.force_login(User.objects.get(username="mara"))
    client.post(page, sent)
    assert Drift.objects.get().seen_by.username == "mara"


# An account that does not tell of its fields


def tallied(*sources):
    tally = observed.Tally()
    for source in sources:
        tally.count(source)
    return tally


def seen(*sources, known=None):
    return observed.fields_of(known or {}, tallied(*sources))


ORDER = {"id": 1, "note": None, "lines": [{"sku": "A", "tax": "1"}, {"sku": "B"}]}


def test_fields_are_what_records_show_with_how_often():
    now = seen(*[ORDER] * 25)
    assert {path: rule["share"] for path, rule in now.items()} == {
        "id": 1.0,
        "note": 1.0,
        "lines": 1.0,
        "lines.sku": 1.0,
        "lines.tax": 0.5,
    }
    assert (now["note"]["type"], now["lines"]["type"]) == ("", "list")


def test_a_field_is_missed_only_when_it_would_have_been_seen():
    known = seen(*[ORDER] * 25)
    without = {"id": 1, "note": None, "lines": [{"sku": "A"}]}
    assert set(known) - set(seen(*[without] * 25, known=known)) == {"lines.tax"}
    empty = {"id": 1, "note": None, "lines": []}
    assert set(seen(*[empty] * 25, known=known)) == set(known)
    few = {"id": 1, "lines": [{"sku": "A"}]}
    assert set(seen(*[few] * 5, known=known)) == set(known)


def test_what_comes_now_and_then_comes_and_goes_without_a_word():
    rare = [{"id": 1, "gift": "x"}] * 3 + [{"id": 1}] * 97
    known = seen(*rare)
    assert "gift" in known
    assert "gift" in seen(*[{"id": 1}] * 100, known=known)
    assert "odd" not in seen(*[{"id": 1}] * 98, *[{"id": 1, "odd": 1}] * 2)


@pytest.fixture
def shop_orders(demo, post_order, drain):
    """One order, and copies of it that are changed before they are stored."""
    post_order(number=1)
    drain()
    first = SyncRecord.objects.get(flow__slug="shopify-orders")

    def enter(count, change=lambda source: None):
        made = []
        for _ in range(count):
            source = exact.loads(exact.dumps(first.source))
            change(source)
            number = SyncRecord.objects.count() + len(made) + 1
            fresh = SyncRecord(
                flow=first.flow,
                target_connection=first.target_connection,
                source_key=f"copy-{number}",
                source=source,
                event=first.event,
                due_at=first.due_at,
                state=SyncRecord.State.DELIVERED,
            )
            made.append(fresh)
        SyncRecord.objects.bulk_create(made)

    return enter


def test_a_field_that_the_shop_sends_no_more_hits_the_rows_that_read_it(shop_orders):
    shop_orders(30)
    drifting.look()
    assert opened() == set()
    shop_orders(
        observed.NEWEST, lambda order: (order.pop("name"), order.update(fresh="1"))
    )
    drifting.look()
    assert opened() == {("name", Kind.REMOVED), ("fresh", Kind.ADDED)}
    gone = Drift.objects.get(kind=Kind.REMOVED)
    assert gone.connection.slug == "shopify"
    assert ["shopify-order", "otherRefNum"] in gone.documents
    assert drifting.sentence(gone) == (
        "The field name of order is not in the newest 100 records any more."
    )
    assert Alert.objects.filter(closed_at=None).count() == 1
    shop_orders(10)
    drifting.look()
    assert ("name", Kind.REMOVED) not in opened()
    assert not Alert.objects.filter(closed_at=None).exists()


def test_few_records_say_nothing_of_fields(shop_orders):
    shop_orders(observed.FEWEST - 2)
    drifting.look()
    assert not Metadata.objects.filter(name="known fields of order").exists()


def test_newly_shorter_says_how_many_recent_values_would_not_fit(
    first_night, fields, post_order, drain
):
    for number in (1, 2):
        post_order(number=number)
    drain()
    fields("otherRefNum", limit=1)
    drifting.look()
    one = Drift.objects.get(field="otherRefNum")
    assert "takes 1 characters now" in drifting.sentence(one)
    assert "2 of the newest 2 values would not fit." in drifting.sentence(one)


def test_what_no_flow_uses_any_more_is_over(first_night, fields):
    fields.remove("memo")
    drifting.look()
    assert opened() == {("memo", Kind.REMOVED)}
    Flow.objects.filter(target_record="salesOrder").update(is_enabled=False)
    drifting.look()
    assert opened() == set()
    assert not Alert.objects.filter(closed_at=None).exists()
    Flow.objects.filter(target_record="salesOrder").update(is_enabled=True)
    drifting.look()
    assert opened() == {("memo", Kind.REMOVED)}
