"""Documents and value tables as spreadsheets: download, look at a file, take it in."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import slugify

from mappings import spreadsheet
from mappings.engine import DocumentError
from mappings.models import MappingVersion, ValueTable
from mappings.spreadsheet import Sheet, importing
from mappings.spreadsheet.content import Pairs, table_sheet
from mappings.spreadsheet.report import Report, document_report, table_report
from mappings.spreadsheet.sheets import ROWS, VALUES
from mappings.tables.editing import NotSaved, cells_of

TEMPLATE = "admin/mappings/spreadsheet.html"
SALT = "waybill.spreadsheet"
# So long a file that was looked at can be taken in.
GOOD_FOR = 3600
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHANGES_DRAFT = (
    "mappings.change_mappingversion",
    "mappings.change_mappingrow",
    "mappings.add_mappingrow",
    "mappings.delete_mappingrow",
)
CHANGES_TABLE = (
    "mappings.add_valuetable",
    "mappings.change_valuetable",
    "mappings.change_valuetablerow",
    "mappings.add_valuetablerow",
    "mappings.delete_valuetablerow",
)


@dataclass(frozen=True)
class Look:
    """A file that was read: what it says, and how things stood then."""

    sheets: list[Sheet]
    mark: str
    were: dict[str, Any]

    def sealed(self) -> str:
        """Return it for the page, so that nothing is stored before a person confirms."""
        told = {
            "sheets": [_told(one) for one in self.sheets],
            "mark": self.mark,
            "were": self.were,
        }
        return signing.dumps(told, salt=SALT, compress=True)


def _told(sheet: Sheet) -> list[Any]:
    """Return a sheet as plain lists, with each cell that cannot be taken and why."""
    wrong = [[*place, text] for place, text in sheet.wrong.items()]
    return [sheet.name, sheet.headings, sheet.lines, sheet.first, wrong]


def _sheet_of(told: list[Any]) -> Sheet:
    name, headings, lines, first, wrong = told
    faults = {(line, column): text for line, column, text in wrong}
    return Sheet(name, tuple(headings), tuple(map(tuple, lines)), first, faults)


def _unsealed(text: str) -> Look:
    told = signing.loads(text, salt=SALT, max_age=GOOD_FOR)
    sheets = [_sheet_of(one) for one in told["sheets"]]
    were = {name: tuple(map(tuple, pairs)) for name, pairs in told["were"].items()}
    return Look(sheets, told["mark"], were)


def _version(request: HttpRequest, pk: int) -> MappingVersion:
    if not request.user.has_perm("mappings.view_mappingversion"):
        raise PermissionDenied
    versions = MappingVersion.objects.select_related("document")
    return get_object_or_404(versions, pk=pk)


def _table(request: HttpRequest, pk: int) -> ValueTable:
    if not request.user.has_perm("mappings.view_valuetable"):
        raise PermissionDenied
    return get_object_or_404(ValueTable, pk=pk)


def export_version_view(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """Hand out a version: everything as xlsx, its fields alone as csv."""
    version = _version(request, pk)
    try:
        sheets = spreadsheet.content_of(importing.content_of_version(version))
    except DocumentError as error:
        messages.error(request, f"{version} cannot be written: {error}")
        return redirect("admin:mappings_mappingversion_change", pk)
    name = f"{version.document.slug}-v{version.number}"
    return _file(sheets, name, form)


def export_table_view(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """Hand out the rows of a value table."""
    table = _table(request, pk)
    pairs = tuple(map(cells_of, table.rows.all()))
    return _file([table_sheet(pairs)], slugify(table.name) or f"table-{pk}", form)


def _file(sheets: list[Sheet], name: str, form: str) -> HttpResponse:
    if form == "xlsx":
        made, kind = spreadsheet.to_xlsx(sheets), XLSX
    elif form == "csv":
        made, kind = spreadsheet.to_csv(sheets[0]), "text/csv; charset=utf-8"
    else:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return HttpResponse(made, content_type=kind, headers=headers)


def version_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer a version as a file; show what a file that is given would change."""
    version = _version(request, pk)
    may_take = request.user.has_perms(CHANGES_DRAFT)
    page = _Page(request, version, f"Spreadsheet of {version}", may_take)
    if request.method != "POST":
        return page.shown()
    if not may_take:
        raise PermissionDenied
    try:
        target = importing.open_draft(version)
    except ValidationError as error:
        return page.shown(refusal=" ".join(error.messages))
    if "take" in request.POST:
        return _take_version(request, page, target)
    try:
        sheets = _sheets(request, ROWS)
    except spreadsheet.Unreadable as refusal:
        return page.shown(refusal=str(refusal))
    return _look_at_version(page, target, sheets)


def _look_at_version(
    page: "_Page", target: MappingVersion, sheets: list[Sheet]
) -> HttpResponse:
    base = importing.content_of_version(target)
    read = _read(target, sheets)
    were = importing.pairs_of(read.tables or {})
    report = document_report(
        base.document, read.document, read.tables, were, read.faults
    )
    look = Look(sheets, importing.mark_of(target), were)
    return page.shown(target=target, report=report, seal=look.sealed())


def _read(target: MappingVersion, sheets: list[Sheet]) -> spreadsheet.Read:
    names = ValueTable.objects.order_by("name").values_list("name", flat=True)
    return spreadsheet.read_document(sheets, target.read_document(), list(names))


