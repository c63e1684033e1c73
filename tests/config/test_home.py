"""The home page by role: what each person sees, and what it costs."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.home.charts import charts_for, span_of
from config.home.look import Look
from config.home.sections import roles_of, sections_for
from errorqueue import services
from errorqueue.clock import database_time
from errorqueue.models import Cause
from integrations.models import (
    Assumption,
    AuditEntry,
    BacklogHour,
    Connection,
    FlowHour,
    OutcomeDay,
    Schedule,
    SlotMinute,
    WorkerGroup,
)
from integrations.operations.home import scale
from integrations.sync.completeness.days import today
from integrations.sync.rhythm.counting import hour_of
from mappings.models import MappingVersion, SeenValue, ValueTable
from tests.errorqueue.conftest import flow, make_line, make_record
from tests.errorqueue.pages import text_of
from tests.integrations.admin.page_builders import in_group

__all__ = ["flow", "make_line", "make_record"]

HOME, OUTCOME = "/admin/", "/admin/integrations/outcome/"
ASSUMPTIONS = f"{OUTCOME}assumptions/"


@pytest.fixture(autouse=True)
def _fresh():
    """Figures that a process remembers are those of this test."""
    cache.clear()


@pytest.fixture
def as_role(db):
    known: dict[str, Client] = {}

    def log_in(role: str) -> Client:
        if role not in known:
            known[role] = Client()
            known[role].force_login(in_group(role.split()[0].lower(), role))
        return known[role]

    return log_in


@pytest.fixture
def day_of_work(flow, make_line):
    """An hour of records, a refused connection, a cause, an unmapped value."""
    now = database_time()
    hour = hour_of(now)
    FlowHour.objects.create(
        flow=flow, hour=hour, arrivals=5, delivered=3, failed=2, waits={"9": 3}
    )
    BacklogHour.objects.create(hour=hour, oldest_seconds=240)
    SlotMinute.objects.create(
        connection=flow.target, minute=hour, calls=8, busy_ms=30_000
    )
    Connection.objects.filter(pk=flow.target_id).update(
        state="refused", state_reason="Log-in refused", allowance=5
    )
    line = make_line(minutes=90, amount=Decimal("80"), currency="EUR")
    Cause.objects.filter(pk=line.cause_id).update(
        open_count=1, money={"EUR": "80.0000"}, most_money=80
    )
    table = ValueTable.objects.create(name="Shipping methods")
    seen = {"first_seen_at": now, "last_seen_at": now}
    SeenValue.objects.create(table=table, value="Drone", times=4, **seen)
    OutcomeDay.objects.create(
        flow=flow,
        day=today(now),
        currency="EUR",
        created=412,
        straight=400,
        prevented=17,
        amount=Decimal("9000.5"),
    )
    return line


def keys_of(client) -> list[str]:
    return [section.key for section in client.get(HOME).context["sections"]]


def cards_of(client) -> dict[str, list[str]]:
    """Return what the cards of a person's page say, by card."""
    return {
        card.key: [row.text for row in card.rows]
        for section in client.get(HOME).context["sections"]
        for card in section.cards
    }


@pytest.mark.parametrize(
    ("role", "sections"),
    [
        ("Operators", ["queue"]),
        ("Finance reviewers", ["money"]),
        ("Mapping editors", ["mappings"]),
        ("Signers", ["signing"]),
        ("Integration admins", ["setup"]),
        ("Auditors", ["queue", "money", "mappings", "setup"]),
    ],
)
def test_each_role_finds_its_own_work(day_of_work, as_role, role, sections):
    assert keys_of(as_role(role)) == sections


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        (
            "Operators",
            ["Assigned to you", "Due soon", "Top causes", "Connections in trouble"],
            ["Hours saved", "Unmapped values", "Schedules", "Money delivered"],
        ),
        (
            "Finance reviewers",
            [
                "Money in the error queue 80.00 EUR",
                "Is everything here?",
                "9,000.50 EUR",
            ],
            ["Connections in trouble", "Slots used", "Set them", "Schedules"],
        ),
        (
            "Mapping editors",
            ["Versions on their way", "Unmapped values Drone", "Ownership conflicts"],
            ["Hours saved", "Connections in trouble", "Slots used", "Schedules"],
        ),
        (
            "Integration admins",
            [
                *("Connections, slots and requests", "0 of 5 slots in use"),
                *("Deadlines", "Workers", "Schedules", "Slots used of the allowance"),
                *("Orders nobody had to type 412", "Set them"),
            ],
            ["Assigned to you", "Unmapped values", "Waits longest for a person"],
        ),
    ],
)
def test_each_role_sees_what_it_may_and_no_more(
    day_of_work, as_role, role, seen, unseen
):
    shown = text_of(as_role(role).get(HOME))
    assert [one for one in seen if one not in shown] == []
    assert [one for one in unseen if one in shown] == []


