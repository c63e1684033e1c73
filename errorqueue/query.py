"""The words and qualifiers that people search the queue by, and what they mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict

from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from errorqueue.qualifiers import QUALIFIERS, Wrong, free_word, is_wide, unless
from errorqueue.tabs import Asker, order_of, tab_of
from errorqueue.text import clean

# More words than anybody types; each one is a look into an index.
MOST_TERMS = 12
LONGEST = 500
# A name, then a value in quotes or without blanks; an address is no qualifier.
TERM = re.compile(
    r"""(?P<minus>-)?
        (?:(?P<name>[A-Za-z]{2,12}):(?!//))?
        (?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+|(?<=:)))
        (?=\s|$)""",
    re.VERBOSE,
)


class Unreadable(ValueError):
    """A search that cannot be read; `problems` say where and what to write instead."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Term:
    """One word of a search, as it was typed."""

    text: str
    name: str
    value: str
    is_quoted: bool
    is_not: bool

    @property
    def values(self) -> list[str]:
        qualifier = QUALIFIERS.get(self.name)
        if self.is_quoted or (qualifier and not qualifier.is_list):
            return [self.value]
        return [part for part in self.value.split(",") if part]


@dataclass(frozen=True)
class Parsed:
    """What a search means; with problems it means nothing at all.

    `is_narrow` says that an index finds few lines by it, whatever else it asks;
    `is_wide` that one of its words is the word of thousands.
    """

    where: Q
    terms: tuple[Term, ...] = ()
    problems: tuple[str, ...] = ()
    is_narrow: bool = True
    is_wide: bool = False

    @property
    def words(self) -> list[str]:
        return [term.value for term in self.terms if not term.name and not term.is_not]


def parse(text: str, user: Any) -> Parsed:
    """Read a search; whatever cannot be read is named in `problems`."""
    return read(text, Asker(user, database_time()))


def read(text: str, asker: Asker) -> Parsed:
    """Read a search as it means to `asker`."""
    text = clean(text).strip()
    problems: list[str] = []
    if len(text) > LONGEST:
        text, problems = "", [f"The search is longer than {LONGEST} characters."]
    if text.count('"') % 2:
        text, problems = "", [f"A quotation mark is missing at the end of {text!r}."]
    terms = tuple(_terms(text))
    if len(terms) > MOST_TERMS:
        problems.append(f"Use at most {MOST_TERMS} words and qualifiers at once.")
    where, found = Q(), []
    for term in terms[:MOST_TERMS]:
        try:
            found.append((term, _meaning(term, asker)))
            where &= found[-1][1]
        except Wrong as error:
            problems.append(str(error))
    return Parsed(
        Q(pk__in=[]) if problems else where,
        terms,
        tuple(problems),
        is_narrow=not terms or any(_narrows(*one) for one in found),
        is_wide=any(is_wide(meaning) for _, meaning in found),
    )


def _narrows(term: Term, meaning: Q) -> bool:
    indexed = not term.name or QUALIFIERS[term.name].is_narrow
    return indexed and not term.is_not and not is_wide(meaning)


def _terms(text: str) -> Iterator[Term]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = TERM.match(text, at) or re.compile(r"\S+").match(text, at)
        assert found is not None  # noqa: S101 (there is something at this place)
        yield _term(found)
        at = max(found.end(), at + 1)


def _term(found: re.Match[str]) -> Term:
    parts = found.groupdict()
    if not parts:  # quotes in the middle of a word: taken as they are, without them
        plain = found[0].replace('"', "")
        return Term(found[0], "", plain, False, False)
    quoted = parts["quoted"]
    return Term(
        text=found[0],
        name=(parts["name"] or "").lower(),
        value=quoted if quoted is not None else parts["bare"] or "",
        is_quoted=quoted is not None,
        is_not=bool(parts["minus"]),
    )


def _meaning(term: Term, asker: Asker) -> Q:
    if not term.name:
        found = _words(term, asker)
    else:
        qualifier = QUALIFIERS.get(term.name)
        if qualifier is None:
            raise Wrong(_unknown(term))
        if not any(part.strip() for part in term.values):
            raise Wrong(
                f"{term.name}: needs a value right after the colon, such as "
                f"{qualifier.example}."
            )
        found = qualifier.read(term.values, asker)
    return unless(found) if term.is_not and found else found


def _words(term: Term, asker: Asker) -> Q:
    """Return what free words mean: a quoted text is looked for as a whole."""
    bare = term.value.strip().lstrip("#")
    return free_word(bare, asker) if bare else Q()


def _unknown(term: Term) -> str:
    near = get_close_matches(term.name, QUALIFIERS, n=1)
    meant = f" Did you mean {QUALIFIERS[near[0]].example}?" if near else ""
    return (
        f"There is no qualifier “{term.name}:”.{meant} To search for these very "
        f'words, put them in quotes: "{term.text}". All of them: '
        f"{', '.join(f'{name}:' for name in QUALIFIERS)}."
    )


def lines_for(query: str, user: Any) -> QuerySet[FailedRecord]:
    """Return the lines that an address of the list shows: its tab, search and order.

    `query` is the part after the question mark (`tab=mine&q=sku:ABC&o=money`).
    Raises Unreadable when the search cannot be read: a plan must never mean more
    than the person saw.
    """
    asked = QueryDict(query)
    asker, tab = Asker(user, database_time()), tab_of(asked.get("tab"))
    parsed = read(asked.get("q", ""), tab.asked_by(asker))
    if parsed.problems:
        raise Unreadable(parsed.problems)
    lines = FailedRecord.objects.filter(tab.where(asker), parsed.where)
    return lines.order_by(*order_of(tab, asked.get("o")))


def with_term(text: str, name: str, value: str) -> str:
    """Return a search in which `name:` has this value, or none when it is empty."""
    kept = [term.text for term in _terms(clean(text)) if term.name != name]
    added = [quoted(name, value)] if value else []
    return " ".join([*kept, *added])


def quoted(name: str, value: str) -> str:
    """Write a qualifier so that it is read back as this very value."""
    plain = value.replace('"', "")
    needs_quotes = not plain or re.search(r"[\s,]", plain)
    return f'{name}:"{plain}"' if needs_quotes else f"{name}:{plain}"


def value_in(text: str, name: str) -> str:
    """Return the value of a qualifier in a search, or nothing."""
    found = (term.value for term in _terms(clean(text)) if term.name == name)
    return next(found, "")
