"""Turns any error of a delivery into a Failure that a person can act on."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import InterfaceError, InternalError, OperationalError

from errorqueue import masking
from errorqueue.failures import Failure as Failure
from errorqueue.failures import FailureKind, FieldProblem
from integrations.connectors import errors
from mappings.engine import Document, Mapped, Problem, Row, row_for, trace_for


class Unmappable(Exception):
    """The mapping found problems in this record."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.rule for problem in problems))
        self.problems = tuple(problems)


class PayloadGone(ValueError):
    """The content of this record was removed, so there is nothing to send."""


class NeededMissing(ValueError):
    """A record that this one needs is not in the ledger, and its source has none."""


class NeededUnread(ValueError):
    """A record that this one needs could not be read from its source now."""


class Unfinished(ValueError):
    """The source has not told the whole of this record, and for too long."""


class NotPublished(Exception):
    """The mapping document of this flow has no published version."""


class ForeignMapping(NotPublished):
    """The mapping document of this flow may not write to its target."""


class WorkerDied(Exception):
    """Three workers died while delivering this record."""


@dataclass(frozen=True)
class _Words:
    kind: FailureKind
    what: str
    why: str
    remedy: str
    remedy_without_field: str = ""


_BUSY = _Words(
    FailureKind.TEMPORARY,
    "could not be worked on: the database was busy",
    "{error}",
    "Nothing to do now: it tries again by itself.",
)

