"""Works a later version of an order into the sales order that stands in NetSuite.

Pure: from what stands, what we wrote before and what is wanted now, it says what to
send and what only a person can decide. What the source did not change stays as it
stands, whoever changed it there. Lines keep their number and key; a line that is gone
from the source is closed, never removed, and a line that somebody added in NetSuite is
left alone.

Oracle writes down no list of what may change when, so the rules here are those of the
forms: what was shipped or billed stands, and a billed, closed or cancelled order takes
remarks only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Earlier, Payload
from integrations.connectors.errors import RecordConflict
from integrations.connectors.netsuite.pairing import paired
from integrations.connectors.netsuite.records import lines_of, same, shown

# Letters of a sales order, as `status` and `orderStatus` bear them.
CHANGING = frozenset("ABDEF")
ALL_SHIPPED = frozenset("FGH")
SAID_BY = {
    "C": "it was cancelled in NetSuite",
    "F": "all of it was shipped",
    "G": "it was billed",
    "H": "it was closed in NetSuite",
}
# Never written again: the identity, and what approval and fulfilment move by themselves.
NEVER = frozenset({"externalId", "orderStatus", "status", "item", "taxDetails"})
# Remarks that change nothing that was shipped or billed.
ALWAYS = frozenset({"memo", "email", "otherRefNum", "toBeEmailed", "message"})
ONCE_STARTED = frozenset({"entity", "currency", "subsidiary", "tranDate"})
ONCE_SHIPPED = frozenset({"shippingAddress", "shipMethod"})
ONCE_BILLED = frozenset({"shippingCost", "handlingCost", "billingAddress", "terms"})
PRICED = ("price", "rate", "amount")
COUNTED = ("quantity", *PRICED)
ZERO = Decimal(0)
_MISSING = object()
# What makes an order the one that was meant.
IDENTITY = ("entity", "otherRefNum", "currency")
DECISION = (
    "Decide which side is right: change the order in NetSuite by hand so that it agrees, "
    "or take the change back in the source; then press Retry now. To leave both as they "
    "are, exclude the record with that reason: then no later change of it is sent either."
)


@dataclass
class Plan:
    """What to send, and by path what was refused; `replaced` goes as `?replace=`."""

    body: Payload = field(default_factory=dict)
    replaced: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)


def plan(present: Payload, wanted: Payload, earlier: Earlier) -> Plan:
    """Return how to make what stands what is wanted."""
    return _Amendment(present, wanted, earlier).plan()


def refuse_other(
    record_type: str, wanted: Payload, present: Payload, error: Exception
) -> None:
    """Raise RecordConflict for a record that has our id and is another order."""
    found = {
        name: f"NetSuite has {shown(present.get(name))}, this record has {shown(value)}."
        for name in IDENTITY
        if (value := wanted.get(name)) is not None
        and not _names_only(value)
        and not same(value, present.get(name))
    }
    if found:
        raise RecordConflict(
            f"NetSuite holds another {record_type} with this external id "
            f"(id {present.get('id')}).",
            code="DIFFERENT_RECORD",
            fields=found,
        ) from error


def told(found: Plan) -> str:
    """Say what was changed and what was not, without the values: some are personal."""
    names = ", ".join("lines" if name == "item" else name for name in found.body)
    done = f"What NetSuite still takes was changed there: {names}. " if names else ""
    return f"{done}Not changed, see below: {', '.join(found.refused)}."


class _Amendment:
    """One look at one order."""

    def __init__(self, present: Payload, wanted: Payload, earlier: Earlier) -> None:
        self.present, self.wanted, self.earlier = present, wanted, earlier
        self.letter = letter_of(present)
        self.lines = lines_of(present, "item")
        self.is_started = any(_done(line) for line in self.lines)
        self.is_billed = any(_number(line, "quantityBilled") for line in self.lines)
        self.made = Plan()

    def plan(self) -> Plan:
        self._heads()
        changes = list(self._changed_lines()) + list(self._removed_lines())
        changes += self._added_lines()
        if changes:
            self.made.body["item"] = {"items": changes}
        self._taxes()
        return self.made

    def _refuse(self, path: str, wanted: Any, present: Any, why: str) -> None:
        self.made.refused[path] = (
            f"The source has {_quoted(wanted)}, NetSuite has {_quoted(present)}; {why}."
        )

    def _why_not(self) -> str:
        """Say why nothing but remarks may change any more, or nothing."""
        if not self.earlier.is_ours:
            return "nobody knows which of the two was meant"
        if self.letter in CHANGING:
            return ""
        return SAID_BY.get(self.letter, f"its status {self.letter!r} is not known")

    # The head

    def _heads(self) -> None:
        names = dict.fromkeys([*self.wanted, *_names(self.earlier.bases)])
        for name in names:
            if name in NEVER:
                continue
            change = _change(name, self.wanted, self.present, self.earlier.bases)
            if change is _MISSING:
                continue
            if why := self._why_no_head(name):
                self._refuse_head(name, change, why)
            else:
                self.made.body[name] = change

    def _why_no_head(self, name: str) -> str:
        if name in ALWAYS and self.earlier.is_ours:
            return ""
        if why := self._why_not():
            return why
        if name in ONCE_STARTED and self.is_started:
            return "part of the order was shipped or billed"
        if name in ONCE_SHIPPED and self.letter in ALL_SHIPPED:
            return SAID_BY["F"]
        if name in ONCE_BILLED and self.is_billed:
            return "part of the order was billed"
        return ""

    def _refuse_head(self, name: str, change: Any, why: str) -> None:
        if not _is_subrecord(change):
            self._refuse(name, change, self.present.get(name), why)
            return
        there = self.present.get(name) or {}
        for inner, value in change.items():
            self._refuse(f"{name}.{inner}", value, there.get(inner), why)

    # The lines

    def _changed_lines(self) -> Iterator[Payload]:
        wanted = lines_of(self.wanted, "item")
        before = [paired(wanted, lines_of(one, "item")) for one in self.earlier.bases]
        there = paired(wanted, self.lines)
        self.new: list[tuple[int, Payload]] = []
        self.known: set[int] = set()
        for index, line in enumerate(wanted):
            bases, stands = [found[index] for found in before], there[index]
            if stands is not None:
                self.known.add(id(stands))
            if bases and all(base is not None and _agree(line, base) for base in bases):
                continue
            if stands is None:
                self.new.append((index, line))
            elif change := self._change_of(index, line, stands, bases):
                yield {"line": stands["line"], **change}

    def _change_of(
        self,
        index: int,
        line: Payload,
        stands: Payload,
        bases: Sequence[Payload | None],
    ) -> Payload:
        """Return what of a line that stands is to be changed."""
        path = f"item.items[{index}]"
        found = {
            name: value
            for name, value in line.items()
            if name not in ("item", "line")
            and not same(value, stands.get(name))
            and not (bases and all(one and same(value, one.get(name)) for one in bases))
        }
        is_back = bool(bases) and any(base is None for base in bases)
        if stands.get("isClosed") and not is_back:
            why = "the line was closed in NetSuite"
            self._refuse(path, _counted(line), "a closed line", why)
            return {}
        if stands.get("isClosed"):
            found["isClosed"] = False
        if not found:
            return {}
        if why := self._why_not():
            self._refuse(path, _counted(line), _counted(stands), why)
            return {}
        return self._within_bounds(path, line, stands, found)

    def _within_bounds(
        self, path: str, line: Payload, stands: Payload, found: Payload
    ) -> Payload:
        """Keep what was shipped and billed; else send quantity and price together."""
        if "quantity" in found and _number(line, "quantity") < _done(stands):
            quantity = line["quantity"]
            self._refuse(f"{path}.quantity", quantity, _counted(stands), _said(stands))
            found = {n: found[n] for n in found if n not in COUNTED}
            return {**self._stopped(stands), **found}
        is_dearer = any(name in found for name in ("price", "rate"))
        is_dearer = is_dearer or ("amount" in found and "quantity" not in found)
        if is_dearer and _number(stands, "quantityBilled"):
            for name in PRICED:
                if name in found:
                    there = stands.get(name)
                    self._refuse(f"{path}.{name}", found[name], there, _said(stands))
            found = {n: found[n] for n in found if n not in COUNTED}
        elif any(name in found for name in COUNTED):
            found |= {name: line[name] for name in COUNTED if name in line}
        return found

    def _stopped(self, stands: Payload) -> Payload:
        """Lower a line to what was shipped, so that no more of it leaves."""
        done = _done(stands)
        if _number(stands, "quantity") <= done or stands.get("rate") is None:
            return {}
        return {"quantity": done, "rate": stands["rate"]}

    def _removed_lines(self) -> Iterator[Payload]:
        """Close what we wrote and the source has no more."""
        for stands in self._ours():
            if id(stands) in self.known or stands.get("isClosed"):
                continue
            path = f"item.items[line {stands.get('line')}]"
            if why := self._why_not():
                self._refuse(path, "no such line", _counted(stands), why)
            elif not _done(stands):
                yield {"line": stands["line"], "isClosed": True}
            else:
                self._refuse(path, "no such line", _counted(stands), _said(stands))
                if change := self._stopped(stands):
                    yield {"line": stands["line"], **change}

    def _ours(self) -> list[Payload]:
        """Return the lines that stand and that we may have written."""
        found: dict[int, Payload] = {}
        for payload in self.earlier.written:
            for line in paired(lines_of(payload, "item"), self.lines):
                if line is not None:
                    found[id(line)] = line
        return list(found.values())

    def _added_lines(self) -> list[Payload]:
        """Number new lines ourselves, so that a repeat finds its own."""
        if not self.new:
            return []
        if why := self._why_not():
            for index, line in self.new:
                self._refuse(f"item.items[{index}]", _counted(line), None, why)
            return []
        last = max((int(line.get("line") or 0) for line in self.lines), default=0)
        return [
            {"line": last + place, **line}
            for place, (_, line) in enumerate(self.new, start=1)
        ]

    def _taxes(self) -> None:
        """Replace the tax details as a whole: they have no key to change them by."""
        wanted = lines_of(self.wanted, "taxDetails")
        bases = [lines_of(one, "taxDetails") for one in self.earlier.bases]
        there = lines_of(self.present, "taxDetails")
        if bases and all(_alike(wanted, base) for base in bases):
            return
        if _alike(wanted, there):
            return
        why = self._why_not() or ("part of the order was billed" * self.is_billed)
        if why:
            self._refuse("taxDetails", _taxed(wanted), _taxed(there), why)
            return
        self.made.body["taxDetails"] = {"items": wanted}
        self.made.replaced = ("taxDetails",)


def letter_of(present: Payload) -> str:
    """Return the letter of an order's status; nothing where it has none."""
    for name in ("status", "orderStatus"):
        value = present.get(name)
        found = value.get("id") if isinstance(value, dict) else value
        if found:
            return str(found)
    return ""


