"""Read-only fields that link only to what their reader may open.

Django links every row that a read-only field names, and the page may be closed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.admin import display
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignKey, Model
from django.http import HttpRequest, HttpResponse


def may_open(user: Any, model: type[Model]) -> bool:
    """Say whether somebody may look at rows of a model."""
    meta = model._meta
    verbs = ("view", "change")
    return any(user.has_perm(f"{meta.app_label}.{v}_{meta.model_name}") for v in verbs)


class LinksForReaders:
    """An admin that shows a row by its name only to who may not open its page."""

    model: type[Model]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        close_links(context["adminform"], self.model, request.user)
        drawn: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, context, *args, **kwargs
        )
        return drawn


def close_links(form: AdminForm, model: type[Model], user: Any) -> None:
    """Put plain columns for the read-only rows that this person may not open."""
    closed = {
        name: _plain(name, str(field.verbose_name))
        for name in form.readonly_fields
        if (field := _foreign_key(model, name)) and not may_open(user, _end(field))
    }
    form.readonly_fields = _swapped(form.readonly_fields, closed)
    form.fieldsets = [
        (title, {**options, "fields": _swapped(options["fields"], closed)})
        for title, options in form.fieldsets
    ]


def _swapped(names: Any, closed: Mapping[Any, Any]) -> list[Any]:
    """Swap names of fields, those that stand together on one line as well."""
    return [
        tuple(_swapped(each, closed))
        if isinstance(each, list | tuple)
        else closed.get(each, each)
        for each in names
    ]


def _foreign_key(model: type[Model], name: Any) -> ForeignKey[Any, Any] | None:
    try:
        field = model._meta.get_field(name) if isinstance(name, str) else None
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, ForeignKey) else None


def _end(field: ForeignKey[Any, Any]) -> type[Model]:
    end: Any = field.related_model
    return end


def _plain(name: str, label: str) -> Callable[[Model], str]:
    @display(description=label)
    def column(row: Model) -> str:
        return str(getattr(row, name) or "–")

    return column
