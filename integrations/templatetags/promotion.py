"""What pages of mappings show of the way from sandbox to production."""

from dataclasses import dataclass

from django import template

from integrations.models import Promotion
from integrations.studio import promotion as promoting
from mappings.models import MappingVersion

register = template.Library()


@dataclass(frozen=True)
class Origin:
    """Where a promoted version came from, and what production cannot answer yet."""

    promotion: Promotion
    questions: list[str]


@register.simple_tag
def promoted(version: MappingVersion) -> Origin | None:
    """Return the promotion that made a version; None for one that began here."""
    made = Promotion.objects.filter(made=version).select_related("source").first()
    return Origin(made, promoting.open_questions(version)) if made else None
