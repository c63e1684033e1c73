"""The page of a value table: two people, remarks, faults, the trail."""

import json
import re

import pytest

from mappings import changes
from mappings.models import SeenValue, ValueTable
from mappings.tables import checking, editing, likeness
from mappings.tables.checking import Offer, remarks_on, star_words
from mappings.tables.editing import NotSaved, RowEdit, save_rows
from mappings.tables.likeness import Choices, Known, folded, nearest, propose
from tests.mappings.conftest import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(db):
    made = ValueTable.objects.create(name="Ship methods", purpose="ship_method")
    for source, target in (("Express", "Express"), ("Standard", "Ground")):
        made.rows.create(source=source, target=target)
    return made


@pytest.fixture
def told(monkeypatch):
    heard = []
    monkeypatch.setattr(
        changes, "_keepers", [lambda change, by: heard.append((change, by))]
    )
    return heard


@pytest.fixture
def page(client, editor):
    client.force_login(editor)
    return client


def at(table):
    return f"/admin/mappings/valuetable/{table.pk}/change/"


def boxes(response):
    """What a browser would send back, unchanged."""
    html = response.content.decode()
    form = html[html.index('name="was"') :]
    found = {"was": _value(re.search(r'name="was"\s+value="([^"]*)"', html)[1])}
    for name, value in re.findall(
        r'name="((?:row-\d+-(?:id|was|source|target|note))|name|note)"\s+(?:maxlength="\d+"\s+)?value="([^"]*)"',
        form,
    ):
        found[name] = _value(value)
    found["purpose"] = re.search(r'value="(\w+)"\s+selected', form)[1]
    return found


def _value(text):
    from html import unescape

    return unescape(text)


def of(data, source):
    name = next(k for k, v in data.items() if k.endswith("-source") and v == source)
    return name.removesuffix("-source")


def test_an_unchanged_page_saves_nothing(page, table, told):
    data = boxes(page.get(at(table)))
    assert data["name"] == "Ship methods" and data["purpose"] == "ship_method"
    assert page.post(at(table), data).status_code == 302
    assert told == []
    table.refresh_from_db()
    assert table.changed_at is None


def test_a_change_an_addition_and_a_removal_are_told_field_by_field(
    page, table, told, editor
):
    data = boxes(page.get(at(table)))
    data[of(data, "Express") + "-target"] = "Air"
    data[of(data, "Standard") + "-remove"] = "on"
    data |= {"row-2-source": "Economy", "row-2-target": "Ground", "row-2-note": "slow"}
    assert page.post(at(table), data).status_code == 302
    rows = dict(table.rows.values_list("source", "target"))
    assert rows == {"Express": "Air", "Economy": "Ground"}
    assert {by for _, by in told} == {editor}
    assert [(c.verb, c.part, c.field, c.before, c.after) for c, _ in told] == [
        ("row removed", "Row Standard → Ground", "", "", ""),
        ("row changed", "Row Express", "Target value", "Express", "Air"),
        ("row added", "Row Economy", "Source value", "", "Economy"),
        ("row added", "Row Economy", "Target value", "", "Ground"),
        ("row added", "Row Economy", "Note", "", "slow"),
    ]
    table.refresh_from_db()
    assert table.changed_at is not None


def test_two_people_keep_both_their_rows(page, table, client):
    mine = boxes(page.get(at(table)))
    theirs = dict(mine)
    theirs[of(theirs, "Standard") + "-target"] = "Truck"
    theirs |= {"row-2-source": "Drone", "row-2-target": "Air"}
    assert page.post(at(table), theirs).status_code == 302
    mine[of(mine, "Express") + "-target"] = "Air"
    mine |= {"row-2-source": "Pigeon", "row-2-target": "Air"}
    assert page.post(at(table), mine).status_code == 302
    assert dict(table.rows.values_list("source", "target")) == {
        "Express": "Air",
        "Standard": "Truck",
        "Drone": "Air",
        "Pigeon": "Air",
    }


