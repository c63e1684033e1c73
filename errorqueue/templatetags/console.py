"""What the console's pages share: pills, times, money."""

from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue import wording

register = template.Library()


@register.simple_tag
def pill(text: Any, tone: str = "mute") -> SafeString:
    """Show a state; `tone` is good, warn, bad, wait or mute."""
    return format_html('<span class="pill pill-{}">{}</span>', tone, text)


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
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        wording.exact_time(at),
        text,
    )
