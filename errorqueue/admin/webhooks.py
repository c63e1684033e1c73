"""Webhooks: who is told of what opens and is settled, and what became of it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue import notices, signing
from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.admin.readonly import LongListAdmin
from errorqueue.admin.tokens import show_once
from errorqueue.models import Notice, Subscriber
from errorqueue.outgoing import NotAllowed, NotTaken, check_url
from errorqueue.sealing import SealBroken
from errorqueue.templatetags.console import due, moment, pill

CHOICES = (
    (notices.OPENED, "A record needs a person"),
    (notices.RESOLVED, "A record is settled"),
)
UNSENT = Q(sent_at=None, given_up_at=None)
COPY_IT = (
    "Copy it to the other side now: it is kept sealed and not shown again. The secret "
    "before it signs along for one day."
)


class SubscriberForm(forms.ModelForm):
    """Where to, and what of."""

    url = forms.URLField(
        label="URL",
        max_length=300,
        assume_scheme="https",
        help_text="Messages are posted here, signed. https:// and a public host.",
        widget=forms.URLInput(attrs={"class": "vURLField"}),
    )
    events = forms.MultipleChoiceField(
        choices=CHOICES,
        widget=forms.CheckboxSelectMultiple,
        initial=list(notices.EVENTS),
        label="Tell it when",
        error_messages={"required": "Tick at least one."},
    )

    class Meta:
        model = Subscriber
        fields = ["name", "url", "events", "is_active"]
        labels = {"is_active": "In use"}
        help_texts = {"is_active": "While it is not in use nothing is noted for it."}

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_url(url)
        except NotAllowed as error:
            raise forms.ValidationError(str(error).removeprefix("URL: ")) from error
        return url


@admin.register(Subscriber)
class SubscriberAdmin(admin.ModelAdmin):
    """The addresses that are told, and whether they listen."""

    form = SubscriberForm
    list_display = ["name", "url", "events_shown", "state", "last_taken"]
    sortable_by = ("name",)
    show_full_result_count = False
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscriber]:
        unsent = Q(notices__sent_at=None, notices__given_up_at=None)
        there = Q(notices__isnull=False)
        found = super().get_queryset(request)
        return found.annotate(waiting=Count("notices", filter=unsent & there))

    @admin.display(description="Told when")
    def events_shown(self, subscriber: Subscriber) -> str:
        return ", ".join(subscriber.events)

    @admin.display(description="State")
    def state(self, subscriber: Subscriber) -> SafeString:
        if not subscriber.is_active:
            return pill("Not in use", "mute")
        if subscriber.paused_reason:
            return pill("Paused", "bad")
        return pill("Listening", "good")

    @admin.display(description="Last taken")
    def last_taken(self, subscriber: Subscriber) -> SafeString | str:
        taken = subscriber.notices.filter(sent_at__isnull=False).first()
        return moment(taken.sent_at) if taken else "never"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One in use may be written for at this very moment: take it out of use."""
        if obj is not None and obj.is_active:
            return False
        return super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its notices, which nobody may delete, go with it."""
        found, counts, _, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(), protected

    def save_model(
        self, request: HttpRequest, obj: Subscriber, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        notices.forget()

    def delete_model(self, request: HttpRequest, obj: Subscriber) -> None:
        super().delete_model(request, obj)
        notices.forget()

    def response_add(
        self, request: HttpRequest, obj: Subscriber, post_url_continue: Any = None
    ) -> HttpResponse:
        """Show the secret of a new subscriber, this one time."""
        return self._show_secret(request, obj)

    def _show_secret(
        self, request: HttpRequest, subscriber: Subscriber
    ) -> HttpResponse:
        context = {
            "title": f"Secret of {subscriber}",
            "text": COPY_IT,
            "secret": signing.renew_secret(subscriber),
            "label": "Signing secret",
            "back_url": _page_of(subscriber),
            "back": str(subscriber),
        }
        return show_once(self, request, context)

    def get_urls(self) -> list[URLPattern]:
        verbs = {
            "test": self.test_view,
            "rotate": self.rotate_view,
            "resume": self.resume_view,
        }
        own = [
            path(
                f"<int:pk>/{verb}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"errorqueue_subscriber_{verb}",
            )
            for verb, view in verbs.items()
        ]
        return [*own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        subscriber = context.get("original")
        if subscriber:
            context["state_pill"] = self.state(subscriber)
            context["may_change"] = self.has_change_permission(request, subscriber)
            listed = reverse("admin:errorqueue_notice_changelist")
            context["notices_url"] = f"{listed}?subscriber__id__exact={subscriber.pk}"
        return super().render_change_form(request, context, *args, **kwargs)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Post a message that tells of nothing, and say what was answered."""
        subscriber = self._asked(request, pk)
        try:
            notices.test(subscriber)
        except (NotTaken, NotAllowed) as error:
            text = f"The test was not taken. {error}"
            self.message_user(request, text, messages.ERROR)
        else:
            self.message_user(request, "The test was taken.", messages.SUCCESS)
        return redirect(_page_of(subscriber))

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a new secret and show it; the one before signs along for a day."""
        subscriber = self._asked(request, pk)
        try:
            response = self._show_secret(request, subscriber)
        except SealBroken:
            # No key opens the old one, so nothing is lost with it.
            subscriber.sealed_secret = ""
            response = self._show_secret(request, subscriber)
        self.log_change(request, subscriber, "Made a new secret.")
        return response

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send again, beginning with what was kept meanwhile."""
        subscriber = self._asked(request, pk)
        if notices.resume(subscriber):
            self.log_change(request, subscriber, "Resumed.")
            text = f"{subscriber} is told again, beginning with what was kept."
            self.message_user(request, text, messages.SUCCESS)
        return redirect(_page_of(subscriber))

    def _asked(self, request: HttpRequest, pk: int) -> Subscriber:
        if not request.user.has_perm("errorqueue.change_subscriber"):
            raise PermissionDenied
        return get_object_or_404(Subscriber, pk=pk)


