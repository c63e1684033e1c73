"""The values by which people tell that two records of two systems are one thing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One thing inside a record, such as a variant of a product.

    `key` is the id of the record, `id` its own.
    """

    key: str
    id: str
    sku: str
    barcode: str = ""
    label: str = ""


@dataclass(frozen=True)
class Shelf:
    """A page of what a target has; `cursor` leads to the next one, empty at the end."""

    parts: tuple[Part, ...]
    cursor: str = ""
