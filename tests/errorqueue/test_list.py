import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from errorqueue import services
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord
from tests.errorqueue.pages import LIST, rows_of, text_of


def test_a_row_says_in_business_words_what_failed(operator, make_line):
    line = make_line(label="#1042", party="Blue Heron GmbH", amount=Decimal("5030.4"))
    shown = text_of(operator.get(LIST))
    assert f"ERR-{line.pk} · Blue Heron GmbH" in shown
    assert "Order #1042 has a postcode that is too long" in shown
    assert "5,030.40 EUR" in shown
    assert "Acme Shop → NetSuite" in shown
    assert "3 tries Needs a person" in shown
    assert "shippingAddress. zip" in shown


def test_ages_carry_the_exact_time(operator, make_line):
    line = make_line(minutes=185)
    page = operator.get(LIST).content.decode()
    assert re.search(r"<time[^>]+>3 hours ago</time>", page)
    assert line.first_failed_at.strftime('title="%d %b %Y %H:%M:%S UTC"') in page


def test_a_waiting_row_names_its_next_try(operator, make_line):
    make_line(FailureKind.TEMPORARY, waits=True)
    shown = text_of(operator.get(LIST))
    assert "3 of 10 Retries by itself next try in 11 minutes" in shown


@pytest.fixture
def one_of_each(make_line, olga):
    lines = {
        "person": make_line(),
        "auto": make_line(waits=True),
        "asked": make_line(),
        "resolved": make_line(),
        "excluded": make_line(),
    }
    services.retry(lines["asked"], by=olga)
    services.resolve(lines["resolved"].subject, "Delivered.")
    services.exclude(lines["excluded"], olga, "test order")
    return {name: line.pk for name, line in lines.items()}


@pytest.mark.parametrize(
    ("tab", "names"),
    [
        ("", {"person", "auto", "asked"}),
        ("?tab=person", {"person"}),
        ("?tab=auto", {"auto"}),
        ("?tab=queued", {"asked"}),
        ("?tab=resolved", {"resolved"}),
        ("?tab=excluded", {"excluded"}),
        ("?tab=all", {"person", "auto", "asked", "resolved", "excluded"}),
        ("?tab=nonsense", {"person", "auto", "asked"}),
    ],
)
def test_each_tab_shows_its_lines(operator, one_of_each, tab, names):
    found = rows_of(operator.get(LIST + tab))
    assert set(found) == {one_of_each[name] for name in names}


def test_tabs_count_live_and_obey_the_other_filters(operator, one_of_each, make_line):
    make_line(FailureKind.MAPPING)
    shown = text_of(operator.get(LIST))
    assert "Open 4 Needs a person 2 Retries by itself 1 Queued 1 Resolved 1" in shown
    assert "Excluded 1 All 6" in shown
    shown = text_of(operator.get(f"{LIST}?kind__exact=mapping"))
    assert "Open 1 Needs a person 1 Retries by itself 0 Queued 0 Resolved 0" in shown


def test_drop_downs_narrow_by_kind_flow_target_and_entity(operator, make_line):
    mapping, data = make_line(FailureKind.MAPPING), make_line()
    FailedRecord.objects.filter(pk=data.pk).update(
        flow="Customers", target="Magento", entity="customer"
    )
    assert rows_of(operator.get(f"{LIST}?kind__exact=mapping")) == [mapping.pk]
    for query in ("flow=Customers", "target=Magento", "entity=customer"):
        assert rows_of(operator.get(f"{LIST}?{query}")) == [data.pk]


@pytest.mark.parametrize(
    ("age", "minutes"),
    [
        ("under-1h", [5]),
        ("under-1d", [5, 300]),
        ("over-4h", [300, 2000, 20000]),
        ("over-1d", [2000, 20000]),
        ("over-7d", [20000]),
    ],
)
def test_lines_are_found_by_their_age(operator, make_line, age, minutes):
    lines = {each: make_line(minutes=each).pk for each in (5, 300, 2000, 20000)}
    found = rows_of(operator.get(f"{LIST}?age={age}"))
    assert set(found) == {lines[each] for each in minutes}


def test_lists_sort_by_money_and_by_age(operator, make_line):
    cheap = make_line(amount=Decimal("9.99"), minutes=900).pk
    dear = make_line(amount=Decimal("90000"), minutes=5).pk
    free = make_line(amount=None, currency="", minutes=100).pk
    assert rows_of(operator.get(f"{LIST}?o=-4")) == [dear, cheap, free]
    assert rows_of(operator.get(f"{LIST}?o=5")) == [cheap, free, dear]


def test_the_list_costs_the_same_queries_for_5_and_50_rows(operator, make_line):
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert operator.get(LIST).status_code == 200
        return len(queries)

    for _ in range(5):
        make_line(waits=True)
    cost()
    few = cost()
    for _ in range(45):
        make_line()
    assert cost() == few
    assert few <= 18


def test_a_settled_row_offers_no_retry(operator, make_line, olga):
    services.exclude(make_line(), olga, "test order")
    page = operator.get(f"{LIST}?tab=excluded").content.decode()
    assert "Retry now" not in page


def test_texts_of_foreign_shops_are_shown_as_text(operator, make_line):
    make_line(label="<script>alert(1)</script>", party="<img src=x onerror=y>")
    page = operator.get(LIST).content.decode()
    assert "<script>alert(1)" not in page and "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_queued_row_carries_the_address_that_keeps_it_live(operator, make_line, olga):
    line = make_line()
    services.retry(line, by=olga)
    page = operator.get(LIST).content.decode()
    assert f'data-status-url="{LIST}{line.pk}/status/"' in page
    assert '<span class="pill pill-wait">Queued</span>' in page


def test_an_empty_queue_shows_its_proof_instead_of_nothing(operator, make_record):
    delivered = database_time() - timedelta(minutes=1)
    make_record(state="delivered", delivered_at=delivered)
    make_record(state="held")
    make_record(state="waiting")
    shown = text_of(operator.get(LIST))
    assert "Nothing needs you." in shown
    assert "Waiting to be sent 1" in shown
    assert "On hold 1" in shown
    assert "Last record delivered 1 minute ago" in shown


def test_a_search_without_result_does_not_claim_an_empty_queue(operator, make_line):
    make_line()
    shown = text_of(operator.get(f"{LIST}?q=nowhere"))
    assert "No failed record matches." in shown
    assert "Nothing needs you" not in shown