def _names(bases: Iterable[Payload]) -> Iterator[str]:
    for base in bases:
        yield from base


def _change(
    name: str, wanted: Payload, present: Payload, bases: Sequence[Payload]
) -> Any:
    """Return the value to send for a field, None to empty it, or that there is none."""
    value, there = wanted.get(name), present.get(name)
    before = [base.get(name) for base in bases]
    if _is_subrecord(value) or any(_is_subrecord(one) for one in before):
        return _inner_change(value, there, before)
    if bases and all(same(one, value) for one in before):
        return _MISSING
    if same(value, there) or _names_only(value) or (value is None and not bases):
        return _MISSING
    return value


def _inner_change(value: Any, there: Any, before: Sequence[Any]) -> Any:
    """Return the fields of an address that change, or that none does."""
    inner, stands = (one if isinstance(one, dict) else {} for one in (value, there))
    bases = [one if isinstance(one, dict) else {} for one in before]
    names = dict.fromkeys([*inner, *_names(bases)])
    found = {name: _change(name, inner, stands, bases) for name in names}
    found = {name: one for name, one in found.items() if one is not _MISSING}
    return found or _MISSING


def _is_subrecord(value: Any) -> bool:
    """Tell an address from a reference."""
    return isinstance(value, dict) and not {"id", "externalId", "refName"} & set(value)


