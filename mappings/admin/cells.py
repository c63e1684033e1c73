"""Inputs of the grid, written without a template each.

A version of 90 rows has 2,000 inputs; a template for each took three quarters of
the time of the page.
"""

from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class Plain(forms.Widget):
    """Writes one input element itself."""

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        widget = self.get_context(name, value, attrs)["widget"]
        attributes = {"type": widget["type"], "name": widget["name"]}
        if widget["value"] is not None:
            attributes["value"] = widget["value"]
        return format_html("<input{}>", flatatt(attributes | widget["attrs"]))


class Cell(Plain, forms.TextInput):
    """A text; `size` names its width in grid.css: number, word or wide."""

    def __init__(self, size: str, **attributes: str) -> None:
        plain = {"autocomplete": "off", "spellcheck": "false"}
        super().__init__({"class": f"cell cell-{size}", **plain, **attributes})


class Tick(Plain, forms.CheckboxInput):
    """A box to tick."""


class Unseen(Plain, forms.HiddenInput):
    """A value that travels along."""


class Carried(forms.CharField):
    """A text that travels along and is never a change by itself."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=Unseen, strip=False)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Say no: nobody types it."""
        return False


class Choice(forms.Select):
    """A choice of one."""

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        widget = self.get_context(name, value, attrs)["widget"]
        options = [option for _, group, _ in widget["optgroups"] for option in group]
        written = format_html_join(
            "",
            "<option{}>{}</option>",
            ((_option(one), one["label"]) for one in options),
        )
        attributes = flatatt({"name": widget["name"]} | widget["attrs"])
        return format_html("<select{}>{}</select>", attributes, written)


def _option(option: dict[str, Any]) -> SafeString:
    return flatatt({"value": option["value"], "selected": option["selected"]})
