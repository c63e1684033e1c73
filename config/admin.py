from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import include, path

from config import proof, tiles
from errorqueue.models import FailedRecord

# What people open daily comes first.
APP_ORDER = ("errorqueue", "integrations", "mappings", "auth")
MODEL_NAMES = {"FailedRecord": "Error queue", "Action": "What people did"}
# For those who look after Waybill, not for daily work.
UNDER_THE_HOOD = (
    "Attempt",
    "Link",
    "Slot",
    "CachedLookup",
    "Schedule",
    "WorkerGroup",
)
FIRST_MODEL = "FailedRecord"
OLDEST = 5


class ConsoleSite(AdminSite):
    """The console's front door."""

    site_title = "Waybill"
    site_header = "Waybill"
    index_title = "Operations"
    site_url = None
    empty_value_display = "–"

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[dict[str, Any]]:
        apps: list[dict[str, Any]] = super().get_app_list(request, app_label)
        for app in apps:
            for model in app["models"]:
                model["name"] = MODEL_NAMES.get(model["object_name"], model["name"])
            app["models"].sort(key=lambda model: model["object_name"] != FIRST_MODEL)
        apps.sort(key=_place)
        return apps if app_label else _with_hood(apps)

    def get_urls(self) -> list[Any]:
        """Put pages that belong to no model before the models' own."""
        pages = path("integrations/", include("integrations.admin.urls"))
        return [pages, *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        context["needs_person"] = _needs_person(request.user)
        return context

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        context = {
            "tiles": tiles.tiles_for(self, request.user),
            "oldest": _oldest(request.user),
            "proof": _proof(request.user),
            **(extra_context or {}),
        }
        return super().index(request, context)

    def proof(self) -> list[tuple[str, Any]]:
        """Return the facts that an empty error queue shows."""
        return proof.facts()


def _with_hood(apps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Move what only specialists open into a group of its own, at the end."""
    hidden = []
    for app in apps:
        models = app["models"]
        hidden += [one for one in models if one["object_name"] in UNDER_THE_HOOD]
        app["models"] = [one for one in models if one not in hidden]
    shown = [app for app in apps if app["models"]]
    if not hidden:
        return shown
    hood = {"name": "Under the hood", "app_label": "hood", "app_url": ""}
    return [*shown, {**hood, "models": hidden}]


def _place(app: dict[str, Any]) -> tuple[int, str]:
    label = app["app_label"]
    known = label in APP_ORDER
    return (APP_ORDER.index(label) if known else len(APP_ORDER), app["name"])


def _needs_person(user: Any) -> int | None:
    """Count what waits for a person; None for those who may not see the queue."""
    if not user.has_perm("errorqueue.view_failedrecord"):
        return None
    return FailedRecord.objects.filter(status=FailedRecord.Status.FAILED).count()


def _proof(user: Any) -> list[tuple[str, Any]]:
    seen = ("integrations.view_syncrecord", "integrations.view_inboxevent")
    return proof.facts() if user.has_perms(seen) else []


def _oldest(user: Any) -> list[FailedRecord]:
    if not user.has_perm("errorqueue.view_failedrecord"):
        return []
    failed = FailedRecord.objects.filter(status=FailedRecord.Status.FAILED)
    return list(failed.order_by("first_failed_at")[:OLDEST])
