"""What is sent for a later version of an order, and what a person must decide."""

from decimal import Decimal

import pytest

from errorqueue import masking
from integrations.connectors.base import Earlier
from integrations.connectors.errors import RecordConflict
from integrations.connectors.netsuite.amending import plan, refuse_other, told
from integrations.connectors.netsuite.pairing import paired


def line(item, quantity=1, rate="10", **more):
    found = {"item": {"id": item}, "quantity": Decimal(quantity), "rate": Decimal(rate)}
    amount = Decimal(quantity) * Decimal(rate)
    return found | {"amount": amount, "description": item.title(), **more}


def order(*lines, **heads):
    return {"entity": {"id": "7"}, "item": {"items": list(lines)}, **heads}


def standing(letter, *lines, **heads):
    """An order in NetSuite, whose lines are numbered as they stand."""
    numbered = [{"line": n, **one} for n, one in enumerate(lines, start=1)]
    return order(*numbered, status={"id": letter}, id="1001", **heads)


def since(base):
    return Earlier(True, (base,), (base,))


def lines_sent(found):
    return found.body.get("item", {}).get("items", [])


def test_what_the_source_did_not_change_is_not_looked_at():
    base = order(line("a", 2), memo="x", shipMethod={"id": "1"})
    there = standing("G", line("a", 5, isClosed=True), memo="y", shipMethod={"id": "2"})
    assert plan(there, base, since(base)).body == {}
    assert plan(there, base, since(base)).refused == {}


def test_a_change_that_another_unsettled_try_made_is_not_taken_for_known():
    """First 1, then 2 without an answer, now 1 again: 2 may stand."""
    one, two = order(line("a", 1)), order(line("a", 2))
    found = plan(
        standing("B", line("a", 2)), one, Earlier(True, (two, one), (two, one))
    )
    assert lines_sent(found)[0]["quantity"] == 1


def test_a_repeat_compares_all_that_stands():
    """What landed late over the newest is written over, also a line that it added."""
    newest, late = order(line("a")), order(line("a", 3), line("b"))
    there = standing("B", line("a", 3), line("b"), line("c"))
    found = plan(there, newest, Earlier(True, (), (newest, late)))
    first, second = lines_sent(found)
    assert (first["line"], first["quantity"]) == (1, 1)
    assert second == {"line": 2, "isClosed": True}


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        ("C", "cancelled in NetSuite"),
        ("G", "was billed"),
        ("H", "closed in NetSuite"),
        ("Q", "status 'Q' is not known"),
        ("", "status '' is not known"),
    ],
)
def test_where_all_is_over_every_change_but_remarks_is_refused(letter, why):
    base = order(line("a"), line("b"), terms={"id": "1"}, memo="old")
    wanted = order(line("a", 2), line("c"), terms={"id": "2"}, memo="new")
    found = plan(standing(letter, line("a"), line("b")), wanted, since(base))
    assert found.body == {"memo": "new"}
    assert set(found.refused) == {
        *("item.items[0]", "item.items[1]", "item.items[line 2]", "terms")
    }
    assert all(why in text for text in found.refused.values())
    assert told(found).startswith("What NetSuite still takes was changed there: memo.")
    assert "item.items[0]" in told(found)


def test_less_than_was_shipped_lowers_the_line_to_that_and_is_told():
    base = order(line("a", 5))
    there = standing("D", line("a", 5, quantityFulfilled=Decimal(3)))
    found = plan(there, order(line("a", 2)), since(base))
    assert lines_sent(found) == [{"line": 1, "quantity": 3, "rate": 10}]
    assert "The source has 2" in found.refused["item.items[0].quantity"]
    assert "3 shipped" in found.refused["item.items[0].quantity"]


def test_a_removed_line_that_was_shipped_in_part_stops_there():
    base = order(line("a", 5), line("b"))
    there = standing("D", line("a", 5, quantityFulfilled=Decimal(3)), line("b"))
    found = plan(there, order(line("b")), since(base))
    assert lines_sent(found) == [{"line": 1, "quantity": 3, "rate": 10}]
    assert list(found.refused) == ["item.items[line 1]"]


def test_the_price_of_a_billed_line_stands_and_more_pieces_of_it_may_come():
    billed = {"quantityBilled": Decimal(1), "quantityFulfilled": Decimal(1)}
    base = order(line("a", 2))
    there = standing("E", line("a", 2, **billed))
    more = plan(there, order(line("a", 3)), since(base))
    assert lines_sent(more) == [
        {"line": 1, "quantity": 3, "rate": 10, "amount": Decimal(30)}
    ]
    dearer = plan(there, order(line("a", 2, "12")), since(base))
    assert set(dearer.refused) == {"item.items[0].rate", "item.items[0].amount"}
    assert dearer.body == {}


