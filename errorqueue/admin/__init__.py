"""The error queue's pages."""

from errorqueue.admin import (
    alerts,
    bulk,
    cause,
    channels,
    completion,
    failed,
    live,
    recipe,
    records,
    routing,
    teams,
    tokens,
    views,
    webhooks,
)

__all__ = [
    "alerts",
    "bulk",
    "cause",
    "channels",
    "completion",
    "failed",
    "live",
    "recipe",
    "records",
    "routing",
    "teams",
    "tokens",
    "views",
    "webhooks",
]
