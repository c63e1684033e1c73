"""What a vendor asks in the name of the people whose data it handed over."""

from dataclasses import dataclass
from enum import StrEnum


class Wish(StrEnum):
    """What is asked: to tell what is held, to erase one person, or a whole shop."""

    DATA = "data"
    CUSTOMER = "customer"
    SHOP = "shop"


@dataclass(frozen=True)
class Demand:
    """One demand as it was delivered; ids and words as the vendor writes them.

    `number` is the vendor's own number of it, where it has one. `words` are texts
    that only this person's payloads hold: the address, the phone number, the id in
    its long form. An erasure of a shop names nobody.
    """

    wish: Wish
    number: str = ""
    customer: str = ""
    email: str = ""
    orders: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