def test_a_person_with_several_roles_sees_each_part_once(day_of_work, as_role):
    client = as_role("Operators")
    user = in_group("both", "Mapping editors")
    user.groups.add(*Group.objects.filter(name__in=["Operators", "Integration admins"]))
    client.force_login(user)
    assert keys_of(client) == ["queue", "mappings", "setup"]
    found = client.get(HOME).context["sections"]
    tiles = [tile.label for section in found for tile in section.tiles]
    cards = [card.key for section in found for card in section.cards]
    assert len(tiles) == len(set(tiles))
    assert len(cards) == len(set(cards))


def test_every_link_of_every_role_leads_to_a_page_it_may_open(day_of_work, as_role):
    for role in (
        *("Operators", "Finance reviewers", "Mapping editors"),
        *("Signers", "Integration admins", "Auditors"),
    ):
        client = as_role(role)
        found = client.get(HOME).context["sections"]
        links = {tile.url for section in found for tile in section.tiles}
        for section in found:
            for card in section.cards:
                links |= {card.url, *(row.url for row in card.rows)}
        assert links - {""}
        for link in links - {""}:
            assert client.get(link).status_code == 200, (role, link)


def test_what_is_mine_or_due_stands_on_my_page(make_line, as_role):
    client = as_role("Operators")
    mine, late, other = make_line(), make_line(), make_line()
    in_an_hour = database_time() + timedelta(hours=1)
    user = client.get(HOME).wsgi_request.user
    type(mine).objects.filter(pk=mine.pk).update(assignee=user)
    type(late).objects.filter(pk=late.pk).update(due_at=in_an_hour)
    cards = cards_of(client)
    assert cards["mine"] == [mine.sentence]
    assert cards["due"] == [late.sentence]
    assert len(cards["oldest"]) == 3 and other.sentence in cards["oldest"]


def test_what_waits_longest_hides_what_is_personal(make_line, as_role):
    line = make_line()
    said = "failed: ada@example.com is no address NetSuite takes."
    type(line).objects.filter(pk=line.pk).update(what=said)
    assert "ada@example.com" in cards_of(as_role("Operators"))["oldest"][0]
    right = Permission.objects.get(codename="see_payload")
    Group.objects.get(name="Operators").permissions.remove(right)
    shown = cards_of(as_role("Operators"))["oldest"][0]
    assert "ada@example.com" not in shown and "is no address" in shown


def test_a_connection_in_trouble_says_why(day_of_work, as_role, flow):
    shown = text_of(as_role("Operators").get(HOME))
    assert "Access refused" in shown and "Log-in refused" in shown
    Connection.objects.update(state="ready")
    cache.clear()
    shown = text_of(as_role("Operators").get(HOME))
    assert "Every connection answers." in shown


def test_an_account_that_asked_for_a_wait_says_until_when(as_role, flow):
    soon = database_time() + timedelta(minutes=10)
    Connection.objects.filter(pk=flow.target_id).update(limited_until=soon)
    shown = text_of(as_role("Integration admins").get(HOME))
    assert "Waits" in shown and "It asked for a wait: in 9 minutes" in shown


def test_an_account_under_maintenance_says_until_when(as_role, flow):
    soon = database_time() + timedelta(minutes=10, seconds=30)
    Connection.objects.filter(pk=flow.target_id).update(window_until=soon)
    shown = text_of(as_role("Operators").get(HOME))
    assert "Under maintenance; it ends in 10 minutes" in shown


