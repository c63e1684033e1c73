"""How one failed record looks in its list."""

from decimal import Decimal

from django.contrib import admin
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from errorqueue import wording
from errorqueue.models import FailedRecord
from errorqueue.templatetags.console import due, line_pill, moment, tries_made

NO_AMOUNT = Value(Decimal(0))


class Columns:
    """The columns of the error queue."""

    @admin.display(description="What failed", ordering="title")
    def what_failed(self, line: FailedRecord) -> SafeString:
        reference = "" if line.reference in line.title else line.reference
        parts = (line.human_id, reference, line.party)
        return format_html(
            '<span class="quiet-line">{}</span> <span class="sentence">{}</span>',
            " · ".join(part for part in parts if part),
            line.sentence,
        )

    @admin.display(description="Cause", ordering="kind")
    def cause(self, line: FailedRecord) -> SafeString:
        shown = format_html(
            '<span class="pill pill-{}" title="{}">{}</span>',
            line.kind_tone,
            line.kind_help,
            line.get_kind_display(),
        )
        if not line.field:
            return shown
        return format_html(
            '{} <code class="quiet-line">{}</code>', shown, _breakable(line.field)
        )

    @admin.display(description="Flow", ordering="flow")
    def flow_path(self, line: FailedRecord) -> SafeString:
        path = " → ".join(part for part in (line.source, line.target) if part)
        return format_html(
            '<span title="{path}">{flow} <span class="quiet-line">{path}</span></span>',
            flow=line.flow,
            path=path,
        )

    @admin.display(description="Amount", ordering=Coalesce("amount", NO_AMOUNT))
    def money(self, line: FailedRecord) -> str:
        return wording.money(line.amount, line.currency)

    @admin.display(description="First failed", ordering="first_failed_at")
    def age(self, line: FailedRecord) -> SafeString | str:
        return moment(line.first_failed_at)

    @admin.display(description="Tries", ordering="tries")
    def tries_made(self, line: FailedRecord) -> str:
        return tries_made(line)

    @admin.display(description="Status", ordering="status")
    def state(self, line: FailedRecord) -> SafeString:
        return live_pill(line)


def _breakable(path: str) -> SafeString:
    """Let a long path break after its dots and nowhere else."""
    return format_html_join(
        SafeString(".<wbr>"), "{}", ((part,) for part in path.split("."))
    )


def live_pill(line: FailedRecord) -> SafeString:
    """Show the status; while a retry is under way, its address keeps it live."""
    if line.status == FailedRecord.Status.RETRYING:
        return format_html(
            '<span class="live" data-status-url="{}">{}</span>',
            reverse("admin:errorqueue_failedrecord_status", args=[line.pk]),
            line_pill(line),
        )
    shown = line_pill(line)
    if line.next_try_at is None:
        return shown
    held = line.subject.progress if line.subject else ""
    if held:  # then the next try comes when the hold ends
        return format_html('{} <span class="quiet-line">{}</span>', shown, held)
    return format_html(
        '{} <span class="quiet-line">next try {}</span>', shown, due(line.next_try_at)
    )
