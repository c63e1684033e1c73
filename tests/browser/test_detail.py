"""The page of one failed record in a real browser, by keys and on a phone."""

import json
import time

import pytest
from django.contrib.auth.models import Group, User

from errorqueue.models import FailedRecord, Recipe
from integrations.models import SyncRecord
from tests.browser.complaints import complaints
from tests.browser.keyboard import press
from tests.browser.test_operator import netsuite_page, wait_for, worker

__all__ = ["netsuite_page", "worker"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/admin/errorqueue/failedrecord/{}/change/"


@pytest.fixture
def operator(demo):
    user = User.objects.create_user("olga", password="a long phrase", is_staff=True)
    user.groups.add(Group.objects.get(name="Operators"))
    return user


@pytest.fixture
def log_in(operator, live_server):
    def log_in(page):
        page.goto(f"{live_server.url}/admin/")
        page.fill("#id_username", "olga")
        page.fill("#id_password", "a long phrase")
        page.click("[type=submit]")

    return log_in


@pytest.fixture
def broken_line(demo, post_order, drain):
    """An order with a ship method that no value table knows."""
    post_order(number=3001, shipping=[("Drone", "9.90")])
    wait_for(lambda: drain() or FailedRecord.objects.open().exists())
    return FailedRecord.objects.open().get()


@pytest.fixture
def noise(page):
    """What the browser complained about: script errors and refused styles."""
    return complaints(page)


def opened(page, live_server, line):
    page.goto(live_server.url + PAGE.format(line.pk))


def test_a_known_value_is_mended_and_delivered_by_a_few_keys(
    log_in, page, live_server, broken_line, worker, noise
):
    log_in(page)
    opened(page, live_server, broken_line)
    press(page, "f")
    box = page.locator("#sheet select[name^=place_]")
    box.wait_for()
    assert box.evaluate("box => box === document.activeElement")
    box.select_option(index=1)
    page.fill("#sheet [name=reason]", "the shop's new courier")
    press(page, "Enter")
    wait_for(lambda: SyncRecord.objects.filter(label="#3001", state="delivered"))
    page.locator("h2", has_text="How it ended").wait_for()
    assert "Before and after" in page.inner_text("#content")
    assert not noise


def test_a_known_cause_takes_two_keys_from_the_link_to_the_order(
    log_in, operator, page, live_server, broken_line, worker, noise
):
    [place] = broken_line.subject.source["shipping_lines"]
    assert place["title"] == "Drone"
    Recipe.objects.create(
        name="By parcel",
        cause=broken_line.cause,
        steps={"shipping_lines[0].title": "Standard"},
        words="Drones do not fly in autumn.",
        author=operator,
        made_at=broken_line.first_failed_at,
    )
    log_in(page)
    began = time.monotonic()
    opened(page, live_server, broken_line)
    press(page, "f")
    page.locator("#sheet [type=submit]:focus").wait_for()
    press(page, "Enter")
    wait_for(lambda: SyncRecord.objects.filter(label="#3001", state="delivered"))
    assert time.monotonic() - began < 30
    page.locator("h2", has_text="How it ended").wait_for()
    assert not noise


def test_one_key_retries_and_the_page_follows_without_a_reload(
    log_in, page, live_server, broken_line, drain, noise
):
    log_in(page)
    opened(page, live_server, broken_line)
    page.evaluate("window.stays = true")
    press(page, "r")
    page.locator(".undo-bar").wait_for()
    page.evaluate("window.stays = true")
    assert page.locator(".live .pill").inner_text().startswith("Queued")
    seconds = int(page.locator(".undo-left").inner_text())
    assert 50 < seconds <= 60
    drain()
    page.locator(".pill", has_text="Needs a person").wait_for()
    assert page.evaluate("window.stays") is True
    assert page.locator("button", has_text="Retry now").count() == 1
    assert not noise


def test_check_first_puts_the_light_on_the_button_without_a_reload(
    log_in, page, live_server, broken_line, noise
):
    log_in(page)
    opened(page, live_server, broken_line)
    page.evaluate("window.stays = true")
    press(page, "p")
    page.locator(".acts-main .light").wait_for()
    assert page.locator(".acts-main .light").inner_text() == "Would fail again"
    assert "Drone" in page.inner_text("#light")
    assert page.evaluate("window.stays") is True
    assert not noise


def test_a_mistake_is_taken_back_within_its_minute(
    log_in, page, live_server, broken_line
):
    log_in(page)
    opened(page, live_server, broken_line)
    page.get_by_role("link", name="Exclude…").click()
    page.fill("#sheet [name=reason]", "by mistake")
    page.locator("#sheet button[type=submit]").click()
    page.get_by_role("button", name="Take it back").click()
    page.get_by_role("button", name="Retry now").wait_for()
    assert FailedRecord.objects.get(pk=broken_line.pk).status == "failed"


def test_the_dialog_of_a_retry_and_the_help_open_and_close_by_keys(
    log_in, page, live_server, broken_line
):
    log_in(page)
    opened(page, live_server, broken_line)
    page.get_by_role("link", name="Retry as…").click()
    page.locator("#sheet", has_text="Where does it start?").wait_for()
    press(page, "Escape")
    assert not page.locator("#sheet").is_visible()
    press(page, "?")
    assert page.locator("#key-help").is_visible()
    press(page, "r")
    assert FailedRecord.objects.get(pk=broken_line.pk).status == "failed"


def test_letters_typed_into_a_box_press_nothing(log_in, page, live_server, broken_line):
    log_in(page)
    opened(page, live_server, broken_line)
    press(page, "f")
    page.locator("#sheet [name=reason]").press_sequentially("red fads? yes")
    assert page.locator("#sheet [name=reason]").input_value() == "red fads? yes"
    assert FailedRecord.objects.get(pk=broken_line.pk).status == "failed"


def test_a_phone_shows_sentence_fix_and_a_big_button_on_the_first_screen(
    log_in, browser, live_server, broken_line
):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    log_in(page)
    opened(page, live_server, broken_line)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for place in (".line-head h1", ".answer p:last-child"):
        box = page.locator(place).bounding_box()
        assert box["y"] + box["height"] < 760, place
    button = page.get_by_role("button", name="Retry now").bounding_box()
    assert button["height"] >= 48 and button["width"] > 200
    assert button["y"] + button["height"] <= 844
    page.get_by_role("link", name="Fix…").click()
    page.locator("#sheet [name=reason]").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_payloads_and_answers_are_never_markup(
    log_in, page, live_server, broken_line, noise
):
    nasty = "</pre><img src=x onerror=window.hit=1><script>window.hit=1</script>"
    record = broken_line.subject
    record.source = {**record.source, "note": nasty}
    record.save()
    FailedRecord.objects.filter(pk=broken_line.pk).update(
        why=nasty, raw=json.dumps({"detail": nasty}), party=nasty
    )
    log_in(page)
    opened(page, live_server, broken_line)
    page.locator("summary", has_text="Source, as it came in").click()
    assert nasty in page.inner_text("#content-main")
    assert page.evaluate("window.hit") is None
    assert not noise
