from copy import deepcopy

import pytest
from django.contrib.auth.models import User
from page_builders import ORDER

from errorqueue.models import Action, FailedRecord
from errorqueue.services import resolve
from integrations.models import SyncRecord
from integrations.sync import editing
from mappings.engine import Mapped, Problem
from mappings.models import MappingVersion


@pytest.fixture
def olga(db):
    return User.objects.create_user("olga")


@pytest.fixture
def mapped(monkeypatch):
    """What the mapping finds; holds the payloads that it was asked about."""
    asked = []

    def map_record(record, version):
        asked.append((record.payload, version))
        number = record.payload.get("po_number")
        problems = () if number else (Problem("data", "poNum", "is required", ""),)
        return Mapped({}, problems=problems + map_record.more)

    map_record.more = ()
    map_record.asked = asked
    monkeypatch.setattr(editing, "map_record", map_record)
    return map_record


def order(**changes):
    return deepcopy(ORDER) | changes


def test_f88_an_edit_lies_over_the_source_which_stays_as_it_was(failed, olga, mapped):
    assert editing.revise(failed, order(po_number="PO-7"), olga, "asked her") == []
    failed.refresh_from_db()
    assert failed.source == ORDER
    assert failed.payload["po_number"] == "PO-7"
    assert failed.state == SyncRecord.State.WAITING


def test_an_edit_keeps_before_after_reason_and_person(failed, olga, mapped):
    editing.revise(failed, order(po_number="PO-7"), olga, "asked her")
    edit = Action.objects.get(verb="edit")
    assert (edit.by, edit.reason) == (olga, "asked her")
    assert '"po_number": null' in edit.before
    assert '"po_number": "PO-7"' in edit.after
    assert Action.objects.filter(verb="retry", by=olga).exists()


def test_the_published_version_judges_the_edited_payload(failed, olga, mapped, version):
    editing.revise(failed, order(po_number="PO-7"), olga, "asked her")
    assert mapped.asked == [(order(po_number="PO-7"), version)]


def test_nothing_is_saved_while_the_mapping_finds_problems(failed, olga, mapped):
    problems = editing.revise(failed, order(email="new@example.com"), olga, "typo")
    assert [problem.target for problem in problems] == ["poNum"]
    failed.refresh_from_db()
    assert failed.edited is None
    assert failed.state == SyncRecord.State.FAILED
    assert not Action.objects.exists()


def test_a_record_that_must_come_first_does_not_stop_an_edit(failed, olga, mapped):
    mapped.more = (Problem("dependency", "entity", "customer first", ""),)
    assert editing.revise(failed, order(po_number="PO-7"), olga, "asked her") == []
    failed.refresh_from_db()
    assert failed.edited is not None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"total_price": "1.00"}, "total_price"),
        ({"currency": "EUR"}, "currency"),
        ({"line_items": []}, "line_items[0].price"),
        (
            {"line_items": [{"sku": "TEA-1", "price": "0.01", "quantity": 1}]},
            "line_items[0].price",
        ),
        (
            {"line_items": [{"sku": "TEA-1", "price": "19.90", "quantity": 9}]},
            "line_items[0].quantity",
        ),
        ({"discount_codes": [{"code": "FREE"}]}, "discount_codes[0].code"),
    ],
)
def test_f88_amounts_may_not_be_edited(failed, olga, mapped, changes, named):
    with pytest.raises(editing.MoneyChanged, match="source system") as refused:
        editing.revise(failed, order(po_number="PO-7", **changes), olga, "cheaper")
    assert named in refused.value.places
    failed.refresh_from_db()
    assert failed.edited is None


def test_f88_amounts_are_compared_with_what_was_received(failed, olga, mapped):
    """An earlier layer can not lend a changed amount to the next one."""
    SyncRecord.objects.update(edited=order(po_number="PO-7", total_price="1.00"))
    failed.refresh_from_db()
    with pytest.raises(editing.MoneyChanged):
        editing.revise(failed, order(po_number="8", total_price="1.00"), olga, "why")


def test_a_newer_version_that_came_meanwhile_wins(failed, olga, mapped):
    SyncRecord.objects.update(version=2)
    with pytest.raises(editing.NotEditable, match="newer version"):
        editing.revise(failed, order(po_number="PO-7"), olga, "asked her")
    assert not Action.objects.exists()


def test_a_record_in_flight_is_not_edited(failed, olga, mapped):
    SyncRecord.objects.update(state=SyncRecord.State.RUNNING)
    with pytest.raises(editing.NotEditable):
        editing.revise(failed, order(po_number="PO-7"), olga, "asked her")
    failed.refresh_from_db()
    assert failed.edited is None


def test_a_settled_record_has_nothing_to_edit(failed, olga, mapped):
    resolve(failed, "Delivered.")
    with pytest.raises(editing.NotEditable, match="settled"):
        editing.revise(failed, order(po_number="PO-7"), olga, "asked her")


def test_without_a_published_version_nothing_can_be_judged(failed, olga, mapped):
    MappingVersion.objects.update(state="retired")
    with pytest.raises(editing.NotEditable, match="no published version"):
        editing.revise(failed, order(po_number="PO-7"), olga, "asked her")


def test_broken_fields_are_single_values_and_no_amounts(failed):
    line = editing.open_line(failed)
    (field,) = editing.broken_fields(failed, line)
    assert (field.place, field.value, field.rule) == ("po_number", None, "is required")


def test_try_now_notes_who_asked_on_the_open_line(failed, olga):
    editing.try_now(failed, olga)
    failed.refresh_from_db()
    assert failed.state == SyncRecord.State.WAITING
    assert FailedRecord.objects.get().status == FailedRecord.Status.RETRYING
    assert Action.objects.get().by == olga


def test_try_now_takes_an_excluded_record_back(record, olga):
    SyncRecord.objects.update(state=SyncRecord.State.EXCLUDED)
    editing.try_now(record, olga)
    record.refresh_from_db()
    assert record.state == SyncRecord.State.WAITING


def test_the_real_mapping_refuses_until_the_field_is_filled(failed, olga):
    (problem,) = editing.revise(failed, order(email="new@example.com"), olga, "typo")
    assert problem.target == "poNum"
    assert editing.revise(failed, order(po_number="PO-7"), olga, "asked her") == []
    failed.refresh_from_db()
    assert failed.edited["po_number"] == "PO-7"
