"""Tells when a flow goes quiet against its habit, stands still, or does too well.

A vendor drops a subscription after failed deliveries and says so at most by mail; no
error of ours would ever show it. The rule is that of `rhythm.habit`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max
from django.utils import timezone

from errorqueue.alerting.hours import hours_of
from errorqueue.alerting.rules import team_for
from errorqueue.alerts import CALM, About, close_alert, raise_alert
from errorqueue.clock import database_time
from errorqueue.models import Alert, Team
from integrations.models import (
    Connection,
    Flow,
    FlowHour,
    FlowRhythm,
    MaintenanceTime,
    ring_alerts,
)
from integrations.sync.rhythm import counting, habit
from integrations.sync.rhythm.hints import Sign, sign_of
from integrations.sync.rhythm.wording import clock, gap

State = FlowRhythm.State
PREFIXES = QUIET, STILL, ODD = "silence:", "still:", "toogood:"
# A cursor may stand for so many polls, and never for less than an hour.
POLLS_MISSED = 3
LEAST_STANDSTILL = timedelta(hours=1)


@dataclass(frozen=True)
class Watched:
    """One flow with what is known of it at the moment, and who looks after it."""

    flow: Flow
    rhythm: FlowRhythm
    hours: list[FlowHour]
    team: Team | None
    now: datetime
    sign: Sign | None = None

    @property
    def key(self) -> str:
        return _key(QUIET, self.flow)

    def is_beside(self, other: "Watched") -> bool:
        """Say whether another flow goes silent for the same reason: one source."""
        ends = (self.flow.source_id, self.team)
        return self.flow != other.flow and ends == (other.flow.source_id, other.team)

    def holidays(self) -> list[tuple[datetime, datetime]]:
        """Return the holidays of its team within what is looked at."""
        if self.team is None:
            return []
        begin = self.now - habit.LONGEST
        return [*hours_of(self.team).holidays_between(begin, self.now)]


def tell_of_silence() -> int:
    """Judge every flow, tell of those that stopped; return how many were told anew."""
    counting.count()
    now = database_time()
    flows = list(Flow.objects.filter(is_enabled=True).select_related("source"))
    hours = counting.hours_of([flow.pk for flow in flows], now)
    _close_others({_key(prefix, flow) for flow in flows for prefix in PREFIXES})
    watched = [_watched(flow, hours[flow.pk], now) for flow in flows]
    return sum(_look(one, watched) for one in watched)


def _watched(flow: Flow, hours: list[FlowHour], now: datetime) -> Watched:
    team = team_for(Alert.Kind.SILENCE, str(flow), str(flow.source))
    rhythm = counting.rhythm_of(flow)
    return Watched(flow, rhythm, hours, team, now, sign_of(hours))


def _look(one: Watched, watched: list[Watched]) -> int:
    told = _tell_silence(one, _judge(one), watched) + _tell_sign(one)
    return told + _tell_standstill(one.flow, one.rhythm, one.now)


def _judge(one: Watched) -> habit.Verdict:
    """Note the state of a flow on its row; return what its silence means."""
    rhythm, now, zone, off = one.rhythm, one.now, _zone(), one.holidays()
    arrivals = {hour.hour: hour.arrivals for hour in one.hours if hour.arrivals}
    begins = max(rhythm.last_at or rhythm.since, _asked_since(one.flow, now))
    verdict = habit.judge(arrivals, rhythm.since, begins, now, zone, off)
    rhythm.usual_gap = habit.usual_gap(arrivals, rhythm.since, now, zone)
    rhythm.expected = verdict.expected
    rhythm.hint = one.sign.text if one.sign else ""
    if now - rhythm.since < habit.LEARNING:
        rhythm.state = State.LEARNING
    elif verdict.is_odd:
        rhythm.state = State.SILENT
    elif not habit.can_ever_be_odd(arrivals, rhythm.since, now, zone):
        rhythm.state = State.RARE
    elif any(begin <= now < end for begin, end in off):
        rhythm.state = State.HOLIDAY
    else:
        rhythm.state = State.QUIET if rhythm.usual_gap is None else State.STEADY
    rhythm.save(update_fields=["usual_gap", "expected", "hint", "state"])
    return verdict


def _asked_since(flow: Flow, now: datetime) -> datetime:
    """Return since when silence means something: a poll needs its source in use."""
    maintained_until = _maintained_until(flow, now)
    if not flow.poll_minutes:
        return maintained_until
    return max(maintained_until, flow.source.state_since)


def _maintained_until(flow: Flow, now: datetime) -> datetime:
    """Return the end of the last window of a source: silence in one means nothing."""
    done = MaintenanceTime.objects.filter(
        window__connection=flow.source_id, starts_at__lte=now
    )
    latest: datetime | None = done.aggregate(latest=Max("ends_at"))["latest"]
    return min(latest, now) if latest else datetime.min.replace(tzinfo=UTC)


def _zone() -> ZoneInfo:
    return ZoneInfo(timezone.get_default_timezone_name())


def _tell_silence(one: Watched, verdict: habit.Verdict, watched: list[Watched]) -> int:
    flow, now = one.flow, one.now
    is_expected = flow.source.state == Connection.State.PAUSED
    if not verdict.is_odd or is_expected or flow.source.is_maintained:
        close_alert(one.key)
        return 0
    is_known = bool(flow.poll_minutes) and not flow.source.is_usable
    if is_known or _is_told(one.key) or _join(one, watched):
        return 0  # a source that cannot be asked is an incident of its connection
    since = one.rhythm.last_at or one.rhythm.since
    weeks = ", ".join(f"{count:.0f}" for count in verdict.weeks)
    text = (
        f"The last {flow.source_entity} came in at {clock(since, now)}. In the same "
        f"hours of the last {len(verdict.weeks)} weeks there were {weeks} (the newest "
        f"first). {_remedy(flow)} If there was simply nothing to send, as on a "
        "holiday, nothing is to be done: the alert ends with the next one. "
        f"{_of_holidays(one.team)}"
    )
    waited = gap((now - since).total_seconds())
    return _tell(flow, one.key, f"{flow}: nothing has come in for {waited}", text)


def _of_holidays(team: Team | None) -> str:
    whose = f"the team {team}" if team else "the team that looks after this flow"
    return f"Silence on a day among the holidays of {whose} is not told."


def _join(one: Watched, watched: list[Watched]) -> bool:
    """Add a flow to the incident of another one of the same source and team.

    A source that stopped takes all its flows with it: one message, not one a flow.
    """
    keys = [other.key for other in watched if one.is_beside(other)]
    told = Alert.objects.filter(closed_at=None, key__in=keys).order_by("pk").first()
    if told is None:
        return False
    since = clock(one.rhythm.last_at or one.rhythm.since, one.now)
    line = f"{one.flow} is silent, too"
    if line not in told.text:
        text = f"{told.text}\n\n{line}: the last one came in at {since}."
        Alert.objects.filter(pk=told.pk).update(text=text)
    return True


def _remedy(flow: Flow) -> str:
    if flow.poll_minutes:
        return (
            f"{flow.source} is asked every {flow.poll_minutes} min and names nothing "
            "new: see in the source whether it still changes, and whether the log-in "
            "may still see it."
        )
    return (
        f"See on the page of {flow.source} whether its webhooks still lead to us, and "
        "on Completeness whether the last comparison found anything missing."
    )


def _tell_standstill(flow: Flow, rhythm: FlowRhythm, now: datetime) -> int:
    """Tell of a poll whose cursor stands, unless the connection is why."""
    key = _key(STILL, flow)
    patience = max(
        LEAST_STANDSTILL, POLLS_MISSED * timedelta(minutes=flow.poll_minutes)
    )
    moved_at = max(rhythm.moved_at or rhythm.since, _asked_since(flow, now))
    stands = flow.poll_minutes and now - moved_at > patience
    if not stands or not flow.source.is_usable or _is_told(f"poll:{flow.pk}"):
        close_alert(key)
        return 0
    text = (
        f"{flow.source} should be asked every {flow.poll_minutes} min. Since "
        f"{clock(moved_at, now)} no such question has come to an end, though none "
        "failed. See whether workers run (Worker groups) and whether slots of the "
        "connection are free (Slots); what changed meanwhile is read afterwards."
    )
    title = f"{flow}: its place in the source stands still"
    return _tell(flow, key, title, text)


def _tell_sign(one: Watched) -> int:
    """Tell of success that is too good, unless a mend explains that nothing fails."""
    key = _key(ODD, one.flow)
    if one.sign is None or _is_mended(one.flow, one.sign):
        close_alert(key)
        return 0
    text = f"{one.sign.text} The page of the flow names the records sent last."
    return _tell(one.flow, key, f"{one.flow}: success is too good to be true", text)


def _is_mended(flow: Flow, sign: Sign) -> bool:
    """Say whether a version of its mapping was published since something failed."""
    if sign.since is None:
        return False
    return flow.mapping.versions.filter(published_at__gte=sign.since).exists()


def _is_told(key: str) -> bool:
    return Alert.objects.filter(key=key, closed_at=None).exists()


def _tell(flow: Flow, key: str, title: str, text: str) -> int:
    link = f"/admin/integrations/flow/{flow.pk}/change/"
    about = About(flow=str(flow), source=str(flow.source))
    is_new = raise_alert(key, title, text, link, calm=CALM, about=about)
    if is_new:
        ring_alerts()
    return int(is_new)


def _key(prefix: str, flow: Flow) -> str:
    return f"{prefix}flow:{flow.pk}"


def _close_others(keys: set[str]) -> None:
    """End what was told of flows that are off or gone."""
    for prefix in PREFIXES:
        told = Alert.objects.filter(closed_at=None, key__startswith=prefix)
        for key in told.exclude(key__in=keys).values_list("key", flat=True):
            close_alert(key)
