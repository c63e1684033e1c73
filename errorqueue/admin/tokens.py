"""Tokens for the REST interface: made once, shown once, ended at once."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue import tokens
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.clock import database_time
from errorqueue.models import ApiToken
from errorqueue.templatetags.console import due, moment, pill

LISTED = "admin:errorqueue_apitoken_changelist"
LIVES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "No end"))


class TokenForm(forms.Form):
    """What a new token is for, and for how long."""

    name = forms.CharField(
        max_length=80,
        label="What it is for",
        help_text="Such as the program and the machine: “warehouse sync on ops-2”.",
        error_messages={"required": "Write what the token is for."},
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    days = forms.ChoiceField(
        choices=LIVES,
        initial="90",
        required=False,
        label="Ends after",
        help_text="It can be revoked at any time before.",
    )


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Everybody's own tokens; who looks after them sees all."""

    list_display = ["name", "person", "hint_shown", "used", "expires", "state"]
    list_select_related = ["user"]
    list_display_links = None
    sortable_by = ()
    search_fields = ["name", "user__username"]
    search_help_text = "What it is for, or whose it is"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _sees_all(request) or self.has_add_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("errorqueue.add_apitoken"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        found = super().get_queryset(request)
        mine: Any = request.user
        return found if _sees_all(request) else found.filter(user=mine)

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*self.list_display, self._revoke_column(request)]

    @admin.display(description="Person")
    def person(self, token: ApiToken) -> str:
        return token.user.get_username()

    @admin.display(description="Ends with")
    def hint_shown(self, token: ApiToken) -> SafeString:
        return format_html("<code>…{}</code>", token.hint)

    @admin.display(description="Last used")
    def used(self, token: ApiToken) -> SafeString | str:
        return moment(token.used_at) if token.used_at else "never"

    @admin.display(description="Expires")
    def expires(self, token: ApiToken) -> SafeString | str:
        return due(token.expires_at) if token.expires_at else "never"

    @admin.display(description="State")
    def state(self, token: ApiToken) -> SafeString:
        if token.revoked_at:
            return pill("Revoked", "mute")
        is_over = token.expires_at and token.expires_at <= timezone.now()
        return pill("Expired", "mute") if is_over else pill("In force", "good")

    def _revoke_column(self, request: HttpRequest) -> Any:
        @admin.display(description="Action")
        def revoke(token: ApiToken) -> SafeString | str:
            if token.revoked_at or not _may_revoke(request, token):
                return ""
            return format_html(
                '<button type="submit" class="button button-small button-quiet" '
                'formaction="{}/revoke/" aria-label="Revoke {}">Revoke</button>',
                token.pk,
                token.name,
            )

        return revoke

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        own = path("<int:pk>/revoke/", revoke, name="errorqueue_apitoken_revoke")
        return [own, *super().get_urls()]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask what the token is for, make it, and show it this one time."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TokenForm(request.POST or None, label_suffix="")
        if form.is_valid() and (plain := self._made(request, form)):
            return self._show(request, form.cleaned_data["name"], plain)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New API token",
            "form": form,
        }
        return TemplateResponse(request, "admin/errorqueue/token.html", context)

    def _made(self, request: HttpRequest, form: TokenForm) -> str:
        days = form.cleaned_data["days"]
        expires = database_time() + timedelta(days=int(days)) if days else None
        try:
            plain = tokens.make(request.user, form.cleaned_data["name"], expires)
        except tokens.NotMakeable as error:
            form.add_error("name", str(error))
            return ""
        token = ApiToken.objects.get(digest=tokens.digest_of(plain))
        self.log_addition(request, token, "Made an API token.")
        return plain

    def _show(self, request: HttpRequest, name: str, plain: str) -> HttpResponse:
        context = {
            "title": f"Token “{name}” is made",
            "text": "Copy it now: only its digest is kept, so it cannot be shown again.",
            "secret": plain,
            "label": "Your token",
            "back_url": "../",
            "back": "API tokens",
        }
        return show_once(self, request, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A token has no page of its own: the list tells all there is."""
        return redirect(LISTED)

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a token at once, one's own or anybody's."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        token = get_object_or_404(self.get_queryset(request), pk=pk)
        if not _may_revoke(request, token):
            raise PermissionDenied
        if tokens.revoke(token):
            self.log_change(request, token, "Revoked.")
            text = f"“{token.name}” is revoked: calls with it are refused from now on."
            self.message_user(request, text, messages.SUCCESS)
        else:
            text = f"“{token.name}” was revoked before."
            self.message_user(request, text, messages.WARNING)
        return redirect(LISTED)


def show_once(
    model_admin: admin.ModelAdmin, request: HttpRequest, context: dict[str, Any]
) -> HttpResponse:
    """Show a secret that nobody can look up again; no browser keeps the page."""
    frame = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts}
    response = TemplateResponse(
        request, "admin/errorqueue/once.html", {**frame, **context}
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _sees_all(request: HttpRequest) -> bool:
    may: Any = request.user.has_perm
    return may("errorqueue.view_apitoken") or may("errorqueue.change_apitoken")


def _may_revoke(request: HttpRequest, token: ApiToken) -> bool:
    is_own = token.user_id == request.user.pk
    return is_own or bool(request.user.has_perm("errorqueue.change_apitoken"))
