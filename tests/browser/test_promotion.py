"""From sandbox to production in a real browser; and what became of a sandbox."""

import os

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from integrations.models import Drift, Promotion, Refresh
from integrations.studio import coverage, drift, promotion, resolving
from integrations.sync import accounts
from mappings import services
from mappings.models import MappingDocument, MappingVersion
from tests.browser.test_queue import log_in
from tests.integrations.environments import books, live, order_document, production

__all__ = ["books", "live", "order_document", "production"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

State = MappingVersion.State
SHOTS = os.environ.get("WAYBILL_SHOTS", "")


@pytest.fixture
def mara(demo) -> User:
    person = User.objects.create_user("mara", is_staff=True)
    for name in ("Mapping editors", "Integration admins"):
        person.groups.add(Group.objects.get(name=name))
    return person


def publish(draft: MappingVersion) -> MappingVersion:
    """Let a draft be live, as it is once the signatures are there."""
    draft.document.versions.filter(state=State.PUBLISHED).update(state=State.RETIRED)
    MappingVersion.objects.filter(pk=draft.pk).update(state=State.PUBLISHED)
    return MappingVersion.objects.get(pk=draft.pk)


def changed(document: MappingDocument, by: User, note: str) -> MappingVersion:
    draft = services.new_draft(document, by)
    draft.rows.filter(target="memo").update(note=note)
    draft.rows.filter(target="otherRefNum").update(note=f"{note} too")
    return publish(draft)


def shoot(page, name: str) -> None:
    """Keep a picture for people who look at the pages; nothing without a folder."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_a_document_goes_to_production_and_a_conflict_is_chosen(
    order_document, live, mara, page, live_server, drain
):
    log_in(page, live_server, mara)
    source = order_document.published()
    page.goto(f"{live_server.url}/admin/mappings/mappingversion/{source.pk}/change/")
    page.get_by_role("link", name="Promote to production").click()
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Taken from the sandbox")).to_be_visible()
    page.get_by_role("button", name="Promote to a draft").click()
    expect(page.get_by_text("is being asked")).to_be_visible()
    drain()
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("row", name="term by name: Net 30")).to_contain_text(
        "Missing there"
    )
    shoot(page, "promotion-made")
    twin = MappingDocument.objects.get(origin=order_document)
    assert twin.published() is None
    publish(twin.draft())

    changed(twin, mara, "production's")
    source = changed(order_document, mara, "sandbox's")
    page.goto(f"{live_server.url}/admin/integrations/promote/{source.pk}/")
    conflict = page.get_by_role("group", name="Row memo")
    expect(conflict.get_by_role("row", name="note")).to_contain_text("production's")
    shoot(page, "promote-conflict")
    conflict.get_by_label("Take the sandbox’s").check()
    page.get_by_role("group", name="Row otherRefNum").get_by_label(
        "Keep production’s"
    ).check()
    page.get_by_role("button", name="Promote to a draft").click()
    expect(page.get_by_text("Nothing is live")).to_be_visible()
    notes = dict(twin.draft().rows.exclude(note="").values_list("target", "note"))
    assert notes["memo"] == "sandbox's"
    assert notes["otherRefNum"] == "production's too"
    page.get_by_role("button", name="Revert this promotion").click()
    expect(page.get_by_text("production never changed")).to_be_visible()
    assert twin.draft() is None and twin.published().number == 2


def test_a_refreshed_sandbox_is_led_back_into_use(
    post_order, drain, books, netsuite, keys, mara, page, live_server
):
    post_order(number=1)
    drain()
    resolving.collect()
    drain()
    log_in(page, live_server, mara)
    page.goto(f"{live_server.url}/admin/integrations/connection/{books.pk}/change/")
    page.get_by_role("link", name="Sandbox was refreshed").click()
    shoot(page, "refresh-start")
    page.get_by_label("to confirm").fill(books.name)
    page.get_by_role("button", name="Sandbox was refreshed").click()
    expect(page.get_by_text("Credentials needed").first).to_be_visible()
    netsuite.refresh_sandbox()
    netsuite.add_certificate("client", "fresh", keys.DEMO_NETSUITE_CERTIFICATE)
    accounts.set_credential(books, "client_id", "client", mara)
    accounts.set_credential(books, "certificate_id", "fresh", mara)
    page.get_by_role("button", name="Check connection").click()
    expect(page.get_by_role("heading", name="works")).to_be_visible()
    drain()
    refresh = Refresh.objects.get()
    page.goto(f"{live_server.url}/admin/integrations/refresh/{refresh.pk}/change/")
    expect(page.get_by_text("None: everything has the id it had.")).to_be_visible()
    shoot(page, "refresh-done")


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_wider_than_the_screen(
    post_order, drain, live, books, order_document, mara, browser, live_server, width
):
    post_order(number=1)
    drain()
    source = order_document.published()
    twin = promotion.new_production(order_document, "Orders live", "orders-live", mara)
    made = promotion.promote(promotion.plan(source, twin), live, {}, mara)
    publish(made.made)
    changed(twin, mara, "production's")
    source = changed(order_document, mara, "sandbox's")
    resolving.collect()
    coverage.ask(source, mara)
    drift.look()
    Drift.objects.create(
        connection=books,
        record_type="salesOrder",
        field="memo",
        kind="shorter",
        was="999 characters",
        now="100 characters",
        documents=[["shopify-order", "memo"]],
        found_at=made.at,
    )
    drain()
    refresh = Refresh.objects.create(
        connection=books,
        at=made.at,
        by=mara,
        drift=[
            ["shipItem", "name", "Express", "12", "27"],
            ["item", "sku", "X", "1", ""],
        ],
        resolved_at=made.at,
    )
    assert Promotion.objects.count() == 1
    # Without a script all of it is there: the pages use none.
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 844}
    )
    page = context.new_page()
    log_in(page, live_server, mara)
    for name, path in {
        "promote": f"promote/{source.pk}/",
        "made": f"promotion/{made.pk}/change/",
        "promotions": "promotion/",
        "start": f"refreshed/{books.pk}/",
        "refresh": f"refresh/{refresh.pk}/change/",
        "names": "namedlookup/",
        "drift": "drift/",
        "coverage": f"coverage/{order_document.pk}/",
    }.items():
        page.goto(f"{live_server.url}/admin/integrations/{path}")
        shoot(page, f"{name}-{width}")
        assert page.locator("h1").count() == 1, path
        wide = page.locator("html").bounding_box()["width"]
        inside = page.locator("#content").bounding_box()["width"]
        assert wide <= width and inside <= width, path
    context.close()
