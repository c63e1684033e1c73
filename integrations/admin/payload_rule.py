"""How long content is kept, and the page that erases one customer's data."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from errorqueue.masking import masked_email
from errorqueue.templatetags.console import moment
from integrations.admin.columns import state_pill
from integrations.models import AuditEntry, PayloadRule, Removal
from integrations.sync import erasing, retention
from integrations.sync.erasing import MOST, NotErased, Traces

RIGHT = "integrations.erase_customer"
PAGE = "admin/integrations/erase.html"
SHOWN = 25


@admin.register(PayloadRule)
class PayloadRuleAdmin(admin.ModelAdmin):
    list_display = ["whose", "days", "emptied", "until_shown"]
    list_select_related = ["connection"]
    fields = ["connection", "days"]
    change_list_template = "admin/integrations/payloadrule/change_list.html"
    show_facets = admin.ShowFacets.NEVER

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        counted = Removal.objects.aggregate(
            records=Count("pk", filter=Q(record__isnull=False)),
            events=Count("pk", filter=Q(event__isnull=False)),
        )
        may_erase = request.user.has_perm(RIGHT)
        context = {"removed": counted, "may_erase": may_erase, **(extra_context or {})}
        return super().changelist_view(request, context)

    def save_model(
        self, request: HttpRequest, obj: PayloadRule, form: Any, change: bool
    ) -> None:
        before = f"{form.initial.get('days')} → " if change else ""
        super().save_model(request, obj, form, change)
        retention.start_over(obj)
        verb = "changed" if change else "added"
        said = f"{obj.connection or 'All other connections'}: {before}{obj.days} days"
        AuditEntry.objects.note_change("payload rule", obj.pk, verb, said, request.user)

    def delete_model(self, request: HttpRequest, obj: PayloadRule) -> None:
        said = f"{obj} no longer holds."
        AuditEntry.objects.note_change(
            "payload rule", obj.pk, "deleted", said, request.user
        )
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for rule in queryset:
            self.delete_model(request, rule)

    @admin.display(description="Records that come from")
    def whose(self, rule: PayloadRule) -> str:
        return str(rule.connection or "every connection without a rule of its own")

    @admin.display(description="Content removed so far")
    def emptied(self, rule: PayloadRule) -> str:
        sources = retention.governed(rule)
        count = Removal.objects.filter(record__flow__source__in=sources).count()
        return f"{count:,} records"

    @admin.display(description="Of records delivered until")
    def until_shown(self, rule: PayloadRule) -> str:
        return moment(rule.records_until) if rule.records_until else "not begun"


class FindForm(forms.Form):
    """Whose data: one word that names the customer."""

    q = forms.CharField(
        label="E-mail address, customer id or order number",
        label_suffix="",
        max_length=254,
        help_text="All records of this customer's e-mail address are found, too.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class EraseForm(forms.Form):
    """The second step: why, and that open ones are meant as well."""

    reason = forms.CharField(
        label="Number of the request",
        label_suffix="",
        max_length=60,
        help_text="Kept in the audit trail: the number of the request, no name.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    with_unsettled = forms.BooleanField(required=False)


@permission_required(RIGHT, raise_exception=True)
def erase_view(request: HttpRequest) -> HttpResponse:
    """Find a customer, show what would be touched, and erase it on the second step."""
    found = FindForm(request.POST if request.method == "POST" else request.GET or None)
    if not found.is_valid():
        shown = found if "q" in request.GET else FindForm()
        return _page(request, shown, None, EraseForm())
    traces = erasing.find(found.cleaned_data["q"])
    if request.method != "POST":
        return _page(request, found, traces, EraseForm())
    form = EraseForm(request.POST)
    if form.is_valid() and not traces.is_empty:
        try:
            count = erasing.erase(
                traces,
                request.user,
                form.cleaned_data["reason"],
                with_unsettled=form.cleaned_data["with_unsettled"],
            )
        except NotErased as error:
            form.add_error(None, str(error))
        else:
            more = " There are more: erase once more." if traces.is_more else ""
            said = f"The personal data of {count} records was erased.{more}"
            messages.success(request, said)
            return redirect(reverse("admin:erase_customer"))
    return _page(request, found, traces, form)


def _page(
    request: HttpRequest, found: FindForm, traces: Traces | None, form: EraseForm
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Erase a customer's data",
        "found": found,
        "form": form,
        "traces": traces,
        "most": MOST,
        "rows": _rows(traces, request.user) if traces else [],
    }
    return TemplateResponse(request, PAGE, context)


def _rows(traces: Traces, user: Any) -> list[dict[str, Any]]:
    return [
        {
            "record": one,
            "pill": state_pill(one),
            "email": masked_email(one.email, user),
        }
        for one in traces.records[:SHOWN]
    ]
