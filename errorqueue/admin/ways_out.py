"""The ways out of a failure, as one person may take them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve

from errorqueue import finance
from errorqueue.failures import Route, RouteKind, Workbench
from errorqueue.models import FailedRecord

# These two end on pages of the line itself.
OURS = {RouteKind.MEND: "fix", RouteKind.EXCLUDE: "exclude"}
# The page that offers to create a record once more.
AGAIN = "errorqueue_failedrecord_retry_as"
ASK_AN_EDITOR = "Ask a mapping editor to do it."


@dataclass(frozen=True)
class WayOut:
    """One card: where it leads, and whether that opens over the page."""

    route: Route
    text: str
    url: str = ""
    opens_over: bool = False


def of(
    line: FailedRecord, bench: Workbench, urls: dict[str, str], user: Any
) -> Iterator[WayOut]:
    """Yield the ways out; `urls` are the pages of the line that a person may open."""
    is_finance = finance.is_finance(line)
    for route in bench.routes(line.problems):
        name = OURS.get(route.kind)
        if name is None:
            route = as_allowed(route, user)
            yield WayOut(route, route.text, route.url)
        elif is_finance and route.kind == RouteKind.MEND:
            yield WayOut(route, finance.MENDED_ELSEWHERE)
        elif name in urls:
            yield _ours(route, urls[name])


def as_allowed(route: Route, user: Any) -> Route:
    """Take the link from who may not open it; say who can do what they only see."""
    allowed = _rights(route.url, user)
    if "view" not in allowed and "change" not in allowed:
        route = replace(route, url="")
    if route.kind == RouteKind.MAPPING and "change" not in allowed:
        route = replace(route, text=f"{route.text} {ASK_AN_EDITOR}")
    return route


def _rights(url: str, user: Any) -> set[str]:
    """Return what a person may do on a page of the admin; anything elsewhere."""
    try:
        name = resolve(urlsplit(url).path).url_name if url.startswith("/") else ""
    except Resolver404:
        name = ""
    app, _, rest = (name or "").partition("_")
    model, _, page = rest.rpartition("_")
    verbs = {"view", "change"}
    if name == AGAIN:
        return verbs if user.has_perm("errorqueue.retry_failedrecord") else set()
    if page != "change":
        return verbs
    return {verb for verb in verbs if user.has_perm(f"{app}.{verb}_{model}")}


def _ours(route: Route, url: str) -> WayOut:
    """Lead to our own page, unless no value of the record can be mended."""
    is_possible = route.kind == RouteKind.EXCLUDE or bool(route.url)
    return WayOut(route, route.text, url if is_possible else "", is_possible)
