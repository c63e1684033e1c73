"""Two people at one failed record, in two browsers."""

import pytest
from django.contrib.auth.models import Group, User

from errorqueue.models import FailedRecord
from tests.browser.complaints import complaints
from tests.browser.keyboard import press
from tests.browser.test_operator import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/admin/errorqueue/failedrecord/{}/change/"
PASSWORD = "a long phrase"  # noqa: S105 (of this test)


@pytest.fixture
def line(demo, post_order, drain):
    for name in ("ann", "otto"):
        person = User.objects.create_user(name, password=PASSWORD, is_staff=True)
        person.groups.add(Group.objects.get(name="Operators"))
    post_order(number=3001, shipping=[("Drone", "9.90")])
    wait_for(lambda: drain() or FailedRecord.objects.open().exists())
    return FailedRecord.objects.open().get()


@pytest.fixture
def open_as(browser, live_server, line):
    contexts = []

    def open_page(name, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.heard = complaints(page)
        page.goto(f"{live_server.url}/admin/")
        page.fill("#id_username", name)
        page.fill("#id_password", PASSWORD)
        page.click("[type=submit]")
        page.goto(live_server.url + PAGE.format(line.pk))
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_each_sees_the_other_without_a_reload(open_as, line):
    ann = open_as("ann")
    ann.evaluate("window.stays = true")
    otto = open_as("otto")
    otto.locator(".presence-said", has_text="ann has this open").wait_for()
    otto.get_by_role("button", name="I am on this").click()
    otto.locator(".presence-claim[aria-pressed=true]").wait_for()
    ann.locator(".presence-said", has_text="otto is on this").wait_for(timeout=15000)
    assert ann.evaluate("window.stays") is True
    assert not ann.heard
    assert not otto.heard


def test_by_keys_it_is_assigned_and_put_off(open_as, line):
    page = open_as("ann")
    press(page, "a")
    assert page.locator("#people-assignee").evaluate(
        "box => box === document.activeElement"
    )
    page.locator("#people-assignee").select_option(label="otto")
    page.get_by_role("button", name="Assign", exact=True).click()
    page.locator(".messagelist", has_text="is with otto").wait_for()
    press(page, "s")
    page.get_by_role("button", name="Tomorrow 9:00").click()
    page.locator(".messagelist", has_text="is snoozed until").wait_for()
    assert FailedRecord.objects.get().snoozed_until is not None
    page.get_by_role("button", name="Wake it").click()
    page.locator(".messagelist", has_text="is awake again").wait_for()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_panel_works_without_script_and_fits(open_as, line, width):
    viewport = {"width": width, "height": 900}
    page = open_as("ann", java_script_enabled=False, viewport=viewport)
    page.get_by_role("button", name="I am on this").click()
    assert page.locator(".presence-claim[aria-pressed=true]").count() == 1
    page.fill("#people-tag", "Black Friday")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Take off the tag black-friday").click()
    page.locator("summary", has_text="Hand it over").click()
    page.select_option("#people-to", label="otto")
    page.fill("#people-note", "The shop rings back at nine.")
    page.get_by_role("button", name="Hand it over").click()
    page.fill("#people-comment", "Drones are new.")
    page.get_by_role("button", name="Comment", exact=True).click()
    thread = page.inner_text(".thread")
    assert thread.index("rings back at nine") < thread.index("Drones are new.")
    box = page.locator("main, #main").first.bounding_box()
    assert box["width"] <= width
