import re
from importlib import import_module

import pytest
from django.contrib.messages import get_messages

from errorqueue import bulk, services
from errorqueue.admin import failed
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord
from integrations.models import SyncRecord
from tests.errorqueue.pages import LIST, page_of, rows_of, text_of

Status = FailedRecord.Status
PLAN = "/admin/errorqueue/bulkrun/plan/"


@pytest.fixture
def boss(make_person, browser_of):
    """Somebody who may do everything to the queue."""
    rights = ("view", "retry", "edit", "exclude", "resolve", "assign", "bulk")
    return browser_of(make_person("bea", *rights))


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def statuses() -> list[str]:
    return list(FailedRecord.objects.order_by("pk").values_list("status", flat=True))


def press(client, lines, **more):
    """Press "Retry selected" with these rows ticked."""
    data = {
        "action": "retry_selected",
        "index": 0,
        "_selected_action": [line.pk for line in lines],
        **more,
    }
    return client.post(LIST, data)


def test_the_row_button_queues_and_returns_to_the_same_list(operator, make_line):
    line = make_line()
    page = operator.get(f"{LIST}?q=acme&tab=unassigned").content.decode()
    address = (
        f"{page_of(line, 'retry/')}?_changelist_filters=q%3Dacme%26tab%3Dunassigned"
    )
    assert f'formaction="{address}"' in page
    answer = operator.post(address, {"back": "list"})
    assert answer.url == f"{LIST}?q=acme&tab=unassigned"
    assert said(answer) == [f"ERR-{line.pk} is queued."]
    assert statuses() == [Status.RETRYING]


def test_the_button_on_the_page_returns_to_the_page(operator, make_line):
    line = make_line()
    answer = operator.post(page_of(line, "retry/"))
    assert answer.url == f"/admin/errorqueue/failedrecord/{line.pk}/change/"


def test_f86_a_late_click_is_told_who_was_first(operator, make_line, make_person):
    line = make_line()
    services.retry(line, by=make_person("otto"))
    answer = operator.post(page_of(line, "retry/"))
    assert said(answer) == [f"otto queued ERR-{line.pk} a moment ago."]
    assert line.actions.count() == 1


def test_retry_selected_counts_what_it_did_and_what_it_skipped(operator, make_line):
    lines = [make_line() for _ in range(4)]
    services.resolve(lines[3].subject, "Delivered.")
    url = f"{LIST}?tab=all"
    answer = operator.post(
        url,
        {
            "action": "retry_selected",
            "index": 0,
            "_selected_action": [line.pk for line in lines],
        },
    )
    assert answer.url == url
    assert said(answer) == ["Queued 3, skipped 1 that were settled meanwhile."]


def test_the_buttons_of_a_selection_lead_to_the_plan(boss, make_line):
    make_line()
    page = boss.get(f"{LIST}?q=kind:data&o=money").content.decode()
    assert (
        '<input type="hidden" name="query" value="q=kind%3Adata&amp;o=money">' in page
    )
    for verb in ("assign", "snooze", "tag", "preflight", "resolve", "exclude"):
        button = rf'formaction="{PLAN}"\s+name="verb"\s+value="{verb}"'
        assert re.search(button, page), verb


def test_the_plan_knows_what_the_list_means(boss, make_line):
    lines = [make_line(), make_line(kind=FailureKind.MAPPING)]
    told = {"verb": "exclude", "query": "q=kind:mapping", "select_across": "1"}
    shown = text_of(boss.post(PLAN, {**told, "_selected_action": lines[1].pk}))
    assert "Exclude 1 record" in shown
    assert statuses() == [Status.FAILED] * 2


def test_who_may_not_run_bulk_work_has_no_such_buttons(operator, make_line):
    make_line()
    page = operator.get(LIST).content.decode()
    assert 'data-key="r"' in page and PLAN not in page


def test_a_row_is_retried_without_leaving_the_page(operator, make_line, olga):
    line = make_line()
    answer = operator.post(f"{LIST}quick-retry/", {"ids": line.pk}).json()
    assert answer["said"] == f"ERR-{line.pk} is queued."
    assert answer["undo"] == [line.actions.get().pk]
    assert answer["rows"][str(line.pk)]["is_moving"] is True
    again = operator.post(f"{LIST}quick-retry/", {"ids": line.pk}).json()
    assert again["said"] == f"olga queued ERR-{line.pk} a moment ago."
    assert line.actions.count() == 1


def test_ticked_rows_are_retried_without_leaving_the_page(operator, make_line):
    lines = [make_line() for _ in range(3)]
    services.resolve(lines[2].subject, "Delivered.")
    ids = ",".join(str(line.pk) for line in lines)
    answer = operator.post(f"{LIST}quick-retry/", {"ids": ids}).json()
    assert answer["said"] == "Queued 2, skipped 1 that were settled meanwhile."
    assert statuses() == [Status.RETRYING, Status.RETRYING, Status.RESOLVED]