def _names_only(value: Any) -> bool:
    """Say that a reference cannot be compared: what stands shows its id."""
    return isinstance(value, dict) and "id" not in value and not _is_subrecord(value)


def _agree(line: Payload, other: Payload) -> bool:
    return all(same(line.get(name), other.get(name)) for name in {*line, *other})


def _alike(wanted: Sequence[Payload], present: Sequence[Payload]) -> bool:
    """Say whether each tax stands; NetSuite shows more fields of it than were sent."""
    left = list(present)
    for line in wanted:
        found = next((one for one in left if _is_in(line, one)), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def _is_in(line: Payload, other: Payload) -> bool:
    return all(same(value, other.get(name)) for name, value in line.items())


def _number(line: Payload, name: str) -> Decimal:
    found = line.get(name)
    return ZERO if found in (None, "") else Decimal(str(found))


def _done(line: Payload) -> Decimal:
    """Return how many pieces of a line nobody can take back any more."""
    return max(_number(line, "quantityFulfilled"), _number(line, "quantityBilled"))


def _said(line: Payload) -> str:
    shipped = f"{_number(line, 'quantityFulfilled'):f} shipped"
    return f"{shipped} and {_number(line, 'quantityBilled'):f} billed already"


def _counted(line: Payload) -> str:
    """Describe a line for a person."""
    item = line.get("item")
    known = item if isinstance(item, dict) else {}
    name = line.get("description") or known.get("refName") or known.get("id") or "item"
    parts = [f"{line['quantity']} ×"] if line.get("quantity") is not None else []
    parts.append(str(name))
    if line.get("amount") is not None:
        parts.append(f"for {line['amount']}")
    return " ".join(parts)


def _quoted(value: Any) -> str:
    """Return a value in quotes, by which it is hidden from who may not see it."""
    told = shown(value)
    return told if isinstance(value, Decimal | int) or not value else f"“{told}”"


def _taxed(lines: Sequence[Payload]) -> str:
    return f"{sum((_number(line, 'taxAmount') for line in lines), ZERO)} of tax"
