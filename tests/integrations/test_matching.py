"""Which of the source is which of the target, over all that both sides told."""

from integrations.models import MatchItem
from integrations.sync.matching.comparing import Thing, compare

Verdict = MatchItem.Verdict


def ours(pk, sku, barcode="", key=""):
    return Thing(pk, key or f"item-{pk}", sku, barcode, f"ours {pk}")


def theirs(pk, sku, barcode="", key=""):
    return Thing(pk, key or f"product-{pk}", sku, barcode, f"theirs {pk}")


def told(source, target, linked=()):
    found = compare(source, target, linked)
    return {
        pk: (one.verdict, one.partner.pk if one.partner else None)
        for pk, one in found.items()
    }


def test_pairs_by_sku_first_then_by_barcode():
    source = [ours(1, "A", "111"), ours(2, "B", "222")]
    target = [theirs(11, "A"), theirs(12, "OTHER", "222")]
    found = told(source, target)
    assert found[1] == (Verdict.SKU, 11) and found[2] == (Verdict.BARCODE, 12)
    assert found[11] == found[12] == (Verdict.PAIRED, None)


def test_what_stands_on_one_side_only():
    found = told([ours(1, "A")], [theirs(11, "B")])
    assert found == {1: (Verdict.NEW, None), 11: (Verdict.ALONE, None)}


def test_capitals_and_spaces_are_told_apart():
    found = told([ours(1, "MUG-01")], [theirs(11, " mug-01 ")])
    assert found[1] == (Verdict.SPELLING, 11)


def test_the_same_sku_twice_on_either_side_is_a_conflict():
    found = told([ours(1, "A"), ours(2, "A")], [theirs(11, "A")])
    assert found[1] == found[2] == (Verdict.TWICE, None)
    found = compare([ours(1, "A")], [theirs(11, "A"), theirs(12, "A")])
    assert found[1].verdict == Verdict.TWICE_THERE
    assert "theirs 11" in found[1].note and "theirs 12" in found[1].note
    assert found[11].verdict == found[12].verdict == Verdict.PAIRED


def test_a_barcode_that_leads_to_another_sku_is_a_conflict():
    source = [ours(1, "A", "111")]
    target = [theirs(11, "A", "999"), theirs(12, "B", "111")]
    assert told(source, target)[1] == (Verdict.CLASH, 11)


def test_a_barcode_of_something_with_its_own_item_is_a_conflict():
    source = [ours(1, "A", "111"), ours(2, "B")]
    found = told(source, [theirs(12, "B", "111")])
    assert found[1] == (Verdict.CLASH, 12) and found[2] == (Verdict.SKU, 12)


def test_one_thing_of_the_target_is_proposed_once():
    source = [ours(1, "MUG"), ours(2, "mug")]
    found = told(source, [theirs(11, "Mug")])
    assert {found[1][0], found[2][0]} == {Verdict.CLASH}


def test_a_family_in_two_products_is_not_proposed():
    source = [ours(1, "A", key="tee"), ours(2, "B", key="tee")]
    found = told(source, [theirs(11, "A"), theirs(12, "B")])
    assert found[1][0] == found[2][0] == Verdict.SPLIT


def test_what_is_linked_already_is_not_proposed_again():
    found = told([ours(1, "A")], [theirs(11, "A")], linked={"item-1"})
    assert found[1] == (Verdict.PAIRED, 11)
