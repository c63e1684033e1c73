"""The login audit trail: why a log-in failed, for administrators' eyes only."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class AuditEntry:
    """One failed log-in; `subject` is a token or client id, never a secret."""

    at: datetime
    method: str
    code: str
    subject: str = ""


class LoginFailed(Exception):
    """A log-in failed for the reason `code` of the audit trail."""

    def __init__(self, code: str, subject: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.subject = subject
