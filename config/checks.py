"""What must hold before the console starts."""

import ipaddress
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.checks import CheckMessage, Error, Warning
from django.db import DatabaseError, InterfaceError, connection

from errorqueue.clock import database_time

LARGEST_SKEW_SECONDS = 5
OTHER_BROKERS = {"broker_class", "iron_mq", "sqs", "mongo", "redis"}
SHORTEST_TOKEN = 16
LOG_FORMATS = ("json", "text")
# Without these a commit that was answered may be gone after a power cut.
DURABLE = ("synchronous_commit", "fsync", "full_page_writes")


def queue_pages_are_hidden(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Refuse to start with the queue library's own pages in the admin.

    They store pickled arguments; whoever may edit one may run code.
    """
    found = [
        model for model in admin.site._registry if model._meta.app_label == "django_q"
    ]
    return [
        Error(
            f"{model._meta.label} has a page in the admin.",
            hint="Unregister it: its rows hold pickles, which are code.",
            id="config.E001",
        )
        for model in found
    ]


def clockwork_fits(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Refuse times under which one task would run twice or be cut off."""
    queue: dict[str, Any] = settings.Q_CLUSTER
    longest = settings.DRAIN_SECONDS + settings.CALL_TIMEOUT_SECONDS
    if queue["retry"] > queue["timeout"] > longest:
        return []
    return [
        Error(
            f"The queue's retry ({queue['retry']} s) must be longer than its timeout "
            f"({queue['timeout']} s), and that longer than a drain and a call "
            f"({longest} s).",
            hint="Correct Q_CLUSTER, or leave it as it is derived.",
            id="config.E002",
        )
    ]


def wake_ups_are_in_our_database(
    app_configs: Any, **options: Any
) -> list[CheckMessage]:
    """Refuse a broker elsewhere: a wake-up must commit with what it belongs to."""
    queue = settings.Q_CLUSTER
    if queue.get("orm") == "default" and not OTHER_BROKERS & queue.keys():
        return []
    return [
        Error(
            "The queue's broker is not the default database.",
            hint='Set "orm": "default" in Q_CLUSTER and no other broker.',
            id="config.E003",
        )
    ]


def no_strikes_in_production(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Refuse the crash harness's failpoints in production."""
    if not (settings.PRODUCTION and settings.FAILPOINTS):
        return []
    return [
        Error(
            "WAYBILL_FAILPOINTS is set: processes would be killed on purpose.",
            hint="Take it out of the environment of production.",
            id="config.E004",
        )
    ]


def probes_are_set_up(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Refuse settings under which figures or log lines would not be as was meant."""
    return [*_odd_networks(), *_short_token(), *_odd_format()]


def _odd_networks() -> Iterator[CheckMessage]:
    for one in settings.METRICS_ADDRESSES:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            yield Error(
                f"METRICS_ADDRESSES names {one!r}, which is no network.",
                hint="Write addresses or networks, as in 10.2.0.0/16,192.0.2.7.",
                id="config.E006",
            )


def _short_token() -> Iterator[CheckMessage]:
    if 0 < len(settings.METRICS_TOKEN) < SHORTEST_TOKEN:
        yield Warning(
            f"METRICS_TOKEN has less than {SHORTEST_TOKEN} characters: it can be guessed.",
            hint="Make one with `openssl rand -hex 32`.",
            id="config.W002",
        )


def _odd_format() -> Iterator[CheckMessage]:
    if settings.LOG_FORMAT not in LOG_FORMATS:
        yield Error(
            f"LOG_FORMAT is {settings.LOG_FORMAT!r}.",
            hint="Set it to json or text, or leave it out.",
            id="config.E007",
        )


def database_is_sound(
    app_configs: Any, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Look at durability and clock of the database; one that is away says nothing."""
    if "default" not in (databases or ()):
        return []
    try:
        return [*_weak_commits(), *_skew()]
    except (DatabaseError, InterfaceError):
        return []


def _weak_commits() -> Iterator[CheckMessage]:
    """Refuse in production, warn elsewhere: a test database may be fast and weak."""
    if connection.vendor != "postgresql":
        return
    kind = Error if settings.PRODUCTION else Warning
    for name in DURABLE:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting(%s)", [name])
            value = cursor.fetchone()[0]
        if value == "off":
            yield kind(
                f"PostgreSQL runs with {name} = off: what was acknowledged may be lost.",
                hint=f"Set {name} = on for the server, the database and the role.",
                id="config.E005",
            )


def _skew() -> Iterator[CheckMessage]:
    skew = abs((datetime.now(UTC) - database_time()).total_seconds())
    if skew > LARGEST_SKEW_SECONDS:
        yield Warning(
            f"The clocks of this machine and of the database differ by {skew:.0f} s.",
            hint="Leases count by the database's clock, vendors by this one: set NTP.",
            id="config.W001",
        )
