"""Who owns what, and the writes that met a value of somebody else."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.admin.readonly import LongListAdmin
from errorqueue.failures import Refused
from errorqueue.masking import masked_value
from errorqueue.templatetags.console import moment, pill
from integrations.admin.links import row_url, vendor_link
from integrations.admin.story import story_url
from integrations.models import OwnershipConflict
from integrations.studio import ownership as answers
from mappings import ownership
from mappings.engine import wording
from mappings.models import MappingDocument, MappingRow

Answer = OwnershipConflict.Answer
MATRIX = "admin/integrations/ownership/matrix.html"
DETAIL = "admin/integrations/ownership/conflict.html"
ANSWER = "integrations.answer_ownershipconflict"
MAKE_DRAFT = ("mappings.add_mappingversion", "mappings.change_mappingrow")
RULES = dict(MappingRow.Conflict.choices)
TONES = {
    Answer.OPEN: "warn",
    Answer.OWNER_WINS: "mute",
    Answer.ACCEPTED: "good",
    Answer.NEW_OWNER: "wait",
}


def system_name(system: str) -> str:
    """Return how people call a system; what is no connector's is shown as it is."""
    return wording.system(system, "nobody")


# Who owns what


@require_GET
@permission_required("mappings.view_mappingversion", raise_exception=True)
def matrix_view(request: HttpRequest) -> HttpResponse:
    """Show every field that is written, its owner, and the rows that write it."""
    environments = MappingDocument.Environment
    asked = request.GET.get("environment", "")
    chosen = asked if asked in environments.values else _used(environments)
    word = request.GET.get("q", "").strip().casefold()
    lines = ownership.lines_of(ownership.published(chosen))
    faults = ownership.faults_among(lines)
    wrong = {line.row.pk for fault in faults for line in fault.lines}
    fields = [one for one in ownership.matrix(lines) if word in _words(one)]
    context = {
        **admin.site.each_context(request),
        "title": "Who owns what",
        "faults": sorted(faults, key=lambda fault: not fault.is_grave),
        "groups": _groups(fields, wrong),
        "count": len(fields),
        "word": request.GET.get("q", "").strip(),
        "environments": environments.choices,
        "chosen": chosen,
        "unpublished": ownership.documents_of(chosen),
        "open": answers.open_conflicts().count(),
    }
    return TemplateResponse(request, MATRIX, context)


def _used(environments: Any) -> str:
    """Return production where something is published there, else the sandbox."""
    production: str = environments.PRODUCTION
    sandbox: str = environments.SANDBOX
    return production if ownership.published(production) else sandbox


def _words(one: ownership.Field) -> str:
    names = " ".join(f"{x.version.document} {x.row.updaters}" for x in one.lines)
    owners = " ".join(one.owners)
    return f"{one.system} {one.entity} {one.name} {owners} {names}".casefold()


