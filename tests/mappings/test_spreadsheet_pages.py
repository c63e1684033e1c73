"""Files through the pages: a look, the difference, and nothing stored before that."""

import io

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from integrations.admin.spreadsheet import Look, _unsealed
from integrations.models import AuditEntry
from mappings import services, signing
from mappings.models import MappingDocument, MappingVersion, ValueTable
from mappings.moves import digest_of
from mappings.spreadsheet import importing
from mappings.spreadsheet.sheets import Sheet
from tests.flows.conftest import configure

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shipped(db):
    configure("roles.yaml", "mappings.yaml")


@pytest.fixture
def person(shipped):
    made = User.objects.create_user("mia", is_staff=True)
    made.groups.add(Group.objects.get(name="Mapping editors"))
    return made


@pytest.fixture
def editor(person):
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def document(shipped):
    return MappingDocument.objects.get(slug="shopify-order")


@pytest.fixture
def table(shipped):
    return ValueTable.objects.get(name="Shipping methods")


def at(version, form=""):
    return f"/admin/integrations/sheets/version/{version.pk}/{form}"


def at_table(table, form=""):
    return f"/admin/integrations/sheets/table/{table.pk}/{form}"


def book_of(client, address):
    answer = client.get(address + "xlsx/")
    assert answer.status_code == 200
    return load_workbook(io.BytesIO(answer.content))


def upload(client, address, book, name="changed.xlsx"):
    if isinstance(book, bytes):
        raw = book
    else:
        made = io.BytesIO()
        book.save(made)
        raw = made.getvalue()
    return client.post(address, {"file": SimpleUploadedFile(name, raw)})


def cell_of(book, target, heading):
    page = book["Rows"]
    headings = [cell.value for cell in page[1]]
    line = next(r for r in page.iter_rows(min_row=2) if r[1].value == target)
    return line[headings.index(heading)]


def take(client, address, looked, **more):
    return client.post(address, {"take": looked.context["seal"], **more})


def test_an_unchanged_file_makes_no_difference(editor, document):
    version = document.published()
    looked = upload(editor, at(version), book_of(editor, at(version)))
    assert looked.context["report"].is_empty
    assert looked.context["report"].faults == []
    assert "no difference" in looked.content.decode()
    assert document.draft() is None


def test_a_changed_file_becomes_a_draft_after_a_look(editor, document, person):
    version = document.published()
    before = version.read_document()
    book = book_of(editor, at(version))
    cell_of(book, "otherRefNum", "Transforms").value = "trim | cut(20)"
    book["Rows"].append(["", "memo2", "Copy", "note"])
    looked = upload(editor, at(version), book)
    page = looked.content.decode()
    assert "transforms" in page and "Memo2: added" in page
    assert document.draft() is None
    answer = take(editor, at(version), looked)
    draft = document.draft()
    assert answer.url.endswith(f"/mappingversion/{draft.pk}/change/")
    rows = {row.target: row for row in draft.rows.all()}
    assert rows["otherRefNum"].transforms == ["trim", {"cut": {"length": 20}}]
    assert rows["memo2"].source == "note"
    assert len(draft.read_document().rows) == len(before.rows) + 1
    assert version.read_document() == before
    told = AuditEntry.objects.filter(by=person, detail__contains="memo2")
    assert told.exists()
    assert AuditEntry.objects.filter(detail__contains="otherRefNum transforms").exists()


def test_a_row_taken_out_and_one_moved(editor, document):
    version = document.published()
    book = book_of(editor, at(version))
    page = book["Rows"]
    first = page.cell(2, 2).value
    page.delete_rows(3)
    looked = upload(editor, at(version), book)
    sentences = [one.sentence for one in looked.context["report"].differences]
    assert len(sentences) == 1 and "removed" in sentences[0]
    take(editor, at(version), looked)
    targets = [row.target for row in document.draft().rows.all()]
    assert targets[0] == first
    assert len(targets) == version.rows.count() - 1


def test_an_open_draft_is_changed_in_place(editor, document, person):
    draft = services.new_draft(document, person)
    keys = set(draft.rows.values_list("pk", flat=True))
    book = book_of(editor, at(draft))
    cell_of(book, "otherRefNum", "Note").value = "as the customer sees it"
    looked = upload(editor, at(document.published()), book)
    assert looked.context["target"] == draft
    take(editor, at(document.published()), looked)
    assert set(draft.rows.values_list("pk", flat=True)) == keys
    assert draft.rows.get(target="otherRefNum").note == "as the customer sees it"
    assert document.versions.count() == 2


