"""The pages of value tables."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from mappings.admin.shared import person
from mappings.admin.table_form import Posted, TableForm, rows_shown
from mappings.changes import Change, tell
from mappings.models import SeenValue, ValueTable
from mappings.tables.checking import Offer, remarks_on, star_words
from mappings.tables.editing import NotSaved, remove, save_facts, save_rows
from mappings.tables.surroundings import Outlook, Waiting, outlook_of

TEMPLATE = "admin/mappings/valuetable/page.html"
RIGHTS = ("mappings.change_valuetable", "mappings.change_valuetablerow")


@admin.register(ValueTable)
class ValueTableAdmin(admin.ModelAdmin):
    list_display = ["name", "purpose", "note", "values_count"]
    list_filter = ["purpose"]
    search_fields = ["name", "rows__source", "rows__target"]

    fields = ["name", "purpose", "note"]

    class Media:
        css = {"all": ["mappings/grid.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ValueTable]:
        return super().get_queryset(request).annotate(size=Count("rows"))

    @admin.display(description="Values", ordering="size")
    def values_count(self, table: Any) -> int:
        return int(table.size)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        words = f"'{obj.name}', {obj.get_purpose_display()}"
        tell(Change("table", obj.pk, "made", words), person(request))

    def delete_model(self, request: HttpRequest, obj: ValueTable) -> None:
        remove(obj, person(request))

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[ValueTable]
    ) -> None:
        for table in queryset:
            remove(table, person(request))

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        self.message_user(request, f"{obj} is made. Add its values.", messages.SUCCESS)
        return redirect("admin:mappings_valuetable_change", obj.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show and change one table, with what its target takes and who waits."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        table = self.get_object(request, unquote(object_id))
        if table is None:
            raise Http404("There is no such value table.")
        form = TableForm(table, rows_shown(table))
        if request.method == "POST":
            if not _may_change(request):
                raise PermissionDenied
            form = self._saved(request, table)
            if not form.is_wrong:
                return redirect("admin:mappings_valuetable_change", table.pk)
        context = {
            **self.admin_site.each_context(request),
            **_context_of(table, form, request),
            "opts": self.opts,
            "title": str(table),
        }
        return TemplateResponse(request, TEMPLATE, context)

    def _saved(self, request: HttpRequest, table: ValueTable) -> TableForm:
        """Save what was changed; return the form with its faults where that fails."""
        posted = Posted(request.POST)
        form = posted.form(table)
        _refuse_rights(request, posted)
        if form.is_wrong:
            return form.whole()
        try:
            with transaction.atomic():
                changed = save_rows(table, posted.edits, person(request))
                save_facts(table, posted.facts_changed(), person(request))
        except NotSaved as reason:
            return form.with_faults(reason).whole()
        except IntegrityError:
            taken = form.with_fact("name", "A table of this name exists already.")
            return taken.whole()
        told = f"{changed} row{'s' * (changed != 1)} saved." if changed else "Saved."
        self.message_user(request, told, messages.SUCCESS)
        return form


def _may_change(request: HttpRequest) -> bool:
    return bool(request.user.has_perms(RIGHTS))


def _refuse_rights(request: HttpRequest, posted: Posted) -> None:
    """Adding and removing rows are rights of their own."""
    rights = {
        "mappings.add_valuetablerow": posted.adds,
        "mappings.delete_valuetablerow": posted.removes,
    }
    if any(wanted and not request.user.has_perm(one) for one, wanted in rights.items()):
        raise PermissionDenied


def _context_of(
    table: ValueTable, form: TableForm, request: HttpRequest
) -> dict[str, Any]:
    outlook = outlook_of(table)
    pairs = [(row.source, row.target) for row in form.filled]
    remarks = remarks_on(pairs, outlook.offer)
    for row, found in zip(form.filled, remarks, strict=True):
        row.remarks = found
        row.waiting = _waiting_of(row.source, row.target, outlook)
    news = table.seen.filter(state=SeenValue.State.NEW)
    return {
        "table": table,
        "form": form,
        "offer": outlook.offer,
        "offered": _offered(outlook.offer, pairs),
        "used_by": outlook.used_by,
        "mended": [one for one in outlook.waiting.values() if one.is_mended],
        "star": star_words(pairs),
        "unseen": news.count(),
        "may_see_new": request.user.has_perm("mappings.view_seenvalue"),
        "purposes": ValueTable.Purpose.choices,
        "may_change": _may_change(request),
        "may_delete": request.user.has_perm("mappings.delete_valuetable"),
    }


def _offered(offer: Offer, pairs: list[tuple[str, str]]) -> list[str]:
    """Return what a target box offers: the target's values, else those in use."""
    return list(offer.values) or sorted({target for _, target in pairs} - {"*"})


def _waiting_of(source: str, target: str, outlook: Outlook) -> Waiting | None:
    found = outlook.waiting.get(source) or outlook.waiting.get(target)
    return found if found and not found.is_mended else None
