"""Documents and tables as sheets and files: what goes out comes in the same."""

import io
import re
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from mappings.engine import Kind, Row
from mappings.engine.difference import differences
from mappings.engine.digest import content_digest
from mappings.spreadsheet import Content, content_of, files, read_document, read_table
from mappings.spreadsheet.content import table_sheet
from mappings.spreadsheet.files import TooMuch, Unreadable, guarded, unguarded
from mappings.spreadsheet.report import edits_of, table_report
from mappings.spreadsheet.sheets import COLUMNS, ROWS, VALUES, Sheet, letters
from tests.mappings import shipped

TABLES = {
    table["name"]: tuple((str(a), str(b), "") for a, b in table["rows"].items())
    for table in shipped.data()["value_tables"]
}


def sheets_of(document):
    used = {row.table for row in document.rows if row.table}
    return content_of(Content(document, {n: TABLES[n] for n in TABLES if n in used}))


@pytest.mark.parametrize("slug", shipped.slugs())
def test_every_shipped_document_comes_back_the_same_from_xlsx(slug):
    document = shipped.document(slug)
    blank = replace(document, rows=(), sections=(), exclusions=(), checks=())
    made = files.to_xlsx(sheets_of(document))
    read = read_document(files.from_file("a.xlsx", made, ROWS), blank, list(TABLES))
    assert read.faults == []
    assert differences(document, read.document) == []
    assert content_digest(document) == content_digest(read.document)
    for name, pairs in (read.tables or {}).items():
        assert pairs == TABLES[name]


@pytest.mark.parametrize("slug", shipped.slugs())
def test_every_shipped_document_comes_back_the_same_from_csv(slug):
    document = shipped.document(slug)
    made = files.to_csv(sheets_of(document)[0])
    blank = replace(document, rows=())
    read = read_document(files.from_file("a.csv", made, ROWS), blank, list(TABLES))
    assert read.faults == []
    assert differences(document, read.document) == []
    assert read.tables is None


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30
)


@given(TEXTS.map(lambda text: text.rstrip(" ")))
def test_what_is_guarded_reads_back_as_it_was(text):
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in files.RISKY or not text


@given(st.sampled_from(files.RISKY), st.text("a'=-\"; ,", max_size=6))
def test_risky_texts_read_back_too(first, rest):
    text = (first + rest).rstrip(" ")
    assert guarded(text)[0] == "'"
    assert unguarded(guarded(text)) == text


def test_a_quoted_constant_typed_by_hand_stays_one():
    assert unguarded("'-1'") == "'-1'"


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-2", "@SUM(A1)", "\tx", "\rx", "'=x", "\uff1d1"]
)
def test_no_cell_of_a_file_is_a_formula(text):
    pairs = ((text, "x" + text, text),)
    book = load_workbook(io.BytesIO(files.to_xlsx([table_sheet(pairs)])))
    [cell, *_] = book.active[2]
    assert cell.data_type == "s"
    assert cell.quotePrefix or text[0] == "'"
    for name, made in (
        ("t.xlsx", files.to_xlsx([table_sheet(pairs)])),
        ("t.csv", files.to_csv(table_sheet(pairs))),
    ):
        [sheet] = files.from_file(name, made, VALUES)
        assert sheet.lines[0][0] == text
    assert (
        text[0] not in csv_cell(files.to_csv(table_sheet(pairs)))[:1] or text[0] == "'"
    )


def csv_cell(raw):
    import csv

    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))[1][0]


def rows_file(*changes, headings=None):
    """A csv of one good line with these cells in place of its own."""
    good = {"target": "memo", "kind": "Copy", "comes_from": "note"}
    keys = list(COLUMNS[ROWS])
    lines = []
    for change in changes:
        cells = {**good, **change}
        lines.append(tuple(cells.get(key, "") for key in keys))
    names = headings or tuple(COLUMNS[ROWS].values())
    return files.from_file(
        "a.csv", files.to_csv(Sheet(ROWS, names, tuple(lines))), ROWS
    )


def faults_of(sheets, tables=("Terms",)):
    base = replace(shipped.document("shopify-order"), rows=(), sections=(), checks=())
    return [str(fault) for fault in read_document(sheets, base, list(tables)).faults]


