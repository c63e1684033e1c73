"""The search of one request: read once, whoever asks for it."""

from django.http import HttpRequest

from errorqueue.clock import database_time
from errorqueue.qualifiers import EXTERNAL_ID
from errorqueue.query import Parsed, read
from errorqueue.tabs import Asker, Tab, tab_of

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


def search_of(
    request: HttpRequest, text: str | None = None, tab: Tab | None = None
) -> Parsed:
    """Return what the search of a page means, in its tab or in another one."""
    text = request.GET.get("q", "") if text is None else text
    asker = (tab or tab_of(request.GET.get("tab"))).asked_by(asker_of(request))
    known: dict[tuple[str, bool], Parsed] = getattr(request, _SEARCH, {})
    setattr(request, _SEARCH, known)
    asked = (text, asker.is_open_only)
    if asked not in known:
        known[asked] = read(text, asker)
    return known[asked]
