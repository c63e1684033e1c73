"""Links: to a list with a filter, to a row, to the vendor's own page.

Who may not open what a link leads to reads plain text instead.
"""

from typing import Any
from urllib.parse import urlencode

from django.db.models import BooleanField, Model, Value
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue.admin.closed_links import may_open
from integrations.models import Connection
from integrations.models.account import keyless_of


def row_url(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def openable(user: Any, model: type[Model]) -> Value:
    """Return the answer of `may_open` for a column of a list, which knows no person."""
    return Value(may_open(user, model), output_field=BooleanField())


def row_link(row: Model | None, is_open: bool, text: str = "") -> SafeString | str:
    """Return a link to a row's page, or its name for who may not open it."""
    if row is None:
        return ""
    said = text or str(row)
    if not is_open:
        return said
    return format_html('<a href="{}">{}</a>', row_url(row), said)


def list_link(
    model: type[Model], text: Any, is_open: bool = True, **filters: Any
) -> SafeString | str:
    """Return a link to a list; only the text where its reader may not open it."""
    if not is_open:
        return str(text)
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
