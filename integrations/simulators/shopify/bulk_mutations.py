"""bulkOperationRunQuery, …RunMutation, …Cancel and their reading; typed errors."""

import json
from collections.abc import Callable
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    validate,
)

from integrations.simulators.base import ExactNumber
from integrations.simulators.shopify.bulk import (
    AT_ONCE,
    START_TIME,
    BulkOperation,
)
from integrations.simulators.shopify.bulk_lines import (
    BulkRefused,
    read_bulk_query,
    result_lines,
    syntax_text,
)
from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.paging import connect, without_pages
from integrations.simulators.shopify.problems import variable_errors
from integrations.simulators.shopify.shop import new_event
from integrations.simulators.shopify.times import zulu

Payload = dict[str, Any]
# What an operation found, and the error code when it could not go on.
Work = Callable[[], tuple[list[Payload], str | None]]
NO_FILE = (
    "The JSONL file could not be found. Try uploading the file again, and check that "
    "you've entered the URL correctly for the stagedUploadPath mutation argument."
)


def operation_view(row: BulkOperation) -> Payload:
    """Show an operation; its counts are texts."""
    file = row.file
    url = file.url if file else None
    failed = row.status == "FAILED"
    return {
        "id": row.gid,
        "status": row.status,
        "type": row.kind,
        "errorCode": row.error_code,
        "createdAt": zulu(row.created_at),
        "completedAt": zulu(row.completed_at),
        "objectCount": str(row.object_count),
        "rootObjectCount": str(row.root_count),
        "fileSize": str(len(file.body)) if file else None,
        "url": None if failed else url,
        "partialDataUrl": url if failed else None,
        "query": row.text,
    }


def run_query(root: Any, info: Info, query: str, groupObjects: bool = False) -> Payload:
    context: Context = info.context
    forced = context.forced_user_error("bulkOperationRunQuery")
    if forced:
        return _refused(forced)
    try:
        document = read_bulk_query(info.schema, query)
    except BulkRefused as error:
        return _refused(_error(["query"], str(error), "INVALID"))

    def work() -> tuple[list[Payload], str | None]:
        with without_pages():
            result = _execute(info.schema, document, context, {})
        return list(result_lines(result.data, groupObjects)), _code_of(result)

    return _begin("QUERY", query, work, context)


def run_mutation(
    root: Any,
    info: Info,
    mutation: str,
    stagedUploadPath: str,
    clientIdentifier: str | None = None,
    groupObjects: bool = True,
) -> Payload:
    context: Context = info.context
    forced = context.forced_user_error("bulkOperationRunMutation")
    if forced:
        return _refused(forced)
    try:
        document = parse(mutation)
    except GraphQLError as error:
        text = f"Failed to parse the mutation - {syntax_text(error)}"
        return _refused(_error(None, text, "INVALID_MUTATION"))
    problem = _mutation_problem(info.schema, document)
    if problem:
        return _refused(problem)
    upload = context.store.bulk.uploads.get(stagedUploadPath)
    if upload is None:
        return _refused(_error(None, NO_FILE, "NO_SUCH_FILE"))
    lines = upload.decode().splitlines()

    def work() -> tuple[list[Payload], str | None]:
        rows = [
            {**_run_line(info.schema, document, line, context), "__lineNumber": index}
            for index, line in enumerate(lines)
            if line.strip()
        ]
        return rows, None

    return _begin("MUTATION", mutation, work, context)


def cancel(root: Any, info: Info, id: str) -> Payload:
    """Ask an operation to stop, which it does a moment later."""
    context: Context = info.context
    row = context.store.bulk.find(id)
    if row is None or row.client_id != context.token.app.client_id:
        error = _plain(["id"], "Bulk operation does not exist")
        return {"bulkOperation": None, "userErrors": [error]}
    if not row.is_under_way:
        text = "A bulk operation cannot be canceled when it is"
        error = _plain(None, f"{text} {row.status.lower()}")
        return {"bulkOperation": operation_view(row), "userErrors": [error]}
    row.status = "CANCELING"
    context.store.jobs.add(
        context.now() + START_TIME, lambda: _end(row, "CANCELED", context)
    )
    return {"bulkOperation": operation_view(row), "userErrors": []}


def operation(root: Any, info: Info, id: str) -> Payload | None:
    found = [row for row in _own(info.context) if row.gid == id]
    return operation_view(found[0]) if found else None


def current(root: Any, info: Info, type: str = "QUERY") -> Payload | None:
    found = [row for row in _own(info.context) if row.kind == type]
    return operation_view(found[-1]) if found else None


def operations(root: Any, info: Info, **arguments: Any) -> Payload:
    rows = _own(info.context)
    return connect(rows, lambda row: (row.id, row.id), operation_view, arguments)


def _own(context: Context) -> list[BulkOperation]:
    client_id = context.token.app.client_id
    return [row for row in context.store.bulk.operations if row.client_id == client_id]


