"""Who gets new failures and until when: rules that read as sentences, and tags."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

from errorqueue import people, routing, values
from errorqueue.models import RoutingRule, Tag
from errorqueue.templatetags.console import pill

MOST_HOURS = 24 * 90
NOTHING_GIVEN = (
    "This rule gives nothing: choose a person, a due time, or tags, or leave it out."
)


class KnownValues(forms.TextInput):
    """A box that offers values there are already; others may be typed."""

    def __init__(self, known: Callable[[], list[str]], **options: Any) -> None:
        super().__init__(**options)
        self.known = known

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        list_id = f"{name}_known"
        box = super().render(name, value, {**(attrs or {}), "list": list_id}, renderer)
        options = ((known,) for known in self.known())
        return format_html(
            '{}<datalist id="{}">{}</datalist>',
            box,
            list_id,
            format_html_join("", '<option value="{}"></option>', options),
        )


class RoutingRuleForm(forms.ModelForm):
    """Whom a rule is about, and what it gives them."""

    class Meta:
        model = RoutingRule
        fields = (
            *("name", "order", "is_active", "kind", "flow", "entity", "field"),
            *("cause", "min_amount", "assign_to", "due_hours", "team", "tags"),
        )
        labels = {
            "is_active": "In force",
            "entity": "Kind of record",
            "field": "Field",
            "min_amount": "Amount of at least",
            "assign_to": "They go to",
            "due_hours": "They are due after (hours)",
            "team": "In the working time of",
            "tags": "They are tagged",
        }
        help_texts = {
            "flow": "Its exact name, as in the list of flows.",
            "entity": "As the source calls it: order, customer, inventory …",
            "field": "The beginning of a field path, as in shippingAddress.",
        }
        widgets = {
            "flow": KnownValues(values.flows, attrs={"class": "vTextField"}),
            "tags": forms.CheckboxSelectMultiple,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("min_amount", "due_hours"):
            if self.initial.get(name) is not None:
                self.initial[name] = f"{self.initial[name].normalize():f}"
        choices: Any = self.fields.get("assign_to")
        if choices:
            choices.queryset = people.colleagues()
            choices.empty_label = "Nobody in particular"
        team: Any = self.fields.get("team")
        if team:
            team.empty_label = "Nobody: day and night"
        tags: Any = self.fields.get("tags")
        if tags and not Tag.objects.exists():
            tags.help_text = format_html(
                'There is no tag yet. <a href="{}">Add one</a> first, then choose it '
                "here.",
                reverse("admin:errorqueue_tag_add"),
            )

    def clean_min_amount(self) -> Any:
        amount = self.cleaned_data["min_amount"]
        if amount is not None and amount < 0:
            raise forms.ValidationError("Write an amount of 0 or more, or leave it.")
        return amount

    def clean_due_hours(self) -> Any:
        hours = self.cleaned_data["due_hours"]
        if hours is not None and not 0 < hours <= MOST_HOURS:
            text = f"Write hours from 0.25 to {MOST_HOURS:,}, or leave it."
            raise forms.ValidationError(text)
        return hours

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = ("assign_to", "due_hours", "tags")
        if not self.errors and not any(cleaned.get(name) for name in given):
            raise forms.ValidationError(NOTHING_GIVEN)
        return cleaned


@admin.register(RoutingRule)
class RoutingRuleAdmin(admin.ModelAdmin):
    list_display = ["said", "name", "order", "is_active"]
    list_filter = ["is_active", "kind"]
    list_select_related = ["assign_to", "cause", "team"]
    search_fields = ["name", "flow"]
    search_help_text = "Name of the rule or of the flow"
    ordering = ["order", "pk"]
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    form = RoutingRuleForm
    raw_id_fields = ["cause"]
    fieldsets = [
        (None, {"fields": ["name", "order", "is_active"]}),
        (
            "Which failures",
            {
                "fields": ["kind", "flow", "entity", "field", "cause", "min_amount"],
                "description": "All that is filled in must hold; what is empty "
                "matches everything.",
            },
        ),
        (
            "What they get",
            {
                "fields": ["assign_to", "due_hours", "team", "tags"],
                "description": "Each of the three comes from the first rule that "
                "matches and gives it. A rule counts for failures that come from now "
                "on; the owner of a cause comes before any rule.",
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RoutingRule]:
        return super().get_queryset(request).prefetch_related("tags")

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        """Offer the choices alone: people and tags are kept on pages of their own."""
        box: Any = super().formfield_for_dbfield(*args, **kwargs)
        if isinstance(getattr(box, "widget", None), RelatedFieldWidgetWrapper):
            box.widget = box.widget.widget
        return box

    @admin.display(description="Rule")
    def said(self, rule: RoutingRule) -> SafeString:
        off = "" if rule.is_active else pill("Off", "mute")
        return format_html("{} {}", routing.sentence(rule), off)


class TagForm(forms.ModelForm):
    """A tag in small letters, however it was typed."""

    name = forms.CharField(
        max_length=40,
        help_text="Letters, digits and hyphens; written in small letters.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    class Meta:
        model = Tag
        fields = ("name",)

    def clean_name(self) -> str:
        name = slugify(self.cleaned_data["name"])[:40]
        if not name:
            raise forms.ValidationError("Use letters, digits and hyphens.")
        return name


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ["name", "lines_link"]
    search_fields = ["name"]
    search_help_text = "Beginning of a tag"
    show_facets = admin.ShowFacets.NEVER
    form = TagForm

    @admin.display(description="Failed records")
    def lines_link(self, tag: Tag) -> SafeString:
        address = reverse("admin:errorqueue_failedrecord_changelist")
        query = urlencode({"tab": "all", "q": f"tag:{tag.name}"})
        return format_html('<a href="{}?{}">Show them</a>', address, query)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
