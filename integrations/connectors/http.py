"""One way to call a vendor: signed, timed, recorded, and classified when it fails."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from integrations.connectors import exact, redaction
from integrations.connectors.answers import Answer, read, retry_after
from integrations.connectors.auth import Login
from integrations.connectors.base import (
    Exchange,
    Services,
)
from integrations.connectors.deadline import DeadlineAdapter
from integrations.connectors.errors import (
    AccessRefused,
    ConnectionFailed,
    ConnectorError,
    LimitReached,
)
from integrations.connectors.faults import failure_of, judge_status
from integrations.connectors.secret import (
    Secret,
)

log = logging.getLogger(__name__)
_local = threading.local()

CONNECT_SECONDS = 10.0
QUICK_SECONDS = 5.0
UNSENT_PAUSE = 0.2
USER_AGENT = "Waybill"

ErrorFor = Callable[[Answer], ConnectorError | None]


@dataclass(frozen=True)
class _Call:
    method: str
    url: str
    params: Mapping[str, str]
    body: bytes | None
    headers: Mapping[str, str]
    json: Any = redaction.UNREAD


def new_session() -> requests.Session:
    """Return a session that takes nothing from its surroundings.

    The one seam of the tests: they put a session with their own transport here.
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", DeadlineAdapter())
    session.mount("http://", DeadlineAdapter())
    return session


def _session() -> requests.Session:
    """Return the session of this thread, so that lines stay open between records.

    A forked process gets its own: two processes must never share a line.
    """
    made_by = (new_session, os.getpid())
    if getattr(_local, "made_by", None) != made_by:
        _local.made_by, _local.session = made_by, new_session()
    kept: requests.Session = _local.session
    return kept


class ApiClient:
    """Calls one account of a vendor.

    `error_for` reads the vendor's own errors out of any answer, a good status
    included; what it leaves is judged by status.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        services: Services,
        *,
        error_for: ErrorFor = lambda answer: None,
        login: Login | None = None,
        secrets: tuple[Secret, ...] = (),
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.services = services
        self.error_for = error_for
        self.login = login or Login()
        self._secrets = secrets

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; return a good answer or raise an error of errors.py.

        Tries again once when the request never left or the vendor asks for a wait
        of up to 5 s, and once with a fresh token when it refuses the one in use.
        """
        call = self._call(method, path, params, json, form, headers)
        spent: set[str] = set()
        while True:
            self.login.ready()
            try:
                return self._try(call)
            except ConnectorError as error:
                pause = self._pause_before_another(error, spent)
                if pause is None:
                    raise
            time.sleep(pause)

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: Any,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> _Call:
        sent = {"Accept": "application/json", "User-Agent": USER_AGENT}
        body, sent_json = None, redaction.UNREAD
        if json is not None:
            sent["Content-Type"] = "application/json"
            body, sent_json = exact.dumps(json).encode(), json
        elif form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        sent.update(headers or {})
        url = self.base_url + path
        return _Call(method, url, params or {}, body, sent, sent_json)

    def _pause_before_another(
        self, error: ConnectorError, spent: set[str]
    ) -> float | None:
        chance, pause = _second_chance(error)
        if not chance or chance in spent:
            return None
        spent.add(chance)
        return pause if chance == "quick" or self.login.renew() else None

    def _try(self, call: _Call) -> Answer:
        with self.services.gate():
            started = time.perf_counter()
            prepared = self._signed(call)
            outcome = self._send(prepared)
            milliseconds = round((time.perf_counter() - started) * 1000)
        if isinstance(outcome, ConnectorError):
            self._keep(call, prepared, None, outcome, milliseconds)
            raise outcome
        error = self._judge(outcome)
        self._keep(call, prepared, outcome, error, milliseconds)
        if isinstance(error, LimitReached):
            self.services.refused()
        if error is not None:
            raise error
        return outcome

    def _signed(self, call: _Call) -> requests.PreparedRequest:
        """Prepare a request as a session would that has nothing but headers."""
        prepared = requests.PreparedRequest()
        prepared.prepare(
            call.method,
            call.url,
            params=dict(call.params),
            data=call.body,
            headers={**_session().headers, **call.headers},
            auth=self.login,
        )
        return prepared

    def _send(self, prepared: requests.PreparedRequest) -> Answer | ConnectorError:
        seconds = self.services.timeout
        timeout = Timeout(
            connect=min(CONNECT_SECONDS, seconds), read=seconds, total=seconds
        )
        try:
            # The stubs do not know that a Timeout of urllib3 is welcome, too.
            response = _session().send(
                prepared,
                timeout=timeout,  # type: ignore[arg-type]
                allow_redirects=False,
            )
        except (requests.RequestException, HTTPError) as error:
            problem = failure_of(error, self.name, seconds)
            problem.__cause__ = error
            return problem
        return read(response)

    def _judge(self, answer: Answer) -> ConnectorError | None:
        error = self.error_for(answer) or judge_status(answer, self.name)
        if error is not None:
            error.status = error.status or answer.status
            error.request_id = error.request_id or answer.request_id
            if error.retry_after is None:
                error.retry_after = retry_after(answer)
        return error

    def _keep(
        self,
        call: _Call,
        prepared: requests.PreparedRequest,
        answer: Answer | None,
        error: ConnectorError | None,
        milliseconds: int,
    ) -> None:
        """Record the exchange and log one line, both without secrets."""
        secrets = (*self._secrets, *self.login.secrets())
        if error is not None:
            _star_error(error, secrets)
        told = _Told(prepared, call.json, answer, error, milliseconds)
        exchange = told.exchange(secrets)
        log.info(
            "%s %s %s in %s ms %s",
            exchange.method,
            exchange.url.partition("?")[0],
            exchange.status or "no answer",
            milliseconds,
            exchange.request_id,
        )
        self.services.record(exchange)


