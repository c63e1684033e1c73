"""What pages of mappings show of acceptance."""

from typing import Any

from django import template

from errorqueue.masking import masked
from integrations.studio.acceptance import Evidence, evidence_for
from mappings.models import MappingVersion

register = template.Library()


@register.simple_tag
def acceptance_of(version: MappingVersion) -> Evidence:
    """Return what scenarios have shown for the content of a version."""
    return evidence_for(version)


@register.filter
def got(verdict: str) -> str:
    """Return what came of a run, without what was expected."""
    return verdict.partition(" Got: ")[2] or verdict


@register.filter
def seen_by(text: str, user: Any) -> str:
    """Return a text as this person may read it."""
    return masked(text, user)
