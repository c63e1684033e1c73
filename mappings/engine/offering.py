"""The catalogue of transforms as plain data, for a form that offers them."""

from decimal import Decimal
from typing import Any

from mappings.engine.catalogue import GROUPS
from mappings.engine.shapes import Transform
from mappings.engine.values import text_of


def catalogue() -> list[dict[str, Any]]:
    """Return every transform as plain data, for a form that offers them.

    All of it can be written as JSON; numbers of examples stand as text.
    """
    return [
        _offered(group, transform)
        for group, transforms in GROUPS.items()
        for transform in transforms
    ]


def _offered(group: str, transform: Transform) -> dict[str, Any]:
    example = transform.example
    return {
        "name": transform.name,
        "label": transform.label,
        "group": group,
        "description": transform.description,
        "takes": transform.takes,
        "is_idempotent": transform.is_idempotent,
        "parameters": [
            {
                "name": parameter.name,
                "label": parameter.label,
                "type": parameter.kind,
                "description": parameter.description,
                "required": parameter.required,
                "default": parameter.default,
                "choices": [
                    {"value": one.value, "label": one.label}
                    for one in parameter.choices
                ],
            }
            for parameter in transform.parameters
        ],
        "example": {
            "in": _plain(example.value),
            "out": _plain(example.result),
            "given": dict(example.given or {}),
        }
        if example
        else None,
    }


def _plain(value: Any) -> Any:
    return text_of(value) if isinstance(value, Decimal) else value
