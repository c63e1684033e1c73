"""The orders the demo plays: most go through, some fail in the ways shops know."""

from collections.abc import Iterator
from typing import Any

from integrations.models import SyncRecord

FIRST = 10401
ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
GRACE = {"first_name": "Grace", "last_name": "Hopper", "email": "grace@example.com"}
ALAN = {"first_name": "Alan", "last_name": "Turing", "email": "alan@example.com"}
MARY = {"first_name": "Mary", "last_name": "Jackson", "email": "mary@example.com"}
LINUS = {"first_name": "Linus", "last_name": "Pauling", "email": "linus@example.com"}

TENT = ["TENT-2P", "Two-person tent", "249.00", 1]
STOVE = ["STOVE-01", "Camping stove", "59.90", 2]
MUG = ["MUG-BLUE", "Enamel mug, blue", "12.50", 4]
BAG = ["BAG-45L", "Backpack 45 l", "129.00", 1]
LAMP = ["LAMP-USB", "Rechargeable lamp", "34.95", 3]
HAMMOCK = ["HAMMOCK-XL", "Hammock XL", "89.00", 1]
KNIFE = ["KNIFE-PRO", "Pocket knife", "44.00", 2]

PLAYED: tuple[dict[str, Any], ...] = (
    {**ADA, "lines": [TENT, MUG], "tax_rate": "0.0725"},
    {**GRACE, "lines": [STOVE], "order_discount": "10.00"},
    {**ALAN, "lines": [HAMMOCK, MUG], "tax_rate": "0.0725"},
    {**MARY, "lines": [BAG, LAMP], "shipping": [["Express", "14.90"]]},
    {**LINUS, "lines": [LAMP], "shipping": [["Drone", "29.00"]]},
    {**ADA, "lines": [BAG], "tip": "5.00", "taxes_included": True, "tax_rate": "0.2"},
    {**GRACE, "lines": [KNIFE]},
    {**ALAN, "lines": [MUG], "test": True},
    {**MARY, "lines": [TENT, STOVE], "gift_card_sold": "50.00"},
    {**LINUS, "lines": [HAMMOCK], "order_discount": "8.90"},
    {**GRACE, "lines": [TENT], "duties": "12.00", "additional_fees": "2.50"},
    {**ADA, "lines": [STOVE, LAMP, MUG], "shipping_discount": "5.00"},
)


def orders() -> Iterator[dict[str, Any]]:
    """Yield each order with a number the store has not used before."""
    for number, options in enumerate(PLAYED, start=next_number()):
        yield {"number": number, **options}


def next_number() -> int:
    """Return the number after the highest one in the ledger."""
    labels = SyncRecord.objects.filter(label__startswith="#").values_list(
        "label", flat=True
    )
    used = [int(label[1:]) for label in labels if label[1:].isdigit()]
    return max([FIRST - 1, *used]) + 1
