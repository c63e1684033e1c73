"""What the page of one failed record shows."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import simplejson
from django.urls import NoReverseMatch, reverse

from errorqueue import undo, wording
from errorqueue.admin import surroundings
from errorqueue.failures import Evidence, Preflight, Subject, Try
from errorqueue.masking import Eye, masked, masked_email, masked_problems, veil
from errorqueue.models import Action, FailedRecord
from errorqueue.templatetags.console import due, moment, tries_made

LONGEST = 200_000
# A header that is not kept, only that it was there; a log-in is worth showing.
STARRED = re.compile(r"^(?!authorization:)[\w-]+: •••(\n|$)", re.I | re.M)
# What is written in words, and may hold what is personal.
IN_WORDS = ("sentence", "why", "remedy", "preflight_note")
SAID = {
    "retry": "queued a retry",
    "exclude": "excluded it",
    "edit": "changed the content",
    "resolve": "resolved it by hand",
    "adopt": "took the target's record as ours",
    "reread": "read it from the source again",
    "comment": "said",
    "assign": "assigned it",
    "hand over": "handed it over",
    "tag": "tagged it",
    "untag": "took a tag off",
    "snooze": "snoozed it",
    "wake": "woke it",
    "undo": "took something back",
    "recipe": "applied a known fix",
    "close": "closed it by itself",
}


def context_of(line: FailedRecord, user: Any) -> dict[str, Any]:
    """Gather what is known about one line; the same queries, whatever its history."""
    veil([line], user)
    subject: Subject | None = line.subject
    evidence = subject.evidence() if subject else Evidence()
    eye, private = Eye(user, line.problems), evidence.private
    at_source = eye.but_for(private.sources)
    at_target = eye.but_for(private.targets)
    actions = list(line.actions.select_related("by"))
    offered = undoable(line, actions, user)
    return {
        "line": line,
        "money": wording.money(line.amount, line.currency),
        "shown": {name: eye.reads(getattr(line, name)) for name in IN_WORDS},
        "wrong": {"problems": masked_problems(line.problems, user)},
        "facts": [fact for fact in _facts(line, user) if fact[1]],
        "evidence": {
            "source": _cut(at_source.reads(evidence.source)),
            "mapped": _cut(at_target.reads(evidence.mapped)),
            "headers": _cut(eye.reads(evidence.headers)),
            "raw": _cut(at_target.reads(line.raw)),
        },
        "tries": [_shown_try(one, at_target) for one in reversed(evidence.tries)],
        "actions": [
            _shown_action(one, at_source) for one in actions if one.verb != "mend"
        ],
        "undoable": offered,
        "undo_told": "" if line.is_open else undo.told(line, _action_of(offered)),
        "record_url": record_url(line, user),
        **surroundings.of(line, evidence.tries, user),
    }


def _action_of(offered: dict[str, Any] | None) -> Action | None:
    return offered["action"] if offered else None


def _facts(line: FailedRecord, user: Any) -> list[tuple[str, Any]]:
    return [
        ("Amount", wording.money(line.amount, line.currency)),
        ("Customer", line.party),
        ("E-mail", masked_email(line.email, user)),
        ("Reference", line.reference),
        ("SKUs", line.skus),
        ("Flow", line.flow),
        ("From → to", " → ".join(side for side in (line.source, line.target) if side)),
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


def undoable(
    line: FailedRecord, actions: Sequence[Action], user: Any
) -> dict[str, Any] | None:
    """Return the newest step, of this person or of Waybill, that can be taken back."""
    newest = next((one for one in actions if one.verb in undo.VERBS), None)
    if newest is None or newest.by_id not in (None, user.pk):
        return None
    if newest.by_id is None and not user.has_perm(undo.RIGHT):
        return None
    if newest.verb == "retry" and line.status != FailedRecord.Status.RETRYING:
        return None
    left = undo.seconds_left(newest)
    said = f"{'You' if newest.by_id else 'Waybill'} {SAID[newest.verb]}."
    return {"action": newest, "seconds": left, "said": said} if left else None


def shown_check(found: Preflight, user: Any) -> dict[str, Any]:
    """Prepare what a pre-flight or a look found for the eye of one person."""
    problems = [problem.as_dict() for problem in found.problems]
    return {
        "note": masked(found.note, user, problems),
        "problems": masked_problems(problems, user),
        "target_id": found.target_id,
        "light": found.light.value,
        "is_same": found.is_same,
    }


def record_url(line: FailedRecord, user: Any) -> str:
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


def _shown_try(one: Try, eye: Eye) -> dict[str, Any]:
    return {
        "facts": one,
        "message": eye.reads(one.message),
        "exchanges": [shown_exchange(item, eye) for item in one.exchanges],
    }


def shown_exchange(exchange: dict[str, Any], eye: Eye) -> dict[str, Any]:
    """Prepare what went over the line for the eye of one person."""
    shown = readable_exchange(exchange)
    sides = ("url", "request", "response")
    return shown | {side: eye.reads(shown.get(side) or "") for side in sides}


def readable_exchange(exchange: dict[str, Any]) -> dict[str, Any]:
    """Prepare what went over the line for the eye."""
    return {
        **exchange,
        "request": _laid_out(readable(exchange.get("request"))),
        "response": _laid_out(readable(exchange.get("response"))),
    }


def _laid_out(text: str) -> str:
    """Leave out headers of which nothing is kept, and indent the body if it is JSON."""
    head, gap, body = text.partition("\n\n")
    return (STARRED.sub("", head).rstrip() + gap + readable(body)).strip()


def _shown_action(action: Action, eye: Eye) -> dict[str, Any]:
    before, after = eye.reads(action.before), eye.reads(action.after)
    is_edit = action.verb == "edit"
    is_said = not is_edit and action.verb != "recipe"
    return {
        "facts": action,
        "said": SAID.get(action.verb, action.verb),
        "changes": list(changes(before, after)) if is_edit else [],
        "from_to": " → ".join(part for part in (before, after) if part and is_said),
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
