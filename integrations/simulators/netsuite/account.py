"""The account and its administrator: what tests and the demo set up by hand."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from integrations.simulators.base import Fault, Simulator
from integrations.simulators.netsuite import faults, restlets
from integrations.simulators.netsuite.audit import AuditEntry
from integrations.simulators.netsuite.custom_fields import CustomFields
from integrations.simulators.netsuite.feed import ChangeFeed
from integrations.simulators.netsuite.gate import Gate
from integrations.simulators.netsuite.oauth1 import TokenLogin
from integrations.simulators.netsuite.oauth2 import TokenDesk
from integrations.simulators.netsuite.record_types import RECORD_TYPES
from integrations.simulators.netsuite.schema import Kind
from integrations.simulators.netsuite.seeding import Seeder
from integrations.simulators.netsuite.store import Record, Store, Values
from integrations.simulators.netsuite.switches import Switches
from integrations.simulators.netsuite.writing import Draft, Manner, Writer

_STRICT = Manner(names="error")


class Account(Switches, Simulator):
    """Everything of the account but its answers to requests.

    Every switch of `Switches` is an attribute and an argument.
    """

    def __init__(self, **switches: Any) -> None:
        Simulator.__init__(self)
        Switches.__init__(self, **switches)
        self.over_allowance = 0
        self.store = Store(self.lock)
        self.custom = CustomFields()
        self.writer = Writer(self.store, self, self.custom)
        self.gate = Gate(self, TokenLogin(self), TokenDesk(self))
        self.seeder = Seeder(self.store, self, self.writer)
        self.seeder.fill()
        self.feed = ChangeFeed(self.store, self)
        self.store.watchers.append(self.feed.note)

    @property
    def audit_trail(self) -> list[AuditEntry]:
        """The failed log-ins, oldest first."""
        return self.gate.trail

    @property
    def outbox(self) -> list[tuple[str, str]]:
        """Order id and address of each e-mail that a customer was sent."""
        return self.store.outbox

    @property
    def orders(self) -> dict[str, Values]:
        """Sales orders by external id."""
        return self._by_external_id("salesOrder")

    @property
    def customers(self) -> dict[str, Values]:
        """Customers by external id."""
        return self._by_external_id("customer")

    def stored(self, record_type: str) -> list[Values]:
        """Return copies of all records of a type, oldest first."""
        with self.lock:
            records = self.store.of_type(record_type).values()
            return [record.plain() for record in records]

    def _by_external_id(self, record_type: str) -> dict[str, Values]:
        found = self.stored(record_type)
        return {one["externalId"]: one for one in found if one.get("externalId")}

    def add_certificate(
        self, client_id: str, certificate_id: str, public_pem: str
    ) -> None:
        """Register a certificate or bare public key in PEM; raise ValueError."""
        with self.lock:
            self.gate.desk.register(client_id, certificate_id, public_pem)

    def revoke_certificate(self, certificate_id: str) -> None:
        with self.lock:
            self.gate.desk.certificates[certificate_id].revoked = True

    def expire_certificate(self, certificate_id: str) -> None:
        with self.lock:
            self.gate.desk.certificates[certificate_id].valid_until = self.now()

    def add_token(
        self, consumer_key: str, consumer_secret: str, token_id: str, token_secret: str
    ) -> None:
        """Register a token for token-based authentication; raise ValueError."""
        with self.lock:
            login = self.gate.tba
            login.add(consumer_key, consumer_secret, token_id, token_secret)

    def block_integration(self, consumer_key: str) -> None:
        with self.lock:
            self.gate.tba.blocked_consumers.add(consumer_key)

    def revoke_access(self) -> None:
        """Refuse every log-in from now on, until `restore_access`."""
        with self.lock:
            self.gate.close()

    def restore_access(self) -> None:
        """Accept log-ins again; lock-outs are lifted too."""
        with self.lock:
            self.gate.open()

    def refresh_sandbox(self) -> None:
        """Wipe tokens and certificates, as every sandbox refresh does."""
        with self.lock:
            self.gate.tba.tokens.clear()
            self.gate.desk.certificates.clear()
            self.gate.desk.issued.clear()

    def lock_record(self, record_type: str, record_id: str) -> None:
        """Let a workflow lock a record, for reading as well."""
        with self.lock:
            self.store.locked.add((record_type, record_id))

    def unlock_record(self, record_type: str, record_id: str) -> None:
        with self.lock:
            self.store.locked.discard((record_type, record_id))

    def deactivate(self, record_type: str, record_id: str) -> None:
        """Make a record inactive, as a person would."""
        self.change(record_type, record_id, isInactive=True)

    def change(self, record_type: str, record_id: str, **payload: Any) -> None:
        """Change a record from fields of the API, as a person would.

        Raises KeyError for an unknown record and Refusal where the account refuses.
        """
        with self.lock:
            record = self.store.records[record_type][record_id]
            draft = self.writer.draft(record.kind, payload, _STRICT, record)
            self._commit(draft, "updated")

    def make(
        self, record_type: str, record_id: str, target: str, **payload: Any
    ) -> str:
        """Make one transaction from another, as a person would; return its id.

        Raises KeyError for an unknown record or type and Refusal where the account
        refuses.
        """
        with self.lock:
            source = self.store.records[record_type][record_id]
            kind = RECORD_TYPES[target]
            draft = self.writer.transform(source, kind, payload, _STRICT)
            return self._commit(draft, "created").id

    def _commit(self, draft: Draft, verb: str) -> Record:
        record = self.writer.commit(draft)
        self._note(record, verb)
        for one in draft.followed:
            self._note(one, "followed")
        return record

    def _note(self, record: Record, verb: str) -> None:
        external_id = str(record.values.get("externalId") or "")
        self.note_effect(record.type, record.id, external_id, verb, record.values)

    def change_item(self, sku: str, **payload: Any) -> None:
        """Change an item that is known by its SKU; raise LookupError for none."""
        with self.lock:
            item = self._item(sku)
            self.change(item.type, item.id, **payload)

    def set_price(
        self,
        sku: str,
        price: Decimal | int | str,
        *,
        currency: str = "",
        level: str = "Base Price",
        quantity: Decimal | int = 0,
    ) -> None:
        """Set what an item costs, by symbol of the currency and name of the level.

        Raises LookupError when there is no such item, currency or level.
        """
        with self.lock:
            line = {
                "priceLevel": {"id": self._named("priceLevel", level)},
                "quantity": {"value": Decimal(quantity)},
                "price": Decimal(price),
            }
            if currency:
                line["currencyPage"] = {"id": self._named("currency", currency)}
            self.change_item(sku, price={"items": [line]})

    def _item(self, sku: str) -> Record:
        item = self.store.holder("item", sku)
        if item is None:
            raise LookupError(f"no item {sku!r}")
        return item

    def _named(self, record_type: str, name: str) -> str:
        """Return the id of an entry of a list, given by name or id."""
        for one in self.store.of_type(record_type).values():
            if name in (one.id, one.values["name"]):
                return one.id
        raise LookupError(f"no {record_type} {name!r}")

    def fail_as(
        self, name: str, *, times: int = 1, path: str = "", lost: bool = False
    ) -> None:
        """Make the next requests fail in a way that goes by name.

        The names are those of `faults.NAMED`, and of `restlets.NAMED` for RESTlets.

        Raises KeyError for an unknown name.
        """
        with self.lock:
            for _ in range(times):
                answer = restlets.NAMED.get(name) or faults.response_named(
                    name, self.detail_prefix
                )
                self._faults.append(
                    Fault(answer.status, answer.body, answer.headers, lost, 0.0, path)
                )

    def forget_faults(self) -> None:
        with self.lock:
            self._faults.clear()

    def add_custom_field(
        self, script_id: str, kind: str = "text", *, max_length: int | None = 300
    ) -> None:
        """Add a custom field; its prefix says to which record it belongs."""
        with self.lock:
            self.custom.add(script_id, Kind(kind), max_length)

    def add_item(
        self,
        sku: str,
        *,
        name: str = "",
        price: Decimal | None = None,
        kind: str = "inventoryItem",
        inactive: bool = False,
        upc: str = "",
        external_id: str = "",
        subsidiaries: Iterable[str] = (),
        **more: Any,
    ) -> str:
        """Add an item, with more fields of the API where given; return its id."""
        payload: Values = {"itemId": sku, "displayName": name, "isInactive": inactive}
        payload |= {"upcCode": upc, "basePrice": price}
        if external_id:
            payload["externalId"] = external_id
        chosen = [{"id": one} for one in subsidiaries]
        if chosen:
            payload["subsidiary"] = {"items": chosen}
        with self.lock:
            return self.seeder.record(kind, payload | more)

    def add_customer(self, **payload: Any) -> str:
        """Add a customer from fields of the API and return its id."""
        payload.setdefault("isPerson", "companyName" not in payload)
        with self.lock:
            return self.seeder.record("customer", payload)

    def add_currency(self, symbol: str) -> str:
        return self.add_value("currency", symbol)

    def add_ship_item(self, name: str) -> str:
        return self.add_value("shipItem", name)

    def add_location(self, name: str, *, subsidiaries: tuple[str, ...] = ()) -> str:
        return self.add_value("location", name, subsidiaries=subsidiaries)

    def add_price_level(self, name: str) -> str:
        return self.add_value("priceLevel", name)

    def add_account(self, name: str, number: str = "") -> str:
        """Add an account of the chart of accounts and return its id."""
        with self.lock:
            key = self.seeder.value("account", name)
            self.store.of_type("account")[key].values["acctNumber"] = number
            return key

    def add_subsidiary(self, name: str) -> str:
        return self.add_value("subsidiary", name)

    def add_value(
        self, record_type: str, name: str, *, subsidiaries: tuple[str, ...] = ()
    ) -> str:
        """Add an entry of a list (terms, departments, ...) and return its id."""
        with self.lock:
            return self.seeder.value(record_type, name, subsidiaries=subsidiaries)

    def set_stock(self, sku: str, location: str, available: Decimal | int) -> None:
        """Set what is available of an item at a location, given by name or id.

        Raises LookupError when there is no such item or location.
        """
        with self.lock:
            item, place = self._item(sku), self._named("location", location)
            self.seeder.set_stock(item.id, place, Decimal(available))
