"""The documents Waybill comes with, read straight into the engine."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mappings.engine import Document, document_from, tables_from

FILE = Path(__file__).parents[2] / "integrations" / "configuration" / "mappings.yaml"


@cache
def data() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text())


def slugs() -> list[str]:
    return [one["slug"] for one in data()["mapping_documents"]]


@cache
def document(slug: str) -> Document:
    tables = tables_from(data()["value_tables"])
    found = next(one for one in data()["mapping_documents"] if one["slug"] == slug)
    return document_from(found, tables)
