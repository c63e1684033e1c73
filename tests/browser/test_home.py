"""The home page in a browser: charts are drawn from their tables, and without them."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from playwright.sync_api import Page, expect

from integrations.models import Connection
from integrations.operations.home import counting
from integrations.sync.allowance import count_minute
from integrations.sync.rhythm import counting as rhythm
from tests.browser.complaints import complaints

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KEYS = ["records", "latency", "backlog", "slots", "requests"]
INK = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] > 200) seen.add(data.slice(at, at + 3).join());
    }
    return seen.size ? [...seen] : [];
}"""


@pytest.fixture
def admin_at(demo, drain, post_order, live_server, monkeypatch):
    """Deliver an order, fail one, count them, and log in as an integration admin."""
    for module in (counting, rhythm):
        monkeypatch.setattr(module, "SETTLED", rhythm.timedelta(0))
    post_order(number=4001)
    post_order(number=4002, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    # A worker writes down its use of slots as it goes, at the latest when it ends.
    count_minute(Connection.objects.get(system="netsuite").pk, 3, busy_seconds=1.2)
    rhythm.count()
    counting.count()
    cache.clear()
    user = User.objects.create_user("ida", password="a long phrase", is_staff=True)
    user.groups.add(Group.objects.get(name="Integration admins"))

    def log_in(page: Page) -> Page:
        page.goto(f"{live_server.url}/admin/")
        page.fill("#id_username", "ida")
        page.fill("#id_password", "a long phrase")
        page.click("[type=submit]")
        return page

    return log_in


def is_narrow(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_every_chart_is_drawn_from_its_table(admin_at, page: Page):
    told = complaints(page)
    admin_at(page)
    page.wait_for_timeout(600)
    assert page.locator(".chart").count() == len(KEYS)
    for key in ("records", "latency", "slots", "requests"):
        chart = page.locator(".chart", has=page.locator(f"#chart-{key}"))
        expect(chart.locator("canvas")).to_be_visible()
        assert len(chart.locator("canvas").evaluate(INK)) > 3, key
        table = chart.locator("table")
        assert not table.is_visible()
        chart.locator("summary").click()
        expect(table).to_be_visible()
        assert table.locator("tbody tr").count() == 24
        expect(table.locator("caption")).to_contain_text("hour by hour; times in UTC")
    assert told == []
    assert is_narrow(page)


def test_the_colours_follow_the_theme(admin_at, page: Page):
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    admin_at(page)
    canvas = page.locator("#chart-records ~ .chart-picture canvas")
    light = canvas.evaluate(INK)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_timeout(300)
    dark = canvas.evaluate(INK)
    assert "20,83,45" in light and "20,83,45" not in dark
    assert "143,220,171" in dark


def test_without_script_the_tables_say_it_all(admin_at, browser):
    context = browser.new_context(java_script_enabled=False)
    page = admin_at(context.new_page())
    assert page.locator("canvas:visible").count() == 0
    records = page.locator(".chart", has=page.locator("#chart-records"))
    expect(records).to_contain_text("2 delivered, 1 failed.")
    records.locator("summary").click()
    expect(records.locator("tbody tr td").nth(-3)).to_have_text("2")
    context.close()


def test_a_week_on_a_phone(admin_at, page: Page):
    told = complaints(page)
    page.set_viewport_size({"width": 390, "height": 844})
    admin_at(page)
    assert is_narrow(page)
    page.get_by_role("link", name="7 days").click()
    expect(page.get_by_role("link", name="7 days")).to_have_attribute(
        "aria-current", "true"
    )
    page.wait_for_timeout(600)
    chart = page.locator(".chart", has=page.locator("#chart-records"))
    assert chart.locator("tbody tr").count() == 168
    assert len(chart.locator("canvas").evaluate(INK)) > 3
    chart.locator("summary").click()
    assert is_narrow(page)
    assert told == []
