"""The pages of mapping documents."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from mappings.admin import lifecycle
from mappings.admin.one_editor import OneEditor, SeenForm
from mappings.admin.shared import (
    State,
    person,
    start_draft,
    version_link,
)
from mappings.changes import Change, tell
from mappings.engine.wording import system
from mappings.models import MappingDocument, MappingVersion

ENDS = ("source_system", "source_entity", "target_system", "target_record")


@admin.register(MappingDocument)
class MappingDocumentAdmin(OneEditor, admin.ModelAdmin):
    form = SeenForm
    list_display = [
        *("name", "from_to", "environment"),
        *("published_version", "on_its_way"),
    ]
    list_filter = ["environment", "source_system", "target_system"]
    change_form_template = "admin/mappings/mappingdocument/change_form.html"
    search_fields = ["name", "slug", "target_record", "source_entity"]

    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (None, {"fields": ["name", "slug", "environment", "note"]}),
        (
            "From and to",
            {"fields": [("source_system", "source_entity"), ("target_system", "target_record")]},
        ),
    ]  # fmt: skip

    class Media:
        css = {"all": ["console/pages.css", "mappings/lifecycle.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[MappingDocument]:
        open_ones = MappingVersion.objects.exclude(state=State.RETIRED)
        versions = Prefetch("versions", open_ones, to_attr="open_versions")
        return super().get_queryset(request).prefetch_related(versions)

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Any = None
    ) -> dict[str, Any]:
        editable = self.has_change_permission(request, obj) and obj is None
        return dict(self.prepopulated_fields) if editable else {}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Fix the environment, and with the first version what it moves.

        Signatures would mean nothing if these could change: the scenarios that have
        to pass are those of the document's kind of record.
        """
        if obj is None:
            return []
        return ["environment", *(ENDS if obj.versions.exists() else ())]

    def save_model(
        self, request: HttpRequest, obj: MappingDocument, form: Any, change: bool
    ) -> None:
        """Save, and put each field that changed into the audit trail."""
        super().save_model(request, obj, form, change)
        by = person(request)
        if not change:
            told = f"'{obj.name}', {obj.get_environment_display()}"
            tell(Change("document", obj.pk, "made", after=told), by)
            return
        for name in form.changed_data:
            label = name.replace("_", " ")
            old, new = str(form.initial.get(name) or ""), str(getattr(obj, name))
            what = Change("document", obj.pk, "changed", "Document", label, old, new)
            tell(what, by)

    def delete_model(self, request: HttpRequest, obj: MappingDocument) -> None:
        key, name = obj.pk, obj.name
        super().delete_model(request, obj)
        tell(Change("document", key, "deleted", after=name), person(request))

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[MappingDocument]
    ) -> None:
        for document in queryset:
            self.delete_model(request, document)

    @admin.display(description="Moves")
    def from_to(self, document: MappingDocument) -> str:
        return (
            f"{system(document.source_system, '')} {document.source_entity} → "
            f"{system(document.target_system, '')} {document.target_record}"
        )

    @admin.display(description="Published")
    def published_version(self, document: MappingDocument) -> str:
        return version_link(document, State.PUBLISHED)

    @admin.display(description="On its way")
    def on_its_way(self, document: MappingDocument) -> str:
        for state in MappingVersion.ON_ITS_WAY:
            link = version_link(document, state)
            if link != "–":
                label = State(state).label
                return format_html('{} <span class="quiet-line">{}</span>', link, label)
        return "–"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.start_draft))
        name = "mappings_mappingdocument_draft"
        start = path("<int:pk>/draft/", view, name=name)
        return [start, *lifecycle.urls(self.admin_site), *super().get_urls()]

    def start_draft(self, request: HttpRequest, pk: int) -> HttpResponse:
        document = get_object_or_404(MappingDocument, pk=pk)
        return start_draft(request, document, None)
