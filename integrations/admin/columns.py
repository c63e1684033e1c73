"""How values look on the pages: pills, times, JSON."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue.templatetags.console import pill
from errorqueue.text import clean
from integrations.connectors import exact
from integrations.models import Attempt, Connection, InboxEvent, SyncRecord

LONGEST_TEXT = 200_000
TONES = {
    Connection.State.READY: "good",
    Connection.State.PAUSED: "warn",
    Connection.State.REFUSED: "bad",
    Connection.State.UNREACHABLE: "bad",
    Connection.State.REFRESHED: "bad",
    SyncRecord.State.WAITING: "wait",
    SyncRecord.State.RUNNING: "wait",
    SyncRecord.State.HELD: "warn",
    SyncRecord.State.DELIVERED: "good",
    SyncRecord.State.FAILED: "bad",
    SyncRecord.State.EXCLUDED: "mute",
    InboxEvent.State.RECEIVED: "wait",
    InboxEvent.State.PROCESSED: "good",
    InboxEvent.State.NOT_WANTED: "mute",
    InboxEvent.State.QUARANTINED: "bad",
    Attempt.Outcome.OPEN: "wait",
    Attempt.Outcome.UNKNOWN: "warn",
}


def state_pill(row: models.Model, field: str = "state") -> SafeString:
    """Show a field with choices in the colour of its value."""
    shown = getattr(row, f"get_{field}_display")()
    return pill(shown, TONES.get(getattr(row, field), "mute"))


def with_note(head: SafeString | str, note: str) -> SafeString | str:
    """Put a quiet second line under a value."""
    if not note:
        return head
    return format_html('{} <span class="quiet-line">{}</span>', head, note)


def moment(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i") if at else ""


def day(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "j M Y") if at else ""


def json_text(value: Any) -> str:
    """Write a value as indented JSON, or nothing."""
    return "" if value is None else clean(exact.pretty(value))


def body_text(body: bytes) -> str:
    """Write a delivery's body for a person: indented if it is JSON."""
    text = body.decode("utf-8", errors="backslashreplace")
    with suppress(ValueError, RecursionError):
        text = exact.pretty(exact.loads(text))
    text = clean(text)
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}\n… {len(text) - LONGEST_TEXT} characters more"
