"""Figures for Prometheus, read from the ledger when they are asked for.

Nothing is counted up in a process, so the figures are right with any number of
processes and machines, and any of them may be asked. They are gauges: what is so now,
or was so in the last minutes.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime

from django.db import connection, transaction
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from errorqueue.clock import database_time
from integrations.models import Attempt, Connection, Flow
from integrations.operations import accounts, checks, ledger, recent

# A question that takes longer is given up, so that scrapes never pile up.
MOST_SECONDS = 5
PARTS = (0.5, 0.95)
BREAKER_STATES = ("closed", "open", "half_open")
Values = Iterable[tuple[tuple[str, ...], float]]


def exposition() -> bytes:
    """Return every figure as text; raises the database's errors."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Ledger())
    with _limited():
        return generate_latest(registry)


class Ledger(Collector):
    """Reads all figures anew at each scrape; a fixed number of questions, each small."""

    def collect(self) -> Iterator[Metric]:
        now = database_time()
        yield from _flows(now)
        yield from _tries(now)
        yield from _inbox(now)
        yield from _accounts(now)
        yield from _workers(now)
        yield from _people(now)


def _flows(now: datetime) -> Iterator[Metric]:
    figures = ledger.flow_figures()
    yield from _records(figures)
    yield _gauge(
        "oldest_due_seconds",
        "How long the oldest waiting record of a flow has been due.",
        ("flow",),
        (((one.flow.slug,), one.overdue(now).total_seconds()) for one in figures),
    )
    yield _gauge(
        "flow_breaker",
        "1 for the state that the breaker of a flow is in, 0 for the others; open also "
        "for what a person or the watch of a version put on hold.",
        ("flow", "state"),
        (
            ((one.flow.slug, state), float(_breaker(one.flow) == state))
            for one in figures
            for state in BREAKER_STATES
        ),
    )
    yield from _deliveries(now, {one.flow.pk: one.flow.slug for one in figures})


def _records(figures: list[ledger.FlowFigures]) -> Iterator[Metric]:
    yield _gauge(
        "records",
        f"Records that are not done, by flow and state; counted to {ledger.MOST}: "
        "waiting for each flow, the other states over all flows together.",
        ("flow", "state"),
        (
            ((one.flow.slug, state), count)
            for one in figures
            for state, count in one.counts.items()
        ),
    )
    yield _gauge(
        "records_limit_reached",
        "1 when counting a state came to its limit: there may be more.",
        ("state",),
        (((state,), float(ledger.is_full(figures, state))) for state in ledger.COUNTED),
    )
    yield _gauge(
        "records_estimate",
        "Records that are done, by flow and state, as the planner of PostgreSQL "
        "estimates them; none on SQLite.",
        ("flow", "state"),
        (
            ((one.flow.slug, state), count)
            for one in figures
            for state, count in one.estimates.items()
        ),
    )


def _breaker(flow: Flow) -> str:
    if flow.probing_since:
        return "half_open"
    return "open" if flow.held_at else "closed"


def _deliveries(now: datetime, slugs: dict[int, str]) -> Iterator[Metric]:
    found = recent.deliveries(now)
    flows = [(slugs[flow], waits) for flow, waits in found.waits.items()]
    yield _gauge(
        "recent_deliveries",
        "Records delivered in the recent window, by flow.",
        ("flow",),
        (((slug,), len(waits)) for slug, waits in flows),
    )
    yield _gauge(
        "delivery_seconds",
        "From the receipt of the event to its delivery, in the recent window: the "
        "time that this part of the deliveries does not exceed.",
        ("flow", "quantile"),
        (
            ((slug, str(part)), recent.percentile(waits, part))
            for slug, waits in flows
            for part in PARTS
        ),
    )
    yield _window("deliveries", found.seconds)


def _tries(now: datetime) -> Iterator[Metric]:
    found = recent.tries(now)
    yield _gauge(
        "recent_attempts",
        "Tries begun in the recent window, by outcome.",
        ("outcome",),
        (
            ((outcome.value,), found.by_outcome[outcome.value])
            for outcome in Attempt.Outcome
        ),
    )
    yield _window("attempts", found.seconds)


