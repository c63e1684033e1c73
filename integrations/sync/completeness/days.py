"""Which stretches of time are compared: days of this installation, and the latest."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import Flow, FlowRhythm

# What the source has only just changed is on its way to us.
ON_ITS_WAY = timedelta(minutes=2)
# Clocks differ, and a list may lag behind what it lists.
OVERLAP = timedelta(minutes=10)
# A flow that was never compared is looked at from so long ago.
FIRST_LOOK = timedelta(days=3)
ONE_DAY = timedelta(days=1)


def zone() -> ZoneInfo:
    """Return the zone in which a day of a certificate is a day."""
    return ZoneInfo(timezone.get_default_timezone_name())


def today(now: datetime) -> date:
    return now.astimezone(zone()).date()


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return where a day begins and ends, in UTC; one may last 23 or 25 hours."""
    start = datetime.combine(day, time(0), zone())
    end = datetime.combine(day + ONE_DAY, time(0), zone())
    return start.astimezone(UTC), end.astimezone(UTC)


def stretch_of(
    day: date, rhythm: FlowRhythm, now: datetime
) -> tuple[datetime, datetime] | None:
    """Return what of a day can be compared: after we began to listen, and by now."""
    start, end = bounds(day)
    since, until = max(start, whole(rhythm.since)), min(end, settled(now))
    return (since, until) if since < until else None


def latest(rhythm: FlowRhythm, now: datetime) -> tuple[datetime, datetime] | None:
    """Return what was not compared yet, with an overlap."""
    begin = rhythm.swept_until or now - FIRST_LOOK
    since, until = max(begin - OVERLAP, rhythm.since), settled(now)
    return (whole(since), until) if since < until else None


def settled(now: datetime) -> datetime:
    return whole(now - ON_ITS_WAY)


def whole(at: datetime) -> datetime:
    """Cut to the full second: sources tell no more."""
    return at.astimezone(UTC).replace(microsecond=0)


def compared_flows() -> list[Flow]:
    """Return the flows whose source can list what it holds."""
    flows = Flow.objects.filter(is_enabled=True).select_related("source", "target")
    return [flow for flow in flows if can_be_listed(flow)]


def can_be_listed(flow: Flow) -> bool:
    try:
        return flow.source_entity in connector_class(flow.source.system).lists
    except UnknownSystem:
        return False
