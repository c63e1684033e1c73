"""How these lists are narrowed."""

from django.db.models import Q

from errorqueue.admin.filters import Tab, TabFilter


def needs_me(wanted: Q) -> type[TabFilter]:
    """Make tabs for a list whose rows need a person when `wanted` holds."""
    tabs = (Tab("all", "All", Q()), Tab("person", "Needs a person", wanted))
    return type("NeedsMe", (TabFilter,), {"title": "need", "tabs": tabs})
