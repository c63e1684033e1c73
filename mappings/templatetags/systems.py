"""Systems as people call them."""

from django import template

from mappings.engine.wording import system

register = template.Library()


@register.filter
def system_name(name: str) -> str:
    """Return a system by its proper name: "shopify" is Shopify."""
    return system(name, "")