def test_the_second_of_two_sees_both_values_and_decides(page, table):
    mine = boxes(page.get(at(table)))
    table.rows.filter(source="Express").update(target="Courier")
    mine[of(mine, "Express") + "-target"] = "Air"
    mine |= {"row-2-source": "Pigeon", "row-2-target": "Air"}
    answer = page.post(at(table), mine)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert (
        "&#x27;Express&#x27; → &#x27;Courier&#x27;; you wrote &#x27;Express&#x27; → &#x27;Air&#x27;"
        in html
    )
    assert table.rows.get(source="Express").target == "Courier"
    assert not table.rows.filter(source="Pigeon").exists()
    again = boxes(answer)
    assert again[of(again, "Express") + "-target"] == "Air"
    assert again["row-2-source"] == "Pigeon"
    assert page.post(at(table), again).status_code == 302
    assert table.rows.get(source="Express").target == "Air"
    assert table.rows.filter(source="Pigeon").exists()


def test_a_row_removed_meanwhile_is_put_back_only_when_asked_twice(page, table):
    mine = boxes(page.get(at(table)))
    table.rows.filter(source="Express").delete()
    mine[of(mine, "Express") + "-target"] = "Air"
    answer = page.post(at(table), mine)
    assert "removed this row meanwhile" in answer.content.decode()
    assert not table.rows.filter(source="Express").exists()
    assert page.post(at(table), boxes(answer)).status_code == 302
    assert table.rows.get(source="Express").target == "Air"


def test_the_same_new_value_from_two_people_shows_both(page, table):
    mine = boxes(page.get(at(table)))
    table.rows.create(source="Drone", target="Courier")
    mine |= {"row-2-source": "Drone", "row-2-target": "Air"}
    html = page.post(at(table), mine).content.decode()
    assert "gives &#x27;Courier&#x27;; you wrote &#x27;Air&#x27;" in html
    assert table.rows.get(source="Drone").target == "Courier"


def test_a_name_changed_by_somebody_else_is_not_overwritten(page, table):
    mine = boxes(page.get(at(table)))
    ValueTable.objects.filter(pk=table.pk).update(name="Ways")
    assert page.post(at(table), mine).status_code == 302
    table.refresh_from_db()
    assert table.name == "Ways"
    mine["name"] = "Methods"
    html = page.post(at(table), mine).content.decode()
    assert "to &#x27;Ways&#x27;; you wrote &#x27;Methods&#x27;" in html


def test_faults_keep_what_was_typed(page, table):
    data = boxes(page.get(at(table)))
    data |= {"row-2-source": "Drone", "row-2-target": "", "row-3-source": "Express"}
    data |= {"row-3-target": "x", "row-4-source": "y" * 201, "row-4-target": "z"}
    html = page.post(at(table), data).content.decode()
    assert "is in this table already" in html and 'value="Drone"' in html
    html = page.post(at(table), data | {"row-3-source": "Rail"}).content.decode()
    assert "Target value is empty. Fill it in, or remove the row." in html
    assert "Source value has 201 characters; at most 200." in html
    assert 'value="Drone"' in html
    assert table.rows.count() == 2


def test_two_rows_may_swap_their_sources(table):
    rows = {row.source: row for row in table.rows.all()}
    a, b = rows["Express"], rows["Standard"]
    edits = [
        RowEdit(0, ("Standard", "Express", ""), a.pk, ("Express", "Express", "")),
        RowEdit(1, ("Express", "Ground", ""), b.pk, ("Standard", "Ground", "")),
    ]
    save_rows(table, edits, None)
    assert dict(table.rows.values_list("source", "target")) == {
        "Standard": "Express",
        "Express": "Ground",
    }


def test_a_source_that_stands_twice_is_refused(table):
    edits = [RowEdit(0, ("a", "1", "")), RowEdit(1, ("a", "2", ""))]
    with pytest.raises(NotSaved) as refused:
        save_rows(table, edits, None)
    assert refused.value.by_row == {1: "'a' is in this table twice. Keep one."}
    assert table.rows.count() == 2


def test_a_row_typed_by_hand_settles_its_new_value(table, editor, told):
    from django.utils import timezone

    now = timezone.now()
    seen = SeenValue.objects.create(
        table=table, value="Drone", first_seen_at=now, last_seen_at=now
    )
    save_rows(table, [RowEdit(0, ("Drone", "Air", ""))], editor)
    seen.refresh_from_db()
    assert (seen.state, seen.settled_by) == (SeenValue.State.MAPPED, editor)


