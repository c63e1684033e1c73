import re

import pytest
from django.urls import reverse
from page_builders import ORDER

from integrations.connectors import exact
from integrations.connectors.errors import ConnectionFailed
from integrations.models import SyncRecord
from integrations.sync import editing
from mappings.engine import Mapped, Problem


@pytest.fixture(autouse=True)
def good_mapping(monkeypatch):
    monkeypatch.setattr(editing, "map_record", lambda record, version: Mapped({}))


@pytest.fixture
def address(failed):
    return reverse("admin:integrations_syncrecord_edit", args=[failed.pk])


def fields_of(page):
    """The form as a browser would send it back unchanged."""
    seen = re.search(r'name="seen" value="(\w+)"', page)[1]
    return {"seen": seen, "payload": exact.pretty(ORDER), "place_0": "", "reason": "ok"}


def send(client, address, **changes):
    fields = fields_of(client.get(address).content.decode())
    return client.post(address, fields | changes)


def test_the_page_says_what_why_and_how_and_offers_the_broken_value(operator, address):
    page = operator.get(address).content.decode()
    assert "has no purchase order number" in page
    assert "Books wants one on every order." in page
    assert "Enter the number of the customer&#x27;s order." in page
    assert re.search(r'<code>po_number</code>.*name="place_0"', page, re.S)


def test_a_mended_value_is_saved_and_retried(operator, address, failed):
    answer = send(operator, address, place_0="PO-7", reason="asked her")
    assert answer.status_code == 302
    failed.refresh_from_db()
    assert failed.edited == ORDER | {"po_number": "PO-7"}
    assert failed.state == SyncRecord.State.WAITING


def test_the_whole_payload_can_be_edited_as_well(operator, address, failed):
    text = exact.pretty(ORDER | {"po_number": "PO-8"})
    assert send(operator, address, payload=text).status_code == 302
    failed.refresh_from_db()
    assert failed.edited["po_number"] == "PO-8"


def test_numbers_of_the_payload_keep_every_digit(operator, address, failed):
    text = exact.pretty(ORDER)[:-2] + ',\n  "weight": 1.100000000000000000001\n}'
    assert send(operator, address, payload=text).status_code == 302
    failed.refresh_from_db()
    assert str(failed.edited["weight"]) == "1.100000000000000000001"


def test_bad_json_is_refused_with_line_and_column(operator, address, failed):
    page = send(operator, address, payload='{\n  "a": 1,,\n}').content.decode()
    assert "Line 2, column 10" in page
    failed.refresh_from_db()
    assert failed.edited is None


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', "[" * 99_999])
def test_odd_json_is_refused_in_words(operator, address, failed, text):
    answer = send(operator, address, payload=text)
    assert answer.status_code == 200
    failed.refresh_from_db()
    assert failed.edited is None


def test_a_reason_is_required(operator, address, failed):
    answer = send(operator, address, place_0="PO-7", reason=" ")
    assert "This field is required" in answer.content.decode()
    failed.refresh_from_db()
    assert failed.edited is None


def test_an_unchanged_payload_is_not_an_edit(operator, address):
    page = send(operator, address).content.decode()
    assert "Nothing was changed" in page


def test_f88_a_changed_amount_is_refused_by_name(operator, address, failed):
    text = exact.pretty(ORDER | {"total_price": "0.01"})
    page = send(operator, address, payload=text).content.decode()
    assert "Amounts may not be edited here: total_price" in page
    failed.refresh_from_db()
    assert failed.edited is None


def test_f88_amounts_get_no_box_of_their_own(operator, address):
    page = operator.get(address).content.decode()
    assert "place_1" not in page


def test_f86_an_edit_made_meanwhile_by_somebody_else_is_not_lost(
    operator, address, failed
):
    fields = fields_of(operator.get(address).content.decode())
    SyncRecord.objects.update(edited=ORDER | {"po_number": "theirs"})
    page = operator.post(address, fields | {"place_0": "mine"}).content.decode()
    assert "Somebody changed this record" in page
    failed.refresh_from_db()
    assert failed.edited["po_number"] == "theirs"


def test_problems_of_the_edited_payload_are_shown(operator, address, monkeypatch):
    problem = Problem("data", "poNum", "is longer than 4", "Shorten it.", "po_number")
    found = Mapped({}, problems=(problem,))
    monkeypatch.setattr(editing, "map_record", lambda record, version: found)
    page = send(operator, address, place_0="PO-77777").content.decode()
    assert "the mapping still finds problems" in page
    assert "is longer than 4" in page and "Shorten it." in page
    assert 'value="PO-77777"' in page


def test_a_look_up_that_fails_is_told_in_words(operator, address, failed, monkeypatch):
    def unreachable(record, version):
        raise ConnectionFailed("Books cannot be reached.")

    monkeypatch.setattr(editing, "map_record", unreachable)
    page = send(operator, address, place_0="PO-7").content.decode()
    assert "Nothing was saved. Books cannot be reached." in page
    failed.refresh_from_db()
    assert failed.edited is None


def test_a_delivered_record_sends_people_back(operator, address, failed):
    SyncRecord.objects.update(state=SyncRecord.State.DELIVERED)
    answer = operator.get(address, follow=True)
    assert "there is nothing to edit now" in answer.content.decode()


def test_markup_in_a_payload_stays_text(operator, failed, address):
    SyncRecord.objects.update(source=ORDER | {"note": "<script>alert(1)</script>"})
    page = operator.get(address).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_half_characters_of_a_payload_survive_the_page(operator, failed, address):
    SyncRecord.objects.update(source=ORDER | {"note": "\ud83d"})
    page = operator.get(address)
    assert page.status_code == 200
    assert "\\ud83d" in page.content.decode()
