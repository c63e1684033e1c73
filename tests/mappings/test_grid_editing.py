"""Two people at one draft, what the grid takes, and what the trail is told."""

import json

import pytest
from django.urls import reverse

from mappings import changes, services
from mappings.engine import Document, SumCheck
from mappings.engine.difference import written
from mappings.models import MappingRow
from mappings.rows import row_from, values_of
from tests.mappings import shipped
from tests.mappings.conftest import make_person
from tests.mappings.filling import fill_draft
from tests.mappings.test_admin import faults, field_of, posted, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(order_document):
    whole = shipped.document("shopify-order")
    kept = ("memo", "otherRefNum", "tranDate")
    parts = {
        "rows": [r for r in whole.rows if r.section == "Lines" or r.target in kept],
        "sections": [one for one in whole.sections if one.name == "Lines"],
        "checks": [SumCheck("Order total", "total_price", ("item.items[].amount",))],
    }
    made = services.new_draft(order_document, None)
    fill_draft(made, Document(**{**vars(whole), **parts}))
    return made


@pytest.fixture
def page(client, editor):
    client.force_login(editor)
    return client


@pytest.fixture
def other(client_class, db):
    """A second editor with a browser of their own."""
    person = make_person("other", "view add change delete")
    browser = client_class()
    browser.force_login(person)
    return browser


@pytest.fixture
def client_class():
    from django.test import Client

    return Client


@pytest.fixture
def told(monkeypatch):
    """Every change that the trail is told."""
    heard = []
    monkeypatch.setattr(changes, "_keepers", [lambda change, by: heard.append(change)])
    return heard


def row_of(draft, target="memo"):
    return draft.rows.get(target=target)


def test_what_the_other_changed_stays_and_what_i_changed_is_stored(page, other, draft):
    mine, theirs = posted(page.get(url(draft))), posted(other.get(url(draft)))
    theirs[field_of(theirs, "otherRefNum", "note")] = "agreed with Ada"
    assert other.post(url(draft), theirs).status_code == 302
    mine[field_of(mine, "memo", "note")] = "what the customer wrote"
    answer = page.post(url(draft), mine, follow=True)
    assert row_of(draft, "otherRefNum").note == "agreed with Ada"
    assert row_of(draft).note == "what the customer wrote"
    assert "Row otherRefNum was changed by somebody else" in answer.content.decode()


def conflicting(page, other, draft, field="chain", mine="lower", theirs="upper"):
    """Both change the same row; returns the answer to the second save."""
    own, first = posted(page.get(url(draft))), posted(other.get(url(draft)))
    first[field_of(first, "otherRefNum", field)] = theirs
    first[field_of(first, "otherRefNum", "status")] = "proposed"
    assert other.post(url(draft), first).status_code == 302
    own[field_of(own, "otherRefNum", field)] = mine
    own[field_of(own, "memo", "note")] = "typed beside it"
    return page.post(url(draft), own)


def test_the_second_save_of_one_row_stores_nothing_and_shows_both_values(
    page, other, draft
):
    answer = conflicting(page, other, draft)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Keep mine: <code>lower</code>" in text
    assert "Take theirs: <code>upper</code>" in text
    assert "Somebody else saved" in text
    assert row_of(draft, "otherRefNum").transforms == ["upper"]
    assert row_of(draft).note != "typed beside it"
    assert "typed beside it" in text


@pytest.mark.parametrize(
    ("choice", "chain"), [("mine", ["lower"]), ("theirs", ["upper"])]
)
def test_the_choice_decides_each_field_and_the_rest_is_kept(
    page, other, draft, choice, chain
):
    data = again(conflicting(page, other, draft))
    start = field_of(data, "otherRefNum", "answer-")
    data[f"{start}chain"] = choice
    data[f"{start}status"] = "theirs"
    answer = page.post(url(draft), data)
    assert answer.status_code == 302, faults(answer)
    row = row_of(draft, "otherRefNum")
    assert (row.transforms, row.status) == (chain, "proposed")
    assert row_of(draft).note == "typed beside it"


def again(answer):
    """What the browser sends from the page that shows conflicts."""
    data = posted(answer)
    for inline in answer.context["inline_admin_formsets"]:
        formset = inline.formset
        for one in formset.merged.conflicts:
            asked = " ".join(part.field for part in one.differences) or "whole"
            data[f"{formset.prefix}-{one.number}-asked"] = asked
    return data