def test_whoever_takes_a_file_in_has_written_the_version(editor, document, person):
    """Also where the grid has no words for the difference: it may not be signed."""
    draft = services.new_draft(document, None)
    row = draft.rows.filter(section="", required=False).exclude(kind="constant").first()
    draft.rows.filter(pk=row.pk).update(default="'x'")
    book = book_of(editor, at(draft))
    cell = cell_of(book, row.target, "Required")
    cell.value = "yes" if cell.value == "no" else "Yes"
    looked = upload(editor, at(draft), book)
    before = digest_of(draft)
    take(editor, at(draft), looked)
    assert digest_of(draft) != before
    assert person.pk in signing.writers_of(draft)


def test_what_a_colleague_changed_since_the_look_is_not_lost(editor, document, person):
    draft = services.new_draft(document, person)
    book = book_of(editor, at(draft))
    cell_of(book, "otherRefNum", "Note").value = "mine"
    looked = upload(editor, at(draft), book)
    row = draft.rows.get(target="memo")
    row.note = "theirs"
    row.save()
    again = take(editor, at(draft), looked)
    assert "Somebody changed" in again.content.decode()
    sentences = " ".join(one.sentence for one in again.context["report"].differences)
    assert "mine" in sentences and "theirs" in sentences
    assert draft.rows.get(target="otherRefNum").note != "mine"
    assert draft.rows.get(target="memo").note == "theirs"


def test_faults_are_told_by_cell_and_nothing_can_be_taken(editor, document):
    version = document.published()
    book = book_of(editor, at(version))
    cell = cell_of(book, "shipMethod.id", "Value table")
    cell.value = "Foo"
    looked = upload(editor, at(version), book)
    place = f"Rows!F{cell.row}"
    page = looked.content.decode()
    assert place in page
    assert "there is no value table &#x27;Foo&#x27;; choose one of Locations" in page
    assert 'name="take"' not in page
    take(editor, at(version), looked)
    assert document.draft() is None


def test_tables_of_a_file_change_only_with_a_tick(editor, document, table):
    version = document.published()
    book = book_of(editor, at(version))
    book["Value tables"].append(["Shipping methods", "Drone", "Express"])
    looked = upload(editor, at(version), book)
    assert "Drone → Express: added" in looked.content.decode()
    take(editor, at(version), looked)
    assert not table.rows.filter(source="Drone").exists()
    looked = upload(editor, at(document.draft()), book)
    take(editor, at(document.draft()), looked, tables="on")
    assert table.rows.get(source="Drone").target == "Express"


def test_a_new_table_comes_with_the_rows_that_need_it(editor, document, table):
    version = document.published()
    book = book_of(editor, at(version))
    cell_of(book, "shipMethod.id", "Value table").value = "Ways"
    book["Value tables"].append(["Ways", "Drone", "Express"])
    looked = upload(editor, at(version), book)
    assert looked.context["report"].faults == []
    take(editor, at(version), looked)
    assert document.draft().rows.get(target="shipMethod.id").table.name == "Ways"
    assert ValueTable.objects.get(name="Ways").rows.get().target == "Express"


def test_a_csv_of_the_fields_leaves_the_rest_alone(editor, document):
    version = document.published()
    answer = editor.get(at(version, "csv/"))
    assert answer.content.startswith(b"\xef\xbb\xbfList,Target field,Kind,Comes from")
    text = answer.content.decode("utf-8-sig").replace("waybill.external_id", "name", 1)
    looked = upload(editor, at(version), text.encode("cp1252"), "a.csv")
    assert len(looked.context["report"].differences) == 1
    take(editor, at(version), looked)
    draft = document.draft()
    assert draft.sections.count() == version.sections.count()
    assert draft.checks.count() == version.checks.count()


