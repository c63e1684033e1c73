"""An operator's morning: find the order, read the remedy, mend it, one click."""

import threading

import pytest
import requests
from django.contrib.auth.models import Group, User

from integrations.management.commands.simulators import serve
from integrations.models import SyncRecord

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def operator(demo):
    user = User.objects.create_user(
        "olga", password="a long pass phrase", is_staff=True
    )
    user.groups.add(Group.objects.get(name="Operators"))
    return user


@pytest.fixture
def netsuite_page(netsuite):
    """The simulated NetSuite on a port of its own, for a person's browser."""
    server = serve(netsuite, 0)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def worker(demo, drain):
    """A worker beside the browser, as in production, until the test ends."""
    from django.db import connections

    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            drain()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_an_operator_mends_an_unknown_sku_and_sees_it_delivered(
    operator, netsuite_page, post_order, drain, worker, live_server, page
):
    post_order(number=3001, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    wait_for(lambda: SyncRecord.objects.filter(label="#3001", state="failed"))

    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", "olga")
    page.fill("#id_password", "a long pass phrase")
    page.click("[type=submit]")
    page.goto(f"{live_server.url}/admin/errorqueue/failedrecord/?q=3001")
    row = page.locator("#result_list tbody tr", has_text="HAMMOCK-XL")
    assert row.count() == 1
    row.locator("a").first.click()
    assert "HAMMOCK-XL" in page.locator(".answer").first.inner_text()
    assert "Add the item" in page.inner_text("main, #content")

    page.goto(netsuite_page)
    form = page.locator("form[action='/ui/items']")
    form.locator("[name=sku]").fill("HAMMOCK-XL")
    form.locator("[name=name]").fill("Hammock XL")
    form.get_by_role("button").click()
    assert requests.get(netsuite_page, timeout=5).text.count("HAMMOCK-XL")

    page.goto(f"{live_server.url}/admin/errorqueue/failedrecord/?q=3001")
    page.locator("#result_list tbody tr", has_text="HAMMOCK-XL").get_by_role(
        "button", name="Retry now"
    ).click()
    wait_for(lambda: SyncRecord.objects.filter(label="#3001", state="delivered"))
    page.goto(f"{live_server.url}/admin/integrations/syncrecord/?q=%233001")
    assert "Delivered" in page.inner_text("#result_list")


def wait_for(condition, seconds: float = 60) -> None:
    import time

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")
