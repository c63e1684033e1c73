"""The mapping engine: values in, values out; no database, no clock, no vendor."""

from mappings.engine.application import apply
from mappings.engine.catalogue import CATALOGUE
from mappings.engine.chains import chain_from, chain_items, parse_chain, print_chain
from mappings.engine.document import (
    Document,
    Exclusion,
    Found,
    Kind,
    Lookups,
    Mapped,
    Problem,
    Row,
    Section,
    SumCheck,
    Trace,
)
from mappings.engine.errors import DocumentError
from mappings.engine.explanation import row_for, trace_for
from mappings.engine.lint import Finding, check_document, find_faults
from mappings.engine.literals import parse_literal, print_literal
from mappings.engine.loading import document_from, tables_from
from mappings.engine.offering import catalogue

__all__ = [
    "CATALOGUE",
    "Document",
    "DocumentError",
    "Exclusion",
    "Finding",
    "Found",
    "Kind",
    "Lookups",
    "Mapped",
    "Problem",
    "Row",
    "Section",
    "SumCheck",
    "Trace",
    "apply",
    "catalogue",
    "chain_from",
    "chain_items",
    "check_document",
    "document_from",
    "find_faults",
    "parse_chain",
    "parse_literal",
    "print_chain",
    "print_literal",
    "row_for",
    "tables_from",
    "trace_for",
]