# First match wins, so the narrower class stands above the wider one.
_TABLE: tuple[tuple[type[Exception], _Words], ...] = (
    (OperationalError, _BUSY),
    (InterfaceError, _BUSY),
    (InternalError, _BUSY),  # PostgreSQL ended a session left open too long
    (
        errors.LimitReached,
        _Words(
            FailureKind.LIMIT,
            "waits for a free slot at {target}",
            "{target} allows only so many requests at once.",
            "Nothing to do: it goes by itself.",
        ),
    ),
    (
        errors.AccessRefused,
        _Words(
            FailureKind.ACCESS,
            "cannot be sent: {target} refuses our log-in",
            "{target} refused the credentials of this connection.",
            "Open the connection, press Check connection and follow its advice. "
            "Records go by themselves once the log-in works.",
        ),
    ),
    (
        errors.PermissionMissing,
        _Words(
            FailureKind.ACCESS,
            "may not be written at {target}",
            "The log-in works, but its role lacks a permission: {error}",
            "Have an administrator of {target} add the permission named above to the "
            "role of the integration, then press Retry now. Check connection, on the "
            "page of the connection, lists every permission that is missing.",
        ),
    ),
    (
        errors.ReferenceUnknown,
        _Words(
            FailureKind.DATA,
            "points at something {target} does not know",
            "{error}",
            "Create what is missing in {target}, or correct the value below, then "
            "press Retry now.",
            "{target} does not say which field. Compare the payload below with "
            "{target}, create what is missing there, then press Retry now.",
        ),
    ),
    (
        errors.AlreadyExists,
        _Words(
            FailureKind.CONFLICT,
            "exists at {target} already, but not as ours",
            "{error}",
            "Look the record up in {target}. If it is the same, exclude this one "
            "with that reason; if not, change the value that clashes.",
        ),
    ),
    (
        errors.TargetGone,
        _Words(
            FailureKind.CONFLICT,
            "was deleted in {target}",
            "{error}",
            "Decide: Create it again, or leave it deleted by Exclude. If it was merged "
            "into another record, give that one our external id in {target}, then "
            "press Retry now.",
            "Decide: Create it again, or leave it deleted by Exclude. If it was merged "
            "into another record, give that one our external id in {target}, then "
            "press Retry now.",
        ),
    ),
    (
        errors.DecisionNeeded,
        _Words(
            FailureKind.CONFLICT,
            "needs a decision about what stands in {target}",
            "{error}",
            "Decide as said above, carry it out in {target}, then Exclude this record "
            "with your reason.",
            "Decide as said above, carry it out in {target}, then Exclude this record "
            "with your reason.",
        ),
    ),
    (
        errors.ChangeRefused,
        _Words(
            FailureKind.CONFLICT,
            "changed, but {target} has gone too far to take all of it",
            "{error}",
            "{decide}",
        ),
    ),
    (
        errors.RecordConflict,
        _Words(
            FailureKind.CONFLICT,
            "differs from what {target} holds under the same id",
            "{error}",
            "Compare both. Correct the one that is wrong, then press Retry now.",
        ),
    ),
    (
        errors.RecordHeld,
        _Words(
            FailureKind.DATA,
            "is kept back in {target}",
            "{error}",
            "Let it go in {target} as said above, then press Retry now.",
        ),
    ),
    (
        errors.RecordRejected,
        _Words(
            FailureKind.DATA,
            "was refused by {target}",
            "{error}",
            "Correct the field below, in the source or by Edit and retry.",
            "{target} does not say which field. Do what its message asks, in the source "
            "or in {target}, then press Retry now.",
        ),
    ),
    (
        errors.RecordMissing,
        _Words(
            FailureKind.DATA,
            "points at a record {target} no longer has",
            "{error}",
            "Create the missing record in {target}, then press Retry now.",
        ),
    ),
    (
        errors.TimedOut,
        _Words(
            FailureKind.TEMPORARY,
            "got no answer from {target} in time",
            "{target} did not answer. It may have done the work all the same; the "
            "next try looks first.",
            "Nothing to do now: it tries again by itself.",
        ),
    ),
    (
        errors.RecordBusy,
        _Words(
            FailureKind.TEMPORARY,
            "is being changed by somebody in {target}",
            "{error}",
            "Nothing to do now: it tries again by itself. If it stays so, see who has "
            "the record open in {target} or which workflow locks it, then press Retry "
            "now.",
        ),
    ),
    (
        errors.TemporaryError,
        _Words(
            FailureKind.TEMPORARY,
            "could not be sent to {target} now",
            "{error}",
            "Nothing to do now: it tries again by itself.",
        ),
    ),
    (
        ForeignMapping,
        _Words(
            FailureKind.MAPPING,
            "may not be sent with this mapping",
            "{error}",
            "Choose the right document on the page of the flow, then press Retry now.",
        ),
    ),
    (
        NotPublished,
        _Words(
            FailureKind.MAPPING,
            "has no mapping to go by",
            "{error}",
            "Publish a version of the mapping document, then press Retry now.",
        ),
    ),
    (
        WorkerDied,
        _Words(
            FailureKind.INTERNAL,
            "ended three workers",
            "A worker died each of the three times it delivered this record.",
            "Look for memory or crash messages in the log of the workers. Retry "
            "once the reason is gone, or exclude the record.",
        ),
    ),
    (
        errors.UnreadablePayload,
        _Words(
            FailureKind.DATA,
            "holds a value of the wrong shape",
            "{error}",
            "Correct the value in the source or by Edit and retry.",
        ),
    ),
    (
        NeededMissing,
        _Words(
            FailureKind.DEPENDENCY,
            "needs a record that never came",
            "{error}",
            "Bring that record to {target} first, by a back-fill of its flow or in the "
            "system it comes from, then press Retry now. If it is not to be there, "
            "exclude this one with a reason.",
            "Bring that record to {target} first, by a back-fill of its flow or in the "
            "system it comes from, then press Retry now. If it is not to be there, "
            "exclude this one with a reason.",
        ),
    ),
    (
        NeededUnread,
        _Words(
            FailureKind.TEMPORARY,
            "waits for a record that could not be read yet",
            "{error}",
            "Nothing to do now: it tries again by itself. If it stays so, open the "
            "connection named above and press Check connection.",
            "Nothing to do now: it tries again by itself. If it stays so, open the "
            "connection named above and press Check connection.",
        ),
    ),
    (
        Unfinished,
        _Words(
            FailureKind.DATA,
            "is not finished in the system it comes from",
            "{error}",
            "Open it in the system it comes from and settle it there, then press Retry "
            "now: it is read again before anything is sent. If nothing is to be sent, "
            "exclude it with a reason.",
            "Open it in the system it comes from and settle it there, then press Retry "
            "now: it is read again before anything is sent. If nothing is to be sent, "
            "exclude it with a reason.",
        ),
    ),
    (
        PayloadGone,
        _Words(
            FailureKind.DATA,
            "has no content any more",
            "{error}",
            "Press Retry as… and read it from the source again; then it can be sent.",
            "Press Retry as… and read it from the source again; then it can be sent.",
        ),
    ),
    (
        ValueError,
        _Words(
            FailureKind.DATA,
            "holds a value that cannot be used",
            "{error}",
            "Correct the value in the source or by Edit and retry.",
        ),
    ),
)
_FALLBACK = _Words(
    FailureKind.INTERNAL,
    "met a fault in Waybill",
    "{error}",
    "Press Retry now. If it fails again, hand this page to whoever runs Waybill.",
)


