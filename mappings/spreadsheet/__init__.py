"""Mapping documents and value tables as spreadsheets, out and in."""

from mappings.spreadsheet.content import Content, content_of
from mappings.spreadsheet.files import TooMuch, Unreadable, from_file, to_csv, to_xlsx
from mappings.spreadsheet.reading import Fault, Read, read_document, read_table
from mappings.spreadsheet.sheets import Sheet

__all__ = [
    "Content",
    "Fault",
    "Read",
    "Sheet",
    "TooMuch",
    "Unreadable",
    "content_of",
    "from_file",
    "read_document",
    "read_table",
    "to_csv",
    "to_xlsx",
]
