"""How one failed record looks in its list."""

from typing import Any

from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from errorqueue import wording
from errorqueue.models import FailedRecord
from errorqueue.templatetags.console import due, line_pill, moment, tries_made

LIGHT_WORDS = {
    "green": "Would pass",
    "amber": "Might pass",
    "red": "Would fail",
    "": "Not looked at",
}


class Columns:
    """The columns of the error queue."""

    @admin.display(description="What failed")
    def what_failed(self, line: FailedRecord) -> SafeString:
        reference = "" if line.reference in line.title else line.reference
        parts = (line.human_id, reference, line.party)
        return format_html(
            '<span class="quiet-line">{}</span> <span class="sentence">{}</span> '
            '<span class="quiet-line" title="{}">{}</span>',
            " · ".join(part for part in parts if part),
            line.sentence,
            line.flow,
            " → ".join(part for part in (line.source, line.target) if part),
        )

    @admin.display(description="Cause")
    def cause_link(self, line: FailedRecord) -> SafeString:
        shown = format_html(
            '<span class="pill pill-{}" title="{}">{}</span>',
            line.kind_tone,
            line.kind_help,
            line.get_kind_display(),
        )
        if line.cause is None:
            return shown
        return format_html(
            '{} <a class="cause" href="{}" title="{}">{}</a>{}',
            shown,
            cause_url(line.cause),
            line.cause.sentence,
            _short(line.cause.sentence),
            _field(line.field),
        )

    @admin.display(description="Amount")
    def money(self, line: FailedRecord) -> str:
        return wording.money(line.amount, line.currency)

    @admin.display(description="Age and due")
    def age(self, line: FailedRecord) -> SafeString:
        return format_html(
            '{} <span class="quiet-line">{}</span> {}',
            moment(line.first_failed_at),
            tries_made(line),
            _due(line),
        )

    @admin.display(description="Who and tags")
    def people(self, line: FailedRecord) -> SafeString:
        who = line.assignee.get_username() if line.assignee else "Nobody yet"
        tags = format_html_join(
            " ",
            '<a class="tag" href="?q=tag%3A{}">{}</a>',
            ((tag.name, tag.name) for tag in line.tags.all()),
        )
        return format_html(
            '<span class="{}">{}</span> {}', "" if line.assignee else "quiet", who, tags
        )

    @admin.display(description="Status and pre-flight")
    def state(self, line: FailedRecord) -> SafeString:
        return format_html(
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
        return format_html(
            '<span class="late">Late, due {}</span>', moment(line.due_at)
        )
    return format_html('<span class="quiet-line">Due {}</span>', due(line.due_at))


def cause_url(cause: Any) -> str:
    """Return the page of a cause; without one, the lines it stands for."""
    try:
        return reverse("admin:errorqueue_cause_change", args=[cause.pk])
    except NoReverseMatch:
        return f"?q=cause%3A{cause.human_id}"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _field(path: str) -> SafeString:
    if not path:
        return SafeString("")
    return format_html(' <code class="quiet-line">{}</code>', _breakable(path))


def _breakable(path: str) -> SafeString:
    """Let a long path break after its dots and nowhere else."""
    return format_html_join(
        SafeString(".<wbr>"), "{}", ((part,) for part in path.split("."))
    )


def light_of(line: FailedRecord) -> SafeString | str:
    """Show what the last pre-flight said, in colour and in words."""
    if not line.is_open:
        return ""
    looked = f"Looked at {wording.ago(line.preflight_at)}. {line.preflight_note}"
    return format_html(
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
        shown.append(format_html('<span class="quiet-line">Wakes {}</span>', until))
    if behind := getattr(line, "behind", 0):
        shown.append(
            format_html(
                '<a class="quiet-line" href="?q=behind%3A{}">{} behind it</a>',
                line.human_id,
                behind,
            )
        )
    return format_html_join(" ", "{}", ((part,) for part in shown))


def _blocked_by(pk: int) -> SafeString:
    return format_html(
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
        return format_html(
            '<span class="live"><span class="pill pill-wait">{}</span></span>',
            held or line.get_status_display(),
        )
    shown = line_pill(line)
    if held:  # then the next try comes when the hold ends
        return format_html('{} <span class="quiet-line">{}</span>', shown, held)
    if line.next_try_at is None:
        return shown
    return format_html(
        '{} <span class="quiet-line">next try {}</span>', shown, due(line.next_try_at)
    )


def live_pill(line: FailedRecord) -> SafeString:
    """Show the status; while a retry is under way, its address keeps it live."""
    if line.status != FailedRecord.Status.RETRYING:
        return status_of(line)
    return format_html(
        '<span class="live" data-status-url="{}">{}</span>',
        reverse("admin:errorqueue_failedrecord_status", args=[line.pk]),
        line_pill(line),
    )
