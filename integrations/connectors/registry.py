"""Which connector speaks to which system."""

from functools import cache
from importlib import import_module

from integrations.connectors.base import Connector

CONNECTORS = {
    "netsuite": ("NetSuite", "integrations.connectors.netsuite.connector.NetSuite"),
    "shopify": ("Shopify", "integrations.connectors.shopify.connector.Shopify"),
}


class UnknownSystem(LookupError):
    """No connector of this version of Waybill speaks to this system."""


@cache
def connector_class(kind: str) -> type[Connector]:
    """Return the connector of a system, imported at first use; raises UnknownSystem.

    While a newer version is rolled out, its rows may name what this one has not.
    """
    if kind not in CONNECTORS:
        raise UnknownSystem(f"This version of Waybill has no connector for {kind}.")
    module, _, name = CONNECTORS[kind][1].rpartition(".")
    found: type[Connector] = getattr(import_module(module), name)
    return found
