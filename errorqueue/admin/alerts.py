"""Incidents: what is open, who was told, who looks after it; and the report of them."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue import alerts, incidents, wording
from errorqueue.admin.filters import AlertTabs
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.alerting import report
from errorqueue.alerting.timeline import timeline_of
from errorqueue.alerting.words import defused
from errorqueue.clock import database_time
from errorqueue.models import Alert
from errorqueue.services import NotOpen
from errorqueue.templatetags.console import moment, pill

OVER = "It is over already."
RIGHT = "errorqueue.acknowledge_alert"
# How many months the report looks back.
PERIODS = (1, 3, 12)
PER_PAGE = 50
VERBS = {
    "acknowledge": (
        "Acknowledge",
        "Nobody else is called about this incident. It stays open until it is fixed.",
    ),
    "take": (
        "Assign to me",
        "Nobody else is called, and the colleagues see that you work on it.",
    ),
}


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Incidents, open ones first; each has a page that tells its story."""

    list_display = [
        *("said", "state", "records", "worth", "told", "answered", "raised"),
    ]
    list_display_links = ["said"]
    list_filter = [AlertTabs, "kind"]
    list_select_related = ["acknowledged_by", "taken_by"]
    search_fields = ["title", "text", "flow", "connection"]
    search_help_text = "Words of the alert, flow or connection"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        found = super().get_queryset(request)
        return found.prefetch_related(report.with_messages())

    @admin.display(description="Incident", ordering="title")
    def said(self, alert: Alert) -> str:
        return alert.title

    @admin.display(description="State", ordering="closed_at")
    def state(self, alert: Alert) -> SafeString:
        return pill(*state_of(alert))

    @admin.display(description="Records", ordering="count")
    def records(self, alert: Alert) -> str:
        return f"{alert.count:,}" if alert.count else "–"

    @admin.display(description="Money")
    def worth(self, alert: Alert) -> str:
        return ", ".join(wording.moneys(alert.money)) or "–"

    @admin.display(description="Told")
    def told(self, alert: Alert) -> SafeString | str:
        found = report.told_of(alert)
        if not found:
            return pill("Nobody yet", "warn") if alert.is_open else "–"
        names = ", ".join(dict.fromkeys(who for who, _ in found))
        return format_html(
            '{} <span class="quiet-line">{}</span>', names, moment(found[0][1])
        )

    @admin.display(description="Acknowledged", ordering="acknowledged_at")
    def answered(self, alert: Alert) -> str:
        return str(alert.taken_by or alert.acknowledged_by or "–")

    @admin.display(description="Raised", ordering="raised_at")
    def raised(self, alert: Alert) -> SafeString | str:
        return moment(alert.raised_at)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "errorqueue_alert"
        own = [
            path(
                f"<int:pk>/{verb}/",
                view(self.verb_view),
                {"verb": verb},
                name=f"{name}_{verb}",
            )
            for verb in VERBS
        ]
        pages = [
            path("report/", view(self.report_view), name=f"{name}_report"),
            path("report.csv", view(self.csv_view), name=f"{name}_csv"),
        ]
        return [*own, *pages, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one incident and its time line; note who looked first."""
        alert = self._asked(request, object_id)
        if may_answer(request):
            alerts.see(alert, request.user)
            alert.refresh_from_db()
        context = {
            **self.admin_site.each_context(request),
            **_facts(alert),
            "title": alert.title,
            "may_answer": may_answer(request) and alert.is_open,
            "events": timeline_of(alert),
        }
        return TemplateResponse(request, "admin/errorqueue/alert/page.html", context)

    def verb_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Ask for one press; only the press changes something."""
        alert = self._asked(request, str(pk))
        if not may_answer(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._answer(request, alert, verb)
        label, text = VERBS[verb]
        context = {
            **self.admin_site.each_context(request),
            **_facts(alert),
            "title": label,
            "label": label,
            "text": text,
            "verb_url": request.path,
        }
        return TemplateResponse(request, "admin/errorqueue/alert/ask.html", context)

    def _answer(self, request: HttpRequest, alert: Alert, verb: str) -> HttpResponse:
        if not alert.is_open:
            self.message_user(request, OVER, messages.WARNING)
        elif verb == "take":
            self._take(request, alert)
        elif alerts.acknowledge(alert, request.user):
            self.message_user(request, "Acknowledged.", messages.SUCCESS)
        else:
            alert.refresh_from_db()
            who = alert.acknowledged_by
            text = f"{who} acknowledged it before you." if who else OVER
            self.message_user(request, text, messages.WARNING)
        return redirect(page_of(alert))

    def _take(self, request: HttpRequest, alert: Alert) -> None:
        try:
            count = incidents.take(alert, request.user)
        except NotOpen:
            self.message_user(request, OVER, messages.WARNING)
            return
        mine = f", and {count:,} of its records are assigned to you" if count else ""
        self.message_user(request, f"It is yours{mine}.", messages.SUCCESS)

    def report_view(self, request: HttpRequest) -> HttpResponse:
        """Show per incident who was told when, and the times by month."""
        self._check(request)
        back = _period(request)
        since = database_time() - timedelta(days=31 * back)
        pages = Paginator(report.incidents(since), PER_PAGE)
        page = pages.get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Incident report",
            "periods": [(one, one == back) for one in PERIODS],
            "back": back,
            "months": [_month_row(one) for one in report.months(since)],
            "rows": [_row(alert) for alert in page],
            "page": page,
        }
        return TemplateResponse(request, "admin/errorqueue/alert/report.html", context)

    def csv_view(self, request: HttpRequest) -> HttpResponse:
        """Give the same out for spreadsheets."""
        self._check(request)
        since = database_time() - timedelta(days=31 * _period(request))
        response = HttpResponse(report.as_csv(since), content_type="text/csv")
        response["Content-Disposition"] = 'attachment; filename="incidents.csv"'
        return response

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _asked(self, request: HttpRequest, pk: str) -> Alert:
        self._check(request)
        found = Alert.objects.select_related("line", "cause", "team", "rule")
        return get_object_or_404(found, pk=pk if pk.isdecimal() else 0)


def may_answer(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(RIGHT))


def state_of(alert: Alert) -> tuple[str, str]:
    """Return where an incident stands, and its colour."""
    if not alert.is_open:
        return "Fixed", "good"
    if alert.acknowledged_at:
        return "Acknowledged", "wait"
    return "Open", "bad"


def page_of(alert: Alert) -> str:
    return reverse("admin:errorqueue_alert_change", args=[alert.pk])


def _facts(alert: Alert) -> dict[str, Any]:
    state, tone = state_of(alert)
    return {
        "opts": Alert._meta,
        "alert": alert,
        "state": state,
        "tone": tone,
        "lines": [defused(line) for line in alert.text.splitlines() if line.strip()],
        "money": wording.moneys(alert.money),
        "about_url": alert.link if alert.link.startswith("/") else "",
    }


def _period(request: HttpRequest) -> int:
    asked = request.GET.get("months", "")
    return int(asked) if asked in {str(one) for one in PERIODS} else PERIODS[1]


def _month_row(month: report.Month) -> dict[str, Any]:
    spreads = (month.to_alert, month.to_acknowledge, month.to_resolve)
    cells = [report.in_words(span) for one in spreads for span in (one.median, one.p90)]
    return {"begin": month.begin, "count": month.count, "cells": cells}


def _row(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert,
        "url": page_of(alert),
        "told": report.told_of(alert),
        "to_alert": report.in_words(report.to_alert(alert)),
        "to_acknowledge": report.in_words(report.to_acknowledge(alert)),
        "to_resolve": report.in_words(report.to_resolve(alert)),
    }
