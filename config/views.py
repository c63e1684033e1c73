"""Is it alive, is it ready, and how is it doing? Asked by machines, without a log-in."""

import ipaddress
import secrets
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from integrations.operations import checks
from integrations.operations.asking import Asking
from integrations.operations.metrics import exposition
from integrations.operations.standstills import standstills

# What a proxy adds: who it speaks for is anybody's guess.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
NEVER_KEPT = {"Cache-Control": "no-store"}
NOT_IN_TIME = (
    "The database did not answer in time. See whether it is up, and busy or locked."
)

_all_checks = Asking(checks.look)
_standstills = Asking(standstills)


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """Answer 200: this process answers. Nothing else is touched."""
    return JsonResponse({"status": "alive"}, headers=NEVER_KEPT)


@require_safe
def ready(request: HttpRequest, only: Collection[str] = ()) -> HttpResponse:
    """Answer 200 when all that must hold holds, else 503 and what is wrong.

    `?exclude=workers,alerts` leaves parts out: a load balancer must go on sending
    deliveries here while workers are away, since they are kept until those are back.
    """
    left_out = [name for name in request.GET.get("exclude", "").split(",") if name]
    unknown = sorted(set(left_out) - checks.CHECKS.keys())
    if unknown:
        known = ", ".join(checks.CHECKS)
        problem = f"There is no check {unknown[0][:40]!r}. Leave out any of: {known}."
        return JsonResponse({"problem": problem}, status=400, headers=NEVER_KEPT)
    found = [
        check
        for check in _looked()
        if check.name in (only or checks.CHECKS) and check.name not in left_out
    ]
    return _told(found)


def _looked() -> list[checks.Check]:
    try:
        return _all_checks.answer(settings.READY_SECONDS)
    except TimeoutError:
        return checks.away([*checks.CHECKS], NOT_IN_TIME)


def _told(found: list[checks.Check]) -> JsonResponse:
    is_ready = not any(check.problem for check in found)
    body: dict[str, Any] = {
        "status": "ready" if is_ready else "not ready",
        "checks": {check.name: check.problem or "ok" for check in found},
    }
    if is_ready:  # told and never a problem: what stands still does so on purpose
        body["standing_still"] = _still()
    return JsonResponse(body, status=200 if is_ready else 503, headers=NEVER_KEPT)


def _still() -> dict[str, int]:
    try:
        return _standstills.answer(settings.READY_SECONDS).as_dict()
    except (TimeoutError, DatabaseError, InterfaceError):
        return {}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the figures to whom the settings name; there is no such page without them."""
    if not (settings.METRICS_TOKEN or settings.METRICS_ADDRESSES):
        return HttpResponse(status=404)
    if not (_has_token(request) or _is_near(request)):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    try:
        return HttpResponse(exposition(), CONTENT_TYPE_LATEST, headers=NEVER_KEPT)
    except (DatabaseError, InterfaceError):
        return HttpResponse("The database is away.", "text/plain", status=503)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    is_same = secrets.compare_digest(given.strip().encode(), wanted.encode())
    return bool(wanted) and scheme.lower() == "bearer" and is_same


def _is_near(request: HttpRequest) -> bool:
    """Say whether it asks from an allowed network, and not through a proxy."""
    if any(name in request.META for name in FORWARDED):
        return False
    try:
        asker = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
        return any(
            asker in ipaddress.ip_network(one, strict=False)
            for one in settings.METRICS_ADDRESSES
        )
    except ValueError:
        return False