def describe(
    error: Exception,
    *,
    target: str,
    document: Document | None = None,
    mapped: Mapped | None = None,
) -> Failure:
    """Return what happened, why, and what to do, for any error."""
    if isinstance(error, Unmappable):
        return _unmappable(error.problems)
    words = next(
        (words for kind, words in _TABLE if isinstance(error, kind)), _FALLBACK
    )
    decide = getattr(error, "decide", "")
    filled = {"target": target, "error": _plain(error), "decide": decide}
    problems = tuple(_field_problems(error, document, mapped))
    remedy = words.remedy if problems else words.remedy_without_field or words.remedy
    return Failure(
        kind=words.kind,
        what=words.what.format(**filled),
        why=words.why.format(**filled),
        remedy=remedy.format(**filled),
        problems=problems,
        code=getattr(error, "code", ""),
        raw=str(error),
        retry_after=getattr(error, "retry_after", None),
        is_unknown=is_unknown(error),
    )


def is_unknown(error: Exception) -> bool:
    """Say whether the target may have done the work all the same."""
    if isinstance(error, errors.RecordBusy):
        return False
    return isinstance(error, errors.TemporaryError) and error.sent


def _plain(error: Exception) -> str:
    if isinstance(error, errors.ConnectorError | ValueError | NotPublished):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _unmappable(problems: Sequence[Problem]) -> Failure:
    kinds = {problem.kind for problem in problems}
    kind = next(
        kind
        for kind in (FailureKind.MAPPING, FailureKind.DATA, FailureKind.DEPENDENCY)
        if kind.value in kinds
    )
    leading = next(problem for problem in problems if problem.kind == kind.value)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Failure(
        kind=kind,
        what=f"– {headline(leading)}{more}",
        why="\n".join(dict.fromkeys(_reason(problem) for problem in problems)),
        remedy="\n".join(dict.fromkeys(problem.remedy for problem in problems)),
        problems=tuple(as_field_problem(problem) for problem in problems),
    )


def headline(problem: Problem) -> str:
    """Return a rule as everybody reads it, in lists, mails and causes.

    What it quotes of a private value stands in the reason and beside the field, for
    those who may see it.
    """
    places = (problem.source, problem.target, *problem.sources)
    is_private = masking.is_private(problem.sensitivity, *places)
    return masking.unquoted(problem.rule) if is_private else problem.rule


def _reason(problem: Problem) -> str:
    """Say which field asked, and what it was given."""
    given = f"{problem.source} is {problem.value!r}" if problem.source else ""
    line = f"line {problem.line}" if problem.line else ""
    circumstances = ", ".join(part for part in (line, given) if part)
    where = f" ({circumstances})" if circumstances else ""
    return f"The target's field {problem.target}{where}: {problem.rule}."


def as_field_problem(problem: Problem) -> FieldProblem:
    """Return a problem of the mapping as the error queue shows it."""
    return FieldProblem(
        target=problem.target,
        source=problem.source,
        line=problem.line,
        value=problem.value,
        rule=problem.rule,
        allowed=problem.allowed,
        remedy=problem.remedy,
        sources=problem.sources,
        sensitivity=problem.sensitivity,
    )


def _field_problems(
    error: Exception, document: Document | None, mapped: Mapped | None
) -> list[FieldProblem]:
    fields = getattr(error, "fields", {})
    decide = getattr(error, "decide", "")
    return [
        _vendor_problem(path, text, document, mapped, decide)
        for path, text in fields.items()
    ]


def _vendor_problem(
    path: str,
    text: str,
    document: Document | None,
    mapped: Mapped | None,
    decide: str = "",
) -> FieldProblem:
    trace = trace_for(mapped, path) if mapped else None
    row = row_for(document, path) if document else None
    return FieldProblem(
        target=path,
        source=trace.source if trace else (row.source if row else ""),
        line=trace.line if trace else None,
        value="" if trace is None else str(trace.value),
        rule=text,
        remedy=decide or _remedy(row),
        sources=trace.sources if trace else (),
        sensitivity=(trace.sensitivity if trace else "")
        or (row.sensitivity if row else ""),
    )


def _remedy(row: Row | None) -> str:
    if row is None:
        return "No mapping row fills this field; look at the target's own rules."
    return f"Correct {row.source or 'the constant'} or change the mapping row {row.target}."