def _groups(
    fields: list[ownership.Field], wrong: set[int]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Put the fields of one record together, each with a line for every row."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in fields:
        title = f"{system_name(one.system)}: {one.entity}"
        found.setdefault(title, []).append(_field(one, wrong))
    return list(found.items())


def _field(one: ownership.Field, wrong: set[int]) -> dict[str, Any]:
    return {
        "name": one.name,
        "owners": [system_name(owner) for owner in one.owners],
        "is_wrong": any(line.row.pk in wrong for line in one.lines),
        "rows": [_row(line) for line in one.lines],
    }


def _row(line: ownership.Line) -> dict[str, Any]:
    row, document = line.row, line.version.document
    named = [name.strip() for name in row.updaters.split(",") if name.strip()]
    writers = [row.owner] if row.owner else []
    may = dict.fromkeys([*writers, *named])
    back = row.direction == MappingRow.Direction.BOTH
    arrow = "↔" if back else "→"
    ends = [system_name(document.source_system), system_name(document.target_system)]
    return {
        "line": line,
        "url": row_url(line.version),
        "may": ", ".join(system_name(name) for name in may) or "anybody",
        "way": f"{ends[0]} {arrow} {ends[1]}",
        "rule": RULES[row.conflict],
    }


# Ownership conflicts


class Answered(TabFilter):
    tabs = (
        Tab("open", "Open", Q(answer=Answer.OPEN)),
        Tab("answered", "Answered", ~Q(answer=Answer.OPEN)),
        Tab("all", "All", Q(pk__isnull=False), is_sum=True),
    )


@admin.register(OwnershipConflict)
class OwnershipConflictAdmin(LongListAdmin):
    """Fields that were not written, and the three answers."""

    list_display = ["what", "owned", "there", "ours", "found", "state"]
    list_display_links = ["what"]
    list_filter = [Answered]
    list_select_related = ["record__flow", "answered_by"]
    search_fields = ["field__iexact", "record__label__iexact"]
    search_help_text = "Field or order number, written out"

    def get_queryset(self, request: HttpRequest) -> QuerySet[OwnershipConflict]:
        found = super().get_queryset(request)
        return found.defer("record__source", "record__edited")

    def get_urls(self) -> list[Any]:
        answer = self.admin_site.admin_view(self.answer_view)
        name = "integrations_ownershipconflict_answer"
        return [path("<int:pk>/answer/", answer, name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._user = request.user
        return super().changelist_view(request, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = OwnershipConflict.objects.select_related(
            *("record__flow__source", "record__flow__target", "record__flow__mapping"),
            *("answered_by", "draft__document"),
        )
        pk = int(object_id) if object_id.isdecimal() and len(object_id) < 19 else 0
        conflict = get_object_or_404(found, pk=pk)
        if not self.has_view_permission(request, conflict):
            raise PermissionDenied
        return TemplateResponse(request, DETAIL, self._context(request, conflict))

    def _context(
        self, request: HttpRequest, conflict: OwnershipConflict
    ) -> dict[str, Any]:
        record, user = conflict.record, request.user
        flow = record.flow
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{conflict.field} of {record}",
            "conflict": conflict,
            "record": record,
            "story": story_url(record.pk),
            "owner": system_name(conflict.owner),
            "writer": system_name(conflict.writer),
            "standing": masked_value(conflict.field, conflict.standing, user),
            "wanted": masked_value(conflict.field, conflict.wanted, user),
            "place": vendor_link(flow.target, flow.target_record, record.target_id),
            "rule": RULES.get(conflict.rule, ""),
            "may_answer": conflict.is_open and user.has_perm(ANSWER),
            "may_draft": user.has_perms(MAKE_DRAFT),
            "draft_url": row_url(conflict.draft) if conflict.draft else "",
            "reason": request.POST.get("reason", ""),
        }

    def answer_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take one of the three answers; each is asked for its right here."""
        if request.method != "POST" or not request.user.has_perm(ANSWER):
            raise PermissionDenied
        found = OwnershipConflict.objects.select_related(
            "record__flow__source", "record__flow__target", "record__flow__mapping"
        )
        conflict = get_object_or_404(found, pk=pk)
        verb = VERBS.get(request.POST.get("answer", ""))
        if verb is None:
            text = "Choose one of the answers. Nothing was changed."
            messages.warning(request, text)
            return redirect(row_url(conflict))
        if verb is answers.change_owner and not request.user.has_perms(MAKE_DRAFT):
            raise PermissionDenied
        try:
            made = verb(conflict, request.user, request.POST.get("reason", ""))
        except Refused as refused:
            messages.warning(request, str(refused))
            conflict.refresh_from_db()
            return TemplateResponse(request, DETAIL, self._context(request, conflict))
        messages.success(request, _said(conflict, made))
        return redirect(row_url(made) if made else _list_url())

    @admin.display(description="Field")
    def what(self, conflict: OwnershipConflict) -> str:
        return str(conflict)

    @admin.display(description="Owner")
    def owned(self, conflict: OwnershipConflict) -> str:
        return system_name(conflict.owner)

    @admin.display(description="Stands there")
    def there(self, conflict: OwnershipConflict) -> str:
        return self._value(conflict, conflict.standing)

    @admin.display(description="Not written")
    def ours(self, conflict: OwnershipConflict) -> str:
        return self._value(conflict, conflict.wanted)

    def _value(self, conflict: OwnershipConflict, value: str) -> str:
        shown = str(masked_value(conflict.field, value, self._user))
        return (shown[:80] + "…" if len(shown) > 80 else shown) or "empty"

    @admin.display(description="Found")
    def found(self, conflict: OwnershipConflict) -> SafeString | str:
        return moment(conflict.found_at)

    @admin.display(description="Answer")
    def state(self, conflict: OwnershipConflict) -> SafeString:
        tone = TONES[Answer(conflict.answer)]
        return pill(conflict.get_answer_display(), tone)


Verb = Callable[[OwnershipConflict, Any, str], Any]
VERBS: dict[str, Verb] = {
    Answer.OWNER_WINS.value: answers.let_owner_win,
    Answer.ACCEPTED.value: answers.accept_once,
    Answer.NEW_OWNER.value: answers.change_owner,
}


def _said(conflict: OwnershipConflict, made: Any) -> str:
    if made:
        return f"{made} names the new owner. Check it, have it signed, publish it."
    if conflict.answer == Answer.ACCEPTED:
        return f"{conflict.record} goes again now, with this value of {conflict.field}."
    return f"{conflict.field} stays as {system_name(conflict.owner)} has it."


def _list_url() -> str:
    return reverse("admin:integrations_ownershipconflict_changelist")
