"""How one failed record looks in its list."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from errorqueue import wording
from errorqueue.admin.numbered import numbered
from errorqueue.admin.rows import Draw
from errorqueue.failures import FailureKind
from errorqueue.markup import filled, joined
from errorqueue.models import Cause, FailedRecord
from errorqueue.models.failed import KIND_HELP, KIND_TONES
from errorqueue.templatetags.console import due, line_pill, moment, tries_made

LIGHT_WORDS = {
    "green": "Would pass",
    "amber": "Might pass",
    "red": "Would fail",
    "": "Not looked at",
}


CHECKBOX = (
    '<input type="checkbox" name="_selected_action" value="{}" class="action-select" '
    'aria-label="Select this object for an action - {}">'
)
SENTENCE = (
    '<span class="quiet-line">{}</span> <span class="sentence">{}</span> '
    '<span class="quiet-line" title="{}">{}</span>'
)
TAG = '<a class="tag" href="?q=tag%3A{}">{}</a>'
KIND = '<span class="pill pill-{}" title="{}">{}</span>'


def checkbox(line: FailedRecord) -> SafeString:
    """Draw the box that selects a line: Django renders a template for each."""
    return filled(CHECKBOX, line.pk, line)


class Columns:
    """The columns of one page of the error queue; what its rows share is asked once."""

    def __init__(self, buttons: Draw | None) -> None:
        self.buttons = buttons
        self.cause_address = cause_addresses()

    @property
    def shown(self) -> list[Draw]:
        """Return the columns in their order; buttons only for who may press one."""
        found: list[Draw] = [
            self.what_failed,
            self.cause_link,
            self.money,
            self.age,
            self.people,
            self.state,
        ]
        return [*found, self.buttons] if self.buttons else found

    @admin.display(description="What failed")
    def what_failed(self, line: FailedRecord) -> SafeString:
        reference = "" if line.reference in line.title else line.reference
        parts = (line.human_id, reference, line.party)
        return filled(
            SENTENCE,
            " · ".join(part for part in parts if part),
            line.sentence,
            line.flow,
            " → ".join(part for part in (line.source, line.target) if part),
        )

    @admin.display(description="Cause")
    def cause_link(self, line: FailedRecord) -> SafeString:
        shown, cause = kind_pill(line.kind), line.cause
        if cause is None:
            return shown
        sentence = cause.sentence
        return filled(
            '{} <a class="cause" href="{}" title="{}">{}</a>{}',
            shown,
            self.cause_address(cause),
            sentence,
            _short(sentence),
            _field(line.field),
        )

    @admin.display(description="Amount")
    def money(self, line: FailedRecord) -> str:
        return wording.money(line.amount, line.currency)

    @admin.display(description="Age and due")
    def age(self, line: FailedRecord) -> SafeString:
        return filled(
            '{} <span class="quiet-line">{}</span> {}',
            moment(line.first_failed_at),
            tries_made(line),
            _due(line),
        )

    @admin.display(description="Who and tags")
    def people(self, line: FailedRecord) -> SafeString:
        who = line.assignee.get_username() if line.assignee else "Nobody yet"
        tags: Any = line.shown_tags  # type: ignore[attr-defined]
        return filled(
            '<span class="{}">{}</span> {}',
            "" if line.assignee else "quiet",
            who,
            joined(" ", (filled(TAG, tag.name, tag.name) for tag in tags)),
        )

    @admin.display(description="Status and pre-flight")
    def state(self, line: FailedRecord) -> SafeString:
        return filled(
            '<span data-part="state" data-line="{}">{}</span> '
            '<span data-part="light">{}</span>',
            line.pk,
            row_state(line),
            light_of(line),
        )


def _due(line: FailedRecord) -> SafeString:
    if line.due_at is None or not line.is_open:
        return SafeString("")
    if line.due_at < timezone.now():
        return filled('<span class="late">Late, due {}</span>', moment(line.due_at))
    return filled('<span class="quiet-line">Due {}</span>', due(line.due_at))


@cache
def kind_pill(kind: str) -> SafeString:
    """Show what kind of failure it is, and who can help with that."""
    of = FailureKind(kind)
    label = FailedRecord(kind=kind).get_kind_display()
    return filled(KIND, KIND_TONES[of], KIND_HELP[of], label)


def cause_addresses() -> Callable[[Cause], str]:
    """Return what tells the page of a cause; without one, the lines it stands for."""
    try:
        page = numbered("admin:errorqueue_cause_change")
    except NoReverseMatch:
        return lambda cause: f"?q=cause%3A{cause.human_id}"
    return lambda cause: page(cause.pk)


def cause_url(cause: Cause) -> str:
    return cause_addresses()(cause)


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _field(path: str) -> SafeString:
    if not path:
        return SafeString("")
    return filled(' <code class="quiet-line">{}</code>', _breakable(path))


def _breakable(path: str) -> SafeString:
    """Let a long path break after its dots and nowhere else."""
    return joined(".<wbr>", path.split("."))


def light_of(line: FailedRecord) -> SafeString | str:
    """Show what the last pre-flight said, in colour and in words."""
    if not line.is_open:
        return ""
    looked = f"Looked at {wording.ago(line.preflight_at)}. {line.preflight_note}"
    return filled(
        '<span class="light light-{}" title="{}">{}</span>',
        line.preflight or "none",
        looked if line.preflight else "No pre-flight has looked at it yet.",
        LIGHT_WORDS[line.preflight],
    )


def row_state(line: FailedRecord) -> SafeString:
    """Show where a row stands, what holds it and what waits behind it."""
    shown = [status_of(line)]
    if line.blocked_by_id and line.is_open:
        shown.append(_blocked_by(line.blocked_by_id))
    if line.is_unknown and line.is_open:
        shown.append(SafeString('<span class="quiet-line">Outcome unknown</span>'))
    if line.snoozed_until and line.snoozed_until > timezone.now():
        until = due(line.snoozed_until)
        shown.append(filled('<span class="quiet-line">Wakes {}</span>', until))
    if behind := getattr(line, "behind", 0):
        shown.append(
            filled(
                '<a class="quiet-line" href="?q=behind%3A{}">{} behind it</a>',
                line.human_id,
                behind,
            )
        )
    return joined(" ", shown)


def _blocked_by(pk: int) -> SafeString:
    return filled(
        '<span class="quiet-line">by <a href="{}">ERR-{}</a></span>',
        reverse("admin:errorqueue_failedrecord_change", args=[pk]),
        pk,
    )


def status_of(line: FailedRecord) -> SafeString:
    """Show the status, what the record does right now and when it is tried next."""
    held = ""
    if line.status in (FailedRecord.Status.RETRYING, FailedRecord.Status.WAITING):
        held = line.subject.progress if line.subject else ""
    if line.status == FailedRecord.Status.RETRYING:
        return filled(
            '<span class="live"><span class="pill pill-wait">{}</span></span>',
            held or line.get_status_display(),
        )
    shown = line_pill(line)
    if held:  # then the next try comes when the hold ends
        return filled('{} <span class="quiet-line">{}</span>', shown, held)
    if line.next_try_at is None:
        return shown
    return filled(
        '{} <span class="quiet-line">next try {}</span>', shown, due(line.next_try_at)
    )


def live_pill(line: FailedRecord) -> SafeString:
    """Show the status; while a retry is under way, its address keeps it live."""
    if line.status != FailedRecord.Status.RETRYING:
        return status_of(line)
    return filled(
        '<span class="live" data-status-url="{}">{}</span>',
        reverse("admin:errorqueue_failedrecord_status", args=[line.pk]),
        line_pill(line),
    )
