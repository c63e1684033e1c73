"""The form of a flow."""

from typing import Any

from django import forms

from integrations.models import Flow
from integrations.sync import flows

LONGEST_WAIT = 7 * 24 * 3600


class SecondsField(forms.CharField):
    """A list of waits in seconds, written with commas."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return ", ".join(str(seconds) for seconds in value)
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        words = (value or "").replace(",", " ").split()
        if not all(word.isdigit() and 0 < int(word) <= LONGEST_WAIT for word in words):
            raise forms.ValidationError(
                "Write whole seconds with commas between, each at most a week: "
                "1, 2, 30, 600."
            )
        return [int(word) for word in words]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or []) != self.to_python(data)
        except forms.ValidationError:
            return True


class FlowForm(forms.ModelForm):
    """A flow whose ends and mapping must fit each other."""

    retry_schedule = SecondsField(
        required=False,
        label="Waits between tries",
        help_text="Seconds, with commas between them; empty for the usual schedule.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    class Meta:
        model = Flow
        fields = ["name", "slug", "is_enabled", "retry_schedule"]
        labels = {
            "is_enabled": "On",
            "poll_minutes": "Ask every … minutes",
            "hold_hours": "Hold for at most … hours",
            "breaker_percent": "Opens at … % failed",
            "breaker_least": "Of at least … records",
            "breaker_minutes": "Within … minutes",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        source = cleaned.get("source", getattr(self.instance, "source", None))
        target = cleaned.get("target", getattr(self.instance, "target", None))
        if source and target:
            self._refuse_ends(source, target)
        if cleaned.get("mapping") and source and target:
            self._refuse_mapping(cleaned, source, target)
        return cleaned

    def _before(self) -> Any:
        """Return the document that the flow goes by until this is saved."""
        return self.instance.mapping if self.instance.pk else None

    def _refuse_ends(self, source: Any, target: Any) -> None:
        if source == target:
            self.add_error("target", "Choose another connection than the source.")
        elif source.environment != target.environment:
            self.add_error("target", flows.ends_words(source, target))

    def _refuse_mapping(
        self, cleaned: dict[str, Any], source: Any, target: Any
    ) -> None:
        mapping = cleaned["mapping"]
        entity = cleaned.get("source_entity", self.instance.source_entity)
        record = cleaned.get("target_record", self.instance.target_record)
        wanted = (source.system, entity, target.system, record)
        found = (
            mapping.source_system,
            mapping.source_entity,
            mapping.target_system,
            mapping.target_record,
        )
        if wanted != found:
            self.add_error(
                "mapping",
                f"This document maps {found[0]} {found[1]} to {found[2]} {found[3]}; "
                f"the flow moves {wanted[0]} {wanted[1]} to {wanted[2]} {wanted[3]}.",
            )
        elif target.environment != mapping.environment:
            self.add_error("mapping", flows.mismatch_words(target, mapping))
        elif unsigned := flows.unsigned_words(self._before(), target, mapping):
            self.add_error("mapping", unsigned)
        elif cleaned.get("is_enabled") and mapping.published() is None:
            self.add_error(
                "is_enabled", f"{mapping} has no published version yet: leave it off."
            )
