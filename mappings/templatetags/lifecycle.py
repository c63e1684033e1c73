"""What a version's page shows of its way from draft to live."""

from typing import Any

from django import template

from mappings import services
from mappings.admin.life import Life, life_of, lines_of
from mappings.models import MappingDocument, MappingVersion

register = template.Library()


@register.simple_tag(takes_context=True)
def life(context: Any, version: MappingVersion) -> Life:
    """Return where a version stands and what this person can do with it."""
    return life_of(version, context["request"].user)


@register.filter
def can_go_back(document: MappingDocument) -> bool:
    """Say whether anything was live before what is in force."""
    current = document.published()
    return bool(current and services.earlier_version(current))


@register.simple_tag
def version_lines(document: MappingDocument) -> list[Any]:
    """Return the versions of a document with their signatures, effects and watches."""
    return lines_of(document)
