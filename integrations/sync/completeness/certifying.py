"""Certificates of completeness: made once, chained, checked.

Each holds the SHA-256 over the digest before it and over its own figures, so one that
was changed, taken out or put in between breaks the chain. The newest is named in the
audit trail, which has a chain of its own: cutting the end off shows as well.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from errorqueue.clock import database_time
from integrations.connectors import exact
from integrations.models import AuditEntry, Certificate, GapCheck
from integrations.sync.completeness.comparing import Sums
from integrations.sync.completeness.days import bounds, zone

# Several workers may end a check at once: a chain has one end.
MOST_TRIES = 20
SUBJECT = "certificate"
# The flow's row may go one day; its name and slug are part of the figures.
NOT_COVERED = ("id", "digest", "flow_id")


class ChainBusy(Exception):
    """Other workers added to the chain each time this one tried."""


@dataclass(frozen=True)
class Verdict:
    """What a walk along the chain found; `broken` says the first fault in words."""

    certificates: int
    broken: str = ""


def certify(check: GapCheck, sums: Sums, found: dict[str, int]) -> Certificate:
    """Add a certificate of a check to the chain and name it in the audit trail."""
    columns = _columns(check, sums, found)
    for _ in range(MOST_TRIES):
        try:
            return _append(columns)
        except IntegrityError:  # another worker was first
            continue
    raise ChainBusy


@transaction.atomic
def _append(columns: dict[str, Any]) -> Certificate:
    last = Certificate.objects.select_for_update().order_by("-pk").first()
    previous = last.digest if last else ""
    made = Certificate(**columns, previous=previous, made_at=database_time())
    made.digest = digest_of(made)
    made.save(force_insert=True)
    AuditEntry.objects.note_change(SUBJECT, made.pk, "certified", made.digest)
    return made


def _columns(check: GapCheck, sums: Sums, found: dict[str, int]) -> dict[str, Any]:
    flow, sweep, day = check.flow, check.sweep, check.day
    assert day is not None  # noqa: S101 (only a day is certified)
    return {
        "flow": flow,
        "flow_slug": flow.slug,
        "flow_name": flow.name,
        "source_name": flow.source.name,
        "entity": flow.source_entity,
        "day": day,
        "zone": zone().key,
        "since": check.since,
        "until": check.until,
        "is_whole_day": (check.since, check.until) == bounds(day),
        "source_count": check.listed,
        **{part: sums.counts.get(part, 0) for part in Certificate.PARTS},
        **found,
        "removed": sums.counts.get("removed", 0),
        "money": sums.money,
        "made_by": str(sweep.asked_by or sweep.get_kind_display()),
    }


def digest_of(certificate: Certificate) -> str:
    """Return the digest over the one before and over every figure it has.

    A figure that came with a later version is none in those made before, and is not
    in their digest.
    """
    values = {
        field.attname: getattr(certificate, field.attname)
        for field in Certificate._meta.concrete_fields
        if field.attname not in NOT_COVERED
    }
    figures = {
        name: _plain(value) for name, value in values.items() if value is not None
    }
    text = exact.dumps(figures, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; moments in UTC, whatever the database says."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def verify(most: int | None = None) -> Verdict:
    """Walk the chain, or its newest part, and stop at the first fault.

    A part begins where its first one says that the chain was.
    """
    part = Certificate.objects.order_by("-pk")[most or 0 : (most or 0) + 1].first()
    first = part if most else None
    chain = Certificate.objects.filter(pk__gt=first.pk if first else 0)
    previous, count = first.digest if first else "", 0
    newest: Certificate | None = None
    for one in chain.order_by("pk").iterator(chunk_size=500):
        broken = _fault(one, previous)
        if broken:
            return Verdict(count, broken)
        previous, count, newest = one.digest, count + 1, one
    return Verdict(count, _end_fault(newest))


def _fault(one: Certificate, previous: str) -> str:
    if one.previous != previous:
        return f"{one} does not follow the one before it: one is missing."
    if digest_of(one) != one.digest:
        return f"{one} was changed after it was made."
    return ""


def _end_fault(newest: Certificate | None) -> str:
    """Compare the end of the chain with what the audit trail says of it."""
    noted = AuditEntry.objects.filter(subject=SUBJECT).order_by("-pk").first()
    if noted is None:
        return f"{newest} is not in the audit trail." if newest else ""
    end = newest.pk if newest else 0
    if newest and (newest.pk, newest.digest) == (noted.subject_id, noted.detail):
        return ""
    named = Certificate.objects.filter(pk=noted.subject_id, digest=noted.detail)
    if named.filter(pk__gt=end).exists():  # it was made while we walked
        return ""
    return (
        f"The audit trail names certificate {noted.subject_id} as the newest, "
        f"but the chain ends with {end or 'none'}."
    )


def newest_of(
    certificates: Iterable[Certificate],
) -> dict[tuple[str, Any], Certificate]:
    """Return the newest certificate of each flow and day."""
    found: dict[tuple[str, Any], Certificate] = {}
    for one in sorted(certificates, key=lambda one: one.pk):
        found[one.flow_slug, one.day] = one
    return found
