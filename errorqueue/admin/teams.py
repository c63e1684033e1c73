"""Teams with their hours and steps, and the rules that choose among them."""

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue import people, values
from errorqueue.admin.routing import KnownValues
from errorqueue.alerting import rules
from errorqueue.alerting.hours import holidays_in
from errorqueue.alerting.steps import LONGEST_STEP
from errorqueue.models import Alert, AlertRule, Channel, Team, TeamStep
from errorqueue.templatetags.console import pill

DAYS = [
    *((0, "Monday"), (1, "Tuesday"), (2, "Wednesday"), (3, "Thursday")),
    *((4, "Friday"), (5, "Saturday"), (6, "Sunday")),
]
MOST_OFFERED = 200


def connections() -> list[str]:
    """Return the names of connections that incidents were about."""
    known = Alert.objects.exclude(connection="").order_by("connection")
    return list(known.values_list("connection", flat=True).distinct()[:MOST_OFFERED])


def zones() -> list[str]:
    return sorted(available_timezones())


class TeamForm(forms.ModelForm):
    """A team's people, hours, quiet times and digests, in plain words."""

    days = forms.TypedMultipleChoiceField(
        choices=DAYS,
        coerce=int,
        label="Working days",
        widget=forms.CheckboxSelectMultiple,
        initial=[0, 1, 2, 3, 4],
        error_messages={"required": "Tick at least one day."},
    )
    weekly_on = forms.TypedChoiceField(
        choices=[("", "Never"), *DAYS],
        coerce=int,
        empty_value=None,
        required=False,
        label="Weekly digest on",
    )

    class Meta:
        model = Team
        fields = (
            *("name", "zone", "members", "days", "opens", "closes", "holidays"),
            *("quiet_from", "quiet_until", "is_quiet_off_days", "tells_end"),
            *("daily_at", "weekly_on", "weekly_at"),
        )
        labels = {
            "zone": "Time zone",
            "opens": "Work begins at",
            "closes": "Work ends at",
            "quiet_from": "Quiet from",
            "quiet_until": "Quiet until",
            "is_quiet_off_days": "Days off are quiet as well",
            "tells_end": "Also tell when an incident is over",
            "daily_at": "Daily digest at",
            "weekly_at": "Weekly digest at",
        }
        help_texts = {
            "zone": "As in Europe/Berlin.",
            "members": "They get the digests by e-mail.",
            "holidays": "One a line, as in 2026-12-25 Christmas.",
            "closes": "Deadlines of this team stand still outside these hours.",
            "quiet_until": "What is not urgent waits so long. Inventory failures and "
            "refused access always come through.",
            "daily_at": "Local time; empty for never.",
        }
        widgets = {
            "zone": KnownValues(zones, attrs={"class": "vTextField"}),
            "members": forms.CheckboxSelectMultiple,
            "holidays": forms.Textarea(attrs={"rows": 4, "cols": 40}),
            **{
                name: forms.TimeInput(format="%H:%M", attrs={"type": "time"})
                for name in (
                    *("opens", "closes", "quiet_from", "quiet_until"),
                    *("daily_at", "weekly_at"),
                )
            },
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members: Any = self.fields.get("members")
        if members:
            members.queryset = people.staff()

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"]
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            text = f"There is no time zone “{zone}”: write one like Europe/Berlin."
            raise forms.ValidationError(text) from error
        return zone

    def clean_holidays(self) -> str:
        text: str = self.cleaned_data["holidays"]
        try:
            holidays_in(text)
        except ValueError as error:
            raise forms.ValidationError(
                "Begin each line with a date as in 2026-12-25."
            ) from error
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        quiet = cleaned.get("quiet_from")
        if (quiet is None) != (cleaned.get("quiet_until") is None):
            self.add_error("quiet_until", "Fill in both ends of the quiet time.")
        elif quiet and quiet == cleaned.get("quiet_until"):
            self.add_error("quiet_until", "Leave some of the day in which to be told.")
        is_weekly = cleaned.get("weekly_on") is not None
        if is_weekly != bool(cleaned.get("weekly_at")):
            self.add_error("weekly_at", "Give the weekly digest a day and a time.")
        return cleaned


class StepForm(forms.ModelForm):
    """One place that is told, and when."""

    class Meta:
        model = TeamStep
        fields = ("after_minutes", "channel", "person", "duty", "second")
        labels = {
            "after_minutes": "After (minutes)",
            "duty": "On duty",
            "second": "If that fails",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        speaking = Channel.objects.exclude(kind=Channel.Kind.HEARTBEAT)
        for name in ("channel", "second"):
            field: Any = self.fields[name]
            field.queryset = speaking
            field.empty_label = "–"
        person: Any = self.fields["person"]
        person.queryset = people.staff()
        person.empty_label = "–"
        self.fields["after_minutes"].widget.attrs["max"] = LONGEST_STEP

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if bool(cleaned.get("channel")) == bool(cleaned.get("person")):
            text = "Choose a channel or a person, one of the two."
            raise forms.ValidationError(text)
        if cleaned.get("person") and not cleaned["person"].email:
            self.add_error("person", "This person has no e-mail address.")
        return cleaned


class StepInline(admin.TabularInline):
    model = TeamStep
    form = StepForm
    fk_name = "team"
    extra = 1
    verbose_name_plural = "Steps: who is told, and who next if nobody acknowledges"

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        return _bare(super().formfield_for_dbfield(*args, **kwargs))


def _bare(box: Any) -> Any:
    """Offer the choices alone: channels and people have pages of their own."""
    if isinstance(getattr(box, "widget", None), RelatedFieldWidgetWrapper):
        box.widget = box.widget.widget
    return box


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    form = TeamForm
    inlines = [StepInline]
    list_display = ["name", "hours_shown", "quiet_shown", "steps_shown"]
    sortable_by = ("name",)
    show_full_result_count = False
    actions = None
    fieldsets = [
        (None, {"fields": ["name", "zone", "members"]}),
        (
            "When they work",
            {"fields": ["days", ("opens", "closes"), "holidays"]},
        ),
        (
            "When they want quiet",
            {"fields": [("quiet_from", "quiet_until"), "is_quiet_off_days"]},
        ),
        (
            "What else they hear",
            {"fields": ["tells_end", "daily_at", ("weekly_on", "weekly_at")]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("steps__channel")

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        return _bare(super().formfield_for_dbfield(*args, **kwargs))

    @admin.display(description="Works")
    def hours_shown(self, team: Team) -> str:
        names = ", ".join(name[:3] for day, name in DAYS if day in team.days)
        return f"{names} {team.opens:%H:%M}–{team.closes:%H:%M} {team.zone}"

    @admin.display(description="Quiet")
    def quiet_shown(self, team: Team) -> str:
        if team.quiet_from and team.quiet_until:
            return f"{team.quiet_from:%H:%M}–{team.quiet_until:%H:%M}"
        return "never"

    @admin.display(description="Told")
    def steps_shown(self, team: Team) -> SafeString | str:
        steps = [f"{one.who} after {one.after_minutes} min" for one in team.steps.all()]
        return "; ".join(steps) or pill("Operators by e-mail", "warn")


class AlertRuleForm(forms.ModelForm):
    """Which incidents a rule is about, and whose they are."""

    kind = forms.ChoiceField(
        choices=[("", "Any kind"), *Alert.Kind.choices], required=False
    )

    class Meta:
        model = AlertRule
        fields = (
            *("name", "order", "is_active", "kind", "flow", "connection", "cause"),
            *("min_amount", "min_count", "min_rate", "team", "is_immediate"),
        )
        labels = {
            "is_active": "In force",
            "min_amount": "Worth at least",
            "min_count": "Records, at least",
            "min_rate": "New failures an hour, at least",
            "team": "They go to",
            "is_immediate": "At any hour",
        }
        help_texts = {
            "flow": "Its exact name, as in the list of flows.",
            "connection": "Its exact name; either side of the flow.",
            "min_amount": "In one currency; currencies are not added up.",
            "is_immediate": "Quiet times do not hold these back.",
        }
        widgets = {
            "flow": KnownValues(values.flows, attrs={"class": "vTextField"}),
            "connection": KnownValues(connections, attrs={"class": "vTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.initial.get("min_amount") is not None:
            amount = self.initial["min_amount"]
            self.initial["min_amount"] = f"{amount.normalize():f}"

    def clean_min_amount(self) -> Any:
        amount = self.cleaned_data["min_amount"]
        if amount is not None and amount < 0:
            raise forms.ValidationError("Write an amount of 0 or more, or leave it.")
        return amount


@admin.register(AlertRule)
class AlertRuleAdmin(admin.ModelAdmin):
    form = AlertRuleForm
    list_display = ["said", "name", "order", "is_active"]
    list_select_related = ["team", "cause"]
    ordering = ["order", "pk"]
    sortable_by = ()
    raw_id_fields = ["cause"]
    show_full_result_count = False
    fieldsets = [
        (None, {"fields": ["name", "order", "is_active"]}),
        (
            "Which incidents",
            {
                "fields": [
                    *("kind", "flow", "connection", "cause"),
                    *("min_amount", "min_count", "min_rate"),
                ],
                "description": "All that is filled in must hold; what is empty holds "
                "always. The first rule that holds decides. An incident that no rule "
                "is about goes to ALERT_EMAILS.",
            },
        ),
        ("Whose they are", {"fields": ["team", "is_immediate"]}),
    ]

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        return _bare(super().formfield_for_dbfield(*args, **kwargs))

    @admin.display(description="Rule")
    def said(self, rule: AlertRule) -> SafeString:
        off = "" if rule.is_active else pill("Off", "mute")
        return format_html("{} {}", rules.sentence(rule), off)
