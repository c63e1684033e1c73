"""The rhythm of a flow on its page and in the list: a pill and the words beside it."""

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from errorqueue.templatetags.console import pill
from integrations.admin.columns import with_note
from integrations.models import Flow, FlowRhythm, SyncRecord
from integrations.sync.rhythm.wording import in_words

State = FlowRhythm.State
KNOWN = ("source_key", "flow__source_entity")
TONES = {
    State.LEARNING: "mute",
    State.RARE: "mute",
    State.QUIET: "mute",
    State.HOLIDAY: "mute",
    State.STEADY: "good",
    State.SILENT: "bad",
}


def rhythm_pill(flow: Flow) -> SafeString | str:
    """Show how a flow beats, when something last came, and a hint if there is one."""
    rhythm = getattr(flow, "rhythm", None)
    # Words of minutes and days: this machine's clock will do, and asks nobody.
    words = in_words(flow, rhythm, timezone.now())
    if rhythm is None or not flow.is_enabled:
        return words
    shown = with_note(pill(rhythm.get_state_display(), TONES[rhythm.state]), words)
    if not rhythm.hint:
        return shown
    return format_html(
        '{} {} <span class="quiet-line">{}</span>',
        shown,
        pill("Too good?", "warn"),
        rhythm.hint,
    )


def examples_of(flow: Flow, may_open: bool) -> SafeString | str:
    """Show the records that a flow delivered last, each with a link to its story."""
    rhythm = getattr(flow, "rhythm", None)
    newest = rhythm.last_records or [] if rhythm else []
    records = SyncRecord.objects.select_related("flow").only("label", *KNOWN)
    found = records.in_bulk(newest)
    return format_html_join(
        ", ",
        '<a href="{}">{}</a>' if may_open else "{1}",
        (
            (reverse("admin:story_record", args=[pk]), str(found[pk]))
            for pk in newest
            if pk in found
        ),
    )
