"""The home page: the parts of a person's roles, what moves, and what came of it."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from config import proof
from config.home.charts import NAMES, charts_for, span_of
from config.home.look import Look
from config.home.sections import sections_for
from integrations.admin.outcome import summary_for

SEES_BOTH_ENDS = ("integrations.view_syncrecord", "integrations.view_inboxevent")


def page_of(site: AdminSite, request: HttpRequest) -> dict[str, Any]:
    """Return what the home page shows to whoever asks."""
    user: Any = request.user
    span = span_of(request.GET.get("hours"))
    return {
        "sections": sections_for(Look(site, user)),
        "charts": charts_for(user, span),
        "span": span,
        "spans": NAMES.items(),
        "outcome": summary_for(user),
        "proof": proof.facts() if user.has_perms(SEES_BOTH_ENDS) else [],
    }
