"""Turning flows on and off, and putting them on hold."""

from typing import Any

from django.db import transaction
from django.db.models import Q

from errorqueue.clock import DatabaseTime
from integrations.models import AuditEntry, Connection, Flow, ring_connection
from integrations.sync.holds import hold_flow, release_flow
from mappings.models import MappingDocument


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
def hold(flow: Flow, reason: str, by: Any = None) -> bool:
    """Put a flow on hold; say whether it was not. Its records wait with the reason.

    Events are taken in all the while, and what is being sent comes to its end.
    """
    mine = Flow.objects.filter(pk=flow.pk, held_at=None)
    if not mine.update(held_at=DatabaseTime(), hold_reason=reason[:300]):
        return False
    AuditEntry.objects.note_change("flow", flow.pk, "put on hold", reason, by)
    flow.refresh_from_db()
    hold_flow(flow)
    return True


@transaction.atomic
def resume(flow: Flow, reason: str, by: Any = None) -> bool:
    """End the hold of a flow; say whether there was one. What waited goes by itself."""
    mine = Flow.objects.filter(pk=flow.pk, held_at__isnull=False)
    if not mine.update(held_at=None, hold_reason=""):
        return False
    AuditEntry.objects.note_change("flow", flow.pk, "resumed", reason, by)
    flow.refresh_from_db()
    release_flow(flow)
    ring_connection(flow.target_id)
    return True
