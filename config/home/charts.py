"""Charts of the last hours. Each is a table first; a script draws what the table says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.utils import timezone
from django.utils.formats import date_format

from errorqueue.clock import database_time
from integrations.operations.home import hours
from integrations.operations.home.hours import DAY, SPANS, WEEK, Account, Hour
from integrations.sync.rhythm.wording import gap

# So long a server process remembers the figures of everybody's charts.
SECONDS = 30
RECORDS, ACCOUNTS = "integrations.view_syncrecord", "integrations.view_connection"
NAMES = {DAY: "24 hours", WEEK: "7 days"}
# What tells accounts apart: a colour, and a dash for those who see none.
TONES = ("accent", "good", "warn", "bad", "wait", "mute")
BAR, LINE = "bar", "line"


@dataclass(frozen=True)
class Cell:
    """One figure: as the script draws it, and as people read it."""

    value: str
    told: str


@dataclass(frozen=True)
class Series:
    """One column of the table, and one line or set of bars of the picture."""

    name: str
    tone: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Chart:
    """What is drawn and what is read; `text` says in words what the picture shows.

    `unit` is what the axis counts: number, seconds or percent; `most` is where a
    limit stands.
    """

    key: str
    title: str
    text: str
    kind: str
    unit: str
    series: tuple[Series, ...]
    labels: tuple[tuple[str, str], ...]
    note: str = ""
    is_stacked: bool = False
    most: int | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to draw."""
        return not any(
            float(cell.value or 0) for one in self.series for cell in one.cells
        )

    @property
    def rows(self) -> list[tuple[str, str, list[Cell]]]:
        """Return the table, newest hour last: short label, whole label, figures."""
        columns = [one.cells for one in self.series]
        return [
            (short, long, [cells[place] for cells in columns])
            for place, (short, long) in enumerate(self.labels)
        ]


def span_of(text: str | None) -> int:
    """Return how many hours are asked for; a day unless another span is named."""
    return next((span for span in SPANS if str(span) == text), DAY)


def charts_for(user: Any, span: int) -> list[Chart]:
    """Return the charts that a person may see; the figures are some seconds old."""
    found: list[Chart] = []
    if user.has_perm(RECORDS):
        found += _kept("records", span)
    if user.has_perm(ACCOUNTS):
        found += _kept("accounts", span)
    return found


def _kept(name: str, span: int) -> list[Chart]:
    make = {"records": _of_records, "accounts": _of_accounts}[name]
    key = f"home:{name}:{span}:{timezone.get_current_timezone_name()}"
    kept: Any = cache.get_or_set(key, lambda: list(make(span)), SECONDS)
    return list(kept)


# Records


def _of_records(span: int) -> Iterator[Chart]:
    now = database_time()
    found = hours.records(now, span)
    labels = _labels([hour.start for hour in found], span)
    yield _throughput(found, labels, span)
    yield _latency(found, labels)
    yield _backlog(found, labels)


def _throughput(found: list[Hour], labels: Any, span: int) -> Chart:
    sums = {
        "received": sum(hour.received for hour in found),
        "delivered": sum(hour.delivered for hour in found),
        "failed": sum(hour.failed for hour in found),
    }
    return Chart(
        "records",
        "Records per hour",
        f"In the last {NAMES[span]}: {sums['received']:,} received, "
        f"{sums['delivered']:,} delivered, {sums['failed']:,} failed.",
        BAR,
        "number",
        (
            Series("Delivered", "good", _counts(one.delivered for one in found)),
            Series("Failed", "bad", _counts(one.failed for one in found)),
            Series("Received", "accent", _counts(one.received for one in found)),
        ),
        labels,
        "Received: deliveries and polled objects that a flow takes. Delivered: also what "
        "came inside another, such as an order's customer. Failed: tries refused for the "
        "record's own sake; what waits for an account that is away shows as backlog.",
    )


