"""The scenario library, and scenarios of one's own."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.masking import masked, may_see
from errorqueue.templatetags.console import pill
from integrations.admin.columns import moment
from integrations.connectors.registry import CONNECTORS
from integrations.models import SyncRecord
from integrations.studio.acceptance import own
from integrations.studio.acceptance.evidence import TONES, Proof
from mappings.admin.one_editor import OneEditor, SeenForm
from mappings.engine.wording import system
from mappings.models import Scenario, ScenarioRun

ANONYMOUS, AS_IT_IS = "anonymous", "as it is"
# Of a scenario of the library people choose only whether it must pass.
OF_OWN = ("record", "personal", "payload", "source_system", "source_entity")
LIBRARY_FIXED = ("name", "source_system", "source_entity", "what", "expected")


class ScenarioForm(SeenForm):
    """An own scenario: from a stored record, or from JSON that is pasted."""

    record = forms.CharField(
        required=False,
        label="Stored record",
        help_text="Number of a record of the ledger, as in its address. Leave it empty "
        "to paste JSON below.",
    )
    personal = forms.ChoiceField(
        choices=[
            (ANONYMOUS, "Replace names, addresses, numbers; lengths stay"),
            (AS_IT_IS, "Keep it as it is"),
        ],
        initial=ANONYMOUS,
        widget=forms.RadioSelect,
        label="Personal data",
        help_text="For a stored record. Scenarios are kept and shown to signers.",
    )
    payload = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 16, "class": "json-box"}),
        label="The record as JSON",
    )
    source_system = forms.ChoiceField(
        choices=[(kind, label) for kind, (label, _) in CONNECTORS.items()],
        label="Source",
        required=False,
        help_text="Of pasted JSON; a stored record brings its own.",
    )
    source_entity = forms.CharField(
        max_length=40,
        required=False,
        label="Kind of record",
        help_text="Of pasted JSON, as flows name it: order or customer, for example.",
    )

    class Meta:
        model = Scenario
        fields = (
            "name",
            "source_system",
            "source_entity",
            "what",
            "outcome",
            "expected",
            "is_required",
        )
        labels = {
            "what": "What is done",
            "outcome": "It passes when",
            "expected": "What must come of it",
            "is_required": "Must pass before a version is signed",
        }
        widgets = {
            "what": forms.Textarea(attrs={"rows": 2}),
            "expected": forms.Textarea(attrs={"rows": 2}),
        }

    user: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.group != Scenario.Group.OWN:
            for name in OF_OWN:  # the file says the rest
                self.fields.pop(name, None)
        elif self.instance.pk and not self.is_bound:
            text = json.dumps(self.instance.source, indent=2, ensure_ascii=False)
            self.fields["payload"].initial = masked(text, self.user)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if "payload" not in self.fields or self.errors:
            return given
        if given.get("record"):
            self._take_record(given)
        else:
            self._take_text(given)
        self._refuse_other_kind(given)
        return given

    def _refuse_other_kind(self, given: dict[str, Any]) -> None:
        """Keep a scenario with the kind of record that it may be required for."""
        names = ("source_system", "source_entity")
        was = [self.initial.get(name) for name in names]
        if self.instance.pk and [given.get(name) for name in names] != was:
            words = "A scenario stays with its kind of record. Add another one."
            self.add_error("source_entity", words)

    def _take_record(self, given: dict[str, Any]) -> None:
        keeps = given["personal"] == AS_IT_IS
        if not self.user.has_perm("integrations.view_syncrecord"):
            self.add_error("record", "You have no right to see records of the ledger.")
            return
        if keeps and not may_see(self.user):
            self.add_error("personal", "You may not see personal data: replace it.")
            return
        number = given["record"].strip()
        records = SyncRecord.objects.select_related("flow__source")
        found = (
            records.filter(pk=int(number)).first()
            if number.isdecimal() and len(number) < 19
            else None
        )
        if found is None:
            self.add_error("record", f"There is no record {number}. Copy its number.")
            return
        try:
            self.instance.source = own.of_record(found, anonymous=not keeps)
        except own.Unusable as error:
            self.add_error("record", str(error))
            return
        self.instance.source_system = given["source_system"] = found.flow.source.system
        self.instance.source_entity = given["source_entity"] = found.flow.source_entity
        how = "as it was" if keeps else "anonymised"
        self.instance.origin = f"{found} (record {found.pk}), {how}"[:200]

    def _take_text(self, given: dict[str, Any]) -> None:
        text = given.get("payload", "")
        if not text.strip():
            self.add_error("payload", "Name a stored record, or paste one as JSON.")
            return
        if not given.get("source_system") or not given.get("source_entity"):
            words = "Say of which source and what kind of record this JSON is."
            self.add_error("source_entity", words)
            return
        if self.instance.pk and not may_see(self.user):
            return  # what they see is masked and must not be written back
        try:
            found = own.read(text, given["source_system"], given["source_entity"])
        except own.Unusable as error:
            self.add_error("payload", str(error))
            return
        if found != self.instance.source:
            self.instance.source = found
            self.instance.origin = "Pasted JSON"

    def validate_unique(self) -> None:
        """Names may repeat; slugs are made free when it is saved."""


@admin.register(Scenario)
class ScenarioAdmin(OneEditor, admin.ModelAdmin):
    list_display = [
        "name",
        "group",
        "kind_of_record",
        "is_required",
        "outcome",
        "origin",
    ]
    list_filter = ["group", "source_entity", "is_required"]
    search_fields = ["name", "what"]
    form = ScenarioForm
    actions = None

    @admin.display(description="For", ordering="source_entity")
    def kind_of_record(self, scenario: Scenario) -> str:
        return f"{system(scenario.source_system, '')} {scenario.source_entity}"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("source")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        shown = list(ScenarioForm.Meta.fields)
        if obj is not None and obj.group != Scenario.Group.OWN:
            return [*shown, "origin"]
        head, tail = ["name", "record", "personal"], [*shown[3:]]
        return [*head, "payload", "source_system", "source_entity", *tail]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is not None and obj.group != Scenario.Group.OWN:
            return [*LIBRARY_FIXED, "outcome", "origin"]
        return []

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        made: Any = super().get_form(request, obj, change, **kwargs)
        made.user = request.user
        return made

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "personal": ANONYMOUS}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_own = obj is not None and obj.group == Scenario.Group.OWN
        return is_own and super().has_delete_permission(request, obj)

    def save_model(
        self, request: HttpRequest, obj: Scenario, form: Any, change: bool
    ) -> None:
        own.save(obj, request.user)

    def delete_model(self, request: HttpRequest, obj: Scenario) -> None:
        own.remove(obj, request.user)


@admin.register(ScenarioRun)
class ScenarioRunAdmin(ReadOnlyAdmin):
    list_display = [
        "scenario_shown",
        "version",
        "state_shown",
        "connection",
        "asked",
        "by",
    ]
    list_filter = ["state", "connection"]
    list_select_related = ["scenario", "version__document", "by"]
    search_fields = [
        *("scenario__name", "scenario__slug", "version__document__name"),
        *("connection", "by__username"),
    ]
    search_help_text = "A scenario, a mapping document, an account, a person"
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> Any:
        heavy = ["given", "made", "exchanges", "steps", "scenario__source"]
        return super().get_queryset(request).defer(*heavy)

    @admin.display(description="Scenario", ordering="scenario__name")
    def scenario_shown(self, run: ScenarioRun) -> SafeString:
        address = reverse("admin:integrations_acceptance_run", args=[run.pk])
        return format_html('<a href="{}">{}</a>', address, run.scenario.name)

    @admin.display(description="Result", ordering="state")
    def state_shown(self, run: ScenarioRun) -> SafeString:
        tone = TONES[ScenarioRun.State(run.state)]
        return pill(Proof(run.scenario, run).state, tone)

    @admin.display(description="Asked", ordering="asked_at")
    def asked(self, run: ScenarioRun) -> str:
        return moment(run.asked_at)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Lead to the evidence, which has a page of its own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if not object_id.isdecimal():
            raise Http404
        return redirect("admin:integrations_acceptance_run", int(object_id))
