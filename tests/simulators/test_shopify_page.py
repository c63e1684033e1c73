import pytest

from integrations.simulators.shopify import make_order
from tests.simulators.shopify_shop import HOOK, Shop


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.simulator.add_product("BAG", "Bag", "20.00", stock=10)
    return shop


def get(shop, path="/"):
    return shop.session.get(f"{shop.url}{path}")


def post(shop, path, body):
    return shop.session.post(f"{shop.url}/_simulator/{path}", json=body)


def buy(shop, **form):
    return shop.session.post(f"{shop.url}/ui/orders", data=form, allow_redirects=False)


def test_page_shows_everything_the_shop_holds(shop):
    shop.simulator.subscribe("orders/create", HOOK)
    shop.place(email="ada@example.com")
    shop.simulator.deliver_due()
    shop.ask("{ shop { name } }")
    page = get(shop).text
    for text in ("#1001", "ada@example.com", "BAG", HOOK, "graphql.json", "delivered"):
        assert text in page
    assert "<script" not in page
    assert "style=" not in page


def test_page_escapes_whatever_it_shows(shop):
    shop.simulator.add_product('"><script>', "<b>bold</b>", "1.00", stock=1)
    shop.place(email="<script>alert(1)</script>@example.com")
    page = get(shop).text
    assert "<script" not in page
    assert "<b>bold" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_page_forbids_scripts_and_serves_its_style(shop):
    answer = get(shop)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert 'name="viewport"' in answer.text
    style = get(shop, "/ui/style.css")
    assert style.headers["Content-Type"].startswith("text/css")
    assert "max-width" in style.text


def test_form_places_an_order_of_known_and_unknown_skus(shop):
    answer = buy(
        shop,
        **{
            "quantity-BAG": "2",
            "other-sku": "NOWHERE",
            "other-quantity": "1",
            "other-price": "5.50",
            "email": "ada@example.com",
        },
    )
    assert answer.status_code == 303
    order = shop.simulator.store.find_order("#1001")
    assert [(x["sku"], x["quantity"]) for x in order["line_items"]] == [
        ("BAG", 2),
        ("NOWHERE", 1),
    ]
    assert order["subtotal_price"] == "45.50"
    assert order["email"] == "ada@example.com"
    assert shop.simulator.available("BAG") == 8


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"quantity-BAG": "-1"},
        {"quantity-BAG": "many"},
        {"other-sku": "X", "other-price": "cheap"},
    ],
)
def test_form_that_makes_no_order_says_so(shop, form):
    answer = buy(shop, **form)
    assert answer.status_code == 400
    assert "Not ordered" in answer.text
    assert shop.simulator.store.orders == {}


def test_order_is_placed_from_a_complete_payload(shop):
    assert post(shop, "orders", make_order(2001)).json()["name"] == "#2001"
    state = get(shop, "/_simulator/state").json()
    assert [x["name"] for x in state["orders"]] == ["#2001"]


def test_order_is_placed_from_options(shop):
    body = {"number": 2001, "lines": [["BAG", "Bag", "10.00", 2]], "tip": "1.00"}
    answer = post(shop, "orders", body).json()
    assert (answer["name"], answer["total_price"]) == ("#2001", "26.00")


