"""The error queue's pages."""

from errorqueue.admin import (
    bulk,
    cause,
    completion,
    failed,
    live,
    recipe,
    records,
    routing,
    tokens,
    views,
    webhooks,
)

__all__ = [
    "bulk",
    "cause",
    "completion",
    "failed",
    "live",
    "recipe",
    "records",
    "routing",
    "tokens",
    "views",
    "webhooks",
]
