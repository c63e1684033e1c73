"""The storage beside the API: where files are put for bulk mutations and fetched."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from typing import Any
from xml.sax.saxutils import escape

from integrations.simulators.base import Request, Response
from integrations.simulators.shopify.bulk import FILES, BulkDesk
from integrations.simulators.shopify.context import Context, Info

Payload = dict[str, Any]
UPLOADS = "staged-uploads"
LARGEST_UPLOAD = 100 * 1024 * 1024


def create_uploads(root: Any, info: Info, input: list[Payload]) -> Payload:
    """Name places to put files; nothing is there until it is uploaded."""
    context: Context = info.context
    targets = [_target(wanted, context) for wanted in input]
    return {"stagedTargets": targets, "userErrors": []}


def _target(wanted: Payload, context: Context) -> Payload:
    key = f"tmp/{context.store.shop}/bulk/{uuid.uuid4()}/{wanted['filename']}"
    context.store.bulk.promised.add(key)
    address = f"{context.base_url}/{UPLOADS}/"
    values = {
        "Content-Type": wanted["mimeType"],
        "success_action_status": "201",
        "acl": "private",
        "key": key,
        "x-goog-date": f"{context.now():%Y%m%dT%H%M%SZ}",
        "x-goog-credential": "merchant-assets@simulated/auto/storage/goog4_request",
        "x-goog-algorithm": "GOOG4-RSA-SHA256",
        "x-goog-signature": hashlib.sha256(key.encode()).hexdigest(),
        "policy": "e30=",
    }
    return {
        "url": address,
        "resourceUrl": address,
        "parameters": [{"name": k, "value": v} for k, v in values.items()],
    }


class BulkStorage:
    """Serves both sides of the storage."""

    def __init__(self, desk: BulkDesk, now: Callable[[], datetime]) -> None:
        self.desk = desk
        self.now = now

    def fetch(self, request: Request, token: str) -> Response:
        """Hand out a result file; an address that has expired is refused."""
        found = self.desk.files.get(token)
        if found is None:
            return _problem(404, "NoSuchKey", "The specified key does not exist.")
        if self.now() >= found.expires_at:
            return _problem(400, "ExpiredToken", "The provided token has expired.")
        return Response(200, found.body, {"Content-Type": "application/jsonl"})

    def put(self, request: Request) -> Response:
        """Take a file in a form with the parameters that were given for it."""
        parts = _form(request)
        key = parts.get("key", b"").decode()
        if key not in self.desk.promised or "file" not in parts:
            return _problem(403, "AccessDenied", "Access denied.")
        signature = hashlib.sha256(key.encode()).hexdigest()
        if parts.get("x-goog-signature", b"").decode() != signature:
            text = "Access denied."
            return _problem(403, "SignatureDoesNotMatch", text)
        body = parts["file"]
        if not 0 < len(body) <= LARGEST_UPLOAD:
            text = "Your proposed upload is not of the size allowed."
            return _problem(400, "EntityTooLarge", text)
        self.desk.uploads[key] = body
        place = escape(f"https://{request.host}/{UPLOADS}/{key}")
        text = (
            "<?xml version='1.0' encoding='UTF-8'?><PostResponse>"
            f"<Location>{place}</Location><Bucket>{UPLOADS}</Bucket>"
            f"<Key>{escape(key)}</Key></PostResponse>"
        )
        return Response(201, text, {"Content-Type": "text/xml; charset=UTF-8"})


def _form(request: Request) -> dict[str, bytes]:
    head = f"Content-Type: {request.headers.get('Content-Type', '')}\r\n\r\n"
    message = message_from_bytes(head.encode() + request.body)
    parts = message.get_payload() if message.is_multipart() else []
    found = {}
    for part in parts:
        if isinstance(part, Message):
            name = part.get_param("name", "", "content-disposition")
            body = part.get_payload(decode=True)
            found[str(name)] = body if isinstance(body, bytes) else b""
    return found


def _problem(status: int, code: str, text: str) -> Response:
    body = (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<Error><Code>{code}</Code><Message>{text}</Message></Error>"
    )
    return Response(status, body, {"Content-Type": "application/xml; charset=UTF-8"})


RESULT_PATH = rf"/{FILES}/(?P<token>[0-9a-f]+)-final"
UPLOAD_PATH = rf"/{UPLOADS}/"
