"""A NetSuite account in memory: REST records, SuiteQL, both ways to log in."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from integrations.simulators.base import Call, Fault, Request, Response
from integrations.simulators.netsuite import (
    metadata,
    oauth2,
    query_api,
    record_api,
    refusals,
    restlets,
    system_api,
)
from integrations.simulators.netsuite.account import Account
from integrations.simulators.netsuite.house import House
from integrations.simulators.netsuite.metadata import MetadataApi
from integrations.simulators.netsuite.query_api import QueryApi
from integrations.simulators.netsuite.record_api import RecordApi
from integrations.simulators.netsuite.refusals import Refusal
from integrations.simulators.netsuite.restlets import RestletApi

_SECRETS = re.compile(r'(client_assertion=|"access_token":")[^&"]+')


class NetSuiteSimulator(Account):
    """Answers the requests to one account."""

    kind = "netsuite"

    def __init__(self, **switches: Any) -> None:
        super().__init__(**switches)
        self.records = RecordApi(self.store, self, self.custom, self.writer, self._note)
        self.queries = QueryApi(self.store, self)
        self.catalogue = MetadataApi(self, self.custom)
        self.restlets = RestletApi(self.store, self)
        self.house = House(self)

    def keep_journal(self, folder: Path) -> None:
        """Begin the file with what stands in the account already."""
        super().keep_journal(folder)
        with self.lock:
            for records in self.store.records.values():
                for record in records.values():
                    self._note(record, "standing")

    def handle(self, request: Request) -> Response:
        """Answer one request; pages and control addresses stand outside all limits."""
        if not request.path.startswith("/services/") and not _is_restlet(request):
            return self.house.respond(request)
        if request.path == oauth2.TOKEN_PATH:
            return self._serve(request)
        with self._seat() as seated:
            return self._serve(request) if seated else self._turn_away(request)

    @contextmanager
    def _seat(self) -> Iterator[bool]:
        """Hold one of the account's places for requests in flight, if one is free."""
        with self.lock:
            seated = self.in_flight < self.allowance
            self.in_flight += seated
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self.over_allowance += not seated
        try:
            yield seated
        finally:
            with self.lock:
                self.in_flight -= seated

    def _serve(self, request: Request) -> Response:
        with self.lock:
            fault = self._take_fault(request)
        time.sleep(self.latency + (fault.latency if fault else 0.0))
        response = self._answer(request, fault)
        date = format_datetime(self.now().astimezone(UTC), usegmt=True)
        response.headers.setdefault("Date", date)
        return response

    def _take_fault(self, request: Request) -> Fault | None:
        """Keep faults without a path for the services; a log-in would use them up."""
        is_login = request.path == oauth2.TOKEN_PATH
        for fault in self._faults:
            if fault.path in request.path and (fault.path or not is_login):
                self._faults.remove(fault)
                return fault
        return None

    def _turn_away(self, request: Request) -> Response:
        if self.journal_file:
            self.journal_file.write("over", path=request.path, seats=self.allowance)
        if self.overload_looks_like_bad_login:
            response = self._bad_login(request, refusals.bad_login())
        elif _is_restlet(request):
            response = restlets.over_allowance(request)
        else:
            response = refusals.over_allowance(self.retry_after).response()
        self._write_down(request, response, lost=False)
        return response

    def respond(self, request: Request) -> Response:
        """Check who asks and hand the request to its service."""
        if request.path == oauth2.TOKEN_PATH:
            with self.lock:
                return self.gate.answer_token(request)
        try:
            with self.lock:
                self.gate.check(request)
        except Refusal as refusal:
            return self._bad_login(request, refusal)
        if _is_restlet(request):
            return self.restlets.answer(request)
        try:
            return self._service(request)
        except Refusal as refusal:
            return refusal.response(self.detail_prefix)

    def _bad_login(self, request: Request, refusal: Refusal) -> Response:
        """Refuse in the words of the service that was asked."""
        response = refusal.response()
        if not _is_restlet(request) or refusal.status != 401:
            return response
        answer = restlets.bad_login(request)
        challenge = response.headers.get("WWW-Authenticate")
        if challenge:
            answer.headers["WWW-Authenticate"] = challenge
        return answer

    def _service(self, request: Request) -> Response:
        path = request.path
        if path.startswith(metadata.PATH):
            return self.catalogue.answer(request)
        if path.startswith(f"{record_api.ROOT}/"):
            return self.records.answer(request)
        if path == query_api.PATH:
            return self.queries.answer(request)
        if path.startswith(system_api.ROOT):
            return system_api.answer_system(request, self)
        raise refusals.no_record("The requested resource does not exist.")

    def _shown(self, call: Call, request: Request) -> Call:
        """Mask the secrets of a log-in."""
        if request.path != oauth2.TOKEN_PATH:
            return call
        return replace(
            call,
            request=_SECRETS.sub(r"\1•••", call.request),
            response=_SECRETS.sub(r"\1•••", call.response),
        )


def _is_restlet(request: Request) -> bool:
    return request.path == restlets.PATH