@pytest.mark.parametrize(
    "body", [{"lines": [["BAG"]]}, {"colour": "red"}, {"number": "x"}]
)
def test_order_that_cannot_be_made_is_refused(shop, body):
    answer = post(shop, "orders", body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_access_is_taken_and_given_back_by_control(shop):
    post(shop, "access", {"allowed": False})
    assert shop.ask("{ shop { name } }").status_code == 401
    assert "refused" in get(shop).text
    post(shop, "access", {"allowed": True})
    assert shop.ask("{ shop { name } }").status_code == 200


def test_subscription_and_deliveries_by_control(shop):
    body = {"topic": "orders/create", "uri": "http://127.0.0.1:8000/hooks/"}
    assert post(shop, "subscriptions", body).json()["uri"] == body["uri"]
    shop.place()
    shop.simulator.deliver_due()
    found = get(shop, "/_simulator/deliveries").json()
    assert [(x["topic"], x["status"], x["tries"]) for x in found] == [
        ("orders/create", "delivered", 1)
    ]


def test_faults_of_every_kind_are_planned_by_control(shop):
    post(shop, "faults", {"status": 503, "times": 1})
    post(shop, "faults", {"code": "INTERNAL_SERVER_ERROR"})
    post(shop, "faults", {"webhooks": "lose"})
    assert shop.ask("{ shop { name } }").status_code == 503
    assert shop.errors("{ shop { name } }")
    shop.simulator.subscribe("orders/create", HOOK)
    shop.place()
    assert shop.simulator.deliver_due() == 0


def test_faults_are_cleared_by_control(shop):
    post(shop, "faults", {"status": 503, "times": 9})
    post(shop, "faults", {"code": "THROTTLED", "times": 9})
    post(shop, "faults", {"clear": True})
    assert shop.data("{ shop { name } }")


@pytest.mark.parametrize("body", [{"colour": "red"}, {"webhooks": "paint"}])
def test_unknown_fault_is_refused(shop, body):
    assert post(shop, "faults", body).status_code == 400


def test_journal_keeps_vendor_calls_and_leaves_out_the_page(shop):
    get(shop)
    shop.ask("{ shop { name } }")
    calls = get(shop, "/_simulator/journal").json()
    assert [x["path"] for x in calls] == ["/admin/api/2026-10/graphql.json"]
    assert calls[0]["status"] == 200


def test_links_of_other_consoles_lead_to_orders_and_customers(shop):
    order = shop.place(email="ada@example.com")
    key = order["admin_graphql_api_id"].rpartition("/")[2]
    page = get(shop, f"/admin/orders/{key}")
    assert page.status_code == 200 and order["name"] in page.text
    customer = order["customer"]["admin_graphql_api_id"].rpartition("/")[2]
    page = get(shop, f"/admin/customers/{customer}")
    assert page.status_code == 200 and "ada@example.com" in page.text
    assert get(shop, "/admin/orders/5").status_code == 404
    assert get(shop, "/admin/customers/5").status_code == 404


def act(shop, order, name, **form):
    key = order["admin_graphql_api_id"].rpartition("/")[2]
    return shop.session.post(
        f"{shop.url}/ui/orders/{key}/{name}", data=form, allow_redirects=False
    )


def test_page_of_an_order_lets_a_person_do_what_becomes_of_orders(shop):
    order = shop.place(1001, [("BAG", "Bag", "20.00", 3)])
    for name, form in (
        ("edit", {"sku": "BAG", "quantity": "2"}),
        ("hold", {"notes": "waits"}),
        ("release", {}),
        ("send", {"sku": "BAG", "quantity": "1", "tracking": "1Z9", "company": "UPS"}),
        ("refund", {"sku": "BAG", "quantity": "1", "pending": "1", "note": "torn"}),
        ("settle", {}),
    ):
        answer = act(shop, order, name, **form)
        assert answer.status_code == 303, name
    page = get(shop, answer.headers["Location"]).text
    for text in ("1Z9", "torn", "partially_refunded", "CLOSED", "1 × BAG"):
        assert text in page
    assert "<script" not in page
    assert f'href="{answer.headers["Location"]}"' in get(shop).text


def test_page_of_an_order_cancels_it_once(shop):
    order = shop.place(1001, [("BAG", "Bag", "20.00", 3)])
    assert act(shop, order, "cancel", note="by phone").status_code == 303
    again = act(shop, order, "cancel")
    assert again.status_code == 400
    assert "already been canceled" in again.text


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("edit", {}),
        ("edit", {"sku": "BAG", "quantity": "many"}),
        ("refund", {"money": "1000"}),
        ("refund", {"money": "much"}),
        ("send", {"sku": "MUG", "quantity": "1"}),
        ("settle", {}),
    ],
)
def test_act_that_cannot_be_done_says_so_on_the_page(shop, name, form):
    order = shop.place(1001, [("BAG", "Bag", "20.00", 3)])
    answer = act(shop, order, name, **form)
    assert answer.status_code == 400
    assert "Not done" in answer.text
    assert shop.simulator.store.find_order(1001)["refunds"] == []


def test_unknown_acts_and_orders_are_not_there(shop):
    order = shop.place(1001, [("BAG", "Bag", "20.00", 3)])
    assert act(shop, order, "burn").status_code == 404
    missing = {"admin_graphql_api_id": "gid://shopify/Order/5"}
    assert act(shop, missing, "cancel").status_code == 404
