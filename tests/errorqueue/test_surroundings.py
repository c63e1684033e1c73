from datetime import timedelta

import pytest

from errorqueue import services
from errorqueue.admin import surroundings
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord
from tests.errorqueue.conftest import failure
from tests.errorqueue.pages import page_of, text_of


def test_the_time_line_says_the_policy(operator, make_line, bench):
    line = make_line(FailureKind.TEMPORARY, waits=True)
    shown = text_of(operator.get(page_of(line, "change/")))
    at = surroundings.clock(line.next_try_at)
    assert f"Next try {at}, 3 of 10 made, then it needs a person." in shown
    steps = surroundings.time_line(line, [])
    assert [step.tone for step in steps] == ["done"] * 3 + ["next"] + ["later"] * 6


def test_a_line_that_needs_a_person_has_no_time_line(operator, make_line, bench):
    shown = text_of(operator.get(page_of(make_line(), "change/")))
    assert "Next try" not in shown


def test_a_time_of_another_day_names_the_day(db):
    tomorrow = database_time() + timedelta(days=1)
    assert len(surroundings.clock(tomorrow).split()) == 3


def test_who_blocks_and_who_waits_is_said_on_both_sides(operator, make_line, bench):
    head = make_line(label="#1001")
    behind = [make_line(minutes=minutes) for minutes in (30, 20, 10)]
    FailedRecord.objects.filter(pk__in=[line.pk for line in behind]).update(
        blocked_by=head, status=FailedRecord.Status.BLOCKED
    )
    page = operator.get(page_of(behind[0], "change/"))
    assert f"Blocked by ERR-{head.pk} (3 behind it): Order #1001" in text_of(page)
    assert f'href="{page_of(head, "change/")}"' in page.content.decode()
    page = operator.get(page_of(head, "change/"))
    ids = " , ".join(f"ERR-{line.pk}" for line in behind)
    assert f"3 behind it, waiting for this one: {ids}" in text_of(page)
    services.exclude(behind[0], None, "test")
    assert "2 behind it" in text_of(operator.get(page_of(head, "change/")))


def test_the_cause_is_named_with_its_siblings(operator, make_line, bench):
    line, *_ = [make_line() for _ in range(4)]
    page = operator.get(page_of(line, "change/"))
    shown = text_of(page)
    assert f"CAUSE-{line.cause_id} · 3 others open with this cause" in shown
    assert f"?q=cause:{line.cause_id}" in page.content.decode()


def test_very_many_siblings_are_not_counted_one_by_one(
    operator, make_line, bench, monkeypatch
):
    monkeypatch.setattr(surroundings, "MOST_COUNTED", 2)
    line, *_ = [make_line() for _ in range(4)]
    shown = text_of(operator.get(page_of(line, "change/")))
    assert "over 2 others open with this cause" in shown


def test_the_first_error_is_pinned_when_it_was_another_one(operator, make_line, bench):
    line = make_line()
    assert "First error" not in text_of(operator.get(page_of(line, "change/")))
    later = failure(what="has an unknown ship method", why="No such method.")
    services.capture(line.subject, line.subject.labels(), later)
    shown = text_of(operator.get(page_of(line, "change/")))
    assert "First error" in shown
    assert "has a postcode that is too long NetSuite takes 36 characters." in shown
    assert "Why No such method." in shown


@pytest.mark.parametrize("many", [1, 12])
def test_the_page_costs_a_constant_number_of_queries(
    operator, make_line, bench, add_try, cost_of, many, olga
):
    line = with_history(make_line, add_try, olga, many)
    assert cost_of(page_of(line, "change/")) <= MOST_QUERIES


def test_the_real_workbench_asks_the_same_whatever_the_history(
    operator, make_line, add_try, cost_of, olga
):
    few = with_history(make_line, add_try, olga, 1)
    many = with_history(make_line, add_try, olga, 12)
    cost = cost_of(page_of(few, "change/"))
    assert cost_of(page_of(many, "change/")) == cost <= MOST_QUERIES + 12


def with_history(make_line, add_try, person, many):
    """A line that waits for another one, with tries, comments and lines behind it."""
    line, head = make_line(), make_line()
    FailedRecord.objects.filter(pk=line.pk).update(blocked_by=head)
    for number in range(1, many + 1):
        add_try(line, number)
        services.note(line, "comment", person, "hm")
        FailedRecord.objects.filter(pk=make_line().pk).update(blocked_by=line)
    return line


# Whatever a line has: session, person and rights, the line, its parts.
# Three of them ask which fields a mapping marks as not for every eye.
MOST_QUERIES = 22
