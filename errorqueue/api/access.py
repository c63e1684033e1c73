"""Who may call what, how often, and how refusals are worded."""

from typing import Any

from django.conf import settings
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from errorqueue import tokens
from errorqueue.models import ApiToken

SCHEME = b"bearer"
NOT_IN_FORCE = (
    "This token is unknown, revoked or expired: make a new one in the console, under "
    "API tokens."
)
# What a right lets somebody do, for the refusal.
MEANS = {
    "view_failedrecord": "see failed records",
    "retry_failedrecord": "retry failed records",
    "exclude_failedrecord": "exclude failed records",
    "resolve_failedrecord": "resolve failed records by hand",
    "edit_failedrecord": "edit and retry failed records",
    "assign_failedrecord": "assign, snooze and comment",
    "bulk_failedrecord": "run bulk work",
    "view_cause": "see causes",
    "view_bulkrun": "see bulk runs",
    "view_alert": "see incidents",
    "acknowledge_alert": "acknowledge and take incidents",
}


class TokenAuthentication(BaseAuthentication):
    """Takes `Authorization: Bearer wb_…` and says whose token it is."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != SCHEME:
            return None
        if len(words) != 2:
            raise AuthenticationFailed(
                "Write the header as: Authorization: Bearer wb_…"
            )
        token = tokens.find(words[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(NOT_IN_FORCE)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Waybill"'


AUTHENTICATION = (TokenAuthentication, SessionAuthentication)


class IsStaff(BasePermission):
    """People who may open the console, and their tokens."""

    message = "Your account may not use the console: have “staff” set for it."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_active and request.user.is_staff)


class HasRights(BasePermission):
    """People with each right that `view.rights()` names, as in the console."""

    def has_permission(self, request: Request, view: Any) -> bool:
        for right in view.rights():
            require(request.user, right)
        return True


def require(user: Any, right: str) -> None:
    """Refuse somebody without a right of the error queue, and name it."""
    if not user.has_perm(f"errorqueue.{right}"):
        raise PermissionDenied(
            f"You may not {MEANS[right]}: ask for the right “{right}”."
        )


def may(user: Any, verb: str) -> bool:
    """Say whether somebody may do `verb` to failed records."""
    return bool(user.has_perm(f"errorqueue.{verb}_failedrecord"))


class TokenThrottle(SimpleRateThrottle):
    """Counts the calls of each token, reads and writes apart."""

    scope = "read"

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = view.pace()
        self.rate = settings.API_RATES[self.scope]
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_rate(self) -> None:
        """Each request says by its own scope how many are allowed."""

    def get_cache_key(self, request: Request, view: APIView) -> str:
        token = request.auth
        who = f"t{token.pk}" if isinstance(token, ApiToken) else f"u{request.user.pk}"
        return self.cache_format % {"scope": self.scope, "ident": who}
