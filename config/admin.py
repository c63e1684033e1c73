from typing import Any

from django.contrib.admin import AdminSite
from django.core.cache import cache
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.module_loading import import_string
from django.utils.text import capfirst

from errorqueue.models import FailedRecord
from integrations.models.installation import copied_from, copy_in_words
from integrations.operations.checks import trouble

# So long a server process remembers whether anybody would hear of trouble.
TROUBLE_SECONDS = 15
# What people open daily comes first.
APP_ORDER = ("errorqueue", "reconciliation", "integrations", "mappings", "auth")
MODEL_NAMES = {
    "FailedRecord": "Error queue",
    "Recipe": "Known fixes",
    "Action": "What people did",
    "ApiToken": "API tokens",
    "PayloadRule": "Payload retention",
    "SeenValue": "New values",
    "Entity": "Blueprint",
    "NamedLookup": "Look-ups by name",
    "Drift": "Field drift",
    "Refresh": "Sandbox refreshes",
}
# The error queue's own pages, by how often they are needed; others stand behind.
MODEL_ORDER = (
    "FailedRecord",
    "Cause",
    "BulkRun",
    "Recipe",
    "Alert",
    "AlertRule",
    "Team",
    "Channel",
    "Action",
    "RoutingRule",
    "Tag",
    "Subscriber",
    "ApiToken",
)
# For those who look after Waybill, not for daily work.
UNDER_THE_HOOD = (
    "Attempt",
    "Link",
    "Slot",
    "CachedLookup",
    "Schedule",
    "WorkerGroup",
    "Notice",
    "PayloadRule",
)
# Pages without a model: the group they stand in, their name, the right they need.
PAGES = (
    ("mappings", "Who owns what", "who_owns_what", "mappings.view_mappingversion"),
    ("integrations", "Completeness", "completeness", "integrations.view_certificate"),
    ("integrations", "Outcome", "outcome", "integrations.view_outcomeday"),
    ("integrations", "Handbook", "handbook", "integrations.view_flow"),
)
# By name: they lead to the pages of models, and those need this site first.
HOME, PROOF = "config.home.page.page_of", "config.proof.whole"
# Where the addresses of Django 1.8 led: to a row of any name.
GUESS = "<path:object_id>/"
MOST_COUNTED = 10_000


class ConsoleSite(AdminSite):
    """The console's front door."""

    site_title = "Waybill"
    site_header = "Waybill"
    index_title = "Home"
    site_url = None
    empty_value_display = "–"

    def menu_name(self, opts: Any) -> str:
        """Return what the menu calls the list of a model."""
        return MODEL_NAMES.get(opts.object_name, capfirst(opts.verbose_name_plural))

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[dict[str, Any]]:
        apps: list[dict[str, Any]] = super().get_app_list(request, app_label)
        for app in apps:
            for model in app["models"]:
                model["name"] = MODEL_NAMES.get(model["object_name"], model["name"])
            app["models"].sort(key=_rank)
            app["models"] += self._pages_of(app["app_label"], request.user)
        apps.sort(key=_place)
        return apps if app_label else _with_hood(apps)

    def _pages_of(self, label: str, user: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "object_name": address,
                "admin_url": reverse(f"{self.name}:{address}"),
                "view_only": True,
            }
            for group, name, address, right in PAGES
            if group == label
            and user.has_perms([right, "mappings.view_mappingversion"])
        ]

    def get_urls(self) -> list[Any]:
        """Put pages that belong to no model before the models' own."""
        pages = path("integrations/", include("integrations.admin.urls"))
        found = super().get_urls()
        for one in found:
            _without_guesses(one)
        return [pages, *found]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        context["needs_person"] = _needs_person(request.user)
        context["copied_from"] = _copied_from(request.user)
        return context

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        context = {
            **import_string(HOME)(self, request),
            "trouble": cache.get_or_set("trouble", trouble, TROUBLE_SECONDS),
            **(extra_context or {}),
        }
        return super().index(request, context)

    def proof(self) -> list[tuple[str, Any]]:
        """Return the facts that an empty error queue shows."""
        facts: list[tuple[str, Any]] = import_string(PROOF)()
        return facts


def _without_guesses(found: URLPattern | URLResolver) -> None:
    """Leave out that "anything/" may be the old address of some row's page.

    It would lead "abc/publish/" to the page of a row called "abc/publish".
    """
    if isinstance(found, URLResolver):
        kept = [one for one in found.url_patterns if str(one.pattern) != GUESS]
        found.url_patterns[:] = kept


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


def _rank(model: dict[str, Any]) -> int:
    name = model["object_name"]
    return MODEL_ORDER.index(name) if name in MODEL_ORDER else len(MODEL_ORDER)


def _place(app: dict[str, Any]) -> tuple[int, str]:
    label = app["app_label"]
    known = label in APP_ORDER
    return (APP_ORDER.index(label) if known else len(APP_ORDER), app["name"])


def _copied_from(user: Any) -> str:
    """Say of which installation this database is a copy; nothing at home."""
    home = copied_from() if user.is_authenticated else ""
    return copy_in_words(home) if home else ""


def _needs_person(user: Any) -> str:
    """Count what waits for a person; nothing for those who may not see the queue."""
    if not user.has_perm("errorqueue.view_failedrecord"):
        return ""
    failed = FailedRecord.objects.filter(status=FailedRecord.Status.FAILED)
    found = failed.values("pk")[: MOST_COUNTED + 1].count()
    if found > MOST_COUNTED:  # every page shows it: it may not cost more for more
        return f"{MOST_COUNTED:,}+"
    return f"{found:,}" if found else ""
