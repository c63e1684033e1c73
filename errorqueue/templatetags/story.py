"""The way from a failed record to its story over all systems."""

from django import template
from django.urls import NoReverseMatch, reverse

from errorqueue.models import FailedRecord

register = template.Library()


@register.simple_tag
def story_url(line: FailedRecord) -> str:
    """Return the page of the story of a line, or nothing where nobody tells one."""
    try:
        return reverse("admin:story_line", args=[line.pk])
    except NoReverseMatch:
        return ""
