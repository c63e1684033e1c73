"""How the OpenAPI document is made of the code that answers."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

REFUSALS = {
    "400": "Something cannot be used: `errors` names each field and the remedy.",
    "401": "No log-in, or a token that is not in force.",
    "403": "The person of this token lacks a right; `detail` names it.",
    "404": "Nothing is there.",
    "409": "It cannot be done now: settled, queued or taken back already.",
    "429": "Too many calls: wait for the seconds that Retry-After names.",
}
ALWAYS = ("401", "403", "429")


class WrongField(serializers.Serializer[Any]):
    """One thing that cannot be used."""

    field = serializers.CharField(help_text="Where it stands in what was sent.")
    problem = serializers.CharField(
        help_text="What is wrong, and what to send instead."
    )


class Problem(serializers.Serializer[Any]):
    """What went wrong, in the words of RFC 9457."""

    type = serializers.CharField(help_text="Always about:blank; go by `code`.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="For programs: not_open, already_queued, …")
    detail = serializers.CharField(help_text="What happened and what to do, in words.")
    errors = WrongField(many=True, required=False)  # type: ignore[assignment]


class Described(AutoSchema):
    """Adds the refusals, which every operation has and none of them declares."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        found = super()._get_response_bodies(direction)
        shape = self.resolve_serializer(Problem, "response").ref
        for code in self._refusals():
            found.setdefault(
                code,
                {
                    "description": REFUSALS[code],
                    "content": {"application/problem+json": {"schema": shape}},
                },
            )
        return dict(sorted(found.items()))

    def _refusals(self) -> list[str]:
        codes = list(ALWAYS)
        takes_more = self.method == "POST" or self._is_list_view()
        codes += ["400"] if takes_more else []
        codes += ["404"] if "{id}" in self.path else []
        codes += ["409"] if self.method == "POST" else []
        return codes


class BearerToken(OpenApiAuthenticationExtension):
    """How a token is sent."""

    target_class = "errorqueue.api.access.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "wb_…",
            "description": "Made in the console under API tokens; shown once.",
        }
