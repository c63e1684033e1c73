"""Pages of the admin that belong to no single model."""

from django.contrib import admin
from django.urls import path

from integrations.admin.preview import preview_view

urlpatterns = [
    path(
        "preview/<int:version_id>/",
        admin.site.admin_view(preview_view),
        name="integrations_preview",
    ),
]
