"""The record service: /services/rest/record/v1."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite import exactjson, refusals
from integrations.simulators.netsuite.custom_fields import CustomFields
from integrations.simulators.netsuite.paging import page_links, page_of
from integrations.simulators.netsuite.parts import part_of
from integrations.simulators.netsuite.reading import ERROR, IGNORE, WARNING
from integrations.simulators.netsuite.record_types import RECORD_TYPES, record_type
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.rendering import Renderer, link
from integrations.simulators.netsuite.schema import RecordType
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.switches import Switches
from integrations.simulators.netsuite.writing import Draft, Manner, Writer

ROOT = "/services/rest/record/v1"
_ID = re.compile(r"-?\d+")
_EXTERNAL_ID = re.compile(r"eid:([A-Za-z0-9_-]+)")
Note = Callable[[Record, str], None]
_MEDIA = "application/vnd.oracle.resource+json; type="


class RecordApi:
    """Answers requests for records; takes the store's lock itself."""

    def __init__(
        self,
        store: Store,
        switches: Switches,
        custom: CustomFields,
        writer: Writer,
        note: Note,
    ) -> None:
        self.store = store
        self.switches = switches
        self.custom = custom
        self.writer = writer
        self.note = note

    def answer(self, request: Request) -> Response:
        """Answer one request below the record service's root; raise Refusal."""
        path = unquote(request.path)
        if " " in path:
            text = "Invalid url. Spaces are not allowed in the URL."
            raise Refusal(Detail(text))
        name, *rest = path[len(ROOT) :].strip("/").split("/")
        kind = record_type(name)
        if kind is None:
            raise refusals.no_record(f"Record type '{name}' does not exist.")
        self._check_role(kind)
        actions = self._actions(len(rest))
        if request.method not in actions:
            raise Refusal(Detail("Method not allowed.", "INVALID_REQUEST"), status=405)
        return actions[request.method](request, kind, *rest)

    def _actions(self, depth: int) -> dict[str, Callable[..., Response]]:
        if depth == 0:
            return {"POST": self._create, "GET": self._list}
        if depth == 1:
            return {
                "GET": self._read,
                "PATCH": self._update,
                "PUT": self._upsert,
                "DELETE": self._delete,
            }
        if depth == 3:
            return {"GET": self._read_part, "POST": self._transform}
        return {"GET": self._read_part}

    def _check_role(self, kind: RecordType) -> None:
        if kind.permission not in self.switches.role_permissions:
            raise refusals.no_permission()

    def _create(self, request: Request, kind: RecordType) -> Response:
        return self._write(request, kind, _payload(request, kind), lambda: None)

    def _update(self, request: Request, kind: RecordType, key: str) -> Response:
        payload = _payload(request, kind)
        return self._write(request, kind, payload, lambda: self._find(kind, key))

    def _upsert(self, request: Request, kind: RecordType, key: str) -> Response:
        external_id = _external_id(key)
        if external_id is None:
            text = "PUT is supported only with an external ID (eid:) in the URL."
            raise Refusal(Detail(text, "INVALID_REQUEST"))
        payload = {**_payload(request, kind), "externalId": external_id}

        def find() -> Record | None:
            record = self.store.by_external_id(kind.family, external_id)
            return self._find(kind, key) if record else None

        return self._write(request, kind, payload, find)

    def _write(
        self,
        request: Request,
        kind: RecordType,
        payload: dict[str, Any],
        find: Callable[[], Record | None],
    ) -> Response:
        """Load, change and save; the lock is free in between, as at the vendor."""
        manner = manner_of(request)
        with self.store.lock:
            draft = self.writer.draft(kind, payload, manner, find())
        return self._written(request, self._commit(draft), draft)

    def _commit(self, draft: Draft) -> Record:
        if self.switches.race_window:
            time.sleep(self.switches.race_window)
        with self.store.lock:
            record = self.writer.commit(draft)
            self.note(record, "updated" if draft.before else "created")
            self._note_followers(draft.followed)
            self._send_mail(record, draft)
        return record

    def _note_followers(self, followed: list[Record]) -> None:
        for record in followed:
            self.note(record, "followed")

    def _transform(
        self, request: Request, kind: RecordType, key: str, verb: str, name: str
    ) -> Response:
        target = record_type(name)
        if verb != "!transform" or target is None or not target.is_transaction:
            raise refusals.no_record("The requested resource does not exist.")
        self._check_role(target)
        payload = _payload(request, target) if request.body else {}
        manner = manner_of(request)
        with self.store.lock:
            source = self._find(kind, key)
            draft = self.writer.transform(source, target, payload, manner)
        record = self._commit(draft)
        self._bill_what_left(record)
        return self._written(request, record, draft)

    def _bill_what_left(self, record: Record) -> None:
        """Make the invoice with the fulfilment, as accounts without a feature do."""
        advanced = self.switches.advanced_shipping or record.type != "itemFulfillment"
        if advanced or record.values["shipStatus"]["id"] != "C":
            return
        with self.store.lock:
            order = self.store.of_type("salesOrder")[record.values["createdFrom"]["id"]]
            invoice = RECORD_TYPES["invoice"]
            self._commit(self.writer.transform(order, invoice, {}, Manner()))

    def _send_mail(self, record: Record, draft: Draft) -> None:
        address = record.values.get("email")
        if draft.before is None and record.values.get("toBeEmailed") and address:
            self.store.outbox.append((record.id, address))

    def _written(self, request: Request, record: Record, draft: Draft) -> Response:
        key = record.id
        if self.switches.upsert_location_echoes_external_id and request.method == "PUT":
            key = f"eid:{record.values['externalId']}"
        headers = {"Location": f"{base_url(request)}/{record.type}/{key}"}
        if draft.warnings:
            headers[self.switches.warning_header] = "; ".join(draft.warnings)
        return Response(204, b"", headers)

    def _read(self, request: Request, kind: RecordType, key: str) -> Response:
        with self.store.lock:
            record = self._find(kind, key)
            body = self._renderer(request).record(
                record, request.query.get("fields", "")
            )
        return _json(body, "singular")

    def _read_part(
        self, request: Request, kind: RecordType, key: str, *parts: str
    ) -> Response:
        with self.store.lock:
            record = self._find(kind, key)
            renderer = self._renderer(request)
            fields, url = self.custom.fields(kind), renderer.url(record)
            return _json(*part_of(renderer, fields, record.values, list(parts), url))

    def _list(self, request: Request, kind: RecordType) -> Response:
        if "q" in request.query:
            text = "Invalid search query. Provide a valid search query."
            raise refusals.bad_parameter(text, "q")
        page = page_of(request)
        with self.store.lock:
            ids = list(self.store.of_type(kind.name))
        url = f"{base_url(request)}/{kind.name}"
        shown = ids[page.offset : page.offset + page.limit]
        items = [{"links": [link(f"{url}/{key}")], "id": key} for key in shown]
        return _json(
            {**page_links(url, page, len(shown), len(ids)), "items": items},
            "collection",
        )

    def _delete(self, request: Request, kind: RecordType, key: str) -> Response:
        with self.store.lock:
            record = self._find(kind, key)
            followed = self.writer.remove(record)
            self.note(record, "deleted")
            self._note_followers(followed)
        return Response(204)

    def _find(self, kind: RecordType, key: str) -> Record:
        external_id = _external_id(key)
        if external_id is not None:
            record = self.store.by_external_id(kind.family, external_id)
        elif _ID.fullmatch(key):
            record = self.store.get(kind.name, key)
            if record is None and kind.is_transaction:
                raise refusals.no_transaction()
        else:
            raise refusals.malformed(**{"o:errorUrl": key})
        if record is None or record.type != kind.name:
            raise refusals.no_record()
        self._check_lock(record)
        return record

    def _check_lock(self, record: Record) -> None:
        """Refuse even a read: a GET opens the record in edit mode."""
        if (record.type, record.id) in self.store.locked:
            raise refusals.workflow_lock()

    def _renderer(self, request: Request) -> Renderer:
        query = request.query
        return Renderer(
            self.store,
            self.custom,
            base_url(request),
            expand=query.get("expandSubResources") == "true",
            simple_enums=query.get("simpleEnumFormat") == "true",
        )


