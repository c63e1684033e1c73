"""The page "edit and retry" of a record."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from errorqueue.finance import MENDED_ELSEWHERE, is_finance
from errorqueue.masking import RIGHT
from errorqueue.models import FailedRecord
from errorqueue.services import NotOpen
from integrations.admin.columns import state_pill
from integrations.admin.edit_form import EditForm, form_for
from integrations.admin.links import row_url
from integrations.connectors.errors import ConnectorError
from integrations.failures import describe
from integrations.models import SyncRecord
from integrations.models.vault import SealBroken
from integrations.sync.editing import NotEditable, broken_fields, open_line, revise
from mappings.engine import Problem

State = SyncRecord.State
TEMPLATE = "admin/integrations/syncrecord/edit.html"


def edit_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what is wrong with a record, take a person's edit, and retry it.

    The whole payload is edited only by those who may read it: what is hidden from
    somebody would be saved as it is shown.
    """
    if not request.user.has_perms(["errorqueue.edit_failedrecord", RIGHT]):
        raise PermissionDenied
    record = get_object_or_404(SyncRecord, pk=pk)
    line = open_line(record)
    if line is None or record.state in (State.RUNNING, State.DELIVERED):
        return _nothing_to_edit(request, record)
    if is_finance(line):
        messages.warning(request, MENDED_ELSEWHERE)
        return redirect(_after(request, record, line))
    form = form_for(record.payload, broken_fields(record, line), request.POST or None)
    problems = _submit(form, record, request.user) if form.is_valid() else []
    if form.is_valid():
        messages.success(request, f"{record} was edited and is due now.")
        return redirect(_after(request, record, line))
    return _page(request, record, line, form, problems)


def _submit(form: EditForm, record: SyncRecord, by: Any) -> list[Problem]:
    """Revise the record; whatever stops that becomes an error of the form."""
    data = form.cleaned_data
    try:
        problems = revise(record, data["payload"], by, data["reason"])
    except (NotEditable, NotOpen) as error:
        form.add_error(None, str(error))
        return []
    except (ConnectorError, ValueError, SealBroken) as error:
        failure = describe(error, target=record.flow.target.name)
        form.add_error(None, f"Nothing was saved. {failure.why} {failure.remedy}")
        return []
    if problems:
        form.add_error(None, "Nothing was saved: the mapping still finds problems.")
    return problems


def _nothing_to_edit(request: HttpRequest, record: SyncRecord) -> HttpResponse:
    shown = record.get_state_display().lower()
    text = f"{record} is {shown}; there is nothing to edit now."
    messages.warning(request, text)
    return redirect(_home(request, record))


def _after(request: HttpRequest, record: SyncRecord, line: FailedRecord) -> str:
    if request.user.has_perm("errorqueue.view_failedrecord"):
        return row_url(line)
    return _home(request, record)


def _home(request: HttpRequest, record: SyncRecord) -> str:
    if request.user.has_perm("integrations.view_syncrecord"):
        return row_url(record)
    return reverse("admin:index")


def _page(
    request: HttpRequest,
    record: SyncRecord,
    line: FailedRecord,
    form: EditForm,
    problems: list[Problem],
) -> HttpResponse:
    boxed = {field.place for field in form.broken}
    known = [one for one in line.problems if one.get("source") not in boxed]
    context = {
        **admin.site.each_context(request),
        "opts": SyncRecord._meta,
        "title": f"Edit and retry: {record}",
        "record": record,
        "state_pill": state_pill(record),
        "line": line,
        "form": form,
        "found": {"problems": problems or known},
        "back": _home(request, record),
    }
    return TemplateResponse(request, TEMPLATE, context)
