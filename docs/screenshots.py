"""Take pictures of every page of a running demo, at 1440 and 390 px.

    make demo                              # in one terminal
    .venv/bin/python docs/screenshots.py   # in another; needs requirements-dev.txt

Pictures land in docs/images/; a page whose body is wider than the screen is named.
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
FIRST_ROW = "#result_list tbody th a, #result_list tbody td:not(.action-checkbox) a"
PASSWORD = "waybill-demo"  # noqa: S105 (of the demo, printed on purpose)
WIDTHS = (1440, 390)

# Picture, person, address; "first:" opens the first row of a list, "press KEY:" and
# "click NAME:" a row as well, and then use it; "show NAME:" scrolls to a heading of it;
# "empty:" is taken of a list without a row.
PAGES = (
    ("login", "", "/admin/login/"),
    ("index", "operator", "/admin/"),
    ("home-finance", "finance", "/admin/"),
    ("home-editor", "editor", "/admin/"),
    ("home-admin", "admin", "/admin/#part-charts"),
    ("outcome", "admin", "/admin/integrations/outcome/"),
    ("queue", "operator", "/admin/errorqueue/failedrecord/"),
    ("line", "operator", "first:/admin/errorqueue/failedrecord/?q=10403"),
    ("fix", "operator", "press f:/admin/errorqueue/failedrecord/?q=10405"),
    ("ways-out", "operator", "first:/admin/errorqueue/failedrecord/?q=10405"),
    ("check", "operator", "press p:/admin/errorqueue/failedrecord/?q=10403"),
    ("retry-as", "operator", "click Retry as…:/admin/errorqueue/failedrecord/?q=10405"),
    (
        "settled",
        "operator",
        "first:/admin/errorqueue/failedrecord/?tab=resolved",
    ),
    (
        "compare",
        "operator",
        "click Compare:/admin/errorqueue/failedrecord/?tab=resolved",
    ),
    ("search", "operator", "/admin/errorqueue/failedrecord/?q=sku:HAMMOCK+amount:>50"),
    ("keys", "operator", "press ?:/admin/errorqueue/failedrecord/?q=10403"),
    ("unknown", "operator", "first:/admin/errorqueue/failedrecord/?tab=unknown"),
    ("waiting", "operator", "first:/admin/errorqueue/failedrecord/?tab=auto"),
    ("blocked", "operator", "first:/admin/errorqueue/failedrecord/?tab=blocked"),
    ("money", "operator", "/admin/errorqueue/failedrecord/?o=money"),
    ("proof", "operator", "empty:/admin/errorqueue/failedrecord/"),
    ("causes", "operator", "/admin/errorqueue/cause/"),
    ("cause", "operator", "first:/admin/errorqueue/cause/"),
    ("plan", "operator", "click Retry all:/admin/errorqueue/cause/"),
    ("bulk", "operator", "first:/admin/errorqueue/bulkrun/"),
    ("known-fixes", "operator", "/admin/errorqueue/recipe/"),
    ("story", "operator", "/admin/integrations/story/?q=10403"),
    ("found", "operator", "/admin/integrations/story/?q=ada@example.com"),
    ("rules", "admin", "/admin/errorqueue/routingrule/"),
    ("rule", "admin", "first:/admin/errorqueue/routingrule/"),
    ("webhook", "admin", "/admin/errorqueue/subscriber/add/"),
    ("tokens", "operator", "/admin/errorqueue/apitoken/"),
    ("api", "operator", "/api/"),
    ("ledger", "operator", "/admin/integrations/syncrecord/"),
    ("record", "operator", "first:/admin/integrations/syncrecord/?q=10401"),
    ("edit", "operator", "edit:/admin/integrations/syncrecord/?q=10403"),
    ("inbox", "operator", "/admin/integrations/inboxevent/"),
    ("delivery", "operator", "first:/admin/integrations/inboxevent/"),
    ("mappings", "editor", "/admin/mappings/mappingdocument/"),
    ("mapping", "editor", "first:/admin/mappings/mappingdocument/"),
    ("versions", "editor", "/admin/mappings/mappingversion/"),
    (
        "version",
        "editor",
        "first:/admin/mappings/mappingversion/?document__id__exact=2",
    ),
    ("preview", "editor", "preview:/admin/mappings/mappingversion/"),
    (
        "grid",
        "editor",
        "show Fields:/admin/mappings/mappingversion/?state__exact=draft",
    ),
    (
        "effect",
        "editor",
        "click Effect report:/admin/mappings/mappingversion/?state__exact=draft",
    ),
    ("sign-offs", "signer", "/admin/mappings/mappingdocument/sign-offs/"),
    ("blueprint", "admin", "/admin/integrations/entity/"),
    ("tables", "editor", "/admin/mappings/valuetable/"),
    ("table", "editor", "first:/admin/mappings/valuetable/?q=Shipping"),
    ("connections", "admin", "/admin/integrations/connection/"),
    ("connection", "admin", "first:/admin/integrations/connection/?q=NetSuite"),
    ("flows", "admin", "/admin/integrations/flow/"),
    ("flow", "admin", "first:/admin/integrations/flow/?q=Orders"),
    ("slots", "admin", "/admin/integrations/slot/"),
    ("groups", "admin", "/admin/integrations/workergroup/?tab=all"),
    ("retention", "admin", "/admin/integrations/payloadrule/"),
    ("schedules", "admin", "/admin/integrations/schedule/"),
    ("schedule", "admin", "first:/admin/integrations/schedule/?q=old"),
    ("links", "admin", "/admin/integrations/link/"),
    ("alerts", "auditor", "/admin/errorqueue/alert/"),
    ("alert", "operator", "first:/admin/errorqueue/alert/?tab=all"),
    ("incidents", "auditor", "/admin/errorqueue/alert/report/"),
    ("team", "admin", "/admin/errorqueue/team/add/"),
    ("channel", "admin", "/admin/errorqueue/channel/add/"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--folder", type=Path, default=IMAGES)
    parser.add_argument("--whole", action="store_true", help="PNG of the whole page")
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for width in WIDTHS:
            take_all(browser, width, arguments)


def take_all(browser: Browser, width: int, arguments: argparse.Namespace) -> None:
    people: dict[str, Page] = {}
    for name, person, address in PAGES:
        if arguments.only and name not in arguments.only:
            continue
        if person not in people:
            people[person] = log_in(browser, width, person, arguments.address)
        page = people[person]
        if not go(page, arguments.address, address):
            print(f"{name} {width}: the demo has none now, no picture")
            continue
        keep(page, f"{name}-{width}", arguments)
        wide = page.evaluate("document.documentElement.scrollWidth")
        print(f"{name} {width}: {page.title()}", "TOO WIDE" * (wide > width))


def log_in(browser: Browser, width: int, person: str, base: str) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    if person:
        page.goto(f"{base}/admin/login/")
        page.fill("#id_username", person)
        page.fill("#id_password", PASSWORD)
        page.click("[type=submit]")
    return page


def go(page: Page, base: str, address: str) -> bool:
    """Open an address, and from a list its first row; then do as it says.

    Says whether it could be shown: some states are rare in a demo (unknown, blocked,
    an empty queue).
    """
    way, path = address.split(":/", 1) if ":/" in address else ("", address[1:])
    page.goto(f"{base}/{path}")
    has_row = bool(page.locator(FIRST_ROW).count())
    if way and has_row == (way == "empty"):
        return False
    if way and has_row:
        page.locator(FIRST_ROW).first.click()
        page.wait_for_load_state("load")
    verb, _, what = way.partition(" ")
    if verb == "press":
        page.keyboard.press(what)
        page.wait_for_timeout(2000)
    if verb == "click":
        page.locator("a:visible, button:visible", has_text=what).first.click()
        page.wait_for_timeout(1000)
    if verb == "show":
        page.wait_for_timeout(2000)
        page.get_by_role("heading", name=what).first.evaluate("e => e.scrollIntoView()")
    if way == "edit":
        page.goto(page.url.split("change/")[0] + "edit/")
    if way == "preview":
        page.get_by_role("link", name="Preview").first.click()
        page.wait_for_load_state("load")
    return True


def keep(page: Page, name: str, arguments: argparse.Namespace) -> None:
    if arguments.whole:
        page.screenshot(path=arguments.folder / f"{name}.png", full_page=True)
    else:
        path = arguments.folder / f"{name}.jpg"
        page.screenshot(path=path, type="jpeg", quality=55)


if __name__ == "__main__":
    main()
