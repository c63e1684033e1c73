import html
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from errorqueue import services
from errorqueue.admin.columns import cause_url
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord, Tag
from integrations.models import InboxEvent, SyncRecord, WorkerGroup
from tests.errorqueue.pages import LIST, rows_of, text_of


def test_a_row_says_in_business_words_what_failed(operator, make_line):
    line = make_line(label="#1042", party="Blue Heron GmbH", amount=Decimal("5030.4"))
    shown = text_of(operator.get(LIST))
    assert f"ERR-{line.pk} · Blue Heron GmbH" in shown
    assert "Order #1042 has a postcode that is too long" in shown
    assert "5,030.40 EUR" in shown
    assert "Acme Shop → NetSuite" in shown
    assert "3 tries" in shown and "Needs a person" in shown
    assert "shippingAddress. zip" in shown
    assert "Nobody yet" in shown and "Not looked at" in shown


def test_a_row_leads_to_its_cause(operator, make_line):
    line = make_line()
    page = operator.get(LIST).content.decode()
    assert f'href="{cause_url(line.cause)}"' in page
    assert line.cause.text in html.unescape(page)


def test_a_row_tells_who_has_it_until_when_with_which_tags_and_light(
    operator, make_line, olga
):
    line = make_line()
    line.tags.add(Tag.objects.create(name="vip"))
    hour_ago = database_time() - timedelta(hours=1)
    FailedRecord.objects.filter(pk=line.pk).update(
        assignee=olga, due_at=hour_ago, preflight="green", preflight_at=hour_ago
    )
    shown = text_of(operator.get(LIST))
    assert "Late, due 1 hour ago olga vip Needs a person Would pass" in shown


def test_f42_both_sides_of_a_blockage_name_each_other(operator, make_line):
    head = make_line()
    behind = [make_line() for _ in range(3)]
    FailedRecord.objects.filter(pk__in=[line.pk for line in behind]).update(
        status=FailedRecord.Status.BLOCKED, blocked_by=head
    )
    shown = text_of(operator.get(LIST))
    assert shown.count(f"Blocked by another by ERR-{head.pk}") == 3
    assert "Needs a person 3 behind it" in shown
    found = rows_of(operator.get(LIST, {"q": f"behind:ERR-{head.pk}"}))
    assert set(found) == {line.pk for line in behind}


def test_ages_carry_the_exact_time(operator, make_line):
    line = make_line(minutes=185)
    page = operator.get(LIST).content.decode()
    assert re.search(r"<time[^>]+>3 hours ago</time>", page)
    assert line.first_failed_at.strftime('title="%d %b %Y %H:%M:%S UTC"') in page


def test_a_waiting_row_names_its_next_try(operator, make_line):
    make_line(FailureKind.TEMPORARY, waits=True)
    shown = text_of(operator.get(LIST))
    assert "3 of 10" in shown
    assert "Retries by itself next try in 11 minutes" in shown


@pytest.fixture
def one_of_each(make_line, olga):
    """One line for each tab, under its name; the plain one is "person"."""
    now = database_time()
    lines = {
        "person": make_line(),
        "mine": make_line(),
        "due": make_line(),
        "auto": make_line(waits=True),
        "unknown": make_line(),
        "blocked": make_line(),
        "snoozed": make_line(),
        "resolved": make_line(),
        "excluded": make_line(),
    }
    changes = {
        "mine": {"assignee": olga},
        "due": {"due_at": now + timedelta(hours=1)},
        "unknown": {"is_unknown": True},
        "blocked": {"status": "blocked", "blocked_by": lines["person"]},
        "snoozed": {"snoozed_until": now + timedelta(days=1), "assignee": olga},
    }
    for name, columns in changes.items():
        FailedRecord.objects.filter(pk=lines[name].pk).update(**columns)
    services.resolve(lines["resolved"].subject, "Delivered.")
    services.exclude(lines["excluded"], olga, "test order")
    return {name: line.pk for name, line in lines.items()}


AWAKE = {"person", "mine", "due", "auto", "unknown", "blocked"}


