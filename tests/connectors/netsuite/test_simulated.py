from decimal import Decimal

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from integrations.connectors import http
from integrations.connectors.base import Found
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    PermissionMissing,
    RecordBusy,
    RecordConflict,
    RecordMissing,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
    ServerFault,
    TimedOut,
)
from integrations.connectors.netsuite.connector import NetSuite
from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.transport import SimulatorAdapter
from tests.connectors.line import Surroundings, account
from tests.connectors.netsuite.conftest import TBA

KEY = "shopify-demo-order-1"
KEYS = ec.generate_private_key(ec.SECP256R1())
PRIVATE = KEYS.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEYS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def vendor(monkeypatch) -> NetSuiteSimulator:
    simulator = NetSuiteSimulator(account_id="123456_SB1")
    simulator.add_certificate("CID-1", "KID-1", PUBLIC.decode())
    simulator.add_token(*TBA.values())
    new_session = http.new_session

    def simulated() -> requests.Session:
        session = new_session()
        session.mount("http://netsuite.test", SimulatorAdapter(simulator))
        return session

    monkeypatch.setattr(http, "new_session", simulated)
    return simulator


def connector(**changes) -> NetSuite:
    facts = {"base_url": "http://netsuite.test", "credentials": TBA, **changes}
    return NetSuite(account(**facts), Surroundings().services())


@pytest.fixture
def netsuite(vendor) -> NetSuite:
    return connector()


@pytest.fixture
def order(vendor) -> dict:
    item = vendor.add_item("TENT-2P", name="Tent", price=Decimal("199.00"))
    return {
        "entity": {"id": vendor.add_customer(companyName="Acme")},
        "otherRefNum": "#1001",
        "memo": "first line\nsecond line",
        "item": {
            "items": [
                {
                    "item": {"id": item},
                    "quantity": Decimal("2"),
                    "price": {"id": "-1"},
                    "rate": Decimal("19.90"),
                    "amount": Decimal("39.80"),
                }
            ]
        },
    }


def test_certificate_logs_in(vendor):
    credentials = {
        "client_id": "CID-1",
        "certificate_id": "KID-1",
        "private_key": PRIVATE,
    }
    signed = connector(auth_method="oauth2_certificate", credentials=credentials)
    signed.probe()
    assert vendor.audit_trail == []


def test_token_based_log_in_is_accepted(netsuite, vendor):
    netsuite.probe()
    assert vendor.audit_trail == []


def test_wrong_secret_is_an_access_problem(vendor):
    with pytest.raises(AccessRefused, match="Login Audit Trail"):
        connector(credentials={**TBA, "token_secret": "guess"}).probe()


def test_order_arrives_once_however_often_it_is_created(netsuite, vendor, order):
    first = netsuite.create("salesOrder", order, KEY)
    again = netsuite.create("salesOrder", order, KEY)
    assert not first.adopted
    assert again.adopted
    assert again.target_id == first.target_id
    assert len(vendor.orders) == 1
    assert vendor.orders[KEY]["otherRefNum"] == "#1001"


def test_f30_answer_lost_after_the_commit_is_settled_by_look_up(
    netsuite, vendor, order
):
    vendor.fail_next(lost=True, path="salesOrder")
    with pytest.raises(TimedOut):
        netsuite.create("salesOrder", order, KEY)
    found = netsuite.find_written("salesOrder", KEY)
    assert found == vendor.orders[KEY]["id"]
    assert netsuite.create("salesOrder", order, KEY).target_id == found
    assert len(vendor.orders) == 1


def test_other_order_under_the_same_key_is_a_conflict(netsuite, vendor, order):
    netsuite.create("salesOrder", order, KEY)
    with pytest.raises(RecordConflict) as caught:
        netsuite.create("salesOrder", {**order, "otherRefNum": "#2"}, KEY)
    assert list(caught.value.fields) == ["otherRefNum"]


