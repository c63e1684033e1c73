"""Completes what is typed into the search, from what the queue really holds."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from errorqueue import values
from errorqueue.admin import pages
from errorqueue.keys import folded
from errorqueue.masking import may_see
from errorqueue.models import BulkRun, Cause, LineKey, Tag
from errorqueue.people import staff
from errorqueue.qualifiers import ALL, KINDS, LIGHTS, QUALIFIERS, STATUSES
from errorqueue.query import quoted
from errorqueue.text import clean

MOST = 8
IS = ("unknown", "blocked", "snoozed", "late", "assigned", "mine", "open", "settled")

# What to put into the search, and what it means.
Option = tuple[str, str]


@pages.add
def urls(model_admin: Any) -> list[URLPattern]:
    view = require_safe(partial(complete_view, model_admin))
    name = "errorqueue_failedrecord_complete"
    return [path("complete/", model_admin.admin_site.admin_view(view), name=name)]


def complete_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer what the word under the cursor could become."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    word = clean(request.GET.get("word", ""))[:200]
    found = [] if _is_hidden(word, request.user) else options_for(word)
    options = [{"value": value, "note": note} for value, note in found]
    return JsonResponse({"options": options})


def _is_hidden(word: str, user: Any) -> bool:
    """Say whether completing this would show e-mails to who may not see them."""
    return word.lower().lstrip("-").startswith("email:") and not may_see(user)


def options_for(word: str) -> list[Option]:
    """Return completions of a word, the likeliest first."""
    minus, bare = ("-", word[1:]) if word.startswith("-") else ("", word)
    name, colon, start = bare.partition(":")
    if colon and name.lower() in QUALIFIERS:
        name = name.lower()
        plain = start.strip('"')
        found = [(quoted(name, value), note) for value, note in _values(name, plain)]
    else:
        found = list(_words(bare.strip('"')))
    return [(minus + value, note) for value, note in found][:MOST]


def _words(start: str) -> Iterator[Option]:
    """Complete a free word: a qualifier, something the queue holds, a cause."""
    wanted = start.casefold()
    for qualifier in ALL:
        if qualifier.name.startswith(wanted):
            yield f"{qualifier.name}:", f"{qualifier.help}, e.g. {qualifier.example}"
            if not wanted and qualifier.name == "light":
                return
    if len(wanted) < 2:
        return
    for name in (LineKey.Name.ORDER, LineKey.Name.CUSTOMER, LineKey.Name.SKU):
        for value in values.of_key(name, folded(start), most=3):
            yield quoted(name, value), str(LineKey.Name(name).label)
    for value, note in _causes(start):
        yield quoted("cause", value), note


def _values(name: str, start: str) -> list[Option]:
    """Return the real values of a qualifier that begin with `start`."""
    if name in LineKey.Name.values:
        return [(value, "") for value in values.of_key(name, folded(start), MOST)]
    if name in CHOICES:
        return [(one, "") for one in CHOICES[name] if one.startswith(start.casefold())]
    ask = ASKED.get(name)
    return ask(start) if ask else []


def _causes(start: str) -> list[Option]:
    words = Q(text__icontains=start) | Q(value__icontains=start)
    named = words | Q(field__icontains=start)
    rows = Cause.objects.filter(named, merged_into=None, open_count__gt=0)
    return [
        (cause.human_id, f"{cause.sentence[:70]} ({cause.open_count:,} open)")
        for cause in rows.order_by("-open_count")[:MOST]
    ]


def _flows(start: str) -> list[Option]:
    known = values.flows()
    return [(one, "") for one in known if one.casefold().startswith(start.casefold())]


def _tags(start: str) -> list[Option]:
    found = Tag.objects.filter(name__startswith=start.casefold())
    return [(name, "") for name in found.values_list("name", flat=True)[:MOST]]


def _people(start: str) -> list[Option]:
    special = [("me", "Yourself"), ("none", "Nobody")]
    people = staff().filter(username__istartswith=start)
    named = [(one.get_username(), one.get_full_name()) for one in people[:MOST]]
    return [one for one in special if one[0].startswith(start.casefold())] + named


def _runs(start: str) -> list[Option]:
    runs = BulkRun.objects.order_by("-pk")[:50]
    return [(str(run.pk), run.title) for run in runs if str(run.pk).startswith(start)]


CHOICES: dict[str, tuple[str, ...]] = {
    "kind": tuple(KINDS),
    "light": tuple(LIGHTS),
    "status": tuple(STATUSES),
    "is": IS,
    "age": ("<1h", "<1d", ">4h", ">1d", ">1w"),
    "due": ("past", "<2h", "<1d", ">1d", "none"),
    "amount": (">100", ">500", ">1000", "100..500", "none"),
}
ASKED: dict[str, Callable[[str], list[Option]]] = {
    "cause": _causes,
    "flow": _flows,
    "tag": _tags,
    "assignee": _people,
    "bulk": _runs,
}
