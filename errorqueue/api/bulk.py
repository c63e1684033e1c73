"""Bulk work: planned first, started with what was seen, followed and stopped."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from errorqueue import undo
from errorqueue.api import asked, shapes
from errorqueue.api.access import require
from errorqueue.api.base import Endpoint
from errorqueue.api.paging import page_of
from errorqueue.api.problems import Invalid
from errorqueue.bulk import running
from errorqueue.bulk.plan import Plan, plan_of
from errorqueue.bulk.progress import progress_of
from errorqueue.bulk.rights import rights_of
from errorqueue.clock import database_time
from errorqueue.failures import Start
from errorqueue.models import BulkRun
from errorqueue.people import LONGEST_SNOOZE
from errorqueue.recipes import living

Verb = BulkRun.Verb
TAGS = ["Bulk work"]
NEWEST = (F("pk").desc(),)
RETRIES = (Verb.RETRY, Verb.MEND)
PLAN_EXAMPLE = {"verb": "retry", "tab": "open", "q": "cause:12"}
START_EXAMPLE = {
    **PLAN_EXAMPLE,
    "seen": 412,
    "newest": 90412,
    "reason": "The value table was mended.",
}


def example(value: dict[str, Any]) -> list[OpenApiExample]:
    return [OpenApiExample("Body", value=value, request_only=True)]


class BulkPlans(Endpoint):
    """What a run would do."""

    heavy = ("create",)

    @extend_schema(
        operation_id="bulk_plans_make",
        summary="Plan bulk work",
        description="Count, money, kinds and minutes; nothing is changed or kept.",
        request=asked.Wish,
        responses=shapes.PlanShape,
        examples=example(PLAN_EXAMPLE),
        tags=TAGS,
    )
    def create(self, request: Request) -> Response:
        given = self.asked(asked.Wish)
        _require(request.user, given["verb"])
        by: Any = request.user
        run = BulkRun(verb=given["verb"], by=by, **_records(given))
        return Response(_planned(given["verb"], plan_of(running.lines_of(run))))


class BulkRuns(Endpoint):
    """Runs, each followed until it ends."""

    queryset = BulkRun.objects.none()
    lookup_value_regex = "[0-9]{1,18}"
    sees = ("view_failedrecord", "view_bulkrun")
    heavy = ("create",)

    def get_queryset(self) -> QuerySet[BulkRun]:
        return BulkRun.objects.select_related("by")

    @extend_schema(
        operation_id="bulk_runs_list",
        summary="List bulk runs",
        parameters=[asked.Page],
        responses=shapes.RunPage,
        tags=TAGS,
    )
    def list(self, request: Request) -> Response:
        """Newest first."""
        given = self.asked(asked.Page, request.query_params.dict())
        found = self.get_queryset()
        page, more = page_of(found, NEWEST, given["cursor"], given["size"])
        return Response(
            {"results": shapes.RunShape(page, many=True).data, "next": more}
        )

    @extend_schema(
        operation_id="bulk_runs_start",
        summary="Start bulk work",
        description=(
            "Give back `seen` and `newest` of the plan: the filter is asked again, "
            "what came later is left out, and `note` says what changed meanwhile."
        ),
        request=asked.StartRun,
        responses={201: shapes.RunDetail},
        examples=example(START_EXAMPLE),
        tags=TAGS,
    )
    def create(self, request: Request) -> Response:
        given = self.asked(asked.StartRun)
        _require(request.user, given["verb"])
        if not given["seen"] or not given["newest"]:
            raise Invalid("seen", "The plan found nothing: there is nothing to start.")
        run = running.start(
            given["verb"],
            request.user,
            **_records(given),
            options=_options(given),
            reason=self.said(given["reason"]),
            with_canary=given["with_canary"] and given["verb"] in RETRIES,
            seen=given["seen"],
            newest=given["newest"],
        )
        return Response(_detail(run), status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="bulk_runs_read",
        summary="Read one bulk run",
        responses=shapes.RunDetail,
        tags=TAGS,
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return its plan and how far it is."""
        return Response(_detail(self.get_object()))

    @extend_schema(
        operation_id="bulk_runs_progress",
        summary="Ask how far it is",
        responses=shapes.ProgressShape,
        tags=TAGS,
    )
    @action(detail=True, methods=["get"])
    def progress(self, request: Request, pk: str) -> Response:
        """Return figures and one sentence; cheap enough to ask every few seconds."""
        return Response(progress_of(self.get_object()).as_dict())

    @extend_schema(
        operation_id="bulk_runs_pause",
        summary="Pause it",
        request=asked.Nothing,
        responses=shapes.RunDetail,
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Queue nothing more for now; what is queued goes its way."""
        return self._press(running.pause)

    @extend_schema(
        operation_id="bulk_runs_resume",
        summary="Resume it",
        request=asked.Nothing,
        responses=shapes.RunDetail,
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on, also past first records that failed again."""
        return self._press(running.resume)

    @extend_schema(
        operation_id="bulk_runs_cancel",
        summary="Cancel it",
        request=asked.Nothing,
        responses=shapes.RunDetail,
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """End it; what it has not begun stays as it was."""
        return self._press(running.cancel)

    @extend_schema(
        operation_id="bulk_runs_undo",
        summary="Take it back",
        request=asked.Nothing,
        responses=shapes.RunDetail,
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take back what has not begun, within a minute of its end."""
        return self._press(undo.take_back_run)

    def _press(self, verb: Callable[[BulkRun, Any], None]) -> Response:
        run = self.get_object()
        self.asked(asked.Nothing)
        _require(self.request.user, run.verb)
        verb(run, self.request.user)
        return Response(_detail(self.get_object()))


def _require(user: Any, verb: str) -> None:
    for right in rights_of(verb):
        require(user, right)


def _records(given: dict[str, Any]) -> dict[str, Any]:
    """Return which records are meant, as a run keeps it."""
    if "ids" in given:
        return {"chosen": given["ids"]}
    if "cause" in given:
        return {"cause": given["cause"]}
    address = {"tab": given.get("tab", "open"), "q": given.get("q", "")}
    return {"query": urlencode(address)}


def _planned(verb: str, plan: Plan) -> dict[str, Any]:
    return {
        "verb": verb,
        "seen": plan.count,
        "newest": plan.newest,
        "money": plan.money,
        "kinds": [{"name": name, "count": count} for name, count in plan.kinds],
        "lights": [{"name": name, "count": count} for name, count in plan.lights],
        "blocked": plan.blocked,
        "minutes": plan.minutes,
        "oldest": plan.oldest,
        "sample": [line.human_id for line in plan.sample],
    }


def _detail(run: BulkRun) -> Any:
    run.progress = progress_of(run)  # type: ignore[attr-defined]
    return shapes.RunDetail(run).data


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Return what the workers need to know; raises Invalid for what is missing."""
    make = OPTIONS.get(given["verb"])
    return make(given) if make else {}


def _for_retry(given: dict[str, Any]) -> dict[str, Any]:
    start, version = given.get("start"), given.get("version")
    found = {"start": start} if start not in (None, Start.MAPPING.value) else {}
    return {**found, "version": version} if version else found


def _for_mend(given: dict[str, Any]) -> dict[str, Any]:
    recipe = given.get("recipe")
    if recipe is None or not living().filter(pk=recipe.pk).exists():
        raise Invalid("recipe", "Name a known fix that is in force: its id.")
    if not recipe.steps:
        raise Invalid(
            "recipe",
            f"The known fix {recipe.pk} sets no values, so there is nothing to mend. "
            "Give it values in the console, or use the verb retry.",
        )
    return {"values": recipe.steps, "recipe": recipe.pk, **_for_retry(given)}


def _for_assign(given: dict[str, Any]) -> dict[str, Any]:
    if "assignee" not in given:
        raise Invalid("assignee", "Name who shall have them, or null for nobody.")
    to = given["assignee"]
    return {"assignee": to.pk if to else None}


def _for_tag(given: dict[str, Any]) -> dict[str, Any]:
    if not given.get("tag"):
        raise Invalid("tag", "Name the tag: letters, digits and hyphens.")
    return {"tag": given["tag"]}


def _for_snooze(given: dict[str, Any]) -> dict[str, Any]:
    until, now = given.get("until"), database_time()
    if until is None or not now < until <= now + LONGEST_SNOOZE:
        raise Invalid("until", "Name a time within the next 90 days, with its zone.")
    green = given.get("wakes_when_green", False)
    return {"until": until.isoformat(), "wakes_when_green": green}


def _for_closing(given: dict[str, Any]) -> dict[str, Any]:
    if not given["reason"].strip():
        raise Invalid("reason", "Say who decided, and where it is handled.")
    return {}


OPTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    Verb.RETRY: _for_retry,
    Verb.MEND: _for_mend,
    Verb.ASSIGN: _for_assign,
    Verb.TAG: _for_tag,
    Verb.SNOOZE: _for_snooze,
    Verb.EXCLUDE: _for_closing,
    Verb.RESOLVE: _for_closing,
}
