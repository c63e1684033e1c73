"""Buttons that settle one line: exclude, resolve, look, adopt, take back."""

from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404

from errorqueue import services, undo
from errorqueue.admin.confirm import ReasonForm
from errorqueue.admin.detail import shown_check
from errorqueue.admin.line_pages import DECLINED, LinePages, bench_of
from errorqueue.failures import Preflight
from errorqueue.masking import veil
from errorqueue.models import Action, FailedRecord


class AdoptForm(forms.Form):
    """Which record of the target is ours, and why a person says so."""

    target_id = forms.CharField(max_length=200, widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Why is it the same?",
        label_suffix="",
        max_length=300,
        help_text="Kept with your name in the history of this record.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


def exclude_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Ask for the reason, then set one record aside."""
    form = ReasonForm(request.POST or None)
    if not form.is_valid():
        return _ask(pages, request, line, form, "exclude")
    done = partial(_exclude, line, request.user, form.cleaned_data["reason"])
    return pages.do(request, line, done)


def _exclude(line: FailedRecord, by: Any, reason: str) -> str:
    services.exclude(line, by=by, reason=reason)
    return f"{line.human_id} is excluded."


def resolve_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Ask how it was settled elsewhere, then close the line."""
    form = ReasonForm(request.POST or None)
    if not form.is_valid():
        return _ask(pages, request, line, form, "resolve")
    done = partial(_resolve, line, request.user, form.cleaned_data["reason"])
    return pages.do(request, line, done)


def _resolve(line: FailedRecord, by: Any, reason: str) -> str:
    services.resolve_by_hand(line, by=by, reason=reason)
    return f"{line.human_id} is resolved."


def _ask(
    pages: LinePages, request: HttpRequest, line: FailedRecord, form: Any, verb: str
) -> HttpResponseBase:
    veil([line], request.user)
    context = {
        "line": line,
        "title": f"{verb.capitalize()} {line.human_id} · {line.title}",
        "form": form,
        "verb": verb,
        "ask_url": request.get_full_path(),
    }
    return pages.show(request, "ask.html", context)


def undo_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Take back what this person did in the last minute, or Waybill today."""
    number = request.POST.get("action", "")
    pk = int(number) if number.isdecimal() else 0
    offered = undo.theirs(request.user)
    action = get_object_or_404(Action, offered, pk=pk, failed=line)
    return pages.do(request, line, partial(_take_back, action, request.user))


def _take_back(action: Action, by: Any) -> str:
    return undo.said(action, undo.take_back(action, by))


def look_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Look at the target for an outcome nobody knows, and offer what follows."""
    try:
        found = bench_of(line).look()
    except DECLINED as reason:
        return pages.do(request, line, partial(_refuse, reason))
    return _show_found(pages, request, line, found)


def adopt_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Take the target's record as ours; nothing is sent."""
    form = AdoptForm(request.POST)
    if not form.is_valid():
        return _show_found(pages, request, line, None, form)
    done = partial(_adopt, line, request.user, **form.cleaned_data)
    return pages.do(request, line, done)


def _adopt(line: FailedRecord, by: Any, target_id: str, reason: str) -> str:
    bench_of(line).adopt(target_id, by, reason)
    where = line.target or "the target"
    return f"{line.human_id} is settled: {where} has it as {target_id}."


def _show_found(
    pages: LinePages,
    request: HttpRequest,
    line: FailedRecord,
    found: Preflight | None,
    form: AdoptForm | None = None,
) -> HttpResponseBase:
    target_id = found.target_id if found else ""
    if form:
        target_id = form.data.get("target_id", "")
    context = {
        "line": line,
        "title": f"{line.human_id} in {line.target or 'the target'}",
        "found": shown_check(found, request.user) if found else None,
        "target_id": target_id,
        "form": form or AdoptForm(initial={"target_id": target_id}),
        "adopt_url": pages.address("adopt", line),
        "retry_url": pages.address("retry", line),
    }
    return pages.show(request, "found.html", context)


def _refuse(reason: Exception) -> None:
    raise reason
