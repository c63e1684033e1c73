import re
from html import unescape

import pytest
from page_builders import in_group

from errorqueue.clock import database_time
from integrations.models import AuditEntry, OwnershipConflict, SyncRecord
from mappings import services
from mappings.models import MappingDocument, MappingRow, MappingVersion

Answer = OwnershipConflict.Answer
LIST = "/admin/integrations/ownershipconflict/"
MATRIX = "/admin/integrations/owners/"


@pytest.fixture
def conflict(record):
    SyncRecord.objects.filter(pk=record.pk).update(state=SyncRecord.State.DELIVERED)
    return OwnershipConflict.objects.create(
        record=record,
        field="poNum",
        owner="netsuite",
        writer="shopify",
        rule="hold",
        standing="PO-77",
        wanted="PO-78",
        found_at=database_time(),
    )


def answer(client, conflict, value, reason="The customer said so", **more):
    address = f"{LIST}{conflict.pk}/answer/"
    return client.post(address, {"answer": value, "reason": reason, **more})


def page(client, address):
    got = client.get(address)
    assert got.status_code == 200
    return got.content.decode()


def test_an_open_conflict_stands_on_the_front_page_and_in_the_list(operator, conflict):
    front = page(operator, "/admin/")
    assert "Ownership conflicts" in front and "somebody else owns them" in front
    listed = page(operator, LIST)
    assert "PO-77" in listed and "PO-78" in listed and "NetSuite" in listed


def test_the_page_shows_both_values_and_what_this_person_may_answer(operator, conflict):
    shown = page(operator, f"{LIST}{conflict.pk}/change/")
    assert "PO-77" in shown and "PO-78" in shown
    assert 'value="owner_wins"' in shown and 'value="accepted"' in shown
    assert 'value="new_owner"' not in shown


def test_the_owner_wins_with_a_reason_that_is_kept(operator, conflict):
    assert answer(operator, conflict, "owner_wins").status_code == 302
    conflict.refresh_from_db()
    assert conflict.answer == Answer.OWNER_WINS
    assert conflict.answered_by.username == "olga"
    entry = AuditEntry.objects.get(verb="conflict answered")
    assert "The customer said so" in entry.detail and entry.by == conflict.answered_by
    assert "The customer said so" in page(operator, f"{LIST}{conflict.pk}/change/")


def test_without_a_reason_nothing_changes_and_the_page_says_why(operator, conflict):
    got = answer(operator, conflict, "owner_wins", reason="  ")
    assert "Say in a few words why" in got.content.decode()
    conflict.refresh_from_db()
    assert conflict.is_open


def test_an_accepted_value_goes_again_at_once(operator, conflict):
    answer(operator, conflict, "accepted")
    conflict.record.refresh_from_db()
    assert conflict.record.state == SyncRecord.State.WAITING


def test_a_second_answer_is_refused(operator, conflict):
    answer(operator, conflict, "owner_wins")
    got = answer(operator, conflict, "accepted")
    assert "answered meanwhile" in got.content.decode()
    conflict.refresh_from_db()
    assert conflict.answer == Answer.OWNER_WINS


def test_an_editor_changes_the_owner_by_a_draft(client, conflict):
    client.force_login(in_group("eva", "Mapping editors"))
    got = answer(client, conflict, "new_owner")
    draft = MappingVersion.objects.get(state=MappingVersion.State.DRAFT)
    assert got.url == f"/admin/mappings/mappingversion/{draft.pk}/change/"
    assert draft.rows.get(target="poNum").owner == "shopify"
    answered = page(client, f"{LIST}{conflict.pk}/change/")
    assert "the owner changes when it is published" in answered


@pytest.mark.parametrize(
    ("group", "value"),
    [("Auditors", "owner_wins"), ("Operators", "new_owner"), ("Signers", "accepted")],
)
def test_who_may_not_answer_changes_nothing(client, conflict, group, value):
    client.force_login(in_group("nobody", group))
    assert answer(client, conflict, value).status_code == 403
    conflict.refresh_from_db()
    assert conflict.is_open


