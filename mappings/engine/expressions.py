"""Guarded expressions: `if company != null then company else join(first, last)`.

A language of its own, read by its own parser: paths, values, comparisons, if, and, or,
not, exact arithmetic and the transforms as functions. It has no loops and no calls but
those, so a run is over after as many steps as the text has parts; texts, lists, digits
and processor time are limited besides.
"""

import operator
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal, DecimalException, DivisionByZero, Inexact
from decimal import InvalidOperation as Invalid
from typing import Any, Protocol

from mappings.engine.conditions import same
from mappings.engine.errors import Unfit
from mappings.engine.numbers import number
from mappings.engine.paths import Path, Reading, Scope, read
from mappings.engine.transforms import Step
from mappings.engine.values import MAX_DIGITS, is_empty, number_of, text_of

MAX_TEXT = 20_000
MAX_LIST = 1_000
MAX_RESULT = 10_000
MAX_SECONDS = 0.25

_EXACT = Context(prec=80, traps=[Inexact, DivisionByZero, Invalid])
_ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _EXACT.add,
    "-": _EXACT.subtract,
    "*": _EXACT.multiply,
    "/": _EXACT.divide,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass
class Run:
    """One evaluation: where paths start, and until when it must be over.

    Time is that of the processor in this thread, so a busy machine refuses nothing.
    """

    scope: Scope
    until: float = field(default_factory=lambda: time.thread_time() + MAX_SECONDS)

    def check(self, value: Any) -> Any:
        """Return a value that is within bounds; raise Unfit for any other."""
        if time.thread_time() > self.until:
            raise Unfit(
                "The expression takes too long",
                "Make the expression simpler, or shorten the value at the source.",
            )
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise Unfit(
                f"A text of {len(value)} characters is too long for an expression "
                f"({MAX_TEXT} at most)",
                "Shorten the text at the source, or copy it without an expression.",
            )
        if isinstance(value, list) and len(value) > MAX_LIST:
            raise Unfit(
                f"A list of {len(value)} values is too long for an expression "
                f"({MAX_LIST} at most)",
                "Use a section, which takes longer lists.",
            )
        return value


class Node(Protocol):
    """One part of an expression."""

    def value(self, run: Run) -> Any:
        """Return what the part gives; raise Unfit where there is no such thing."""

    def parts(self) -> "tuple[Node, ...]":
        """Return the parts inside."""


@dataclass(frozen=True)
class Literal:
    """A value as it stands."""

    given: Any

    def value(self, run: Run) -> Any:
        return self.given

    def parts(self) -> tuple[Node, ...]:
        return ()


@dataclass(frozen=True)
class Look:
    """What a path finds."""

    path: Path

    def value(self, run: Run) -> Any:
        return run.check(self.path.get(run.scope))

    def parts(self) -> tuple[Node, ...]:
        return ()


@dataclass(frozen=True)
class Many:
    """Several values as a list."""

    items: tuple[Node, ...]

    def value(self, run: Run) -> Any:
        return [item.value(run) for item in self.items]

    def parts(self) -> tuple[Node, ...]:
        return self.items


@dataclass(frozen=True)
class Negated:
    """True where its part does not hold."""

    part: Node

    def value(self, run: Run) -> bool:
        return not truth(self.part.value(run))

    def parts(self) -> tuple[Node, ...]:
        return (self.part,)


@dataclass(frozen=True)
class AllOf:
    """True where each part holds."""

    of: tuple[Node, ...]

    def value(self, run: Run) -> bool:
        return all(truth(part.value(run)) for part in self.of)

    def parts(self) -> tuple[Node, ...]:
        return self.of


@dataclass(frozen=True)
class AnyOf:
    """True where one part holds."""

    of: tuple[Node, ...]

    def value(self, run: Run) -> bool:
        return any(truth(part.value(run)) for part in self.of)

    def parts(self) -> tuple[Node, ...]:
        return self.of


@dataclass(frozen=True)
class Compared:
    """Two values compared: equal, not equal, or in order."""

    mark: str
    left: Node
    right: Node

    def value(self, run: Run) -> bool:
        left, right = self.left.value(run), self.right.value(run)
        if self.mark in ("=", "!="):
            return equal(left, right) is (self.mark == "=")
        if is_empty(left) or is_empty(right):
            return False
        return _ORDER[self.mark](*_in_order(left, right))

    def parts(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True)
class Within:
    """True where a value is among others."""

    left: Node
    others: tuple[Node, ...]

    def value(self, run: Run) -> bool:
        left = self.left.value(run)
        return any(equal(left, other.value(run)) for other in self.others)

    def parts(self) -> tuple[Node, ...]:
        return (self.left, *self.others)