def test_the_setup_tells_of_workers_schedules_and_endings(as_role, flow):
    now = database_time()
    WorkerGroup.objects.create(
        generation="g", host="box", pid=1, started_at=now, seen_at=now, canary_at=now
    )
    Schedule.objects.create(name="Old job", job="prune", is_enabled=False)
    Schedule.objects.create(name="Bad job", job="x", problem="There is no job x.")
    Connection.objects.filter(pk=flow.target_id).update(auth_method="tba")
    cards = cards_of(as_role("Integration admins"))
    assert cards["workers"] == ["box"]
    assert sorted(cards["schedules"]) == ["Bad job", "Old job"]
    assert cards["deadlines"] == [f"{flow.target}: its log-in"]


def test_versions_on_their_way_stand_with_the_editors(as_role, flow):
    MappingVersion.objects.create(document=flow.mapping, number=9)
    [version] = cards_of(as_role("Mapping editors"))["versions"]
    assert "9" in version


# Charts


def test_a_chart_is_a_table_first(day_of_work, as_role):
    page = as_role("Operators").get(HOME)
    shown = text_of(page)
    assert "In the last 24 hours: 5 received, 3 delivered, 2 failed." in shown
    assert "The oldest record that was due waited 4 min at worst." in shown
    charts = {chart.key: chart for chart in page.context["charts"]}
    assert set(charts) == {"records", "latency", "backlog", "slots", "requests"}
    short, whole, cells = charts["records"].rows[-1]
    assert whole.endswith(short)
    assert [cell.told for cell in cells] == ["3", "2", "5"]
    took = scale.end_of(9)
    assert [cell.value for cell in charts["latency"].rows[-1][2]] == [f"{took:.1f}"] * 2
    assert [cell.told for cell in charts["slots"].rows[-1][2]] == ["10%"]
    assert page.content.decode().count(", hour by hour; times in") == 5
    assert '<th scope="row" data-label=' in page.content.decode()


def test_charts_need_the_right_to_see_what_they_count(day_of_work, as_role):
    keys = [one.key for one in as_role("Finance reviewers").get(HOME).context["charts"]]
    assert keys == ["records", "latency", "backlog"]
    assert as_role("Signers").get(HOME).context["charts"] == []
    assert "charts.js" not in as_role("Signers").get(HOME).content.decode()


def test_a_week_is_a_week_and_anything_else_a_day(day_of_work, as_role):
    client = as_role("Operators")
    assert len(client.get(HOME, {"hours": "168"}).context["charts"][0].labels) == 168
    assert [span_of(text) for text in (None, "7", "168")] == [24, 24, 168]


def test_hours_are_told_in_the_zone_of_the_installation(day_of_work, as_role, settings):
    settings.TIME_ZONE = "Asia/Kolkata"
    page = as_role("Operators").get(HOME)
    short, _ = page.context["charts"][0].labels[-1]
    assert short.endswith(":30")
    assert "times in Asia/Kolkata" in text_of(page)


def test_nothing_to_draw_says_so_in_words(as_role, flow):
    page = as_role("Operators").get(HOME)
    assert "No order was delivered in this time." in text_of(page)
    BacklogHour.objects.create(hour=hour_of(database_time()))
    cache.clear()
    page = as_role("Operators").get(HOME)
    assert "No record was overdue when it was looked at." in text_of(page)
    assert "data-chart" not in page.content.decode()


def test_figures_of_charts_are_remembered_for_some_seconds(day_of_work, admin_user):
    charts_for(admin_user, 24)
    with CaptureQueriesContext(connection) as asked:
        charts_for(admin_user, 24)
    assert len(asked) == 0


def test_the_page_has_no_script_or_style_of_its_own(day_of_work, as_role):
    page = as_role("Integration admins").get(HOME).content.decode()
    assert "style=" not in page.split("<main")[-1]
    assert "<script>" not in page


# Cost


