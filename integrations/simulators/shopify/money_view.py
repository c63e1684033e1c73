"""Money as GraphQL shows it: "1.0", never "1.00"."""

from typing import Any

from integrations.simulators.shopify.money import Currencies, Money, graphql_decimal

Payload = dict[str, Any]


def money_v2(amount: Any, currency: str) -> Payload:
    return {
        "__typename": "MoneyV2",
        "amount": graphql_decimal(amount),
        "currencyCode": currency,
    }


def bag(money_set: Payload | None) -> Payload | None:
    """Show a money set of a webhook."""
    if not money_set:
        return None
    return {
        "shopMoney": money_v2(*_pair(money_set["shop_money"])),
        "presentmentMoney": money_v2(*_pair(money_set["presentment_money"])),
    }


def bag_of(currencies: Currencies, money: Money) -> Payload | None:
    return bag(currencies.money_set(money))


def _pair(money: Payload) -> tuple[str, str]:
    return money["amount"], money["currency_code"]
