"""Loads what workers use before they are forked: what is there, they all share.

A worker that imports or reads it later has a copy of its own.
"""

import gc
from importlib import import_module

from integrations.connectors.registry import CONNECTORS, connector_class
from mappings.engine.codes import country_code, currency_code

# The cluster and its tasks, what it imports at its first task, and a line's codec.
USED = ("integrations.tasks", "django_q.cluster", "pydoc", "encodings.idna")


def warm_up() -> None:
    """Load the tasks, the connectors and the tables of codes."""
    for name in USED:
        import_module(name)
    for kind in CONNECTORS:
        connector_class(kind)
    country_code("United States")
    currency_code("USD")


def freeze() -> None:
    """Keep the collector off what is there now: its marks would copy every page."""
    gc.collect()
    gc.freeze()
