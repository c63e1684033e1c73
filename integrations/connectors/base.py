"""The contract of a connector, and the values that cross its border."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Protocol

Payload = dict[str, Any]


class Secret(str):
    """A secret that prints as stars; read it with `reveal`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'•••'"

    def __str__(self) -> str:
        return "•••"

    def __format__(self, spec: str) -> str:
        return "•••"

    def reveal(self) -> str:
        return str.__str__(self)


@dataclass(frozen=True)
class Setting:
    """One thing a person fills in for a connection."""

    name: str
    label: str
    secret: bool = False
    required: bool = True
    multiline: bool = False
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


@dataclass(frozen=True)
class AccessToken:
    """A token with the moment it ends, in UTC."""

    value: Secret
    expires_at: datetime


class TokenStore(Protocol):
    """Keeps one access token per connection for all workers."""

    def get(self, fetch: Callable[[], AccessToken]) -> Secret:
        """Return a token that is still good, fetched once for all who ask."""

    def forget(self, token: Secret) -> None:
        """Drop `token` when the vendor refuses it, so that the next ask fetches."""


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


class Connector:
    """Talks to one account of one vendor.

    Every verb may raise the errors of `errors.py` and nothing else.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    auth_methods: ClassVar[tuple[AuthMethod, ...]] = ()
    options: ClassVar[tuple[Setting, ...]] = ()
    default_api_version: ClassVar[str] = ""
    host_suffixes: ClassVar[tuple[str, ...]] = ()
    webhook_secrets: ClassVar[tuple[str, ...]] = ()
    # How long the vendor may still carry out a request that we gave up on, in seconds.
    late_seconds: ClassVar[int] = 60
    # Whether `create` never makes a second record of one key, whatever lands late.
    refuses_doubles: ClassVar[bool] = False

    def __init__(self, account: Account, services: Services) -> None:
        self.account = account
        self.services = services

    @classmethod
    def default_base_url(cls, account_id: str) -> str:
        """Return the vendor's own address of this account."""
        raise NotImplementedError

    @classmethod
    def account_problem(cls, account_id: str) -> str:
        """Say what is wrong with an account id, or nothing."""
        return ""

    def check(self) -> CheckResult:
        """Call the vendor and say in words what works and what does not."""
        raise NotImplementedError

    def probe(self) -> None:
        """Try the log-in with one cheap call; raise AccessRefused when it fails."""
        raise NotImplementedError

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookHead:
        """Check the signature over the raw body; raise BadSignature."""
        raise NotImplementedError

    def read_webhook(self, topic: str, body: bytes) -> SourceObject:
        """Parse a delivery; raise UnreadablePayload or TopicUnsupported."""
        raise NotImplementedError

    def source_object(self, entity: str, payload: Payload) -> SourceObject:
        """Describe a payload of `entity`, read from a webhook or inside another."""
        raise NotImplementedError

    def derived(self, entity: str, payload: Payload) -> Payload:
        """Return facts that follow from a payload, for mappings to read."""
        return {}

    def changes(self, entity: str, since: str) -> Iterator[tuple[SourceObject, str]]:
        """Yield what changed after the cursor `since`, each with its new cursor."""
        raise NotImplementedError

    def fetch(self, entity: str, key: str) -> SourceObject:
        """Read one source object again."""
        raise NotImplementedError

    def find(self, record_type: str, by: str, value: str) -> list[Found]:
        """Look records up for a reference; an empty list when there are none."""
        raise NotImplementedError

    def create(self, record_type: str, payload: Payload, key: str) -> Written:
        """Create a record once; read it back when it stands there already.

        Safe to repeat with the same `key`. Raises RecordConflict when a record
        with this key differs from the payload.
        """
        raise NotImplementedError

    def upsert(self, record_type: str, payload: Payload, key: str) -> Written:
        """Create or update the record with this `key`; safe to repeat."""
        raise NotImplementedError

    def find_written(self, record_type: str, key: str) -> str | None:
        """Return the id of the record with our external id, to settle an unknown."""
        raise NotImplementedError

    def record_url(self, record_type: str, target_id: str) -> str:
        """Return the vendor's page for a person, or nothing."""
        return ""


def first(values: Iterable[Any]) -> Any:
    """Return the first value that is not empty, or None."""
    return next((value for value in values if value not in (None, "", [], {})), None)