def test_every_fault_is_told_with_its_cell():
    found = faults_of(
        rows_file(
            {"kind": "Value table", "table": "Foo"},
            {"target": "a", "kind": "Cpoy"},
            {"target": "b", "chain": "trim | explode"},
            {"target": "c", "max_length": "-4"},
            {"target": "d", "required": "perhaps"},
            {"target": ""},
            {"target": "e", "kind": "Constant", "comes_from": "'open"},
        )
    )
    text = "\n".join(found)
    assert "Rows!F2: there is no value table 'Foo'; choose one of Terms." in found
    assert "Rows!C3: 'Cpoy' is not known; choose one of Copy, Constant," in text
    assert "Rows!E4: " in text and "explode" in text
    assert "Rows!N5: '-4' is no whole number" in text
    assert "Rows!K6: 'perhaps' is neither yes nor no." in found
    assert "Rows!B7: the target field is empty. Name the field to fill." in found
    assert "Rows!D8: 'open has no closing quote." in found
    assert sum("no value table" in one for one in found) == 1


def test_what_the_engine_finds_stands_at_its_cell_and_stops_no_draft():
    sheets = rows_file({"target": "memo", "comes_from": "a..b"})
    base = replace(shipped.document("shopify-order"), rows=(), sections=(), checks=())
    read = read_document(sheets, base, [])
    [fault] = [one for one in read.faults if one.place == "Rows!D2"]
    assert "a..b" in fault.text
    assert read.may_be_taken


def test_a_system_may_be_written_as_people_call_it():
    sheets = rows_file({"owner": "NetSuite", "updaters": "Shopify"})
    base = replace(shipped.document("shopify-order"), rows=(), sections=(), checks=())
    [row] = read_document(sheets, base, []).document.rows
    assert (row.owner, row.updaters) == ("netsuite", "shopify")


def test_unknown_and_missing_columns_are_named():
    found = faults_of(rows_file({}, headings=("Targt field", "Kind", "Comes from")))
    assert (
        "Rows!A1: there is no column 'Targt field'. Did you mean 'Target field'?"
        in found
    )
    assert (
        "Rows: the column 'Target field' is missing. Add it in the first line." in found
    )


def test_a_missing_column_keeps_what_stands_there():
    document = shipped.document("shopify-order")
    whole = sheets_of(document)[0]
    at = whole.headings.index("Note")
    cut = Sheet(
        ROWS,
        tuple(one for n, one in enumerate(whole.headings) if n != at),
        tuple(tuple(c for n, c in enumerate(line) if n != at) for line in whole.lines),
    )
    read = read_document([cut], document, list(TABLES))
    assert differences(document, read.document) == []


def test_headings_forgive_case_and_spaces_and_any_order():
    names = ("COMES  FROM", "kind", " target field ")
    made = Sheet(ROWS, names, (("note", "copy", "memo"),))
    base = replace(shipped.document("shopify-order"), rows=())
    read = read_document([made], base, [])
    assert [(row.target, row.source, row.kind) for row in read.document.rows] == [
        ("memo", "note", Kind.COPY)
    ]


@pytest.mark.parametrize(
    "raw",
    [
        "Source value;Target value\r\nExpreß;Österreich, Wien\r\n".encode("cp1252"),
        "Source value;Target value\r\nExpreß;Österreich, Wien\r\n".encode("utf-8-sig"),
        "Source value\tTarget value\nExpreß\tÖsterreich, Wien\n".encode("utf-16"),
        'Source value,Target value\nExpreß,"Österreich, Wien"\n'.encode(),
    ],
    ids=["german excel", "semicolons", "tabs in utf-16", "plain"],
)
def test_csv_of_other_people_is_read(raw):
    pairs, faults = read_table(files.from_file("t.csv", raw, VALUES))
    assert (pairs, faults) == ((("Expreß", "Österreich, Wien", ""),), [])


def test_numbers_typed_in_excel_are_texts_and_formulas_are_named():
    book = Workbook()
    page = book.active
    page.title = VALUES
    page.append(["Source value", "Target value", "Note"])
    page.append([40, 7.5, True])
    page.append(["x", "=A1&B1", ""])
    made = io.BytesIO()
    book.save(made)
    pairs, faults = read_table(files.from_file("t.xlsx", made.getvalue(), VALUES))
    assert pairs[0] == ("40", "7.5", "true")
    assert "Values!B3: a formula. Write the text itself" in "\n".join(map(str, faults))


def test_a_value_that_stands_twice_is_named():
    sheet = table_sheet((("a", "b", ""), ("a", "c", ""), ("", "d", "")))
    _, faults = read_table([sheet])
    assert [str(fault) for fault in faults] == [
        "Values!A3: 'a' is there twice. Keep one.",
        "Values!A4: the source value is empty. Fill it in.",
    ]


def zipped(size, name="xl/worksheets/sheet1.xml"):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * size)
    return made.getvalue()


def test_a_bomb_is_refused_before_it_is_unpacked():
    with pytest.raises(TooMuch, match="unpacks to 60 MB"):
        files.from_file("t.xlsx", zipped(60 * 1024 * 1024), VALUES)


