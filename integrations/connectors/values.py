"""The values that cross the border of a connector."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.connectors.secret import Secret, TokenStore

Payload = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """One thing a person fills in for a connection."""

    name: str
    label: str
    secret: bool = False
    required: bool = True
    multiline: bool = False
    # How many days the vendor lets such a secret live at most; 0 for ever.
    longest_days: int = 0
    help: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True)
class AuthMethod:
    """A way to log in, the credentials it needs, and until when it is offered."""

    kind: str
    label: str
    credentials: tuple[Setting, ...]
    warning: str = ""


@dataclass(frozen=True)
class Account:
    """Everything a connector needs to know about one connection."""

    key: str
    namespace: str
    account_id: str
    base_url: str
    api_version: str
    auth_method: str
    credentials: Mapping[str, Secret]
    options: Mapping[str, Any] = field(default_factory=dict)
    # Which state of the credentials this is, in words without a secret.
    credentials_version: str = ""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, redacted and cut at 32 kB each."""

    method: str
    url: str
    request: str
    status: int | None
    response: str
    milliseconds: int
    request_id: str = ""
    error: str = ""


Recorder = Callable[[Exchange], None]
Gate = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Services:
    """What the surroundings lend a connector.

    `gate` is entered around each request, so that no request leaves without a
    slot; `record` keeps what went over the line; `refused` hears of each answer
    that asks for fewer requests at once; `timeout` is the deadline of one call in
    seconds.
    """

    tokens: TokenStore
    record: Recorder = lambda exchange: None
    gate: Gate = nullcontext
    refused: Callable[[], None] = lambda: None
    timeout: float = 30.0


@dataclass(frozen=True)
class SourceObject:
    """One object of a source system, ready for the ledger.

    `key` is the source's id as text, `changed_at` orders its versions. The other
    fields are what people search for and read in the error queue.
    """

    entity: str
    key: str
    payload: Payload
    changed_at: datetime | None
    label: str = ""
    party: str = ""
    email: str = ""
    skus: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str = ""
    tracking: tuple[str, ...] = ()

    @property
    def is_id_alone(self) -> bool:
        """Say that another object names it by its id and holds nothing else of it."""
        return not self.payload


# What changed, each with the cursor that stands when it is taken over.
Changes = Iterator[tuple[SourceObject, str]]


@dataclass(frozen=True)
class WebhookHead:
    """The unsigned hints that came with a delivery; never trusted further."""

    delivery_id: str
    topic: str
    event_id: str = ""
    triggered_at: str = ""
    api_version: str = ""


@dataclass(frozen=True)
class Found:
    """One record that a look-up found."""

    id: str
    label: str = ""
    inactive: bool = False


@dataclass(frozen=True)
class Written:
    """A record that stands at the target now.

    `adopted` says that it stood there before this call (read back after the
    vendor said that it exists).
    """

    target_id: str
    adopted: bool = False
    url: str = ""


@dataclass(frozen=True)
class Compared:
    """The record that has our external id, beside a payload.

    `differences` maps a field to what differs, in words; None when the vendor cannot
    be asked for the content.
    """

    target_id: str
    differences: Mapping[str, str] | None = None

    @property
    def agrees(self) -> bool:
        return self.differences is not None and not self.differences


@dataclass(frozen=True)
class Standing:
    """What a record at the target holds now, as the vendor's JSON, and since when."""

    target_id: str
    values: Payload
    changed_at: datetime | None = None


@dataclass(frozen=True)
class FieldRule:
    """What a vendor's own metadata says of one field.

    `type` is one word for people: text, number, date, choice, reference …
    """

    longest: int | None = None
    choices: tuple[str, ...] = ()
    label: str = ""
    type: str = ""
    required: bool = False
    read_only: bool = False


@dataclass(frozen=True)
class Named:
    """A look-up that gives an id: search `record` by `by` for `value`."""

    record: str
    by: str
    value: str


@dataclass(frozen=True)
class CheckLine:
    """One finding of a connection check, in words, with what to do."""

    good: bool
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class CheckResult:
    lines: tuple[CheckLine, ...]

    @property
    def is_good(self) -> bool:
        return all(line.good for line in self.lines)


def first(values: Iterable[Any]) -> Any:
    """Return the first value that is not empty, or None."""
    return next((value for value in values if value not in (None, "", [], {})), None)
