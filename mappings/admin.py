"""The mapping pages: documents, their versions, value tables."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from mappings import services
from mappings.inlines import (
    CheckInline,
    ExclusionInline,
    RowInline,
    SectionInline,
    TableRowInline,
    VersionInline,
)
from mappings.models import MappingDocument, MappingVersion, ValueTable

State = MappingVersion.State
PILLS = {State.DRAFT: "wait", State.PUBLISHED: "good", State.RETIRED: "mute"}


def state_pill(version: MappingVersion) -> SafeString:
    return format_html(
        '<span class="pill pill-{}">{}</span>',
        PILLS[State(version.state)],
        version.get_state_display(),
    )


@admin.register(MappingDocument)
class MappingDocumentAdmin(admin.ModelAdmin):
    list_display = ["name", "from_to", "published_version", "draft_version"]
    list_filter = ["source_system", "target_system"]
    search_fields = ["name", "slug", "target_record", "source_entity"]

    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (None, {"fields": ["name", "slug", "note"]}),
        (
            "From and to",
            {"fields": [("source_system", "source_entity"), ("target_system", "target_record")]},
        ),
    ]  # fmt: skip
    inlines = [VersionInline]

    class Media:
        css = {"all": ["mappings/grid.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[MappingDocument]:
        open_ones = MappingVersion.objects.exclude(state=State.RETIRED)
        versions = Prefetch("versions", open_ones, to_attr="open_versions")
        return super().get_queryset(request).prefetch_related(versions)

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Any = None
    ) -> dict[str, Any]:
        editable = self.has_change_permission(request, obj) and obj is None
        return dict(self.prepopulated_fields) if editable else {}

    @admin.display(description="Moves")
    def from_to(self, document: MappingDocument) -> str:
        return (
            f"{document.source_system} {document.source_entity} → "
            f"{document.target_system} {document.target_record}"
        )

    @admin.display(description="Published")
    def published_version(self, document: MappingDocument) -> str:
        return _version_link(document, State.PUBLISHED)

    @admin.display(description="Draft")
    def draft_version(self, document: MappingDocument) -> str:
        return _version_link(document, State.DRAFT)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.start_draft))
        name = "mappings_mappingdocument_draft"
        return [path("<path:object_id>/draft/", view, name=name), *super().get_urls()]

    def start_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        document = get_object_or_404(MappingDocument, pk=unquote(object_id))
        return _start_draft(request, document, None)


@admin.register(MappingVersion)
class MappingVersionAdmin(admin.ModelAdmin):
    list_display = ["__str__", "state_shown", "note", "published_at", "published_by"]
    list_filter = ["state", "document"]
    list_select_related = ["document", "published_by"]
    search_fields = ["document__name", "note"]

    fields = [("document", "state_shown"), ("created", "published"), "note"]
    readonly_fields = ["document", "state_shown", "created", "published"]
    inlines = [RowInline, SectionInline, ExclusionInline, CheckInline]
    actions = None

    class Media:
        css = {"all": ["mappings/grid.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a draft is started from a document or another version

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        frozen = obj is not None and obj.is_frozen
        return not frozen and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        draft = obj is not None and not obj.is_frozen
        return draft and super().has_delete_permission(request, obj)

    @admin.display(description="State", ordering="state")
    def state_shown(self, version: MappingVersion) -> SafeString:
        return state_pill(version)

    @admin.display(description="Started")
    def created(self, version: MappingVersion) -> str:
        return _moment(version.created_at, version.created_by)

    @admin.display(description="Published")
    def published(self, version: MappingVersion) -> str:
        return _moment(version.published_at, version.published_by)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        version = self.get_object(request, unquote(object_id))
        faults = (
            services.faults_of(version) if version and not version.is_frozen else []
        )
        more = {
            "faults": faults,
            "may_publish": request.user.has_perm("mappings.publish_mappingversion"),
            "may_draft": request.user.has_perm("mappings.add_mappingversion"),
        }
        context = more | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        def address(verb: str, view: Callable[..., HttpResponse]) -> URLPattern:
            return path(
                f"<path:object_id>/{verb}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"mappings_mappingversion_{verb}",
            )

        return [
            address("publish", self.publish),
            address("draft", self.start_draft),
            *super().get_urls(),
        ]

    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = _version(object_id)
        if not request.user.has_perm("mappings.publish_mappingversion"):
            raise PermissionDenied
        try:
            services.publish(version, _person(request))
        except ValidationError as error:
            for text in error.messages:
                messages.error(request, text)
        else:
            words = "New attempts use it from now on."
            messages.success(request, f"{version} is published. {words}")
        return _to_version(version)

    def start_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = _version(object_id)
        return _start_draft(request, version.document, version)


@admin.register(ValueTable)
class ValueTableAdmin(admin.ModelAdmin):
    list_display = ["name", "note", "values_count"]
    search_fields = ["name", "rows__source", "rows__target"]

    inlines = [TableRowInline]

    class Media:
        css = {"all": ["mappings/grid.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ValueTable]:
        return super().get_queryset(request).annotate(size=Count("rows"))

    @admin.display(description="Values", ordering="size")
    def values_count(self, table: Any) -> int:
        return int(table.size)


def _start_draft(
    request: HttpRequest, document: MappingDocument, source: MappingVersion | None
) -> HttpResponse:
    if not request.user.has_perm("mappings.add_mappingversion"):
        raise PermissionDenied
    try:
        draft = services.new_draft(document, _person(request), source=source)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        standing = document.draft()
        return _to_version(standing) if standing else _to_document(document)
    messages.success(request, f"{draft} is a draft. Change it, then publish it.")
    return _to_version(draft)


def _version(object_id: str) -> MappingVersion:
    versions = MappingVersion.objects.select_related("document")
    return get_object_or_404(versions, pk=unquote(object_id))


def _person(request: HttpRequest) -> Any:
    return request.user if request.user.is_authenticated else None


def _version_link(document: Any, state: str) -> str:
    found = [one for one in document.open_versions if one.state == state]
    if not found:
        return "–"
    url = reverse("admin:mappings_mappingversion_change", args=[found[0].pk])
    return format_html('<a href="{}">Version {}</a>', url, found[0].number)


def _to_version(version: MappingVersion) -> HttpResponseRedirect:
    url = reverse("admin:mappings_mappingversion_change", args=[version.pk])
    return HttpResponseRedirect(url)


def _to_document(document: MappingDocument) -> HttpResponseRedirect:
    url = reverse("admin:mappings_mappingdocument_change", args=[document.pk])
    return HttpResponseRedirect(url)


def _moment(at: Any, by: Any) -> str:
    if at is None:
        return "–"
    return f"{at:%Y-%m-%d %H:%M} UTC" + (f" by {by}" if by else "")
