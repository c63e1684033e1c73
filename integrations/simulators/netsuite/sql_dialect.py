"""SuiteQL in, SQLite out: the Oracle dialect that the query service takes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.simulators.netsuite import refusals

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:[^']|'')*')
  | (?P<quoted>"[^"]+")
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_][A-Za-z0-9_$]*)
  | (?P<mark>\(\+\)|<>|!=|>=|<=|\|\||[-+*/%=<>(),.?])
    """,
    re.VERBOSE,
)
_FETCH = re.compile(r"\bFETCH\s+(?:FIRST|NEXT)\s+(\d+)\s+ROWS?\s+ONLY\b", re.IGNORECASE)
_DISPLAY = re.compile(
    r"\bBUILTIN\s*\.\s*DF\s*\(\s*(\w+\s*\.\s*)?(\w+)\s*\)", re.IGNORECASE
)
ROWS = "rows_"
_UNSUPPORTED = "Invalid or unsupported search"


@dataclass(frozen=True)
class Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


def translate(query: str) -> str:
    """Return the query for SQLite; raise Refusal for what SuiteQL does not take."""
    tokens = list(_tokens(query))
    words = [token.word for token in tokens if token.kind != "space"]
    if not words or words[0] not in ("SELECT", "WITH"):
        raise refusals.search_error(_UNSUPPORTED)
    if "LIMIT" in words or any(_is_foreign(token) for token in tokens):
        raise refusals.search_error(_UNSUPPORTED)
    return "".join(_pieces(_merge_phrases(tokens)))


def names_in(query: str) -> set[str]:
    """Return the names a query uses, texts in quotes apart."""
    return {token.text.lower() for token in _tokens(query) if token.kind == "word"}


def _is_foreign(token: Token) -> bool:
    """Say whether this is an old join mark, or the name of a table under a view."""
    is_name = token.kind in ("word", "quoted")
    return token.text == "(+)" or (
        is_name and token.text.strip('"').lower().startswith(ROWS)
    )


def _tokens(query: str) -> Iterator[Token]:
    position = 0
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match is None:
            raise refusals.search_error(_UNSUPPORTED)
        yield Token(match.lastgroup or "", match[0])
        position = match.end()


def _merge_phrases(tokens: list[Token]) -> Iterator[Token]:
    """Rewrite phrases between string literals, which stay as they are."""
    run: list[str] = []
    for token in [*tokens, Token("end", "")]:
        if token.kind in ("string", "quoted", "end"):
            yield from _tokens(_rewrite("".join(run)))
            run = []
            if token.kind != "end":
                yield token
        else:
            run.append(token.text)


def _rewrite(text: str) -> str:
    text = _FETCH.sub(r"LIMIT \1", text)
    return _DISPLAY.sub(_display, text)


def _display(found: re.Match[str]) -> str:
    """Name the column beside its value; a status means nothing without its type."""
    table, column = found[1] or "", found[2]
    more = f" , {table}type" if column.lower() == "status" else ""
    return f"builtin_df({column} , {table}{column}{more})"


def _pieces(tokens: Iterator[Token]) -> Iterator[str]:
    display = False
    for token in tokens:
        if token.word == "TRANSACTION":
            yield '"transaction"'
        elif token.word == "SYSDATE":
            yield "sysdate()"
        elif display and token.kind == "word":
            yield f"'{token.text.lower()}'"
            display = False
        else:
            display = display or token.word == "BUILTIN_DF"
            yield token.text
