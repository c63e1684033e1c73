"""Which failures have one reason: pure, the same answer on every machine."""

import re
from dataclasses import dataclass
from hashlib import sha256

from errorqueue.failures import Failure, FailureKind, FieldProblem
from errorqueue.masking import is_private
from errorqueue.text import clean

# What differs from record to record and says nothing about the reason.
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|«[^»]*»|“[^”]*”")
# It begins where a word does: looked for from each letter, a long one takes hours.
ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+")
LINK = re.compile(r"\b\w+://\S+")
IDENTIFIER = re.compile(r"\b(?=\w*\d)[\w-]*\d[\w-]*\b")
INDEX = re.compile(r"\[\d+\]")
SPACE = re.compile(r"\s+")
# Kinds in which the value itself is the reason, so that another one is another cause.
BY_VALUE = (FailureKind.MAPPING, FailureKind.DEPENDENCY)
LONGEST_WORD = 40
# A reason is told in fewer characters; more is a page of somebody's own.
LONGEST_TEXT = 4000


@dataclass(frozen=True)
class Fingerprint:
    """What a failure has in common with others; `key` is its digest.

    `is_private` says that the value tells causes apart, and nobody shall read it there.
    """

    kind: str
    field: str
    text: str
    value: str
    is_private: bool = False

    @property
    def key(self) -> str:
        parts = (self.kind, self.field, self.text, self.value.casefold())
        return sha256(clean("\x1f".join(parts)).encode()).hexdigest()


def fingerprint(failure: Failure) -> Fingerprint:
    """Return the fingerprint of a failure.

    The field path goes without line numbers and the text without quoted values,
    numbers and addresses: the third line of another order fails for the same reason.
    """
    leading = failure.problems[0] if failure.problems else FieldProblem()
    text = leading.rule or failure.code or failure.what
    return Fingerprint(
        kind=failure.kind.value,
        field=INDEX.sub("[]", leading.target or leading.source),
        text=normalised(text),
        value=leading.value[:200] if _is_reason(failure.kind, leading) else "",
        is_private=_is_private(leading),
    )


def _is_reason(kind: FailureKind, problem: FieldProblem) -> bool:
    """Say whether the value is the reason, or just this record's own.

    A ship method that nobody knows is shared by all its orders; a telephone number
    that is too long is not, and would make a cause of each record.
    """
    if kind in BY_VALUE or problem.allowed:
        return True
    if _is_private(problem):
        return False
    is_word = len(problem.value) <= LONGEST_WORD and not re.search(
        r"[\d@]", problem.value
    )
    return kind == FailureKind.DATA and is_word


def _is_private(problem: FieldProblem) -> bool:
    places = (problem.source, problem.target, *problem.sources)
    return is_private(problem.sensitivity, *places)


def normalised(text: str) -> str:
    """Put … for whatever differs between two records with one reason."""
    text = text[:LONGEST_TEXT]
    for pattern in (LINK, ADDRESS, QUOTED, IDENTIFIER):
        text = pattern.sub("…", text)
    return SPACE.sub(" ", text).strip()[:500]
