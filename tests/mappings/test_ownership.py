import pytest

from integrations.studio import ownership as answers
from integrations.sync.guarding import may_update, may_write
from mappings import ownership
from mappings.engine import Document, Row
from mappings.engine.lint import check_row
from mappings.engine.ownership import Claim, find_conflicts
from mappings.engine.wording import system
from mappings.models import MappingRow
from mappings.rows import row_from

SHOP = ("shopify", "customer")
ERP = ("netsuite", "customer")
CRM = ("salesforce", "Account")


def row(
    document, target, wrote, source=None, read="", owner="shopify", way="to_target"
):
    """The claims of one row."""
    claims = [Claim(document, wrote, *target, wrote, "target", owner, way)]
    if source:
        claims.append(Claim(document, wrote, *source, read, "source", owner, way))
    return claims


def faults(*rows):
    return find_conflicts([claim for one in rows for claim in one])


FORTH = row("Shop to ERP", ERP, "email", SHOP, "email")


def test_rows_that_agree_have_no_fault():
    again = row("CRM to ERP", ERP, "phone", CRM, "Phone", owner="salesforce")
    assert faults(FORTH, again) == []


def test_two_owners_of_one_field_are_shown_with_both_lines():
    other = row("CRM to ERP", ERP, "email", CRM, "Email", owner="salesforce")
    [fault] = faults(FORTH, other)
    assert fault.first.document == "Shop to ERP"
    assert fault.second.document == "CRM to ERP"
    assert "has two owners" in fault.text
    assert "'Shop to ERP', row email" in fault.text
    assert "'CRM to ERP', row email" in fault.text


def test_a_field_is_the_same_however_it_is_spelt():
    stored = row("A", ERP, "companyName", SHOP, "company", owner="shopify")
    queried = row("B", CRM, "Name", ("netsuite", "Customer"), "companyname", "netsuite")
    assert [f.text for f in faults(stored, queried) if "two owners" in f.text]
    place = row("A", ERP, "items[0].terms.id", owner="shopify")
    other = row("B", ERP, "items[1].terms", owner="netsuite")
    assert len(faults(place, other)) == 1


def test_a_field_without_owner_is_refused():
    [fault] = faults(row("A", ERP, "email", SHOP, "email", owner=""))
    assert fault.second is None and "has no owner" in fault.text


def test_a_value_carried_to_its_owner_is_backwards():
    back = row("ERP to shop", SHOP, "email", ERP, "email", owner="shopify")
    found = [fault for fault in faults(FORTH, back) if "backwards" in fault.text]
    [fault] = found
    assert fault.first.document == "ERP to shop"
    assert fault.second.document == "Shop to ERP"


def test_a_constant_may_fill_a_field_of_its_owner():
    assert faults(row("A", ERP, "isPerson", owner="netsuite")) == []


def test_there_and_back_needs_both_ways_in_each_row():
    forth = row("A", ERP, "email", SHOP, "email", way="both")
    back = row("B", SHOP, "email", ERP, "email", way="both")
    assert faults(forth, back) == []
    one_way = row("B", SHOP, "email", ERP, "email")
    assert any("comes back to it" in fault.text for fault in faults(forth, one_way))
    assert any("backwards" in fault.text for fault in faults(forth, one_way))


def test_an_unguarded_way_beside_a_guarded_one_is_found():
    forth = row("A", ERP, "email", SHOP, "email", way="both")
    back = row("B", SHOP, "email", ERP, "email", way="both")
    again = row("C", SHOP, "email", ERP, "email")
    assert any("comes back" in fault.text for fault in faults(forth, back, again))


def test_a_round_over_three_systems_is_a_loop():
    found = faults(
        row("A", ERP, "email", SHOP, "email", way="both"),
        row("B", CRM, "Email", ERP, "email", way="both"),
        row("C", SHOP, "email", CRM, "Email", way="both"),
    )
    [fault] = found
    assert "email of the Shopify customer → email of the NetSuite customer → " in (
        fault.text
    )


def test_one_loop_is_told_once():
    rows = [
        row("A", ERP, "email", SHOP, "email"),
        row("B", SHOP, "email", ERP, "email"),
    ]
    assert sum("comes back" in fault.text for fault in faults(*rows)) == 1


def test_many_claims_are_compared_in_one_pass():
    rows = [
        row(f"Document {number}", ERP, f"field{number}", SHOP, f"f{number}")
        for number in range(3000)
    ]
    assert faults(*rows) == []


@pytest.mark.parametrize("owner", ["netsuite", "NetSuite", " NETSUITE "])
def test_an_owner_is_the_same_system_however_it_is_written(owner):
    row = MappingRow(
        target="email", source="email", owner=owner, updaters="Shopify"
    ).as_row()
    assert (row.owner, row.updaters) == ("netsuite", "shopify")
    assert may_write(row, "netsuite") and not may_write(row, "shopify")
    assert may_update(row, "shopify")
    typed, _ = row_from({"target": "email", "owner": owner}, "1", {})
    assert typed.owner == "netsuite"
    assert system(owner, "") == "NetSuite"


def test_a_misspelt_system_is_refused_and_an_unknown_one_is_not():
    def faults_of(**told):
        row = Row("email", source="email", **told)
        return [one.text for one in check_row(Document("", (row,)), row)]

    assert faults_of(owner="netsiute") == [
        "there is no system 'netsiute'; write netsuite"
    ]
    assert faults_of(owner="shopify", updaters="Shoppify, magento") == [
        "there is no system 'shoppify'; write shopify"
    ]
    assert faults_of(owner="warehouse", updaters="wms") == []


@pytest.mark.django_db
def test_a_new_owner_leaves_the_rest_of_its_row_to_others(draft):
    seen = draft.rows.get(target="memo")
    draft.rows.filter(target="memo").update(note="Theirs")
    answers._own(draft, seen, "netsuite", None)
    row = draft.rows.get(target="memo")
    assert (row.owner, row.note) == ("netsuite", "Theirs")


def test_what_an_expression_reads_is_claimed_too():
    row = MappingRow(target="email", expression="lower(email) or phone")
    assert set(ownership._reads(row, "")) == {"email", "phone"}
    assert list(ownership._reads(MappingRow(expression="((("), "")) == []