def test_rows_that_were_not_sent_stay_and_are_shown_again(page, table):
    data = boxes(page.get(at(table)))
    untouched = of(data, "Standard")
    sent = {k: v for k, v in data.items() if not k.startswith(untouched)}
    sent[of(sent, "Express") + "-target"] = ""
    answer = page.post(at(table), sent)
    assert answer.status_code == 200
    again = boxes(answer)
    assert again[of(again, "Standard") + "-target"] == "Ground"
    again[of(again, "Express") + "-target"] = "Air"
    sent = {k: v for k, v in again.items() if not k.startswith(of(again, "Standard"))}
    assert page.post(at(table), sent).status_code == 302
    rows = dict(table.rows.values_list("source", "target"))
    assert rows == {"Express": "Air", "Standard": "Ground"}


def test_a_fault_beside_the_rows_shows_them_all(page, table):
    data = {"was": boxes(page.get(at(table)))["was"], "name": "", "purpose": "term"}
    again = boxes(page.post(at(table), data))
    assert of(again, "Express") and of(again, "Standard")


def test_what_nobody_touched_keeps_the_spaces_around_it(page, table, told):
    table.rows.create(source="By air ", target="Air")
    data = boxes(page.get(at(table)))
    data[of(data, "Express") + "-note"] = " quick "
    assert page.post(at(table), data).status_code == 302
    assert table.rows.filter(source="By air ").exists()
    assert [(c.field, c.after) for c, _ in told] == [("Note", "quick")]


def test_a_table_takes_as_many_rows_as_a_file(table, monkeypatch):
    monkeypatch.setattr(editing, "MOST_ROWS", 3)
    new = [RowEdit(number, (str(number), "x", "")) for number in range(2)]
    with pytest.raises(NotSaved, match="takes 3 rows; this would make 4"):
        save_rows(table, new, None)
    leaves = table.rows.get(source="Express")
    shown = ("Express", "Express", "")
    gone = RowEdit(2, shown, leaves.pk, shown, is_removed=True)
    assert save_rows(table, [*new, gone], None) == 3
    assert table.rows.count() == 3


def test_a_deleted_table_leaves_its_rows_in_the_trail(page, table, told, editor):
    page.post(f"/admin/mappings/valuetable/{table.pk}/delete/", {"post": "yes"})
    assert not ValueTable.objects.exists()
    assert [(c.verb, c.part or c.after) for c, _ in told] == [
        ("row removed", "Row Express → Express"),
        ("row removed", "Row Standard → Ground"),
        ("deleted", "'Ship methods' with 2 rows"),
    ]
    assert {c.subject_id for c, _ in told} == {table.pk}
    assert {by for _, by in told} == {editor}


def test_tables_deleted_from_the_list_are_told_as_well(page, table, told):
    ticked = {"action": "delete_selected", "_selected_action": [table.pk]}
    page.post("/admin/mappings/valuetable/", ticked | {"post": "yes"})
    assert not ValueTable.objects.exists()
    assert told[-1][0].verb == "deleted"


def test_who_may_only_look_changes_nothing(client, auditor, table):
    client.force_login(auditor)
    html = client.get(at(table)).content.decode()
    assert (
        "Ground" in html
        and '<button type="submit" class="button default">Save' not in html
    )
    assert client.post(at(table), {"name": "x"}).status_code == 403


def test_removing_needs_its_own_right(client, table):
    person = make_person("half", "view change add")
    client.force_login(person)
    data = boxes(client.get(at(table)))
    data[of(data, "Express") + "-remove"] = "on"
    assert client.post(at(table), data).status_code == 403
    assert table.rows.count() == 2


def test_the_page_explains_the_star_and_flags_near_doubles(page, table):
    table.rows.create(source="express ", target="Air")
    html = page.get(at(table)).content.decode()
    assert "A value that is not listed stops its record" in html
    assert (
        "&#x27;Express&#x27; differs only in case, spaces or punctuation and gives &#x27;Express&#x27;"
        in html
    )
    table.rows.create(source="*", target="Ground")
    html = page.get(at(table)).content.decode()
    assert "turns every value that is not listed into &#x27;Ground&#x27;" in html


