"""The parts of a version on its page; editable while it is a draft."""

from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest

from mappings.admin.grid import (
    CheckForm,
    ExclusionForm,
    PartFormSet,
    RowForm,
    SectionForm,
)
from mappings.models import (
    ExclusionRule,
    MappingRow,
    MappingSection,
    MappingVersion,
    SumCheck,
    ValueTable,
)
from mappings.packing import MOST_LINES
from mappings.rows import WHEN_EMPTY, shown_chain, shown_input, when_empty


class PartInline(admin.TabularInline):
    """A grid that freezes with its version."""

    formset = PartFormSet
    template = "admin/mappings/mappingversion/parts.html"
    extra = 0
    classes = ["mapping-grid"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Let what the line said travel along where it can be changed."""
        found = [name for name in super().get_fields(request, obj) if name != "seen"]
        return [*found, "seen"] if self.has_change_permission(request, obj) else found

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_delete_permission(request, obj)


class RowInline(PartInline):
    model = MappingRow
    form = RowForm
    template = "admin/mappings/mappingversion/rows.html"
    verbose_name_plural = "Fields"
    max_num = MOST_LINES
    fields = [
        *("position", "section", "target", "kind", "comes_from", "chain", "table"),
        *("record", "by", "needs", "when_empty", "default", "on_miss", "max_length"),
        *("length_option", "on_too_long", "when", "owner", "direction", "updaters"),
        *("conflict", "sensitivity", "status", "note"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MappingRow]:
        return super().get_queryset(request).select_related("table")

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "table" and field is not None:
            field.queryset = ValueTable.objects.all()
        return field

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Leave out the links beside the choice of a table: the grid is full."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "table" and field is not None:
            field.widget = field.widget.widget
        return field

    @admin.display(description="Comes from")
    def comes_from(self, row: MappingRow) -> str:
        return shown_input(row)

    @admin.display(description="Transforms")
    def chain(self, row: MappingRow) -> str:
        return shown_chain(row)

    @admin.display(description="When empty")
    def when_empty(self, row: MappingRow) -> str:
        return dict(WHEN_EMPTY)[when_empty(row)]


class SectionInline(PartInline):
    model = MappingSection
    form = SectionForm
    verbose_name_plural = "Lists"


class ExclusionInline(PartInline):
    model = ExclusionRule
    form = ExclusionForm
    verbose_name_plural = "Rules that keep records out"


class CheckInline(PartInline):
    model = SumCheck
    form = CheckForm
    fields = ["position", "name", "source", "parts_text"]
    verbose_name_plural = "Sums that must agree"

    @admin.display(description="Parts at the target")
    def parts_text(self, check: SumCheck) -> str:
        return ", ".join(check.parts)


def _is_open(version: MappingVersion | None) -> bool:
    return version is not None and not version.is_frozen
