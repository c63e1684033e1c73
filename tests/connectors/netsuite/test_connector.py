from decimal import Decimal

import pytest
from requests import exceptions as faults

from integrations.connectors.base import Found
from integrations.connectors.errors import (
    AlreadyExists,
    BadSignature,
    RecordConflict,
    RequestRefused,
    ServerFault,
    TimedOut,
    TopicUnsupported,
    UnreadablePayload,
)
from integrations.connectors.netsuite.connector import NetSuite
from integrations.connectors.registry import connector_class
from tests.connectors.line import account
from tests.connectors.netsuite.conftest import TBA

KEY = "shopify-demo-order-1"
ORDER = {
    "entity": {"id": "7"},
    "otherRefNum": "#1001",
    "item": {"items": [{"item": {"id": "5"}, "quantity": 2, "rate": Decimal("9.90")}]},
}
STORED = {
    **ORDER,
    "id": "99",
    "item": {"items": [{"item": {"id": "5"}, "quantity": 2}]},
}
EXISTS = {
    "o:errorDetails": [
        {"detail": "This record already exists.", "o:errorCode": "USER_ERROR"}
    ]
}
RECORD = "https://123456-sb1.suitetalk.api.netsuite.com/services/rest/record/v1/"


def rows(*found: dict) -> dict:
    items = [{"links": [], **row} for row in found]
    return {"items": items, "count": len(items), "hasMore": False}


def missing(line) -> None:
    detail = {"detail": "Record does not exist.", "o:errorCode": "NONEXISTENT_ID"}
    line.reply(404, {"o:errorDetails": [detail]})


def test_registry_knows_the_connector():
    assert connector_class("netsuite") is NetSuite


def test_address_follows_from_the_account_id():
    url = NetSuite.default_base_url("123456_SB1")
    assert url == "https://123456-sb1.suitetalk.api.netsuite.com"


@pytest.mark.parametrize("good", ["123456", "123456_SB1", "TSTDRV1234567"])
def test_account_ids_as_netsuite_shows_them_pass(good):
    assert NetSuite.account_problem(good) == ""


@pytest.mark.parametrize("bad", ["123456_sb1", "123456-SB1", "", "a b", "1/2"])
def test_account_ids_in_other_writing_are_named(bad):
    assert "123456_SB1" in NetSuite.account_problem(bad)


def test_order_is_created_under_its_external_id(netsuite, line):
    line.reply(204, Location=RECORD + "salesOrder/99")
    written = netsuite.create("salesOrder", ORDER, KEY)
    assert written.target_id == "99"
    assert not written.adopted
    assert line.body()["externalId"] == KEY
    assert b'"rate": 9.90' in line.sent[0].body
    assert line.sent[0].headers["X-NetSuite-PropertyNameValidation"] == "Error"
    assert "salesord.nl?id=99" in written.url


def test_f30_order_that_stands_there_is_adopted(netsuite, line):
    line.reply(400, EXISTS)
    line.reply(body=rows({"id": "99"}))
    line.reply(body=STORED)
    written = netsuite.create("salesOrder", ORDER, KEY)
    assert (written.target_id, written.adopted) == ("99", True)
    assert line.body(1)["params"] == ["SalesOrd", KEY]
    assert line.sent[2].url.endswith(f"eid:{KEY}?expandSubResources=true")


def test_different_order_under_our_key_is_a_conflict(netsuite, line):
    line.reply(400, EXISTS)
    line.reply(body=rows({"id": "99"}))
    line.reply(body={**STORED, "otherRefNum": "#2002"})
    with pytest.raises(RecordConflict) as caught:
        netsuite.create("salesOrder", ORDER, KEY)
    assert "#2002" in caught.value.fields["otherRefNum"]
    assert "99" in str(caught.value)


def test_f46_existing_record_that_cannot_be_seen_stays_an_error(netsuite, line):
    line.reply(400, EXISTS)
    line.reply(body=rows())
    missing(line)
    with pytest.raises(AlreadyExists):
        netsuite.create("salesOrder", ORDER, KEY)


def test_f45_success_without_an_id_is_looked_up(netsuite, line):
    line.reply(204)
    line.reply(body=rows({"id": "41"}))
    assert netsuite.create("salesOrder", ORDER, KEY).target_id == "41"


def test_f45_success_without_any_id_is_unknown(netsuite, line):
    line.reply(204)
    line.reply(body=rows())
    missing(line)
    with pytest.raises(ServerFault) as caught:
        netsuite.create("salesOrder", ORDER, KEY)
    assert caught.value.sent is True


def test_f30_lost_answer_is_not_repeated_by_itself(netsuite, line):
    line.break_off(faults.ReadTimeout("lost"))
    with pytest.raises(TimedOut) as caught:
        netsuite.create("salesOrder", ORDER, KEY)
    assert caught.value.sent is True
    assert len(line.sent) == 1


def customer(*streets: str) -> dict:
    lines = [{"addressBookAddress": {"addr1": street}} for street in streets]
    return {"companyName": "Acme", "addressBook": {"items": lines}}


def test_new_customer_is_put_with_its_whole_address_book(netsuite, line):
    missing(line)
    line.reply(204, Location=RECORD + "customer/12")
    assert netsuite.upsert("customer", customer("1 Elm"), KEY).target_id == "12"
    assert line.body() == customer("1 Elm")
    assert line.sent[1].method == "PUT"