def _window(of: str, seconds: float) -> Metric:
    return _gauge(
        f"recent_{of}_window_seconds",
        f"How long the recent window of {of} is: 15 minutes, or as far back as the "
        f"newest {recent.MOST} reach.",
        (),
        [((), seconds)],
    )


def _inbox(now: datetime) -> Iterator[Metric]:
    found = ledger.backlog()
    yield _gauge(
        "inbox_events",
        f"Deliveries unread or quarantined, each counted to {ledger.MOST}.",
        ("state",),
        [(("unread",), found.unread), (("quarantined",), found.quarantined)],
    )
    age = now - (found.oldest_at or now)
    yield _gauge(
        "inbox_oldest_seconds",
        "How long the oldest unread delivery has been here.",
        (),
        [((), max(age.total_seconds(), 0.0))],
    )


def _accounts(now: datetime) -> Iterator[Metric]:
    figures = accounts.account_figures(now)
    by_slug = [(one.connection.slug, one) for one in figures]
    yield from _slots(by_slug)
    yield _gauge(
        "connection_state",
        "1 for the state that a connection is in, 0 for the others.",
        ("connection", "state"),
        (
            ((slug, state), float(one.connection.state == state))
            for slug, one in by_slug
            for state in Connection.State.values
        ),
    )
    yield _gauge(
        "connection_usable",
        "1 while records may be sent: ready, not being probed, asked for no wait, not "
        "in maintenance.",
        ("connection",),
        (((slug,), float(one.is_usable(now))) for slug, one in by_slug),
    )
    yield _gauge(
        "connection_in_maintenance",
        "1 while a maintenance window is in force.",
        ("connection",),
        (((slug,), float(one.is_maintained(now))) for slug, one in by_slug),
    )


def _slots(by_slug: list[tuple[str, accounts.AccountFigures]]) -> Iterator[Metric]:
    yield _gauge(
        "slots_used",
        "Requests that may be in flight now: slots that somebody holds.",
        ("connection",),
        (((slug,), one.used) for slug, one in by_slug),
    )
    yield _gauge(
        "slots_limit",
        "How many slots the account has at present: its allowance, or less as learnt.",
        ("connection",),
        (((slug,), one.limit) for slug, one in by_slug),
    )
    yield _gauge(
        "slots_waiting",
        "Who waits for a slot of the account.",
        ("connection",),
        (((slug,), one.waiting) for slug, one in by_slug),
    )
    yield _gauge(
        "slots_learnt_limit",
        "The limit learnt from refusals; absent where nothing was learnt.",
        ("connection",),
        (
            ((slug,), one.connection.learnt)
            for slug, one in by_slug
            if one.connection.learnt is not None
        ),
    )


def _workers(now: datetime) -> Iterator[Metric]:
    groups = checks.alive_groups(now)
    ages: dict[str, float] = {}
    for group in groups:
        age = (now - (group.canary_at or group.started_at)).total_seconds()
        ages[group.host] = max(age, ages.get(group.host, 0.0))
    yield _gauge(
        "worker_groups_alive",
        "Clusters that gave a sign of life within two minutes.",
        (),
        [((), len(groups))],
    )
    yield _gauge(
        "canary_age_seconds",
        "Since when no test task came through the cluster of a machine.",
        ("host",),
        (((host,), age) for host, age in ages.items()),
    )


def _people(now: datetime) -> Iterator[Metric]:
    yield _gauge(
        "error_queue_open",
        "Open lines of the error queue by kind, as last counted for their causes.",
        ("kind",),
        (((kind,), count) for kind, count in accounts.open_by_kind().items()),
    )
    yield _gauge(
        "alerts_unsent",
        "Messages to people that should have left and have not.",
        (),
        [((), accounts.unsent_alerts(now))],
    )


def _gauge(name: str, help: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(f"waybill_{name}", help, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, float(value))
    return family


def _limited() -> AbstractContextManager[None]:
    """Have the database give up what takes too long, where it can."""
    return _for_so_long() if connection.vendor == "postgresql" else nullcontext()


@contextmanager
def _for_so_long() -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{MOST_SECONDS}s'")
        yield
