import pytest
from django.test import Client

from errorqueue import alerts
from errorqueue.models import Action, FailedRecord
from tests.errorqueue.pages import ACTIONS, ALERTS, LIST, page_of, text_of

Status = FailedRecord.Status


def bulk(client, action, line, **more):
    data = {"action": action, "index": 0, "_selected_action": [line.pk], **more}
    return client.post(LIST, data)


def status_of(line) -> str:
    return FailedRecord.objects.get(pk=line.pk).status


def test_without_the_right_to_view_nothing_is_shown(make_person, browser_of, make_line):
    line = make_line()
    stranger = browser_of(make_person("stan", "retry", "exclude"))
    for address in (LIST, page_of(line, "change/"), page_of(line, "status/")):
        assert stranger.get(address).status_code == 403
    assert stranger.post(page_of(line, "retry/")).status_code == 403
    assert status_of(line) == Status.FAILED


def test_who_may_only_view_has_no_buttons(auditor, make_line):
    line = make_line()
    for address in (LIST, page_of(line, "change/")):
        shown = text_of(auditor.get(address))
        assert "has a postcode" in shown
        for button in ("Retry now", "Retry selected", "Exclude", "Edit and retry"):
            assert button not in shown.replace("Excluded", "")


def test_who_may_only_view_cannot_post_past_the_missing_buttons(auditor, make_line):
    line = make_line()
    assert auditor.post(page_of(line, "retry/")).status_code == 403
    assert auditor.get(page_of(line, "exclude/")).status_code == 403
    answer = auditor.post(page_of(line, "exclude/"), {"reason": "because"})
    assert answer.status_code == 403
    bulk(auditor, "retry_selected", line)
    bulk(auditor, "exclude_selected", line, confirmed="yes", reason="because")
    assert status_of(line) == Status.FAILED
    assert not Action.objects.exists()


def test_retry_and_exclude_are_separate_rights(make_person, browser_of, make_line):
    line = make_line()
    retrier = browser_of(make_person("rita", "view", "retry"))
    assert retrier.post(page_of(line, "exclude/"), {"reason": "x"}).status_code == 403
    assert retrier.post(page_of(line, "retry/")).status_code == 302
    excluder = browser_of(make_person("eva", "view", "exclude"))
    assert excluder.post(page_of(line, "retry/")).status_code == 403
    assert excluder.post(page_of(line, "exclude/"), {"reason": "x"}).status_code == 302


def test_edit_is_offered_only_with_its_right(make_person, browser_of, make_line):
    line = make_line()
    retrier = browser_of(make_person("rita", "view", "retry"))
    blind = browser_of(make_person("bert", "view", "retry", "edit"))
    editor = browser_of(make_person("edith", "view", "retry", "edit", "see_payload"))
    address, target = page_of(line, "change/"), line.subject.edit_url()
    assert target not in retrier.get(address).content.decode()
    assert target not in blind.get(address).content.decode()
    assert blind.get(target).status_code == 403
    assert target in editor.get(address).content.decode()


@pytest.mark.parametrize("page", ["change/", "exclude/", "status/", "history/"])
def test_reading_never_changes_anything(operator, make_line, page):
    line = make_line()
    before = FailedRecord.objects.values().get()
    operator.get(page_of(line, page))
    operator.get(page_of(line, page), {"reason": "x", "confirmed": "yes"})
    assert FailedRecord.objects.values().get() == before


def test_retry_by_get_is_refused(operator, make_line):
    line = make_line()
    assert operator.get(page_of(line, "retry/")).status_code == 405
    assert operator.head(page_of(line, "retry/")).status_code == 405
    assert status_of(line) == Status.FAILED


def test_a_post_without_the_forms_token_is_refused(olga, browser_of, make_line):
    line = make_line()
    client = browser_of(olga, enforce_csrf_checks=True)
    assert client.post(page_of(line, "retry/")).status_code == 403
    assert client.post(page_of(line, "exclude/"), {"reason": "x"}).status_code == 403
    assert status_of(line) == Status.FAILED


def test_strangers_are_sent_to_the_log_in(make_line):
    line = make_line()
    for page in ("change/", "exclude/"):
        assert "/admin/login/" in Client().get(page_of(line, page)).url
    assert "/admin/login/" in Client().post(page_of(line, "retry/")).url
    assert Client().get(page_of(line, "status/")).status_code == 403
    assert status_of(line) == Status.FAILED


def test_f90_nobody_adds_edits_or_deletes_what_machines_wrote(admin_client, make_line):
    line = make_line()
    alerts.raise_alert("a", "Title", "Text")
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert (
        admin_client.post(page_of(line, "delete/"), {"post": "yes"}).status_code == 403
    )
    answer = admin_client.post(page_of(line, "change/"), {"what": "nothing"})
    assert answer.status_code == 405
    for section in (ACTIONS, ALERTS):
        assert admin_client.get(f"{section}add/").status_code == 403
        assert admin_client.post(
            f"{section}1/delete/", {"post": "yes"}
        ).status_code in (
            302,
            403,
        )
    assert FailedRecord.objects.get().what == line.what


def test_f91_a_right_taken_away_counts_from_the_next_click(olga, operator, make_line):
    line = make_line()
    olga.user_permissions.clear()
    assert operator.post(page_of(line, "retry/")).status_code == 403
    assert status_of(line) == Status.FAILED


def test_alerts_and_actions_are_lists_to_read(admin_client, make_line, admin_user):
    from errorqueue import services

    services.exclude(make_line(), admin_user, "test order of the shop team")
    alerts.raise_alert("a", "NetSuite refuses our log-in", "Text")
    alerts.raise_alert("b", "Over already", "Text")
    alerts.close_alert("b")
    shown = text_of(admin_client.get(ALERTS))
    assert "NetSuite refuses our log-in" in shown and "Nobody yet" in shown
    assert "Over already" not in shown
    assert "Over already" in text_of(admin_client.get(f"{ALERTS}?tab=closed"))
    assert "test order of the shop team" in text_of(admin_client.get(ACTIONS))
