"""Look-ups by name: what each account answers, side by side."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from errorqueue.admin.readonly import ReadOnlyAdmin
from integrations.admin.promotion import TONES
from integrations.models import Connection, NamedLookup
from integrations.studio import resolving

PAGE = "admin/integrations/namedlookup/list.html"
PER_PAGE = 50
GOOD = (NamedLookup.State.FOUND, NamedLookup.State.WAITING)


@admin.register(NamedLookup)
class NamedLookupAdmin(ReadOnlyAdmin):
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show each name once, with the answer of every account of its system."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        accounts = Connection.objects.filter(named_lookups__isnull=False).distinct()
        systems = sorted({one.system for one in accounts})
        system = request.GET.get("system", "")
        system = system if system in systems else (systems[0] if systems else "")
        connections = [one for one in accounts if one.system == system]
        page, lines = self._lines(request, connections)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Look-ups by name",
            "systems": systems,
            "system": system,
            "connections": connections,
            "lines": lines,
            "page": page,
            "words": request.GET.get("q", ""),
            "only_open": "open" in request.GET,
            "may_resolve": _may(request),
        }
        return TemplateResponse(request, PAGE, context)

    def _lines(
        self, request: HttpRequest, connections: list[Connection]
    ) -> tuple[Any, list[dict[str, Any]]]:
        """Return a page of names, each with one cell for each connection."""
        found = asked_for(request, connections)
        names = found.order_by("record", "by", "value").values_list(
            "record", "by", "value"
        )
        page = Paginator(names.distinct(), PER_PAGE).get_page(request.GET.get("p"))
        keys = [(str(name[0]), str(name[1]), str(name[2])) for name in page]
        rows = NamedLookup.objects.filter(
            connection__in=connections, value__in=[key[2] for key in keys]
        )
        known = {(r.record, r.by, r.value, r.connection_id): r for r in rows}
        lines = []
        for key in keys:
            cells = [known.get((*key, one.pk)) for one in connections]
            there = [(cell, TONES[cell.state] if cell else "") for cell in cells]
            slugs = sorted({s for cell in cells if cell for s in cell.documents})
            lines.append({"key": key, "cells": there, "documents": slugs})
        return page, lines

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.resolve_view))
        name = "integrations_namedlookup_resolve"
        return [path("resolve/", view, name=name), *super().get_urls()]

    def resolve_view(self, request: HttpRequest) -> HttpResponse:
        """Have one name asked for again, or everything that is shown."""
        if not _may(request):
            raise PermissionDenied
        rows = NamedLookup.objects.all()
        one = request.POST.get("row", "")
        if one:
            rows = rows.filter(pk=int(one) if one.isdecimal() and len(one) < 19 else 0)
        else:
            rows = rows.filter(connection__system=request.POST.get("system", ""))
            rows = (
                rows.exclude(state=NamedLookup.State.FOUND)
                if "open" in request.POST
                else rows
            )
        count = resolving.ask_again(rows)
        text = f"Asked again: {count}. Look again in a moment."
        messages.success(request, text)
        back = reverse("admin:integrations_namedlookup_changelist")
        return redirect(f"{back}?system={request.POST.get('system', '')[:20]}")


def asked_for(
    request: HttpRequest, connections: list[Connection]
) -> QuerySet[NamedLookup]:
    found = NamedLookup.objects.filter(connection__in=connections)
    words = request.GET.get("q", "").strip()
    if words:
        named = Q(value__icontains=words) | Q(label__icontains=words)
        found = found.filter(named | Q(record__icontains=words) | Q(target_id=words))
    return found.exclude(state__in=GOOD) if "open" in request.GET else found


def _may(request: HttpRequest) -> bool:
    return request.user.has_perm("integrations.resolve_namedlookup")