@pytest.mark.parametrize(
    ("tab", "names"),
    [
        ("", AWAKE),
        ("?tab=mine", {"mine"}),
        ("?tab=unassigned", AWAKE - {"mine"}),
        ("?tab=due", {"due"}),
        ("?tab=auto", {"auto"}),
        ("?tab=unknown", {"unknown"}),
        ("?tab=blocked", {"blocked"}),
        ("?tab=snoozed", {"snoozed"}),
        ("?tab=resolved", {"resolved"}),
        ("?tab=excluded", {"excluded"}),
        ("?tab=all", AWAKE | {"snoozed", "resolved", "excluded"}),
        ("?tab=nonsense", AWAKE),
    ],
)
def test_each_tab_shows_its_lines(operator, one_of_each, tab, names):
    found = rows_of(operator.get(LIST + tab))
    assert set(found) == {one_of_each[name] for name in names}


def test_a_snoozed_line_is_back_when_its_time_is_over(operator, make_line):
    line = make_line()
    past = database_time() - timedelta(seconds=1)
    FailedRecord.objects.filter(pk=line.pk).update(snoozed_until=past)
    assert rows_of(operator.get(LIST)) == [line.pk]
    assert rows_of(operator.get(f"{LIST}?tab=snoozed")) == []


def test_tabs_count_live_and_obey_the_search(operator, one_of_each, make_line):
    make_line(FailureKind.MAPPING)
    shown = text_of(operator.get(LIST))
    assert (
        "Open 7 Mine 1 Unassigned 6 Due soon 1 Waiting (auto) 1 Unknown outcome 1 "
        "Blocked 1 Snoozed 1 Resolved 1 Excluded 1 All 10"
    ) in shown
    shown = text_of(operator.get(f"{LIST}?q=kind:mapping"))
    assert "Open 1 Mine 0 Unassigned 1 Due soon 0 Waiting (auto) 0" in shown


def test_an_open_page_asks_for_its_counts_and_rows(operator, make_line, olga):
    line, other = make_line(), make_line()
    services.retry(line, by=olga)
    address = f"{LIST}live/?ids={line.pk},{other.pk}&counts=1&q=kind:data"
    told = operator.get(address).json()
    assert told["counts"]["open"] == "2" and told["counts"]["resolved"] == "0"
    assert told["rows"][str(line.pk)]["is_moving"] is True
    assert "Queued" in told["rows"][str(line.pk)]["state"]
    assert told["rows"][str(other.pk)]["is_moving"] is False
    services.resolve(line.subject, "Delivered.")
    told = operator.get(address).json()
    assert "Resolved" in told["rows"][str(line.pk)]["state"]
    assert told["rows"][str(line.pk)]["is_open"] is False
    assert told["counts"]["resolved"] == "1"


def test_a_row_at_work_says_so(operator, make_line, olga):
    line = make_line()
    services.retry(line, by=olga)
    SyncRecord.objects.update(state=SyncRecord.State.RUNNING)
    told = operator.get(f"{LIST}live/?ids={line.pk}").json()
    assert "Running" in told["rows"][str(line.pk)]["state"]
    assert "counts" not in told


@pytest.mark.parametrize("ids", ["", "x", "-1", "1;2", "9" * 30, ",,,", "²"])
def test_an_open_page_that_asks_nonsense_gets_nothing(operator, ids):
    assert operator.get(f"{LIST}live/", {"ids": ids}).json() == {"rows": {}}


def test_who_may_not_see_the_queue_gets_neither_counts_nor_words(
    make_person, browser_of
):
    stranger = browser_of(make_person("stan", "retry"))
    assert stranger.get(f"{LIST}live/?counts=1").status_code == 403
    assert stranger.get(f"{LIST}complete/?word=o").status_code == 403


