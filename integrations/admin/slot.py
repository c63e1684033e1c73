"""The page of slots: who holds which of the requests that a vendor allows at once."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from errorqueue.admin.readonly import ReadOnlyAdmin
from integrations.models import Flow, Slot
from integrations.sync.access import limit_in_words
from integrations.sync.occupancy import MOST_COUNTED, Occupancy, occupancies

TEMPLATE = "admin/integrations/slot/slots.html"


@admin.register(Slot)
class SlotAdmin(ReadOnlyAdmin):
    """One page for all connections; a single slot has none of its own."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Slots",
            "cards": [_card(found) for found in occupancies()],
        }
        return TemplateResponse(request, TEMPLATE, context)


def _card(found: Occupancy) -> dict[str, Any]:
    return {
        "found": found,
        "connection": found.connection,
        "summary": _summary(found),
        "cells": _cells(found),
        "facts": _facts(found),
        "holders": _holders(found),
        "learnt": _learnt(found),
        "is_shrunk": found.limits.limit < found.connection.allowance
        or found.connection.is_limited,
    }


def _summary(found: Occupancy) -> str:
    parts = [f"{len(found.taken)} in use", f"{found.free} free"]
    if found.reserved_free:
        parts.append(f"{found.reserved_free} of them kept for orders")
    return ", ".join(parts)


def _cells(found: Occupancy) -> list[str]:
    """One word per slot of the allowance: how its cell of the bar looks."""
    taken = {slot.number: slot for slot in found.taken}
    limit, common = found.limits
    return [
        "off"
        if number > limit
        else (taken[number].lane or "interactive")
        if number in taken
        else "reserved"
        if number > common
        else "free"
        for number in range(1, found.connection.allowance + 1)
    ]


def _facts(found: Occupancy) -> list[tuple[str, str]]:
    busy = "No calls" if found.busy is None else f"{found.busy:.0%}"
    return [
        ("Orders waiting", counted(found.orders_waiting)),
        ("Bulk waiting", counted(found.bulk_waiting)),
        ("Pages waiting for a slot", counted(found.pages_waiting)),
        ("Busy, last 5 minutes", busy),
        ("Calls, last hour", f"{found.calls:,}"),
        ("Refused as too many, last hour", f"{found.refused:,}"),
    ]


def _holders(found: Occupancy) -> list[dict[str, Any]]:
    """One row per worker and use: its slots, since when, and until when at least."""
    rows: dict[tuple[str, str], list[Slot]] = {}
    for slot in found.taken:
        rows.setdefault((slot.holder, slot.lane), []).append(slot)
    return [
        {
            "slots": ", ".join(str(slot.number) for slot in held),
            "worker": worker,
            "is_bulk": lane == Flow.Lane.BULK,
            "since": min(
                (slot.taken_at for slot in held if slot.taken_at), default=None
            ),
            "until": min(slot.lease_until for slot in held if slot.lease_until),
        }
        for (worker, lane), held in rows.items()
    ]


def counted(count: int) -> str:
    """Show a bounded count; past the bound nobody needs the exact figure."""
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"


def _learnt(found: Occupancy) -> str:
    if found.connection.is_limited:
        return f"{limit_in_words(found.connection)}; no slot is used before."
    allowance = found.connection.allowance
    if found.limits.limit >= allowance:
        return f"The account allows {allowance} at once."
    return (
        f"The account allows {allowance} at once, but {found.connection} refused that "
        f"many, so {found.limits.limit} are used. Each quiet minute gives one back."
    )
