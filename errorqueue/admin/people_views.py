"""What people do together on one failed record: plain forms that lead back to it."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from errorqueue import people
from errorqueue.admin.detail_page import DetailPages
from errorqueue.admin.people_panel import Typed, name_of, presence_of
from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from errorqueue.people import Unusable
from errorqueue.text import clean
from errorqueue.wording import exact_time

# Whoever waits for a pre-flight to turn green looks again after this long at last.
UNTIL_GREEN = timedelta(days=30)
MORNING = time(9)
MOST_WORDS = 5000


class PeoplePages(DetailPages):
    """The addresses of assigning, tagging, commenting, putting off, being there."""

    def get_urls(self) -> list[URLPattern]:
        verbs = [self._verb_path(name) for name in VERBS]
        other = (("claim", self.claim_view), ("presence", self.presence_view))
        return [
            *verbs,
            *(self._post_path(name, view) for name, view in other),
            *super().get_urls(),
        ]

    def _verb_path(self, name: str) -> URLPattern:
        return self._post_path(name, partial(self.people_view, name))

    def _post_path(
        self, name: str, view: Callable[..., HttpResponseBase]
    ) -> URLPattern:
        return path(
            f"<int:pk>/{name.replace('_', '-')}/",
            self.admin_site.admin_view(require_POST(view)),
            name=f"errorqueue_failedrecord_{name}",
        )

    def people_view(self, name: str, request: HttpRequest, pk: int) -> HttpResponse:
        """Do one verb; what cannot be used is shown again with what was typed."""
        line = self.line(request, pk, "assign")
        try:
            return self.do(request, line, partial(VERBS[name], line, request))
        except Unusable as reason:
            typed = Typed(name, str(reason), request.POST.dict())
            return self.detail_view(request, str(line.pk), typed)

    def claim_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say "I am on this", or not any more."""
        line = self.line(request, pk, "assign")
        claims = request.POST.get("on") == "1"
        people.see(line, request.user, claims=claims)
        if request.accepts("text/html"):
            told = "Colleagues see that you are on it." if claims else "You left it."
            return self.do(request, line, lambda: told)
        return JsonResponse(presence_of(line, request.user))

    def presence_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Note that this person has the record open, and answer who else has."""
        line = self.line(request, pk, "view")
        people.see(line, request.user)
        found = presence_of(line, request.user)
        return JsonResponse(found, headers={"Cache-Control": "no-store"})


def _assign(line: FailedRecord, request: HttpRequest) -> str:
    to = _person(request, may_be_nobody=True)
    changed = people.assign(line, to, request.user)
    if to is None:
        return f"{line.human_id} is with nobody now."
    still = "" if changed else " already"
    return f"{line.human_id} is with {name_of(to)}{still}."


def _hand_over(line: FailedRecord, request: HttpRequest) -> str:
    to = _person(request)
    people.hand_over(line, to, request.user, _words(request))
    return f"{line.human_id} is with {name_of(to)} now, with your note."


def _tag(line: FailedRecord, request: HttpRequest) -> str:
    word = clean(request.POST.get("tag", "")).strip()
    if not word:
        raise Unusable("The tag is empty: write a word.")
    done = people.tag(line, word, request.user)
    if done is None:
        return f"{line.human_id} carries that tag already."
    return f"{line.human_id} is tagged {done.after}."


def _untag(line: FailedRecord, request: HttpRequest) -> str:
    done = people.untag(line, clean(request.POST.get("tag", "")), request.user)
    if done is None:
        return f"{line.human_id} did not carry that tag."
    return f"The tag {done.before} was taken off {line.human_id}."


def _comment(line: FailedRecord, request: HttpRequest) -> str:
    people.comment(line, _words(request), request.user)
    return "Your comment is kept."


def _snooze(line: FailedRecord, request: HttpRequest) -> str:
    green = request.POST.get("preset") == "green" or "green" in request.POST
    until = _until(request.POST.get("preset", ""), request.POST.get("until", ""))
    reason = _words(request)
    people.snooze(line, until, request.user, reason, wakes_when_green=green)
    sooner = ", or as soon as it would pass" if green else ""
    return f"{line.human_id} is snoozed until {exact_time(until)}{sooner}."


def _wake(line: FailedRecord, request: HttpRequest) -> str:
    if people.wake(line, request.user) is None:
        return f"{line.human_id} was awake already."
    return f"{line.human_id} is awake again."


VERBS: dict[str, Callable[[FailedRecord, HttpRequest], str]] = {
    "assign": _assign,
    "hand_over": _hand_over,
    "tag": _tag,
    "untag": _untag,
    "comment": _comment,
    "snooze": _snooze,
    "wake": _wake,
}


def _person(request: HttpRequest, *, may_be_nobody: bool = False) -> Any:
    chosen = request.POST.get("assignee", "")
    if not chosen and may_be_nobody and "assignee" in request.POST:
        return None
    if not chosen:
        raise Unusable("Choose a colleague from the list.")
    number = int(chosen) if chosen.isascii() and chosen.isdecimal() else 0
    found = people.colleagues().filter(pk=number).first() if number < 2**63 else None
    if found is None:
        raise Unusable("That person does not work on the queue: choose another one.")
    return found


def _words(request: HttpRequest) -> str:
    words = clean(request.POST.get("words", "")).replace("\r\n", "\n").strip()
    over = len(words) - MOST_WORDS
    if over > 0:
        raise Unusable(f"The text is {over:,} characters too long: shorten it.")
    return words


def _until(preset: str, typed: str) -> datetime:
    """Return the time that a preset or a person means."""
    now = timezone.localtime(database_time())
    if preset == "hour":
        return now + timedelta(hours=1)
    if preset == "tomorrow":
        day = now.date() + timedelta(days=1)
        return timezone.make_aware(datetime.combine(day, MORNING))
    if preset == "green":
        return now + UNTIL_GREEN
    if not typed:
        raise Unusable("Choose until when: a time is missing.")
    return time_of(typed)


def time_of(typed: str) -> datetime:
    """Return the moment that somebody typed; raises Unusable."""
    try:
        found = forms.DateTimeField().clean(clean(typed))
    except (ValidationError, OverflowError) as error:
        text = f"“{typed[:40]}” is no time: write it as 2026-11-30 09:00."
        raise Unusable(text) from error
    return found