def _take_version(
    request: HttpRequest, page: "_Page", target: MappingVersion
) -> HttpResponse:
    """Take a file in that was looked at, unless things have changed since."""
    look = _look_of(request)
    if look is None:
        return page.shown(refusal="This look is too old. Choose the file again.")
    read = _read(target, look.sheets)
    if not read.may_be_taken:
        return _look_at_version(page, target, look.sheets)
    tables = _tables_taken(request, read)
    if tables and not _may_change_tables(request):
        raise PermissionDenied
    try:
        with transaction.atomic():
            importing.take_tables(tables, look.were, request.user)
            draft = importing.take_document(
                target, look.mark, read.document, request.user
            )
    except importing.Changed as reason:
        messages.warning(request, f"{reason} Here is the difference as it is now.")
        return _look_at_version(page, target, look.sheets)
    except (NotSaved, ValidationError) as reason:
        return page.shown(refusal=str(reason))
    messages.success(request, f"{draft} says now what the file says.")
    return redirect("admin:mappings_mappingversion_change", draft.pk)


def _tables_taken(request: HttpRequest, read: spreadsheet.Read) -> dict[str, Pairs]:
    """Return the tables that change: all with a tick, else those that rows need."""
    tables = read.tables or {}
    if "tables" in request.POST:
        return tables
    used = {row.table for row in read.document.rows} & tables.keys()
    known = ValueTable.objects.filter(name__in=used).values_list("name", flat=True)
    return {name: tables[name] for name in used - set(known)}


def table_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer a value table as a file; show what a file that is given would change."""
    table = _table(request, pk)
    page = _Page(request, table, f"Spreadsheet of {table}", _may_change_tables(request))
    if request.method != "POST":
        return page.shown()
    if not page.may_take:
        raise PermissionDenied
    if "take" in request.POST:
        return _take_table(request, page, table)
    try:
        sheets = _sheets(request, VALUES)
    except spreadsheet.Unreadable as refusal:
        return page.shown(refusal=str(refusal))
    return _look_at_table(page, table, sheets)


def _look_at_table(
    page: "_Page", table: ValueTable, sheets: list[Sheet]
) -> HttpResponse:
    pairs, faults = spreadsheet.read_table(sheets)
    were = tuple(map(cells_of, table.rows.all()))
    found = table_report(table.name, were, pairs)
    report = Report([], [found] if found.sentences else [], faults)
    look = Look(sheets, "", {table.name: were})
    return page.shown(target=table, report=report, seal=look.sealed())


def _take_table(request: HttpRequest, page: "_Page", table: ValueTable) -> HttpResponse:
    look = _look_of(request)
    if look is None or table.name not in look.were:
        return page.shown(refusal="This look is too old. Choose the file again.")
    pairs, faults = spreadsheet.read_table(look.sheets)
    if any(fault.is_grave for fault in faults):
        return _look_at_table(page, table, look.sheets)
    try:
        importing.take_tables({table.name: pairs}, look.were, request.user)
    except NotSaved as reason:
        messages.warning(request, f"{reason} Here is the difference as it is now.")
        return _look_at_table(page, table, look.sheets)
    messages.success(request, f"{table} says now what the file says.")
    return redirect("admin:mappings_valuetable_change", table.pk)


def _look_of(request: HttpRequest) -> Look | None:
    try:
        return _unsealed(request.POST["take"])
    except signing.BadSignature:
        return None


def _sheets(request: HttpRequest, only: str) -> list[Sheet]:
    given = request.FILES.get("file")
    if given is None:
        raise spreadsheet.Unreadable("Choose a file first.")
    if (given.size or 0) > spreadsheet.files.MOST_BYTES:
        raise spreadsheet.TooMuch(
            f"The file has {(given.size or 0) / 1024**2:.1f} MB; at most "
            f"{spreadsheet.files.MOST_BYTES // 1024**2} MB can be read."
        )
    return spreadsheet.from_file(given.name or "", given.read(), only)


def _may_change_tables(request: HttpRequest) -> bool:
    return bool(request.user.has_perms(CHANGES_TABLE))


@dataclass(frozen=True)
class _Page:
    """The page of one document or table and its files."""

    request: HttpRequest
    subject: MappingVersion | ValueTable
    title: str
    may_take: bool

    def shown(self, **more: Any) -> HttpResponse:
        is_version = isinstance(self.subject, MappingVersion)
        context = {
            **admin.site.each_context(self.request),
            "opts": self.subject._meta,
            "title": self.title,
            "subject": self.subject,
            "is_version": is_version,
            "may_take": self.may_take,
            "may_change_tables": _may_change_tables(self.request),
            **more,
        }
        return TemplateResponse(self.request, TEMPLATE, context)


def _address(where: str, view: Any, name: str) -> URLPattern:
    return path(
        f"sheets/{where}", admin.site.admin_view(view), name=f"integrations_{name}"
    )


urlpatterns: list[URLPattern] = [
    _address("version/<int:pk>/", version_view, "sheet_version"),
    _address("version/<int:pk>/<slug:form>/", export_version_view, "export_version"),
    _address("table/<int:pk>/", table_view, "sheet_table"),
    _address("table/<int:pk>/<slug:form>/", export_table_view, "export_table"),
]
