"""The search of one request: read once, whoever asks for it."""

from typing import Any

from django.http import HttpRequest

from errorqueue.clock import database_time
from errorqueue.qualifiers import EXTERNAL_ID
from errorqueue.query import Parsed, read
from errorqueue.tabs import Asker

__all__ = ["EXTERNAL_ID", "asker_of", "search_of"]

_ASKER = "_queue_asker"
_SEARCH = "_queue_search"


def asker_of(request: HttpRequest) -> Asker:
    """Return who asks; the whole page means one and the same moment."""
    known: Asker | None = getattr(request, _ASKER, None)
    if known is None:
        known = Asker(request.user, database_time())
        setattr(request, _ASKER, known)
    return known


def search_of(request: HttpRequest, text: str | None = None) -> Parsed:
    """Return what the search of a page means."""
    text = request.GET.get("q", "") if text is None else text
    known: tuple[str, Any] | None = getattr(request, _SEARCH, None)
    if known is None or known[0] != text:
        known = (text, read(text, asker_of(request)))
        setattr(request, _SEARCH, known)
    parsed: Parsed = known[1]
    return parsed
