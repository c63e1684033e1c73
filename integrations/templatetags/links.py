"""Links of templates: plain text for who may not open what they lead to."""

from django import template
from django.db.models import Model
from django.template import Context
from django.utils.safestring import SafeString

from errorqueue.admin.closed_links import may_open
from integrations.admin import links

register = template.Library()


@register.simple_tag(takes_context=True)
def row_link(context: Context, row: Model, text: str = "") -> SafeString | str:
    """Return a link to a row's page, or its name for who may not open it."""
    is_open = may_open(context["request"].user, type(row))
    return links.row_link(row, is_open, text)
