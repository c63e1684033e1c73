"""The shipped document of refunds over generated refunds: no unit is lost on the way."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from integrations.connectors.shopify.refunds import derived
from mappings.engine import Found, apply, check_document, document_from
from tests.connectors.shopify.test_refunds import line, payment, read, refunds

FLOW = Path(__file__).parents[2] / "integrations/configuration/flows"


class Shelf:
    """Knows every item by its own name."""

    def find(self, record, by, value):
        return [Found(f"{record} {value}")]


def document():
    told = yaml.safe_load((FLOW / "shopify-refunds.yaml").read_text())
    [found] = told["mapping_documents"]
    left_out = ("slug", "source_entity", "target_record", "note")
    return document_from({k: v for k, v in found.items() if k not in left_out}, {})


DOCUMENT = document()


def mapped(refund, tax_mode="legacy"):
    facts = {
        "derived": derived(refund),
        "connection": {"tax_mode": tax_mode, "subsidiary": ""},
        "waybill": {"external_id": "shopify-x-refund-77"},
        "needs": {"order": {"external_id": "shopify-x-order-5"}},
    }
    return apply(DOCUMENT, {"id": 77, **refund}, facts=facts, lookups=Shelf())


def total(payload):
    amounts = [x["amount"] for x in payload["item"]["items"]]
    taxes = payload.get("taxDetails", {}).get("items", [])
    return sum(map(Decimal, amounts + [x["taxAmount"] for x in taxes]), Decimal(0))


def test_the_document_has_no_fault():
    assert check_document(DOCUMENT) == []


@given(refunds(), st.sampled_from(["legacy", "suitetax"]))
def test_f79_the_credit_memo_is_worth_the_settled_money_to_the_minor_unit(
    refund, tax_mode
):
    settled = derived(refund)["settled"]
    found = mapped(refund, tax_mode)
    assert bool(found.excluded) == (settled == 0)
    assert found.problems == ()
    if settled:
        assert total(found.payload) == settled


@pytest.mark.parametrize(
    ("payments", "rule"),
    [
        ([payment(status="pending"), payment()], "Money is on its way"),
        ([payment(status="failure")], "Money could not be paid back"),
        ([], "No money went back"),
    ],
)
def test_what_is_not_settled_is_kept_out_by_a_named_rule(payments, rule):
    assert mapped(read(*payments, refund_line_items=[line()])).excluded == rule


def test_a_refund_of_a_test_order_is_kept_out():
    refund = read(payment(), order={"test": True})
    assert mapped(refund).excluded == "Refund of a test order"


def test_what_a_webhook_leaves_out_stops_the_record():
    found = mapped({**read(payment()), "order": None})
    assert [one.target for one in found.problems] == ["otherRefNum", "currency.id"]


def test_taxes_of_suitetax_name_the_line_they_are_of():
    refund = read(
        payment("47.00"),
        refund_line_items=[line(tax="2.00"), line(tax="5.00")],
    )
    payload = mapped(refund, "suitetax").payload
    lines = [x["taxDetailsReference"] for x in payload["item"]["items"]]
    details = payload["taxDetails"]["items"]
    assert lines == ["9-0", "9-1"]
    assert [x["taxDetailsReference"]["id"] for x in details] == lines
    assert [x["taxAmount"] for x in details] == [Decimal("2.00"), Decimal("5.00")]