def test_a_table_is_made_with_its_purpose(page, told):
    data = {"name": "Terms", "purpose": "term", "note": ""}
    answer = page.post("/admin/mappings/valuetable/add/", data)
    made = ValueTable.objects.get(name="Terms")
    assert answer.url == at(made) and made.purpose == "term"
    assert told[0][0].verb == "made"


def test_shown_rows_travel_as_they_were(page, table):
    data = boxes(page.get(at(table)))
    assert json.loads(data[of(data, "Express") + "-was"]) == ["Express", "Express", ""]


# What is proposed


OFFERED = ("Express", "Standard", "DHL Express", "Next Day Air")


def choices(rows=None, offered=OFFERED, elsewhere=None):
    return Choices(rows or {}, offered, "NetSuite", elsewhere or {})


@pytest.mark.parametrize(
    ("value", "target", "reason"),
    [
        ("express", "Express", "the same name but for case"),
        ("DHL-EXPRESS", "DHL Express", "the same name but for case"),
        ("Éxpress", "Express", "the same name but for case"),
        ("DHL Express Worldwide", "DHL Express", "has the words of 'DHL Express'"),
        ("Expres", "Express", "92% alike 'Express'"),
        ("Zeppelin", "", "Nothing alike is known"),
    ],
)
def test_proposals_say_why(value, target, reason):
    found = propose(value, choices())
    assert found.target == target
    assert reason in found.because


def test_a_source_in_the_table_proposes_its_target():
    found = propose("livraison-rapide", choices({"Livraison rapide": "Next Day Air"}))
    assert found.target == "Next Day Air"
    assert "'Livraison rapide' stands in this table already" in found.because


def test_two_that_fit_alike_are_left_to_a_person():
    found = propose("a b", choices({"A-B": "Express", "AB": "Standard"}))
    assert found.target == ""
    assert "'Express' and 'Standard' fit equally well" in found.because


def test_what_the_target_does_not_have_is_never_proposed():
    rows = {"Balloon": "Zeppelin"}
    assert propose("balloon", choices(rows)).target == ""
    known = {folded("Balloon"): Known("Express", "A known fix says so.")}
    assert propose("balloon", choices(rows, elsewhere=known)).target == "Express"


def test_a_wrong_target_names_the_nearest():
    offer = Offer(OFFERED, "shipping item", "NetSuite")
    [found] = remarks_on([("x", "Expres")], offer)
    assert found == ["NetSuite has no shipping item 'Expres'; nearest: 'Express'."]
    assert remarks_on([("x", "Expres")], Offer()) == [[]]
    assert nearest("qqq", OFFERED) == ""


@pytest.fixture
def folds(monkeypatch):
    """Count how often a text is made comparable."""
    counted = []

    def counting(text):
        counted.append(text)
        return folded(text)

    monkeypatch.setattr(checking, "folded", counting)
    monkeypatch.setattr(likeness, "folded", counting)
    return counted


def test_thousands_of_rows_are_looked_at_in_one_pass(folds):
    rows = [(f"Way {number}", f"x{number}") for number in range(2000)]
    found = remarks_on([*rows, ("way 7", "y")], Offer(OFFERED, "way", "NetSuite"))
    assert "'Way 7' differs only in case" in found[-1][1]
    assert "'way 7' differs only in case" in found[7][1]
    assert len(folds) <= 2 * 2001 + checking.MOST_HINTS * (len(OFFERED) + 1)


def test_of_many_doubles_a_few_are_named():
    found = remarks_on([("a" + "-" * number, "x") for number in range(50)], Offer())
    assert {len(texts) for texts in found} == {checking.MOST_DOUBLES}


def test_a_table_is_made_comparable_once_for_all_values(folds):
    rows = {f"Way {number}": "Express" for number in range(500)}
    known = choices(rows)
    for number in range(100):
        propose(f"Zeppelin {number}", known)
    assert len(folds) <= 500 + len(OFFERED) + 4 * 100


def test_star_words():
    assert "stops its record" in star_words([("a", "b")])
    assert "leaves every value" in star_words([("*", "*")])
    assert "into 'b'" in star_words([("*", "b")])