def test_unknown_item_names_its_line(netsuite, order):
    order["item"]["items"][0]["item"] = {"id": "99999"}
    with pytest.raises(ReferenceUnknown) as caught:
        netsuite.create("salesOrder", order, KEY)
    assert any("item" in path for path in caught.value.fields)


def test_misspelt_field_is_refused_and_not_dropped(netsuite, order):
    with pytest.raises(RecordRejected):
        netsuite.create("salesOrder", {**order, "otherRefNumm": "x"}, KEY)


def person(*streets: str) -> dict:
    lines = [
        {
            "defaultBilling": True,
            "addressBookAddress": {
                "addressee": "Jane Doe",
                "addr1": street,
                "city": "Ottawa",
                "zip": "K2P 2L8",
                "country": {"id": "CA"},
            },
        }
        for street in streets
    ]
    names = {"isPerson": True, "firstName": "Jane", "lastName": "Doe"}
    return {**names, "email": "jane@example.com", "addressBook": {"items": lines}}


def streets_of(vendor, key: str) -> list[str]:
    book = vendor.customers[key]["addressBook"]
    lines = book["items"] if isinstance(book, dict) else book
    return [line["addressBookAddress"]["addr1"] for line in lines]


def test_customer_sent_twice_keeps_one_address(netsuite, vendor):
    first = netsuite.upsert("customer", person("1 Elm Street"), "c-1")
    second = netsuite.upsert("customer", person("1 Elm Street"), "c-1")
    assert first.target_id == second.target_id
    assert streets_of(vendor, "c-1") == ["1 Elm Street"]


def test_moved_customer_gets_a_second_address(netsuite, vendor):
    netsuite.upsert("customer", person("1 Elm Street"), "c-1")
    netsuite.upsert("customer", person("9 Oak Street"), "c-1")
    assert streets_of(vendor, "c-1") == ["1 Elm Street", "9 Oak Street"]


def test_references_are_found_by_what_people_call_them(netsuite, vendor):
    tent = vendor.add_item("TENT-2P", upc="0123")
    child = vendor.add_item("SHIRT : SHIRT_M")
    gone = vendor.add_item("OLD", inactive=True)
    assert netsuite.find("item", "sku", "TENT-2P") == [Found(tent, "TENT-2P")]
    assert netsuite.find("item", "upc", "0123") == [Found(tent, "TENT-2P")]
    assert netsuite.find("item", "sku", "SHIRT_M") == [Found(child, "SHIRT : SHIRT_M")]
    assert netsuite.find("item", "sku", "SHIRTxM") == []
    assert netsuite.find("item", "sku", "OLD") == [Found(gone, "OLD", inactive=True)]
    assert len(netsuite.find("currency", "symbol", "USD")) == 1
    assert len(netsuite.find("shipItem", "name", "Express")) == 1
    assert len(netsuite.find("location", "name", "Main warehouse")) == 1
    assert len(netsuite.find("subsidiary", "name", "Parent company")) == 1
    vendor.add_value("term", "Net 30")
    assert len(netsuite.find("term", "name", "Net 30")) == 1


def test_customer_is_found_by_external_id_and_email(netsuite, vendor):
    written = netsuite.upsert("customer", person("1 Elm Street"), "c-1")
    for by, value in (("external id", "c-1"), ("email", "JANE@example.com")):
        found = netsuite.find("customer", by, value)
        assert [one.id for one in found] == [written.target_id]


def test_stock_of_each_location_is_read(netsuite, vendor):
    vendor.add_item("TENT-2P")
    vendor.add_location("East")
    vendor.set_stock("TENT-2P", "Main warehouse", Decimal("7"))
    vendor.set_stock("TENT-2P", "East", 3)
    found = [one for one, _ in netsuite.changes("inventory", "")]
    levels = {one.payload["location"]: one.payload for one in found}
    assert levels["East"]["quantity_available"] == Decimal(3)
    assert levels["Main warehouse"]["sku"] == "TENT-2P"


