from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("healthz", views.alive),
    path("readyz", views.ready),
    path("metrics", views.metrics),
    # As these were called before; watchers that were set up then still ask here.
    path("health/", views.ready, {"only": ("database", "schema")}),
    path("health/workers/", views.ready),
    path("hooks/", include("integrations.inbox.urls")),
    path("api/", include("errorqueue.api.urls")),
    path("admin/", admin.site.urls),
]