class NoticeTabs(TabFilter):
    """Notices by what became of them."""

    tabs = (
        Tab("all", "All", Q(pk__isnull=False), is_sum=True),
        Tab("waiting", "Not taken yet", UNSENT),
        Tab("given-up", "Given up", Q(given_up_at__isnull=False)),
        Tab("taken", "Taken", Q(sent_at__isnull=False)),
    )


@admin.register(Notice)
class NoticeAdmin(LongListAdmin):
    """What was told to whom, newest first."""

    list_display = [
        "told",
        "subscriber",
        "line_shown",
        "state",
        "tries",
        "made",
        "next_or_taken",
        "error",
    ]
    list_filter = [NoticeTabs, "subscriber"]
    list_select_related = ["subscriber", "line"]
    list_display_links = None
    actions = ["send_again"]

    @admin.display(description="Event")
    def told(self, notice: Notice) -> str:
        return notice.event.capitalize()

    @admin.display(description="Record")
    def line_shown(self, notice: Notice) -> SafeString:
        url = reverse("admin:errorqueue_failedrecord_change", args=[notice.line_id])
        return format_html('<a href="{}">{}</a>', url, notice.line.human_id)

    @admin.display(description="State")
    def state(self, notice: Notice) -> SafeString:
        if notice.sent_at:
            return pill("Taken", "good")
        if notice.given_up_at:
            return pill("Given up", "bad")
        return pill("Not taken yet" if notice.tries else "Due", "wait")

    @admin.display(description="Noted")
    def made(self, notice: Notice) -> SafeString | str:
        return moment(notice.made_at)

    @admin.display(description="Next try, or taken")
    def next_or_taken(self, notice: Notice) -> SafeString | str:
        if notice.given_up_at:
            return ""
        return moment(notice.sent_at) if notice.sent_at else due(notice.try_at)

    def has_again_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("errorqueue.change_subscriber"))

    @admin.action(description="Send again what was given up", permissions=["again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        count = sum(notices.send_again(notice) for notice in queryset[:1000])
        text = f"{count:,} will be sent again." if count else "None was given up."
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, text, level)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A notice has no page of its own: the list tells all there is."""
        return redirect("admin:errorqueue_notice_changelist")


def _page_of(subscriber: Subscriber) -> str:
    return reverse("admin:errorqueue_subscriber_change", args=[subscriber.pk])