def test_personal_values_are_masked(client, conflict):
    OwnershipConflict.objects.filter(pk=conflict.pk).update(
        field="email", standing="ada@example.com", wanted="eve@example.com"
    )
    client.force_login(in_group("fritz", "Auditors"))
    for address in (LIST, f"{LIST}{conflict.pk}/change/"):
        shown = page(client, address)
        assert "ada@example.com" not in shown and "eve@example.com" not in shown


def test_the_list_costs_the_same_for_more(
    operator, conflict, django_assert_max_num_queries
):
    for field in ("a", "b", "c", "d", "e", "f"):
        OwnershipConflict.objects.create(
            record=conflict.record,
            field=field,
            owner="netsuite",
            writer="shopify",
            found_at=database_time(),
        )
    with django_assert_max_num_queries(20):
        page(operator, LIST)


# Who owns what


@pytest.fixture
def owners(version):
    MappingVersion.objects.filter(pk=version.pk).update(state="draft")
    MappingRow.objects.filter(version=version).update(owner="shopify")
    MappingVersion.objects.filter(pk=version.pk).update(state="published")
    return version


def other_document(owner, **columns):
    """Publish another document that writes the same field."""
    document = MappingDocument.objects.create(
        name="Wholesale orders",
        slug="wholesale",
        source_system="salesforce",
        source_entity="order",
        target_system="netsuite",
        target_record="salesOrder",
    )
    draft = MappingVersion.objects.create(document=document, number=1)
    MappingRow.objects.create(
        version=draft, target="poNum", source="PoNumber", owner=owner, **columns
    )
    return draft


def test_the_matrix_names_owner_updaters_direction_and_rule(operator, owners):
    shown = page(operator, MATRIX)
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())
    assert "NetSuite: salesOrder" in text
    assert "poNum Shopify Shopify Shopify → NetSuite The owner's value wins" in text
    assert "Orders v1" in text


def test_a_field_with_two_owners_shows_both_lines_with_links(operator, owners):
    other = other_document("salesforce")
    MappingVersion.objects.filter(pk=other.pk).update(state="published")
    shown = page(operator, MATRIX)
    assert "has two owners" in shown and "Keeps versions back" in shown
    for version in (owners, other):
        assert f"/admin/mappings/mappingversion/{version.pk}/change/" in shown


def test_a_second_owner_keeps_a_version_from_going_live(owners):
    other = other_document("salesforce")
    [fault] = services.faults_of(other)
    assert "has two owners" in fault
    assert "'Orders', row poNum" in fault and "'Wholesale orders', row poNum" in fault
    with pytest.raises(Exception, match="two owners"):
        services.publish(other, None)
    other.refresh_from_db()
    assert other.state == MappingVersion.State.DRAFT


def test_a_one_way_field_mapped_backwards_is_refused(owners):
    MappingRow.objects.filter(pk__in=other_document("netsuite").rows.all()).update(
        target="memo"
    )
    other = MappingVersion.objects.get(document__slug="wholesale")
    [fault] = services.faults_of(other)
    assert "mapped backwards" in fault


def test_an_owner_changes_in_two_documents_one_after_the_other(owners):
    other = other_document("shopify")
    services.publish(other, None)
    drafts = [services.new_draft(one.document, None) for one in (owners, other)]
    drafts[0].rows.filter(target="poNum").update(owner="salesforce")
    assert services.faults_of(drafts[0])
    drafts[1].rows.filter(target="poNum").update(owner="salesforce")
    assert not services.faults_of(drafts[0])
    services.publish(drafts[0], None)
    services.publish(drafts[1], None)


def test_documents_of_two_environments_are_not_laid_beside_each_other(owners):
    other = other_document("salesforce")
    MappingDocument.objects.filter(pk=other.document_id).update(
        environment="production"
    )
    other.document.refresh_from_db()
    assert services.faults_of(other) == []


def test_no_owner_is_flagged_and_keeps_nothing_back(operator, version):
    shown = page(operator, MATRIX)
    assert "has no owner" in shown and "No owner" in shown
    assert services.faults_of(version) == []


def test_the_matrix_costs_the_same_for_more(
    operator, owners, django_assert_max_num_queries
):
    for place in range(30):
        other_row = MappingRow(
            version=owners, target=f"field{place}", source="x", owner="shopify"
        )
        MappingRow.objects.bulk_create([other_row])
    with django_assert_max_num_queries(16):
        page(operator, MATRIX)
