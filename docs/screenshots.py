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
PASSWORD = "waybill-demo"  # noqa: S105 (of the demo, printed on purpose)
WIDTHS = (1440, 390)

# Picture, person, address; "first:" opens the first row of a list.
PAGES = (
    ("login", "", "/admin/login/"),
    ("index", "operator", "/admin/"),
    ("queue", "operator", "/admin/errorqueue/failedrecord/"),
    ("line", "operator", "first:/admin/errorqueue/failedrecord/?q=10403"),
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
    ("tables", "editor", "/admin/mappings/valuetable/"),
    ("table", "editor", "first:/admin/mappings/valuetable/?q=Shipping"),
    ("connections", "admin", "/admin/integrations/connection/"),
    ("connection", "admin", "first:/admin/integrations/connection/?q=NetSuite"),
    ("flows", "admin", "/admin/integrations/flow/"),
    ("flow", "admin", "first:/admin/integrations/flow/?q=Orders"),
    ("slots", "admin", "/admin/integrations/slot/"),
    ("groups", "admin", "/admin/integrations/workergroup/?tab=all"),
    ("schedules", "admin", "/admin/integrations/schedule/"),
    ("schedule", "admin", "first:/admin/integrations/schedule/?q=old"),
    ("links", "admin", "/admin/integrations/link/"),
    ("alerts", "auditor", "/admin/errorqueue/alert/"),
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
        go(page, arguments.address, address)
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


def go(page: Page, base: str, address: str) -> None:
    """Open an address, and from a list its first row."""
    way, _, path = address.rpartition(":")
    page.goto(base + path)
    if way:
        page.locator("#result_list tbody th a, #result_list tbody td a").first.click()
        page.wait_for_load_state("load")
    if way == "edit":
        page.goto(page.url.split("change/")[0] + "edit/")
    if way == "preview":
        page.get_by_role("link", name="Preview").first.click()
        page.wait_for_load_state("load")


def keep(page: Page, name: str, arguments: argparse.Namespace) -> None:
    if arguments.whole:
        page.screenshot(path=arguments.folder / f"{name}.png", full_page=True)
    else:
        path = arguments.folder / f"{name}.jpg"
        page.screenshot(path=path, type="jpeg", quality=55)


if __name__ == "__main__":
    main()