def _begin(kind: str, text: str, work: Work, context: Context) -> Payload:
    desk, now = context.store.bulk, context.now()
    client_id = context.token.app.client_id
    standing = desk.under_way(kind, client_id)
    if len(standing) >= AT_ONCE:
        listed = ", ".join(row.gid for row in standing)
        told = (
            f"A bulk {kind.lower()} operation for this app and shop is already in "
            f"progress: {listed}."
        )
        return _refused(_error(None, told, "OPERATION_IN_PROGRESS"))
    number = context.store.new_id("BulkOperation")
    row = BulkOperation(number, kind, client_id, text, now)
    desk.operations.append(row)
    context.store.jobs.add(now + START_TIME, lambda: _start(row))
    finish = max(desk.work_time, START_TIME)
    context.store.jobs.add(now + finish, lambda: _finish(row, work, context))
    return {"bulkOperation": operation_view(row), "userErrors": []}


def _start(row: BulkOperation) -> None:
    if row.status == "CREATED":
        row.status = "RUNNING"


def _finish(row: BulkOperation, work: Work, context: Context) -> None:
    """Do the work, unless it was called off; a planned failure leaves half of it."""
    if row.status not in ("CREATED", "RUNNING"):
        return
    desk = context.store.bulk
    lines, row.error_code = work()
    if desk.failures:
        row.error_code = desk.failures.pop(0)
        lines = lines[: len(lines) // 2]
    row.object_count = len(lines)
    row.root_count = sum(1 for line in lines if "__parentId" not in line)
    if lines:
        row.file = desk.write(lines, context.base_url, context.now())
    _end(row, "FAILED" if row.error_code else "COMPLETED", context)


def _end(row: BulkOperation, status: str, context: Context) -> None:
    if not row.is_under_way:
        return
    row.status, row.completed_at = status, context.now()
    shop = context.shop
    body = {
        "admin_graphql_api_id": row.gid,
        "completed_at": shop.shop_time(row.completed_at),
        "created_at": shop.shop_time(row.created_at),
        "error_code": row.error_code.lower() if row.error_code else None,
        "status": status.lower(),
        "type": row.kind.lower(),
    }
    context.webhooks.fire("bulk_operations/finish", body, new_event())


def _mutation_problem(
    schema: GraphQLSchema, document: DocumentNode
) -> UserError | None:
    found = [x for x in document.definitions if isinstance(x, OperationDefinitionNode)]
    if len(found) != 1 or found[0].operation is not OperationType.MUTATION:
        text = "Invalid operation type. Only `mutation` operations are supported."
        return _error(["mutation"], text, "INVALID_MUTATION")
    fields = [x for x in found[0].selection_set.selections if isinstance(x, FieldNode)]
    if len(fields) != 1:
        text = "You must specify a single top level mutation."
        return _error(["mutation"], text, None)
    if fields[0].name.value.startswith("bulkOperationRun"):
        return _error(["mutation"], "You must use an allowed mutation name.", None)
    errors = validate(schema, document)
    if errors:
        text = f"Failed to parse the mutation - {errors[0].message}"
        return _error(None, text, "INVALID_MUTATION")
    return None


def _run_line(
    schema: GraphQLSchema, document: DocumentNode, line: str, context: Context
) -> Payload:
    """Run the mutation with one line's variables; its errors are in its line."""
    try:
        variables = json.loads(line, parse_float=ExactNumber)
    except json.JSONDecodeError as error:
        return {"errors": [{"message": f"Invalid JSON: {error.msg}"}]}
    for found in document.definitions:
        if isinstance(found, OperationDefinitionNode):
            problems = variable_errors(schema, found, variables)
            if problems:
                return {"errors": problems}
    result = _execute(schema, document, context, variables)
    body: Payload = {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    return body


def _execute(
    schema: GraphQLSchema, document: DocumentNode, context: Context, variables: Payload
) -> ExecutionResult:
    result = execute(schema, document, context_value=context, variable_values=variables)
    if not isinstance(result, ExecutionResult):
        raise TypeError("resolvers must not be asynchronous")
    for error in result.errors or ():
        cause = error.original_error
        if cause is not None and not isinstance(cause, GraphQLError):
            raise cause
    return result


def _code_of(result: ExecutionResult) -> str | None:
    """Return the error code of an operation whose query could not be answered."""
    codes = [(error.extensions or {}).get("code") for error in result.errors or ()]
    if not codes:
        return None
    denied = "ACCESS_DENIED"
    return denied if denied in codes else "INTERNAL_SERVER_ERROR"


def _plain(field: list[str] | None, message: str) -> UserError:
    return {"field": field, "message": message}


def _error(field: list[str] | None, message: str, code: str | None) -> UserError:
    return {"field": field, "message": message, "code": code}


def _refused(error: UserError) -> Payload:
    return {"bulkOperation": None, "userErrors": [error]}
