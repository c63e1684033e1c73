"""Whoever leaves a draft with unsaved changes is asked first."""

import pytest

from tests.browser.test_studio_grid import box, draft, open_draft, people, row, save

__all__ = ["draft", "people"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_unsaved_changes_are_not_left_in_silence(page, live_server, draft):
    asked = []

    def stay(dialog):
        asked.append(dialog.type)
        dialog.dismiss()

    open_draft(page, live_server, draft, "emma")
    page.get_by_role("link", name="Effect report").click()
    page.wait_for_url("**/effect/**")
    page.go_back()

    page.on("dialog", stay)
    line = row(page, "otherRefNum")
    line.locator("summary").click()
    box(line, "note").fill("Asked by finance")
    page.get_by_role("link", name="Effect report").click()
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    assert "/mappingversion/" in page.url

    save(page)
    assert asked == ["beforeunload"]
    assert draft.rows.get(target="otherRefNum").note == "Asked by finance"
    page.get_by_role("link", name="Effect report").click()
    page.wait_for_url("**/effect/**")
    assert asked == ["beforeunload"]
