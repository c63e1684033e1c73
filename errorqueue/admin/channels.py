"""Channels: where messages go. The address goes in, is sealed, and never comes out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue.alerting import channels
from errorqueue.alerting.channels import NotSent
from errorqueue.models import Channel
from errorqueue.templatetags.console import moment, pill

ADDRESSES = (
    "E-mail: addresses, with commas between. Slack and Microsoft Teams: the address of "
    "an incoming webhook or workflow, as its page shows it. PagerDuty: "
    "pagerduty://integration-key@api-key. SMS: for example "
    "twilio://account:token@+15551234567/+15557654321. Webhook and heartbeat: https://…"
)


class ChannelForm(forms.ModelForm):
    """Name, kind and address; what is stored of the address is shown only in part."""

    address = forms.CharField(
        label="Address",
        required=False,
        max_length=1000,
        strip=True,
        help_text=ADDRESSES,
        widget=forms.TextInput(
            attrs={"class": "vLargeTextField", "autocomplete": "off", "size": 60}
        ),
    )
    secret = forms.CharField(
        label="Signing secret",
        required=False,
        max_length=200,
        help_text="Webhooks only: messages are signed with it. Empty: not signed, or "
        "as it was.",
        widget=forms.PasswordInput(
            attrs={"class": "vTextField", "autocomplete": "new-password"}
        ),
    )

    class Meta:
        model = Channel
        fields = ["name", "kind", "address", "secret", "is_active"]
        labels = {"is_active": "In use"}
        help_texts = {
            "is_active": "What is meant for a channel that is not in use goes to "
            "ALERT_EMAILS.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.hint and "address" in self.fields:
            kept = f"Stored: {self.instance.hint}. Leave it empty to keep that. "
            self.fields["address"].help_text = kept + ADDRESSES

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        address, kind = cleaned.get("address"), cleaned.get("kind")
        if address and kind:
            self._check(kind, address)
        elif not self.instance.pk or "kind" in self.changed_data:
            self.add_error("address", "Enter the address of this kind of channel.")
        return cleaned

    def _check(self, kind: str, address: str) -> None:
        try:
            channels.check(kind, address)
        except NotSent as error:
            self.add_error("address", str(error))

    def save(self, commit: bool = True) -> Any:
        """Seal the address with the row, which has its number by then."""
        channel = super().save(commit=False)
        if not channel.pk:
            channel.save()
        address, secret = self.cleaned_data["address"], self.cleaned_data["secret"]
        if address or secret:
            known = _known(channel)
            channels.keep(channel, address or known[0], secret or known[1])
        if commit:
            channel.save()
        return channel


def _known(channel: Channel) -> tuple[str, str]:
    """Return what is stored; nothing where no key opens it any more."""
    try:
        return channels.opened(channel) if channel.sealed_address else ("", "")
    except NotSent:
        return ("", "")


@admin.register(Channel)
class ChannelAdmin(admin.ModelAdmin):
    form = ChannelForm
    list_display = ["name", "kind", "hint_shown", "state", "last_used"]
    sortable_by = ("name", "kind")
    show_full_result_count = False
    actions = None

    @admin.display(description="Address")
    def hint_shown(self, channel: Channel) -> str:
        return channel.hint

    @admin.display(description="State")
    def state(self, channel: Channel) -> SafeString:
        if not channel.is_active:
            return pill("Not in use", "mute")
        if channel.last_error:
            return pill("Not reached", "bad")
        if channel.last_at or channel.is_tested:
            return pill("Works", "good")
        return pill("Never tested", "warn")

    @admin.display(description="Last message")
    def last_used(self, channel: Channel) -> SafeString | str:
        return moment(channel.last_at)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.test_view))
        own = path("<int:pk>/test/", view, name="errorqueue_channel_test")
        return [own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        channel = context.get("original")
        if channel:
            context["state_pill"] = self.state(channel)
            context["may_change"] = self.has_change_permission(request, channel)
        return super().render_change_form(request, context, *args, **kwargs)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a test now, and show what came of it."""
        channel = get_object_or_404(Channel, pk=pk)
        if not self.has_change_permission(request, channel):
            raise PermissionDenied
        said = channels.test(channel)
        channel.refresh_from_db()
        level = messages.SUCCESS if channel.is_tested else messages.ERROR
        self.message_user(request, said, level)
        return redirect(reverse("admin:errorqueue_channel_change", args=[pk]))
