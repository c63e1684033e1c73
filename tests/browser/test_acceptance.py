"""A signer opens a version in review, runs the scenarios and reads the evidence."""

import pytest
from django.contrib.auth.models import Group, User

from mappings import signing
from mappings.models import MappingDocument, Scenario, ScenarioRun
from mappings.requirements import lacking
from tests.browser.complaints import complaints
from tests.browser.test_operator import wait_for, worker
from tests.integrations.acceptance_stand import draft_of, sandbox

__all__ = ["sandbox", "worker"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/admin/integrations/acceptance/{}/"


@pytest.fixture
def signer(sandbox):
    user = User.objects.create_user("sina", password="a long phrase", is_staff=True)
    user.groups.add(Group.objects.get(name="Signers"))
    return user


@pytest.fixture
def in_review(sandbox):
    """A version of the customers' mapping that waits for signatures."""
    draft = draft_of("shopify-customer")
    MappingDocument.objects.filter(pk=draft.document_id).update(
        environment="production"
    )
    draft.refresh_from_db()
    return signing.send(draft, None)


@pytest.fixture
def noise(page):
    """What the browser complained about: script errors and refused styles."""
    return complaints(page)


def test_a_signer_runs_the_scenarios_and_sees_the_evidence(
    signer, in_review, worker, live_server, page, noise, netsuite
):
    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", "sina")
    page.fill("#id_password", "a long phrase")
    page.click("[type=submit]")
    page.goto(live_server.url + PAGE.format(in_review.pk))
    assert "0 of 3 required scenarios passed" in page.inner_text("#content-main")
    page.get_by_role("button", name="Run all required").click()
    wait_for(lambda: ScenarioRun.objects.filter(state="passed").count() == 3)
    page.wait_for_selector(".note-good")
    shown = page.inner_text("#content-main")
    assert "3 of 3 required scenarios passed" in shown
    assert "exactly one customer stands at the target" in shown.lower()

    row = page.locator("tr[data-scenario]", has_text="Time-out after commit")
    row.get_by_role("link", name="Evidence").click()
    evidence = page.inner_text("#content-main")
    assert "thrown away on the way back" in evidence
    assert f"content {in_review.digest[:16]}" in evidence
    run = ScenarioRun.objects.get(scenario__key="timeout_after_commit")
    link = page.locator("#content-main a", has_text=run.links[0]["label"])
    with page.expect_popup() as opened:
        link.click()
    assert "Biller" in opened.value.inner_text("body")  # it really stands there
    assert noise == []
    assert not lacking(in_review)


def test_the_pages_fit_a_phone(signer, in_review, live_server, page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", "sina")
    page.fill("#id_password", "a long phrase")
    page.click("[type=submit]")
    page.goto(live_server.url + PAGE.format(in_review.pk))
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    assert Scenario.objects.filter(source_entity="customer").count() == 3
