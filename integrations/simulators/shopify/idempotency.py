"""The @idempotent directive: mandatory since 2026-04 where it is asked for at all."""

import hashlib
import json
from typing import Any

from graphql.execution import get_directive_values

from integrations.simulators.shopify.context import Context, Info
from integrations.simulators.shopify.paging import bad_request
from integrations.simulators.shopify.schema import COMPARE_VERSION

MISMATCH = (
    "The same idempotency key cannot be used with different operation parameters."
)


def required_key(info: Info, context: Context) -> str | None:
    """Return the key of a mutation; raise GraphQLError when it must have one."""
    key = _key(info)
    if context.version > COMPARE_VERSION and key is None:
        raise bad_request(
            "The @idempotent directive is required for this mutation "
            "but was not provided."
        )
    return key


def _key(info: Info) -> str | None:
    directive = info.schema.get_directive("idempotent")
    if directive is None:
        return None
    values = get_directive_values(directive, info.field_nodes[0], info.variable_values)
    return values["key"] if values else None


def fingerprint(wanted: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
