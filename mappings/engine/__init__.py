"""The mapping engine: values in, values out; no database, no clock, no vendor."""

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

__all__ = [
    "Document",
    "Exclusion",
    "Found",
    "Kind",
    "Lookups",
    "Mapped",
    "Problem",
    "Row",
    "Section",
    "SumCheck",
    "Trace",
]