@pytest.mark.parametrize(
    ("role", "most"),
    [
        ("Operators", 48),
        ("Finance reviewers", 36),
        ("Mapping editors", 30),
        ("Signers", 22),
        ("Integration admins", 52),
    ],
)
def test_a_page_costs_the_same_however_much_there_is(
    day_of_work, make_line, as_role, flow, role, most
):
    client = as_role(role)

    def cost() -> int:
        cache.clear()  # what is remembered for some seconds is asked anew
        with CaptureQueriesContext(connection) as asked:
            client.get(HOME)
        return len(asked)

    cost()
    few = cost()
    for number in range(8):
        services.retry(make_line())
        make_line(minutes=number)
        Schedule.objects.create(name=f"Job {number}", job="x", problem="Odd.")
        SeenValue.objects.create(
            table=ValueTable.objects.get(),
            value=f"V{number}",
            first_seen_at=database_time(),
            last_seen_at=database_time(),
        )
        Connection.objects.create(
            name=f"C{number}", slug=f"c{number}", system="shopify", state="refused"
        )
    assert cost() == few
    assert few <= most


# Outcome


def test_the_outcome_says_exactly_what_it_counts(day_of_work, as_role):
    shown = text_of(as_role("Finance reviewers").get(OUTCOME))
    assert "Orders nobody had to type 412" in shown
    assert "Passed at the first try 400 of 412" in shown
    assert "Errors prevented by fixes 17" in shown
    assert "A fix counts for 30 days" in shown
    assert "Money delivered 9,000.50 EUR" in shown
    assert "Hours saved – nobody has set the minutes yet" in shown
    assert "Counted since" in shown


def test_who_may_not_see_the_outcome_is_refused(as_role):
    for role in ("Operators", "Mapping editors"):
        client = as_role(role)
        assert client.get(OUTCOME).status_code == 403
        assert client.get(ASSUMPTIONS).status_code == 403
        assert client.get(HOME).context["outcome"] is None
    assert as_role("Finance reviewers").get(ASSUMPTIONS).status_code == 403


@pytest.mark.parametrize("period", ["", "last-month", "90-days", "nonsense"])
def test_each_period_has_its_page(as_role, period):
    assert as_role("Auditors").get(OUTCOME, {"period": period}).status_code == 200


def test_an_admin_sets_the_assumptions_and_everybody_reads_who_did(
    day_of_work, as_role
):
    client = as_role("Integration admins")
    assert client.get(ASSUMPTIONS).status_code == 200
    given = {"order_minutes": "6", "error_minutes": "5", "hour_cost": "30"}
    answer = client.post(ASSUMPTIONS, {**given, "currency": "eur"}, follow=True)
    shown = text_of(answer)
    assert "412 orders × 6 minutes − 0 decisions × 5 minutes = 2,472 minutes" in shown
    assert "At 6 minutes an order and 5 minutes a decision, 30.00 EUR an hour" in shown
    assert "set by integration on" in shown
    assert "Hours saved 41.2" in shown and "1,236.00 EUR" in shown
    client.post(ASSUMPTIONS, {**given, "order_minutes": "4", "currency": "EUR"})
    assert Assumption.objects.count() == 2
    assert AuditEntry.objects.filter(subject="assumption").count() == 2
    shown = text_of(as_role("Finance reviewers").get(HOME))
    assert (
        "At 4 minutes an order" in shown and "Change" not in shown.split("At 4")[1][:90]
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"order_minutes": ""}, "This field is required."),
        ({"order_minutes": "-1"}, "greater than or equal to 0"),
        ({"hour_cost": "30"}, "Say in which currency an hour costs that."),
        ({"hour_cost": "30", "currency": "E1R"}, "three letters: EUR"),
    ],
)
def test_a_wrong_assumption_is_named_with_its_remedy(as_role, changes, told):
    given = {"order_minutes": "6", "error_minutes": "5"} | changes
    shown = text_of(as_role("Integration admins").post(ASSUMPTIONS, given))
    assert told in shown
    assert not Assumption.objects.exists()


def test_whoever_has_no_role_of_their_own_sees_what_they_may_look_at(admin_user, db):
    assert [role.key for role in roles_of(admin_user)] == [
        *("queue", "money", "mappings", "signing", "setup")
    ]
    nobody = in_group("nobody", "Auditors")
    nobody.groups.clear()
    nobody = type(nobody).objects.get(pk=nobody.pk)
    assert sections_for(Look(admin.site, nobody)) == []