@dataclass(frozen=True)
class Reckoned:
    """Two numbers reckoned with, exactly; empty where one of them is."""

    mark: str
    left: Node
    right: Node

    def value(self, run: Run) -> Decimal | None:
        left, right = self.left.value(run), self.right.value(run)
        if is_empty(left) or is_empty(right):
            return None
        return exactly(self.mark, number(left), number(right))

    def parts(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True)
class Choice:
    """One of two values, by a condition."""

    test: Node
    then: Node
    otherwise: Node

    def value(self, run: Run) -> Any:
        chosen = self.then if truth(self.test.value(run)) else self.otherwise
        return chosen.value(run)

    def parts(self) -> tuple[Node, ...]:
        return (self.test, self.then, self.otherwise)


@dataclass(frozen=True)
class Call:
    """A transform used as a function; its parameters are fixed values."""

    name: str
    arguments: tuple[Node, ...]
    given: dict[str, Any]
    step: Step
    takes_list: bool

    def value(self, run: Run) -> Any:
        found = [argument.value(run) for argument in self.arguments]
        value = found[0] if len(found) == 1 else found
        return run.check(self.step(run.check(value)))

    def parts(self) -> tuple[Node, ...]:
        return self.arguments


def truth(value: Any) -> bool:
    """Say whether a value counts as true, as in conditions."""
    return bool(value) and not is_empty(value)


def equal(left: Any, right: Any) -> bool:
    """Compare as conditions do: numbers as numbers, of a list one value is enough."""
    if isinstance(left, list) and right is not None:
        return any(equal(one, right) for one in left)
    if left is None:
        return is_empty(right)
    if isinstance(right, str) and isinstance(left, int | Decimal):
        left, right = right, left
    return not isinstance(right, dict | list) and same(left, right)


def _in_order(left: Any, right: Any) -> tuple[Any, Any]:
    numbers = number_of(left), number_of(right)
    if None not in numbers:
        return numbers
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    raise Unfit(
        f"{_shown(left)} and {_shown(right)} have no order",
        "Compare two numbers, or two texts as 2026-01-31.",
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    return f"'{text_of(value)[:60]}'"


def exactly(mark: str, left: Decimal, right: Decimal) -> Decimal:
    """Reckon without rounding; raise Unfit where that cannot be done."""
    try:
        result = _ARITHMETIC[mark](left, right)
    except DecimalException as error:
        words = "divides by zero" if isinstance(error, DivisionByZero | Invalid) else ""
        raise Unfit(
            f"{text_of(left)[:40]} {mark} {text_of(right)[:40]} "
            f"{words or 'does not come out even'}",
            "Correct the numbers at the source, or the expression in the mapping.",
        ) from error
    if result and abs(result.adjusted()) > MAX_DIGITS:
        raise Unfit(f"The result has more than {MAX_DIGITS} digits")
    return result


@dataclass(frozen=True)
class Expression:
    """One expression, parsed."""

    text: str
    root: Node

    def value(self, scope: Scope) -> Any:
        """Return what the expression gives here; raise Unfit, or DocumentError for a
        parent that is not there."""
        found = self.root.value(Run(scope))
        size = len(text_of(found)) if not isinstance(found, dict | list) else 0
        if isinstance(found, dict) or _holds_more(found):
            raise Unfit(
                "The expression gives a whole object",
                "Choose a field inside it, or use a row of kind copy.",
            )
        if size > MAX_RESULT:
            raise Unfit(
                f"The result is longer than {MAX_RESULT} characters",
                "Shorten the text at the source, or cut it in the expression.",
            )
        return found

    def reading(self, scope: Scope) -> Reading:
        """Return what the first path finds that finds something, with its place."""
        readings = [read(path, scope) for path in self.paths()]
        if not readings:
            return Reading(None, "")
        found = next((one for one in readings if not one.missing), None)
        missing = ", ".join(one.missing for one in readings if one.missing)
        return found or Reading(None, readings[0].at, missing)

    def nodes(self) -> Iterator[Node]:
        """Give every part, the outer ones first."""
        waiting: list[Node] = [self.root]
        while waiting:
            node = waiting.pop(0)
            yield node
            waiting[:0] = node.parts()

    def paths(self) -> Iterator[Path]:
        """Give every path that is read."""
        for node in self.nodes():
            if isinstance(node, Look):
                yield node.path


def _holds_more(found: Any) -> bool:
    return isinstance(found, list) and any(
        isinstance(one, dict | list) for one in found
    )
