"""The list of the error queue in a real browser: keys, completion, live counts."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from playwright.sync_api import Page, expect

from errorqueue import services
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord, SavedView, Tag
from integrations.models import SyncRecord
from tests.browser.complaints import complaints
from tests.browser.keyboard import press
from tests.errorqueue.conftest import flow, make_line, make_person, make_record
from tests.flows.conftest import configure

__all__ = ["flow", "make_line", "make_person", "make_record"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/errorqueue/failedrecord/"
Status = FailedRecord.Status


@pytest.fixture
def olga(make_person):
    configure("roles.yaml")
    person = make_person("olga")
    person.groups.add(Group.objects.get(name="Operators"))
    return person


@pytest.fixture
def lines(make_line, olga):
    """Three lines, the newest failure first as the list shows them."""
    made = [
        make_line(
            FailureKind.MAPPING,
            label=f"#{number}",
            party=party,
            amount=Decimal(amount),
            minutes=minutes,
        )
        for number, party, amount, minutes in (
            (10412, "Acme Outdoor Ltd", 640, 400),
            (10413, "Blue Heron GmbH", 1240, 90),
            (10414, "Nakamura Shoten", 85, 5),
        )
    ]
    return list(reversed(made))


@pytest.fixture
def queue(page, live_server, olga, lines) -> Page:
    """The list, opened by an operator."""
    log_in(page, live_server, olga)
    page.goto(live_server.url + LIST)
    return page


def log_in(page, live_server, person) -> None:
    client = Client()
    client.force_login(person)
    session = client.cookies["sessionid"].value
    page.context.add_cookies(
        [{"name": "sessionid", "value": session, "url": live_server.url}]
    )


def marked(page) -> str:
    return page.locator("tr.current .quiet-line").first.inner_text()


def test_rows_are_walked_ticked_and_opened_by_keys(queue, lines):
    press(queue, "j")
    assert f"ERR-{lines[0].pk}" in marked(queue)
    press(queue, "j")
    press(queue, "j")
    press(queue, "j")  # there is no fourth row
    assert f"ERR-{lines[2].pk}" in marked(queue)
    press(queue, "k")
    assert f"ERR-{lines[1].pk}" in marked(queue)
    press(queue, "x")
    assert queue.locator(".action-select:checked").count() == 1
    press(queue, "x")
    assert queue.locator(".action-select:checked").count() == 0
    press(queue, "Enter")
    queue.wait_for_url(re.compile(rf"{LIST}{lines[1].pk}/change/"))


def test_a_range_is_ticked_with_shift(queue):
    boxes = queue.locator(".action-select")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    assert queue.locator(".action-select:checked").count() == 3


def test_a_range_is_ticked_by_keys(queue):
    for key in ("j", "x", "j", "j", "Shift+X"):
        press(queue, key)
    assert queue.locator(".action-select:checked").count() == 3


def test_r_retries_and_the_row_is_followed_to_its_result(queue, lines):
    line = lines[0]
    row = queue.locator("#result_list tbody tr").first
    press(queue, "j")
    press(queue, "r")
    expect(row.locator(".live .pill")).to_have_text("Queued")
    expect(queue.locator("#queue-said")).to_contain_text(f"ERR-{line.pk} is queued.")
    SyncRecord.objects.filter(pk=line.object_id).update(state="running")
    expect(row.locator(".live .pill")).to_have_text("Running", timeout=6000)
    SyncRecord.objects.filter(pk=line.object_id).update(state="delivered")
    services.resolve(line.subject, "Delivered.")
    expect(row.locator("[data-part=state]")).to_have_text("Resolved", timeout=6000)
    expect(row.get_by_role("button", name="Retry now")).to_have_count(0)
    assert queue.url.endswith(LIST)  # never reloaded


def test_a_retry_is_taken_back_within_the_minute(queue, lines):
    queue.locator("#result_list tbody tr").first.get_by_role(
        "button", name="Retry now"
    ).click()
    queue.get_by_role("button", name="Undo").click()
    state = queue.locator("#result_list tbody tr").first.locator("[data-part=state]")
    expect(state).to_contain_text("Needs a person")
    assert FailedRecord.objects.get(pk=lines[0].pk).status == Status.FAILED


def test_ticked_rows_are_retried_and_taken_back_together(queue, lines):
    for key in ("j", "x", "j", "x", "r"):
        press(queue, key)
    expect(queue.locator("#queue-said")).to_contain_text("Queued 2.")
    assert FailedRecord.objects.filter(status=Status.RETRYING).count() == 2
    expect(queue.locator(".live")).to_have_count(2)
    queue.get_by_role("button", name="Undo").click()
    expect(queue.locator("#queue-said")).to_contain_text("Took back 2.")
    expect(queue.locator(".live")).to_have_count(0)


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("f", "{line}/fix/"),
        ("e", "/syncrecord/{record}/edit/"),
        ("d", "{line}/resolve/"),
        ("a", "bulkrun/plan/"),
        ("s", "bulkrun/plan/"),
    ],
)
def test_each_key_opens_what_it_says(queue, lines, key, place):
    press(queue, "j")
    press(queue, key)
    known = {"line": lines[0].pk, "record": lines[0].object_id}
    queue.wait_for_url(f"**{place.format(**known)}*")
    assert lines[0].reference in queue.inner_text("#content")


def test_g_c_leads_to_the_causes(queue):
    press(queue, "g")
    press(queue, "c")
    queue.wait_for_url("**/errorqueue/cause/**")


def test_the_help_opens_by_key_and_by_button(queue):
    press(queue, "?")
    sheet = queue.locator("#keys")
    expect(sheet).to_be_visible()
    assert "age:>4h" in sheet.inner_text() and "Snooze" in sheet.inner_text()
    press(queue, "j")  # keys of the list rest while it is open
    assert queue.locator("tr.current").count() == 0
    press(queue, "Escape")
    expect(sheet).to_be_hidden()
    queue.get_by_role("button", name="Keys").click()
    expect(sheet).to_be_visible()


def test_the_search_is_completed_by_keys(queue, lines):
    press(queue, "/")
    box = queue.locator("#searchbar")
    expect(box).to_be_focused()
    queue.keyboard.type("ord")
    choice = queue.get_by_role("option", name="order:")
    expect(choice.first).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    press(queue, "ArrowDown")
    expect(choice.first).to_have_attribute("aria-selected", "true")
    press(queue, "Enter")
    expect(box).to_have_value("order:")
    expect(queue.get_by_role("option", name="order:10413")).to_be_visible()
    press(queue, "ArrowDown")
    press(queue, "ArrowDown")
    press(queue, "Tab")
    expect(box).to_have_value("order:10413 ")
    queue.keyboard.type("-sku:nothing")
    press(queue, "Enter")
    queue.wait_for_url("**q=order*")
    rows = queue.locator("#result_list tbody tr")
    assert rows.count() == 1 and "10413" in rows.inner_text()


def test_a_completion_is_taken_by_mouse_and_keeps_the_rest(queue):
    queue.fill("#searchbar", "kind:mapping cust")
    queue.locator("#searchbar").press("End")
    queue.locator("#searchbar").type("omer:blue")
    queue.get_by_role("option", name="blue heron gmbh").click()
    expected = 'kind:mapping customer:"blue heron gmbh" '
    expect(queue.locator("#searchbar")).to_have_value(expected)


def test_a_wrong_search_is_named_and_shows_nothing(queue):
    queue.fill("#searchbar", "ordr:10412")
    queue.locator("#searchbar").press("Enter")
    expect(queue.get_by_role("alert")).to_contain_text("Did you mean order:10412?")
    assert queue.locator("#result_list tbody tr").count() == 0


def test_counts_move_without_a_reload(queue, lines, make_line):
    count = queue.locator('[data-count="open"]')
    expect(count).to_have_text("3")
    make_line()
    services.resolve(lines[0].subject, "Delivered.")
    services.resolve(lines[1].subject, "Delivered.")
    expect(count).to_have_text("2", timeout=15000)
    expect(queue.locator('[data-count="resolved"]')).to_have_text("2")
    assert queue.locator("#result_list tbody tr").count() == 3


def test_a_view_is_saved_and_found_in_the_header(queue):
    queue.goto(queue.url + "?q=amount:>500&o=money")
    queue.locator(".queue-tools summary").click()
    queue.fill("#view-name", "Dear ones")
    queue.get_by_role("button", name="Save view").click()
    expect(queue.locator(".queue-tools summary")).to_contain_text("Dear ones")
    assert SavedView.objects.get().query == "q=amount%3A%3E500&o=money"
    assert queue.locator("#result_list tbody tr").count() == 2


@pytest.mark.parametrize("width", [390, 1440])
def test_the_list_fits_the_screen(queue, lines, olga, width):
    dress(lines, olga)
    queue.set_viewport_size({"width": width, "height": 844})
    for query in ("", "?q=ordr:1", "?q=order:10412&tab=resolved"):
        queue.goto(queue.url.partition("?")[0] + query)
        wide = queue.evaluate("document.documentElement.scrollWidth")
        assert wide <= width


def test_nothing_breaks_the_content_policy(queue, live_server):
    said = complaints(queue)
    queue.reload()
    press(queue, "j")
    press(queue, "?")
    press(queue, "Escape")
    press(queue, "/")
    queue.keyboard.type("sk")
    expect(queue.get_by_role("option").first).to_be_visible()
    assert said == []


def dress(lines, olga) -> None:
    """Give the lines what makes rows wide."""
    now = database_time()
    lines[0].tags.add(*[Tag.objects.create(name=f"a-long-tag-{n}") for n in range(3)])
    changes = (
        {"due_at": now - timedelta(hours=3), "preflight": "green", "assignee": olga},
        {"due_at": now + timedelta(hours=2), "preflight": "red", "is_unknown": True},
        {"blocked_by": lines[0], "status": "blocked", "preflight": "amber"},
    )
    for line, columns in zip(lines, changes, strict=True):
        FailedRecord.objects.filter(pk=line.pk).update(**columns)
