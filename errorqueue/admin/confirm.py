"""Asks before something is done to one line or to thousands."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest
from django.template.response import TemplateResponse

from errorqueue import wording
from errorqueue.models import FailedRecord

SAMPLE = 5


class ReasonForm(forms.Form):
    """Why a record is set aside; the auditor reads it later."""

    reason = forms.CharField(
        label_suffix="",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept with the record. Say who decided, and where it is handled.",
    )


@dataclass(frozen=True)
class Question:
    """What the confirm page asks, and the button that does it."""

    title: str
    text: str
    button: str
    action: str = ""
    is_grave: bool = False


EXCLUDE = Question(
    title="Exclude from the queue",
    text=(
        "An excluded record is not sent again. It stays on file with your reason "
        "and can be found under Excluded."
    ),
    button="Exclude",
    action="exclude_selected",
    is_grave=True,
)
RETRY = Question(
    title="Retry these records",
    text="Each one is queued now and goes as soon as a request slot is free.",
    button="Retry now",
    action="retry_selected",
)


def ask(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    question: Question,
    lines: QuerySet[FailedRecord],
    form: forms.Form | None = None,
    back_url: str = "",
) -> TemplateResponse:
    """Show what would be done to `lines`, and ask; "Cancel" leads to `back_url`."""
    context = {
        **model_admin.admin_site.each_context(request),
        **_plan(lines),
        "opts": model_admin.opts,
        "title": question.title,
        "question": question,
        "form": form,
        "back_url": back_url or request.get_full_path(),
        "hidden": hidden_fields(request, question, lines),
    }
    return TemplateResponse(request, "admin/errorqueue/confirm.html", context)


def _plan(lines: QuerySet[FailedRecord]) -> dict[str, Any]:
    """Count what is meant: how many, how much money, which kinds, a few examples."""
    plain = lines.order_by()
    priced = plain.exclude(amount=None).exclude(currency="")
    sums = priced.values("currency").annotate(sum=Sum("amount")).exclude(sum=0)
    kinds = plain.values("kind").annotate(count=Count("pk")).order_by("-count")
    return {
        "count": plain.count(),
        "money": [wording.money(row["sum"], row["currency"]) for row in sums],
        "kinds": [(str(row["kind"]).capitalize(), row["count"]) for row in kinds],
        "sample": lines.order_by("first_failed_at", "pk")[:SAMPLE],
    }


def hidden_fields(
    request: HttpRequest, question: Question, lines: QuerySet[FailedRecord]
) -> list[tuple[str, str]]:
    """Return what the answer carries so that it means the same lines.

    "All that match" is asked again by its filter, up to the newest line counted
    here: nobody confirms what they were not shown.
    """
    if not request.POST.getlist(ACTION_CHECKBOX_NAME):
        return []
    fields = [("action", question.action), ("index", "0")]
    if request.POST.get("select_across") == "1":
        newest = lines.order_by().aggregate(newest=Max("pk"))["newest"] or 0
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)[:1]
        fields += [("select_across", "1"), ("newest", str(newest))]
    else:
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return fields + [(ACTION_CHECKBOX_NAME, pk) for pk in chosen]


def is_confirmed(request: HttpRequest) -> bool:
    return request.method == "POST" and "confirmed" in request.POST


def as_shown(
    request: HttpRequest, lines: QuerySet[FailedRecord]
) -> QuerySet[FailedRecord]:
    """Leave out lines that came after the confirm page was drawn."""
    newest = request.POST.get("newest", "")
    return lines.filter(pk__lte=int(newest)) if newest.isdecimal() else lines
