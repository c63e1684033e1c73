from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from page_builders import ORDER, make_record

from integrations.connectors.errors import TimedOut
from integrations.models import CachedLookup, InboxEvent, Link, SyncRecord
from integrations.sync import preview
from mappings.engine import Mapped, Problem, Trace
from mappings.models import MappingDocument, MappingRow, MappingVersion, SumCheck


@pytest.fixture
def address(version):
    return reverse("admin:integrations_preview", args=[version.pk])


@pytest.fixture
def outcome(monkeypatch):
    """Let the mapping give what a test wants; keeps what it was asked."""

    def answer(found):
        def map_record(record, version):
            asked.append((record, version))
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(preview, "map_record", map_record)
        return asked

    asked = []
    return answer


GOOD = Mapped(
    {"otherRefNum": "#1001", "total": Decimal("19.90")},
    trace=(
        Trace("otherRefNum", "name", "#1001", "r1"),
        Trace("total", "total_price", Decimal("19.90"), "r2"),
    ),
)


def make_event(shop, **changes):
    columns = {
        "connection": shop,
        "delivery_id": "d-9",
        "topic": "orders/create",
        "body": b'{"id": 5, "name": "#5005"}',
        "digest": "0" * 64,
        "received_at": "2026-11-21T00:00Z",
    }
    return InboxEvent.objects.create(**columns | changes)


def test_source_and_result_stand_side_by_side(operator, address, record, outcome):
    outcome(GOOD)
    page = operator.get(address).content.decode()
    assert "This record would go as shown." in page
    assert "&quot;total_price&quot;: &quot;19.90&quot;" in page
    assert "&quot;total&quot;: 19.90" in page


def test_the_asked_version_is_tried_and_not_the_published_one(
    operator, version, record, outcome
):
    draft = MappingVersion.objects.create(document=version.document, number=2)
    asked = outcome(GOOD)
    operator.get(reverse("admin:integrations_preview", args=[draft.pk]))
    assert asked == [(record, draft)]


def test_a_chosen_record_is_tried(operator, address, flow, record, outcome):
    other = make_record(flow, source_key="2", label="#2002")
    asked = outcome(GOOD)
    operator.get(address, {"record": record.pk})
    operator.get(address, {"record": other.pk})
    assert [one for one, _ in asked] == [record, other]


def test_records_are_found_by_words(operator, address, flow, record, outcome):
    make_record(flow, source_key="2", label="#2002", party="Bob", email="b@b.example")
    outcome(GOOD)
    page = operator.get(address, {"q": "lovelace", "record": record.pk})
    assert "Bob" not in page.content.decode()


def test_the_only_hit_of_a_search_is_shown_at_once(
    operator, address, flow, record, outcome
):
    make_record(flow, source_key="2", label="#2002", party="Bob", email="b@b.example")
    asked = outcome(GOOD)
    page = operator.get(address, {"q": "lovelace"}).content.decode()
    assert [one for one, _ in asked] == [record]
    assert "<summary>Found</summary>" in page and "Latest records" not in page


@pytest.mark.parametrize("words", ["#", "nobody"])
def test_a_search_without_a_single_hit_tries_nothing(
    operator, address, flow, record, outcome, words
):
    make_record(flow, source_key="2", label="#2002")
    asked = outcome(GOOD)
    operator.get(address, {"q": words})
    assert asked == []


def test_problems_stand_beside_their_field(operator, address, record, outcome):
    problem = Problem(
        "mapping",
        "poNum",
        "has no value for GBX",
        "Add it to the table.",
        "code",
        row="r",
    )
    outcome(Mapped({}, problems=(problem,)))
    page = operator.get(address).content.decode()
    assert "1 problem." in page
    assert page.count("Add it to the table.") == 2


def test_an_exclusion_is_named(operator, address, record, outcome):
    outcome(Mapped({}, excluded="Test orders"))
    page = operator.get(address).content.decode()
    assert "The rule “Test orders” keeps this record out" in page


def test_totals_say_whether_they_hold(operator, address, version, record, outcome):
    MappingVersion.objects.update(state="draft")
    version.refresh_from_db()
    for name, part in (("Goods", "a"), ("Tax", "b"), ("Tip", "c[0].rate")):
        SumCheck.objects.create(version=version, name=name, source="x", parts=[part])
    problems = (
        Problem("mapping", "b", "Tax: differs", "", row="Tax"),
        Problem("data", "c[3].rate", "is empty", "", row="r9"),
    )
    outcome(Mapped({}, problems=problems))
    trial = preview.try_out(version, record)
    assert preview.totals_of(version, trial.mapped) == [
        ("Goods", preview.Verdict.HOLDS),
        ("Tax", preview.Verdict.FAILS),
        ("Tip", preview.Verdict.OPEN),
    ]
    assert "not checked: a part is missing" in operator.get(address).content.decode()