def base_url(request: Request) -> str:
    return f"{request.scheme}://{request.host}{ROOT}"


def manner_of(request: Request) -> Manner:
    """Read from headers and query how a payload shall be taken."""
    replace = request.query.get("replace", "")
    return Manner(
        names=_validation(request, "X-Netsuite-Propertynamevalidation", WARNING),
        values=_validation(request, "X-Netsuite-Propertyvaluevalidation", ERROR),
        replace=frozenset(name for name in replace.split(",") if name),
        selected=request.query.get("replaceSelectedFields") == "true",
    )


def _validation(request: Request, header: str, default: str) -> str:
    wanted = request.headers.get(header, default).lower()
    if wanted not in (ERROR, WARNING, IGNORE):
        raise refusals.bad_header("Use Error, Warning or Ignore.", header)
    return wanted


def _payload(request: Request, kind: RecordType) -> dict[str, Any]:
    if not kind.writable:
        raise refusals.no_permission()
    if "respond-async" in request.headers.get("Prefer", ""):
        raise refusals.bad_header("Asynchronous execution is not available.", "Prefer")
    if "json" not in request.headers.get("Content-Type", "application/json"):
        raise Refusal(Detail("Use JSON.", "INVALID_HEADER"), status=415)
    try:
        payload = exactjson.loads(request.body)
    except ValueError:
        raise refusals.malformed() from None
    if not isinstance(payload, dict):
        raise refusals.malformed()
    return payload


def _external_id(key: str) -> str | None:
    if not key.startswith("eid:"):
        return None
    match = _EXTERNAL_ID.fullmatch(key)
    if match is None:
        raise refusals.malformed(**{"o:errorUrl": key})
    return match[1]


def _json(body: Any, shape: str) -> Response:
    return Response(200, exactjson.dumps(body), {"Content-Type": _MEDIA + shape})
