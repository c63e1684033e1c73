"""Long lists stay quick: bounded counts, bounded pages, no scan for a facet."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from errorqueue import services
from errorqueue.admin import filters, paging
from errorqueue.admin.listing import QueuePages
from errorqueue.admin.paging import BoundedPaginator, counted, number
from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from tests.errorqueue.pages import LIST, rows_of, text_of


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(paging, "MOST_COUNTED", 3)


@pytest.fixture
def five(make_line):
    return [make_line() for _ in range(5)]


def test_a_count_stops_one_past_the_bound(five, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        assert counted(FailedRecord.objects.all(), most=3) == 4
    assert "LIMIT 4" in captured[0]["sql"]
    assert number(4, most=3) == "3+"
    assert number(12_345, most=20_000) == "12,345"


def test_pages_end_where_counting_ends(five, few):
    pages = BoundedPaginator(FailedRecord.objects.order_by("-pk"), 2)
    assert pages.num_pages == 2
    assert pages.is_cut
    assert len(pages.page(2)) == 1


def test_a_short_list_is_counted_and_paged_in_full(five):
    pages = BoundedPaginator(FailedRecord.objects.order_by("-pk"), 2)
    assert (pages.count, pages.num_pages, pages.is_cut) == (5, 3, False)


def test_the_list_says_that_it_is_longer_than_its_pages(operator, five, monkeypatch):
    monkeypatch.setattr(QueuePages, "found", 10_001)
    page = operator.get(LIST)
    assert len(rows_of(page)) == 5
    assert "10,000+ failed records" in text_of(page)
    assert "Search or filter to reach the rest" in text_of(page)


@pytest.mark.parametrize("name", ["syncrecord", "attempt", "inboxevent"])
def test_lists_that_grow_for_ever_sort_and_count_nothing_without_an_index(name):
    [page] = [
        page
        for model, page in admin.site._registry.items()
        if model._meta.model_name == name
    ]
    assert page.paginator is BoundedPaginator
    assert page.show_facets is admin.ShowFacets.NEVER
    assert page.date_hierarchy is None
    assert list(page.sortable_by) == []
    assert list(page.ordering) == ["-pk"]


@pytest.fixture
def many(make_line, olga):
    """Six lines on a list that counts to three: two are snoozed, two are settled."""
    lines = [make_line() for _ in range(6)]
    later = database_time() + timedelta(days=1)
    FailedRecord.objects.filter(pk__in=[lines[0].pk, lines[1].pk]).update(
        snoozed_until=later, assignee=olga
    )
    for line in lines[2:4]:
        services.resolve(line.subject, "Delivered.")
    return lines


def told_by(client, query) -> dict[str, str]:
    return client.get(f"{LIST}live/?counts=1&{query}").json()["counts"]


def test_a_search_that_finds_few_is_counted_exactly(operator, many):
    found = told_by(operator, "q=sku:tent")
    assert (found["open"], found["snoozed"], found["resolved"]) == ("2", "2", "2")
    assert (found["mine"], found["unassigned"], found["all"]) == ("0", "2", "6")


def test_a_search_that_finds_many_says_that_there_may_be_more(operator, many, few):
    found = told_by(operator, "q=sku:tent")
    assert found["open"] == found["all"] == "3+"
    assert found["snoozed"] == "2"  # few lines are snoozed: each one was looked at
    assert found["unassigned"].endswith("+")


def test_what_no_index_counts_is_counted_among_the_newest(operator, many, monkeypatch):
    monkeypatch.setattr(filters, "NEAR", 3)
    found = told_by(operator, "q=kind:data")
    assert (found["open"], found["snoozed"]) == ("2", "2")
    assert (found["resolved"], found["all"]) == ("1+", "3+")


@pytest.mark.parametrize(
    "query", ["", "q=sku:tent", "q=kind:data", "tab=mine", "o=due"]
)
def test_the_list_asks_as_much_for_few_as_for_many(operator, make_line, query):
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert operator.get(f"{LIST}?{query}").status_code == 200
        return len(asked)

    make_line(waits=True)
    cost()
    before = cost()
    for _ in range(12):
        make_line()
    assert cost() == before <= 26


def test_a_live_page_asks_a_constant_number(operator, make_line):
    def cost(lines) -> int:
        ids = ",".join(str(line.pk) for line in lines)
        with CaptureQueriesContext(connection) as asked:
            operator.get(f"{LIST}live/?counts=1&ids={ids}")
        return len(asked)

    lines = [make_line(waits=True) for _ in range(12)]
    cost(lines[:1])
    assert cost(lines[:1]) == cost(lines) <= 22
