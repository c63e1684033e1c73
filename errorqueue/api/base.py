"""What every endpoint shares."""

import io
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from errorqueue.api.access import AUTHENTICATION, HasRights, IsStaff, TokenThrottle
from errorqueue.api.problems import answer
from errorqueue.models import ApiToken
from errorqueue.text import clean_tree

MOST_BYTES = 1_000_000


class SmallJson(JSONParser):
    """JSON of a sensible size; what is larger or deeper is refused in words."""

    def parse(
        self, stream: Any, media_type: Any = None, parser_context: Any = None
    ) -> Any:
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise ParseError("The body is over 1 MB: name fewer ids, or send a search.")
        try:
            return super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(
                "The body is nested too deep: send plain fields."
            ) from error


class Endpoint(GenericViewSet):
    """An endpoint: log-in, rights, pace, and problems in words.

    `needs` maps an action to the rights it takes besides `sees`; `heavy` names the
    actions that cost much.
    """

    authentication_classes = AUTHENTICATION
    permission_classes = (IsStaff, HasRights)
    throttle_classes = (TokenThrottle,)
    renderer_classes = (JSONRenderer,)
    parser_classes = (SmallJson,)
    pagination_class = None
    filter_backends = ()

    sees: ClassVar[Sequence[str]] = ("view_failedrecord",)
    needs: ClassVar[dict[str, Sequence[str]]] = {}
    heavy: ClassVar[Sequence[str]] = ()

    def rights(self) -> Sequence[str]:
        return (*self.sees, *self.needs.get(self.action or "", ()))

    def pace(self) -> str:
        if self.action in self.heavy:
            return "heavy"
        return "read" if self.request.method in ("GET", "HEAD", "OPTIONS") else "write"

    def get_exception_handler(self) -> Callable[..., Any]:
        return answer

    def finalize_response(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def asked(self, kind: type[Serializer], data: Any = None) -> dict[str, Any]:
        """Return what the caller sent, checked; raises ValidationError."""
        given = self.request.data if data is None else data
        form = kind(data=given, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        return clean_tree_of(form.validated_data)

    def said(self, reason: str) -> str:
        """Return a reason with the token that a program acted by, for the auditor."""
        token = self.request.auth
        if not isinstance(token, ApiToken):
            return reason
        return f"{reason} (API token “{token.name}”)".strip()


def clean_tree_of(given: Any) -> dict[str, Any]:
    """Drop what no database takes from every text."""
    return {
        name: clean_tree(value) if isinstance(value, str | dict) else value
        for name, value in given.items()
    }
