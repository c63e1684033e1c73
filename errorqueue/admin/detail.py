"""What the page of one failed record shows."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

import simplejson
from django.urls import NoReverseMatch, reverse

from errorqueue import wording
from errorqueue.failures import Evidence, Subject, Try
from errorqueue.models import Action, FailedRecord
from errorqueue.templatetags.console import due, moment, tries_made

LONGEST = 200_000
# A header that is not kept, only that it was there; a log-in is worth showing.
STARRED = re.compile(r"^(?!authorization:)[\w-]+: •••(\n|$)", re.I | re.M)
SAID = {
    "retry": "queued a retry",
    "exclude": "excluded it",
    "edit": "edited the payload",
}


def context_of(line: FailedRecord, user: Any) -> dict[str, Any]:
    """Gather everything about one line; five queries, whatever its history."""
    subject: Subject | None = line.subject
    evidence = subject.evidence() if subject else Evidence()
    return {
        "line": line,
        "facts": [fact for fact in _facts(line) if fact[1]],
        "evidence": {
            "source": _cut(evidence.source),
            "mapped": _cut(evidence.mapped),
            "headers": _cut(evidence.headers),
        },
        "tries": [_shown_try(one) for one in reversed(evidence.tries)],
        "actions": [_shown_action(one) for one in line.actions.select_related("by")],
        "edit_url": _edit_url(line, subject, user),
        "record_url": _record_url(line, user),
    }


def _facts(line: FailedRecord) -> list[tuple[str, Any]]:
    return [
        ("Flow", line.flow),
        ("From → to", " → ".join(side for side in (line.source, line.target) if side)),
        ("Reference", line.reference),
        ("Customer", line.party),
        ("E-mail", line.email),
        ("Amount", wording.money(line.amount, line.currency)),
        ("SKUs", line.skus),
        ("Document id", line.source_id),
        ("Kind", _kind(line)),
        ("Tries", tries_made(line)),
        ("Next try", due(line.next_try_at) if line.next_try_at else ""),
        ("First failed", moment(line.first_failed_at)),
        ("Last failed", moment(line.last_failed_at)),
    ]


def _kind(line: FailedRecord) -> str:
    shown = line.get_kind_display()
    return f"{shown}. {line.kind_help}" if line.is_open else shown


def _edit_url(line: FailedRecord, subject: Subject | None, user: Any) -> str:
    may_edit = user.has_perm("errorqueue.edit_failedrecord")
    return subject.edit_url() if subject and line.is_open and may_edit else ""


def _record_url(line: FailedRecord, user: Any) -> str:
    """Return the page of the record itself, if there is one this person may see."""
    kind = line.content_type
    if not user.has_perm(f"{kind.app_label}.view_{kind.model}"):
        return ""
    try:
        return reverse(
            f"admin:{kind.app_label}_{kind.model}_change", args=[line.object_id]
        )
    except NoReverseMatch:
        return ""


def _shown_try(one: Try) -> dict[str, Any]:
    return {
        "facts": one,
        "exchanges": [readable_exchange(item) for item in one.exchanges],
    }


def readable_exchange(exchange: dict[str, Any]) -> dict[str, Any]:
    """Prepare what went over the line for the eye."""
    return {
        **exchange,
        "request": without_starred(readable(exchange.get("request"))),
        "response": without_starred(readable(exchange.get("response"))),
    }


def without_starred(text: str) -> str:
    """Leave out headers of which nothing is kept; the body stays as it is."""
    head, gap, body = text.partition("\n\n")
    return (STARRED.sub("", head).rstrip() + gap + body).strip()


def _shown_action(action: Action) -> dict[str, Any]:
    return {
        "facts": action,
        "said": SAID.get(action.verb, action.verb),
        "changes": list(changes(action.before, action.after)),
    }


def changes(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Yield the lines that changed and a few around them, each with its tone."""
    tones = {"+": "added", "-": "removed", "@": "gap"}
    compared = difflib.unified_diff(
        before.splitlines(), after.splitlines(), lineterm="", n=2
    )
    for number, text in enumerate(compared):
        if number > 1:
            yield tones.get(text[:1], "same"), text


def readable(body: Any) -> str:
    """Indent a body if it is JSON, digit for digit; leave other text as it is."""
    if body in (None, ""):
        return ""
    if isinstance(body, str):
        try:
            body = simplejson.loads(body, use_decimal=True)
        except (ValueError, RecursionError):
            return _cut(str(body))
    return _cut(
        simplejson.dumps(
            body, indent=2, use_decimal=True, ensure_ascii=False, default=str
        )
    )


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n… {len(text) - LONGEST:,} more characters"
