from decimal import Decimal

import pytest

from tests.simulators.netsuite_client import detail_of, open_account, status
from tests.simulators.test_netsuite_bills import invoiced


def test_payment_settles_its_invoice():
    api = open_account()
    invoice, path = invoiced(api, 2)
    payment = api.make(path, "customerPayment", {"externalId": "shopify-s-paid-1"})
    assert payment["payment"] == Decimal("20.00")
    assert payment["customer"] == {"id": "101"}
    assert payment["status"] == {"id": "B"}
    assert status(api, path) == "B"
    answer = api.transform(path, "customerPayment")
    assert "invalid reference" in detail_of(answer)["detail"]
    api.write("DELETE", f"/customerPayment/{payment['id']}")
    kept = api.kept("invoice", invoice["id"])
    assert (kept["amountRemaining"], kept["status"]) == (20, {"id": "A"})


def test_payment_over_several_invoices_keeps_what_is_left():
    api = open_account()
    first, _ = invoiced(api, 1)
    second, path = invoiced(api, 2, externalId="o-2")
    docs = [
        {"doc": {"id": first["id"]}, "apply": True, "amount": 10},
        {"doc": {"id": second["id"]}, "apply": True, "amount": 5},
    ]
    body = {"customer": {"id": "101"}, "payment": 18, "apply": {"items": docs}}
    key = api.create("/customerPayment", body)
    payment = api.kept("customerPayment", key)
    assert (payment["applied"], payment["unapplied"]) == (15, 3)
    assert api.kept("invoice", second["id"])["amountRemaining"] == Decimal("15.00")
    assert status(api, path) == "A"


def test_payment_may_find_its_invoices_itself():
    api = open_account()
    _, path = invoiced(api, 1)
    body = {"customer": {"id": "101"}, "payment": 10, "autoApply": True}
    api.create("/customerPayment", body)
    assert status(api, path) == "B"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"payment": 1}, "customer"),
        ({"customer": {"id": "101"}}, "payment"),
        (
            {
                "customer": {"id": "102"},
                "payment": 1,
                "apply": {"items": [{"doc": {"id": "1003"}, "apply": True}]},
            },
            "apply.items[0].doc",
        ),
    ],
)
def test_payment_that_cannot_be_is_named_by_its_field(body, path):
    api = open_account()
    invoiced(api, 1)
    api.simulator.add_customer(companyName="Somebody else")
    answer = api.post("/customerPayment", body)
    assert detail_of(answer)["o:errorPath"] == path
