"""What a transform is made of: its words, its parameters, an example."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """One value that a parameter may have, in words."""

    value: str
    label: str


@dataclass(frozen=True)
class Parameter:
    """One thing to fill in for a transform.

    `kind` is text, number, zone, date_format, number_format or layout. With `choices`
    a form can offer a list; of kind text and date_format other values are good too.
    """

    name: str
    kind: str
    description: str
    required: bool = False
    default: Any = None
    label: str = ""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Example:
    """What a transform makes of one value; `given` are its parameters."""

    value: Any
    result: Any
    given: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Transform:
    """One named step; `takes` is text, number, list or any.

    A step for text or number leaves an empty value empty. One that `is_idempotent`
    changes nothing when it is applied to its own result.
    """

    name: str
    takes: str
    description: str
    run: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    label: str = ""
    example: Example | None = None
    is_idempotent: bool = False
