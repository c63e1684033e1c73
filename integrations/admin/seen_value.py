"""The inbox of values that no table knows: accept, correct or set aside, many at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from errorqueue.text import number_of
from integrations.models import SyncRecord
from integrations.studio import waiting
from integrations.studio.choices import offer_of
from mappings.models import SeenValue, ValueTable, ValueTableRow
from mappings.tables import settling
from mappings.tables.likeness import ANYTHING_ELSE
from mappings.tables.surroundings import Waiting

TEMPLATE = "admin/mappings/seenvalue/inbox.html"
PER_PAGE = 50
STAR = ValueTableRow.objects.filter(table=OuterRef("table"), source=ANYTHING_ELSE)
State = SeenValue.State


@dataclass(frozen=True)
class Tab:
    """One part of the inbox: its key, its name, what it shows."""

    key: str
    label: str
    where: Q


TABS = (
    Tab("new", "Not mapped", Q(state=State.NEW, by_star=False)),
    Tab("star", "Passes by *", Q(state=State.NEW, by_star=True)),
    Tab("aside", "Set aside", Q(state=State.IGNORED)),
    Tab("mapped", "Mapped", Q(state=State.MAPPED)),
)


@dataclass
class ShownValue:
    """One value of the page with what is known about it."""

    seen: SeenValue
    example: SyncRecord | None
    waiting: Waiting | None
    typed: str = ""

    @property
    def target(self) -> str:
        return self.typed or self.seen.proposed


@admin.register(SeenValue)
class SeenValueAdmin(admin.ModelAdmin):
    """Values seen at a source; machines add them, people settle them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.settle_view))
        name = "mappings_seenvalue_settle"
        return [path("settle/", view, name=name), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:  # fmt: skip
        """Lead to the table of a value: it has no page of its own."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        seen = get_object_or_404(SeenValue, pk=number_of(object_id))
        return redirect("admin:mappings_valuetable_change", seen.table_id)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what nobody mapped yet, who waits for it and what is proposed."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return self._page(request)

    def settle_view(self, request: HttpRequest) -> HttpResponse:
        """Accept, set aside or bring back one value, or all that are ticked."""
        user: Any = request.user
        if not user.has_perms(["mappings.change_seenvalue", "mappings.view_seenvalue"]):
            raise PermissionDenied
        verb, chosen = _asked(request)
        if verb == "accept" and not user.has_perm("mappings.add_valuetablerow"):
            raise PermissionDenied
        done, faults = 0, []
        for seen in SeenValue.objects.filter(pk__in=chosen).select_related("table"):
            try:
                _settle(verb, seen, request)
                done += 1
            except settling.NotNow as reason:
                faults.append(str(reason))
        for fault in faults:
            self.message_user(request, fault, messages.WARNING)
        self._tell(request, verb, done, bool(chosen))
        return redirect(_back(request))

    def _tell(
        self, request: HttpRequest, verb: str, done: int, any_ticked: bool
    ) -> None:
        if not any_ticked:
            self.message_user(request, "Tick the values you mean.", messages.WARNING)
        elif done:
            what = f"{done} value{'s' * (done != 1)}"
            said = f"{what} {SAID[verb]}."
            self.message_user(request, said, messages.SUCCESS)

    def _page(self, request: HttpRequest) -> HttpResponse:
        found = _values(request)
        tab = next((one for one in TABS if one.key == request.GET.get("tab")), TABS[0])
        page = Paginator(found.filter(tab.where), PER_PAGE).get_page(
            request.GET.get("p")
        )
        groups = waiting.waiting_for()
        shown = _shown(page, groups, request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New values",
            "tab": tab,
            "tabs": _tabs(found, tab, request),
            "page": page,
            "values": shown,
            "table": _table_asked(request),
            "offers": _offers(shown),
            "mended": _mended(groups),
            "may_settle": request.user.has_perm("mappings.change_seenvalue"),
            "may_retry": waiting.may_retry(request.user),
            "here": request.get_full_path(),
        }
        return TemplateResponse(request, TEMPLATE, context)


SAID = {"accept": "mapped", "aside": "set aside", "back": "brought back"}


def retry_view(request: HttpRequest) -> HttpResponse:
    """Pre-flight and retry what waited for values of a table."""
    table = get_object_or_404(ValueTable, pk=number_of(request.POST.get("table", "")))
    values = request.POST.getlist("value")
    try:
        run = waiting.retry(table, values, request.user)
    except waiting.NotAllowed as refusal:
        raise PermissionDenied from refusal
    except waiting.NothingToRetry as reason:
        messages.warning(request, str(reason))
        return redirect("admin:mappings_valuetable_change", table.pk)
    words = "Each is pre-flighted; what would pass is retried, ten first."
    messages.success(request, f"{run.title}. {words}")
    return redirect("admin:errorqueue_bulkrun_change", run.pk)


def _values(request: HttpRequest) -> QuerySet[SeenValue]:
    found = SeenValue.objects.annotate(by_star=Exists(STAR)).select_related("table")
    found = found.order_by("table__name", "-times", "value")
    table = number_of(request.GET.get("table", ""))
    return found.filter(table=table) if table else found


def _table_asked(request: HttpRequest) -> ValueTable | None:
    table = number_of(request.GET.get("table", ""))
    return ValueTable.objects.filter(pk=table).first() if table else None


def _tabs(
    found: QuerySet[SeenValue], current: Tab, request: HttpRequest
) -> list[dict[str, Any]]:
    counts = found.order_by().aggregate(
        **{tab.key: Count("pk", filter=tab.where) for tab in TABS}
    )
    table = request.GET.get("table", "")
    more = {"table": table} if table else {}
    return [
        {
            "query_string": "?" + urlencode({"tab": tab.key, **more}),
            "selected": tab is current,
            "display": tab.label,
            "told": f"{counts[tab.key]:,}",
        }
        for tab in TABS
    ]


def _shown(
    page: Page[SeenValue],
    groups: dict[tuple[int, str], Waiting],
    request: HttpRequest,
) -> list[ShownValue]:
    values = list(page.object_list)
    records = _examples(values, request.user)
    return [
        ShownValue(
            seen, records.get(number_of(seen.example)), groups.get((seen.table_id, seen.value))
        )
        for seen in values
    ]  # fmt: skip


def _examples(values: list[SeenValue], user: Any) -> dict[int, SyncRecord]:
    if not user.has_perm("integrations.view_syncrecord"):
        return {}
    keys = {number_of(seen.example) for seen in values} - {0}
    light = SyncRecord.objects.only("label", "source_key", "flow__source_entity")
    return light.select_related("flow").in_bulk(keys)


def _offers(shown: list[ShownValue]) -> list[tuple[int, list[str]]]:
    """Return what the boxes offer, by table: what the target takes, else what is used."""
    tables = {one.seen.table_id: one.seen.table for one in shown}
    return [(pk, _offered(table)) for pk, table in tables.items()]


def _offered(table: ValueTable) -> list[str]:
    told = offer_of(table).values
    used = table.rows.exclude(target=ANYTHING_ELSE).values_list("target", flat=True)
    return list(told) or sorted(set(used))


def _mended(
    groups: dict[tuple[int, str], Waiting],
) -> list[tuple[ValueTable, list[Waiting]]]:
    by_table: dict[int, list[Waiting]] = {}
    for (table, _), one in groups.items():
        if one.is_mended:
            by_table.setdefault(table, []).append(one)
    tables = ValueTable.objects.in_bulk(by_table)
    return [(tables[pk], found) for pk, found in by_table.items() if pk in tables]


def _asked(request: HttpRequest) -> tuple[str, list[int]]:
    """Read the button: one value's own, or one for all that are ticked."""
    for verb in SAID:
        if verb in request.POST:
            return verb, [number_of(request.POST[verb])]
    verb = request.POST.get("all", "")
    ticked = [number_of(one) for one in request.POST.getlist("pick")]
    return (verb, ticked) if verb in SAID else ("aside", [])


def _settle(verb: str, seen: SeenValue, request: HttpRequest) -> None:
    steps: dict[str, Callable[[SeenValue, Any], None]] = {
        "aside": settling.set_aside,
        "back": settling.bring_back,
    }
    if verb in steps:
        steps[verb](seen, request.user)
        return
    typed = request.POST.get(f"target-{seen.pk}", seen.proposed).strip()
    settling.accept(seen, typed, request.user)


def _back(request: HttpRequest) -> str:
    """Return to where the button stood, never to another site."""
    here = request.POST.get("here", "")
    if url_has_allowed_host_and_scheme(here, allowed_hosts={request.get_host()}):
        return here
    return reverse("admin:mappings_seenvalue_changelist")
