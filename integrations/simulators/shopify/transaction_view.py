"""Transactions as GraphQL shows them."""

from typing import Any

from integrations.simulators.shopify.money_view import bag
from integrations.simulators.shopify.times import zulu

Payload = dict[str, Any]


def transaction_view(row: Payload, rows: list[Payload]) -> Payload:
    parent = next((x for x in rows if x["id"] == row["parent_id"]), None)
    return {
        "id": row["admin_graphql_api_id"],
        "kind": row["kind"].upper(),
        "status": row["status"].upper(),
        "gateway": row["gateway"],
        "formattedGateway": row["gateway"].replace("_", " ").title(),
        "amountSet": bag(row["amount_set"]),
        "paymentId": row["payment_id"],
        "test": row["test"],
        "errorCode": row["error_code"],
        "parentTransaction": transaction_view(parent, []) if parent else None,
        "createdAt": zulu(row["created_at"]),
        "processedAt": zulu(row["processed_at"]),
    }
