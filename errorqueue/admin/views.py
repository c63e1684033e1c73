"""Saved views: a tab, a search and an order under a name, for one person or for all."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from errorqueue.admin import pages
from errorqueue.admin.listing import address_of
from errorqueue.models import SavedView
from errorqueue.models.people import mine_or_shared
from errorqueue.text import one_line

LIST = "admin:errorqueue_failedrecord_changelist"


class ViewForm(forms.Form):
    """What a view is called and who may open it."""

    name = forms.CharField(
        max_length=60, error_messages={"required": "Give the view a name."}
    )
    query = forms.CharField(
        max_length=500,
        required=False,
        error_messages={
            "max_length": "This search is too long to be kept: shorten it."
        },
    )
    is_shared = forms.BooleanField(required=False)

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"], 60)

    def clean_query(self) -> str:
        return address_of(QueryDict(self.cleaned_data["query"]))


@pages.add
def urls(model_admin: Any) -> list[URLPattern]:
    name = "errorqueue_failedrecord_view"
    made: dict[str, Callable[..., HttpResponse]] = {
        "save": save_view,
        "delete": delete_view,
        "share": share_view,
    }
    found = []
    for verb, function in made.items():
        place = "views/save/" if verb == "save" else f"views/<int:pk>/{verb}/"
        view = model_admin.admin_site.admin_view(
            require_POST(partial(function, model_admin))
        )
        found.append(path(place, view, name=f"{name}_{verb}"))
    return found


def save_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Keep the list as it stands; an own view of that name is renewed."""
    user: Any = request.user
    if not user.has_perm("errorqueue.add_savedview"):
        raise PermissionDenied
    form = ViewForm(request.POST)
    if not form.is_valid():
        words = " ".join(str(error[0]) for error in form.errors.values())
        model_admin.message_user(
            request, f"The view was not saved. {words}", messages.ERROR
        )
        return _to_list(request.POST.get("query", ""))
    told = form.cleaned_data
    view, is_new = SavedView.objects.update_or_create(
        owner=user,
        name=told["name"],
        defaults={"query": told["query"], "is_shared": told["is_shared"]},
    )
    verb = "saved" if is_new else "replaced"
    model_admin.message_user(
        request, f"The view “{view.name}” is {verb}.", messages.SUCCESS
    )
    return _to_list(view.query)


def delete_view(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Delete an own view; the lines in it stay where they are."""
    view = _own(request, pk)
    view.delete()
    model_admin.message_user(
        request, f"The view “{view.name}” is deleted.", messages.SUCCESS
    )
    return _to_list("")


def share_view(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Share an own view with everybody who sees the queue, or keep it to oneself."""
    view = _own(request, pk)
    view.is_shared = not view.is_shared
    view.save(update_fields=["is_shared"])
    who = "everybody sees it" if view.is_shared else "only you see it"
    model_admin.message_user(request, f"“{view.name}”: {who}.", messages.SUCCESS)
    return _to_list(view.query)


def _own(request: HttpRequest, pk: int) -> SavedView:
    found = get_object_or_404(SavedView, mine_or_shared(request.user), pk=pk)
    if found.owner_id != request.user.pk:
        raise PermissionDenied
    return found


def _to_list(query: str) -> HttpResponse:
    address = reverse(LIST)
    shown = address_of(QueryDict(query))
    return redirect(f"{address}?{shown}" if shown else address)
