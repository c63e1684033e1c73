"""The form of a schedule, and its rule in words."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from integrations.models import Schedule
from integrations.sync.schedules import rule_of

WHEN = ["rule", "minutes", "at", "zone"]


def _zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(available_timezones())]


def in_words(schedule: Schedule) -> str:
    """Say when a schedule runs."""
    if schedule.rule == Schedule.Rule.DAILY:
        at = f"{schedule.at:%H:%M}" if schedule.at else "no time"
        return f"Daily at {at}, {schedule.zone.replace('_', ' ')}"
    if schedule.minutes == 1:
        return "Every minute"
    hours, rest = divmod(schedule.minutes, 60)
    if hours and not rest:
        return "Every hour" if hours == 1 else f"Every {hours} hours"
    return f"Every {schedule.minutes} minutes"


class ScheduleForm(forms.ModelForm):
    """When a job runs; what it runs is fixed."""

    zone = forms.ChoiceField(choices=_zones, label="Time zone")

    class Meta:
        model = Schedule
        fields = ["is_enabled", *WHEN, "missed"]
        labels = {
            "is_enabled": "On",
            "rule": "How often",
            "minutes": "Minutes",
            "at": "Time of day",
            "missed": "When a time was missed",
        }
        help_texts = {
            "minutes": "For “every so many minutes”.",
            "at": "For “daily”. A time that the clocks jump over runs right after "
            "the jump; one that comes twice runs the first time.",
            "missed": "For example because the workers were stopped.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        entered = {name: cleaned[name] for name in WHEN}
        try:
            rule_of(Schedule(**entered))
        except ValueError as error:
            daily = cleaned["rule"] == Schedule.Rule.DAILY
            self.add_error("at" if daily else "minutes", str(error))
        return cleaned
