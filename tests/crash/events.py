"""The event stream of a seed: customers and orders of a shop, as webhooks tell them.

Pure: the same seed and count give the same events, byte for byte. What must stand at
the target is written down in the shop's own words:

customer   first_name, last_name, email, note
order      name, email, note, customer (source id), lines (sku, quantity, amount),
           shipping, tax, total; amounts are text with two decimals
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

SAMPLES = Path(__file__).parent.parent / "samples"
FIRST_MOMENT = datetime(2026, 1, 5, tzinfo=UTC)
GOODS = {
    "TENT-2P": "249.00",
    "STOVE-01": "59.90",
    "MUG-BLUE": "12.50",
    "BAG-45L": "129.00",
    "LAMP-USB": "34.95",
    "ROPE-10M": "18.20",
}
UNKNOWN_GOODS = {"HAMMOCK-XL": "89.00"}
FIRST_NAMES = ("Ada", "Grace", "Alan", "Mary", "Linus", "Zoë", "李", "Søren")
# One customer in so many is changed again and again.
HOT = 12
# The share of events that place an order; a third as many bring a new customer.
ORDERS = 0.48
CUSTOMER_BASE, ORDER_BASE = 7_000_000_000, 5_000_000_000


@dataclass(frozen=True)
class Event:
    """One change of one object, with the body that tells of it."""

    number: int
    topic: str
    entity: str
    source_id: str
    version: int
    updated_at: str
    fate: str
    expect: dict[str, Any]
    body: bytes
    carries: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"e{self.number:07}"


@dataclass
class Person:
    """A customer as the shop knows it now."""

    number: int
    version: int = 0
    updated_at: str = ""
    expect: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)


class Stream:
    """Yields the events of one seed, in the order in which the shop has them."""

    def __init__(self, seed: int, count: int, orders: float = ORDERS) -> None:
        self.orders_share = orders
        self.chance = Random(f"{seed} events")
        self.count = count
        self.people: list[Person] = []
        self.orders: list[tuple[int, int, Person]] = []
        self.samples = {
            name: json.loads((SAMPLES / f"shopify-webhook-{file}.json").read_text())
            for name, file in (
                ("order", "orders-create.2026-04"),
                ("customer", "customers-create.2026-04"),
            )
        }

    def __iter__(self) -> Iterator[Event]:
        for number in range(1, self.count + 1):
            yield self._event(number)

    def _event(self, number: int) -> Event:
        draw = self.chance.random()
        if draw > 0.97 and self.people:
            return self._odd(number)
        if len(self.people) < 5 or draw < self.orders_share * 0.3:
            return self._customer(number, self._newcomer())
        if draw < self.orders_share * 1.3:
            return self._order(number)
        if draw < self.orders_share * 1.45 and self.orders:
            return self._order_change(number)
        return self._customer(number, self._known())

    def _newcomer(self) -> Person:
        person = Person(CUSTOMER_BASE + len(self.people) + 1)
        self.people.append(person)
        return person

    def _known(self) -> Person:
        hot = self.people[: max(1, len(self.people) // HOT)]
        return self.chance.choice(hot if self.chance.random() < 0.6 else self.people)

    def _moment(self, number: int) -> str:
        return (FIRST_MOMENT + timedelta(seconds=number)).isoformat()

    def _customer(self, number: int, person: Person) -> Event:
        person.version += 1
        person.updated_at = self._moment(number)
        person.expect = {
            "first_name": self.chance.choice(FIRST_NAMES),
            "last_name": f"Person{person.number}",
            "email": f"person{person.number}@example.com",
            "note": f"customer {person.number} version {person.version}",
        }
        person.body = {
            **self.samples["customer"],
            **person.expect,
            "id": person.number,
            "admin_graphql_api_id": f"gid://shopify/Customer/{person.number}",
            "updated_at": person.updated_at,
        }
        return Event(
            number,
            "customers/create" if person.version == 1 else "customers/update",
            "customer",
            str(person.number),
            person.version,
            person.updated_at,
            "deliver",
            dict(person.expect),
            _text(person.body),
        )

    def _order(self, number: int) -> Event:
        person = self.chance.choice(self.people)
        order = ORDER_BASE + number
        draw = self.chance.random()
        fate = "error" if draw < 0.01 else "exclude" if draw < 0.02 else "deliver"
        if fate == "deliver":
            self.orders.append((order, 1, person))
        return self._order_event(number, order, 1, person, fate)

    def _order_change(self, number: int) -> Event:
        place = self.chance.randrange(max(0, len(self.orders) - 50), len(self.orders))
        order, version, person = self.orders[place]
        self.orders[place] = (order, version + 1, person)
        return self._order_event(number, order, version + 1, person, "deliver")

    def _order_event(
        self, number: int, order: int, version: int, person: Person, fate: str
    ) -> Event:
        name = f"#{order - ORDER_BASE + 10_000}"
        body, expect = self._order_body(order, fate)
        expect |= {
            "name": name,
            "email": person.expect["email"],
            "note": f"order {order} version {version}",
            "customer": str(person.number),
        }
        body |= {
            "id": order,
            "admin_graphql_api_id": f"gid://shopify/Order/{order}",
            "name": name,
            "note": expect["note"],
            "email": expect["email"],
            "contact_email": expect["email"],
            "customer": person.body,
            "created_at": self._moment(order - ORDER_BASE),
            "processed_at": self._moment(order - ORDER_BASE),
            "updated_at": self._moment(number),
            "cancelled_at": None,
            "cancel_reason": None,
            "test": fate == "exclude",
        }
        return Event(
            number,
            "orders/create" if version == 1 else "orders/updated",
            "order",
            str(order),
            version,
            self._moment(number),
            fate,
            expect,
            _text(body),
            {
                "entity": "customer",
                "source_id": str(person.number),
                "version": person.version,
                "expect": person.expect,
            },
        )

    def _order_body(
        self, order: int, fate: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        chance = Random(f"{order} lines")
        goods = UNKNOWN_GOODS if fate == "error" else GOODS
        skus = chance.sample(sorted(goods), min(len(goods), chance.randint(1, 3)))
        template = self.samples["order"]["line_items"][0]
        rows = [_line(template, order, sku, goods[sku], chance) for sku in skus]
        lines = [
            {
                "sku": row["sku"],
                "quantity": row["quantity"],
                "amount": _money(Decimal(row["price"]) * row["quantity"]),
            }
            for row in rows
        ]
        goods_total = sum((Decimal(line["amount"]) for line in lines), Decimal())
        tax = (goods_total * chance.choice([0, 0, 7]) / 100).quantize(Decimal("0.01"))
        shipping = Decimal(chance.choice(["0.00", "4.90", "10.00"]))
        total = goods_total + tax + shipping
        body = {
            **self.samples["order"],
            "line_items": rows,
            "shipping_lines": [
                {
                    **self.samples["order"]["shipping_lines"][0],
                    "price": _money(shipping),
                    "discounted_price": _money(shipping),
                    "title": chance.choice(["Standard", "Express"]),
                }
            ],
            "tax_lines": [{"title": "State tax", "rate": 0.07, "price": _money(tax)}]
            if tax
            else [],
            "total_tax": _money(tax),
            "total_discounts": "0.00",
            "total_line_items_price": _money(goods_total),
            "subtotal_price": _money(goods_total),
            "total_price": _money(total),
        }
        return body, {
            "lines": lines,
            "shipping": _money(shipping),
            "tax": _money(tax),
            "total": _money(total),
        }

    def _odd(self, number: int) -> Event:
        if self.chance.random() < 0.5:
            text = {
                "id": number,
                "admin_graphql_api_id": f"gid://shopify/Product/{number}",
            }
            return self._stray(number, "products/update", "unwanted", _text(text))
        order = ORDER_BASE + number
        whole = self._order_event(
            number, order, 1, self.chance.choice(self.people), "deliver"
        )
        cut = whole.body[: self.chance.randrange(1, len(whole.body) - 1)]
        return self._stray(number, "orders/create", "quarantine", cut)

    def _stray(self, number: int, topic: str, fate: str, body: bytes) -> Event:
        moment = self._moment(number)
        return Event(number, topic, "", f"stray-{number}", 1, moment, fate, {}, body)


def _line(
    template: dict[str, Any], order: int, sku: str, price: str, chance: Random
) -> dict[str, Any]:
    number = order * 10 + sorted({**GOODS, **UNKNOWN_GOODS}).index(sku)
    return {
        **template,
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{number}",
        "sku": sku,
        "name": sku,
        "title": sku,
        "price": price,
        "quantity": chance.randint(1, 4),
    }


def _money(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))


def _text(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode()
