import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mappings import services
from mappings.engine import Document, SumCheck
from mappings.models import MappingVersion, ValueTable
from tests.mappings import shipped
from tests.mappings.filling import fill_draft

pytestmark = pytest.mark.django_db


KEPT = (
    "entity.id",
    "tranDate",
    "otherRefNum",
    "memo",
    "orderStatus.id",
    "shipMethod.id",
)


@pytest.fixture
def draft(order_document):
    """A small cut of the order document: its pages are quick to make."""
    whole = shipped.document("shopify-order")
    parts = {
        "rows": [r for r in whole.rows if r.section == "Lines" or r.target in KEPT],
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


def url(version, verb="change"):
    return reverse(f"admin:mappings_mappingversion_{verb}", args=[version.pk])


def posted(response):
    """What a browser would send back, unchanged."""
    data = {}
    context = response.context
    data.update(context["adminform"].form.initial)
    for inline in context["inline_admin_formsets"]:
        formset = inline.formset
        for form in [formset.management_form, *formset.forms]:
            for field in form:
                value = field.value()
                if value is True:
                    value = "on"
                if value is not None and value is not False:
                    data[field.html_name] = value
    return data


def field_of(data, target, name):
    """The name of one cell of the row for a target."""
    prefix = next(
        key
        for key, value in data.items()
        if re.fullmatch(r"rows-\d+-target", key) and value == target
    )
    return prefix.removesuffix("target") + name


def test_an_unchanged_page_of_a_whole_document_saves_the_same(page, draft):
    fill_draft(draft, shipped.document("shopify-order"))
    before = draft.as_document()
    shown = page.get(url(draft))
    assert "data-inline-type" in shown.content.decode()
    answer = page.post(url(draft), posted(shown))
    assert answer.status_code == 302, faults(answer)
    assert draft.as_document() == before


def faults(response):
    return [one.formset.errors for one in response.context["inline_admin_formsets"]]


def test_transforms_are_edited_as_text_and_stored_as_a_chain(page, draft):
    data = posted(page.get(url(draft)))
    data[field_of(data, "otherRefNum", "chain")] = (
        "trim | cut(20) | replace(find='#', with='')"
    )
    assert page.post(url(draft), data).status_code == 302
    row = draft.rows.get(target="otherRefNum")
    assert row.transforms == [
        "trim",
        {"cut": {"length": 20}},
        {"replace": {"find": "#", "with": ""}},
    ]
    assert (
        "trim | cut(20) | replace(#, &#x27;&#x27;)"
        in page.get(url(draft)).content.decode()
    )


@pytest.mark.parametrize(
    ("cell", "text", "words"),
    [
        ("chain", "trim | shout", "There is no transform"),
        ("chain", "cut", "Cut needs"),
        ("chain", "cut(0)", "above 0"),
        ("comes_from", "order..name", "cannot be read"),
        ("comes_from", "", "Say where the value comes from"),
        ("comes_from", "{name", "stray brace"),
        ("when", "name =", "a value was expected"),
        ("when", "^.name", "no list here"),
        ("target", "a[].b", "is no target"),
        ("max_length", "0", "above 0"),
        ("record", "item", "Only a look-up"),
    ],
)
def test_a_fault_shows_at_its_row_in_clear_words(page, draft, cell, text, words):
    data = posted(page.get(url(draft)))
    data[field_of(data, "otherRefNum", cell)] = text
    answer = page.post(url(draft), data)
    assert answer.status_code == 200
    [wrong] = [one for one in faults(answer)[0] if one]
    assert list(wrong) == [cell]
    assert words in str(wrong)


def test_a_page_with_an_error_does_not_claim_to_be_without_faults(page, draft, tables):
    fill_draft(draft, shipped.document("shopify-order"))
    shown = page.get(url(draft))
    assert "No faults found" in shown.content.decode()
    data = posted(shown)
    data[field_of(data, "memo", "chain")] = "nonsense("
    answer = page.post(url(draft), data).content.decode()
    assert "Please correct" in answer
    assert "No faults found" not in answer


def test_a_document_links_each_of_its_versions(page, draft):
    address = reverse("admin:mappings_mappingdocument_change", args=[draft.document_id])
    link = f'<a href="{url(draft)}">Version {draft.number}</a>'
    assert link in page.get(address).content.decode()


def test_constants_and_templates_share_the_cell_of_the_source(page, draft):
    shown = page.get(url(draft))
    data = posted(shown)
    assert data[field_of(data, "orderStatus.id", "comes_from")] == "B"
    line = draft.rows.filter(section="Lines", kind="lookup").first()
    assert line.constant in shown.content.decode()
    data[field_of(data, "memo", "kind")] = "template"
    data[field_of(data, "memo", "comes_from")] = "Order {name}"
    data[field_of(data, "memo", "chain")] = ""
    assert page.post(url(draft), data).status_code == 302
    memo = draft.rows.get(target="memo")
    assert (memo.template, memo.source, memo.constant) == ("Order {name}", "", "")


def test_a_system_of_record_is_stored_by_the_name_that_flows_use(page, draft):
    data = posted(page.get(url(draft)))
    data[field_of(data, "memo", "owner")] = "NetSuite"
    data[field_of(data, "memo", "updaters")] = "Shopify, Salesforce"
    assert page.post(url(draft), data).status_code == 302
    row = draft.rows.get(target="memo")
    assert (row.owner, row.updaters) == ("netsuite", "shopify, salesforce")
    data = posted(page.get(url(draft)))
    data[field_of(data, "memo", "owner")] = "netsiute"
    answer = page.post(url(draft), data).content.decode()
    assert "There is no system &#x27;netsiute&#x27;; write netsuite." in answer


def test_a_new_row_goes_to_the_end(page, draft):
    data = posted(page.get(url(draft)))
    number = int(data["rows-TOTAL_FORMS"])
    data["rows-TOTAL_FORMS"] = number + 1
    more = {"target": "custbody_channel", "kind": "constant", "comes_from": "web"}
    more |= {"on_too_long": "refuse", "direction": "to_target", "position": ""}
    data |= {f"rows-{number}-{name}": value for name, value in more.items()}
    answer = page.post(url(draft), data)
    assert answer.status_code == 302, faults(answer)
    assert draft.rows.last().target == "custbody_channel"
    assert draft.as_document().rows[-1].constant == "web"


def test_faults_between_rows_are_listed_and_block_publication(page, draft):
    draft.rows.create(target="memo", source="name", position=999)
    shown = page.get(url(draft)).content.decode()
    assert "1 fault to mend" in shown and "an earlier row fills this target" in shown
    page.post(url(draft, "publish"))
    draft.refresh_from_db()
    assert draft.state == MappingVersion.State.DRAFT


def test_the_button_publishes_and_freezes_the_page(page, draft, editor):
    answer = page.post(url(draft, "publish"), follow=True)
    draft.refresh_from_db()
    assert draft.state == MappingVersion.State.PUBLISHED
    assert draft.published_by == editor
    shown = answer.content.decode()
    assert "is published" in shown and "New draft from this version" in shown
    assert 'name="rows-0-target"' not in shown
    assert "first_non_empty | printable" in shown
    assert page.post(url(draft), {"note": "changed"}).status_code == 403
    assert page.post(url(draft, "delete"), {"post": "yes"}).status_code == 403


def test_a_new_draft_starts_from_a_frozen_version(page, draft, editor):
    published = services.publish(draft, editor)
    answer = page.post(url(published, "draft"), follow=True)
    made = published.document.draft()
    assert made.created_by == editor
    assert answer.redirect_chain[-1][0] == url(made)
    again = page.post(url(published, "draft"), follow=True)
    assert "draft already" in again.content.decode()


def test_a_document_offers_its_first_draft(page, order_document):
    address = reverse("admin:mappings_mappingdocument_change", args=[order_document.pk])
    assert "New draft" in page.get(address).content.decode()
    page.post(reverse("admin:mappings_mappingdocument_draft", args=[order_document.pk]))
    assert order_document.draft().number == 1


def test_buttons_take_posts_only(page, draft):
    assert page.get(url(draft, "publish")).status_code == 405
    assert page.get(url(draft, "draft")).status_code == 405


def test_who_may_only_look_can_change_nothing(client, auditor, draft):
    client.force_login(auditor)
    shown = client.get(url(draft)).content.decode()
    assert "shipMethod.id" in shown and 'name="rows-0-target"' not in shown
    assert ">Publish<" not in shown
    assert client.post(url(draft, "publish")).status_code == 403
    assert client.post(url(draft, "draft")).status_code == 403
    assert client.post(url(draft), {"note": "x"}).status_code == 403
    assert not draft.is_frozen


def test_pages_carry_no_inline_script_or_style(page, draft):
    for address in (url(draft), reverse("admin:mappings_valuetable_changelist")):
        shown = page.get(address).content.decode()
        assert not re.search(
            r"<script(?![^>]*\b(src|type=\"application/json\"))", shown
        )
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"", shown)


def test_the_grid_costs_the_same_number_of_queries_with_more_rows(page, draft):
    page.get(url(draft))
    with CaptureQueriesContext(connection) as few:
        page.get(url(draft))
    fill_draft(draft, shipped.document("shopify-order"))
    with CaptureQueriesContext(connection) as many:
        page.get(url(draft))
    assert len(many) == len(few) < 30


def test_lists_cost_a_constant_number_of_queries(
    page, draft, django_assert_max_num_queries
):
    for model in ("mappingdocument", "mappingversion", "valuetable"):
        with django_assert_max_num_queries(12):
            page.get(reverse(f"admin:mappings_{model}_changelist"))


def test_a_value_table_in_use_is_not_deleted(page, draft):
    table = ValueTable.objects.get(name="Shipping methods")
    address = reverse("admin:mappings_valuetable_delete", args=[table.pk])
    assert "protected" in page.get(address).content.decode()
    page.post(address, {"post": "yes"})
    assert ValueTable.objects.filter(pk=table.pk).exists()