def test_f53_repeated_customer_adds_no_address_twice(netsuite, line):
    line.reply(body={"id": "12", **customer("1 Elm", "2 Oak")})
    line.reply(204, Location=RECORD + "customer/12")
    netsuite.upsert("customer", customer("1 ELM", "3 Fir"), KEY)
    assert line.body()["addressBook"] == customer("3 Fir")["addressBook"]
    assert "replace" not in line.sent[1].url


def test_customer_with_known_addresses_sends_no_book(netsuite, line):
    line.reply(body={"id": "12", **customer("1 Elm")})
    line.reply(204, Location=RECORD + f"customer/eid:{KEY}")
    line.reply(body=rows({"id": "12"}))
    assert netsuite.upsert("customer", customer("1 Elm"), KEY).target_id == "12"
    assert line.body(1) == {"companyName": "Acme"}


def test_other_sublists_are_replaced_so_that_a_repeat_adds_no_lines(netsuite, line):
    line.reply(204, Location=RECORD + "salesOrder/99")
    netsuite.upsert("salesOrder", ORDER, KEY)
    assert line.sent[0].url.endswith(f"salesOrder/eid:{KEY}?replace=item")


def test_f05_written_record_is_found_by_external_id(netsuite, line):
    line.reply(body=rows({"id": "99"}))
    assert netsuite.find_written("salesOrder", KEY) == "99"
    assert line.sent[0].headers["Prefer"] == "transient"


def test_record_that_suiteql_does_not_show_is_read_directly(netsuite, line):
    line.reply(body=rows())
    line.reply(body={"id": "99", "links": []})
    assert netsuite.find_written("salesOrder", KEY) == "99"


def test_record_that_is_nowhere_is_none(netsuite, line):
    line.reply(body=rows())
    wrong = {"detail": "Transaction type specified is incorrect."}
    line.reply(400, {"o:errorDetails": [wrong]})
    assert netsuite.find_written("salesOrder", KEY) is None


def test_sku_is_looked_up_as_a_parameter(netsuite, line):
    line.reply(body=rows({"ID": "5", "Label": "TENT", "isInactive": "T"}))
    assert netsuite.find("item", "sku", "TE'NT") == [Found("5", "TENT", inactive=True)]
    assert line.body()["params"] == ["TE'NT"]
    assert "TE'NT" not in line.body()["q"]


def test_f67_every_match_is_returned(netsuite, line):
    line.reply(body=rows({"id": "1"}, {"id": "2"}))
    assert [found.id for found in netsuite.find("customer", "email", "A@X.org")] == [
        "1",
        "2",
    ]
    assert line.body()["params"] == ["a@x.org"]


def test_transaction_is_found_by_external_id(netsuite, line):
    line.reply(body=rows({"id": "99"}))
    assert netsuite.find("salesOrder", "external id", KEY) == [Found("99")]


def test_look_up_that_nobody_wrote_is_named(netsuite, line):
    with pytest.raises(RequestRefused, match="colour"):
        netsuite.find("item", "colour", "red")
    assert line.sent == []


def level(item: int, location: int, **more: str) -> dict:
    row = {"item_id": str(item), "sku": f"SKU-{item}", "location_id": str(location)}
    return {**row, "location": f"L{location}", **more}


def test_stock_is_read_page_by_page_without_losing_a_location(netsuite, line):
    line.reply(body={"serverTime": "2026-11-20T10:00:00.000Z"})
    line.reply(body=rows({"mark": "2026-11-20T02:00:00"}))
    first = [level(item, 1, quantity_available="3") for item in range(1, 1000)]
    line.reply(body=rows(*first, level(1000, 1)))
    line.reply(body=rows(level(1000, 1), level(1000, 2, quantity_available="7.5")))
    found = list(netsuite.changes("inventory", ""))
    assert len(found) == 1001
    assert line.body(3)["params"] == ["999"]
    last, cursor = found[-1]
    assert last.key == "1000-2"
    assert last.payload["quantity_available"] == Decimal("7.5")
    assert found[-2][0].payload["quantity_available"] == Decimal(0)
    assert last.changed_at.isoformat() == "2026-11-20T10:00:00+00:00"
    assert cursor == "/2026-11-20T02:00:00/999"
    assert netsuite.rest("inventory", cursor) == "2026-11-20T02:00:00//"


def test_stock_level_without_its_item_is_unreadable(netsuite):
    with pytest.raises(UnreadablePayload, match="item_id"):
        netsuite.source_object("inventory", {"sku": "A"})


def test_record_page_of_a_simulated_account_is_its_own(line, around):
    simulated = account(credentials=TBA, base_url="http://127.0.0.1:9000")
    url = NetSuite(simulated, around.services()).record_url("salesOrder", "9")
    assert url == "http://127.0.0.1:9000/ui/records/salesOrder/9"


def test_record_page_of_a_real_account_is_netsuites(netsuite):
    url = netsuite.record_url("customer", "9")
    page = "https://123456-sb1.app.netsuite.com/app/common/entity/custjob.nl?id=9"
    assert url == page


def test_deliveries_are_refused(netsuite):
    with pytest.raises(BadSignature):
        netsuite.verify_webhook({}, b"{}")
    with pytest.raises(TopicUnsupported):
        netsuite.read_webhook("orders/create", b"{}")
