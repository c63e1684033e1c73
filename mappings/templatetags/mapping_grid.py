"""The rows of a version for its template."""

from typing import Any

from django import template

from mappings.admin.drawers import Line, empty_line, groups_of

register = template.Library()


@register.simple_tag
def grid_groups(inline: Any) -> list[dict[str, Any]]:
    """Return the rows of a version, those of one list together."""
    return groups_of(inline.formset, inline.has_change_permission)


@register.simple_tag
def grid_empty(inline: Any) -> Line:
    """Return the line that is copied for a new row."""
    return empty_line(inline.formset)
