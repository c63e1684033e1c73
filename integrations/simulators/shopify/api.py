"""The GraphQL endpoint: parse, validate, price, run, and answer as Shopify does."""

import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    execute,
    get_operation_ast,
    parse,
    validate,
)

from integrations.simulators.base import Request, Response
from integrations.simulators.shopify.access import App
from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.cost import MOST_PER_QUERY, Bucket, CostCounter
from integrations.simulators.shopify.problems import shaped, variable_errors
from integrations.simulators.shopify.resolvers import executable_schema

Payload = dict[str, Any]
LIMITS_PAGE = "https://shopify.dev/api/usage/rate-limits"
MESSAGES = {
    "INTERNAL_SERVER_ERROR": (
        "Internal error. Looks like something went wrong on our end.\n"
        "Request ID: {request_id} (include this in support requests)."
    ),
    "SHOP_INACTIVE": "The shop is not active.",
    "THROTTLED": "Throttled",
    "TIMEOUT": "Timeout",
}


@dataclass
class PlannedError:
    """A GraphQL error to come; `share` is its chance when it is not forced.

    `after` lets the operation run first, so that its effect stands although the
    answer is an error. `operation` limits it to queries that contain this text.
    """

    code: str
    message: str
    times: int
    share: float
    after: bool
    operation: str


@dataclass
class Asked:
    """One operation, read and checked."""

    schema: GraphQLSchema
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: Payload
    text: str

    def counter(self) -> CostCounter:
        fragments = {
            node.name.value: node
            for node in self.document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        return CostCounter(self.schema, self.operation, fragments, self.variables)


class Refused(Exception):
    """The request cannot be run; carries the answer."""

    def __init__(self, body: Payload, status: int = 200) -> None:
        super().__init__(str(body))
        self.body, self.status = body, status


@dataclass
class GraphQLApi:
    """Answers operations and keeps each app's points."""

    now: Callable[[], datetime]
    points: float = 2000
    restore_rate: float = 100
    throttles_with_429: bool = False
    buckets: dict[str, Bucket] = field(default_factory=dict)
    planned: list[PlannedError] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: seeded())

    def answer(self, request: Request, context: Context, request_id: str) -> Response:
        try:
            asked = read_operation(request, context.version)
            return self._run(asked, context, request_id)
        except Refused as refused:
            return Response(refused.status, refused.body)

    def bucket(self, app: App) -> Bucket:
        """Return an app's bucket as it stands now."""
        now = self.now()
        bucket = self.buckets.setdefault(
            app.client_id, Bucket(self.points, self.restore_rate, now, self.points)
        )
        bucket.refill(now)
        return bucket

    def _run(self, asked: Asked, context: Context, request_id: str) -> Response:
        counter = asked.counter()
        requested = counter.requested()
        bucket = self.bucket(context.token.app)
        if requested > MOST_PER_QUERY:
            raise Refused(too_costly(requested))
        error = self._take_planned(asked)
        throttled = error is not None and error.code == "THROTTLED"
        if throttled or not bucket.take(requested):
            return self._throttled(requested, bucket)
        if error and not error.after:
            return Response(200, {"errors": [_error_body(error, request_id)]})
        result = run(asked, context)
        actual = min(counter.actual(result.data), requested)
        bucket.level += requested - actual
        if error:
            return Response(200, {"errors": [_error_body(error, request_id)]})
        body = _body(result, cost(requested, actual, bucket), context)
        return Response(200, body)

    def _take_planned(self, asked: Asked) -> PlannedError | None:
        for error in self.planned:
            wanted = error.operation in asked.text
            if wanted and (not error.share or self.chance.random() < error.share):
                error.times -= 0 if error.share else 1
                if error.times <= 0 and not error.share:
                    self.planned.remove(error)
                return error
        return None

    def _throttled(self, requested: int, bucket: Bucket) -> Response:
        if self.throttles_with_429:
            missing = max(requested - bucket.level, 0) / bucket.rate
            wait = {"Retry-After": f"{max(ceil(missing), 1)}.0"}
            return Response(429, {"errors": "Throttled"}, wait)
        error = {
            "message": "Throttled",
            "extensions": {"code": "THROTTLED", "documentation": LIMITS_PAGE},
        }
        extensions = cost(requested, None, bucket)
        return Response(200, {"errors": [error], "extensions": extensions})


def seeded() -> random.Random:
    """Return chance that is the same in every run."""
    return random.Random(1)  # noqa: S311


def read_operation(request: Request, version: str) -> Asked:
    """Read and check the body; raises Refused with Shopify's answer."""
    text, variables, name = _read_body(request)
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        raise Refused({"errors": [error.formatted]}) from error
    schema = executable_schema(version)
    errors = validate(schema, document)
    if errors:
        raise Refused({"errors": [shaped(error, document) for error in errors]})
    operation = get_operation_ast(document, name)
    if operation is None:
        raise Refused({"errors": [{"message": "An operation name is required"}]})
    faults = variable_errors(schema, operation, variables)
    if faults:
        raise Refused({"errors": faults})
    return Asked(schema, document, operation, variables, text)


def _read_body(request: Request) -> tuple[str, Payload, str | None]:
    missing = {"errors": {"query": "Required parameter missing or invalid"}}
    try:
        body = request.json()
    except json.JSONDecodeError as error:
        raise Refused(missing, 400) from error
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise Refused(missing, 400)
    return body["query"], body.get("variables") or {}, body.get("operationName")


def run(asked: Asked, context: Context) -> ExecutionResult:
    """Execute; a fault of the simulator itself is raised, never answered."""
    result = execute(
        asked.schema,
        asked.document,
        context_value=context,
        variable_values=asked.variables,
        operation_name=asked.operation.name.value if asked.operation.name else None,
    )
    if not isinstance(result, ExecutionResult):
        raise TypeError("resolvers must not be asynchronous")
    for error in result.errors or ():
        cause = error.original_error
        if cause is not None and not isinstance(cause, GraphQLError):
            raise cause
    return result


def cost(requested: int, actual: int | None, bucket: Bucket) -> Payload:
    return {
        "cost": {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": bucket.status(),
        }
    }


def too_costly(requested: int) -> Payload:
    message = (
        f"Query cost is {requested}, which exceeds the single query max cost limit "
        f"({MOST_PER_QUERY}).\n\nSee {LIMITS_PAGE} for more information on how the "
        "cost of a query is calculated."
    )
    extensions = {
        "code": "MAX_COST_EXCEEDED",
        "cost": requested,
        "maxCost": MOST_PER_QUERY,
        "documentation": LIMITS_PAGE,
    }
    return {"errors": [{"message": message, "extensions": extensions}]}


def _error_body(error: PlannedError, request_id: str) -> Payload:
    text = error.message or MESSAGES.get(error.code, error.code)
    extensions = {"code": error.code}
    if error.code == "INTERNAL_SERVER_ERROR":
        extensions["requestId"] = request_id
    return {
        "message": text.replace("{request_id}", request_id),
        "extensions": extensions,
    }


def _body(result: ExecutionResult, extensions: Payload, context: Context) -> Payload:
    body: Payload = {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if context.warnings:
        extensions["search"] = context.warnings
    return {**body, "extensions": extensions}


def new_request_id(now: datetime) -> str:
    return f"{uuid.uuid4()}-{int(now.timestamp())}"
