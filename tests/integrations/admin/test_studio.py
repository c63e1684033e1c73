"""What the grid of a version asks of the server, over HTTP."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from page_builders import in_group, make_record

from integrations.admin.effect import groups_of
from integrations.connectors.base import FieldRule, Named
from integrations.models import AuditEntry, EffectCase, Metadata
from integrations.studio import samples
from mappings.engine import Found
from mappings.models import GoldenSample, MappingDocument, MappingRow, MappingVersion

FIELDS = {
    "otherRefNum": FieldRule(longest=4, label="PO number", type="text"),
    "memo": FieldRule(label="Memo", type="text"),
    "entity": FieldRule(label="Customer", type="reference", required=True),
    "shippingAddress": FieldRule(type="group"),
    "shippingAddress.addr1": FieldRule(longest=150, type="text"),
}


@pytest.fixture
def editor(db, client):
    client.force_login(in_group("emma", "Mapping editors"))
    return client


@pytest.fixture
def draft(flow):
    made = MappingVersion.objects.create(document=flow.mapping, number=2)
    for place, (target, source) in enumerate(
        [("otherRefNum", "name"), ("memo", "email")]
    ):
        MappingRow.objects.create(
            version=made, target=target, source=source, position=place
        )
    return made


@pytest.fixture
def told(monkeypatch, vendors, netsuite):
    """A target that tells its fields and knows one id."""
    monkeypatch.setattr(vendors.Books, "field_rules", lambda self, kind: FIELDS)
    named = lambda self, path, key: Named("shipItem", "name", "Express")  # noqa: E731
    monkeypatch.setattr(vendors.Books, "named", named)


@pytest.fixture
def blind_editor(db):
    """Somebody who may change versions, and not see what records hold."""
    person = in_group("aud", "Auditors")
    change = Permission.objects.get(codename="change_mappingversion")
    person.user_permissions.add(change)
    return User.objects.get(pk=person.pk)


def address(version, name):
    return reverse(f"admin:integrations_studio_{name}", args=[version.pk])


def typed(*rows, **more):
    data = {"rows-TOTAL_FORMS": len(rows), "rows-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        values = {"kind": "copy", "position": str(number), **row}
        data |= {f"rows-{number}-{name}": value for name, value in values.items()}
    return data | more


def ask(client, version, *rows, **more):
    answer = client.post(address(version, "live"), typed(*rows, **more))
    assert answer.status_code == 200
    return answer.json()


def test_the_draft_is_tried_as_it_is_typed_and_nothing_is_stored(
    editor, draft, record, told
):
    row = {"target": "memo", "comes_from": "name", "chain": "replace('#', 'No. ')"}
    found = ask(editor, draft, row)["cells"]["rows-0"]
    assert (found["in"], found["out"], found["type"]) == ("#1001", "No. 1001", "text")
    assert [one["words"] for one in found["steps"]] == ["replace(#, 'No. ')"]
    assert draft.rows.get(target="memo").source == "email"


def test_a_value_that_the_target_refuses_is_wrong_with_the_rule(
    editor, draft, record, told
):
    found = ask(editor, draft, {"target": "otherRefNum", "comes_from": "name"})
    cell = found["cells"]["rows-0"]
    assert cell["problems"] == ["5 characters; the target takes 4"]
    assert cell["rule"] == "4 characters at most"
    assert found["missing"] == ["entity"]
    assert "read just now" in found["age"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"target": "memo", "comes_from": "a..b"}, "cannot be read"),
        ({"target": "memo", "comes_from": "name", "chain": "shout"}, "no transform"),
        ({"target": "nonsuch", "comes_from": "name"}, "no field nonsuch"),
        ({"target": "memo", "comes_from": "name", "kind": "odd"}, "odd"),
        ({"target": "memo", "comes_from": "name", "max_length": "x"}, "max_length"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_row(
    editor, draft, record, told, row, words
):
    good = {"target": "otherRefNum", "comes_from": "name"}
    found = ask(editor, draft, row, good)
    assert words in " ".join(found["cells"]["rows-0"]["problems"])
    assert found["cells"]["rows-1"]["out"] == "#1001"


def test_a_frozen_version_is_tried_as_it_stands(editor, version, record, told):
    answer = editor.post(address(version, "live")).json()
    assert answer["cells"]["rows-0"]["out"] == "#1001"


def test_who_may_only_look_tries_what_is_stored(client, draft, record, told):
    client.force_login(in_group("ada", "Auditors"))
    guess = {"target": "memo", "comes_from": "name", "when": "email = 'a@example.com'"}
    found = ask(client, draft, guess)["cells"]
    assert set(found) == {"rows-0", "rows-1"}
    assert found["rows-0"]["out"] == "#1001"  # otherRefNum, as it is stored
    asked = typed(guess, **{"studio-target": "memo"})
    page = client.post(address(draft, "why"), asked).content.decode()
    assert "Row memo" in page and "a@example.com" not in page


def test_without_a_record_the_grid_still_tells_types(editor, draft, told):
    found = ask(editor, draft, {"target": "memo", "comes_from": "name"})
    assert found["cells"]["rows-0"]["type"] == "text"
    assert found["sample"] == ""
    assert "No record of this kind" in found["pane"]


def test_personal_values_are_hidden_from_who_may_not_see_them(
    client, draft, record, told, blind_editor
):
    client.force_login(blind_editor)
    row = {"target": "memo", "comes_from": "email"}
    found = ask(client, draft, row)
    assert "ada@example.com" not in str(found)
    secret = {"target": "memo", "comes_from": "name", "sensitivity": "payment"}
    assert ask(client, draft, secret)["cells"]["rows-0"]["out"] == "•••"


def test_the_number_of_queries_does_not_grow_with_the_rows(editor, draft, record, told):
    row = {"target": "memo", "comes_from": "name"}
    ask(editor, draft, row)
    with CaptureQueriesContext(connection) as few:
        ask(editor, draft, row)
    with CaptureQueriesContext(connection) as many:
        ask(editor, draft, *[{**row, "target": f"memo{n}"} for n in range(60)])
    assert len(many) == len(few)


def test_paths_are_offered_from_a_real_record(editor, draft, record, told):
    found = editor.get(address(draft, "source")).json()
    names = {one["name"]: one for one in found["nodes"][0]["children"]}
    assert names["name"]["example"] == "#1001"
    assert names["line_items"]["children"][0]["path"] == "line_items[].sku"
    inside = editor.get(address(draft, "source"), {"list": "line_items"}).json()
    line = inside["nodes"][0]
    assert line["name"] == "This line"
    assert line["children"][0]["path"] == "sku"


def test_target_fields_are_offered_with_type_label_and_rule(
    editor, draft, record, told
):
    found = editor.get(address(draft, "target")).json()
    names = {one["name"]: one for one in found["nodes"]}
    assert names["entity"]["rule"] == "required"
    assert names["shippingAddress"]["children"][0]["path"] == "shippingAddress.addr1"
    assert Metadata.objects.get().content["entity"]["label"] == "Customer"


def test_transforms_are_offered_in_words_with_their_parameters(editor, draft):
    found = editor.get(address(draft, "transforms")).json()["transforms"]
    cut = next(one for one in found if one["name"] == "cut")
    assert cut["description"] and cut["parameters"][0]["name"] == "length"


def test_the_look_up_behind_an_id_is_offered(editor, draft, record, told):
    asked = {"target": "shipMethod.id", "value": "2"}
    found = editor.get(address(draft, "constant"), asked).json()
    assert (found["record"], found["by"], found["value"]) == (
        "shipItem",
        "name",
        "Express",
    )
    assert "Express" in found["text"]


def test_a_golden_sample_is_kept_and_judged(editor, draft, version, record, told):
    data = {"studio-sample": f"record-{record.pk}", "studio-name": "A tea order"}
    kept = editor.post(address(draft, "keep"), data)
    assert kept.status_code == 200
    sample = GoldenSample.objects.get()
    assert samples.verdict_of(sample, version.as_document()) in ("same", "failing")
    row = {"target": "memo", "comes_from": "name"}
    pane = ask(editor, draft, row)["pane"]
    assert "A tea order" in pane
    again = editor.post(address(draft, "keep"), data)
    assert again.status_code == 409 and "already" in again.json()["text"]
    assert AuditEntry.objects.filter(subject="document", verb="added").exists()


def test_verdicts_of_a_sample(editor, draft, version, flow, told):
    source = {"id": 7, "name": "#7", "po_number": "P-1"}
    record = make_record(flow, source_key="7", source=source)
    sample = samples.keep(record, "Seven", None)
    assert samples.verdict_of(sample, version.as_document()) == "same"
    assert samples.verdict_of(sample, draft.as_document()) == "changed"
    draft.rows.update(required=True)
    assert samples.verdict_of(sample, draft.as_document()) == "failing"


def test_keeping_needs_the_right(client, draft, record):
    client.force_login(in_group("aud", "Auditors"))
    data = {"studio-sample": f"record-{record.pk}"}
    assert client.post(address(draft, "keep"), data).status_code == 403


def test_why_leads_from_the_target_to_source_row_and_person(
    editor, draft, record, told
):
    AuditEntry.objects.note_change(
        "mapping", draft.pk, "changed", "Row otherRefNum transforms: '' → 'trim'"
    )
    asked = {"target": "otherRefNum", "sample": f"record-{record.pk}"}
    page = editor.get(address(draft, "why"), asked).content.decode()
    assert "Source <code>name</code>" in page
    assert "#1001" in page and "Row otherRefNum" in page
    assert "by Waybill" in page


def test_a_failed_record_leads_to_the_version_of_its_last_try(client, failed, version):
    from errorqueue.models import FailedRecord

    client.force_login(in_group("olga", "Operators"))
    line = FailedRecord.objects.get()
    address = reverse("admin:integrations_studio_why_line", args=[line.pk])
    page = client.get(address, {"target": "poNum"}, follow=True).content.decode()
    assert "poNum" in page and "Row poNum" in page


def test_history_lists_changes_in_words(editor, draft):
    AuditEntry.objects.note_change(
        "mapping", draft.pk, "changed", "Row memo note: '' → 'why'"
    )
    page = editor.get(
        reverse("admin:integrations_studio_history", args=[draft.document_id])
    ).content.decode()
    assert "Row memo note" in page and "version 2" in page


@pytest.mark.parametrize("name", ["live", "source", "target", "transforms", "why"])
def test_nobody_without_the_right_is_answered(client, draft, name):
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    answer = client.post if name == "live" else client.get
    assert answer(address(draft, name)).status_code == 403


def test_a_sample_of_another_document_is_not_shown(editor, draft, told):
    other = MappingDocument.objects.create(
        name="Other", slug="other", source_system="shopify", source_entity="customer",
        target_system="netsuite", target_record="customer",
    )  # fmt: skip
    sample = other.samples.create(name="Hidden", source='{"name": "secret"}')
    row = {"target": "memo", "comes_from": "name"}
    found = ask(editor, draft, row, **{"studio-sample": f"sample-{sample.pk}"})
    assert "secret" not in str(found)


BLIND = (
    {"comes_from": "email", "chain": "number"},
    {"kind": "expression", "comes_from": "if name != null then email else name"},
    {"comes_from": "email", "kind": "lookup", "record": "customer", "by": "email"},
    {"comes_from": "billing_address.first_name", "chain": "number"},
    {"comes_from": "name, billing_address.first_name", "chain": "join"},
    {"comes_from": "name", "chain": "number", "sensitivity": "payment"},
)


@pytest.mark.parametrize("row", BLIND)
def test_no_sentence_and_no_step_tells_what_the_value_does_not(
    client, draft, record, told, vendors, monkeypatch, row, blind_editor
):
    twins = [Found("7", "Adelheid"), Found("8", "Adelheid")]
    monkeypatch.setattr(vendors.Books, "find", lambda *asked: twins)
    record.source["email"] = "ada@example.com"
    record.source["billing_address"] = {"first_name": "Adelheid"}
    record.save(update_fields=["source"])
    client.force_login(blind_editor)
    found = ask(client, draft, {"target": "memo", **row})
    said = str({**found["cells"]["rows-0"], "source": ""})
    fields = found["pane"].partition("Field by field")[2]
    for word in ("ada@", "Adelheid", *(["#1001"] if "sensitivity" in row else [])):
        assert word not in said
        assert word not in fields
    draft.rows.all().delete()
    columns = {"source": row["comes_from"]}
    if row.get("kind") == "expression":
        columns = {"expression": row["comes_from"]}
    more = {
        k: v for k, v in row.items() if k in ("kind", "record", "by", "sensitivity")
    }
    chain = [row["chain"]] if "chain" in row else []
    MappingRow.objects.create(
        version=draft, target="memo", transforms=chain, **columns, **more
    )
    asked = {"target": "memo", "sample": f"record-{record.pk}"}
    page = client.get(address(draft, "why"), asked).content.decode()
    part = page.partition('<ol class="why-steps">')[2].partition("</ol>")[0]
    assert part
    for word in ("ada@", "Adelheid", *(["#1001"] if "sensitivity" in row else [])):
        assert word not in part


def test_the_tree_hides_what_a_row_marks_as_sensitive(client, draft, record, told):
    draft.rows.filter(target="otherRefNum").update(sensitivity="payment")
    client.force_login(in_group("aud", "Auditors"))
    nodes = client.get(address(draft, "source")).json()["nodes"]
    examples = {one["path"]: one["example"] for one in nodes[0]["children"]}
    assert examples["name"] == "•••"


def test_transforms_are_offered_with_choices_and_an_example_in_words(editor, draft):
    found = editor.get(address(draft, "transforms")).json()["transforms"]
    known = {one["name"]: one for one in found}
    layout = known["address_block"]["parameters"][0]
    assert layout["label"] == "Layout"
    assert {"value": "us", "label": "City, State ZIP"} in layout["choices"]
    assert known["trim"]["example"]["out"] == "Ada"
    assert known["trim"]["group"] == "Text"


def test_a_target_that_nobody_can_search_is_said_and_not_a_fault(
    editor, draft, record, told
):
    row = {"target": "memo", "comes_from": "name", "kind": "lookup"}
    found = ask(editor, draft, {**row, "record": "item", "by": "sku"})
    details = [step["detail"] for step in found["cells"]["rows-0"]["steps"]]
    assert "cannot be searched by name" in details[-1]


def test_the_effect_hides_what_a_row_marks_as_sensitive(record):
    values = [["memo", "4711", "4712"], ["poNum", "1", "2"]]
    case = EffectCase(record=record, differences=values)
    found = groups_of([case], in_group("aud", "Auditors"), {"memo": "payment"})
    assert {one.name: [*one.changes] for one in found} == {
        "memo": [("•••", "•••")],
        "poNum": [("1", "2")],
    }
