"""Sets what is assumed about people's work; what was assumed before stays readable."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from errorqueue.clock import database_time
from integrations.models import Assumption, AuditEntry

# What people call each field in the audit trail.
NAMES = {
    "order_minutes": "minutes per typed order",
    "error_minutes": "minutes per decision",
    "hour_cost": "cost of an hour",
    "currency": "currency",
}
FIELDS = tuple(NAMES)


@transaction.atomic
def assume(row: Assumption, by: Any) -> Assumption | None:
    """Add what a person assumes, with its line of the audit trail; nothing if the same."""
    before = Assumption.objects.first()
    changes = [text for name in FIELDS if (text := _change(name, before, row))]
    if not changes:
        return None
    row.by, row.at = by, database_time()
    row.save(force_insert=True)
    AuditEntry.objects.note_change(
        "assumption", row.pk, "changed", "; ".join(changes), by
    )
    return row


def _change(name: str, before: Assumption | None, after: Assumption) -> str:
    was = getattr(before, name) if before else None
    now = getattr(after, name)
    if _said(was) == _said(now):
        return ""
    return f"{NAMES[name]} {_said(was)} → {_said(now)}"


def _said(value: Any) -> str:
    if value in (None, ""):
        return "none"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
