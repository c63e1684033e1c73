"""Long lists stay quick: bounded counts, bounded pages, no scan for a facet."""

import pytest
from django.contrib import admin

from errorqueue.admin import paging
from errorqueue.admin.paging import BoundedPaginator, counted, number
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
    monkeypatch.setattr(BoundedPaginator, "found", 10_001)
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
