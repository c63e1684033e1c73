"""Conditions: `path`, `not path`, `path = value`, `path in (a, b)`, and, or, ( ).

A value in braces is what stands at another path: `path = {other}`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from mappings.engine.errors import DocumentError
from mappings.engine.literals import parse_literal
from mappings.engine.paths import Path, Scope, parse_path
from mappings.engine.values import is_empty, number_of, text_of

MAX_LENGTH = 2_000
MAX_NESTING = 20
_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>!=|=|\(|\)|,)
    |(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"(?![.\[]))
    |(?P<word>(?:"[^"\\]+"|[^\s()=!,'"])+))""",
    re.VERBOSE,
)


class Condition(Protocol):
    """Something that holds for an element, or does not."""

    def holds(self, scope: Scope) -> bool:
        """Say whether it holds."""

    def paths(self) -> Iterator[Path]:
        """Give every path that is read."""


@dataclass(frozen=True, slots=True)
class Present:
    """Holds when there is a value other than false, 0 or nothing."""

    path: Path

    def holds(self, scope: Scope) -> bool:
        value = self.path.get(scope)
        return bool(value) and not is_empty(value)

    def paths(self) -> Iterator[Path]:
        yield self.path


@dataclass(frozen=True, slots=True)
class OneOf:
    """Holds when the value, or one value of a list, is among those named."""

    path: Path
    wanted: tuple[Any, ...]
    texts: frozenset[str] | None = None

    @classmethod
    def of(cls, path: Path, wanted: tuple[Any, ...]) -> "OneOf":
        """Make one; with nothing but texts it need not try each."""
        are_texts = all(isinstance(one, str) for one in wanted)
        return cls(path, wanted, frozenset(wanted) if are_texts else None)

    def holds(self, scope: Scope) -> bool:
        value = self.path.get(scope)
        if type(value) is str and self.texts is not None:
            return value in self.texts
        for one in value if isinstance(value, list) else (value,):
            for other in self.wanted:
                if same(one, other):
                    return True
        return False

    def paths(self) -> Iterator[Path]:
        yield self.path


@dataclass(frozen=True, slots=True)
class SameAs:
    """Holds when two paths hold the same value, also when both hold none."""

    path: Path
    other: Path

    def holds(self, scope: Scope) -> bool:
        return same(self.path.get(scope), self.other.get(scope))

    def paths(self) -> Iterator[Path]:
        yield from (self.path, self.other)


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not."""

    part: Condition

    def holds(self, scope: Scope) -> bool:
        return not self.part.holds(scope)

    def paths(self) -> Iterator[Path]:
        return self.part.paths()


@dataclass(frozen=True, slots=True)
class All:
    """Holds when each part does."""

    parts: tuple[Condition, ...]

    def holds(self, scope: Scope) -> bool:
        return all(part.holds(scope) for part in self.parts)

    def paths(self) -> Iterator[Path]:
        for part in self.parts:
            yield from part.paths()


@dataclass(frozen=True, slots=True)
class Either:
    """Holds when at least one part does."""

    parts: tuple[Condition, ...]

    def holds(self, scope: Scope) -> bool:
        return any(part.holds(scope) for part in self.parts)

    def paths(self) -> Iterator[Path]:
        for part in self.parts:
            yield from part.paths()


@lru_cache(maxsize=2048)
def parse_condition(text: str) -> Condition:
    """Read a condition; an empty one always holds. Raise DocumentError."""
    if len(text) > MAX_LENGTH:
        raise DocumentError(f"a condition has {MAX_LENGTH} characters at most")
    if not text.strip():
        return All(())
    return _Parser(text).condition()


def never_holds(condition: Condition, scope: Scope) -> bool:
    """Say whether what a condition asks of the record and its surroundings fails.

    Then it holds for no element of any list, and none needs to be looked at.
    """
    parts = condition.parts if isinstance(condition, All) else (condition,)
    return any(
        all(path.root in ("facts", "$") for path in part.paths())
        and not part.holds(scope)
        for part in parts
    )


def holds(text: str, scope: Scope) -> bool:
    """Say whether the condition `text` holds here."""
    return not text or parse_condition(text).holds(scope)


def same(value: Any, wanted: Any) -> bool:
    """Say whether a value is the one that a condition names."""
    if wanted is None:
        return is_empty(value)
    if isinstance(wanted, bool) or isinstance(value, bool):
        return value is wanted
    if isinstance(wanted, int | Decimal):
        return number_of(value) == wanted
    return not isinstance(value, dict | list) and text_of(value) == wanted


class _Parser:
    """Reads one condition from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.depth = 0

    def condition(self) -> Condition:
        found = self._either()
        if self.tokens:
            raise self._wrong(f"{self.tokens[0]!r} was not expected")
        return found

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._skip("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._skip("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Condition:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self._wrong(f"more than {MAX_NESTING} levels")
        try:
            return self._negated() if self._skip("not") else self._plain()
        finally:
            self.depth -= 1

    def _negated(self) -> Condition:
        return Not(self._one())

    def _plain(self) -> Condition:
        if self._skip("("):
            inner = self._either()
            self._expect(")")
            return inner
        path = self._path()
        if self._skip("="):
            return self._equal(path)
        if self._skip("!="):
            return Not(self._equal(path))
        if self._skip("in"):
            return OneOf.of(path, tuple(self._values()))
        if self.tokens[:2] == ["not", "in"]:
            del self.tokens[:2]
            return Not(OneOf.of(path, tuple(self._values())))
        return Present(path)

    def _equal(self, path: Path) -> Condition:
        word = self.tokens[0] if self.tokens else ""
        if word.startswith("{") and word.endswith("}"):
            self.tokens[0] = word[1:-1]
            return SameAs(path, self._path())
        return OneOf.of(path, (self._value(),))

    def _path(self) -> Path:
        word = self._next("a path")
        if word in ("and", "or", "not", "in", "true", "false", "null"):
            raise self._wrong(f"a path was expected, not {word!r}")
        try:
            return parse_path(word)
        except DocumentError as error:
            raise self._wrong(str(error)) from error

    def _values(self) -> Iterator[Any]:
        self._expect("(")
        yield self._value()
        while self._skip(","):
            yield self._value()
        self._expect(")")

    def _value(self) -> Any:
        word = self._next("a value")
        if word in ("(", ")", ",", "=", "!="):
            raise self._wrong(f"a value was expected, not {word!r}")
        return parse_literal(word)

    def _next(self, wanted: str) -> str:
        if not self.tokens:
            raise self._wrong(f"{wanted} was expected at the end")
        return self.tokens.pop(0)

    def _skip(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._skip(token):
            raise self._wrong(f"{token!r} was expected")

    def _wrong(self, reason: str) -> DocumentError:
        return DocumentError(f"the condition {self.text!r} cannot be read: {reason}")


def _tokens(text: str) -> Iterator[str]:
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise DocumentError(
                f"the condition {text!r} cannot be read from "
                f"character {position + 1} on"
            )
        yield match["mark"] or match["text"] or match["word"]
        position = match.end()
