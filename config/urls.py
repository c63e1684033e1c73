from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config.views import health, workers

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("health/", health),
    path("health/workers/", workers),
    path("hooks/", include("integrations.inbox.urls")),
    path("api/", include("errorqueue.api.urls")),
    path("admin/", admin.site.urls),
]
