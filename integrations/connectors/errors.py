"""What can go wrong with a vendor, named for what helps."""

from datetime import datetime


class ConnectorError(Exception):
    """The vendor did not do what was asked."""

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        fields: dict[str, str] | None = None,
        sent: bool = True,
    ) -> None:
        """Keep the facts of a refusal.

        `fields` maps a path in the payload to the vendor's own words about it;
        `retry_after` is in seconds; `sent` is False only when it is certain that
        the vendor never received the request.
        """
        super().__init__(message or self.__doc__)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.fields = fields or {}
        self.sent = sent


class TemporaryError(ConnectorError):
    """The vendor could not answer now."""


class ConnectionFailed(TemporaryError):
    """The vendor could not be reached, or the line broke."""


class TimedOut(TemporaryError):
    """The vendor did not answer in time."""


class ServerFault(TemporaryError):
    """The vendor answered with a fault of its own."""


class RecordBusy(TemporaryError):
    """Somebody is changing this record at the vendor, so nothing was written."""


class StillUnknown(TemporaryError):
    """An earlier request for this record may still be at work at the vendor."""


class LimitReached(ConnectorError):
    """The vendor asked for fewer requests at once."""


class DailyLimitReached(LimitReached):
    """The account has used up its requests for the day."""


class AccessRefused(ConnectorError):
    """The vendor refused our credentials."""


class PermissionMissing(ConnectorError):
    """The credentials work, but the role may not do this."""


class RecordRejected(ConnectorError):
    """The vendor refused this record."""


class RecordHeld(RecordRejected):
    """The vendor keeps this back until somebody lets it go there."""


class ReferenceUnknown(RecordRejected):
    """The record points at something the vendor does not have."""


class AlreadyExists(RecordRejected):
    """The vendor holds a record with this key already."""


class RecordMissing(ConnectorError):
    """The vendor has no such record."""


class RecordConflict(ConnectorError):
    """A different record has this key, or somebody changed it meanwhile."""


class TargetGone(RecordConflict):
    """A record that was delivered stands at the vendor no longer."""


class DecisionNeeded(RecordConflict):
    """Only people can say what becomes of this record at the vendor."""


class ChangeRefused(ConnectorError):
    """The record has gone too far at the vendor for a change of its source.

    `fields` says per path what both sides have, `decide` what a person must do.
    """

    def __init__(self, message: str, fields: dict[str, str], decide: str) -> None:
        super().__init__(message, code="CHANGE_REFUSED", fields=fields)
        self.decide = decide


class OnlyNamed(ConnectorError):
    """The delivery names an object without bringing it: it has to be read."""

    def __init__(self, entity: str, key: str, changed_at: datetime) -> None:
        super().__init__(f"It names {entity} {key} and does not bring it.")
        self.entity = entity
        self.key = key
        self.changed_at = changed_at


class RequestRefused(ConnectorError):
    """The vendor could not understand the request: a fault of ours."""


class BadSignature(ConnectorError):
    """The delivery was not signed with a secret of this connection."""


class UnreadablePayload(ConnectorError):
    """The delivery could not be read."""


class TopicUnsupported(ConnectorError):
    """Deliveries of this topic are kept, but not wanted."""