@dataclass(frozen=True)
class _Told:
    """One request with the JSON it was made of, and what came of it."""

    prepared: requests.PreparedRequest
    json: Any
    answer: Answer | None
    error: ConnectorError | None
    milliseconds: int

    def exchange(self, secrets: tuple[Secret, ...]) -> Exchange:
        """Return what may be kept of it."""
        answer, url = self.answer, self.prepared.url or ""
        return Exchange(
            method=self.prepared.method or "",
            url=redaction.star(redaction.clean_url(url), secrets),
            request=self._request(secrets),
            status=answer.status if answer else None,
            response=_response(answer, secrets) if answer else "",
            milliseconds=self.milliseconds,
            request_id=answer.request_id if answer else "",
            error=str(self.error or ""),
        )

    def _request(self, secrets: tuple[Secret, ...]) -> str:
        sent = self.prepared.body or b""
        body = sent.encode() if isinstance(sent, str) else bytes(sent)
        return redaction.dump(self.prepared.headers, body, secrets, self.json)


def _response(answer: Answer, secrets: tuple[Secret, ...]) -> str:
    parsed = answer.data if answer.is_json else redaction.UNREAD
    return redaction.dump(answer.headers, answer.body, secrets, parsed)


def _star_error(error: ConnectorError, secrets: tuple[Secret, ...]) -> None:
    error.args = (redaction.star(str(error), secrets),)
    error.fields = {
        path: redaction.star(text, secrets) for path, text in error.fields.items()
    }


def _second_chance(error: ConnectorError) -> tuple[str, float]:
    """Name the chance that an error leaves, and the seconds to wait for it."""
    if isinstance(error, ConnectionFailed) and not error.sent:
        return "quick", UNSENT_PAUSE
    if isinstance(error, LimitReached):
        wait = error.retry_after
        if wait is not None and wait <= QUICK_SECONDS:
            return "quick", wait
    if isinstance(error, AccessRefused) and error.status == 401:
        return "login", 0.0
    return "", 0.0
