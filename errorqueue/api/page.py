"""The OpenAPI document, and the page that people read it on."""

import copy
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import include, path
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from errorqueue.api import problems
from errorqueue.api.access import AUTHENTICATION, IsStaff, TokenThrottle
from errorqueue.api.reading import sections_of
from errorqueue.api.routes import router

ABOUT = (
    "Reads and works the error queue and its incidents with the rights of the person whose token it is. "
    "Times are ISO 8601 with a zone, amounts are text."
)


def document() -> dict[str, Any]:
    """Return the OpenAPI document of everything under /api/v1/."""
    return copy.deepcopy(_made())


@lru_cache(maxsize=1)
def _made() -> dict[str, Any]:
    generator: Any = SchemaGenerator(
        patterns=[path("api/v1/", include(router.urls))], api_version="1"
    )
    made: dict[str, Any] = generator.get_schema(request=None, public=True)
    made["info"]["description"] = ABOUT
    made["servers"] = [{"url": settings.SITE_URL}]
    return made


class SchemaView(APIView):
    """Answers the OpenAPI document, for generators of clients."""

    authentication_classes = AUTHENTICATION
    permission_classes = (IsStaff,)
    throttle_classes = (TokenThrottle,)
    renderer_classes = (JSONRenderer,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(document())

    def pace(self) -> str:
        return "read"

    def get_exception_handler(self) -> Callable[..., Any]:
        return problems.answer


@require_safe
def page_view(request: HttpRequest) -> HttpResponse:
    """Show every operation with what it takes, answers, and an example."""
    return admin.site.admin_view(_page)(request)


def _page(request: HttpRequest) -> HttpResponse:
    made = document()
    context = {
        **admin.site.each_context(request),
        "title": "REST interface",
        "about": ABOUT,
        "sections": sections_of(made, settings.SITE_URL),
        "rates": {
            name: rate.split("/")[0] for name, rate in settings.API_RATES.items()
        },
        "may_make": request.user.has_perm("errorqueue.add_apitoken"),
    }
    return TemplateResponse(request, "admin/errorqueue/api.html", context)