def test_a_look_up_that_fails_is_told_in_words(operator, address, record, outcome):
    outcome(TimedOut("Books did not answer."))
    page = operator.get(address).content.decode()
    assert "Could not be mapped" in page
    assert "Books did not answer." in page


def test_a_delivery_is_tried_without_entering_it(
    operator, address, flow, shop, outcome
):
    event = make_event(shop)
    asked = outcome(GOOD)
    page = operator.get(address, {"event": event.pk}).content.decode()
    assert "Order #5005" in page
    ((tried, _),) = asked
    assert tried.source == {"id": 5, "name": "#5005"}
    assert tried.target_connection == flow.target
    assert not SyncRecord.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"body": b"{"}, "This is no JSON"),
        ({"topic": "customers/create"}, "This delivery carries a customer"),
    ],
)
def test_a_delivery_that_does_not_fit_is_told_in_words(
    operator, address, flow, shop, changes, words
):
    event = make_event(shop, **changes)
    assert words in operator.get(address, {"event": event.pk}).content.decode()


def test_records_of_other_mappings_are_not_shown(operator, record):
    document = MappingDocument.objects.create(
        name="Stock",
        slug="stock",
        source_system="netsuite",
        source_entity="stock",
        target_system="shopify",
        target_record="level",
    )
    other = MappingVersion.objects.create(document=document, number=1)
    address = reverse("admin:integrations_preview", args=[other.pk])
    assert "No flow uses this mapping yet." in operator.get(address).content.decode()
    assert operator.get(address, {"record": record.pk}).status_code == 404


def test_a_preview_changes_nothing(operator, address, record, outcome):
    before = SyncRecord.objects.values().get()
    outcome(GOOD)
    operator.get(address, {"record": record.pk})
    assert SyncRecord.objects.values().get() == before
    assert not record.attempts.exists()
    assert not Link.objects.exists() and not CachedLookup.objects.exists()


@pytest.mark.parametrize("number", ["x", "²", "9" * 40])
def test_a_strange_record_number_is_not_found(operator, address, record, number):
    assert operator.get(address, {"record": number}).status_code == 404


def test_the_source_is_shown_as_text(operator, address, record, outcome):
    SyncRecord.objects.update(source=ORDER | {"note": "<script>alert(1)</script>"})
    outcome(GOOD)
    assert "<script>alert(1)" not in operator.get(address).content.decode()


def test_the_real_mapping_names_the_empty_required_field(operator, address, record):
    page = operator.get(address).content.decode()
    assert "1 problem." in page
    assert "<code>poNum</code>" in page
    assert "&quot;otherRefNum&quot;: &quot;#1001&quot;" in page


def test_the_real_mapping_is_content_once_the_field_is_filled(
    operator, address, record
):
    SyncRecord.objects.update(source=ORDER | {"po_number": "PO-7"})
    page = operator.get(address).content.decode()
    assert "This record would go as shown." in page


@pytest.fixture
def blind(db, client):
    """Sees mapping versions, and no personal fields."""
    person = User.objects.create_user("bert", is_staff=True)
    right = Permission.objects.get(codename="view_mappingversion")
    person.user_permissions.set([right])
    client.force_login(person)
    return client


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        (
            {"source": "name, buyer.phone", "transforms": ["join"]},
            {"buyer": {"phone": "5550018"}},
        ),
        (
            {"source": "note", "sensitivity": "personal"},
            {"note": "Ruritania 5550018"},
        ),
    ],
)
def test_a_preview_hides_what_any_source_or_the_row_makes_private(
    blind, version, record, row, holds
):
    draft = MappingVersion.objects.create(document=version.document, number=2)
    MappingRow.objects.create(version=draft, target="memo", **row)
    SyncRecord.objects.update(source=ORDER | holds)
    address = reverse("admin:integrations_preview", args=[draft.pk])
    page = blind.get(address).content.decode()
    assert "5550018" not in page
    assert "<code>memo</code>" in page and "&quot;memo&quot;: &quot;•••&quot;" in page


def test_a_preview_tells_a_private_problem_without_the_value(
    blind, address, record, outcome
):
    problem = Problem(
        "mapping",
        "memo",
        "'Ruritania' is not in the table",
        "Add 'Ruritania' to it.",
        value="Ruritania",
        sensitivity="secret",
    )
    outcome(Mapped({}, problems=(problem,)))
    page = blind.get(address).content.decode()
    assert "Ruritania" not in page and "is not in the table" in page
