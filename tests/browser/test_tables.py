"""Value tables in a real browser: a new value is seen, accepted, and its orders go."""

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from errorqueue.models import FailedRecord
from integrations.studio import seen
from mappings.models import SeenValue, ValueTable
from tests.browser.complaints import complaints
from tests.browser.test_queue import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

INBOX = "/admin/mappings/seenvalue/"


@pytest.fixture
def mia(demo):
    person = User.objects.create_user("mia", is_staff=True)
    person.groups.add(Group.objects.get(name="Mapping editors"))
    return person


@pytest.fixture
def editor(page, live_server, mia):
    log_in(page, live_server, mia)
    return page


@pytest.fixture
def waiting(post_order, drain, monkeypatch):
    """Two orders that failed on a title that no table knows."""
    monkeypatch.setattr(seen, "SETTLED", seen.timedelta(0))
    for number in (1, 2):
        post_order(number=number, shipping=[["DHL-Express", "20.00"]])
    drain()


def test_a_new_value_is_accepted_and_its_orders_land(
    editor, live_server, waiting, drain, netsuite
):
    editor.goto(live_server.url + "/admin/")
    editor.get_by_role("link", name="New values").first.click()
    row = editor.get_by_role("row", name="DHL-Express")
    expect(row).to_contain_text("2 records")
    expect(row).to_contain_text("the same name but for case, spaces or punctuation")
    expect(row.get_by_label("What DHL-Express becomes")).to_have_value("DHL Express")
    row.get_by_role("button", name="Accept").click()
    expect(editor.get_by_text("1 value mapped.")).to_be_visible()
    expect(editor.get_by_text("Every value that came in is mapped.")).to_be_visible()
    expect(editor.get_by_text("2 records waited for “DHL-Express”")).to_be_visible()
    editor.get_by_role("button", name="Pre-flight and retry").click()
    editor.wait_for_url("**/bulkrun/**")
    drain()
    assert len(netsuite.orders) == 2
    assert not FailedRecord.objects.open().exists()
    editor.goto(live_server.url + INBOX)
    expect(editor.get_by_role("button", name="Pre-flight and retry")).to_have_count(0)


def test_the_enter_key_in_a_box_accepts_nothing(editor, live_server, waiting):
    editor.goto(live_server.url + INBOX)
    editor.get_by_label("What DHL-Express becomes").press("Enter")
    expect(editor.get_by_text("Tick the values you mean.")).to_be_visible()
    assert SeenValue.objects.get().state == SeenValue.State.NEW


def test_all_are_ticked_at_once(editor, live_server, waiting):
    editor.goto(live_server.url + INBOX)
    editor.get_by_label("All", exact=True).check()
    editor.get_by_role("button", name="Set ticked aside").click()
    expect(editor.get_by_text("1 value set aside.")).to_be_visible()
    assert SeenValue.objects.get().state == SeenValue.State.IGNORED


def test_rows_are_added_to_a_table_and_saved(editor, live_server, demo):
    table = ValueTable.objects.get(name="Shipping methods")
    editor.goto(f"{live_server.url}/admin/mappings/valuetable/{table.pk}/change/")
    for number in range(5):
        if number >= 3:
            editor.get_by_role("button", name="Add a row").click()
        editor.get_by_label("Source value").last.fill(f"Way {number}")
        editor.get_by_label("Target value").last.fill("Express")
        if number < 2:  # two more of the three blank rows
            blank = editor.get_by_label("Source value")
            blank.nth(blank.count() - 2 - number).fill(f"Early {number}")
            target = editor.get_by_label("Target value")
            target.nth(target.count() - 2 - number).fill("Express")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_text("rows saved.")).to_be_visible()
    assert table.rows.filter(source="Way 4").exists()
    assert table.rows.filter(source__startswith="Early").count() == 2


def test_a_table_of_thousands_of_rows_is_saved(editor, live_server, demo):
    table = ValueTable.objects.create(name="Articles", purpose="other")
    table.rows.bulk_create(
        table.rows.model(table=table, source=f"A{number:05}", target="Standard")
        for number in range(3_500)  # 17,500 boxes, and a server takes 15,000
    )
    editor.goto(f"{live_server.url}/admin/mappings/valuetable/{table.pk}/change/")
    editor.get_by_label("Target value").nth(2_000).fill("Express")
    editor.get_by_label("Remove A00007", exact=True).check()
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_text("2 rows saved.")).to_be_visible()
    assert table.rows.count() == 3_499
    assert table.rows.get(target="Express").source == "A02000"


def test_nothing_breaks_the_content_policy(editor, live_server, waiting):
    said = complaints(editor)
    table = ValueTable.objects.get(name="Shipping methods")
    for where in (
        INBOX,
        f"/admin/mappings/valuetable/{table.pk}/change/",
        f"/admin/integrations/sheets/table/{table.pk}/",
    ):
        editor.goto(live_server.url + where)
    assert said == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_pages_fit_the_screen(editor, live_server, waiting, width):
    table = ValueTable.objects.get(name="Shipping methods")
    editor.set_viewport_size({"width": width, "height": 844})
    for name, where in (
        ("inbox", INBOX),
        ("table", f"/admin/mappings/valuetable/{table.pk}/change/"),
        ("sheet", f"/admin/integrations/sheets/table/{table.pk}/"),
    ):
        editor.goto(live_server.url + where)
        wide = editor.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, name
        cut = "[...document.querySelectorAll('.scroll, .scroll table')].some((one) => one.scrollHeight > one.clientHeight + 2)"
        assert not editor.evaluate(cut), f"{name} is cut off"
