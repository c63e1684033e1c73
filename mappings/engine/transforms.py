"""The catalogue of transforms: what a row may do with a value on its way.

Each has a name, plain words and described parameters, so that a form can offer it.
None of them reckons a price, a tax or a credit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.engine import codes, moments, numbers, texts
from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.values import is_empty, text_of


@dataclass(frozen=True)
class Parameter:
    """One thing to fill in for a transform; `kind` is text, number or zone."""

    name: str
    kind: str
    description: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True)
class Transform:
    """One named step; `takes` is text, number, list or any.

    A step for text or number leaves an empty value empty.
    """

    name: str
    takes: str
    description: str
    run: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()


def _text(name: str, description: str, default: str | None = None) -> Parameter:
    return Parameter(name, "text", description, default is None, default)


def _count(name: str, description: str, default: int | None = None) -> Parameter:
    return Parameter(name, "number", description, default is None, default)


_LIST = (
    Transform("trim", "text", "Removes spaces at both ends.", str.strip),
    Transform(
        "collapse_spaces",
        "text",
        "Turns line breaks and several spaces into one space.",
        texts.collapse_spaces,
    ),
    Transform("upper", "text", "Writes all in capital letters.", str.upper),
    Transform("lower", "text", "Writes all in small letters.", str.lower),
    Transform("title", "text", "Begins each word with a capital.", texts.title),
    Transform(
        "cut",
        "text",
        "Shortens to a length, at the end of a word where there is one.",
        texts.cut,
        (_count("length", "How many characters may stay."),),
    ),
    Transform(
        "replace",
        "text",
        "Replaces each occurrence of a text.",
        texts.replace,
        (_text("find", "What to look for."), _text("with", "What to put there.", "")),
    ),
    Transform(
        "split",
        "text",
        "Splits a text into a list.",
        texts.split,
        (_text("separator", "What stands between the parts.", ","),),
    ),
    Transform(
        "join",
        "list",
        "Joins the values that are there into one text.",
        texts.join,
        (_text("separator", "What to put between them.", " "),),
    ),
    Transform(
        "first_non_empty", "list", "Takes the first value that is there.", texts.first
    ),
    Transform(
        "default_if_empty",
        "any",
        "Puts a value where there is none, before tables and look-ups.",
        texts.default,
        (_text("value", "The value to put."),),
    ),
    Transform(
        "strip_html", "text", "Removes HTML tags, keeps the words.", texts.no_html
    ),
    Transform(
        "strip_emoji",
        "text",
        "Removes emoji and pictures that targets may refuse.",
        texts.no_emoji,
    ),
    Transform(
        "printable",
        "text",
        "Removes control characters and marks that turn the writing direction.",
        texts.printable,
    ),
    Transform("number", "text", "Reads an exact number.", numbers.number),
    Transform(
        "whole_number",
        "text",
        "Reads a number that has no fraction.",
        numbers.whole_number,
    ),
    Transform(
        "at_least_zero",
        "number",
        "Writes 0 for a number below it.",
        numbers.at_least_zero,
    ),
    Transform("negate", "number", "Turns the sign of a number.", numbers.negate),
    Transform("absolute", "number", "Drops the sign of a number.", numbers.absolute),
    Transform("sum", "list", "Adds the numbers of a list.", numbers.total),
    Transform(
        "date",
        "text",
        "Gives the day of a moment in a time zone.",
        moments.date,
        (
            Parameter("zone", "zone", "Time zone, as Europe/Berlin.", default="UTC"),
            _text("format", "How to write it.", "%Y-%m-%d"),
        ),
    ),
    Transform("country_code", "text", "Gives the two-letter code.", codes.country_code),
    Transform(
        "state_code",
        "any",
        "Gives the code of a state or province; takes state and country.",
        codes.state_code,
        (_text("country", "Country code, unless it comes as second value.", ""),),
    ),
    Transform(
        "currency_code", "text", "Checks the three-letter code.", codes.currency_code
    ),
    Transform(
        "phone",
        "text",
        "Keeps a phone number as written if it fits, else its digits and extension.",
        texts.phone,
        (_count("length", "How many characters may stay.", 32),),
    ),
    Transform(
        "yes_no",
        "any",
        "Writes true and false as two words.",
        texts.yes_no,
        (_text("yes", "Word for true.", "Yes"), _text("no", "Word for false.", "No")),
    ),
    Transform(
        "external_id_safe",
        "text",
        "Lets only letters, digits, _ and - pass, as external ids need.",
        texts.external_id_safe,
    ),
)
CATALOGUE: Mapping[str, Transform] = {transform.name: transform for transform in _LIST}

Chain = tuple[tuple[str, Mapping[str, Any]], ...]


def run_chain(chain: Chain, value: Any) -> Any:
    """Pass a value through each transform in order; raise Unfit or DocumentError."""
    for name, given in chain:
        transform = known(name)
        value = _run(transform, value, fill_in(transform, given))
    return value


def known(name: str) -> Transform:
    """Return a transform by name; raise DocumentError with those there are."""
    if name not in CATALOGUE:
        raise DocumentError(
            f"there is no transform {name!r}; there are: {', '.join(sorted(CATALOGUE))}"
        )
    return CATALOGUE[name]


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
        return parameter.default
    if parameter.kind == "number":
        return _positive(transform, parameter, value)
    if parameter.kind == "zone":
        return moments.zone(text_of(value))
    return text_of(value)


def _positive(transform: Transform, parameter: Parameter, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DocumentError(
            f"{parameter.name!r} of {transform.name} must be a whole number above 0"
        )
    return value


def _run(transform: Transform, value: Any, parameters: dict[str, Any]) -> Any:
    arguments = list(parameters.values())
    if transform.takes == "any":
        return transform.run(value, *arguments)
    if transform.takes == "list":
        listed = value if isinstance(value, list) else [value]
        return transform.run(listed, *arguments)
    if is_empty(value):
        return None
    if isinstance(value, dict | list):
        raise Unfit(
            f"'{transform.name}' needs one value, and there is a "
            f"{'list' if isinstance(value, list) else 'whole object'}",
            "Choose a field inside it, or put 'join' or 'first_non_empty' before.",
        )
    ready = text_of(value) if transform.takes == "text" else value
    return transform.run(ready, *arguments)