def test_too_many_lines_are_refused(monkeypatch):
    monkeypatch.setattr(files, "MOST_LINES", 3)
    sheet = table_sheet(tuple((str(n), "x", "") for n in range(5)))
    for name, raw in (
        ("t.csv", files.to_csv(sheet)),
        ("t.xlsx", files.to_xlsx([sheet])),
    ):
        with pytest.raises(TooMuch, match="more than 3 lines"):
            files.from_file(name, raw, VALUES)


def test_entities_in_a_file_are_refused():
    good = files.to_xlsx([table_sheet((("a", "b", ""),))])
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.infolist():
            raw = old.read(part)
            if part.filename.endswith("sheet1.xml"):
                raw = b'<!DOCTYPE x [<!ENTITY lol "lol">]>' + raw.replace(
                    b'<?xml version="1.0"?>', b""
                )
            new.writestr(part.filename, raw)
    with pytest.raises(Unreadable):
        sheets = files.from_file("t.xlsx", made.getvalue(), VALUES)
        read_table(sheets)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.xlsx", b"hello"),
        ("a.xlsx", b"PK\x03\x04rubbish"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"),
        ("a.csv", b"  \n"),
        ("a.csv", b"\x00\x01\x02"),
        ("a.xlsx", zipped(10)),
    ],
)
def test_what_is_no_spreadsheet_says_so(name, raw):
    with pytest.raises(Unreadable):
        files.from_file(name, raw, VALUES)


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.xlsx"]))
def test_no_file_breaks_the_reader(raw, name):
    try:
        sheets = files.from_file(name, raw, ROWS)
    except Unreadable:
        return
    base = replace(shipped.document("shopify-order"), rows=())
    read_document(sheets, base, [])
    read_table(sheets)


def test_columns_are_lettered_as_in_a_spreadsheet():
    assert [letters(n) for n in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]


def test_a_table_report_says_each_row():
    report = table_report(
        "Terms",
        (("a", "1", ""), ("b", "2", ""), ("c", "3", "")),
        (("a", "9", ""), ("b", "2", "soon"), ("d", "4", "")),
    )
    assert report.sentences == (
        "a: '1' now → '9'",
        "b: note '' now → 'soon'",
        "d → 4: added",
        "c → 3: removed",
    )


def test_rows_that_others_added_since_the_look_are_left_alone():
    class Standing:
        def __init__(self, pk, source, target):
            self.pk, self.source, self.target, self.note = pk, source, target, ""

    were = (("a", "1", ""),)
    rows = [Standing(1, "a", "1"), Standing(2, "new", "x")]
    edits = edits_of(rows, (("a", "2", ""),), were)
    assert [(one.pk, one.cells, one.is_removed) for one in edits] == [
        (1, ("a", "2", ""), False)
    ]


def test_a_row_says_its_words_for_people():
    row = Row("x", kind=Kind.LOOKUP, constant="007", on_miss="leave_out", required=True)
    sheet = content_of(
        Content(replace(shipped.document("shopify-order"), rows=(row,)))
    )[0]
    line = dict(zip(sheet.headings, sheet.lines[0], strict=True))
    assert (line["Kind"], line["Comes from"]) == ("Look-up", "'007'")
    assert (line["When not found"], line["Required"]) == ("Leave the field out", "yes")


@pytest.mark.parametrize(
    ("part", "element", "number"),
    [("xl/worksheets/sheet1.xml", "<c/>", 600_001), ("xl/styles.xml", "<xf/>", 60_000)],
)
def test_a_small_file_of_countless_empty_parts_is_refused_at_once(
    part, element, number
):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(part, f"<a>{element * number}</a>")
    with pytest.raises(TooMuch, match="cells, texts and formats"):
        files.from_file("rows.xlsx", made.getvalue(), "Rows")


@pytest.mark.parametrize(
    "text",
    [
        "a;=cmd|'/c calc'!A1",
        "a; =1+1",
        "a;'=already quoted",
        "first\n@SUM(1)",
        "a\t-1;+2",
        "=a;=b",
        "a;\uff1d1",
    ],
)
def test_no_cell_begins_a_formula_where_cells_are_parted_by_semicolons(text):
    raw = files.to_csv(Sheet("Rows", ("Note",), ((text,),)))
    lines = raw.decode("utf-8-sig").splitlines()[1:]
    cells = [cell.lstrip(' "') for line in lines for cell in re.split("[;\t]", line)]
    assert [cell for cell in cells if cell[:1] and cell[0] in files.RISKY] == []
    assert files.from_file("rows.csv", raw, "Rows")[0].lines == ((text,),)
