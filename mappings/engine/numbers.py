"""Transforms of numbers; all exact."""

from decimal import Context, Decimal
from typing import Any

from mappings.engine.errors import Unfit
from mappings.engine.values import MAX_DIGITS, is_empty, number_of, text_of

# Wide enough that adding amounts never rounds.
EXACT = Context(prec=80)


def number(value: Any) -> Decimal:
    """Read an exact number; raise Unfit for anything else."""
    # Nearly every number is an amount already.
    is_amount = type(value) is Decimal and value.is_finite()
    if is_amount and abs(value.adjusted()) <= MAX_DIGITS:
        return value  # type: ignore[no-any-return]
    found = number_of(value)
    if found is None:
        raise Unfit(
            f"{text_of(value)!r} is not a number",
            "Write it with digits and a point, as 1234.50.",
        )
    return found


def negate(value: Any) -> Decimal:
    found = number(value)
    return EXACT.minus(found) if found else found.copy_abs()


def absolute(value: Any) -> Decimal:
    return number(value).copy_abs()


def at_least_zero(value: Any) -> Decimal:
    return max(number(value), Decimal(0))


def whole_number(value: Any) -> int:
    """Read a number without fraction; raise Unfit for one that has one."""
    found = number(value)
    if found != found.to_integral_value():
        raise Unfit(f"{text_of(value)!r} is not a whole number", "Correct the number.")
    return int(found)


def total(values: list[Any]) -> Decimal:
    """Add numbers; what is empty counts nothing."""
    result = Decimal(0)
    for value in values:
        if not is_empty(value):
            result = EXACT.add(result, number(value))
    return result
