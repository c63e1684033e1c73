"""An editor sends, a signer signs, the version goes live, the next order uses it."""

import os

import pytest
from django.contrib.auth.models import Group, User

from integrations.models import Connection, EffectReport, Flow, SyncRecord
from mappings import services
from mappings.models import MappingDocument, MappingVersion, Scenario
from tests.browser.test_operator import wait_for, worker
from tests.mappings.lines import play

__all__ = ["worker"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHRASE = "a long pass phrase"
SHOTS = os.environ.get("WAYBILL_SHOTS", "")


@pytest.fixture
def erin(demo):
    return member("erin", "Mapping editors")


@pytest.fixture
def sam(demo):
    return member("sam", "Signers")


def member(name: str, group: str) -> User:
    user = User.objects.create_user(name, password=PHRASE, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


@pytest.fixture
def draft(erin):
    """A draft of the orders' document, which is one of production."""
    flow = Flow.objects.get(slug="shopify-orders")
    Connection.objects.filter(pk=flow.target_id).update(environment="production")
    into = Flow.objects.filter(target=flow.target).values("mapping")
    MappingDocument.objects.filter(pk__in=into).update(environment="production")
    made = services.new_draft(MappingDocument.objects.get(pk=flow.mapping_id), erin)
    made.rows.filter(target="otherRefNum").update(
        kind="template", template="Web {name}", source="", transforms=[]
    )
    return made


def enter(browser, live_server, name: str):
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", PHRASE)
    page.click("[type=submit]")
    return page


def shoot(page, name: str) -> None:
    """Keep pictures of both widths for a person who asks for them."""
    if SHOTS:
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1440, "height": 900})


def fits(page) -> bool:
    page.set_viewport_size({"width": 390, "height": 844})
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1440, "height": 900})
    return bool(width <= 390)


def test_from_draft_to_live_with_two_people(
    draft, sam, post_order, drain, netsuite, worker, live_server, browser
):
    post_order(number=1)
    wait_for(lambda: SyncRecord.objects.filter(label="#1", state="delivered"))
    address = f"{live_server.url}/admin/mappings/mappingversion/{draft.pk}/change/"

    editor = enter(browser, live_server, "erin")
    editor.goto(address)
    editor.get_by_role("link", name="Effect report").click()
    editor.get_by_role("button", name="Run it").click()
    wait_for(lambda: EffectReport.objects.filter(state="done"))
    editor.get_by_text("Changed, by field").wait_for(timeout=20_000)
    shown = editor.inner_text("#content")
    assert "otherRefNum" in shown and "Web #1" in shown
    assert fits(editor)
    shoot(editor, "effect")

    editor.goto(address)
    shoot(editor, "draft")
    editor.get_by_role("button", name="Send for signatures").click()
    assert "Waits for the business signature" in editor.inner_text("#content")
    assert not editor.get_by_role("button", name="Publish").count()
    assert not editor.get_by_role("link", name="Look at it and sign").count()

    sent = MappingVersion.objects.get(pk=draft.pk)
    for scenario in Scenario.objects.filter(is_required=True):
        play(scenario, sent)
    signer = enter(browser, live_server, "sam")
    signer.get_by_text("Sign-offs waiting").first.click()
    shoot(signer, "signoffs")
    signer.get_by_role("link", name=str(sent)).click()
    assert "Web {name}" in signer.inner_text("#content")
    assert fits(signer)
    shoot(signer, "sign")
    signer.get_by_label("Note").fill("Compared with last week's orders.")
    signer.get_by_role("button", name="Sign", exact=True).click()
    signer.get_by_text("You have signed").wait_for()

    editor.goto(address)
    shoot(editor, "signed")
    editor.get_by_role("button", name="Publish", exact=True).click()
    editor.get_by_text("New attempts use it from now on").wait_for()
    shoot(editor, "live")

    post_order(number=2)
    wait_for(lambda: SyncRecord.objects.filter(label="#2", state="delivered"))
    references = {one["otherRefNum"] for one in netsuite.orders.values()}
    assert references == {"#1", "Web #2"}
    editor.goto(
        f"{live_server.url}/admin/mappings/mappingdocument/{sent.document_id}/change/"
    )
    assert "signed by sam" in editor.inner_text("#content")
    assert fits(editor)
    shoot(editor, "document")
    editor.get_by_role("link", name="Roll back").click()
    shoot(editor, "rollback")
    editor.get_by_role("button", name="Roll back to version 1").click()
    editor.get_by_text("Version 1 is back in force").wait_for()
    post_order(number=3)
    wait_for(lambda: SyncRecord.objects.filter(label="#3", state="delivered"))
    references = {one["otherRefNum"] for one in netsuite.orders.values()}
    assert references == {"#1", "Web #2", "#3"}
