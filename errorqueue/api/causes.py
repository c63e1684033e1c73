"""Causes: many failed records with one reason."""

from typing import Any

from django.db.models import F, Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from errorqueue.api import asked, shapes
from errorqueue.api.base import Endpoint
from errorqueue.api.paging import page_of
from errorqueue.models import Cause

TAGS = ["Causes"]
ORDER = (F("open_count").desc(), F("pk").desc())


class Causes(Endpoint):
    """What failures have in common."""

    queryset = Cause.objects.none()
    lookup_value_regex = "[0-9]{1,18}"
    sees = ("view_failedrecord", "view_cause")

    def get_queryset(self) -> QuerySet[Cause]:
        return Cause.objects.select_related("owner")

    @extend_schema(
        operation_id="causes_list",
        summary="List causes",
        description="Those with most open records first; merged ones are left out.",
        parameters=[asked.CauseList],
        responses=shapes.CausePage,
        tags=TAGS,
    )
    def list(self, request: Request) -> Response:
        given = self.asked(asked.CauseList, request.query_params.dict())
        found = self.get_queryset().filter(merged_into=None, **_open(given))
        for word in given["q"].split()[:8]:
            said = Q(text__icontains=word) | Q(field__icontains=word)
            found = found.filter(said | Q(value__icontains=word))
        page, more = page_of(found, ORDER, given["cursor"], given["size"])
        shown = shapes.CauseShape(
            page, many=True, context=self.get_serializer_context()
        )
        return Response({"results": shown.data, "next": more})

    @extend_schema(
        operation_id="causes_read",
        summary="Read one cause",
        description="How large it is, how it develops, what is known to help.",
        responses=shapes.CauseShape,
        tags=TAGS,
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        context = self.get_serializer_context()
        return Response(shapes.CauseShape(self.get_object(), context=context).data)


def _open(given: dict[str, Any]) -> dict[str, int]:
    return {} if given["all"] else {"open_count__gt": 0}
