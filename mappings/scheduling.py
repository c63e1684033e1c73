"""Versions that go live at a set time, exactly once, however often somebody looks."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from mappings import services, signing
from mappings.models import MappingVersion
from mappings.moves import (
    State,
    digest_of,
    locked,
    move,
    refuse_faults,
    state_words,
    tell,
)

log = logging.getLogger(__name__)

# So much after its time a version says that it went live late.
LATE = timedelta(minutes=5)


@dataclass(frozen=True)
class Activation:
    """What became of a version whose time had come; `problem` says why it stayed."""

    version: MappingVersion
    problem: str = ""


@transaction.atomic
def schedule(version: MappingVersion, at: datetime, by: User | None) -> MappingVersion:
    """Let a version go live at a set time; it stays frozen until then.

    Raises ValidationError for a time gone by, for faults and for missing signatures.
    """
    version = locked(version)
    now = timezone.now()
    if version.state not in services.GOES_LIVE:
        raise ValidationError(f"{version} {state_words(version)}.")
    if at <= now:
        raise ValidationError("Choose a time to come, or publish it now.")
    refuse_faults(version)
    signing.refuse_unsigned(version)
    move(
        version,
        state=State.SCHEDULED,
        activate_at=at,
        digest=digest_of(version),
        sent_at=version.sent_at or now,
    )
    when = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    tell(version, "scheduled", by, f"goes live on {when}")
    return version


@transaction.atomic
def call_off(version: MappingVersion, by: User | None) -> MappingVersion:
    """Take a version out of the calendar; signatures stand, an unsent one is a draft."""
    version = locked(version)
    if version.state != State.SCHEDULED:
        raise ValidationError(f"{version} {state_words(version)}.")
    _unschedule(version)
    tell(version, "called off", by)
    return version


def due(now: datetime) -> list[MappingVersion]:
    """Return the versions whose time has come, the earliest first."""
    waiting = MappingVersion.objects.filter(state=State.SCHEDULED, activate_at__lte=now)
    return list(waiting.select_related("document").order_by("activate_at", "pk"))


def activate_due(now: datetime) -> Iterator[Activation]:
    """Let go live what is due; each in a transaction of its own.

    One that breaks keeps no other back, and is tried again the next time.
    """
    for version in due(now):
        try:
            activation = activate(version, now)
        except Exception:
            log.exception("%s could not be activated", version)
            continue
        if activation:
            yield activation


@transaction.atomic
def activate(version: MappingVersion, now: datetime) -> Activation | None:
    """Let one version go live if its time has come; None when it moved on meanwhile.

    One that may not go live any more waits for signatures again, with the reason.
    """
    version = locked(version)
    planned = version.activate_at
    if version.state != State.SCHEDULED or planned is None or planned > now:
        return None
    try:
        refuse_faults(version)
        signing.refuse_unsigned(version)
    except ValidationError as error:
        reason = " ".join(error.messages)
        _unschedule(version)
        tell(version, "called off", None, reason)
        return Activation(version, reason)
    if now - planned > LATE:
        late = f"Went live late: planned for {planned:%Y-%m-%d %H:%M} UTC."
        move(version, note=f"{version.note} {late}".strip()[-200:])
    services.go_live(version, None)
    return Activation(version)


def _unschedule(version: MappingVersion) -> None:
    if version.sent_by_id is None and not version.document.needs_signatures:
        move(version, **signing.BACK, activate_at=None)
    else:
        move(version, state=State.REVIEW, activate_at=None)