def test_a_seal_that_was_meddled_with_is_refused(editor, document):
    version = document.published()
    answer = editor.post(at(version), {"take": "made:up"})
    assert "Choose the file again" in answer.content.decode()
    assert document.draft() is None


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("a.xlsx", b"no", "not an .xlsx file"),
        ("a.csv", b"x" * (5 * 1024 * 1024 + 1), "at most 5 MB"),
        ("a.csv", b"", "Choose a file first"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(editor, document, name, raw, words):
    if raw:
        answer = upload(editor, at(document.published()), raw, name)
    else:
        answer = editor.post(at(document.published()), {})
    assert words in answer.content.decode()


def test_a_version_on_its_way_takes_no_file(editor, document, person):
    draft = services.new_draft(document, person)
    MappingVersion.objects.filter(pk=draft.pk).update(state="review")
    book = book_of(editor, at(document.published()))
    looked = upload(editor, at(document.published()), book)
    assert "is on its way" in looked.content.decode()


def test_who_only_looks_downloads_and_takes_nothing_in(document, table, shipped):
    person = User.objects.create_user("aurelia", is_staff=True)
    person.groups.add(Group.objects.get(name="Auditors"))
    client = Client()
    client.force_login(person)
    version = document.published()
    book = book_of(client, at(version))
    assert "Look at a file" not in client.get(at(version)).content.decode()
    assert upload(client, at(version), book).status_code == 403
    assert upload(client, at_table(table), book).status_code == 403
    stranger = Client()
    stranger.force_login(User.objects.create_user("x", is_staff=True))
    assert stranger.get(at(version, "xlsx/")).status_code == 403
    assert stranger.get(at_table(table, "csv/")).status_code == 403


def test_a_table_goes_out_and_comes_in(editor, table, person):
    text = editor.get(at_table(table, "csv/")).content.decode("utf-8-sig")
    same = upload(editor, at_table(table), text.encode(), "a.csv")
    assert same.context["report"].is_empty
    changed = (
        text.replace("Economy,Standard,", "Economy,Express,") + "=1+1,Express,\r\n"
    )
    looked = upload(
        editor, at_table(table), changed.replace(",", ";").encode(), "a.csv"
    )
    page = looked.content.decode()
    assert "Economy: &#x27;Standard&#x27; now → &#x27;Express&#x27;" in page
    answer = take(editor, at_table(table), looked)
    assert answer.status_code == 302
    assert table.rows.get(source="Economy").target == "Express"
    assert table.rows.get(source="=1+1").target == "Express"
    out = editor.get(at_table(table, "csv/")).content.decode("utf-8-sig")
    assert "\r\n'=1+1,Express," in out
    assert AuditEntry.objects.filter(by=person, detail__contains="Economy").exists()


def test_a_row_a_colleague_changed_since_the_look_is_a_conflict(editor, table):
    text = editor.get(at_table(table, "csv/")).content.decode("utf-8-sig")
    changed = text.replace("Economy,Standard,", "Economy,Express,")
    looked = upload(editor, at_table(table), changed.encode(), "a.csv")
    table.rows.filter(source="Economy").update(target="DHL Express")
    table.rows.create(source="Pigeon", target="Standard")
    again = take(editor, at_table(table), looked)
    assert "Somebody else changed this row meanwhile" in again.content.decode()
    assert table.rows.get(source="Economy").target == "DHL Express"
    assert table.rows.filter(source="Pigeon").exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time")
def test_taking_a_file_waits_for_whoever_saves_the_grid(editor, document, person):
    draft = services.new_draft(document, person)
    book = book_of(editor, at(draft))
    cell_of(book, "otherRefNum", "Note").value = "mine"
    looked = upload(editor, at(draft), book)
    with CaptureQueriesContext(connection) as asked:
        take(editor, at(draft), looked)
    held = [one["sql"] for one in asked if "FOR UPDATE" in one["sql"]]
    assert any('FROM "mappings_mappingversion"' in sql for sql in held)


def test_a_look_keeps_which_cells_cannot_be_taken_and_why(editor, document):
    [version] = document.versions.all()
    sheets = [Sheet("Rows", ("Target field",), (("memo",),), 4, {(0, 0): "a formula."})]
    seal = Look(sheets, importing.mark_of(version), {}).sealed()
    assert _unsealed(seal).sheets == sheets
    text = editor.post(at(version), {"take": seal}).content.decode()
    assert "Rows!A4" in text and "a formula." in text
    assert document.draft() is None


def test_faults_stand_in_the_order_of_the_file(editor, document):
    address = at(document.published())
    book = book_of(editor, address)
    book["Rows"]["A3"] = "=1+1"
    for line, column in ((12, "C"), (2, "Z"), (2, "C"), (9, "C")):
        book["Rows"][f"{column}{line}"] = "Copi"
    looked = upload(editor, address, book)
    places = [fault.place for fault in looked.context["report"].faults]
    cells = ("Rows!C2", "Rows!Z2", "Rows!A3", "Rows!C9", "Rows!C12")
    assert [place for place in places if place in cells] == [
        cell for cell in cells if cell in places
    ]
    assert {"Rows!C2", "Rows!A3", "Rows!C9", "Rows!C12"} <= set(places)


def test_a_file_of_another_kind_is_called_so(editor, document):
    answer = upload(editor, at(document.published()), b"%PDF-1.7", "mapping.pdf")
    assert "This is neither .xlsx nor .csv" in answer.content.decode()
