"""Failed records: to list, to read, and every verb that a person has."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from errorqueue import people, preflight, services, undo
from errorqueue.api import asked, shapes
from errorqueue.api.base import Endpoint
from errorqueue.api.paging import page_of
from errorqueue.api.problems import Invalid
from errorqueue.failures import RetryChoice, RetryOptions, Start
from errorqueue.masking import masked, masked_problems, veil
from errorqueue.models import Action, FailedRecord
from errorqueue.query import lines_for
from errorqueue.services import NotOpen
from errorqueue.tabs import order_of, tab_of
from errorqueue.workbench import workbench_of

TAGS = ["Failed records"]


def verb(name: str, summary: str, body: Any, answer: Any, **example: Any) -> Any:
    """Describe a verb of one record for the OpenAPI document."""
    shown = (
        [OpenApiExample("Body", value=example, request_only=True)] if example else []
    )
    return extend_schema(
        operation_id=f"failed_records_{name}",
        summary=summary,
        request=body,
        responses=answer,
        examples=shown,
        tags=TAGS,
    )


class FailedRecords(Endpoint):
    """The error queue."""

    queryset = FailedRecord.objects.none()
    lookup_value_regex = "[0-9]{1,18}"
    needs = {
        "retry": ("retry_failedrecord",),
        "preflight": ("retry_failedrecord",),
        "resolve": ("resolve_failedrecord",),
        "exclude": ("exclude_failedrecord",),
        "assign": ("assign_failedrecord",),
        "snooze": ("assign_failedrecord",),
        "comment": ("assign_failedrecord",),
    }
    heavy = ("preflight",)

    def get_queryset(self) -> QuerySet[FailedRecord]:
        facts = ("cause", "assignee", "blocked_by")
        rows = FailedRecord.objects.select_related(*facts)
        return rows.prefetch_related("tags")

    @extend_schema(
        operation_id="failed_records_list",
        summary="List failed records",
        description="A tab of the queue, searched and sorted as in the console.",
        parameters=[asked.LineList],
        responses=shapes.LinePage,
        tags=TAGS,
    )
    def list(self, request: Request) -> Response:
        given = self.asked(asked.LineList, request.query_params.dict())
        address = {"tab": given["tab"], "q": given["q"], "o": given["ordering"]}
        found = lines_for(urlencode(address), request.user)
        rows: Any = found.select_related("cause", "assignee").prefetch_related("tags")
        order = order_of(tab_of(given["tab"]), given["ordering"])
        page, more = page_of(rows, order, given["cursor"], given["size"])
        veil(page, request.user)
        shown = shapes.LineShape(page, many=True, context=self.get_serializer_context())
        return Response({"results": shown.data, "next": more})

    @extend_schema(
        operation_id="failed_records_read",
        summary="Read one failed record",
        description="What failed, why, how to fix it; every try and every step.",
        responses=shapes.LineDetail,
        tags=TAGS,
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        line, context = self.get_object(), self.get_serializer_context()
        veil([line], request.user)
        return Response(shapes.LineDetail(line, context=context).data)

    @verb(
        "retry",
        "Retry it",
        asked.Retry,
        shapes.Done,
        start="mapping",
        reason="The table was mended.",
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Queue it now. Repeating the call within a minute changes nothing: 409."""
        line, given = self.get_object(), self.asked(asked.Retry)
        choice = _choice(line, given)
        reason = self.said(given["reason"])
        return self._done(line, services.retry(line, request.user, reason, choice))

    @verb(
        "resolve",
        "Resolve it by hand",
        asked.Reason,
        shapes.Done,
        reason="Entered in NetSuite by hand as SO-10412.",
    )
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Close what was settled elsewhere; it is not sent again."""
        line, given = self.get_object(), self.asked(asked.Reason)
        reason = self.said(given["reason"])
        return self._done(line, services.resolve_by_hand(line, request.user, reason))

    @verb(
        "exclude",
        "Exclude it",
        asked.Reason,
        shapes.Done,
        reason="A test order of the shop team.",
    )
    @action(detail=True, methods=["post"])
    def exclude(self, request: Request, pk: str) -> Response:
        """Set it aside with a reason; it is not sent again."""
        line, given = self.get_object(), self.asked(asked.Reason)
        reason = self.said(given["reason"])
        return self._done(line, services.exclude(line, request.user, reason))

    @verb("undo", "Take your last step back", asked.Undo, shapes.Done)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take back your own retry, resolution or exclusion within a minute.

        Named by its id, also what Waybill closed by itself within a day.
        """
        line, given = self.get_object(), self.asked(asked.Undo)
        steps = line.actions.filter(verb__in=undo.VERBS)
        mine = steps.filter(by=request.user)
        if "action" in given:
            mine = steps.filter(undo.theirs(request.user), pk=given["action"])
        newest: Action | None = mine.order_by("-pk").first()
        if newest is None:
            raise Invalid("action", "There is no such step that you can take back.")
        undo.take_back(newest, request.user)
        return self._done(line, None)

    @verb("comment", "Comment on it", asked.Comment, shapes.Done, text="I am on this.")
    @action(detail=True, methods=["post"])
    def comment(self, request: Request, pk: str) -> Response:
        """Say something about it, also about one that is settled."""
        line, given = self.get_object(), self.asked(asked.Comment)
        text = self.said(given["text"])
        return self._done(line, people.comment(line, text, request.user))

    @verb("assign", "Assign it", asked.Assign, shapes.Done, assignee="olga")
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give it to somebody, or to nobody."""
        line, given = self.get_object(), self.asked(asked.Assign)
        reason = self.said(given["reason"])
        step = people.assign(line, given["assignee"], request.user, reason)
        return self._done(line, step)

    @verb(
        "snooze",
        "Snooze it",
        asked.Snooze,
        shapes.Done,
        until="2026-12-01T08:00:00Z",
        wakes_when_green=True,
    )
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: str) -> Response:
        """Put it off until a time, or wake it."""
        line, given = self.get_object(), self.asked(asked.Snooze)
        until, reason = given["until"], self.said(given["reason"])
        if until is None:
            return self._done(line, people.wake(line, request.user, reason))
        try:
            step = people.snooze(
                line,
                until,
                request.user,
                reason,
                wakes_when_green=given["wakes_when_green"],
            )
        except people.Unusable as error:
            raise Invalid("until", str(error)) from error
        return self._done(line, step)

    @verb("preflight", "Ask whether it would pass", asked.Nothing, shapes.Checked)
    @action(detail=True, methods=["post"])
    def preflight(self, request: Request, pk: str) -> Response:
        """Find out whether a retry would pass now; nothing is written anywhere."""
        line = self.get_object()
        self.asked(asked.Nothing)
        if not line.is_open:
            raise NotOpen(f"{line.human_id} is settled already.")
        found = preflight.check(line)
        problems = [problem.as_dict() for problem in found.problems]
        return Response(
            {
                "light": found.light.value,
                "note": masked(found.note, request.user, problems),
                "problems": masked_problems(problems, request.user),
                "record": self._shown(line),
            }
        )

    def _done(self, line: FailedRecord, step: Action | None) -> Response:
        return Response({"action": step and step.pk, "record": self._shown(line)})

    def _shown(self, line: FailedRecord) -> Any:
        fresh = self.get_queryset().get(pk=line.pk)
        veil([fresh], self.request.user)
        return shapes.LineShape(fresh, context=self.get_serializer_context()).data


def _choice(line: FailedRecord, given: dict[str, Any]) -> RetryChoice | None:
    """Return how the retry shall go; raise Invalid for what this record cannot do."""
    start, version = given.get("start"), given.get("version")
    if start is None and version is None:
        return None
    bench = workbench_of(line) if line.is_open else None
    offered = bench.options() if bench else RetryOptions()
    starts = [each.value for each, _ in offered.starts] or [Start.MAPPING.value]
    if start not in (None, *starts):
        raise Invalid("start", f"It can start at: {', '.join(starts)}.")
    versions = dict(offered.versions)
    if version not in (None, *versions):
        told = ", ".join(f"{pk} ({label})" for pk, label in versions.items())
        raise Invalid("version", f"It can go by: {told or 'the current one only'}.")
    return RetryChoice(Start(start or Start.MAPPING), version)