def test_without_an_answer_it_is_asked_again(page, other, draft):
    data = again(conflicting(page, other, draft))
    answer = page.post(url(draft), data)
    assert answer.status_code == 200
    assert "Choose for each field" in answer.content.decode()
    assert row_of(draft, "otherRefNum").transforms == ["upper"]


def test_a_row_the_other_removed_is_asked_about_and_can_be_added_again(
    page, other, draft
):
    mine, theirs = posted(page.get(url(draft))), posted(other.get(url(draft)))
    theirs[field_of(theirs, "memo", "DELETE")] = "on"
    assert other.post(url(draft), theirs).status_code == 302
    mine[field_of(mine, "memo", "note")] = "still wanted"
    answer = page.post(url(draft), mine)
    assert "Somebody else removed it" in answer.content.decode()
    assert not draft.rows.filter(target="memo").exists()
    data = again(answer)
    data[field_of(data, "memo", "answer-whole")] = "mine"
    answer = page.post(url(draft), data)
    assert answer.status_code == 302, faults(answer)
    assert row_of(draft).note == "still wanted"


def test_an_untouched_row_that_the_other_removed_stays_removed(page, other, draft):
    mine, theirs = posted(page.get(url(draft))), posted(other.get(url(draft)))
    theirs[field_of(theirs, "memo", "DELETE")] = "on"
    other.post(url(draft), theirs)
    assert page.post(url(draft), mine).status_code == 302
    assert not draft.rows.filter(target="memo").exists()


def test_a_row_that_the_other_changed_is_not_removed_unasked(page, other, draft):
    mine, theirs = posted(page.get(url(draft))), posted(other.get(url(draft)))
    theirs[field_of(theirs, "memo", "note")] = "needed for audits"
    other.post(url(draft), theirs)
    mine[field_of(mine, "memo", "DELETE")] = "on"
    answer = page.post(url(draft), mine)
    assert answer.status_code == 200
    data = again(answer)
    data[field_of(data, "memo", "answer-whole")] = "theirs"
    assert page.post(url(draft), data).status_code == 302
    assert row_of(draft).note == "needed for audits"


def test_rows_that_the_other_added_stay(page, other, draft):
    mine = posted(page.get(url(draft)))
    draft.rows.create(target="custbody_new", source="name", position=500)
    mine[field_of(mine, "memo", "note")] = "mine"
    answer = page.post(url(draft), mine, follow=True)
    assert draft.rows.filter(target="custbody_new").exists()
    assert "custbody_new was added by somebody else" in answer.content.decode()


def test_lists_and_rules_are_guarded_alike(page, other, draft):
    mine, theirs = posted(page.get(url(draft))), posted(other.get(url(draft)))
    theirs["sections-0-when"] = "sku"
    other.post(url(draft), theirs)
    mine["sections-0-when"] = "quantity"
    answer = page.post(url(draft), mine)
    assert answer.status_code == 200
    assert draft.sections.get().when == "sku"
    assert "Keep mine: <code>quantity</code>" in answer.content.decode()


def test_every_field_that_changed_is_told_in_words(page, draft, told):
    data = posted(page.get(url(draft)))
    data[field_of(data, "memo", "chain")] = "first_non_empty | upper"
    data[field_of(data, "memo", "owner")] = "netsuite"
    data["checks-0-name"] = "Whole total"
    page.post(url(draft), data)
    found = {(one.verb, one.part, one.field, one.after) for one in told}
    assert ("changed", "Row memo", "transforms", "first_non_empty | upper") in found
    assert ("changed", "Row memo", "owner", "netsuite") in found
    assert ("changed", "Check Whole total", "name", "Whole total") in found
    assert len(found) == 3


def test_added_removed_and_moved_rows_are_told(page, draft, told):
    data = posted(page.get(url(draft)))
    number = int(data["rows-TOTAL_FORMS"])
    data["rows-TOTAL_FORMS"] = number + 1
    more = {"target": "custbody_channel", "kind": "constant", "comes_from": "web"}
    data |= {f"rows-{number}-{name}": value for name, value in more.items()}
    data[field_of(data, "memo", "DELETE")] = "on"
    data[field_of(data, "tranDate", "position")] = "9000"
    answer = page.post(url(draft), data)
    assert answer.status_code == 302, faults(answer)
    verbs = {(one.verb, one.part) for one in told}
    assert verbs == {
        ("added", "Row custbody_channel"),
        ("removed", "Row memo"),
        ("moved", "Row tranDate"),
    }
    moved = [one for one in told if one.verb == "moved"]
    assert [one.field for one in moved] == ["place"]


