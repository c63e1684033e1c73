"""Sheets to files and back: xlsx and csv, safe against formulas and bombs.

A text that a spreadsheet would run as a formula is marked as text: in xlsx by the
format's own mark, in csv by an apostrophe that reading takes away again.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import islice
from typing import Any
from xml.etree.ElementTree import ParseError  # noqa: S405 (the name of an error only)

from defusedxml.common import DefusedXmlException
from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Font
from openpyxl.utils.exceptions import InvalidFileException

from mappings.rows import MOST_ROWS
from mappings.spreadsheet.sheets import Sheet, letters

MOST_BYTES = 5 * 1024 * 1024
MOST_UNPACKED = 40 * 1024 * 1024
MOST_PARTS = 200
# What a sheet of all lines with 27 filled columns has, twice over.
MOST_ELEMENTS = 600_000
TEXTS = (".csv", ".tsv", ".txt")
CONTENT = ("xl/worksheets/", "xl/sharedStrings")
# Formats are read far more slowly than cells, and a mapping needs few.
COST_OF_FORMAT = 12
CHUNK = 1024 * 1024
MOST_LINES = MOST_ROWS
MOST_COLUMNS = 60
MOST_SHEETS = 20
LONGEST_CELL = 5_000
# With the wide = + - @ that some keyboards write, and some spreadsheets run.
WIDE = "\uff1d\uff0b\uff0d\uff20"
RISKY = f"=+-@\t\r{WIDE}"
GUARDED = re.compile(rf"'+[{re.escape(RISKY)}]", re.DOTALL)
# A constant in quotes, as people write it: no spreadsheet runs it.
LITERAL = re.compile(r"'[^']*'", re.DOTALL)
# Where Excel parts cells by semicolons, no quotation mark inside a line holds them, nor
# lines, together: what stands behind one begins a cell.
PARTED = re.compile(rf"([;\t\r\n] *)('*)([=+\-@{WIDE}])")
# What XML cannot hold.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Unreadable(ValueError):
    """The file cannot be read as a spreadsheet; the text says what to do."""


class TooMuch(Unreadable):
    """The file is larger than a mapping can be."""


def guarded(text: str) -> str:
    """Return a text so that no spreadsheet runs it; `unguarded` takes that back."""
    if text[:1] and text[0] in RISKY:
        return f"'{text} " if text.endswith("'") else f"'{text}"
    if GUARDED.match(text) and not LITERAL.fullmatch(text):
        return f"'{text}"
    return text


def unguarded(text: str) -> str:
    """Return what `guarded` was given."""
    if not GUARDED.match(text) or LITERAL.fullmatch(text):
        return text
    inner = text[1:]
    return inner[:-1] if inner[0] in RISKY and inner.endswith("' ") else inner


def _parted(text: str) -> str:
    """Put a quote before what a spreadsheet that parts cells elsewhere would run."""
    return PARTED.sub(r"\1'\2\3", text)


def _joined(text: str) -> str:
    """Return what `_parted` was given."""
    return PARTED.sub(lambda found: found[1] + found[2][1:] + found[3], text)


def to_csv(sheet: Sheet) -> bytes:
    """Write one sheet as Excel reads it: UTF-8 with its mark, commas between."""
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerow(sheet.headings)
    for line in sheet.lines:
        writer.writerow([_parted(guarded(text)) for text in line])
    return made.getvalue().encode("utf-8-sig")


def to_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """Write a workbook whose cells are all texts."""
    book = Workbook()
    book.remove(book.active)
    for sheet in sheets:
        _write_sheet(book.create_sheet(sheet.name), sheet)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _write_sheet(page: Any, sheet: Sheet) -> None:
    page.freeze_panes = "A2"
    for place, heading in enumerate(sheet.headings):
        cell = page.cell(1, place + 1, heading)
        cell.font = Font(bold=True)
        widest = max((len(line[place]) for line in sheet.lines), default=0)
        width = min(max(len(heading) + 2, widest + 2, 8), 48)
        page.column_dimensions[letters(place)].width = width
    for number, line in enumerate(sheet.lines, start=2):
        for place, text in enumerate(line, start=1):
            if text:
                _write_text(page.cell(number, place), text)


def _write_text(cell: Cell, text: str) -> None:
    cell.value = CONTROL.sub("", text).replace("\r", "_x000D_")
    cell.data_type = "s"
    cell.alignment = Alignment(vertical="top", wrap_text=len(text) > 40)
    if any(one in RISKY for one in text[0] + cell.value[:1]):
        cell.quotePrefix = True


def from_file(name: str, raw: bytes, only: str) -> list[Sheet]:
    """Read a file that a person chose; a csv gives one sheet, called `only`.

    Raises Unreadable, or TooMuch before anything large is unpacked.
    """
    if len(raw) > MOST_BYTES:
        raise TooMuch(
            f"The file has {len(raw) / 1024**2:.1f} MB; at most "
            f"{MOST_BYTES // 1024**2} MB can be read."
        )
    if not raw.strip():
        raise Unreadable("The file is empty.")
    if raw[:4] == b"PK\x03\x04":
        return _from_xlsx(raw)
    if raw[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Unreadable(
            "This is an old .xls file or one with a password. Save it as .xlsx "
            "without a password."
        )
    if name.lower().endswith((".xlsx", ".xlsm")):
        raise Unreadable("This is not an .xlsx file. Save it anew, or as .csv.")
    if "." in name and not name.lower().endswith(TEXTS):
        raise Unreadable("This is neither .xlsx nor .csv. Save it as one of them.")
    return [_from_csv(raw, only)]


def _from_xlsx(raw: bytes) -> list[Sheet]:
    _refuse_bomb(raw)
    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, keep_links=False)
        if len(book.worksheets) > MOST_SHEETS:
            raise TooMuch(f"The file has more than {MOST_SHEETS} sheets.")
        return [_read_page(page) for page in book.worksheets]
    except Unreadable:
        raise
    except DefusedXmlException as error:
        raise Unreadable("The file has XML entities, which no mapping has.") from error
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        ParseError,
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        EOFError,
        OSError,
    ) as error:
        raise Unreadable("The file is damaged, or no .xlsx. Save it anew.") from error


def _refuse_bomb(raw: bytes) -> None:
    """Look at what the parts unpack to; what lies about it is cut off there."""
    try:
        book = zipfile.ZipFile(io.BytesIO(raw))
        _refuse_parts(book.infolist())
        _refuse_elements(book)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise Unreadable("The file is damaged. Save it anew.") from error


def _refuse_parts(parts: Sequence[zipfile.ZipInfo]) -> None:
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED:
        raise TooMuch(
            f"The file unpacks to {unpacked / 1024**2:.0f} MB in {len(parts)} parts; "
            f"at most {MOST_UNPACKED // 1024**2} MB in {MOST_PARTS} can be read. "
            "Leave out pictures and sheets that are not needed."
        )


def _refuse_elements(book: zipfile.ZipFile) -> None:
    """Count the elements: a small file of empty ones would be read for minutes."""
    count = 0
    for part in book.infolist():
        cost = 1 if part.filename.startswith(CONTENT) else COST_OF_FORMAT
        with book.open(part) as opened:
            while found := opened.read(CHUNK):
                count += cost * (found.count(b"<") - found.count(b"</"))
    if count > MOST_ELEMENTS:
        raise TooMuch(
            f"The file holds {count:,} cells, texts and formats; at most "
            f"{MOST_ELEMENTS:,} can be read. Copy the filled cells into a new file."
        )


def _read_page(page: Any) -> Sheet:
    lines: list[tuple[str, ...]] = []
    wrong: dict[tuple[int, int], str] = {}
    rows = page.iter_rows(max_col=MOST_COLUMNS + 1)
    for number, cells in enumerate(islice(rows, MOST_LINES + 2)):
        if number > MOST_LINES:
            raise TooMuch(f"The sheet {page.title} has more than {MOST_LINES:,} lines.")
        texts = []
        for place, cell in enumerate(cells):
            text, fault = _text_of(cell)
            texts.append(text)
            if fault:
                wrong[number - 1, place] = fault
        lines.append(_short(texts, page.title))
    return _sheet(page.title, lines, wrong)


def _short(texts: list[str], title: str) -> tuple[str, ...]:
    while texts and not texts[-1]:
        texts.pop()
    if len(texts) > MOST_COLUMNS:
        raise TooMuch(f"The sheet {title} has more than {MOST_COLUMNS} columns.")
    return tuple(texts)


def _sheet(
    name: str, lines: list[tuple[str, ...]], wrong: dict[tuple[int, int], str]
) -> Sheet:
    headings = lines[0] if lines else ()
    return Sheet(name.strip(), headings, tuple(lines[1:]), 2, wrong)


def _text_of(cell: Any) -> tuple[str, str]:
    """Return what a cell says, and why it cannot be taken as it stands."""
    value = cell.value
    if value is None:
        return "", ""
    if getattr(cell, "data_type", "") == "f":
        return "", "a formula. Write the text itself, without the equals sign in front."
    if getattr(cell, "data_type", "") == "e":
        return "", f"an error, {value}. Write the text itself."
    if isinstance(value, bool):
        return ("true" if value else "false"), ""
    if isinstance(value, datetime | date | time):
        return "", "a date. Format the cell as text, then write it as you mean it."
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return str(int(value)), ""
    text = str(value).replace("_x000D_", "\r")
    if len(text) > LONGEST_CELL:
        return "", f"{len(text):,} characters; at most {LONGEST_CELL:,}."
    return text, ""


def _from_csv(raw: bytes, only: str) -> Sheet:
    text = _decoded(raw)
    try:
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), _dialect(text)), MOST_LINES + 2))  # fmt: skip
    except csv.Error as error:
        raise Unreadable(f"The file cannot be read as csv: {error}.") from error
    if len(rows) > MOST_LINES + 1:
        raise TooMuch(f"The file has more than {MOST_LINES:,} lines.")
    lines = [_short([unguarded(_joined(cell)) for cell in row], only) for row in rows]
    wrong = {
        (number - 1, place): f"{len(cell):,} characters; at most {LONGEST_CELL:,}."
        for number, line in enumerate(lines)
        for place, cell in enumerate(line)
        if len(cell) > LONGEST_CELL
    }
    return _sheet(only, lines, wrong)


def _decoded(raw: bytes) -> str:
    """Read UTF-8, with or without its mark, UTF-16, or what Excel writes in the West."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252")  # type: ignore[assignment]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise Unreadable(
        "The file is no text that can be read. In Excel choose CSV UTF-8, or .xlsx."
    )


def _dialect(text: str) -> type[csv.Dialect]:
    """Return how the columns are parted: by the mark that the headings have most."""
    first = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    found = max(",;\t", key=first.count)

    class Found(csv.excel):
        delimiter = found

    return Found
