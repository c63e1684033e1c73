"""What stands in the shop under a SKU, in a product, or under a handle."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from integrations.connectors.base import Payload
from integrations.connectors.errors import RecordConflict
from integrations.connectors.matching import Part, Shelf
from integrations.connectors.shopify.graphql import GraphQL, next_page

# What Shopify calls the option of a product without options, and its value.
NO_OPTION, NO_VALUE = "Title", "Default Title"
# A page of variants with all of this costs some 300 points of 1,000.
SIZE = 25
VARIANT = """
fragment WaybillVariant on ProductVariant {
  id sku barcode inventoryQuantity displayName
  inventoryItem {
    id tracked harmonizedSystemCode countryCodeOfOrigin
    unitCost { amount }
    measurement { weight { value unit } }
  }
  product { id title status options { name } variantsCount { count } }
}
"""
BY_SKU = (
    """
query WaybillVariantsBySku($first: Int!, $after: String, $search: String!) {
  productVariants(first: $first, after: $after, query: $search) {
    nodes { ...WaybillVariant }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + VARIANT
)
INSIDE = (
    """
query WaybillProductVariants($id: ID!, $first: Int!, $after: String) {
  product(id: $id) {
    variants(first: $first, after: $after) {
      nodes { ...WaybillVariant }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
    + VARIANT
)
# Paged by id: one connection shows 25,000 objects at most.
ALL = """
query WaybillShelf($first: Int!, $search: String!) {
  productVariants(first: $first, query: $search) {
    nodes { id sku barcode displayName product { id } }
  }
}
"""
ALL_SIZE = 250
BY_HANDLE = """
query WaybillProductByHandle($handle: String!) {
  productByIdentifier(identifier: {handle: $handle}) { id }
}
"""


@dataclass(frozen=True)
class Variant:
    """One variant as it stands in the shop."""

    node: Payload

    @property
    def id(self) -> str:
        return str(self.node["id"])

    @property
    def sku(self) -> str:
        return str(self.node.get("sku") or "")

    @property
    def product(self) -> Payload:
        found: Payload = self.node["product"]
        return found

    @property
    def product_id(self) -> str:
        return str(self.product["id"])

    @property
    def named(self) -> str:
        """Name its product for people."""
        return f"“{self.product['title']}” ({self.product_id.rpartition('/')[2]})"

    @property
    def siblings(self) -> int:
        """Return how many variants its product has, itself among them."""
        return int(self.product["variantsCount"]["count"])

    @property
    def is_archived(self) -> bool:
        return bool(self.product["status"] == "ARCHIVED")

    @property
    def can_be_bought(self) -> bool:
        """Say whether stock is left, or nobody counts it."""
        is_counted = bool(self.node["inventoryItem"].get("tracked"))
        return not is_counted or int(self.node.get("inventoryQuantity") or 0) > 0


def by_sku(
    graphql: GraphQL, skus: Iterable[str], known: str = ""
) -> dict[str, Variant]:
    """Return the one variant of each SKU that is there; raises RecordConflict.

    In the product that is `known` to be meant, another spelling of a SKU will do.
    """
    found = {}
    for sku in skus:
        variant = _only(graphql, sku, known)
        if variant:
            found[sku] = variant
    return found


def _only(graphql: GraphQL, sku: str, known: str) -> Variant | None:
    """Find a SKU exactly; Shopify's search takes words in any case, so it is sifted."""
    near = [one for one in _search(graphql, sku) if _bare(one.sku) == _bare(sku)]
    exact = [one for one in near if one.sku == sku]
    if len(exact) > 1:
        raise _twice(sku, exact)
    mine = [one for one in near if one.product_id == known]
    if not exact and len(near) == len(mine) == 1:
        return mine[0]
    if near and not exact:
        raise _spelt_otherwise(sku, near[0])
    return exact[0] if exact else None


def _search(graphql: GraphQL, sku: str) -> Iterator[Variant]:
    quoted = sku.replace("\\", "\\\\").replace('"', '\\"')
    asked = {"search": f'sku:"{quoted}"'}
    for node in graphql.nodes(BY_SKU, "productVariants", asked, size=SIZE):
        yield Variant(node)


def _bare(sku: str) -> str:
    return "".join(sku.split()).casefold()


def _twice(sku: str, variants: list[Variant]) -> RecordConflict:
    names = " and ".join(f"{_name(one)}" for one in variants)
    return RecordConflict(
        f"Two variants in Shopify have the SKU {sku}: {names}. Give all but one "
        "another SKU in Shopify, then retry.",
        sent=False,
    )


def _spelt_otherwise(sku: str, variant: Variant) -> RecordConflict:
    return RecordConflict(
        f"The SKU {sku} is spelt “{variant.sku}” in Shopify, on {_name(variant)}. "
        "Write it the same way on both sides, in capitals and spaces too, then retry.",
        sent=False,
    )


def _name(variant: Variant) -> str:
    shown = variant.node.get("displayName") or variant.product["title"]
    return f"“{shown}” (variant {variant.id.rpartition('/')[2]})"


def inside(graphql: GraphQL, product_id: str) -> list[Variant] | None:
    """Return every variant of a product, past the search; None when it is gone."""
    found: list[Variant] = []
    after: str | None = None
    while True:
        asked: dict[str, Any] = {"id": product_id, "first": SIZE, "after": after}
        product = graphql.run(INSIDE, asked).get("product")
        if not isinstance(product, dict):
            return None
        page = product["variants"]
        found += [Variant(node) for node in page["nodes"]]
        after = next_page(page)
        if after is None:
            return found


def id_by_handle(graphql: GraphQL, handle: str) -> str | None:
    """Return the product under a handle, past the search."""
    found = graphql.run(BY_HANDLE, {"handle": handle}).get("productByIdentifier")
    return str(found["id"]) if isinstance(found, dict) else None


def page(graphql: GraphQL, cursor: str) -> Shelf:
    """Return the variants behind an id, in the order of their ids."""
    asked = {"first": ALL_SIZE, "search": f"id:>{cursor or 0}"}
    nodes = graphql.run(ALL, asked)["productVariants"]["nodes"]
    parts = tuple(_part(node) for node in nodes)
    last = parts[-1].id.rpartition("/")[2] if len(parts) == ALL_SIZE else ""
    return Shelf(parts, last)


def _part(node: Payload) -> Part:
    return Part(
        str(node["product"]["id"]),
        str(node["id"]),
        str(node.get("sku") or ""),
        str(node.get("barcode") or ""),
        str(node.get("displayName") or ""),
    )
