"""The door for deliveries: sign, commit, answer."""

import logging

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from errorqueue import failpoints
from integrations.connectors.errors import BadSignature
from integrations.connectors.registry import UnknownSystem
from integrations.inbox import services
from integrations.inbox.doors import UnknownDoor
from integrations.models.vault import SealBroken

log = logging.getLogger(__name__)


def receive(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep one delivery and answer 202; a repeat is answered alike.

    401 for a wrong signature, 404 for an unknown connection, 411 for a body of unknown
    length, 413 for one over HOOK_BODY_LIMIT, 503 while the database is away or no key
    opens the secrets: never a 2xx without a commit.
    """
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    if request.headers.get("Content-Encoding", "identity") != "identity":
        return HttpResponse(status=415)
    if "Transfer-Encoding" in request.headers:
        return HttpResponse(status=411)  # a stream without an end has no limit
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.HOOK_BODY_LIMIT:
        return HttpResponse(status=413)
    try:
        return _keep(request, slug)
    except (DatabaseError, InterfaceError, SealBroken, UnknownSystem):
        log.exception("A delivery for %s could not be kept", slug)
        return HttpResponse(status=503, headers={"Retry-After": "30"})


def _keep(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        services.accept(slug, dict(request.headers), request.body)
    except UnknownDoor:
        return HttpResponse(status=404)
    except BadSignature as error:
        log.warning("Delivery for %s refused: %s", slug, error)
        return HttpResponse(status=401)
    failpoints.hit("inbox.before_answer")
    return HttpResponse(status=202)
