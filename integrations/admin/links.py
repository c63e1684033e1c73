"""Links: to a list with a filter, to a row, to the vendor's own page."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.models import Connection
from integrations.models.account import keyless_of


def row_url(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def row_link(row: Model | None, text: str = "") -> SafeString | str:
    if row is None:
        return ""
    return format_html('<a href="{}">{}</a>', row_url(row), text or str(row))


def list_link(model: type[Model], text: Any, **filters: Any) -> SafeString:
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode(filters), text)


def vendor_url(connection: Connection, record_type: str, target_id: str) -> str:
    """Return the vendor's page of a record; opens no secret and calls nobody."""
    if not target_id:
        return ""
    return keyless_of(connection).record_url(record_type, target_id)


def vendor_link(
    connection: Connection, record_type: str, target_id: str
) -> SafeString | str:
    """Show a target id, linked to the vendor's page where there is one."""
    address = vendor_url(connection, record_type, target_id)
    if not address:
        return target_id
    return format_html(
        '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>',
        address,
        target_id,
    )


def number_of(text: str) -> int:
    """Return the number of a row as an address or a form names it, else 0: no row."""
    return int(text) if text.isdecimal() and len(text) < 19 else 0
