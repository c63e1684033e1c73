"""What a person asks of a match: a look at both sides, and pairs to be linked."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from errorqueue.clock import database_time
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import AuditEntry, Flow, Match, MatchItem
from integrations.sync import background

User = Any
State = Match.State


class NotAsked(ValueError):
    """What was asked for cannot be done; says why, in words."""


def matchable_flows() -> list[Flow]:
    """Return the flows of which both sides can be laid beside each other."""
    flows = Flow.objects.select_related("source", "target")
    return [flow for flow in flows if can_be_matched(flow)]


def can_be_matched(flow: Flow) -> bool:
    try:
        source = connector_class(flow.source.system)
        target = connector_class(flow.target.system)
    except UnknownSystem:
        return False
    is_told = flow.source_entity in source.takes_apart
    return is_told and flow.target_record in target.shelves


@transaction.atomic
def look(flow: Flow, by: User) -> Match:
    """Have workers read both sides of a flow; raises NotAsked."""
    if not can_be_matched(flow):
        raise NotAsked(f"{flow}: its two sides cannot be laid beside each other.")
    # Two people who press at once come one after the other.
    Flow.objects.select_for_update(of=("self",)).get(pk=flow.pk)
    other = Match.objects.filter(flow=flow, state__in=Match.MOVING).first()
    if other:
        raise NotAsked(f"{other} of {flow} is under way. Wait for it, or cancel it.")
    now = database_time()
    match = Match.objects.create(flow=flow, made_at=now, made_by=by, try_at=now)
    _tell(match, "asked", str(flow), by)
    background.ring()
    return match


@transaction.atomic
def link(match: Match, verdict: str, chosen: Sequence[int] | None, by: User) -> int:
    """Have proposed pairs of one kind linked, all or those chosen; return how many.

    Raises NotAsked.
    """
    if verdict not in MatchItem.PROPOSED:
        raise NotAsked("Only proposed pairs can be linked.")
    pairs = match.items.filter(
        side=MatchItem.Side.SOURCE, verdict=verdict, linked_at=None
    ).exclude(partner=None)
    if chosen is not None:
        pairs = pairs.filter(pk__in=chosen)
    now = database_time()
    began = {"linked_by": by, "try_at": now, "note": ""}
    _move(match, (State.READY,), State.LINKING, **began)
    count = pairs.update(is_chosen=True)
    if not count:
        raise NotAsked("Tick at least one pair that is not linked yet.")
    _tell(match, "linking", f"{count} by {verdict}", by)
    background.ring()
    return count


@transaction.atomic
def cancel(match: Match, by: User) -> None:
    """End it: nothing more is read or linked; what is linked stays. Raises NotAsked."""
    _move(match, Match.MOVING, State.CANCELLED, note=f"Cancelled by {by}.", try_at=None)
    _tell(match, "cancelled", "", by)


def _move(match: Match, before: Sequence[str], state: str, **columns: Any) -> None:
    mine = Match.objects.filter(pk=match.pk, state__in=before)
    if not mine.update(state=state, **columns):
        shown = Match.objects.get(pk=match.pk).get_state_display()
        raise NotAsked(f"{match} is: {shown}.")


def _tell(match: Match, verb: str, detail: str, by: User) -> None:
    AuditEntry.objects.note_change("match", match.pk, verb, detail, by)
