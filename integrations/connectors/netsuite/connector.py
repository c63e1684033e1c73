"""The verbs of a connector, as NetSuite understands them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from urllib.parse import urlsplit

from integrations.connectors.answers import Answer
from integrations.connectors.base import (
    Changes,
    CheckResult,
    Compared,
    Connector,
    Earlier,
    FieldRule,
    Found,
    Named,
    Payload,
    Setting,
    SourceObject,
    Standing,
    WebhookHead,
    Written,
)
from integrations.connectors.errors import (
    AlreadyExists,
    ChangeRefused,
    PermissionMissing,
    RecordConflict,
    RecordMissing,
    RecordRejected,
    ReferenceUnknown,
    ServerFault,
    TargetGone,
    TopicUnsupported,
)
from integrations.connectors.http import ApiClient
from integrations.connectors.matching import Part
from integrations.connectors.netsuite import (
    amending,
    checks,
    feed,
    item_columns,
    lookups,
    metadata,
    products,
    records,
    shipments,
    sources,
    transforms,
)
from integrations.connectors.netsuite.auth import CERTIFICATE, TOKENS, login_for
from integrations.connectors.netsuite.errors import error_for
from integrations.connectors.notices import Noticed

_ACCOUNT_ID = re.compile(r"[A-Z0-9]+(_[A-Z0-9]+)?")


class NetSuite(Connector):
    """One NetSuite account, spoken to over SuiteTalk REST and SuiteQL."""

    kind = "netsuite"
    label = "NetSuite"
    auth_methods = (CERTIFICATE, TOKENS)
    options = (
        Setting(
            "tax_mode",
            "Tax",
            choices=("legacy", "suitetax"),
            default="legacy",
            help="Setup > Company > Enable Features > Tax shows SuiteTax when it is on.",
        ),
        Setting(
            "name_validation",
            "Unknown field names",
            choices=("Error", "Warning", "Ignore"),
            default="Error",
            help="Anything but Error lets NetSuite drop misspelt fields in silence.",
        ),
        Setting(
            "subsidiary",
            "Subsidiary",
            required=False,
            help="Name of the subsidiary that orders and customers belong to. Leave "
            "it empty in an account without subsidiaries.",
        ),
        Setting(
            "tax_type",
            "Tax type (SuiteTax)",
            required=False,
            help="Internal id, used for the tax details of orders.",
        ),
        Setting(
            "tax_code",
            "Tax code (SuiteTax)",
            required=False,
            help="Internal id, used for the tax details of orders.",
        ),
        Setting(
            "address_line_length",
            "Longest address line",
            default="150",
            help="How many characters this account takes in a line of an address.",
        ),
        item_columns.ITEM_COLUMNS,
        item_columns.MATRIX_OPTIONS,
    )
    host_suffixes = (".suitetalk.api.netsuite.com", ".restlets.api.netsuite.com")
    # They sign the change feed; during a change the previous one still does.
    webhook_secrets = ("webhook_secret", "webhook_secret_previous")
    notice_topics = (feed.TOPIC,)
    whole_nightly = frozenset(n for n, one in sources.SOURCES.items() if one.nightly)
    late_seconds = 900
    amends = frozenset({"salesOrder"})
    fetches = frozenset(name for name, one in sources.SOURCES.items() if one.read)
    takes_apart = frozenset({"product"})
    tells_fields = True
    knows_numbers = True
    recognises = {
        "customer": {"email": "e-mail address"},
        "salesOrder": {"otherRefNum": "reference number (PO number)"},
    }

    @classmethod
    def refuses_doubles(cls, record_type: str) -> bool:
        return True  # by the external id, which is unique in an account

    @classmethod
    def finds_written(cls, record_type: str) -> bool:
        return True

    @classmethod
    def reads_standing(cls, record_type: str) -> bool:
        return True

    @classmethod
    def default_base_url(cls, account_id: str) -> str:
        return f"https://{_host_name(account_id)}.suitetalk.api.netsuite.com"

    @classmethod
    def account_problem(cls, account_id: str) -> str:
        if _ACCOUNT_ID.fullmatch(account_id):
            return ""
        return (
            "Write the account id as NetSuite shows it under Company Information: "
            "capitals, digits and an underscore, for example 123456 or 123456_SB1."
        )

    @cached_property
    def client(self) -> ApiClient:
        return ApiClient(
            self.label,
            self.base_url,
            self.services,
            error_for=error_for,
            login=login_for(self.account, self.base_url, self.services),
            secrets=tuple(self.account.credentials.values()),
        )

    @property
    def base_url(self) -> str:
        own = self.default_base_url(self.account.account_id)
        return (self.account.base_url or own).rstrip("/")

    def check(self) -> CheckResult:
        return checks.check(self.client)

    def probe(self) -> None:
        checks.server_time(self.client)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookHead:
        known = self.account.credentials
        secrets = [known[name] for name in self.webhook_secrets if name in known]
        return feed.verify(headers, body, secrets, self.account.account_id)

    def read_webhook(self, topic: str, body: bytes) -> SourceObject:
        raise TopicUnsupported(f"Deliveries of {topic or 'no topic'} are not read.")

    def read_notices(self, topic: str, body: bytes) -> tuple[Noticed, ...]:
        return sources.told(body)

    def noticed(
        self, entity: str, keys: Sequence[str]
    ) -> Iterator[tuple[str, SourceObject]]:
        return sources.noticed(self.client, entity, keys)

    def find(self, record_type: str, by: str, value: str) -> list[Found]:
        return lookups.find(self.client, record_type, by, value)

    def create(self, record_type: str, payload: Payload, key: str) -> Written:
        origin = transforms.origin_of(payload)
        if origin:
            return self._transform(origin, record_type, payload, key)
        try:
            return self._make(record_type, payload, key)
        except AlreadyExists as error:
            return self._adopt(record_type, payload, key, error)

    def _make(self, record_type: str, payload: Payload, key: str) -> Written:
        body = records.without_nulls({**payload, "externalId": key})
        answer = self._write("POST", record_type, body)
        return self._written(record_type, key, answer)

    def _transform(
        self, origin: transforms.Origin, record_type: str, payload: Payload, key: str
    ) -> Written:
        """Make a record from another one, once.

        A repeat need not be told that the record exists: the first one took all that
        was left of its origin, so NetSuite may refuse it for that. Hence every
        refusal is answered by a look.
        """
        body = records.without_nulls({**transforms.body_of(payload), "externalId": key})
        try:
            answer = self._send_transform(origin, record_type, body)
        except RecordMissing as error:
            raise transforms.origin_gone(origin, error) from error
        except RecordRejected as error:
            return self._adopt(record_type, payload, key, error)
        return self._written(record_type, key, answer)

    def _send_transform(
        self, origin: transforms.Origin, record_type: str, body: Payload
    ) -> Answer:
        """Send the body; a line of the order goes by its number or its unique key.

        Which of the two an account takes in `orderLine`, Oracle does not say.
        """
        path = origin.path_to(record_type)
        if record_type != shipments.RECORD:
            return self._write("POST", path, body)
        picked = shipments.pick(body, self._read_at(origin.type, origin.id))
        try:
            lines = {"items": picked.items()}
            return self._write("POST", path, {**body, "item": lines})
        except ReferenceUnknown as error:
            if not shipments.blames_order_line(error):
                raise
        lines = {"items": picked.items(by_unique_key=True)}
        return self._write("POST", path, {**body, "item": lines})

    def _adopt(
        self, record_type: str, payload: Payload, key: str, error: RecordRejected
    ) -> Written:
        """Take the record that has this key as ours, if it is the one we meant."""
        target_id = self.find_written(record_type, key)
        if target_id is None:
            raise error
        found = records.differences(payload, self._read(record_type, key))
        if found:
            raise RecordConflict(
                f"NetSuite holds another {record_type} with the external id {key} "
                f"(id {target_id}).",
                code="DIFFERENT_RECORD",
                fields=found,
            ) from error
        url = self.record_url(record_type, target_id)
        return Written(target_id, adopted=True, url=url)

    def upsert(self, record_type: str, payload: Payload, key: str) -> Written:
        if transforms.origin_of(payload):
            return self._make_or_follow(record_type, payload, key)
        body = dict(payload)
        if records.lines_of(body, "addressBook"):
            self._leave_known_addresses_out(record_type, body, f"eid:{key}")
        replaced = [name for name in records.sublists_of(body) if name != "addressBook"]
        params = {"replace": ",".join(replaced)} if replaced else {}
        answer = self._write("PUT", f"{record_type}/eid:{key}", body, params)
        return self._written(record_type, key, answer)

    def _make_or_follow(self, record_type: str, payload: Payload, key: str) -> Written:
        """Make a record from another one, or change what may change of it."""
        try:
            present = self._read(record_type, key)
        except RecordMissing:
            shipments.refuse_cancelled(payload)
            return self.create(record_type, payload, key)
        shipments.refuse_cancelled(payload, present)
        found = records.differences(payload, present)
        if found:
            raise RecordConflict(
                f"NetSuite holds another {record_type} with the external id {key}.",
                code="DIFFERENT_RECORD",
                fields=found,
            )
        return self._follow(record_type, payload, present)

    def _follow(self, record_type: str, payload: Payload, present: Payload) -> Written:
        """Change the tracking of a fulfilment; nothing else of it changes later."""
        target_id = str(present.get("id") or "")
        body = shipments.changes(payload, present)
        if body:
            path = f"{record_type}/{target_id}"
            self._write("PATCH", path, body, {"replace": ",".join(body)})
        return Written(target_id, url=self.record_url(record_type, target_id))

    def update(self, record_type: str, payload: Payload, target_id: str) -> Written:
        if record_type == shipments.RECORD:
            present = self._read_at(record_type, target_id)
            shipments.refuse_cancelled(payload, present)
            return self._follow(record_type, payload, present)
        body = {name: one for name, one in payload.items() if name != "externalId"}
        if records.lines_of(body, "addressBook"):
            self._leave_known_addresses_out(record_type, body, target_id)
        self._write("PATCH", f"{record_type}/{target_id}", body)
        return Written(target_id, url=self.record_url(record_type, target_id))

    def amend(
        self, record_type: str, payload: Payload, place: str, earlier: Earlier
    ) -> Written:
        if not earlier.stood:
            try:
                return self._make(record_type, payload, place.removeprefix("eid:"))
            except AlreadyExists as error:
                present = self._read_at(record_type, place)
                amending.refuse_other(record_type, payload, present, error)
        else:
            present = self._read_standing(record_type, place)
        return self._amend(record_type, present, payload, earlier)

    def _read_standing(self, record_type: str, place: str) -> Payload:
        try:
            return self._read_at(record_type, place)
        except RecordMissing as error:
            raise TargetGone(f"NetSuite has no {record_type} {place} now.") from error

    def _amend(
        self, record_type: str, present: Payload, payload: Payload, earlier: Earlier
    ) -> Written:
        """Send what may change, then tell what may not."""
        target_id = str(present["id"])
        found = amending.plan(present, payload, earlier)
        if found.body:
            params = {"replace": ",".join(found.replaced)} if found.replaced else {}
            self._write("PATCH", f"{record_type}/{target_id}", found.body, params)
        if found.refused:
            raise ChangeRefused(amending.told(found), found.refused, amending.DECISION)
        url = self.record_url(record_type, target_id)
        return Written(target_id, adopted=not found.body, url=url)

    def standing(self, record_type: str, target_id: str) -> Standing | None:
        try:
            found = self._read_at(record_type, target_id)
        except RecordMissing:
            return None
        return Standing(target_id, found, records.changed_at(found))

    def _leave_known_addresses_out(
        self, record_type: str, body: Payload, place: str
    ) -> None:
        """Send new addresses only: a repeat adds none, and none of others is lost."""
        try:
            present = self._read_at(record_type, place)
        except RecordMissing:
            return
        book = records.lines_of(present, "addressBook")
        new = records.new_addresses(records.lines_of(body, "addressBook"), book)
        body["addressBook"] = {"items": new}
        if not new:
            del body["addressBook"]

    def _write(
        self,
        method: str,
        path: str,
        body: Payload,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        validation = str(self.account.options.get("name_validation") or "Error")
        try:
            return self.client.request(
                method,
                f"{records.PATH}/{path}",
                params=params,
                json=records.outgoing(body),
                headers={"X-NetSuite-PropertyNameValidation": validation},
            )
        except PermissionMissing as error:
            # NetSuite does not say which permission; the record tells.
            made = path.rpartition("!transform/")[2]
            needed = checks.permission_for(made.partition("/")[0])
            error.args = (f"{error} {needed}".strip(),)
            raise

    def _written(self, record_type: str, key: str, answer: Answer) -> Written:
        found = records.id_in(answer.headers.get("Location"))
        target_id = found or self.find_written(record_type, key)
        if not target_id:
            raise ServerFault(
                f"NetSuite took the {record_type} but did not say under which id.",
                status=answer.status,
            )
        return Written(target_id, url=self.record_url(record_type, target_id))

    def find_written(
        self, record_type: str, key: str, sent: Payload | None = None
    ) -> str | None:
        if record_type in records.RECORD_TYPES:
            found = lookups.ids_by_key(self.client, record_type, key)
            if found:
                return found[0]
        # A role may see no row in SuiteQL where the record itself can be read.
        try:
            value = self._read(record_type, key, fields="id").get("id")
        except RecordMissing:
            return None
        return str(value) if value else None

    def _read(self, record_type: str, key: str, fields: str = "") -> Payload:
        return self._read_at(record_type, f"eid:{key}", fields)

    def _read_at(self, record_type: str, place: str, fields: str = "") -> Payload:
        params = {"fields": fields} if fields else {"expandSubResources": "true"}
        path = f"{records.PATH}/{record_type}/{place}"
        return self.client.request("GET", path, params=params).mapping()

    def compare(self, record_type: str, payload: Payload, key: str) -> Compared | None:
        target_id = self.find_written(record_type, key)
        if target_id is None:
            return None
        try:
            present = self._read(record_type, key)
        except RecordMissing:
            return None
        return Compared(target_id, self._differences(record_type, payload, present))

    def compare_at(
        self, record_type: str, payload: Payload, target_id: str
    ) -> Compared:
        present = self._read_at(record_type, target_id)
        return Compared(target_id, self._differences(record_type, payload, present))

    def _differences(
        self, record_type: str, payload: Payload, present: Payload
    ) -> dict[str, str]:
        known = records.RECORD_TYPES.get(record_type)
        is_document = known is not None and bool(known.code)
        compare = records.differences if is_document else records.all_differences
        return compare(payload, present)

    def field_rules(self, record_type: str) -> Mapping[str, FieldRule]:
        return metadata.field_rules(self.client, record_type)

    def values(self, record_type: str, by: str) -> list[tuple[str, str]]:
        return lookups.values(self.client, record_type, by)

    def named(self, path: str, target_id: str) -> Named | None:
        return lookups.named(self.client, path, target_id)

    def changes(self, entity: str, since: str) -> Changes:
        return self._source(entity).changes(self.client, since)

    def rest(self, entity: str, cursor: str) -> str:
        known = sources.SOURCES.get(entity)
        return known.rest(cursor) if known else ""

    def source_object(self, entity: str, payload: Payload) -> SourceObject:
        return sources.source_of(entity).described(payload)

    def derived(self, entity: str, payload: Payload) -> Payload:
        known = sources.SOURCES.get(entity)
        return known.derived(payload) if known else {}

    def fetch(self, entity: str, key: str) -> SourceObject:
        return sources.fetched(self.client, self._source(entity), key)

    def parts(self, found: SourceObject) -> tuple[Part, ...]:
        return products.parts(found)

    def _source(self, entity: str) -> sources.Source:
        return sources.source_of(entity, self.account.options)

    def numbered(self, number: str) -> list[tuple[str, Found]]:
        return lookups.numbered(self.client, number)

    def record_url(self, record_type: str, target_id: str) -> str:
        record_type, target_id = sources.shown_as(record_type, target_id)
        host = urlsplit(self.base_url).hostname or ""
        if not host.endswith(self.host_suffixes):
            return f"{self.base_url}/ui/records/{record_type}/{target_id}"
        known = records.RECORD_TYPES.get(record_type)
        if known is None:
            return ""
        account = _host_name(self.account.account_id)
        return f"https://{account}.app.netsuite.com{known.page}?id={target_id}"

    def list_url(self, record_type: str) -> str:
        page = records.NEW_PAGES.get(record_type)
        host = urlsplit(self.base_url).hostname or ""
        if page is None:
            return ""
        if not host.endswith(self.host_suffixes):
            return f"{self.base_url}/"
        account = _host_name(self.account.account_id)
        return f"https://{account}.app.netsuite.com{page}"


def _host_name(account_id: str) -> str:
    return account_id.lower().replace("_", "-")
