"""The page of an account: state, log-in, limits, and write-only secrets."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue.admin.closed_links import may_open
from errorqueue.clock import database_time
from errorqueue.templatetags.console import pill
from errorqueue.wording import next_try
from integrations.admin import standing
from integrations.admin.columns import day, moment, state_pill, with_note
from integrations.admin.connection_forms import (
    NewConnectionForm,
    credential_fields,
    form_class,
    option_fields,
)
from integrations.admin.filters import needs_me
from integrations.admin.links import row_url
from integrations.admin.refresh import begin
from integrations.admin.saving import save_entered
from integrations.connectors.registry import connector_class
from integrations.models import Connection, Credential, Refresh, SyncRecord
from integrations.sync import access, accounts, belonging, holds
from integrations.sync.maintenance import windows

CHECK_PAGE = "admin/integrations/connection/check.html"
Fieldsets = Any
MOST_COUNTED = 10_000
ACCOUNT = ["name", "slug", "system", "environment", "account_id"]


@admin.register(Connection)
class ConnectionAdmin(admin.ModelAdmin):
    list_display = [
        "name",
        "system",
        "environment",
        "state_shown",
        "slots_shown",
        "credentials_shown",
    ]
    list_filter = [
        needs_me(~Q(state=Connection.State.READY)),
        "system",
        "environment",
        "state",
    ]
    search_fields = ["name", "slug", "account_id"]

    prepopulated_fields = {"slug": ["name"]}

    class Media:
        css = {"all": ["console/pages.css"]}

    def has_delete_permission(
        self, request: HttpRequest, obj: Connection | None = None
    ) -> bool:
        if obj is None or accounts.is_used(
            obj
        ):  # a connection in use is paused, not deleted
            return False
        return super().has_delete_permission(request, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Its slots and look-ups, which nobody may delete, go with it."""
        found, counts, _, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(), protected

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        taken = Q(slots__lease_until__gt=database_time())
        within = Q(slots__number__lte=F("allowance"))
        people = Credential.objects.select_related("set_by")
        return (
            super()
            .get_queryset(request)
            .annotate(slots_taken=Count("slots", filter=taken & within))
            .prefetch_related(Prefetch("credentials", queryset=people))
        )

    # What the form shows depends on the connector and on who looks.

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewConnectionForm
        elif self.has_change_permission(request, obj):
            kwargs["form"] = form_class(obj, sets_credentials(request))
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Fieldsets:
        if obj is None:
            return [(None, {"fields": ACCOUNT})]
        if not self.has_change_permission(request, obj):
            shown = ["base_url", "api_version", "namespace", "auth_method"]
            return [
                (None, {"fields": ACCOUNT + shown}),
                ("Limits", {"fields": ["allowance", "reserve"]}),
            ]
        return change_fieldsets(obj, sets_credentials(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None:
            return []
        fixed = ["namespace"] if accounts.is_used(obj) else []
        return ["system", "webhook_address", *fixed]

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Any = None
    ) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    @admin.display(description="State", ordering="state")
    def state_shown(self, connection: Connection) -> SafeString | str:
        return with_note(state_now(connection), standstill(connection))

    @admin.display(description="Slots in use")
    def slots_shown(self, connection: Any) -> str:
        return f"{connection.slots_taken} of {connection.allowance}"

    @admin.display(description="Credentials")
    def credentials_shown(self, connection: Connection) -> SafeString | str:
        known = list(connection.credentials.all())
        wanted = accounts.wanted_credentials(connection)
        required = {setting.name for setting in wanted if setting.required}
        missing = required - {item.name for item in known}
        if not known:
            return "not set"
        latest = f"set on {day(max(item.set_at for item in known))}"
        return with_note(latest, f"{len(missing)} not set" if missing else "")

    @admin.display(description="Webhook address")
    def webhook_address(self, connection: Connection) -> SafeString:
        address = f"{settings.SITE_URL}/hooks/{connection.slug}/"
        return format_html("<code>{}</code>", address)

    # Saving

    def save_model(
        self, request: HttpRequest, obj: Connection, form: Any, change: bool
    ) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        save_entered(obj, form, "options")
        if {"account_id", "base_url"} & set(form.changed_data):
            belonging.forget_answers(obj)
        if sets_credentials(request):
            for name in form.forgotten_credentials():
                accounts.clear_credential(obj, name)
            for name, value in form.new_credentials().items():
                accounts.set_credential(obj, name, value, request.user)

    def response_add(
        self, request: HttpRequest, obj: Connection, post_url_continue: Any = None
    ) -> HttpResponse:
        """Go on to the page that asks for log-in and secrets."""
        self.message_user(
            request,
            f"{obj} was added. Choose how to log in and set its credentials.",
            messages.SUCCESS,
        )
        return redirect(row_url(obj))

    def response_change(self, request: HttpRequest, obj: Connection) -> HttpResponse:
        missing = missing_labels(obj)
        if missing:
            text = f"Saved. Not set yet: {', '.join(missing)}."
            self.message_user(request, text, messages.WARNING)
            return redirect(row_url(obj))
        return super().response_change(request, obj)

    # Buttons

    def get_urls(self) -> list[URLPattern]:
        verbs = {
            "check": self.check_view,
            "refreshed": self.refreshed_view,
            "pause": self.pause_view,
            "resume": self.resume_view,
        }
        own = [
            path(
                f"<int:pk>/{verb}/",
                self.admin_site.admin_view(view),
                name=f"integrations_connection_{verb}",
            )
            for verb, view in verbs.items()
        ]
        return own + super().get_urls()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        may = request.user.has_perm
        context["may_check"] = may("integrations.check_connection")
        context["may_pause"] = may("integrations.pause_connection")
        connection = context.get("original")
        if connection:
            context["state_pill"] = state_now(connection)
            context["is_sandbox"] = is_sandbox(connection)
            context["waiting"] = waiting_for(connection)
            if may_open(request.user, Refresh):
                context["last_refresh"] = connection.refreshes.order_by("-pk").first()
            context["limited"] = limited(connection)
            context["maintained"] = windows.in_words(connection)
            context["circuit"] = standing.circuit_of(connection)
            context["openings"] = standing.openings_of(connection)
            context["windows"] = standing.windows_of(connection, database_time())
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_POST)
    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        connection = asked(request, pk, "check_connection")
        result = accounts.check(connection)
        verdict = "works" if result.is_good else "needs attention"
        self.log_change(request, connection, f"Checked: {verdict}.")
        context = {
            **self.admin_site.each_context(request),
            "title": f"{connection} {verdict}",
            "connection": connection,
            "result": result,
            "back": back_to(request, connection),
        }
        return TemplateResponse(request, CHECK_PAGE, context)

    @method_decorator(require_POST)
    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        connection = asked(request, pk, "pause_connection")
        reason = request.POST.get("reason", "").strip()
        if not reason:
            self.message_user(request, "Say why it is paused.", messages.ERROR)
        elif accounts.pause(connection, request.user, reason):
            self.log_change(request, connection, f"Paused: {reason}")
            self.message_user(request, f"{connection} is paused.", messages.SUCCESS)
        return redirect(back_to(request, connection))

    @method_decorator(require_POST)
    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        connection = asked(request, pk, "pause_connection")
        if connection.state == Connection.State.REFRESHED:
            text = "Set the new credentials and check the connection; that resumes it."
            self.message_user(request, text, messages.ERROR)
        elif accounts.resume(connection):
            self.log_change(request, connection, "Resumed.")
            text = f"{connection} is ready; what was held for it goes on."
            self.message_user(request, text, messages.SUCCESS)
        return redirect(back_to(request, connection))

    @method_decorator(require_POST)
    def refreshed_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Note that a sandbox was refreshed, once its name was typed to confirm."""
        connection = asked(request, pk, "pause_connection")
        made = begin(request, connection)
        if made:
            self.log_change(request, connection, "Sandbox was refreshed.")
        return redirect(row_url(made) if made else back_to(request, connection))


def state_now(connection: Connection) -> SafeString:
    """Show the state, or that a ready connection is not to be called for a while."""
    if connection.is_maintained:
        return pill("Maintenance", "warn")
    if connection.is_ready and connection.probe_at is not None:
        return pill("Log-in in doubt", "warn")
    if connection.is_ready and connection.is_limited:
        return pill("Asked us to wait", "warn")
    return state_pill(connection)


def standstill(connection: Connection) -> str:
    """Say since when nothing is sent there, why, and what waits; "" for a ready one."""
    if connection.is_usable:
        return ""
    if connection.is_maintained:
        waiting = many(holds.held_for(connection))
        said = windows.in_words(connection).removeprefix(f"{connection} is ")
        return f"{said} · {waiting} waiting" if waiting else said
    if connection.is_ready and connection.probe_at is None:
        until = f"{timezone.localtime(connection.limited_until):%H:%M}"
        return f"Nothing is sent before {until}."
    if connection.is_ready:
        return "The log-in is being checked."
    since = f"since {moment(connection.state_since)}"
    waiting = many(holds.held_for(connection))
    parts = [
        since,
        connection.state_reason.rstrip("."),
        waiting and f"{waiting} waiting",
        connection.probe_at and f"next try {next_try(connection.probe_at)}",
    ]
    return " · ".join(part for part in parts if part)


def limited(connection: Connection) -> str:
    """Say until when the vendor wants nothing; "" for a connection it does not limit."""
    if not connection.is_limited or not connection.is_ready:
        return ""
    return (
        f"{access.limit_in_words(connection)}; nothing is sent before. This ends by "
        "itself, or sooner by a check that is answered."
    )


def waiting_for(connection: Connection) -> str:
    """Say what waits for a connection that is not in use."""
    count = many(holds.held_for(connection))
    if not count:
        return "No record waits for it."
    if count == "1":
        return "1 record waits for it and goes by itself once it is ready."
    return f"{count} records wait for it and go by themselves, oldest first."


def many(records: QuerySet[SyncRecord]) -> str:
    """Count records, but never a million of them; "" for none."""
    count = records[: MOST_COUNTED + 1].count()
    if count > MOST_COUNTED:
        return f"more than {MOST_COUNTED:,}"
    return f"{count:,}" if count else ""


def is_sandbox(connection: Connection) -> bool:
    return connection.environment == Connection.Environment.SANDBOX


def asked(request: HttpRequest, pk: int, permission: str) -> Connection:
    """Return the connection of a button's address, for people who may press it."""
    if not request.user.has_perm(f"integrations.{permission}"):
        raise PermissionDenied
    return get_object_or_404(Connection, pk=pk)


