"""OneWorld: everything on an order must belong to the order's subsidiary."""

from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]


def check_subsidiary(
    order: Values, customer: Record, store: Store, switches: Switches
) -> None:
    """Settle the order's subsidiary; raise Refusal for what is foreign to it."""
    if not switches.one_world:
        return
    subsidiary = check_home(order, customer, "entity", switches)
    _check(order, "location", "location", subsidiary, store)
    for index, line in enumerate(order["item"]["items"]):
        place = f"item.items[{index}]"
        _check(line, "item", f"{place}.item", subsidiary, store)
        _check(line, "location", f"{place}.location", subsidiary, store)


def check_home(values: Values, customer: Record, name: str, switches: Switches) -> str:
    """Give a transaction its customer's subsidiary and return it; raise Refusal."""
    if not switches.one_world:
        return ""
    home: str = customer.values["subsidiary"]["id"]
    subsidiary: str = values.setdefault("subsidiary", {"id": home})["id"]
    if subsidiary != home:
        raise refusals.wrong_subsidiary(name, customer.id, subsidiary, name)
    return subsidiary


def _check(
    holder: Values, name: str, place: str, subsidiary: str, store: Store
) -> None:
    if name not in holder:
        return
    record = store.target((name,), holder[name]["id"])
    allowed = record.values.get("subsidiary", {}).get("items", []) if record else []
    if record and allowed and {"id": subsidiary} not in allowed:
        raise refusals.wrong_subsidiary(name, record.id, subsidiary, place)
