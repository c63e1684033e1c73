"""The Admin GraphQL API: one address, one pinned version."""

from collections.abc import Iterator
from typing import Any

from integrations.connectors.answers import Answer
from integrations.connectors.errors import ConnectorError, RequestRefused, ServerFault
from integrations.connectors.http import ApiClient
from integrations.connectors.shopify.errors import error_for

VERSION_HEADER = "X-Shopify-API-Version"
PAGE = 100

Variables = dict[str, Any]


class VersionCheck:
    """Reads errors, and refuses answers of another version than the pinned one.

    Shopify answers a version that has ended with a later one, without an error.
    """

    def __init__(self, version: str) -> None:
        self.version = version

    def __call__(self, answer: Answer) -> ConnectorError | None:
        found = error_for(answer)
        used = answer.headers.get(VERSION_HEADER, self.version)
        if found is None and answer.status < 300 and used != self.version:
            return RequestRefused(
                f"Shopify answered with API version {used}, but this connection is "
                f"set to {self.version}. Check the mappings against {used}, then set "
                "that version on the connection.",
                code="API_VERSION",
            )
        return found


class GraphQL:
    """Runs queries and mutations of one shop."""

    def __init__(self, client: ApiClient, version: str) -> None:
        self.client = client
        self.path = f"/admin/api/{version}/graphql.json"

    def run(self, query: str, variables: Variables | None = None) -> dict[str, Any]:
        """Return `data` of an answer without errors and without userErrors."""
        body = {"query": query, "variables": variables or {}}
        data = self.client.request("POST", self.path, json=body).mapping().get("data")
        if not isinstance(data, dict):
            raise ServerFault("Shopify's answer holds no data.")
        return data

    def nodes(
        self,
        query: str,
        connection: str,
        variables: Variables | None = None,
        *,
        size: int = PAGE,
    ) -> Iterator[dict[str, Any]]:
        """Yield every node of a top-level connection, page by page.

        The query takes `$first` and `$after` and asks for `pageInfo`.
        """
        after: str | None = None
        while True:
            asked = {**(variables or {}), "first": size, "after": after}
            page = self.run(query, asked).get(connection)
            if not isinstance(page, dict):
                raise ServerFault(f"Shopify's answer holds no {connection}.")
            yield from page.get("nodes") or []
            after = next_page(page)
            if after is None:
                return

    def nodes_of(
        self, query: str, node_id: str, connection: str, after: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield every node of a connection of one object, page by page.

        The query takes `$id` and `$after` and asks for `pageInfo`.
        """
        while True:
            data = self.run(query, {"id": node_id, "after": after})
            owner = next(iter(data.values()), None)
            page = owner.get(connection) if isinstance(owner, dict) else None
            if not isinstance(page, dict):
                raise ServerFault(f"Shopify's answer holds no {connection}.")
            yield from page.get("nodes") or []
            after = next_page(page)
            if after is None:
                return


def next_page(page: dict[str, Any]) -> str | None:
    """Return the cursor of the page behind this one, or None."""
    info = page.get("pageInfo") or {}
    return info.get("endCursor") if info.get("hasNextPage") else None
