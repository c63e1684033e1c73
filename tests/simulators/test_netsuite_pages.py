from html.parser import HTMLParser

import pytest
import requests

from tests.simulators.netsuite_client import (
    SERVER_TIME,
    key_pair,
    open_account,
    order_for,
    public_pem,
)

ROOT = "https://123456-sb1.suitetalk.api.netsuite.com"


def visitor(api):
    """Return a session that is not logged in."""
    session = requests.Session()
    session.adapters = api.session.adapters
    return session


def submit(api, path, **form):
    return visitor(api).post(ROOT + path, data=form, allow_redirects=False)


def control(api, path, body):
    return visitor(api).post(f"{ROOT}/_simulator/{path}", json=body)


class _Page(HTMLParser):
    """Collects tags and inline styles or scripts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.inline = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        names = [name for name, _ in attributes]
        self.inline += [name for name in names if name == "style" or name[:2] == "on"]


def test_page_needs_no_log_in_and_has_no_script():
    api = open_account()
    answer = visitor(api).get(ROOT + "/")
    page = _Page(answer.text)
    assert answer.status_code == 200
    assert "NetSuite account 123456_SB1" in answer.text
    assert "script" not in page.tags
    assert page.inline == []
    assert 'name="viewport"' in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert (
        visitor(api)
        .get(ROOT + "/style.css")
        .headers["Content-Type"]
        .startswith("text/css")
    )


def test_person_adds_an_item_that_queries_find():
    api = open_account()
    answer = submit(api, "/ui/items", sku="MUG-9", name="Mug")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "MUG-9" in visitor(api).get(ROOT + "/").text
    rows = api.rows("SELECT displayname FROM item WHERE itemid = 'MUG-9'")
    assert rows == [{"displayname": "Mug"}]


def test_item_without_sku_is_refused_on_the_page():
    answer = submit(open_account(), "/ui/items", name="Mug")
    assert answer.status_code == 400
    assert "Please enter value(s) for: Item Name/Number" in answer.text


def test_person_adds_a_customer_and_an_order():
    api = open_account()
    api.simulator.add_item("MUG")
    assert (
        submit(api, "/ui/customers", firstName="Ada", lastName="L").status_code == 303
    )
    form = {"customer": "101", "sku": "MUG", "quantity": "2", "rate": "9.95"}
    assert submit(api, "/ui/orders", **form).status_code == 303
    page = visitor(api).get(f"{ROOT}/ui/orders/1001").text
    assert "19.90 USD" in page
    assert "Ada L" in page


@pytest.mark.parametrize(
    "form", [{"sku": "NONE", "customer": "1"}, {"quantity": "two"}]
)
def test_order_that_cannot_be_is_refused_on_the_page(form):
    api = open_account()
    assert submit(api, "/ui/orders", **form).status_code == 400
    assert api.simulator.stored("salesOrder") == []


def test_pages_escape_everything():
    api = open_account()
    bad = "<script>alert(1)</script>"
    api.simulator.add_item(bad, name=bad)
    order = order_for(api, otherRefNum=bad, memo=bad)
    api.create("/salesOrder", order)
    for path in ("/", "/ui/orders/1001"):
        text = visitor(api).get(ROOT + path).text
        assert bad not in text
        assert "&lt;script&gt;" in text


def test_form_from_another_site_is_refused():
    api = open_account()
    answer = visitor(api).post(
        f"{ROOT}/ui/items",
        data={"sku": "X"},
        headers={"Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert api.simulator.store.holder("item", "X") is None


def test_journal_is_shown_without_secrets():
    api = open_account()
    api.session.get(SERVER_TIME)
    text = visitor(api).get(ROOT + "/").text
    assert "system/<wbr>v1/<wbr>serverTime" in text
    assert "eyJ" not in text


def test_unknown_page_and_order_are_not_found():
    api = open_account()
    assert visitor(api).get(ROOT + "/nothing").status_code == 404
    assert visitor(api).get(ROOT + "/ui/orders/7").status_code == 404


def test_pages_use_up_neither_faults_nor_allowance():
    api = open_account(allowance=0)
    api.simulator.fail_next(500)
    assert visitor(api).get(ROOT + "/").status_code == 200
    assert api.simulator.over_allowance == 0
    api.simulator.allowance = 1
    assert api.session.get(SERVER_TIME).status_code == 500


def test_control_plans_a_fault():
    api = open_account()
    body = {"status": 429, "times": 2, "retry_after": 30, "path": "system"}
    assert control(api, "faults", body).json() == {"done": True}
    answers = [api.session.get(SERVER_TIME) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "30"


def test_control_plans_a_fault_by_name_and_forgets_it():
    api = open_account()
    control(api, "faults", {"name": "CONCURRENCY_LIMIT_EXCEEDED", "times": 2})
    assert api.session.get(SERVER_TIME).status_code == 429
    visitor(api).delete(f"{ROOT}/_simulator/faults")
    assert api.session.get(SERVER_TIME).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"name": "NO_SUCH_THING"}),
        ("faults", {"statsu": 500}),
        ("access", {"allowed": "no"}),
        ("settings", {"now": "x"}),
        ("settings", {"suitetax": "no"}),
        ("stock", {"sku": "NONE", "location": "1", "available": 1}),
        ("settings", []),
    ],
)
def test_control_that_makes_no_sense_is_refused(path, body):
    answer = control(open_account(), path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_control_takes_access_away_and_gives_it_back():
    api = open_account()
    control(api, "access", {"allowed": False})
    assert api.session.get(SERVER_TIME).status_code == 401
    assert visitor(api).get(f"{ROOT}/_simulator/state").json()["allowed"] is False
    control(api, "access", {"allowed": True})
    assert api.session.get(SERVER_TIME).status_code == 200


def test_control_changes_settings():
    api = open_account()
    body = {
        "latency": 0.01,
        "allowance": 1,
        "suitetax": False,
        "role_permissions": ["customer"],
        "books_closed_until": "2026-01-31",
    }
    assert control(api, "settings", body).ok
    simulator = api.simulator
    assert (simulator.latency, simulator.allowance) == (0.01, 1)
    assert simulator.suitetax is False
    assert simulator.role_permissions == {"customer"}
    assert simulator.books_closed_until.isoformat() == "2026-01-31"


def test_control_registers_credentials_for_another_process():
    api = open_account()
    body = {
        "client_id": "c", "certificate_id": "k", "public_pem": public_pem(key_pair("k")),
    }  # fmt: skip
    assert control(api, "certificates", body).ok
    token = {
        "consumer_key": "a",
        "consumer_secret": "b",
        "token_id": "c",
        "token_secret": "d",
    }
    assert control(api, "tokens", token).ok
    assert api.simulator.gate.desk.certificates["k"].client_id == "c"
    assert api.simulator.gate.tba.tokens["c"].consumer_key == "a"
    control(api, "refresh", {})
    assert api.simulator.gate.tba.tokens == {}


def test_state_journal_and_records_can_be_read():
    api = open_account()
    api.create("/salesOrder", order_for(api))
    state = visitor(api).get(f"{ROOT}/_simulator/state").json()
    assert (state["orders"], state["customers"], state["items"]) == (1, 1, 13)
    assert (state["most_in_flight"], state["over_allowance"]) == (1, 0)
    url = f"{ROOT}/_simulator/journal"
    lines = visitor(api).get(url, params={"since": "1"}).json()
    assert [line["path"] for line in lines] == ["/services/rest/record/v1/salesOrder"]
    order = visitor(api).get(f"{ROOT}/_simulator/records/salesOrder").json()[0]
    assert (order["id"], order["otherRefNum"]) == ("1001", "#1001")
    assert order["tranDate"] == "2026-03-26"


def test_stock_is_set_through_the_controls():
    api = open_account()
    api.simulator.add_item("MUG")
    body = {"sku": "MUG", "location": "Main warehouse", "available": 4}
    assert control(api, "stock", body).ok
    rows = api.rows("SELECT quantityavailable FROM aggregateitemlocation")
    assert rows == [{"quantityavailable": "4"}]


def test_links_of_other_consoles_lead_to_each_record():
    api = open_account()
    customer = api.simulator.add_customer(firstName="<b>Ada</b>", lastName="Byron")
    page = visitor(api).get(f"{ROOT}/ui/records/customer/{customer}")
    assert page.status_code == 200
    assert "Byron" in page.text and "<b>Ada</b>" not in page.text
    assert visitor(api).get(f"{ROOT}/ui/records/customer/999999").status_code == 404
    assert visitor(api).get(f"{ROOT}/ui/records/salesOrder/999999").status_code == 404


def test_person_approves_ships_and_bills_an_order():
    api = open_account()
    key = api.create("/salesOrder", order_for(api))
    page = f"{ROOT}/ui/orders/{key}"
    for act, form, button, words in (
        ("approve", {}, "Approve", "Pending Fulfillment"),
        ("ship", {"tracking": "1Z9"}, "Ship what is left", "Pending Billing"),
        ("bill", {}, "Bill what was shipped", "Billed"),
    ):
        assert button in visitor(api).get(page).text
        answer = submit(api, f"/ui/orders/{key}/{act}", **form)
        assert (answer.status_code, answer.headers["Location"]) == (
            303,
            f"/ui/orders/{key}",
        )
        assert words in visitor(api).get(page).text
    text = visitor(api).get(page).text
    assert "Item Fulfillment" in text and "Invoice" in text
    [record] = api.simulator.stored("itemFulfillment")
    assert record["package"]["items"] == [{"packageTrackingNumber": "1Z9"}]
    assert submit(api, f"/ui/orders/{key}/ship").status_code == 400
    assert submit(api, f"/ui/orders/{key}/dance").status_code == 404


def test_person_sets_stock_and_price():
    api = open_account()
    api.simulator.add_item("MUG")
    form = {"sku": "MUG", "available": "4", "location": "Main warehouse"}
    assert submit(api, "/ui/stock", **form).status_code == 303
    form = {"sku": "MUG", "price": "9.50", "currency": "EUR"}
    assert submit(api, "/ui/prices", **form).status_code == 303
    text = visitor(api).get(ROOT + "/").text
    assert "9.50 EUR" in text and "<td>4</td>" in text
    assert submit(api, "/ui/prices", sku="MUG", price="cheap").status_code == 400


def test_controls_change_and_transform_records_as_a_person_would():
    api = open_account()
    key = api.create("/salesOrder", order_for(api))
    body = {"record": "salesOrder", "id": key, "fields": {"orderStatus": {"id": "B"}}}
    assert control(api, "change", body).json() == {"done": True}
    body = {"record": "salesOrder", "id": key, "target": "itemFulfillment"}
    made = control(api, "transform", body).json()["id"]
    assert api.kept("itemFulfillment", made)["createdFrom"] == {"id": key}
    answer = control(api, "transform", body)
    assert answer.status_code == 400
    assert "can not initialize" in answer.json()["error"]
    assert control(api, "transform", {**body, "target": "nothing"}).status_code == 400


def test_controls_change_items_and_prices():
    api = open_account()
    for path, body in (
        ("items", {"sku": "MUG", "name": "Mug"}),
        ("items", {"sku": "MUG", "isInactive": True}),
        ("prices", {"sku": "MUG", "price": "9.50", "currency": "EUR"}),
    ):
        answer = control(api, path, body)
        assert answer.ok, answer.text
    rows = api.rows(
        "SELECT i.isinactive, p.unitprice FROM item i JOIN pricing p ON p.item = i.id"
    )
    assert rows == [{"isinactive": "T", "unitprice": "9.5"}]
    for path, body in (
        ("items", {"sku": "MUG", "displayNam": "x"}),
        ("prices", {"sku": "NONE", "price": "1"}),
    ):
        answer = control(api, path, body)
        assert answer.status_code == 400 and answer.json()["error"]
