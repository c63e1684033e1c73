"""On paper the handbook and the blueprint are tables, as on a wide screen."""

import pytest

from tests.browser.test_studio_versions import enter, member

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The width of an A4 page at 96 dots an inch, without its margins.
PAPER = {"width": 720, "height": 1000}
SHOWN = "node => getComputedStyle(node).display"


@pytest.mark.parametrize("path", ["handbook", "entity"])
def test_paper_shows_tables_and_no_buttons(demo, browser, live_server, path):
    member("ines", "Integration admins")
    page = enter(browser, live_server, "ines")
    page.goto(f"{live_server.url}/admin/integrations/entity/")
    page.get_by_role("button", name="Source of truth").click()
    page.goto(f"{live_server.url}/admin/integrations/{path}/")
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    heads = page.locator("#content table.stack thead")
    assert heads.count() > 0
    for head in heads.all():
        assert head.evaluate(SHOWN) == "table-header-group"
    for button in page.locator(".no-print, #header, .breadcrumbs").all():
        assert button.evaluate(SHOWN) == "none"
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
    page.context.close()
