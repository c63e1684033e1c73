"""Incidents: what people were told of, and who looks after it."""

from typing import Any

from django.db.models import F, Q, QuerySet, prefetch_related_objects
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from errorqueue import alerts, incidents
from errorqueue.alerting import report
from errorqueue.api import asked
from errorqueue.api import incident_shapes as shapes
from errorqueue.api.base import Endpoint
from errorqueue.api.paging import page_of
from errorqueue.models import Alert
from errorqueue.services import NotOpen

TAGS = ["Incidents"]
ORDER = (F("raised_at").desc(), F("pk").desc())
STATES = {
    "open": Q(closed_at=None),
    "unanswered": Q(closed_at=None, acknowledged_at=None),
    "fixed": Q(closed_at__isnull=False),
    "all": Q(),
}
PEOPLE = ("seen_by", "acknowledged_by", "taken_by")


class Incidents(Endpoint):
    """Alerts as rows: one for each cause, connection or flow in trouble."""

    queryset = Alert.objects.none()
    lookup_value_regex = "[0-9]{1,18}"
    sees = ("view_alert",)
    needs = {"acknowledge": ("acknowledge_alert",), "take": ("acknowledge_alert",)}

    def get_queryset(self) -> QuerySet[Alert]:
        return Alert.objects.select_related("cause", "line", "team", "rule", *PEOPLE)

    @extend_schema(
        operation_id="incidents_list",
        summary="List incidents",
        description="The newest first: what it is about, who was told, who has it.",
        parameters=[asked.IncidentList],
        responses=shapes.IncidentPage,
        tags=TAGS,
    )
    def list(self, request: Request) -> Response:
        given = self.asked(asked.IncidentList, request.query_params.dict())
        found = self.get_queryset().filter(STATES[given["state"]])
        for name in ("kind", "flow", "connection"):
            found = found.filter(**{name: given[name]}) if given[name] else found
        page, more = page_of(found, ORDER, given["cursor"], given["size"])
        return Response({"results": self._shown(page, many=True), "next": more})

    @extend_schema(
        operation_id="incidents_read",
        summary="Read one incident",
        description="Its text and every message about it. Looking by a program does "
        "not count as seen.",
        responses=shapes.IncidentDetail,
        tags=TAGS,
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        alert, context = self.get_object(), self.get_serializer_context()
        prefetch_related_objects([alert], report.with_messages())
        return Response(shapes.IncidentDetail(alert, context=context).data)

    @extend_schema(
        operation_id="incidents_acknowledge",
        summary="Acknowledge it",
        request=asked.Nothing,
        responses=shapes.Answered,
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Nobody else is called. Repeating it changes nothing; 409 once it is over."""
        alert = self.get_object()
        self.asked(asked.Nothing)
        is_new = alerts.acknowledge(alert, request.user)
        if not is_new and not Alert.objects.filter(pk=alert.pk, closed_at=None):
            raise NotOpen("It is over already.")
        return self._answered(alert, is_new, 0)

    @extend_schema(
        operation_id="incidents_take",
        summary="Take it",
        request=asked.Nothing,
        responses=shapes.Answered,
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def take(self, request: Request, pk: str) -> Response:
        """Acknowledge it and assign it to yourself, with what nobody has of its cause.

        Records are assigned if you may assign. 409 once it is over.
        """
        alert = self.get_object()
        self.asked(asked.Nothing)
        is_new = alert.taken_by_id != request.user.pk
        count = incidents.take(alert, request.user, self.said("Took the alert."))
        return self._answered(alert, is_new, count)

    def _answered(self, alert: Alert, is_new: bool, count: int) -> Response:
        fresh = self.get_queryset().get(pk=alert.pk)
        told = {"changed": is_new, "assigned": count, "incident": self._shown(fresh)}
        return Response(told)

    def _shown(self, found: Any, *, many: bool = False) -> Any:
        context = self.get_serializer_context()
        return shapes.IncidentShape(found, many=many, context=context).data
