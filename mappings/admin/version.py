"""The page of one version: its grid, its state, what can be done with it."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.forms import Script
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from mappings import editing, packing, services
from mappings.admin.inlines import (
    CheckInline,
    ExclusionInline,
    RowInline,
    SectionInline,
)
from mappings.admin.shared import (
    moment,
    person,
    start_draft,
    state_pill,
    to_version,
    version_of,
)
from mappings.changes import Change, tell
from mappings.models import MappingVersion


def _faults_of(version: MappingVersion | None) -> list[str]:
    is_draft = version is not None and not version.is_frozen
    return services.faults_of(version) if version and is_draft else []


def _unpacked(
    prefix: str, data: QueryDict, standing: list[Any]
) -> tuple[QueryDict, list[Any]]:
    """Return what was posted, row by row, and the rows that nobody touched."""
    rows = packing.packed_in(data) if prefix == packing.PREFIX else None
    if rows is None:
        return data, []
    return packing.laid_out(data, rows.flat(standing)), rows.rest(standing)


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
        css = {"all": ["mappings/grid.css", "mappings/pane.css"]}
        js = [
            Script(f"mappings/{name}.js", defer=True)
            for name in ("grid", "live", "pickers", "leaving")
        ]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> MappingVersion | None:
        """Return a version; whoever saves holds it until the save is through."""
        if request.method == "POST" and connection.in_atomic_block:
            key = unquote(object_id)
            held = MappingVersion.objects.select_for_update()
            held.order_by("pk").filter(pk=key if key.isdecimal() else 0).first()
        found: MappingVersion | None = super().get_object(
            request, object_id, from_field
        )
        return found

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        """Lay what was posted over what other people saved meanwhile."""
        given: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if "data" not in given or not inline.has_change_permission(request, obj):
            return given
        standing = list(inline.get_queryset(request).filter(version=obj))
        data, kept = _unpacked(prefix, given["data"], standing)
        untouched = {part.pk for part in kept}
        touched = [part for part in standing if part.pk not in untouched]
        found = editing.merged(prefix, data, touched, inline.model)
        for text in found.notes:
            messages.info(request, text)
        data = editing.written(prefix, data, found)
        return given | {"data": data, "merged": found, "kept": kept}

    def save_model(
        self, request: HttpRequest, obj: MappingVersion, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if "note" in form.changed_data:
            before = str(form.initial.get("note") or "")
            note = Change(
                "mapping", obj.pk, "changed", "Version", "note", before, obj.note
            )
            tell(note, person(request))

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        """Save the parts and tell the trail of each field that changed."""
        before = editing.state_of(form.instance)
        super().save_related(request, form, formsets, change)
        editing.tell_changes(form.instance, before, person(request))

    def delete_model(self, request: HttpRequest, obj: MappingVersion) -> None:
        services.drop_draft(obj, person(request))

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
        return moment(version.created_at, version.created_by)

    @admin.display(description="Published")
    def published(self, version: MappingVersion) -> str:
        return moment(version.published_at, version.published_by)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        version = self.get_object(request, unquote(object_id))
        more = {
            # Asked when the page is drawn: a save leads away from it.
            "faults": cache(partial(_faults_of, version)),
            "may_publish": request.user.has_perm("mappings.publish_mappingversion"),
            "may_draft": request.user.has_perm("mappings.add_mappingversion"),
        }
        context = more | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        def address(verb: str, view: Callable[..., HttpResponse]) -> URLPattern:
            return path(
                f"<int:pk>/{verb}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"mappings_mappingversion_{verb}",
            )

        return [
            address("publish", self.publish),
            address("draft", self.start_draft),
            *super().get_urls(),
        ]

    def publish(self, request: HttpRequest, pk: int) -> HttpResponse:
        version = version_of(pk)
        if not request.user.has_perm("mappings.publish_mappingversion"):
            raise PermissionDenied
        try:
            services.publish(version, person(request))
        except ValidationError as error:
            for text in error.messages:
                messages.error(request, text)
        else:
            words = "New attempts use it from now on."
            messages.success(request, f"{version} is published. {words}")
        return to_version(version)

    def start_draft(self, request: HttpRequest, pk: int) -> HttpResponse:
        version = version_of(pk)
        return start_draft(request, version.document, version)
