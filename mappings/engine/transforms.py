"""Transforms: named steps that a value may take on its way, and how they are run.

`catalogue.py` lists them with their words. None of them reckons a price, a tax or a
credit.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from mappings.engine import amounts, moments, postal
from mappings.engine.catalogue import CATALOGUE
from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.shapes import Parameter, Transform
from mappings.engine.values import is_empty, text_of

# A text that grows beyond this is a mistake, and would fill the memory.
MAX_TEXT = 1_000_000
MAX_LIST = 20_000
# What is one value and never empty.
_SINGLE = frozenset((Decimal, int, bool))


Chain = tuple[tuple[str, Mapping[str, Any]], ...]
Step = Callable[[Any], Any]


def run_chain(chain: Chain, value: Any) -> Any:
    """Pass a value through each transform in order; raise Unfit or DocumentError."""
    return run_steps(ready(chain), value)


def ready(chain: Chain) -> tuple[Step, ...]:
    """Look up transforms and check their parameters, once for many values."""
    return tuple(_step(known(name), given) for name, given in chain)


def run_steps(steps: tuple[Step, ...], value: Any) -> Any:
    """Pass a value through each step in order; raise Unfit or DocumentError."""
    for step in steps:
        value = step(value)
    return value


def known(name: str) -> Transform:
    """Return a transform by name; raise DocumentError with those there are."""
    found = CATALOGUE.get(name)
    if found is None:
        raise DocumentError(f"there is no transform {name!r}; {_instead_of(name)}")
    return found


def _instead_of(name: str) -> str:
    """Say what a name that is in no catalogue was meant to be."""
    near = get_close_matches(name.lower(), CATALOGUE, n=3)
    if near:
        return f"nearest: {', '.join(repr(one) for one in near)}"
    return f"there are: {', '.join(sorted(CATALOGUE))}"


def _step(transform: Transform, given: Mapping[str, Any]) -> Step:
    arguments = tuple(fill_in(transform, given).values())
    run = transform.run
    if transform.takes == "any":
        return lambda value: _bounded(run(value, *arguments))
    if transform.takes == "list":
        return lambda value: _bounded(
            run(value if isinstance(value, list) else [value], *arguments)
        )
    if transform.takes == "number":
        return _for_one(transform, run, arguments, as_text=False)
    return _for_one(transform, run, arguments, as_text=True)


def _for_one(
    transform: Transform,
    run: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    as_text: bool,
) -> Step:
    """Return a step for one value, which leaves an empty one empty."""

    def step(value: Any) -> Any:
        if type(value) is str:
            if not value or value.isspace():
                return None
        elif type(value) not in _SINGLE or as_text:
            if is_empty(value):
                return None
            if isinstance(value, dict | list):
                raise _needs_one(transform, value)
            if as_text:
                value = text_of(value)
        return run(value, *arguments) if arguments else run(value)

    return step


def _needs_one(transform: Transform, value: Any) -> Unfit:
    return Unfit(
        f"'{transform.name}' needs one value, and there is a "
        f"{'list' if isinstance(value, list) else 'whole object'}",
        "Choose a field inside it, or put 'join' or 'first_non_empty' before.",
    )


def _bounded(value: Any) -> Any:
    """Return a value that is not absurdly large; raise Unfit for one that is."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise Unfit(
            f"The text has grown to {len(value)} characters",
            "Shorten the text at the source, or correct the transforms.",
        )
    if isinstance(value, list) and len(value) > MAX_LIST:
        raise Unfit(
            f"The list has {len(value)} values, {MAX_LIST} are allowed",
            "Shorten the list at the source, or correct the transforms.",
        )
    return value


def fill_in(transform: Transform, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters of a transform and add the defaults."""
    if not given and not transform.parameters:
        return {}
    names = [parameter.name for parameter in transform.parameters]
    for name in given:
        if name not in names:
            raise DocumentError(f"{transform.name} has no parameter {name!r}")
    return {
        parameter.name: _parameter(transform, parameter, given)
        for parameter in transform.parameters
    }


def _parameter(
    transform: Transform, parameter: Parameter, given: Mapping[str, Any]
) -> Any:
    value = given.get(parameter.name)
    if value is None:
        if parameter.required:
            raise DocumentError(f"{transform.name} needs {parameter.name!r}")
        value = parameter.default
    if parameter.kind == "number":
        return _positive(transform, parameter, value)
    read = _READERS.get(parameter.kind)
    return read(text_of(value)) if read else text_of(value)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "zone": moments.zone,
    "date_format": moments.date_format,
    "number_format": amounts.number_format,
    "layout": postal.layout,
}


def _positive(transform: Transform, parameter: Parameter, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DocumentError(
            f"{parameter.name!r} of {transform.name} must be a whole number above 0"
        )
    return value
