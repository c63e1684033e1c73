from django.contrib.messages import get_messages

from errorqueue import bulk, services
from errorqueue.admin import failed
from errorqueue.models import FailedRecord
from tests.errorqueue.pages import LIST, page_of, rows_of, text_of

Status = FailedRecord.Status


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def statuses() -> list[str]:
    return list(FailedRecord.objects.order_by("pk").values_list("status", flat=True))


def press(client, action, lines, **more):
    index = ["retry_selected", "exclude_selected"].index(action)
    data = {
        "action": ["retry_selected", "exclude_selected"],
        "index": index,
        "_selected_action": [line.pk for line in lines],
        **more,
    }
    return client.post(LIST, data)


def test_the_row_button_queues_and_returns_to_the_same_list(operator, make_line):
    line = make_line()
    page = operator.get(f"{LIST}?q=acme&tab=person").content.decode()
    address = f"{page_of(line, 'retry/')}?_changelist_filters=q%3Dacme%26tab%3Dperson"
    assert f'formaction="{address}"' in page
    answer = operator.post(address, {"back": "list"})
    assert answer.url == f"{LIST}?q=acme&tab=person"
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


def test_exclude_selected_asks_for_a_reason_first(operator, make_line):
    lines = [make_line(), make_line(amount=None)]
    answer = press(operator, "exclude_selected", lines)
    shown = text_of(answer)
    assert "Records 2 Worth 1,240.00 EUR Kinds 2 Data" in shown
    assert statuses() == [Status.FAILED] * 2
    answer = press(operator, "exclude_selected", lines, confirmed="yes", reason=" ")
    assert "This field is required." in text_of(answer)
    assert statuses() == [Status.FAILED] * 2


def test_the_worth_of_records_is_told_only_where_there_is_one(operator, make_line):
    free = [make_line(amount=0), make_line(amount=0, currency="")]
    assert "Worth" not in text_of(press(operator, "exclude_selected", free))
    pounds = make_line(amount=5, currency="GBP")
    shown = text_of(press(operator, "exclude_selected", [*free, make_line(), pounds]))
    assert "Worth 1,240.00 EUR, 5.00 GBP Kinds" in shown


def test_exclude_selected_keeps_the_reason_with_each_record(operator, make_line, olga):
    lines = [make_line(), make_line()]
    answer = press(
        operator, "exclude_selected", lines, confirmed="yes", reason="test orders"
    )
    assert said(answer) == ["Excluded 2."]
    assert statuses() == [Status.EXCLUDED] * 2
    assert {line.actions.get().reason for line in lines} == {"test orders"}


def test_one_record_is_excluded_from_its_own_page(operator, make_line):
    line = make_line()
    address = page_of(line, "exclude/")
    assert "Exclude from the queue" in text_of(operator.get(address))
    assert statuses() == [Status.FAILED]
    answer = operator.post(address, {"reason": "test order"})
    assert said(answer) == [f"ERR-{line.pk} is excluded."]
    assert FailedRecord.objects.get().settled_how == "Excluded: test order"


def test_f87_retry_of_very_many_shows_count_and_sample_first(
    operator, make_line, monkeypatch
):
    monkeypatch.setattr(failed, "MOST_UNASKED", 3)
    lines = [make_line() for _ in range(6)]
    answer = press(operator, "retry_selected", lines[:1], select_across="1")
    shown = text_of(answer)
    assert "Records 6 Worth 7,440.00 EUR" in shown
    assert "The 5 oldest of 6 are shown." in shown
    assert statuses() == [Status.FAILED] * 6
    hidden = dict(answer.context["hidden"])
    answer = operator.post(LIST, {**hidden, "confirmed": "yes"})
    assert said(answer) == ["Queued 6."]


def test_f87_lines_that_came_after_the_question_are_not_answered(
    operator, make_line, monkeypatch
):
    lines = [make_line() for _ in range(2)]
    answer = press(operator, "exclude_selected", lines[:1], select_across="1")
    later = make_line()
    hidden = dict(answer.context["hidden"])
    operator.post(LIST, {**hidden, "confirmed": "yes", "reason": "test orders"})
    later.refresh_from_db()
    assert later.status == Status.FAILED
    assert statuses() == [Status.EXCLUDED, Status.EXCLUDED, Status.FAILED]


def test_one_request_does_a_bounded_number_and_names_the_rest(make_line, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 2)
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
    press(operator, "retry_selected", [])
    assert statuses() == [Status.FAILED]


def test_the_selection_stays_inside_the_chosen_filter(operator, make_line):
    line = make_line()
    data = {"action": "retry_selected", "index": 0, "_selected_action": [line.pk]}
    operator.post(f"{LIST}?tab=excluded", data)
    assert statuses() == [Status.FAILED]
    assert rows_of(operator.get(LIST)) == [line.pk]
