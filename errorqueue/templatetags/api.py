"""What the page of the REST interface needs."""

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def with_code(text: str) -> SafeString:
    """Show what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "",
        "<{0}>{1}</{0}>",
        (("code" if place % 2 else "span", part) for place, part in parts if part),
    )
