"""The way in: every request to the REST services and to RESTlets passes here."""

from dataclasses import dataclass, field

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.audit import AuditEntry, LoginFailed
from integrations.simulators.netsuite.oauth1 import TokenLogin
from integrations.simulators.netsuite.oauth2 import GrantRefused, TokenDesk
from integrations.simulators.netsuite.refusals import Refusal
from integrations.simulators.netsuite.switches import Switches

_VENDOR = ".netsuite.com"


@dataclass
class Gate:
    """Checks who asks, by either method, and writes the audit trail."""

    switches: Switches
    tba: TokenLogin
    desk: TokenDesk
    trail: list[AuditEntry] = field(default_factory=list)
    closed: bool = False

    def close(self) -> None:
        """Take every access away, as an administrator does at 2 am."""
        self.closed = self.desk.closed = True

    def open(self) -> None:
        self.closed = self.desk.closed = False
        self.tba.unlock()

    def check(self, request: Request) -> None:
        """Let a request through or raise Refusal with status 401."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        try:
            self._check_door(request)
            if scheme == "OAuth":
                self.tba.check(request)
            elif scheme == "Bearer" and given:
                is_rest = request.path.startswith("/services/")
                self.desk.check(given, "rest_webservices" if is_rest else "restlets")
            elif scheme == "Bearer":
                raise self._invalid_request()
            else:
                raise LoginFailed("permission_denied")
        except LoginFailed as failure:
            method = "tba" if scheme == "OAuth" else "oauth2"
            self._note(method, failure.code, failure.subject)
            raise refusals.bad_login(self._challenge(scheme)) from None

    def answer_token(self, request: Request) -> Response:
        """Answer the token endpoint."""
        try:
            return self.desk.answer(request)
        except GrantRefused as refused:
            self._note("oauth2", refused.error, refused.subject)
            return self.desk.refusal(refused)

    def _check_door(self, request: Request) -> None:
        """Refuse whoever knocks while access is revoked, or at another account."""
        host = request.host.partition(":")[0].lower()
        if host.endswith(_VENDOR) and host.split(".")[0] != self.switches.account_host:
            raise LoginFailed("token_rejected")
        if self.closed:
            raise LoginFailed("permission_denied")

    def _challenge(self, scheme: str) -> str:
        if scheme == "OAuth":
            return f'OAuth realm="{self.switches.realm}"'
        return (
            f'Bearer realm="{self.switches.realm}", error="invalid_token", '
            'error_description="Invalid login attempt."'
        )

    def _invalid_request(self) -> Refusal:
        refusal = refusals.malformed()
        realm = self.switches.realm
        refusal.headers["WWW-Authenticate"] = (
            f'Bearer realm="{realm}", error="invalid_request"'
        )
        return refusal

    def _note(self, method: str, code: str, subject: str) -> None:
        self.trail.append(AuditEntry(self.switches.now(), method, code, subject))
