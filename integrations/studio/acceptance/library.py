"""Who changed what acceptance asks for: told to the trail, and shown to signers.

A scenario may be changed by whoever edits mappings, at once. So whatever asks for less
than before is read back from the trail, and stands on the page of who signs next.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.models import AuditEntry
from mappings import changes
from mappings.models import MappingVersion, Scenario

SUBJECT = "scenario"
RELEASED, OTHERWISE, REPLACED, DELETED = (
    "no longer required",
    "expects otherwise",
    "played otherwise",
    "deleted",
)
# Each with what a signer reads between its name and the time.
WORDS = {
    RELEASED: "was required until",
    OTHERWISE: "expected something else until",
    REPLACED: "was played with another record, or in another way, until",
    DELETED: "was required and in the library until",
}
VERBS = {
    "outcome": OTHERWISE,
    "expected": OTHERWISE,
    "key": REPLACED,
    "source": REPLACED,
    "changes": REPLACED,
    "source_system": REPLACED,
    "source_entity": REPLACED,
}
LABELS = {
    "name": "name",
    "what": "what is done",
    "expected": "what must come of it",
    "outcome": "passes when",
    "key": "play",
    "source_system": "source",
    "source_entity": "kind of record",
}
# May hold personal data, or more than a line of the trail has room for.
UNTOLD = {"source": "record", "changes": "changes to the record"}
_REQUIRED = "required "


@dataclass(frozen=True)
class Weakening:
    """One way in which less is asked for than before, since when, and by whom."""

    name: str
    words: str
    at: datetime
    by: Any


def tell_entered(scenario: Scenario, by: Any) -> None:
    """Note a new scenario in the trail."""
    _tell(scenario, "created", by)


def tell_deleted(scenario: Scenario, by: Any) -> None:
    """Note in the trail that a scenario leaves the library."""
    _tell(scenario, DELETED, by)


def _tell(scenario: Scenario, verb: str, by: Any) -> None:
    required = _REQUIRED if scenario.is_required else ""
    told = f"{required}scenario “{scenario.name}”, {_kind(scenario)}"
    changes.tell(changes.Change(SUBJECT, scenario.pk, verb, after=told), by)


def _kind(scenario: Any) -> str:
    return f"{scenario.source_system} {scenario.source_entity}"


def tell_changed(before: Scenario, scenario: Scenario, by: Any) -> None:
    """Note in the trail what of a scenario was changed, field by field."""
    part = f"scenario “{before.name}”"
    if before.is_required != scenario.is_required:
        verb = RELEASED if before.is_required else "required"
        changes.tell(changes.Change(SUBJECT, scenario.pk, verb, part), by)
    for name, label in {**LABELS, **UNTOLD}.items():
        old, new = getattr(before, name), getattr(scenario, name)
        if old != new:
            verb = VERBS.get(name, "changed")
            if name in UNTOLD:
                what = changes.Change(SUBJECT, scenario.pk, verb, part, after=label)
            else:
                values = (str(old), str(new))
                what = changes.Change(SUBJECT, scenario.pk, verb, part, label, *values)
            changes.tell(what, by)


def weakenings_of(
    version: MappingVersion, scenarios: Iterable[Scenario], required: Collection[int]
) -> Iterator[Weakening]:
    """Yield what asks for less since the version in force was sent, the latest of each.

    What was given up and is asked for again is none; nor is there any for a version
    that is live, or was.
    """
    if version.state not in MappingVersion.ON_ITS_WAY:
        return
    names = {one.pk: f"“{one.name}”" for one in scenarios}
    seen: set[tuple[int, str]] = set()
    for entry in _noted(version):
        about = (entry.subject_id, entry.verb)
        is_back = entry.verb == RELEASED and entry.subject_id in required
        name = names.get(entry.subject_id) or _name_of_deleted(entry, version)
        if name and about not in seen and not is_back:
            seen.add(about)
            yield Weakening(name, WORDS[entry.verb], entry.at, entry.by)


def _noted(version: MappingVersion) -> Iterable[AuditEntry]:
    found = AuditEntry.objects.filter(subject=SUBJECT, verb__in=WORDS)
    live = version.document.published()
    signed = live and (live.restores or live)
    if signed and signed.sent_at:
        found = found.filter(at__gt=signed.sent_at)
    return found.select_related("by").order_by("-pk")


def _name_of_deleted(entry: AuditEntry, version: MappingVersion) -> str:
    """Name a required scenario of this kind of record that is gone; else nothing."""
    head, _, kind = entry.detail.rpartition(", ")
    is_ours = entry.verb == DELETED and kind == _kind(version.document)
    is_lost = is_ours and head.startswith(_REQUIRED)
    return head.removeprefix(f"{_REQUIRED}scenario ") if is_lost else ""
