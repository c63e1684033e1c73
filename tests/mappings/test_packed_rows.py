"""A page of rows is saved by what was touched, however many rows there are."""

import json
import re

import pytest
from django.urls import reverse

from mappings.models import MappingRow
from mappings.packing import MOST_LINES, PACKED
from mappings.rows import LONGEST, MOST_ROWS
from tests.mappings.test_admin import field_of, posted, url
from tests.mappings.test_grid_editing import (
    client_class,
    draft,
    page,
    told,
)

__all__ = ["client_class", "draft", "page", "told"]

pytestmark = pytest.mark.django_db
CELL = re.compile(r"rows-(\d+)-(.+)")


def packed(data, *touched):
    """Send these rows as the page does: touched ones whole, of the others the key."""
    rows, rest = {}, {}
    for name, value in data.items():
        cell = CELL.fullmatch(name)
        if cell:
            rows.setdefault(int(cell[1]), {})[cell[2]] = value
        else:
            rest[name] = value
    given = {
        "touched": [[n, rows[n]] for n in rows if n in touched or not rows[n]["id"]],
        "kept": [
            [n, int(rows[n]["id"])] for n in rows if n not in touched and rows[n]["id"]
        ],
    }
    return rest | {PACKED: json.dumps(given)}


def number_of(data, target):
    return int(field_of(data, target, "note").split("-")[1])


def test_a_touched_row_is_stored_and_the_others_stay(page, draft, told):
    data = posted(page.get(url(draft)))
    before = {row.pk: row.note for row in draft.rows.all()}
    number = number_of(data, "memo")
    data[f"rows-{number}-note"] = "Mine"
    assert page.post(url(draft), packed(data, number)).status_code == 302
    after = {row.pk: row.note for row in draft.rows.all()}
    memo = draft.rows.get(target="memo")
    assert after == before | {memo.pk: "Mine"}
    assert [one.field for one in told] == ["note"]


def test_what_somebody_else_changed_in_an_untouched_row_stays(
    page,
    draft,
):
    data = posted(page.get(url(draft)))
    draft.rows.filter(target="otherRefNum").update(note="Theirs")
    number = number_of(data, "memo")
    data[f"rows-{number}-note"] = "Mine"
    page.post(url(draft), packed(data, number))
    notes = dict(draft.rows.values_list("target", "note"))
    assert (notes["memo"], notes["otherRefNum"]) == ("Mine", "Theirs")


def test_a_conflict_is_shown_among_all_rows(page, draft):
    data = posted(page.get(url(draft)))
    draft.rows.filter(target="memo").update(note="Theirs")
    number = number_of(data, "memo")
    data[f"rows-{number}-note"] = "Mine"
    answer = page.post(url(draft), packed(data, number))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Theirs" in text and "Mine" in text and "data-touched" in text
    assert text.count('class="grid-row') >= draft.rows.count()
    assert (
        f'name="rows-TOTAL_FORMS"\n                   value="{draft.rows.count()}"'
        in text
    )
    assert draft.rows.get(target="memo").note == "Theirs"


def test_a_row_of_which_only_the_place_changed_is_moved(page, draft, told):
    row = draft.rows.get(target="memo")
    data = packed(posted(page.get(url(draft))))
    given = json.loads(data[PACKED])
    mine = next(one for one in given["kept"] if one[1] == row.pk)
    given["kept"].remove(mine)
    given["touched"] = [[mine[0], {"id": str(row.pk), "position": "9999"}]]
    page.post(url(draft), data | {PACKED: json.dumps(given)})
    before = {name: getattr(row, name) for name in ("source", "template", "note")}
    row.refresh_from_db()
    assert row.position == 9999
    assert before == {name: getattr(row, name) for name in before}
    assert {one.verb for one in told} == {"moved"}


def test_a_new_row_is_added_behind_the_others(page, draft):
    data = packed(posted(page.get(url(draft))))
    given = json.loads(data[PACKED])
    line = {"id": "", "target": "department", "kind": "copy", "comes_from": "note"}
    given["touched"] = [[len(given["kept"]), line]]
    page.post(url(draft), data | {PACKED: json.dumps(given)})
    assert draft.rows.order_by("-position").first().target == "department"


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", '{"touched": [[-1, {}]], "kept": []}', '{"touched": 1}'),
        '{"touched": [[0, {"target": "half \\ud800", "kind": "copy"}]], "kept": []}',
    ],
)
def test_what_no_page_sends_is_refused(page, draft, text):
    data = packed(posted(page.get(url(draft)))) | {PACKED: text}
    count = draft.rows.count()
    assert page.post(url(draft), data).status_code == 400
    assert draft.rows.count() == count


def test_more_rows_than_a_version_takes_are_refused(page, draft):
    kept = [[number % MOST_LINES, 1] for number in range(MOST_LINES)]
    given = {"touched": [[MOST_LINES, {}]], "kept": kept}
    data = packed(posted(page.get(url(draft)))) | {PACKED: json.dumps(given)}
    assert page.post(url(draft), data).status_code == 400


def test_five_thousand_rows_are_saved(
    page,
    draft,
    django_assert_max_num_queries,
):
    draft.rows.all().delete()
    MappingRow.objects.bulk_create(
        MappingRow(version=draft, target=f"f{n}", source="note", position=n * 10)
        for n in range(1, MOST_ROWS + 1)
    )
    rows = list(draft.rows.order_by("position"))
    data = posted_frame(draft)
    line = {
        "id": str(rows[7].pk),
        "version": str(draft.pk),
        "position": "80",
        "target": "f8",
        "kind": "copy",
        "comes_from": "name",
        "seen": "",
    }
    kept = [[n, row.pk] for n, row in enumerate(rows) if n != 7]
    data[PACKED] = json.dumps({"touched": [[7, line]], "kept": kept})
    with django_assert_max_num_queries(80):  # as many as for ten rows
        assert page.post(url(draft), data).status_code == 302
    assert draft.rows.count() == MOST_ROWS
    assert draft.rows.get(target="f8").source == "name"


def posted_frame(version):
    """Return what a page sends besides its rows."""
    names = ("rows", "sections", "exclusions", "checks")
    counts = {
        f"{name}-{part}_FORMS": "0" for name in names for part in ("TOTAL", "INITIAL")
    }
    version.sections.all().delete()
    version.exclusions.all().delete()
    version.checks.all().delete()
    return counts | {"note": version.note}


def test_the_grid_and_a_file_take_transforms_of_one_length(page, draft):
    data = posted(page.get(url(draft)))
    number = number_of(data, "memo")
    chain = f"replace('{'x' * 700}', 'y')"
    assert 500 < len(chain) < LONGEST["chain"]
    data[f"rows-{number}-chain"] = chain
    assert page.post(url(draft), packed(data, number)).status_code == 302
    assert "x" * 700 in str(draft.rows.get(target="memo").transforms)


def test_a_try_of_packed_rows_is_that_of_the_page(page, draft):
    data = posted(page.get(url(draft)))
    number = number_of(data, "memo")
    data[f"rows-{number}-target"] = ""
    data[f"rows-{number}-comes_from"] = "no.such("
    address = reverse("admin:integrations_studio_live", args=[draft.pk])
    whole = page.post(address, data).json()
    assert page.post(address, packed(data, number)).json() == whole