def test_an_unchanged_save_tells_nothing(page, draft, told):
    page.post(url(draft), posted(page.get(url(draft))))
    assert told == []


def test_all_columns_of_the_document_are_stored(page, draft):
    data = posted(page.get(url(draft)))
    values = {
        "status": "open",
        "sensitivity": "personal",
        "conflict": "hold",
        "updaters": "shop, support",
        "when_empty": "clear",
    }
    for name, value in values.items():
        data[field_of(data, "memo", name)] = value
    answer = page.post(url(draft), data)
    assert answer.status_code == 302, faults(answer)
    row = row_of(draft)
    assert (row.status, row.sensitivity, row.conflict) == ("open", "personal", "hold")
    assert (row.updaters, row.clears) == ("shop, support", True)


def test_a_default_typed_alone_is_used_and_one_without_use_is_refused(page, draft):
    data = posted(page.get(url(draft)))
    data[field_of(data, "memo", "default")] = "no remark"
    assert page.post(url(draft), data).status_code == 302
    assert values_of(row_of(draft))["when_empty"] == "default"
    data = posted(page.get(url(draft)))
    data[field_of(data, "memo", "when_empty")] = "refuse"
    answer = page.post(url(draft), data)
    [wrong] = [one for one in faults(answer)[0] if one]
    assert "Empty the default" in str(wrong["default"])


def test_a_row_as_texts_reads_as_the_stored_row(draft):
    tables = {}
    for part in MappingRow.objects.filter(version=draft).select_related("table"):
        if part.table:
            tables[str(part.table.pk)] = part.table.name
    for part in MappingRow.objects.filter(version=draft).select_related("table"):
        row, wrong = row_from(values_of(part), str(part.pk), tables)
        stored = part.as_row()
        assert not wrong
        assert row.key == stored.key
        same = {name: getattr(row, name) for name in vars(stored) if name[:1] != "_"}
        same["required"] = stored.required
        wanted = {name: v for name, v in vars(stored).items() if name in same}
        assert {name: same[name] for name in wanted} == wanted


def test_what_a_row_said_travels_with_its_form(page, draft):
    data = posted(page.get(url(draft)))
    seen = json.loads(data[field_of(data, "memo", "seen")])
    assert seen["target"] == "memo"
    assert seen["position"] == str(row_of(draft).position)


def test_an_auditor_sees_every_column_and_can_type_nothing(client, auditor, draft):
    client.force_login(auditor)
    MappingRow.objects.filter(target="memo").update(sensitivity="personal")
    text = client.get(url(draft)).content.decode()
    assert "Personal" in text and "rows-0-comes_from" not in text
    assert 'id="grid-add"' not in text


def test_the_document_page_is_reached_from_the_version(page, draft):
    address = reverse("admin:integrations_studio_history", args=[draft.document_id])
    assert address in page.get(url(draft)).content.decode()


@pytest.mark.parametrize(
    ("kind", "text", "longest"),
    [("copy", "a" * 201, 200), ("template", "{name} " + "b" * 300, 300)],
)
def test_what_is_too_long_for_its_kind_is_said_and_not_cut(
    page, draft, kind, text, longest
):
    data = posted(page.get(url(draft)))
    data[field_of(data, "memo", "kind")] = kind
    data[field_of(data, "memo", "comes_from")] = text
    data[field_of(data, "memo", "chain")] = ""
    answer = page.post(url(draft), data)
    assert answer.status_code == 200
    assert f"at most {longest} for this kind" in answer.content.decode()


def test_people_read_a_system_by_its_proper_name(page, client, auditor, draft):
    draft.rows.filter(target="memo").update(owner="netsuite", updaters="shopify")
    typed = page.get(url(draft)).content.decode()
    assert 'data-owner="netsuite">NetSuite</span>' in typed
    client.force_login(auditor)
    read = client.get(url(draft)).content.decode()
    assert "<dd>NetSuite</dd>" in read and "<dd>Shopify</dd>" in read
    assert written("owner", "shopify") == "Shopify"
