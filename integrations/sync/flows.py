"""Turning flows on and off, and putting them on hold."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from errorqueue.alerts import close_alert
from errorqueue.clock import DatabaseTime
from integrations.models import (
    AuditEntry,
    Connection,
    Flow,
    Opening,
    ring_connection,
)
from integrations.sync.holds import hold_flow, release_flow, unmark_probes
from mappings import signing
from mappings.models import MappingDocument

Hold = Flow.Hold
NOT_HELD: dict[str, Any] = {
    "held_at": None,
    "hold_reason": "",
    "hold_kind": "",
    "probe_at": None,
    "probing_since": None,
}


class NoMapping(Exception):
    """A flow cannot be on without a published version of a mapping of its kind."""


def turn_on(flow: Flow) -> bool:
    """Let a flow take records again; say whether it was off. Raises NoMapping."""
    if flow.mapping.published() is None:
        raise NoMapping(
            f"{flow} stays off: {flow.mapping} has no published version yet."
        )
    if flow.mapping.environment != flow.target.environment:
        raise NoMapping(
            f"{flow} stays off: {mismatch_words(flow.target, flow.mapping)}"
        )
    if flow.source.environment != flow.target.environment:
        raise NoMapping(f"{flow} stays off: {ends_words(flow.source, flow.target)}")
    turned = Flow.objects.filter(pk=flow.pk, is_enabled=False).update(is_enabled=True)
    if turned:
        ring_connection(flow.target_id)
    return bool(turned)


def mismatch_words(target: Connection, mapping: MappingDocument) -> str:
    """Say why a mapping of one environment may not write to an account of the other."""
    return (
        f"{target} is a {target.environment} account and {mapping} is a "
        f"{mapping.environment} document. Choose a {target.environment} document: only "
        "what is signed reaches production."
    )


def unsigned_words(
    before: MappingDocument | None, target: Connection, mapping: MappingDocument | None
) -> str:
    """Say why a flow into production may not go over to a document; nothing if it may.

    What nobody signed goes live there only where nothing was in force before.
    """
    into_production = target.environment == Connection.Environment.PRODUCTION
    stood = before is not None and before.needs_signatures and before != mapping
    if not (into_production and stood and before and before.published()):
        return ""
    if mapping is not None and signing.was_signed(mapping):
        return ""
    return (
        f"Nobody signed {mapping or 'this document'}, and {before} is in force. Have a "
        "version signed and published first, then let the flow go over to it."
    )


def ends_words(source: Connection, target: Connection) -> str:
    """Say why records of one environment may not go to an account of the other."""
    return (
        f"{source} is a {source.environment} account and {target} is a "
        f"{target.environment} account. Test data must not reach real books."
    )


def turned_on(connection: Connection) -> list[Flow]:
    """Return the flows from and to an account that are on."""
    ends = Q(source=connection) | Q(target=connection)
    return list(Flow.objects.filter(ends, is_enabled=True))


def turn_off(flow: Flow) -> bool:
    """Let a flow rest: nothing of it is sent until it is on again."""
    turned = Flow.objects.filter(pk=flow.pk, is_enabled=True).update(is_enabled=False)
    return bool(turned)


@transaction.atomic
def hold(
    flow: Flow,
    reason: str,
    by: Any = None,
    *,
    kind: Flow.Hold = Flow.Hold.PERSON,
    probe_at: datetime | None = None,
) -> bool:
    """Put a flow on hold; say whether it was not. Its records wait with the reason.

    Events are taken in all the while, and what is being sent comes to its end. A
    person, or the watch of a version, takes over what a breaker holds: then nothing
    is probed any more.
    """
    free = Q(held_at=None)
    if kind != Hold.BREAKER:
        free |= Q(hold_kind=Hold.BREAKER)
    columns = {**NOT_HELD, "hold_reason": reason[:300], "hold_kind": kind}
    mine = Flow.objects.filter(free, pk=flow.pk)
    if not mine.update(**columns | {"held_at": DatabaseTime(), "probe_at": probe_at}):
        return False
    AuditEntry.objects.note_change("flow", flow.pk, "put on hold", reason, by)
    Opening.objects.begin(flow, kind, reason, by)
    if kind != Hold.BREAKER:
        close_alert(breaker_key(flow))
    flow.refresh_from_db()
    hold_flow(flow)
    return True


@transaction.atomic
def resume(
    flow: Flow, reason: str, by: Any = None, *, unless: Collection[str] = ()
) -> bool:
    """End the hold of a flow; say whether there was one. What waited goes by itself.

    `unless` names kinds of holds that are left alone: a person's outlasts a version
    that goes live.
    """
    mine = Flow.objects.filter(pk=flow.pk, held_at__isnull=False)
    mine = mine.exclude(hold_kind__in=unless)
    if not mine.update(**NOT_HELD, breaker_since=DatabaseTime()):
        return False
    AuditEntry.objects.note_change("flow", flow.pk, "resumed", reason, by)
    unmark_probes(probes_of(flow))
    Opening.objects.end(flow, reason, by)
    close_alert(breaker_key(flow))
    flow.refresh_from_db()
    release_flow(flow)
    ring_connection(flow.target_id)
    return True


def probes_of(flow: Flow) -> list[int]:
    """Return the records of the latest round of probes of a flow on hold."""
    opening = Opening.objects.of(flow).filter(closed_at=None)
    return list(opening.values_list("probes", flat=True).first() or [])


def breaker_key(flow: Flow) -> str:
    """Name the incident of a flow that its breaker opened."""
    return f"breaker:{flow.pk}"
