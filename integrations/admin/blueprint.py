"""The page of the blueprint, and the form of one entity."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import slugify

from errorqueue.admin.closed_links import may_open
from errorqueue.clock import database_time
from integrations.admin.blueprint_picture import picture_of
from integrations.admin.links import list_link, row_url
from integrations.configuration.blueprint import PRESETS, apply_preset
from integrations.connectors.registry import CONNECTORS
from integrations.models import AuditEntry, Entity, Flow, SyncRecord
from integrations.studio import blueprint
from integrations.sync.backfill.asking import can_be_filled
from mappings.admin.one_editor import OneEditor, SeenForm
from mappings.engine.wording import system

TEMPLATE = "admin/integrations/entity/blueprint.html"
ALREADY = "Everything of this preset stands already. Nothing was changed."


class EntityForm(SeenForm):
    """What is decided about one kind of record."""

    class Meta:
        model = Entity
        fields = [
            *("name", "slug", "entity", "is_live", "source", "target"),
            *("target_record", "system_of_record", "consumers", "follows"),
            *("trigger", "cadence", "rules", "history", "history_from"),
            *("history_note", "value", "wave", "note"),
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse what contradicts itself, naming the field that says it."""
        data = super().clean() or {}
        if data.get("history") == Entity.History.BACKFILL and not data.get(
            "history_from"
        ):
            self.add_error("history_from", "Say from which day on it is brought over.")
        if data.get("history") == Entity.History.SELECTED and not data.get(
            "history_note"
        ):
            self.add_error("history_note", "Say which ones are selected.")
        if (data.get("value") or 0) > 100:
            self.add_error("value", "The value is a number from 0 to 100.")
        follows = data.get("follows")
        if self.instance.pk and follows and self.instance in follows:
            self.add_error("follows", "An entity cannot follow itself.")
        return data

    def clean_source(self) -> str:
        return str(self.cleaned_data["source"]).strip().lower()

    def clean_target(self) -> str:
        return str(self.cleaned_data["target"]).strip().lower()

    def clean_system_of_record(self) -> str:
        return str(self.cleaned_data["system_of_record"]).strip().lower()


@admin.register(Entity)
class EntityAdmin(OneEditor, admin.ModelAdmin):
    """One page for the whole blueprint; an entity's own page is its form."""

    form = EntityForm
    fieldsets = [
        (None, {"fields": ["name", "slug", "entity", "is_live"]}),
        (
            "Where it goes",
            {
                "description": "Systems by their short names: "
                f"{', '.join(CONNECTORS)}, magento, salesforce; anything else is shown "
                "as you write it. The same at both ends: it stays there.",
                "fields": [
                    *("source", "target", "target_record"),
                    *("system_of_record", "consumers", "follows"),
                ],
            },
        ),
        ("When", {"fields": ["trigger", "cadence", "rules"]}),
        ("History", {"fields": ["history", "history_from", "history_note"]}),
        ("Roadmap", {"fields": ["value", "wave", "note"]}),
    ]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["follows"]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.preset_view)
        name = "integrations_entity_preset"
        return [path("preset/<slug:slug>/", view, name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = database_time()
        found = blueprint.planned(now)
        names = {
            end: system(end, "–")
            for one in found
            for end in (one.entity.source, one.entity.target)
        }
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Blueprint",
            "now": now,
            "picture": picture_of(found, names),
            "rows": rows_of(found, request.user),
            "staying": [one.entity for one in found if one.stays],
            "order": blueprint.order_of(found),
            "roadmap": blueprint.roadmap(found),
            "findings": [_finding(one, request.user) for one in blueprint.drift(found)],
            "presets": PRESETS,
            "may_add": self.has_add_permission(request),
            "may_change": self.has_change_permission(request),
        }
        return TemplateResponse(request, TEMPLATE, context)

    def preset_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Enter what a preset decides; what people decided besides stays."""
        allowed = self.has_add_permission(request) and self.has_change_permission(
            request
        )
        if request.method != "POST" or not allowed:
            raise PermissionDenied
        preset = next((one for one in PRESETS if one.slug == slug), None)
        if preset is None:
            raise Http404
        lines = apply_preset(preset, request.user)
        text = f"{preset.name}: {len(lines)} changes. {'; '.join(lines[:6])}"
        text += " …" if len(lines) > 6 else ""
        messages.success(request, text if lines else ALREADY)
        return redirect(reverse("admin:integrations_entity_changelist"))

    def save_model(
        self, request: HttpRequest, obj: Entity, form: Any, change: bool
    ) -> None:
        """Save, and put each field that changed into the audit trail."""
        obj.slug = obj.slug or slugify(obj.name)[:60]
        super().save_model(request, obj, form, change)
        for name in form.changed_data:
            before, after = form.initial.get(name, ""), form.cleaned_data.get(name)
            if name == "follows":
                after = ", ".join(one.name for one in after or ())
                before = ", ".join(getattr(one, "name", "") for one in before or ())
            told = f"{name}: {str(before)!r} → {str(after)!r}" if change else name
            AuditEntry.objects.note_change(
                "blueprint",
                obj.pk,
                "changed" if change else "added",
                told,
                request.user,
            )

    def delete_model(self, request: HttpRequest, obj: Entity) -> None:
        AuditEntry.objects.note_change(
            "blueprint", obj.pk, "deleted", obj.name, request.user
        )
        super().delete_model(request, obj)


def rows_of(found: list[blueprint.Planned], user: Any) -> list[dict[str, Any]]:
    """Return the entities as a table shows them, in the order of their dependencies."""
    is_open = may_open(user, SyncRecord)
    may_fill = user.has_perm("integrations.run_backfill")
    return [
        _row(one, is_open) | {"fill_url": _fill_url(one) if may_fill else ""}
        for one in sorted(found, key=lambda one: one.place)
    ]


def _fill_url(one: blueprint.Planned) -> str:
    """Return the page on which what was decided of the past is prepared, if any."""
    is_decided = one.entity.history == Entity.History.BACKFILL
    if not is_decided or not any(can_be_filled(flow) for flow in one.flows):
        return ""
    address = reverse("admin:integrations_backfill_add")
    return f"{address}?{urlencode({'entity': one.entity.slug})}"


def _row(one: blueprint.Planned, is_open: bool) -> dict[str, Any]:
    return {
        "one": one,
        "entity": one.entity,
        "url": row_url(one.entity),
        "source": system(one.entity.source, "–"),
        "target": system(one.entity.target, "–"),
        "leads": system(one.entity.system_of_record, "–"),
        "consumers": ", ".join(
            system(name.strip(), "–")
            for name in one.entity.consumers.split(",")
            if name.strip()
        ),
        "flows": [
            list_link(SyncRecord, flow.name, is_open, flow__id__exact=flow.pk)
            for flow in one.flows
        ],
    }


def _finding(one: blueprint.Finding, user: Any) -> dict[str, Any]:
    row: Entity | Flow | None = one.entity or one.flow
    is_open = row is not None and may_open(user, type(row))
    return {"finding": one, "url": row_url(row) if row and is_open else ""}
