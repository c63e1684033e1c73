"""Reads expressions: from a text to its parts, or a DocumentError that says where."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from mappings.engine.errors import DocumentError
from mappings.engine.expressions import (
    AllOf,
    AnyOf,
    Call,
    Choice,
    Compared,
    Expression,
    Literal,
    Look,
    Many,
    Negated,
    Node,
    Reckoned,
    Within,
)
from mappings.engine.literals import parse_literal
from mappings.engine.paths import NAME, PREFIX, parse_path
from mappings.engine.transforms import fill_in, known, ready

MAX_LENGTH = 1_000
MAX_NESTING = 20
MAX_PARTS = 200
KEYWORDS = {"if", "then", "else", "and", "or", "not", "in", "true", "false", "null"}

_STEPS = rf"(?:\.{NAME}|\[\d*\])*"
_TOKEN = re.compile(
    rf"""\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w.]))
    |(?P<text>'(?:[^'\\]|\\.)*')
    |(?P<path>(?:{PREFIX}(?![\w"]){_STEPS}|{NAME}{_STEPS}))
    |(?P<mark><=|>=|!=|[=<>+\-*/(),\[\]]))""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One word of an expression and where it stands; kind is empty at the end."""

    kind: str
    text: str
    at: int


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> Expression:
    """Read an expression; raise DocumentError that says where it fails."""
    if len(text) > MAX_LENGTH:
        raise DocumentError(f"an expression has {MAX_LENGTH} characters at most")
    if not text.strip():
        raise DocumentError("the expression is empty")
    return Expression(text, _Parser(text).expression())


def _tokens(text: str) -> Iterator[Token]:
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match or not match.lastgroup:
            raise DocumentError(
                f"the expression cannot be read from character {position + 1} on: "
                f"{text[position : position + 20].strip()}"
            )
        kind, word = match.lastgroup, match[match.lastgroup]
        if kind == "path" and word in KEYWORDS:
            kind = "word"
        yield Token(kind, word, match.start(match.lastgroup) + 1)
        position = match.end()


class _Parser:
    """Reads one expression from left to right, the loosest binding first."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.tokens.append(Token("", "the end", len(text) + 1))
        self.place = self.depth = self.count = 0

    def expression(self) -> Node:
        found = self._any()
        if self._here.kind:
            raise self._wrong("was not expected")
        return found

    @property
    def _here(self) -> Token:
        return self.tokens[self.place]

    def _any(self) -> Node:
        """Read a whole value: a choice, or what `or` joins."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise DocumentError(f"more than {MAX_NESTING} levels in each other")
        found = self._choice() if self._skip("if") else self._either()
        self.depth -= 1
        return found

    def _choice(self) -> Node:
        test = self._any()
        self._expect("then")
        then = self._any()
        self._expect("else")
        return self._made(Choice(test, then, self._any()))

    def _either(self) -> Node:
        parts = [self._both()]
        while self._skip("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else self._made(AnyOf(tuple(parts)))

    def _both(self) -> Node:
        parts = [self._claim()]
        while self._skip("and"):
            parts.append(self._claim())
        return parts[0] if len(parts) == 1 else self._made(AllOf(tuple(parts)))

    def _claim(self) -> Node:
        negations = 0
        while self._skip("not"):
            negations += 1
        found = self._compared()
        for _ in range(negations):
            found = self._made(Negated(found))
        return found

    def _compared(self) -> Node:
        left = self._sum()
        for mark in ("=", "!=", "<=", ">=", "<", ">"):
            if self._skip(mark):
                return self._made(Compared(mark, left, self._sum()))
        if self._skip("in"):
            return self._within(left)
        following = self.tokens[self.place + 1 : self.place + 2]
        if self._here.text == "not" and following and following[0].text == "in":
            self.place += 2
            return self._made(Negated(self._within(left)))
        return left

    def _within(self, left: Node) -> Node:
        self._expect("(")
        return self._made(Within(left, self._list(")")))

    def _sum(self) -> Node:
        found = self._product()
        while self._here.text in ("+", "-") and self._here.kind == "mark":
            mark = self._next().text
            found = self._made(Reckoned(mark, found, self._product()))
        return found

    def _product(self) -> Node:
        found = self._signed()
        while self._here.text in ("*", "/") and self._here.kind == "mark":
            mark = self._next().text
            found = self._made(Reckoned(mark, found, self._signed()))
        return found

    def _signed(self) -> Node:
        if not self._skip("-"):
            return self._one()
        if self._here.kind == "number":
            return self._made(Literal(-_number(self._next().text)))
        (step,) = ready((("negate", {}),))
        return self._made(Call("negate", (self._one(),), {}, step, False))

    def _one(self) -> Node:
        if self._skip("("):
            found = self._any()
            self._expect(")")
            return found
        if self._skip("["):
            return self._made(Many(self._list("]")))
        token = self._next()
        if token.kind == "number":
            return self._made(Literal(_number(token.text)))
        if token.kind == "text" or token.text in ("true", "false", "null"):
            return self._made(Literal(parse_literal(token.text)))
        if token.kind != "path":
            self.place -= 1
            raise self._wrong("stands where a value was expected")
        if self._skip("("):
            return self._call(token)
        return self._made(Look(parse_path(token.text)))

    def _list(self, end: str) -> tuple[Node, ...]:
        if self._skip(end):
            return ()
        items = [self._any()]
        while self._skip(","):
            items.append(self._any())
        self._expect(end)
        return tuple(items)

    def _call(self, token: Token) -> Node:
        """Read a transform with its values and parameters."""
        transform = known(token.text)
        names = [parameter.name for parameter in transform.parameters]
        values, given = self._arguments(token.text, names)
        if not values:
            raise DocumentError(f"{token.text} needs a value in its brackets")
        if transform.takes != "list":
            values, more = values[:1], values[1:]
            given = _by_place(token.text, names, more) | given
        fill_in(transform, given)
        (step,) = ready(((token.text, given),))
        takes_list = transform.takes == "list"
        return self._made(Call(token.text, tuple(values), given, step, takes_list))

    def _arguments(
        self, name: str, names: list[str]
    ) -> tuple[list[Node], dict[str, Any]]:
        values: list[Node] = []
        given: dict[str, Any] = {}
        while not self._skip(")"):
            if values or given:
                self._expect(",")
            following = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
            if self._here.text in names and following.text == "=":
                key = self._next().text
                self.place += 1
                if key in given:
                    raise DocumentError(f"{name} names {key!r} twice")
                given[key] = _fixed(name, self._signed())
            else:
                values.append(self._any())
        return values, given

    def _made(self, node: Node) -> Node:
        self.count += 1
        if self.count > MAX_PARTS:
            raise DocumentError(f"the expression has more than {MAX_PARTS} parts")
        return node

    def _next(self) -> Token:
        token = self._here
        if not token.kind:
            raise self._wrong("came where a value was expected")
        self.place += 1
        return token

    def _skip(self, text: str) -> bool:
        if self._here.text == text and self._here.kind in ("word", "mark"):
            self.place += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise self._wrong(f"came where {text!r} was expected")

    def _wrong(self, reason: str) -> DocumentError:
        token = self._here
        shown = token.text if not token.kind else f"{token.text!r}"
        return DocumentError(
            f"the expression cannot be read: {shown} {reason} (character {token.at})"
        )


def _number(text: str) -> Any:
    """Return an exact number, whole or not; leading zeros count nothing."""
    found = parse_literal(text.lstrip("0") if "." not in text else text)
    if found is None:
        return 0
    if isinstance(found, str):
        raise DocumentError(f"the number {text} has too many digits")
    return found


def _fixed(name: str, node: Node) -> Any:
    if not isinstance(node, Literal):
        raise DocumentError(f"the parameters of {name} are fixed values, not paths")
    return node.given


def _by_place(name: str, names: list[str], more: list[Node]) -> dict[str, Any]:
    if len(more) > len(names):
        raise DocumentError(f"{name} takes one value and {len(names)} parameters")
    return {key: _fixed(name, node) for key, node in zip(names, more, strict=False)}
