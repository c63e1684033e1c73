"""Pages of the admin that belong to no single model."""

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_POST

from integrations.admin import (
    acceptance,
    completeness,
    effect,
    flow_breaker,
    outcome,
    seen_value,
    spreadsheet,
    watch,
)
from integrations.admin.coverage import coverage_view
from integrations.admin.handbook import handbook_view
from integrations.admin.installation import moved_view
from integrations.admin.ownership import matrix_view
from integrations.admin.payload_rule import erase_view
from integrations.admin.preview import preview_view
from integrations.admin.promotion import promote_view
from integrations.admin.refresh import start_view
from integrations.admin.story import search_view, story_of_line_view, story_view

urlpatterns = [
    *acceptance.urlpatterns,
    *completeness.urlpatterns,
    *outcome.urlpatterns,
    path("", include("integrations.admin.studio.urls")),
    path(
        "preview/<int:version_id>/",
        admin.site.admin_view(preview_view),
        name="integrations_preview",
    ),
    path("erase/", admin.site.admin_view(erase_view), name="erase_customer"),
    path(
        "promote/<int:version_id>/",
        admin.site.admin_view(promote_view),
        name="integrations_promote",
    ),
    path(
        "refreshed/<int:connection_id>/",
        admin.site.admin_view(start_view),
        name="integrations_refreshed",
    ),
    path(
        "coverage/<int:document_id>/",
        admin.site.admin_view(coverage_view),
        name="integrations_coverage",
    ),
    path("owners/", admin.site.admin_view(matrix_view), name="who_owns_what"),
    path("handbook/", admin.site.admin_view(handbook_view), name="handbook"),
    path(
        "moved-here/",
        admin.site.admin_view(require_POST(moved_view)),
        name="integrations_moved",
    ),
    path("story/", admin.site.admin_view(search_view), name="story_search"),
    path(
        "story/<int:record_id>/",
        admin.site.admin_view(story_view),
        name="story_record",
    ),
    path(
        "story/of-line/<int:line_id>/",
        admin.site.admin_view(story_of_line_view),
        name="story_line",
    ),
    path(
        "values/retry/",
        admin.site.admin_view(require_POST(seen_value.retry_view)),
        name="integrations_values_retry",
    ),
    *spreadsheet.urlpatterns,
    *effect.urlpatterns,
    *watch.urlpatterns,
    *flow_breaker.urlpatterns,
]
