"""Two tries of one record side by side, with what differs marked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from errorqueue.admin.detail import shown_exchange
from errorqueue.admin.line_pages import LinePages
from errorqueue.failures import Evidence, Subject, Try
from errorqueue.masking import Eye
from errorqueue.models import FailedRecord
from errorqueue.wording import exact_time, milliseconds

# Comparing costs more than in proportion; what is longer differs in its size.
MOST_LINES = 2000
TONES = {"insert": "added", "delete": "removed", "replace": "changed"}


@dataclass(frozen=True)
class Pair:
    """One line of both sides; `tone` names the difference, "" where there is none."""

    left: str
    right: str
    tone: str


def pairs(left: str, right: str) -> Iterator[Pair]:
    """Put the lines of two texts side by side."""
    ours, theirs = (text.splitlines()[:MOST_LINES] for text in (left, right))
    matcher = SequenceMatcher(None, ours, theirs)
    for tag, a, b, c, d in matcher.get_opcodes():
        for row in range(max(b - a, d - c)):
            yield Pair(
                ours[a + row] if a + row < b else "",
                theirs[c + row] if c + row < d else "",
                TONES.get(tag, ""),
            )


def facts(left: Try, right: Try, eye: Eye) -> list[tuple[str, str, str, bool]]:
    """Return each fact of two tries and whether it differs."""
    both = zip(_facts(left, eye), _facts(right, eye), strict=True)
    return [(name, ours, theirs, ours != theirs) for (name, ours), (_, theirs) in both]


def _facts(one: Try, eye: Eye) -> list[tuple[str, str]]:
    return [
        ("Began", exact_time(one.started_at)),
        ("Took", milliseconds(one.milliseconds)),
        ("Waited for a slot", milliseconds(one.waited_ms)),
        ("Outcome", one.outcome),
        ("Mapping", one.mapping),
        ("Credentials", one.credentials),
        ("Worker", one.worker),
        ("Said", eye.reads(one.message)),
    ]


def sent(one: Try, eye: Eye) -> str:
    """Write everything a try asked, as one text."""
    return _written(one, "request", eye)


def answered(one: Try, eye: Eye) -> str:
    """Write everything that was answered to a try, as one text."""
    return _written(one, "response", eye)


def _written(one: Try, side: str, eye: Eye) -> str:
    parts = []
    for exchange in one.exchanges:
        shown = shown_exchange(exchange, eye)
        head = f"{shown.get('method', '')} {shown.get('url', '')}".strip()
        if side == "response":
            head = f"{shown.get('status') or ''} {shown.get('error', '')}".strip()
        parts.append(f"{head}\n{shown[side]}".strip())
    return "\n\n".join(parts)


def compare_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Show two tries of a line side by side; without a choice, the last two."""
    subject: Subject | None = line.subject
    evidence = subject.evidence() if subject else Evidence()
    chosen = _chosen(request, evidence.tries)
    if chosen is None:
        text = "There are no two tries to compare."
        pages.message_user(request, text, messages.WARNING)
        return redirect(pages.back(request, line))
    left, right = chosen
    eye = Eye(request.user, line.problems, evidence.private.targets)
    context = {
        "line": line,
        "title": f"{line.human_id}: try {left.number} beside try {right.number}",
        "left": left,
        "right": right,
        "tries": [one.number for one in evidence.tries],
        "facts": facts(left, right, eye),
        "texts": [
            ("Request", list(pairs(sent(left, eye), sent(right, eye)))),
            ("Response", list(pairs(answered(left, eye), answered(right, eye)))),
        ],
    }
    return pages.show(request, "compare.html", context)


def _chosen(request: HttpRequest, tries: Sequence[Try]) -> tuple[Try, Try] | None:
    if len(tries) < 2:
        return None
    found = {str(one.number): one for one in tries}
    left = found.get(request.GET.get("a", ""), tries[-2])
    right = found.get(request.GET.get("b", ""), tries[-1])
    return (left, right) if left.number <= right.number else (right, left)