def test_check_of_a_sound_account_is_good(netsuite, vendor):
    vendor.add_item("TENT-2P")
    result = netsuite.check()
    assert result.is_good, result


REFUSALS = {
    "INVALID_LOGIN": AccessRefused,
    "NONEXISTENT_ID": RecordMissing,
    "NONEXISTENT_ID_DOCUMENTED": RecordMissing,
    "WRONG_TRANSACTION_TYPE": RecordMissing,
    "INVALID_CONTENT": ReferenceUnknown,
    "INVALID_FIELD_VALUE": ReferenceUnknown,
    "MISSING_FIELD": RecordRejected,
    "EXCEEDED_MAX_FIELD_LENGTH": RecordRejected,
    "ROLE_PERMISSION": PermissionMissing,
    "INSUFFICIENT_PERMISSION": PermissionMissing,
    "BETA_RECORD": PermissionMissing,
    "ADMINISTRATOR_RECORD": PermissionMissing,
    "CONCURRENCY_LIMIT_EXCEEDED": LimitReached,
    "UNEXPECTED_ERROR": ServerFault,
    "WORKFLOW_LOCK": RecordBusy,
    "RCRD_HAS_BEEN_CHANGED": RecordBusy,
    "CLOSED_PERIOD": RecordRejected,
    "SUBSIDIARY_ACCOUNT": RecordRejected,
    "SUBSIDIARY_MISMATCH": ReferenceUnknown,
    "INVALID_SEARCH_QUERY": RequestRefused,
    "UNPARSEABLE_DATE": RequestRefused,
    "NONEXISTENT_FIELD": RequestRefused,
    "SPACES_IN_URL": RequestRefused,
    "INVALID_REQUEST": RequestRefused,
    "SEARCH_ERROR": RequestRefused,
    "MAINTENANCE": ServerFault,
    "MAINTENANCE_AS_SUCCESS": ServerFault,
    "BAD_GATEWAY": ServerFault,
    "SCRIPT_ERROR": RecordRejected,
    "REDIRECT": RequestRefused,
    "CUT_OFF": ServerFault,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_each_refusal_of_the_vendor_is_named_for_what_helps(
    netsuite, vendor, order, name
):
    vendor.fail_as(name, path="salesOrder")
    with pytest.raises(ConnectorError) as caught:
        netsuite.create("salesOrder", order, KEY)
    assert type(caught.value) is REFUSALS[name]
    assert caught.value.sent is True


def test_echoed_external_id_in_the_location_is_resolved(netsuite, vendor):
    vendor.upsert_location_echoes_external_id = True
    written = netsuite.upsert("customer", person("1 Elm Street"), "c-1")
    assert written.target_id == vendor.customers["c-1"]["id"]


def test_f46_record_that_suiteql_does_not_show_yet_is_found(netsuite, vendor, order):
    vendor.query_lag = 60.0
    written = netsuite.create("salesOrder", order, KEY)
    assert netsuite.find_written("salesOrder", KEY) == written.target_id
    assert netsuite.create("salesOrder", order, KEY).adopted


def test_an_order_is_recognised_by_its_reference_number(netsuite, vendor, order):
    written = netsuite.create("salesOrder", order, KEY)
    number = order["otherRefNum"]
    assert netsuite.recognises["salesOrder"]["otherRefNum"]
    [found] = netsuite.find("salesOrder", "otherRefNum", number)
    assert found.id == written.target_id and not found.inactive
    assert netsuite.find("salesOrder", "otherRefNum", f"{number}0") == []
    assert netsuite.find("invoice", "otherRefNum", number) == []
    assert netsuite.compare_at("salesOrder", order, found.id).agrees
    other = {**order, "otherRefNum": "else"}
    assert (
        "otherRefNum" in netsuite.compare_at("salesOrder", other, found.id).differences
    )
