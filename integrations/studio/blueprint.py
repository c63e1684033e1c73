"""What the business decided, beside what is configured and what it brought."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count

from integrations.models import Entity, Flow, SyncRecord
from mappings.engine.wording import system

Trigger = Entity.Trigger
State = SyncRecord.State
# An event that is asked for this often is as good as one that is told.
NEAR = 5
SELDOM = 12 * 60
LATELY = timedelta(days=30)
_RANGE = re.compile(r"(\d+)(?:\s*(?:-|–|to)\s*(\d+))?\s*(min|h)", re.IGNORECASE)


@dataclass
class Planned:
    """One entity with the flows that carry it, and what they brought lately."""

    entity: Entity
    label: str
    needs: set[int]
    follows: list[str] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    back: list[Flow] = field(default_factory=list)
    delivered: int = 0
    failed: int = 0
    place: int = 0

    @property
    def is_running(self) -> bool:
        """Say whether a flow that is on carries it."""
        return any(flow.is_enabled for flow in self.flows)

    @property
    def stays(self) -> bool:
        """Say whether it crosses no border at all."""
        return _name(self.entity.source) == _name(self.entity.target)


@dataclass(frozen=True)
class Finding:
    """One difference between the blueprint and what is configured."""

    subject: str
    text: str
    remedy: str
    entity: Entity | None = None
    flow: Flow | None = None


@dataclass(frozen=True)
class Order:
    """Entities in the order in which they must be there, and circles among them."""

    names: list[str]
    circles: list[list[str]]


def planned(now: datetime) -> list[Planned]:
    """Return every entity with its flows and outcome: five queries."""
    entities = list(Entity.objects.prefetch_related("follows"))
    labels = _labels(entities)
    found = []
    for entity in entities:
        needs = {other.pk for other in entity.follows.all()}
        names = sorted(labels[pk] for pk in needs)
        found.append(Planned(entity, labels[entity.pk], needs, names))
    flows = list(Flow.objects.select_related("source", "target"))
    delivered, failed = _counts(now)
    for one in found:
        one.flows = [flow for flow in flows if carries(flow, one.entity)]
        one.back = [flow for flow in flows if _runs_back(flow, one.entity)]
        one.delivered = sum(delivered.get(flow.pk, 0) for flow in one.flows)
        one.failed = sum(failed.get(flow.pk, 0) for flow in one.flows)
    rank = {name: place for place, name in enumerate(order_of(found).names)}
    for one in found:
        one.place = rank[one.label]
    return found


def _labels(entities: Sequence[Entity]) -> dict[int, str]:
    """Name each entity; where two are called alike, with the way it goes."""
    often = Counter(one.name for one in entities)
    found: dict[int, str] = {}
    for one in entities:
        way = f"{system(one.source, '?')} → {system(one.target, '?')}"
        label = one.name if often[one.name] == 1 else f"{one.name} ({way})"
        taken = label in found.values()
        found[one.pk] = f"{label} {one.slug}" if taken else label
    return found


def _counts(now: datetime) -> tuple[dict[int, int], dict[int, int]]:
    """Count what each flow delivered lately, and what of it has failed now."""
    since = now - LATELY
    good = SyncRecord.objects.filter(state=State.DELIVERED, delivered_at__gte=since)
    bad = SyncRecord.objects.filter(state=State.FAILED)
    delivered, failed = (
        dict(some.order_by().values_list("flow").annotate(Count("pk")))
        for some in (good, bad)
    )
    return delivered, failed


def carries(flow: Flow, entity: Entity) -> bool:
    """Say whether a flow moves this entity in the direction that was decided."""
    way = (_name(flow.source.system), _name(flow.target.system))
    if way != (_name(entity.source), _name(entity.target)):
        return False
    if _name(flow.source_entity) != _name(entity.entity):
        return False
    wanted = _name(entity.target_record)
    return not wanted or wanted == _name(flow.target_record)


def _runs_back(flow: Flow, entity: Entity) -> bool:
    way = (_name(flow.source.system), _name(flow.target.system))
    if way != (_name(entity.target), _name(entity.source)) or way[0] == way[1]:
        return False
    return _name(entity.entity) in (
        _name(flow.source_entity),
        _name(flow.target_record),
    )


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


# The order in which they must be there


def order_of(found: Sequence[Planned]) -> Order:
    """Put entities behind what they follow; of equals, the more valuable goes first.

    Those of a circle cannot be put in order: each circle is named, and they end last.
    """
    known = {one.entity.pk: one for one in found}
    waits = {pk: set(one.needs) for pk, one in known.items()}
    done: list[int] = []

    def worth(pk: int) -> tuple[int, str]:
        return -known[pk].entity.value, known[pk].label

    while True:
        free = [pk for pk, on in waits.items() if on.isdisjoint(waits)]
        if not free:
            break
        done.append(min(free, key=worth))
        del waits[done[-1]]
    circles = [[known[pk].label for pk in circle] for circle in _circles(waits)]
    return Order(
        [known[pk].label for pk in (*done, *sorted(waits, key=worth))], circles
    )


def _circles(waits: dict[int, set[int]]) -> list[list[int]]:
    """Return each circle once, as the entities along it."""
    found: dict[frozenset[int], list[int]] = {}
    for start in sorted(waits):
        way = _way_back(start, waits)
        if way:
            found.setdefault(frozenset(way), way)
    return list(found.values())


def _way_back(start: int, waits: dict[int, set[int]]) -> list[int]:
    ways = [[start]]
    seen: set[int] = set()
    while ways:
        way = ways.pop(0)
        for pk in sorted(waits.get(way[-1], ())):
            if pk == start:
                return way
            if pk in waits and pk not in seen:
                seen.add(pk)
                ways.append([*way, pk])
    return []


def roadmap(found: Sequence[Planned]) -> list[tuple[int, list[Planned]]]:
    """Return the waves; in each by value, but nothing before what it follows."""
    waves: dict[int, list[Planned]] = {}
    for one in sorted(found, key=lambda one: (one.entity.wave, one.place)):
        waves.setdefault(one.entity.wave, []).append(one)
    return list(waves.items())


# Live configuration against the blueprint


def drift(found: Sequence[Planned]) -> list[Finding]:
    """Return where what is configured differs from what was decided."""
    carried = {flow.pk for one in found for flow in one.flows}
    flows = Flow.objects.select_related("source", "target").exclude(pk__in=carried)
    return [
        *(finding for one in found for finding in _of_entity(one)),
        *(_unplanned(flow) for flow in flows),
    ]


def _unplanned(flow: Flow) -> Finding:
    way = f"{flow.source_entity} from {flow.source} to {flow.target}"
    return Finding(
        str(flow),
        f"The flow carries {way}, and the blueprint has no such entity.",
        "Add the entity to the blueprint, or turn the flow off.",
        flow=flow,
    )


def _of_entity(one: Planned) -> Iterable[Finding]:
    entity = one.entity
    if one.back and not one.flows and not one.stays:
        names = ", ".join(str(flow) for flow in one.back)
        yield Finding(
            entity.name,
            f"It was decided to go from {entity.source} to {entity.target}, and "
            f"{names} carries it the other way.",
            "Turn the flow round, or correct the direction here.",
            entity,
            one.back[0],
        )
    elif entity.is_live and not one.is_running and not one.stays:
        off = "its flow is off" if one.flows else "no flow carries it"
        yield Finding(
            entity.name,
            f"It is marked live, and {off}.",
            "Build the flow or turn it on, or take the mark off.",
            entity,
        )
    elif one.is_running and not entity.is_live:
        yield Finding(
            entity.name,
            "A flow carries it already, and it is not marked live.",
            "Mark it live, so that people know they can count on it.",
            entity,
            one.flows[0],
        )
    for flow in one.flows:
        why = cadence_fault(entity, flow) if flow.is_enabled else ""
        if why:
            remedy = "Set the flow as decided, or decide anew here."
            yield Finding(entity.name, why, remedy, entity, flow)


def cadence_fault(entity: Entity, flow: Flow) -> str:
    """Say how a flow's cadence differs from what was decided, or nothing."""
    every, how = flow.poll_minutes, _how(flow)
    decided = f"Decided: {entity.get_trigger_display().lower()}"
    decided += f" ({entity.cadence})" if entity.cadence else ""
    least, most = _minutes(entity)
    if entity.trigger in (Trigger.POLL, Trigger.SCHEDULE) and not every:
        return f"{decided}. {flow} never asks: it {how}."
    if entity.trigger == Trigger.DEMAND and every:
        return f"{decided}. {flow} {how}."
    if every and not least <= every <= most:
        return f"{decided}. {flow} {how}."
    return ""


def _how(flow: Flow) -> str:
    if not flow.poll_minutes:
        return "waits for events"
    return f"asks every {flow.poll_minutes} min"


def _minutes(entity: Entity) -> tuple[int, int]:
    """Return how often a flow may ask, in minutes: what the cadence says, or means."""
    told = _RANGE.search(entity.cadence)
    if told:
        unit = 60 if told[3].lower() == "h" else 1
        least, most = int(told[1]), int(told[2] or told[1])
        return least * unit, most * unit
    if entity.trigger == Trigger.SCHEDULE:
        return SELDOM, 10**6
    is_near = entity.trigger == Trigger.EVENT or "real" in entity.cadence.casefold()
    return (1, NEAR) if is_near else (1, 10**6)
