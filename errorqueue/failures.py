"""What failed, why, and how to fix it, as plain values."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol


class FailureKind(StrEnum):
    """Named for who or what can help."""

    TEMPORARY = "temporary"
    LIMIT = "limit"
    DATA = "data"
    MAPPING = "mapping"
    DEPENDENCY = "dependency"
    ACCESS = "access"
    CONFLICT = "conflict"
    INTERNAL = "internal"


@dataclass(frozen=True)
class FieldProblem:
    """One field that is wrong, and what makes it right."""

    target: str = ""
    source: str = ""
    line: int | None = None
    value: str = ""
    rule: str = ""
    allowed: tuple[str, ...] = ()
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "allowed": list(self.allowed)}


@dataclass(frozen=True)
class Failure:
    """One failure in business words, with the facts behind it.

    `what` completes "Order #1001 …", `why` names the reason, `remedy` what to do.
    `raw` is the vendor's own answer, redacted. `retry_after` is in seconds.
    `is_unknown` says that the target may have done it all the same.
    """

    kind: FailureKind
    what: str
    why: str
    remedy: str
    problems: tuple[FieldProblem, ...] = ()
    code: str = ""
    raw: str = ""
    retry_after: float | None = None
    is_unknown: bool = False


@dataclass(frozen=True)
class Labels:
    """What an entry shows of its subject, copied at the moment of failure."""

    subject: str
    flow: str = ""
    source: str = ""
    target: str = ""
    entity: str = ""
    source_id: str = ""
    reference: str = ""
    party: str = ""
    email: str = ""
    skus: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True)
class Try:
    """One attempt, as the error queue shows it."""

    number: int
    started_at: datetime
    milliseconds: int | None
    outcome: str
    message: str
    mapping: str
    exchanges: Sequence[dict[str, Any]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Evidence:
    """Both payloads and every try of a subject, as indented text."""

    source: str = ""
    mapped: str = ""
    tries: Sequence[Try] = ()
    headers: str = ""


class Subject(Protocol):
    """A thing that can fail: what the error queue needs of it."""

    pk: Any

    @property
    def progress(self) -> str:
        """Name what it does right now ("Running", "On hold"), or nothing."""

    def enqueue(self, by: Any = None) -> None:
        """Make it due now, for the person `by`; the one way back up."""

    def exclude(self, reason: str, by: Any = None) -> None:
        """Set it aside for good, with a person's reason."""

    def evidence(self) -> Evidence:
        """Show what came in, what was sent and what was answered."""

    def edit_url(self) -> str:
        """Return the page that edits its payload, or nothing."""
