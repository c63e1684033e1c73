"""Which connector speaks to which system."""

from functools import cache
from importlib import import_module

from integrations.connectors.base import Connector

CONNECTORS = {
    "netsuite": ("NetSuite", "integrations.connectors.netsuite.connector.NetSuite"),
    "shopify": ("Shopify", "integrations.connectors.shopify.connector.Shopify"),
}


@cache
def connector_class(kind: str) -> type[Connector]:
    """Return the connector of a system; imported at first use."""
    module, _, name = CONNECTORS[kind][1].rpartition(".")
    found: type[Connector] = getattr(import_module(module), name)
    return found
