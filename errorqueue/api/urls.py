"""Addresses under /api/."""

from django.urls import include, path

from errorqueue.api.page import SchemaView, page_view
from errorqueue.api.routes import router

app_name = "api"

urlpatterns = [
    path("", page_view, name="page"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("v1/", include(router.urls)),
]