def back_to(request: HttpRequest, connection: Connection) -> str:
    """Return the connection's page, or the front page for who may not see it."""
    if request.user.has_perm("integrations.view_connection"):
        return row_url(connection)
    return reverse("admin:index")


def sets_credentials(request: HttpRequest) -> bool:
    return request.user.has_perm("integrations.change_credentials")


def missing_labels(connection: Connection) -> list[str]:
    known = set(connection.credentials.values_list("name", flat=True))
    return [
        setting.label
        for setting in accounts.wanted_credentials(connection)
        if setting.required and setting.name not in known
    ]


def change_fieldsets(connection: Connection, with_credentials: bool) -> Fieldsets:
    connector = connector_class(connection.system)
    hook = ["webhook_address"] if connector.webhook_secrets else []
    address = ["base_url", "api_version", "namespace", *hook]
    found: Fieldsets = [
        (None, {"fields": ACCOUNT + address}),
        ("Log-in", {"fields": ["auth_method"]}),
    ]
    if with_credentials:
        secrets = list(credential_fields(connection))
        found.append(("Credentials", {"fields": secrets}))
    if connector.options:
        options = list(option_fields(connection))
        found.append((f"{connector.label} options", {"fields": options}))
    return [*found, ("Limits", {"fields": ["allowance", "reserve"]})]
