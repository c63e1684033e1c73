"""The page of maintenance windows: enter one, end it early, extend or cancel it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue.admin.closed_links import LinksForReaders
from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.admin.routing import KnownValues
from errorqueue.clock import database_time
from errorqueue.templatetags.console import pill
from integrations.admin.columns import moment, with_note
from integrations.admin.flow import PlainChoices
from integrations.admin.links import row_url
from integrations.models import MaintenanceTime, MaintenanceWindow
from integrations.sync.maintenance import windows
from integrations.sync.timetable import instant_of

RIGHT = "integrations.change_maintenancewindow"
WALL = "%Y-%m-%dT%H:%M"
UNDER_WAY = MaintenanceTime.objects.filter(window=OuterRef("pk"), closed_at=None)
STILL_OPEN = MaintenanceTime.objects.filter(closed_at=None).values("window")
TO_COME = Q(cancelled_at=None) & (
    Q(is_weekly=True) | Q(ends_at__gt=Now()) | Q(pk__in=STILL_OPEN)
)
MOST_TIMES = 20


class WallTime(forms.DateTimeField):
    """A time as the clock on some wall shows it: it has no zone of its own."""

    widget = forms.DateTimeInput(format=WALL, attrs={"type": "datetime-local"})

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            return datetime.fromisoformat(str(value)).replace(tzinfo=None)
        except ValueError as error:
            text = "Write a day and a time, as in 2026-11-22 02:00."
            raise forms.ValidationError(text) from error


class WindowForm(forms.ModelForm):
    """A new window, in the time of the place where it is kept."""

    begins = WallTime(label="From")
    ends = WallTime(label="To")

    class Meta:
        model = MaintenanceWindow
        fields = ("connection", "reason", "zone", "is_weekly", "last_on")
        labels = {
            "zone": "Time zone",
            "is_weekly": "Every week",
            "last_on": "Last day",
        }
        help_texts = {
            "zone": "From and To are in this zone, as in Europe/Berlin.",
            "is_weekly": "On the same day and at the same times on the wall clock, also "
            "when the clocks change.",
            "last_on": "Only for every week; empty for no end.",
        }
        widgets = {
            "zone": KnownValues(
                lambda: sorted(available_timezones()), attrs={"class": "vTextField"}
            ),
            "last_on": forms.DateInput(attrs={"type": "date"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "zone" in self.fields:
            self.fields["zone"].initial = settings.TIME_ZONE

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"]
        if zone not in available_timezones():
            text = f"There is no time zone “{zone}”: write one like Europe/Berlin."
            raise forms.ValidationError(text)
        return zone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned["ends"] <= cleaned["begins"]:
            self.add_error("ends", "Choose an end after the start.")
            return cleaned
        zone = ZoneInfo(cleaned["zone"])
        self.instance.starts_at = instant_of(cleaned["begins"], zone)
        self.instance.ends_at = instant_of(cleaned["ends"], zone, last=True)
        try:
            windows.check(self.instance_with(cleaned))
        except windows.Refused as error:
            self.add_error("ends", str(error))
        return cleaned

    def instance_with(self, cleaned: dict[str, Any]) -> MaintenanceWindow:
        for name in ("zone", "is_weekly", "last_on"):
            setattr(self.instance, name, cleaned[name])
        return self.instance


class WindowTabs(TabFilter):
    """What is to come comes first."""

    title = "time"
    tabs = (
        Tab("open", "Now and to come", TO_COME),
        Tab("all", "All", Q(), is_sum=True),
    )


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(LinksForReaders, PlainChoices, admin.ModelAdmin):
    """Windows are entered, moved and cancelled; what they held stays readable."""

    list_display = ["shown", "state", "when", "next_time", "reason", "by"]
    list_display_links = ["shown"]
    list_filter = [WindowTabs, "connection"]
    list_select_related = ["connection", "by"]
    search_fields = ["reason", "connection__name"]

    form = WindowForm
    fields = ["connection", "begins", "ends", "zone", "is_weekly", "last_on", "reason"]
    actions: Any = None

    class Media:
        css = {"all": ["console/pages.css"]}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody rewrites a window; its buttons move and cancel it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fields
        return ["connection", "when", "state", "next_time", "reason", "by", "made"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["when", "state", "next_time", "made"] if obj else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[MaintenanceWindow]:
        return super().get_queryset(request).annotate(is_now=Exists(UNDER_WAY))

    def save_model(
        self, request: HttpRequest, obj: MaintenanceWindow, form: Any, change: bool
    ) -> None:
        windows.enter(obj, request.user)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        window = context.get("original")
        if window:
            context["times"] = window.times.select_related("moved_by")[:MOST_TIMES]
            context["time"] = window.times.filter(closed_at=None).first()
            context["may_act"] = request.user.has_perm(RIGHT)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="Connection", ordering="connection__name")
    def shown(self, window: MaintenanceWindow) -> str:
        return str(window.connection)

    @admin.display(description="State")
    def state(self, window: Any) -> SafeString | str:
        if window.is_now:
            return pill("Now", "warn")
        if window.cancelled_at:
            return with_note(pill("Cancelled", "mute"), moment(window.cancelled_at))
        is_to_come = windows.next_span(window, database_time())
        return pill("To come", "wait") if is_to_come else pill("Over", "mute")

    @admin.display(description="When")
    def when(self, window: MaintenanceWindow) -> str:
        return in_words(window)

    @admin.display(description="Now or next")
    def next_time(self, window: MaintenanceWindow) -> str:
        span = windows.next_span(window, database_time())
        return f"{moment(span.starts_at)} – {moment(span.ends_at)}" if span else "–"

    @admin.display(description="Entered")
    def made(self, window: MaintenanceWindow) -> str:
        return moment(window.made_at)

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:pk>/<str:verb>/",
            self.admin_site.admin_view(require_POST(verb_view)),
            name="integrations_window_verb",
        )
        # Behind the model's own: `<pk>/change/` and `<pk>/history/` are theirs.
        return [*super().get_urls(), own]


def in_words(window: MaintenanceWindow) -> str:
    """Say when a window is, by the clocks of its own zone."""
    zone = windows.plan_of(window).zone
    begin, end = (at.astimezone(zone) for at in (window.starts_at, window.ends_at))
    place = zone.key.replace("_", " ")
    if not window.is_weekly:
        return f"{begin:%-d %b %Y, %H:%M} – {end:%-d %b %Y, %H:%M}, {place}"
    until = f" until {window.last_on:%-d %b %Y}" if window.last_on else ""
    return f"Every {begin:%A} {begin:%H:%M} – {end:%A} {end:%H:%M}{until}, {place}"


def verb_view(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """End a time early, let it last longer, or cancel the window."""
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    window = get_object_or_404(MaintenanceWindow, pk=pk)
    if verb not in VERBS:
        raise Http404
    try:
        messages.success(request, VERBS[verb](request, window))
    except windows.Refused as error:
        messages.error(request, str(error))
    return redirect(row_url(window))


def _cancel(request: HttpRequest, window: MaintenanceWindow) -> str:
    if not windows.cancel(window, request.user):
        raise windows.Refused("It was cancelled before.")
    return "Cancelled; it takes place no more."


def _end(request: HttpRequest, window: MaintenanceWindow) -> str:
    if not windows.end_now(_time_of(window), request.user):
        raise windows.Refused("It has ended meanwhile.")
    return f"Ended; {window.connection} is called again and what waited goes by itself."


def _extend(request: HttpRequest, window: MaintenanceWindow) -> str:
    time = _time_of(window)
    try:
        wall = datetime.fromisoformat(request.POST.get("until", ""))
    except ValueError as error:
        text = "Write a day and a time in Until, as in 2026-11-22 06:00."
        raise windows.Refused(text) from error
    zone = windows.plan_of(window).zone
    until = instant_of(wall.replace(tzinfo=None), zone, last=True)
    windows.extend(time, until, request.user)
    return f"It lasts until {wall:%-d %b, %H:%M} now."


def _time_of(window: MaintenanceWindow) -> MaintenanceTime:
    times = window.times.filter(closed_at=None).select_related("window__connection")
    time = times.first()
    if time is None:
        raise windows.Refused("It is not under way.")
    return time


VERBS = {"cancel": _cancel, "end": _end, "extend": _extend}
