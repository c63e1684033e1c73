"""A real browser, where one is installed."""

import shutil

import pytest

from tests.flows.conftest import demo, drain, keys, let_pass, netsuite, shopify, vendors
from tests.flows.test_orders import post_order

__all__ = [
    "demo",
    "drain",
    "keys",
    "let_pass",
    "netsuite",
    "post_order",
    "shopify",
    "vendors",
]

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    yield page
    context.close()
