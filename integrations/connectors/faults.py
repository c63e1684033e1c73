"""What a bad status or a broken line means, where the vendor says nothing better."""

from collections.abc import Iterator
from ssl import SSLCertVerificationError, SSLEOFError

from requests import exceptions as faults
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
)

from integrations.connectors.answers import Answer
from integrations.connectors.errors import (
    AccessRefused,
    ConnectionFailed,
    ConnectorError,
    LimitReached,
    PermissionMissing,
    RecordConflict,
    RecordMissing,
    RequestRefused,
    ServerFault,
    TimedOut,
)

BY_STATUS: dict[int, type[ConnectorError]] = {
    401: AccessRefused,
    403: PermissionMissing,
    404: RecordMissing,
    408: ServerFault,
    409: RecordConflict,
    412: RecordConflict,
    429: LimitReached,
}


def judge_status(answer: Answer, name: str) -> ConnectorError | None:
    """Return the error that a status alone tells, or None for a good answer."""
    status = answer.status
    if status < 300:
        if answer.body.strip() and not answer.is_json:
            return ServerFault(
                f"{name} answered {status} with something else than JSON."
            )
        return None
    if status < 400:
        return RequestRefused(
            f"{name} answered with a redirect, which is never followed. "
            "Check the address of the connection.",
            code="REDIRECT",
        )
    fallback = ServerFault if status >= 500 else RequestRefused
    kind = BY_STATUS.get(status, fallback)
    return kind(f"{name} answered {status}.")


def failure_of(error: Exception, name: str, seconds: float) -> ConnectorError:
    """Say what a broken exchange means: never sent, or unknown."""
    causes = tuple(_causes(error))

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if among(SSLCertVerificationError):
        return AccessRefused(
            f"The certificate of {name} could not be verified, so nothing was sent.",
            code="CERTIFICATE",
            sent=False,
        )
    if among(faults.SSLError) and not among(SSLEOFError, TimeoutError):
        return AccessRefused(f"No safe line to {name} could be opened.", code="TLS")
    if among(NewConnectionError, ConnectTimeoutError, faults.ConnectTimeout):
        return ConnectionFailed(f"{name} could not be reached.", sent=False)
    if among(faults.Timeout, ReadTimeoutError):
        return TimedOut(f"{name} did not answer within {seconds:g} seconds.")
    if among(faults.ChunkedEncodingError, faults.ContentDecodingError):
        return ServerFault(f"The answer of {name} broke off.")
    if among(faults.ConnectionError, HTTPError):
        return ConnectionFailed(f"The line to {name} broke.")
    return RequestRefused(f"The request to {name} could not be made.", sent=False)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it wraps; not what merely happened before it."""
    yield error
    inner = (*error.args, getattr(error, "reason", None), error.__cause__)
    for cause in inner:
        if isinstance(cause, BaseException) and cause is not error:
            yield from _causes(cause)
