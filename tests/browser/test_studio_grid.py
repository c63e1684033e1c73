"""The grid of a mapping version in a real browser: one editor, and two at once."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from integrations.models import AuditEntry, SyncRecord
from mappings import services
from mappings.models import MappingDocument
from tests.browser.complaints import complaints
from tests.browser.keyboard import press
from tests.browser.test_operator import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def people(demo):
    for name in ("emma", "egon"):
        user = User.objects.create_user(name, password="a long phrase", is_staff=True)
        user.groups.add(Group.objects.get(name="Mapping editors"))


@pytest.fixture
def draft(people):
    document = MappingDocument.objects.get(slug="shopify-order")
    return services.new_draft(document, None)


@pytest.fixture
def order(demo, post_order, drain):
    post_order(number=4001)
    wait_for(lambda: drain() or SyncRecord.objects.filter(label="#4001").exists())


@pytest.fixture
def noise(page):
    """What the browser complained about: script errors and refused styles."""
    return complaints(page)


def open_draft(page, live_server, draft, name):
    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", "a long phrase")
    page.click("[type=submit]")
    address = reverse("admin:mappings_mappingversion_change", args=[draft.pk])
    page.goto(live_server.url + address)
    page.locator("#pane h2").wait_for()


def row(page, target):
    return page.locator(".grid-row", has=page.locator(f"code:text-is('{target}')"))


def box(line, name):
    return line.locator(f"[name$='-{name}']")


def save(page):
    with page.expect_navigation():
        page.click("[name=_continue]")


def test_an_editor_adds_a_field_and_mends_what_is_red(
    page, live_server, draft, order, noise
):
    open_draft(page, live_server, draft, "emma")
    assert "4001" in page.locator("#pane-heading").inner_text()
    page.fill("#grid-words", "otherRefNum")
    assert page.locator(".grid-row:visible").count() == 1
    line = row(page, "otherRefNum")
    assert "#4001" in line.locator("[data-cell=out]").inner_text()
    page.fill("#grid-words", "")

    page.click("#grid-add")
    new = page.locator(".grid-row").filter(has=page.locator("[name$='-target']:focus"))
    number = new.get_attribute("data-row")
    new = page.locator(f"[data-row={number}]")
    new.locator("[data-pick=target]").click()
    page.fill(".tree-search", "addr3")
    page.locator(".tree-pick[data-path='shippingAddress.addr3']").click()
    new.locator("[data-pick=comes_from]").click()
    page.fill(".tree-search", "financial_status")
    page.locator(".tree-pick[data-path='financial_status']").click()
    assert box(new, "comes_from").input_value() == "financial_status"
    new.locator("[data-cell=out]").get_by_text("paid").wait_for()

    new.locator("[data-pick=chain]").click()
    form = page.locator("[data-parameter='write_number.like']")
    form.select_option(label="1.234,56 (German, Spanish, Italian)")
    page.locator("[data-transform=write_number]").click()
    assert box(new, "chain").input_value() == "write_number(like='1.234,56')"
    page.get_by_role("button", name="Take the last one off").click()
    assert page.locator(".tree-example", has_text="“abc-1” → “ABC-1”").count() == 1
    page.locator("[data-parameter='cut.length']").fill("0")
    page.locator("[data-transform=cut]").click()
    press(page, "Escape")
    new.locator("[data-cell=problems]").get_by_text("above 0").wait_for()
    assert "grid-row-wrong" in new.get_attribute("class")
    box(new, "chain").fill("upper")
    new.locator("[data-cell=out]").get_by_text("PAID").wait_for()
    new.locator("[data-do=why]").click()
    page.locator("#why-part").get_by_text("financial_status").wait_for()
    press(page, "Escape")
    save(page)
    made = draft.rows.get(target="shippingAddress.addr3")
    assert (made.source, made.transforms) == ("financial_status", ["upper"])
    told = AuditEntry.objects.filter(subject="mapping", verb="added")
    assert told.filter(detail__contains="financial_status", by__username="emma")

    page.locator("#pane .fold summary", has_text="Golden samples").click()
    page.click("[data-keep]")
    page.locator("#pane .pill", has_text="changed").wait_for()
    assert draft.document.samples.get().found
    assert noise == []


def test_an_internal_id_is_exchanged_for_a_look_up(page, live_server, draft, order):
    draft.rows.filter(target="shipMethod.id").update(
        kind="constant", source="", constant="2", table=None, record="", by=""
    )
    open_draft(page, live_server, draft, "emma")
    line = row(page, "shipMethod.id").first
    line.locator("summary").click()
    line.get_by_role("button", name="Use the look-up").click()
    assert box(line, "kind").input_value() == "lookup"
    assert box(line, "record").input_value() == "shipItem"
    assert box(line, "by").input_value() == "name"
    assert box(line, "comes_from").input_value().startswith("'")


def test_two_browsers_at_one_row_lose_nothing(page, browser, live_server, draft, order):
    second = browser.new_context(viewport={"width": 390, "height": 844})
    other = second.new_page()
    open_draft(page, live_server, draft, "emma")
    open_draft(other, live_server, draft, "egon")
    assert other.evaluate("document.documentElement.scrollWidth") <= 390
    for browser_page, note in ((page, "emma's words"), (other, "egon's words")):
        line = row(browser_page, "otherRefNum")
        line.locator("summary").click()
        box(line, "note").fill(note)
    save(page)
    save(other)
    assert draft.rows.get(target="otherRefNum").note == "emma's words"
    conflict = other.locator(".conflict")
    assert "egon's words" in conflict.inner_text()
    conflict.get_by_label("Keep mine").check()
    save(other)
    assert draft.rows.get(target="otherRefNum").note == "egon's words"
    second.close()