def test_ticked_rows_are_taken_back_together_and_what_has_begun_is_named(
    operator, make_line
):
    lines = [make_line() for _ in range(3)]
    ids = ",".join(str(line.pk) for line in lines)
    steps = operator.post(f"{LIST}quick-retry/", {"ids": ids}).json()["undo"]
    assert len(steps) == 3
    SyncRecord.objects.filter(pk=lines[1].object_id).update(state="running")
    actions = ",".join(map(str, steps))
    answer = operator.post(f"{LIST}quick-undo/", {"actions": actions}).json()
    assert answer["said"] == (
        "Took back 2. 1 not taken back: It has begun or moved on meanwhile: it stays as "
        "it is."
    )
    assert set(answer["rows"]) == {str(lines[0].pk), str(lines[2].pk)}
    assert statuses() == [Status.FAILED, Status.RETRYING, Status.FAILED]


def test_nobody_takes_back_the_steps_of_another(operator, auditor, make_line):
    line = make_line()
    steps = operator.post(f"{LIST}quick-retry/", {"ids": line.pk}).json()["undo"]
    answer = auditor.post(f"{LIST}quick-undo/", {"actions": steps[0]}).json()
    assert (answer["said"], answer["level"]) == ("Took back 0.", "warning")
    assert statuses() == [Status.RETRYING]
    assert operator.get(f"{LIST}quick-undo/").status_code == 405


def test_a_retry_without_leaving_the_page_takes_the_same_right(auditor, make_line):
    line = make_line()
    answer = auditor.post(f"{LIST}quick-retry/", {"ids": line.pk})
    assert answer.status_code == 403
    assert auditor.get(f"{LIST}quick-retry/").status_code == 405
    assert statuses() == [Status.FAILED]


def test_e_leads_to_the_editor_of_the_record(operator, auditor, make_line):
    line = make_line()
    assert operator.get(page_of(line, "edit/")).url == line.subject.edit_url()
    assert auditor.get(page_of(line, "edit/")).status_code == 403
    services.resolve(line.subject, "Delivered.")
    answer = operator.get(page_of(line, "edit/"))
    assert answer.url == page_of(line, "change/")
    assert said(answer) == [f"ERR-{line.pk} has nothing that could be edited here."]


def test_one_record_is_excluded_from_its_own_page(operator, make_line):
    line = make_line()
    address = page_of(line, "exclude/")
    assert "Exclude from the queue" in text_of(operator.get(address))
    assert statuses() == [Status.FAILED]
    answer = operator.post(address, {"reason": "test order"})
    assert said(answer) == [f"ERR-{line.pk} is excluded."]
    assert FailedRecord.objects.get().settled_how == "Excluded: test order"


def test_f87_retry_of_very_many_asks_the_plan_first(boss, make_line, monkeypatch):
    monkeypatch.setattr(failed, "MOST_UNASKED", 3)
    lines = [make_line() for _ in range(6)]
    for more in ({"select_across": "1"}, {}):
        answer = press(boss, lines, query="q=kind:data", **more)
        assert (answer.status_code, answer.headers["Location"]) == (307, PLAN)
    assert statuses() == [Status.FAILED] * 6
    told = {"query": "q=kind:data", "select_across": "1", "index": "0"}
    assert "6 records" in text_of(boss.post(PLAN, told))


def test_one_request_does_a_bounded_number_and_names_the_rest(make_line, monkeypatch):
    monkeypatch.setattr(import_module("errorqueue.bulk.each"), "MOST_AT_ONCE", 2)
    oldest = [make_line(minutes=minutes) for minutes in (900, 800, 5)]
    counted = bulk.each(FailedRecord.objects.all(), services.retry)
    assert counted.sentence("Queued") == (
        "Queued 2. 1 more match: run it again for those."
    )
    oldest[2].refresh_from_db()
    assert oldest[2].status == Status.FAILED


def test_a_bulk_action_loads_subjects_by_the_batch(
    make_line, monkeypatch, django_assert_max_num_queries
):
    for _ in range(30):
        make_line()
    with django_assert_max_num_queries(5):
        seen = []
        counted = bulk.each(
            FailedRecord.objects.all(), lambda line: seen.append(line.subject)
        )
    assert counted.done == len(seen) == 30


def test_nothing_selected_changes_nothing(operator, make_line):
    make_line()
    press(operator, [])
    assert statuses() == [Status.FAILED]


def test_the_selection_stays_inside_the_chosen_filter(operator, make_line):
    line = make_line()
    data = {"action": "retry_selected", "index": 0, "_selected_action": [line.pk]}
    operator.post(f"{LIST}?tab=excluded", data)
    assert statuses() == [Status.FAILED]
    assert rows_of(operator.get(LIST)) == [line.pk]
