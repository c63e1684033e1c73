"""The door for deliveries: sign, commit, answer."""

import logging

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from integrations.connectors.errors import BadSignature
from integrations.inbox import services
from integrations.models import Connection

log = logging.getLogger(__name__)


def receive(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep one delivery and answer 202; a repeat is answered alike.

    401 for a wrong signature, 404 for an unknown connection, 413 for a body over
    HOOK_BODY_LIMIT, 503 while the database is away: never a 2xx without a commit.
    """
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    if request.headers.get("Content-Encoding", "identity") != "identity":
        return HttpResponse(status=415)
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.HOOK_BODY_LIMIT:
        return HttpResponse(status=413)
    try:
        return _keep(request, slug)
    except DatabaseError:
        log.exception("A delivery for %s could not be kept", slug)
        return HttpResponse(status=503, headers={"Retry-After": "30"})


def _keep(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        connection = Connection.objects.get(slug=slug)
    except Connection.DoesNotExist:
        return HttpResponse(status=404)
    try:
        services.accept(connection, dict(request.headers), request.body)
    except BadSignature as error:
        log.warning("Delivery for %s refused: %s", slug, error)
        return HttpResponse(status=401)
    return HttpResponse(status=202)
