"""Connectors that may call: with tokens, a slot around each request, a recorder."""

from functools import partial

from django.conf import settings

from integrations.connectors.base import Connector, Gate, Recorder, Services
from integrations.connectors.errors import RequestRefused
from integrations.connectors.registry import connector_class
from integrations.models import Connection
from integrations.models.account import account_of
from integrations.models.installation import copied_from, copy_in_words
from integrations.sync.addresses import base_url_problem
from integrations.sync.allowance import refuse
from integrations.sync.slots import one_request
from integrations.sync.tokens import DatabaseTokens


def connector_for(
    connection: Connection, record: Recorder | None = None, gate: Gate | None = None
) -> Connector:
    """Return the connector of a connection, ready to call.

    Without a `gate` each request takes a slot of its own and gives it back. Raises
    RequestRefused for an address that this installation may not call, however it got
    into the database.
    """
    home = copied_from()
    problem = copy_in_words(home) if home else base_url_problem(connection)
    if problem:
        raise RequestRefused(problem, sent=False)
    services = Services(
        tokens=DatabaseTokens(connection),
        record=record or _forget,
        gate=gate or partial(one_request, connection),
        refused=partial(refuse, connection),
        timeout=float(settings.CALL_TIMEOUT_SECONDS),
    )
    return connector_class(connection.system)(account_of(connection), services)


def _forget(exchange: object) -> None:
    """Pages that show no exchanges keep none."""
