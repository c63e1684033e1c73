"""What the console's pages share: pills, times, money."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.utils.safestring import SafeString

from errorqueue import wording
from errorqueue.markup import filled
from errorqueue.models import FailedRecord

register = template.Library()


@register.simple_tag
def menu_name(opts: Any) -> str:
    """Return what the menu calls the list of a model; its pages say the same."""
    name_of: Any = getattr(admin.site, "menu_name", None)
    return str(name_of(opts) if name_of else opts.verbose_name_plural)


@register.simple_tag
def pill(text: Any, tone: str = "mute") -> SafeString:
    """Show a state; `tone` is good, warn, bad, wait or mute."""
    return filled('<span class="pill pill-{}">{}</span>', tone, text)


@register.simple_tag
def line_pill(line: FailedRecord) -> SafeString:
    """Show where a failed record stands."""
    return pill(line.get_status_display(), line.tone)


def tries_made(line: FailedRecord) -> str:
    """Count the tries; "of how many" only while the line retries by itself."""
    if line.status == FailedRecord.Status.WAITING:
        return f"{line.tries} of {max(line.tries, line.tries_allowed)}"
    return "1 try" if line.tries == 1 else f"{line.tries} tries"


@register.simple_tag
def tabs_with_hits(changelist: ChangeList) -> list[Mapping[str, Any]]:
    """Return the tabs that hold what the tab in force of a list hides."""
    return [
        tab
        for spec in changelist.filter_specs
        if getattr(spec, "is_tabs", False)
        for tab in spec.choices(changelist)
        if tab["count"] and not tab["selected"] and not tab["is_sum"]
    ]


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """Show how long ago something was, with the exact time beside it."""
    return _time(at, wording.ago(at)) if at else "–"


@register.filter
def due(at: datetime | None) -> SafeString | str:
    """Show when something is due, with the exact time beside it."""
    return _time(at, wording.next_try(at)) if at else "–"


@register.filter
def exact_time(at: datetime | None) -> str:
    return wording.exact_time(at) or "–"


def _time(at: datetime, text: str) -> SafeString:
    return filled(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        wording.exact_time(at),
        text,
    )
