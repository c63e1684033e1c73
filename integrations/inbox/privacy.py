"""Deliveries that demand something about personal data."""

from integrations.connectors.base import Connector
from integrations.models import InboxEvent, PrivacyRequest


def enter(connector: Connector, event: InboxEvent) -> str:
    """Enter what a delivery demands, and say in words which request it became.

    Workers find it by themselves: nothing is rung. In the caller's transaction.
    """
    demand = connector.read_demand(event.topic, event.raw)
    request, is_new = PrivacyRequest.objects.enter(event, demand)
    return f"Privacy request {request}{'' if is_new else ': asked before'}."
