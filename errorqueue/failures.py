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


KIND_CHOICES = [(kind.value, kind.value.capitalize()) for kind in FailureKind]


class Light(StrEnum):
    """What a pre-flight says: would pass, might pass, would fail again."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


LIGHT_CHOICES = [
    (Light.GREEN.value, "Would pass now"),
    (Light.AMBER.value, "Might pass"),
    (Light.RED.value, "Would fail again"),
]


@dataclass(frozen=True)
class FieldProblem:
    """One field that is wrong, and what makes it right.

    `source` is what a person mends; `sources` are all places its value is made from,
    and `sensitivity` what its mapping row is marked as: they say who may read it.
    """

    target: str = ""
    source: str = ""
    line: int | None = None
    value: str = ""
    rule: str = ""
    allowed: tuple[str, ...] = ()
    remedy: str = ""
    # How many characters the target takes, where its metadata says so.
    longest: int | None = None
    sources: tuple[str, ...] = ()
    sensitivity: str = ""

    def as_dict(self) -> dict[str, Any]:
        lists = {"allowed": list(self.allowed), "sources": list(self.sources)}
        return {**asdict(self), **lists}


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
    """What an entry shows of its subject, copied at the moment of failure.

    `placed_at` is when an order was placed; nothing else has it.
    """

    subject: str
    flow: str = ""
    source: str = ""
    target: str = ""
    entity: str = ""
    source_id: str = ""
    external_id: str = ""
    reference: str = ""
    party: str = ""
    email: str = ""
    skus: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str = ""
    placed_at: datetime | None = None


@dataclass(frozen=True)
class Try:
    """One attempt, as the error queue shows it.

    `waited_ms` is how long it stood in line for a slot, as part of its time;
    `credentials` names those it went with, never a secret.
    """

    number: int
    started_at: datetime
    milliseconds: int | None
    outcome: str
    message: str
    mapping: str
    exchanges: Sequence[dict[str, Any]] = field(default_factory=tuple)
    worker: str = ""
    waited_ms: int | None = None
    credentials: str = ""


@dataclass(frozen=True)
class PrivatePlaces:
    """Where people marked what few may read: paths without places in lists."""

    sources: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Evidence:
    """Both payloads and every try of a subject, as indented text."""

    source: str = ""
    mapped: str = ""
    tries: Sequence[Try] = ()
    headers: str = ""
    private: PrivatePlaces = PrivatePlaces()


@dataclass(frozen=True)
class Preflight:
    """What would happen to a retry now, found out without writing anything.

    `target_id` is set when the target holds the record already; `is_same` says that
    its content was compared and agrees, which settles the line with `proof`.
    """

    light: Light
    note: str
    problems: tuple[FieldProblem, ...] = ()
    target_id: str = ""
    is_same: bool = False
    proof: str = ""


class RouteKind(StrEnum):
    """The ways out of a failure, in the order in which they are offered."""

    MEND = "mend"
    MAPPING = "mapping"
    CREATE = "create"
    ELSEWHERE = "elsewhere"
    EXCLUDE = "exclude"


@dataclass(frozen=True)
class Route:
    """One way out: a heading, what it does in a sentence, and where it leads.

    `is_outside` opens another system; without a `url` the route explains only.
    """

    kind: RouteKind
    label: str
    text: str
    url: str = ""
    is_outside: bool = False


@dataclass(frozen=True)
class Broken:
    """A value of the source that one box of the fix form can mend."""

    place: str
    label: str
    value: Any
    rule: str = ""
    remedy: str = ""
    target: str = ""
    allowed: tuple[tuple[str, str], ...] = ()
    longest: int | None = None


@dataclass(frozen=True)
class Reread:
    """What the source holds now, beside what is stored; texts are indented JSON.

    `mark` names the state that was shown: taking it over is refused when the source
    or the record moved on meanwhile. `private` are places that few may read.
    """

    before: str
    after: str
    is_newer: bool
    mark: str = ""
    private: frozenset[str] = frozenset()


class Start(StrEnum):
    """Where a retry begins."""

    MAPPING = "mapping"
    SENT = "sent"
    LOOK = "look"
    AGAIN = "again"


@dataclass(frozen=True)
class RetryChoice:
    """How a retry shall go; the default is what one click does.

    `version` is the id of a mapping version to go by once; None for the current one.
    """

    start: Start = Start.MAPPING
    version: int | None = None


@dataclass(frozen=True)
class RetryOptions:
    """What the retry dialog can offer for one subject, in words.

    `versions` are (id, label); the first is the current one.
    """

    starts: tuple[tuple[Start, str], ...] = ()
    versions: tuple[tuple[int, str], ...] = ()
    can_reread: bool = False
    can_look: bool = False


class Refused(Exception):
    """The subject cannot do that now; the text says why and what to do instead."""


class Subject(Protocol):
    """A thing that can fail: what the error queue needs of it."""

    pk: Any

    @property
    def progress(self) -> str:
        """Name what it does right now ("Running", "On hold"), or nothing."""

    def enqueue(self, by: Any = None, choice: RetryChoice | None = None) -> None:
        """Make it due now, for the person `by`; the one way back up."""

    def take_back(self, by: Any = None) -> bool:
        """Undo `enqueue` while nothing has begun; say whether that was still so."""

    def exclude(self, reason: str, by: Any = None) -> None:
        """Set it aside for good, with a person's reason."""

    def include(self, by: Any = None) -> bool:
        """Undo `exclude`: failed again, as before; say whether it was excluded."""

    def reopen(self, closing: dict[str, Any], by: Any = None) -> bool:
        """Undo that Waybill closed its line: failed again; False when it moved on.

        `closing` is what was noted then (`services.resolve`).
        """

    def evidence(self) -> Evidence:
        """Show what came in, what was sent and what was answered."""

    def edit_url(self) -> str:
        """Return the page that edits its payload, or nothing."""


class Workbench(Protocol):
    """What a person can do about one subject, beyond queueing and setting aside.

    Whoever owns the subjects registers one (`workbench.register`): it may call
    vendors, which the subject's own row may not.
    """

    def options(self) -> RetryOptions:
        """Return what a retry dialog may offer."""

    def routes(self, problems: Sequence[dict[str, Any]]) -> Sequence[Route]:
        """Return the ways out of these problems, besides a retry."""

    def broken(self, problems: Sequence[dict[str, Any]]) -> Sequence[Broken]:
        """Return the values a person may mend here, with their live rules."""

    def mend(
        self, values: dict[str, str], by: Any, reason: str
    ) -> Sequence[FieldProblem]:
        """Lay new values (place to text) over the source, and queue it.

        Returns what is still wrong; nothing is saved then. Raises Refused.
        """

    def preflight(self) -> Preflight:
        """Find out whether a retry would pass now; writes nothing anywhere."""

    def look(self) -> Preflight:
        """Look at the target for an outcome nobody knows; writes nothing."""

    def adopt(self, target_id: str, by: Any, reason: str) -> None:
        """Take the target's record as ours; raises Refused when it is not there."""

    def reread(self) -> Reread:
        """Read the source's own record again; raises Refused."""

    def take_reread(self, mark: str, by: Any) -> None:
        """Store what `reread` showed, as a newer version; raises Refused."""
