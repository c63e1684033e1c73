"""The contract of a connector."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from integrations.connectors.earlier import Earlier
from integrations.connectors.listed import Listed, ListPage, Subscription
from integrations.connectors.matching import Part, Shelf
from integrations.connectors.notices import Noticed
from integrations.connectors.payouts import LineFound, LinePage, PayoutPage
from integrations.connectors.privacy import Demand
from integrations.connectors.values import (
    Account,
    AuthMethod,
    Changes,
    CheckLine,
    CheckResult,
    Compared,
    Exchange,
    FieldRule,
    Found,
    Gate,
    Named,
    Payload,
    Recorder,
    Services,
    Setting,
    SourceObject,
    Standing,
    WebhookHead,
    Written,
    first,
)

__all__ = [
    "Account",
    "AuthMethod",
    "Changes",
    "CheckLine",
    "CheckResult",
    "Compared",
    "Connector",
    "Earlier",
    "Exchange",
    "FieldRule",
    "Found",
    "Gate",
    "Named",
    "Payload",
    "Recorder",
    "Services",
    "Setting",
    "SourceObject",
    "Standing",
    "WebhookHead",
    "Written",
    "first",
]


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
    # Of which deliveries are read; others are kept, but not wanted.
    topics: ClassVar[tuple[str, ...]] = ()
    # Of which deliveries say only that something changed: it is read afterwards.
    notice_topics: ClassVar[tuple[str, ...]] = ()
    # The entities that are read whole once a night, since `changes` may miss some.
    whole_nightly: ClassVar[frozenset[str]] = frozenset()
    # Of which deliveries demand something about personal data.
    privacy_topics: ClassVar[tuple[str, ...]] = ()
    # How long the vendor may still carry out a request that we gave up on, in seconds.
    late_seconds: ClassVar[int] = 60
    # The record types whose later versions `amend` works into what stands there.
    amends: ClassVar[frozenset[str]] = frozenset()
    # The record types of which `strayed` can tell.
    compares: ClassVar[frozenset[str]] = frozenset()
    # Whether `field_rules` are what the account tells, and no table of our own.
    tells_fields: ClassVar[bool] = False
    # Whether `numbered` can be asked.
    knows_numbers: ClassVar[bool] = False
    # The entities that `fetch` reads one by one.
    fetches: ClassVar[frozenset[str]] = frozenset()
    # The entities whose whole list of a time `listing` reads, to find what is missing,
    # and of which `present` says what is there still.
    lists: ClassVar[frozenset[str]] = frozenset()
    # By which of its fields `find` recognises a record that is not under our id, each
    # with what people call it; by record type, the most telling first.
    recognises: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    # The entities that `parts` takes apart, and the record types that `shelf` reads, to
    # lay both sides of a flow beside each other before its first sync.
    takes_apart: ClassVar[frozenset[str]] = frozenset()
    shelves: ClassVar[frozenset[str]] = frozenset()
    # Whether this vendor pays money out, so that `payouts` can be asked.
    pays_out: ClassVar[bool] = False
    # How many keys `present` takes at once.
    most_present: ClassVar[int] = 250

    def __init__(self, account: Account, services: Services) -> None:
        self.account = account
        self.services = services

    @classmethod
    def refuses_doubles(cls, record_type: str) -> bool:
        """Say whether `create` never makes a second one of a key, whatever lands late."""
        return False

    @classmethod
    def finds_written(cls, record_type: str) -> bool:
        """Say whether `find_written` can tell what stands there."""
        return False

    @classmethod
    def reads_standing(cls, record_type: str) -> bool:
        """Say whether `standing` can tell what a record holds now."""
        return False

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

    def told_account(self) -> str:
        """Ask the vendor whose account this is; nothing where it does not say."""
        return ""

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookHead:
        """Check the signature over the raw body; raise BadSignature."""
        raise NotImplementedError

    def other_version(self, headers: Mapping[str, str]) -> str:
        """Return the API version of a delivery, unless it is the one that is set."""
        return ""

    def read_webhook(self, topic: str, body: bytes) -> SourceObject:
        """Parse a delivery.

        Raises UnreadablePayload, TopicUnsupported, and OnlyNamed for one that names
        its object without bringing it.
        """
        raise NotImplementedError

    def read_notices(self, topic: str, body: bytes) -> tuple[Noticed, ...]:
        """Say what a delivery wants read; raise UnreadablePayload."""
        raise NotImplementedError

    def noticed(
        self, entity: str, keys: Sequence[str]
    ) -> Iterator[tuple[str, SourceObject]]:
        """Read what notices named, each object with the key that led to it.

        What is there no longer, or may not be seen, is left out.
        """
        raise NotImplementedError

    def read_demand(self, topic: str, body: bytes) -> Demand:
        """Parse what a delivery demands about personal data; as `read_webhook`."""
        raise NotImplementedError

    @classmethod
    def entity_of(cls, topic: str) -> str:
        """Return what deliveries of a topic bring; nothing for one that is not read."""
        return ""

    @classmethod
    def topics_of(cls, entity: str) -> tuple[str, ...]:
        """Return the topics whose deliveries bring this entity."""
        return tuple(topic for topic in cls.topics if cls.entity_of(topic) == entity)

    @property
    def minds_subscriptions(self) -> bool:
        """Say whether Waybill is to keep this account's webhook subscriptions."""
        return False

    def subscriptions(self) -> list[Subscription]:
        """Return the webhook subscriptions of our log-in, to whatever address."""
        raise NotImplementedError

    def subscribe(self, topic: str, address: str) -> None:
        """Have the events of a topic sent to an address."""
        raise NotImplementedError

    def resubscribe(self, subscription: Subscription) -> None:
        """Give a subscription of ours the shape that is read."""
        raise NotImplementedError

    def source_object(self, entity: str, payload: Payload) -> SourceObject:
        """Describe a payload of `entity`, read from a webhook or inside another."""
        raise NotImplementedError

    def ids_of(self, entity: str, key: str) -> tuple[str, ...]:
        """Return every way in which the vendor writes the id of this object."""
        return (key,)

    def derived(self, entity: str, payload: Payload) -> Payload:
        """Return facts that follow from a payload, for mappings to read."""
        return {}

    def unfinished(self, entity: str, payload: Payload) -> str:
        """Say why a payload must be read from the source again before it is sent.

        Nothing where the source has told the whole of it, and for good.
        """
        return ""

    def derived_now(self, entity: str, payload: Payload) -> Payload:
        """Return the facts by what stands of an object now, not as it was made.

        Flows that bring later versions read these.
        """
        return self.derived(entity, payload)

    def changes(self, entity: str, since: str) -> Changes:
        """Yield what changed after the cursor `since`, each with its new cursor."""
        raise NotImplementedError

    def rest(self, entity: str, cursor: str) -> str:
        """Return the cursor for the next poll, once the end was reached at `cursor`.

        Nothing begins anew. The same cursor gives the same rest, however often.
        """
        return ""

    def zone(self) -> ZoneInfo | None:
        """Return the time zone of the account; None where it has none of its own."""
        return None

    def listing(
        self,
        entity: str,
        since: datetime,
        until: datetime,
        cursor: str = "",
        *,
        made: bool = False,
    ) -> ListPage:
        """Return a page of all that last changed in [since, until), oldest first.

        Go on with the cursor of the page before; it stays good for hours. With `made`,
        what counts is when each was made.
        """
        raise NotImplementedError

    def listed_as(self, entity: str, number: str) -> list[Listed]:
        """Return what people call by this number, or what has it as its id."""
        raise NotImplementedError

    def present(self, entity: str, keys: Sequence[str]) -> dict[str, datetime]:
        """Return which of these objects the source shows, and when each last changed.

        At most `most_present` keys at a time; what was deleted is left out.
        """
        raise NotImplementedError

    def parts(self, found: SourceObject) -> tuple[Part, ...]:
        """Return what people would pair of a source object. Asks nothing."""
        raise NotImplementedError

    def shelf(self, record_type: str, cursor: str = "") -> Shelf:
        """Return a page of all that a target has of a record type, by its ids."""
        raise NotImplementedError

    def payouts(self, since: datetime, until: datetime, cursor: str = "") -> PayoutPage:
        """Return a page of the payouts issued in [since, until), oldest first."""
        raise NotImplementedError

    def payout_lines(self, payout_id: str, cursor: str = "") -> LinePage:
        """Return a page of the lines of one payout, as raw rows."""
        raise NotImplementedError

    @classmethod
    def read_payout_line(cls, row: Payload) -> LineFound:
        """Read a raw line exactly; raise UnreadablePayload, naming the field."""
        raise NotImplementedError

    def delivery_of(self, found: SourceObject) -> tuple[str, bytes]:
        """Return topic and body of a delivery that would bring this object."""
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

    def find_written(
        self, record_type: str, key: str, sent: Payload | None = None
    ) -> str | None:
        """Return the id of the record with our external id, to settle an unknown.

        Where the vendor keeps no ids of ours it is known by what was `sent`; without
        that nothing is found.
        """
        raise NotImplementedError

    def update(self, record_type: str, payload: Payload, target_id: str) -> Written:
        """Change the record that has this id of the vendor's; safe to repeat."""
        raise NotImplementedError

    def amend(
        self, record_type: str, payload: Payload, place: str, earlier: Earlier
    ) -> Written:
        """Make the record at `place`, or work a later version of it into what stands.

        `place` is our external id with `eid:` before it, or an id of the vendor's; a
        first version needs the former. Safe to repeat. Raises TargetGone for a record
        that stood and is gone, and ChangeRefused for what only a person can decide;
        what can be changed is changed all the same.
        """
        raise NotImplementedError

    def standing(self, record_type: str, target_id: str) -> Standing | None:
        """Return what the record with this id holds now; None when it is gone."""
        raise NotImplementedError

    def strayed(self, record_type: str, sent: Mapping[str, Payload]) -> list[str]:
        """Say which of these, by id, hold more than was sent. Reads only."""
        raise NotImplementedError

    def as_read(self, entity: str, written: Payload) -> Payload:
        """Return what `upsert` was given in the words in which it is read again.

        By these an own write is known when it comes back as a change of `entity`.
        """
        return written

    def compare(self, record_type: str, payload: Payload, key: str) -> Compared | None:
        """Lay the record with our external id beside a payload; None when there is none.

        Reads only.
        """
        target_id = self.find_written(record_type, key, payload)
        return Compared(target_id) if target_id else None

    def compare_at(
        self, record_type: str, payload: Payload, target_id: str
    ) -> Compared:
        """Lay the record with this id beside a payload. Reads only."""
        return Compared(target_id)

    def field_rules(self, record_type: str) -> Mapping[str, FieldRule]:
        """Return the rules of a record's fields by path, lists without places.

        An empty mapping when the vendor has no metadata.
        """
        return {}

    def values(self, record_type: str, by: str) -> list[tuple[str, str]]:
        """List what `find` knows by this name, each with its label.

        An empty list for what is too much for a list.
        """
        return []

    def named(self, path: str, target_id: str) -> Named | None:
        """Return the look-up that gives this id for the field at `path`.

        None when the field points at nothing that has a name, or no such id is there.
        """
        return None

    def record_url(self, record_type: str, target_id: str) -> str:
        """Return the vendor's page for a person, or nothing."""
        return ""

    def list_url(self, record_type: str) -> str:
        """Return the page where a person adds such a record, or nothing."""
        return ""

    def numbered(self, number: str) -> list[tuple[str, Found]]:
        """Return what people know by this number there, each with its record type.

        An empty list when there is none, or no number to ask by.
        """
        return []

    def source_place(self, entity: str, payload: Payload, fact: str) -> str:
        """Return where a person mends the derived fact of this name, or nothing."""
        return ""
