"""Addresses of the studio."""

from django.contrib import admin
from django.urls import path

from integrations.admin.studio.history import history_view
from integrations.admin.studio.keeping import drop_view, keep_view
from integrations.admin.studio.live import live_view
from integrations.admin.studio.picking import (
    constant_view,
    source_view,
    target_view,
    transforms_view,
)
from integrations.admin.studio.why import why_of_line_view, why_view

VIEWS = {
    "live": live_view,
    "source": source_view,
    "target": target_view,
    "transforms": transforms_view,
    "constant": constant_view,
    "keep": keep_view,
    "drop": drop_view,
    "why": why_view,
}

urlpatterns = [
    *(
        path(
            f"studio/<int:version_id>/{name}/",
            admin.site.admin_view(view),
            name=f"integrations_studio_{name}",
        )
        for name, view in VIEWS.items()
    ),
    path(
        "studio/why/of-line/<int:line_id>/",
        admin.site.admin_view(why_of_line_view),
        name="integrations_studio_why_line",
    ),
    path(
        "studio/history/<int:document_id>/",
        admin.site.admin_view(history_view),
        name="integrations_studio_history",
    ),
]