def test_heads_are_kept_by_what_was_shipped_and_billed():
    heads = {
        "entity": {"id": "8"},
        "shippingAddress": {"addr1": "new"},
        "shippingCost": Decimal(9),
    }
    base = order(
        line("a", 2), shippingAddress={"addr1": "old"}, shippingCost=Decimal(5)
    )
    wanted = {**base, **heads}

    def refused(letter, **counts):
        stood = {**line("a", 2), **{n: Decimal(c) for n, c in counts.items()}}
        there = standing(
            letter, stood, shippingAddress={"addr1": "old"}, shippingCost=Decimal(5)
        )
        return set(plan(there, wanted, since(base)).refused)

    assert refused("B") == set()
    assert refused("D", quantityFulfilled=1) == {"entity"}
    assert refused("E", quantityFulfilled=1, quantityBilled=1) == {
        *("entity", "shippingCost")
    }
    assert refused("F", quantityFulfilled=2) == {"entity", "shippingAddress.addr1"}


def test_what_is_private_stands_in_quotes_and_in_no_sentence_of_the_line():
    base = order(line("a"), shippingAddress={"addr1": "1 Old Road"})
    there = standing("G", line("a"), shippingAddress={"addr1": "1 Old Road"})
    wanted = order(line("a"), shippingAddress={"addr1": "7 New Road"})
    found = plan(there, wanted, since(base))
    [text] = found.refused.values()
    assert "“7 New Road”" in text and "“1 Old Road”" in text
    assert "Road" not in told(found) and "Road" not in masking.unquoted(text)


def test_what_is_gone_from_the_source_is_emptied_and_an_address_field_by_field():
    base = order(line("a"), memo="x", shippingAddress={"addr1": "1", "addr2": "b"})
    wanted = order(line("a"), shippingAddress={"addr1": "2"})
    there = standing(
        "B", line("a"), memo="x", shippingAddress={"addr1": "1", "addr2": "b"}
    )
    found = plan(there, wanted, since(base))
    assert found.body == {
        "memo": None,
        "shippingAddress": {"addr1": "2", "addr2": None},
    }


def test_a_line_that_a_person_closed_is_not_opened_again():
    base = order(line("a", 2))
    there = standing("B", line("a", 2, isClosed=True))
    found = plan(there, order(line("a", 3)), since(base))
    assert found.body == {} and "closed in NetSuite" in found.refused["item.items[0]"]


def test_a_line_that_a_person_deleted_stays_away_until_the_shop_changes_it():
    base = order(line("a"), line("b"))
    assert plan(standing("B", line("a")), base, since(base)).body == {}


def test_an_order_we_know_nothing_of_is_changed_by_nobody_but_a_person():
    there = standing("B", line("a"), line("tax"), memo="by hand")
    wanted = order(line("a", 2), memo="x")
    found = plan(there, wanted, Earlier(True, is_ours=False))
    assert found.body == {} and set(found.refused) == {"memo", "item.items[0]"}
    assert plan(there, order(line("a")), Earlier(True, is_ours=False)).refused == {}


def test_tax_details_are_replaced_as_a_whole_or_not_at_all():
    tax = {"taxDetailsReference": {"id": "5"}, "taxAmount": Decimal(2)}
    more = {**tax, "taxAmount": Decimal(4)}
    base = order(line("a"), taxDetails={"items": [tax]})
    wanted = order(line("a", 2), taxDetails={"items": [more]})
    shown = {"items": [{**tax, "netAmount": Decimal(20)}]}
    found = plan(standing("B", line("a"), taxDetails=shown), wanted, since(base))
    assert found.replaced == ("taxDetails",)
    assert found.body["taxDetails"] == {"items": [more]}
    assert (
        plan(standing("B", line("a"), taxDetails=shown), base, since(base)).body == {}
    )


def test_another_order_under_our_id_is_a_conflict():
    error = ValueError("exists")
    with pytest.raises(RecordConflict, match="another salesOrder") as refused:
        refuse_other(
            "salesOrder", order(otherRefNum="#1"), {"otherRefNum": "#2"}, error
        )
    assert set(refused.value.fields) == {"entity", "otherRefNum"}


def test_lines_are_paired_by_the_surest_sign():
    twice = [line("a", 1), line("a", 2)]
    assert paired([line("a", 2), line("a", 3)], twice) == [twice[1], twice[0]]
    shipped = line("a", 1, quantityFulfilled=Decimal(1), line=2)
    same = [line("a", 1, line=1), shipped]
    assert paired([line("a", 1)], same) == [shipped]
    named = [line("a", 1, taxDetailsReference="9"), line("a", 1)]
    assert paired([line("a", 4, taxDetailsReference="9")], named) == [named[0]]
    assert paired([line("b")], twice) == [None]
