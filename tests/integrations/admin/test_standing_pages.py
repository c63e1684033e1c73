"""Breakers, circuits and maintenance windows on their pages: seen, and moved by hand."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from page_builders import in_group, make_record

from errorqueue.clock import database_time
from integrations.admin import standing
from integrations.models import (
    AuditEntry,
    Connection,
    Flow,
    MaintenanceWindow,
    Opening,
    SyncRecord,
)
from integrations.operations import report
from integrations.operations.standstills import standstills
from integrations.sync import access, flows
from integrations.sync.maintenance import windows
from tests.errorqueue.pages import text_of

REASON = "20 of the last 20 records failed for one cause: unknown SKU"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def opened(flow):
    make_record(flow)
    probe_at = database_time() + timedelta(minutes=4, seconds=30)
    flows.hold(flow, REASON, kind=Flow.Hold.BREAKER, probe_at=probe_at)
    flow.refresh_from_db()
    return flow


@pytest.fixture
def maintained(netsuite):
    now = database_time()
    window = MaintenanceWindow(
        connection=netsuite,
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(hours=3),
        zone="Europe/Berlin",
        reason="NetSuite release",
    )
    windows.enter(window, None)
    return window


def page_of(row):
    name = f"admin:integrations_{row._meta.model_name}_change"
    return reverse(name, args=[row.pk])


def press(client, flow, verb, reason=""):
    address = reverse("admin:integrations_breaker", args=[flow.pk, verb])
    return text_of(client.post(address, {"reason": reason}, follow=True))


def fresh(row):
    return type(row).objects.get(pk=row.pk)


# Breakers


def test_the_page_of_a_flow_says_what_its_breaker_does_and_when_it_opens(
    operator, flow
):
    page = text_of(operator.get(page_of(flow)))
    assert "Breaker Closed" in page
    assert "at least 20 records were finished within 10 minutes and 80 %" in page
    assert "Put on hold" not in page  # an operator looks, an admin acts


def test_an_open_breaker_says_why_since_when_what_is_next_and_how_many_wait(
    operator, opened
):
    page = text_of(operator.get(page_of(opened)))
    assert "Breaker Open" in page and REASON in page
    assert "The 3 oldest records try in 4 minutes" in page
    assert "1 record waits without using up a try" in page
    assert "On hold by its breaker" in page and "– now" in page
    listed = text_of(operator.get(reverse("admin:integrations_flow_changelist")))
    assert "The 3 oldest records try in 4 minutes" in listed


def test_half_open_is_shown_as_such(operator, opened):
    Flow.objects.update(probing_since=database_time())
    assert "Half-open" in text_of(operator.get(page_of(opened)))
    listed = operator.get(reverse("admin:integrations_flow_changelist"))
    assert "half-open" in text_of(listed)


def test_an_admin_lets_records_try_and_lets_go_with_a_reason(integrator, opened):
    assert "try within seconds" in press(integrator, opened, "probe")
    assert fresh(opened).probe_at <= database_time()
    assert "Say why" in press(integrator, opened, "release")
    assert fresh(opened).held_at
    assert "goes again" in press(integrator, opened, "release", "item is there")
    assert fresh(opened).held_at is None
    assert SyncRecord.objects.get().state == "waiting"
    entry = AuditEntry.objects.get(verb="resumed")
    assert (entry.by.username, entry.detail) == ("anna", "item is there (anna)")
    assert "waits for no probe" in press(integrator, opened, "probe")
    assert "any more" in press(integrator, opened, "release", "again")
    page = text_of(integrator.get(page_of(opened)))
    assert "Ended: item is there (anna)" in page


def test_an_admin_puts_a_flow_on_hold_and_no_probe_ends_it(integrator, flow):
    assert "Say why" in press(integrator, flow, "hold", "  ")
    assert "is on hold" in press(integrator, flow, "hold", "month end")
    held = fresh(flow)
    assert (held.hold_kind, held.hold_reason) == ("person", "month end (anna)")
    assert "Only a person lets it go" in text_of(integrator.get(page_of(flow)))
    assert "on hold already" in press(integrator, flow, "hold", "again")


def test_what_a_watch_holds_is_not_let_go_here(integrator, flow):
    flows.hold(flow, "6 of the first 6 failed", kind=Flow.Hold.WATCH)
    press(integrator, flow, "release", "why not")
    assert fresh(flow).held_at is not None


def test_only_who_may_change_flows_presses(operator, opened):
    for verb in ("hold", "release", "probe"):
        address = reverse("admin:integrations_breaker", args=[opened.pk, verb])
        assert operator.post(address, {"reason": "x"}).status_code == 403
    assert operator.get(address).status_code == 405


def test_the_thresholds_are_in_the_form(integrator, flow):
    form = integrator.get(page_of(flow)).context["adminform"].form
    assert form["breaker_percent"].value() == 80
    told = {name: form[name].value() for name in form.fields} | {
        "retry_schedule": "",
        "breaker_percent": 101,
        "breaker_least": 2,
        "dependencies-TOTAL_FORMS": 0,
        "dependencies-INITIAL_FORMS": 0,
    }
    refused = integrator.post(page_of(flow), told).context["adminform"].form
    assert set(refused.errors) == {"breaker_percent", "breaker_least"}
    told |= {"breaker_percent": 0, "breaker_least": 7}
    assert integrator.post(page_of(flow), told).status_code == 302
    assert (fresh(flow).breaker_percent, fresh(flow).breaker_least) == (0, 7)
    assert "has no breaker" in text_of(integrator.get(page_of(flow)))


# Circuits


def test_the_page_of_a_connection_shows_circuit_and_time_line(operator, netsuite):
    assert "Circuit: closed" in text_of(operator.get(page_of(netsuite)))
    netsuite.move(Connection.State.UNREACHABLE, "503 from the gate")
    assert "Circuit: open" in text_of(operator.get(page_of(netsuite)))
    access.resume(netsuite)
    access.suspect(netsuite)
    page = text_of(operator.get(page_of(netsuite)))
    assert "Circuit: half-open" in page and "Log-in in doubt" in page
    assert "Cannot be reached" in page and "503 from the gate" in page
    [opening] = Opening.objects.filter(connection=netsuite)
    assert opening.closed_at and opening.ending == "It answers again."


# Windows


def test_an_admin_plans_a_window_in_the_time_of_its_place(integrator, netsuite):
    day = (datetime.now(BERLIN) + timedelta(days=3)).date()
    add = reverse("admin:integrations_maintenancewindow_add")
    told = {
        "connection": netsuite.pk,
        "begins": f"{day}T02:00",
        "ends": f"{day}T06:00",
        "zone": "Europe/Berlin",
        "is_weekly": "on",
        "reason": "NetSuite's weekly window",
    }
    assert integrator.post(add, told).status_code == 302
    window = MaintenanceWindow.objects.get()
    assert window.starts_at.astimezone(BERLIN).strftime("%H:%M") == "02:00"
    assert (window.by.username, window.is_weekly) == ("anna", True)
    listed = text_of(
        integrator.get(reverse("admin:integrations_maintenancewindow_changelist"))
    )
    assert f"Every {day:%A} 02:00 – {day:%A} 06:00, Europe/Berlin" in listed
    page = text_of(integrator.get(page_of(netsuite)))
    assert "To come" in page and "every week, entered by anna" in page
    assert AuditEntry.objects.get(verb="window entered").by.username == "anna"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends": "2036-11-22T01:00"}, "ends"),
        ({"ends": "2036-12-22T01:00"}, "ends"),
        ({"begins": "2020-11-22T02:00", "ends": "2020-11-22T06:00"}, "ends"),
        ({"begins": "tomorrow"}, "begins"),
        ({"zone": "Mars/Base"}, "zone"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_window_that_makes_no_sense_names_its_field(
    integrator, netsuite, changes, field
):
    told = {
        "connection": netsuite.pk,
        "begins": "2036-11-22T02:00",
        "ends": "2036-11-22T06:00",
        "zone": "Europe/Berlin",
        "reason": "release",
    }
    add = reverse("admin:integrations_maintenancewindow_add")
    form = integrator.post(add, told | changes).context["adminform"].form
    assert set(form.errors) == {field}
    assert not MaintenanceWindow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_connection_in_maintenance_says_so_everywhere(
    operator, record, netsuite, maintained
):
    netsuite.refresh_from_db()
    page = text_of(operator.get(page_of(netsuite)))
    assert "Maintenance" in page and "is maintained until" in page
    assert "NetSuite release" in page
    listed = text_of(operator.get(reverse("admin:integrations_connection_changelist")))
    assert "maintained until" in listed
    said = [line for line in report.report() if "Books" in line.text]
    assert any("maintained until" in line.text for line in said)
    assert standstills().connections_in_maintenance == 1


def test_a_window_is_moved_ended_and_cancelled_by_hand(
    integrator, netsuite, maintained
):
    def press_window(verb, **told):
        address = reverse("admin:integrations_window_verb", args=[maintained.pk, verb])
        return text_of(integrator.post(address, told, follow=True))

    until = datetime.now(BERLIN) + timedelta(hours=5)
    assert "It lasts until" in press_window("extend", until=f"{until:%Y-%m-%dT%H:%M}")
    left = fresh(netsuite).window_until - database_time()
    assert timedelta(hours=4, minutes=58) < left <= timedelta(hours=5)
    assert "Write a day and a time" in press_window("extend", until="soon")
    page = text_of(integrator.get(page_of(maintained)))
    assert "its end was moved by anna" in page
    assert "is called again" in press_window("end")
    assert fresh(netsuite).is_usable
    assert "not under way" in press_window("end")
    assert "takes place no more" in press_window("cancel")
    assert "cancelled before" in press_window("cancel")
    verbs = AuditEntry.objects.filter(subject="connection", by__username="anna")
    assert set(verbs.values_list("verb", flat=True)) == {
        "window moved",
        "window ended early",
        "window cancelled",
    }


def test_nobody_but_an_admin_moves_a_window_and_nobody_rewrites_it(
    client, integrator, maintained
):
    assert integrator.post(page_of(maintained), {"reason": "x"}).status_code == 403
    client.force_login(in_group("olga", "Operators"))
    assert client.get(page_of(maintained)).status_code == 200
    for verb in ("end", "extend", "cancel"):
        address = reverse("admin:integrations_window_verb", args=[maintained.pk, verb])
        assert client.post(address).status_code == 403
    add = reverse("admin:integrations_maintenancewindow_add")
    assert client.get(add).status_code == 403


def test_windows_to_come_are_found_by_two_questions_however_many(
    netsuite, maintained, django_assert_num_queries
):
    now = database_time()
    for days in range(1, 6):
        begin = now + timedelta(days=days)
        columns = {"starts_at": begin, "ends_at": begin + timedelta(hours=1)}
        window = MaintenanceWindow(connection=netsuite, is_weekly=True, **columns)
        windows.enter(window, None)
    with django_assert_num_queries(2):
        rows = standing.windows_of(netsuite, now)
    assert [row["time"] is not None for row in rows] == [True] + 5 * [False]
    windows.end_now(maintained.times.get(), None)
    assert len(standing.windows_of(netsuite, database_time())) == 5


# Figures


@pytest.mark.django_db(transaction=True)
def test_what_stands_still_is_counted_and_named(opened, netsuite, shop):
    assert standstills().as_dict() == {
        "connections_open": 0,
        "connections_half_open": 0,
        "flows_open": 1,
        "flows_half_open": 0,
        "connections_in_maintenance": 0,
    }
    said = " ".join(line.text for line in report.report() if line.about == "flows")
    assert REASON in said and "next try in 4 minutes" in said
    Flow.objects.update(probing_since=database_time())
    netsuite.move(Connection.State.PAUSED, "month end")
    access.suspect(shop)
    found = standstills()
    assert (found.flows_open, found.flows_half_open) == (0, 1)
    assert (found.connections_open, found.connections_half_open) == (1, 1)