@pytest.mark.parametrize(
    ("menu", "query"),
    [
        ("Mapping", "q=kind%3Amapping"),
        ("Customers", "q=flow%3ACustomers"),
        ("Over 4 hours", "q=age%3A%3E4h"),
        ("Would pass now", "q=light%3Agreen"),
    ],
)
def test_menus_put_a_qualifier_into_the_search(operator, make_line, menu, query):
    FailedRecord.objects.filter(pk=make_line().pk).update(flow="Customers")
    page = html.unescape(operator.get(LIST).content.decode())
    assert re.search(rf'href="\?{re.escape(query)}"\s*>{menu}</a>', page)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", ["new", "dear", "cheap", "free"]),
        ("money", ["dear", "cheap", "new", "free"]),
        ("age", ["cheap", "free", "dear", "new"]),
        ("due", ["free", "cheap", "dear", "new"]),
        ("order", ["dear", "free", "new", "cheap"]),
        ("nonsense", ["new", "dear", "cheap", "free"]),
    ],
)
def test_lists_are_ordered_by_what_counts(operator, make_line, order, names):
    now = database_time()
    lines = {
        "cheap": (make_line(amount=Decimal("9.99"), minutes=900), 20, 2, None),
        "dear": (make_line(amount=Decimal(90000), minutes=5), 10, 3, 9),
        "free": (make_line(amount=None, currency="", minutes=100), 30, 1, 5),
        "new": (make_line(amount=Decimal(1), minutes=1), 1, None, 1),
    }
    for line, last, due, placed in lines.values():
        FailedRecord.objects.filter(pk=line.pk).update(
            last_failed_at=now - timedelta(minutes=last),
            due_at=due and now + timedelta(hours=due),
            placed_at=placed and now - timedelta(days=placed),
        )
    found = rows_of(operator.get(LIST, {"o": order}))
    assert found == [lines[name][0].pk for name in names]


def test_an_order_is_as_old_as_it_was_first_known(make_record, make_line):
    changed = database_time() - timedelta(days=3)
    record = make_record(changed_at=changed)
    assert make_line(record=record).placed_at == changed
    SyncRecord.objects.filter(pk=record.pk).update(changed_at=database_time())
    record.refresh_from_db()
    assert make_line(record=record).placed_at == changed


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
    assert few <= 26


def test_a_settled_row_offers_no_retry(operator, make_line, olga):
    services.exclude(make_line(), olga, "test order")
    page = operator.get(f"{LIST}?tab=excluded").content.decode()
    assert "Retry now" not in page


def test_texts_of_foreign_shops_are_shown_as_text(operator, make_line):
    make_line(label="<script>alert(1)</script>", party="<img src=x onerror=y>")
    page = operator.get(LIST).content.decode()
    assert "<script>alert(1)" not in page and "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_queued_row_is_marked_as_live(operator, make_line, olga):
    line = make_line()
    services.retry(line, by=olga)
    page = operator.get(LIST).content.decode()
    assert f'data-line="{line.pk}"><span class="live">' in page
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


def test_an_empty_queue_says_so_when_it_cannot_be_true(operator, make_record):
    make_record(state="failed")
    shown = text_of(operator.get(LIST))
    assert "Failed records without a line 1: tell the people who run Waybill" in shown


def test_the_proof_adds_up_and_names_each_flow_and_the_last_sweep(
    operator, make_record, make_line, flow
):
    now = database_time()
    make_record(state="delivered", delivered_at=now)
    make_record(state="held")
    FailedRecord.objects.filter(pk=make_line().pk).update(
        snoozed_until=now + timedelta(days=1)
    )
    InboxEvent.objects.create(
        connection=flow.source, delivery_id="1", digest="1", body=b"", received_at=now
    )
    shown = text_of(operator.get(LIST))
    assert "1 received = 0 read + 0 not wanted + 0 quarantined + 1 not read" in shown
    assert "2 in all = 0 waiting + 0 running + 1 on hold + 1 failed" in shown
    assert "Open lines under other tabs 1 Failed records without a line 0" in shown
    assert "Orders to NetSuite last event just now , 1 delivered today" in shown
    assert "No workers are running: start them." in shown
    WorkerGroup.objects.create(
        generation="g", host="h", pid=1, started_at=now, seen_at=now
    )
    assert "Last sweep for what is due just now" in text_of(operator.get(LIST))


def test_a_search_without_result_does_not_claim_an_empty_queue(operator, make_line):
    make_line()
    shown = text_of(operator.get(f"{LIST}?q=nowhere"))
    assert "No failed record matches." in shown
    assert "Nothing needs you" not in shown


def test_a_blocked_row_leads_to_what_blocks_it_instead_of_a_retry(operator, make_line):
    head, behind = make_line(), make_line()
    FailedRecord.objects.filter(pk=behind.pk).update(
        status=FailedRecord.Status.BLOCKED, blocked_by=head
    )
    page = operator.get("/admin/errorqueue/failedrecord/?tab=blocked").content.decode()
    assert f"Open {head.human_id}" in page
    assert f'aria-label="Retry now {behind.human_id}"' not in page