def _latency(found: list[Hour], labels: Any) -> Chart:
    last = next((one for one in reversed(found) if one.median is not None), None)
    text = "No order was delivered in this time."
    if last and last.median is not None and last.slowest is not None:
        text = (
            f"In the last hour with deliveries half of the orders took {_long(last.median)} "
            f"or less, 95 of 100 {_long(last.slowest)} or less."
        )
    return Chart(
        "latency",
        "From receipt of an order to NetSuite",
        text,
        LINE,
        "seconds",
        (
            Series("Half (p50)", "accent", _times(one.median for one in found)),
            Series("95 of 100 (p95)", "warn", _times(one.slowest for one in found)),
        ),
        labels,
        "By the hour of delivery, waits for people and for other records included; "
        "rounded up by a tenth at most.",
    )


def _backlog(found: list[Hour], labels: Any) -> Chart:
    worst = max((hour.oldest or 0 for hour in found), default=0)
    text = "No record was overdue when it was looked at."
    if worst:
        text = f"The oldest record that was due waited {_long(worst)} at worst."
    return Chart(
        "backlog",
        "Age of the backlog",
        text,
        LINE,
        "seconds",
        (
            Series("Oldest record due", "bad", _times(one.oldest for one in found)),
            Series("Oldest unread", "accent", _times(one.unread for one in found)),
        ),
        labels,
        "The worst of each hour, looked at every minute. Empty: nobody looked.",
    )


# Accounts


def _of_accounts(span: int) -> Iterator[Chart]:
    now = database_time()
    found = hours.accounts(now, span)
    labels = _labels(hours.starts(now, span), span)
    yield _slots(found, labels)
    yield _requests(found, labels, span)


def _slots(found: list[Account], labels: Any) -> Chart:
    worst = max(
        ((max(use.peak for use in one.uses), one) for one in found),
        key=lambda pair: pair[0],
        default=None,
    )
    text = "No request was made in this time."
    if worst:
        text = (
            f"{worst[1].name} used at most {worst[0]:.0%} of its {worst[1].limit} "
            "slots in a minute."
        )
    series = tuple(
        Series(
            f"{one.name} ({one.limit})",
            tone,
            tuple(_share(use.peak) for use in one.uses),
        )
        for one, tone in zip(found, TONES, strict=False)
    )
    note = "The busiest minute of each hour against what the account allows now."
    return Chart(
        "slots",
        "Slots used of the allowance",
        text,
        LINE,
        "percent",
        series,
        labels,
        note,
        most=100,
    )


def _requests(found: list[Account], labels: Any, span: int) -> Chart:
    refused = sum(use.refused for one in found for use in one.uses)
    calls = sum(one.calls for one in found)
    text = (
        f"In the last {NAMES[span]}: {calls:,} requests, "
        f"{refused:,} of them refused as too many."
    )
    series = tuple(
        Series(one.name, tone, tuple(_requested(use) for use in one.uses))
        for one, tone in zip(found, TONES, strict=False)
    )
    note = (
        "A vendor's limit by the day is not known before it is reached: the connection "
        "then says until when it rests. Refusals stand in the table."
    )
    return Chart(
        "requests",
        "Requests to each account",
        text if found else "No request was made in this time.",
        BAR,
        "number",
        series,
        labels,
        note,
        is_stacked=True,
    )


# Figures and labels


def _counts(values: Iterable[int]) -> tuple[Cell, ...]:
    return tuple(Cell(str(value), f"{value:,}") for value in values)


def _times(values: Iterable[float | None]) -> tuple[Cell, ...]:
    return tuple(
        Cell("", "–") if value is None else Cell(f"{value:.1f}", _long(value))
        for value in values
    )


def _long(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else gap(seconds)


def _share(part: float) -> Cell:
    return Cell(f"{part * 100:.1f}", f"{part:.0%}")


def _requested(use: hours.Use) -> Cell:
    told = f"{use.calls:,}" + (f" ({use.refused:,} refused)" if use.refused else "")
    return Cell(str(use.calls), told)


def _labels(starts: Sequence[datetime], span: int) -> tuple[tuple[str, str], ...]:
    """Return the label of each hour, short for the axis and whole for the table."""
    short = "H:i" if span == DAY else "D H:i"
    at = [timezone.localtime(start) for start in starts]
    return tuple((date_format(one, short), date_format(one, "j M, H:i")) for one in at)
