"""Incidents over the REST interface: to list, to read, to acknowledge and to take."""

from datetime import timedelta

import pytest

from errorqueue import alerts, people
from errorqueue.models import Action, Alert
from tests.errorqueue.alerting import (
    let_alerts_pass,
    make_channel,
    make_rule,
    make_team,
    raise_one,
)
from tests.errorqueue.api.conftest import Program

RIGHTS = ("view_alert", "acknowledge_alert", "assign")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def olaf(make_person):
    return Program(make_person("olaf", *RIGHTS), name="pager")


@pytest.fixture
def viewer(make_person):
    return Program(make_person("vera", "view_alert"))


@pytest.fixture
def incident(make_line):
    line = make_line()
    make_rule(make_team((0, make_channel("Ops")), (15, make_channel("Phone"))), "All")
    about = {
        "kind": "data",
        "flow": line.flow,
        "connection": "NetSuite",
        "cause_id": line.cause_id,
        "line_id": line.pk,
        "count": 12,
        "money": {"EUR": "14880.00"},
    }
    alert = raise_one(title="Postcode too long", text="<b>Mend</b> it.", about=about)
    alerts.send_waiting()
    return alert


def titles(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["title"] for one in answer.json()["results"]]


def test_the_list_tells_what_the_console_tells(viewer, incident):
    shown = viewer.get("incidents/").json()["results"][0]
    line = incident.line
    assert (shown["id"], shown["title"]) == (incident.pk, "Postcode too long")
    assert (shown["state"], shown["kind"], shown["count"]) == ("open", "data", 12)
    assert shown["money"] == [{"amount": "14880.00", "currency": "EUR"}]
    assert (shown["record"], shown["team"]) == (line.human_id, "Operations")
    assert shown["cause"]["human_id"] == line.cause.human_id
    assert shown["told_at"] and shown["acknowledged_by"] is None
    assert shown["links"]["page"].endswith(
        f"/admin/errorqueue/alert/{incident.pk}/change/"
    )


def test_one_incident_tells_who_was_told_and_looking_is_not_seeing(viewer, incident):
    whole = viewer.get(f"incidents/{incident.pk}/").json()
    message = incident.messages.get()
    told = whole["messages"][0]
    assert (told["id"], told["to"], told["why"]) == (
        f"msg_{message.pk}",
        "Ops",
        "first",
    )
    assert told["told_at"] and whole["rule"] == "All"
    assert whole["text"] == "‹b›Mend‹/b› it."
    assert Alert.objects.get().seen_at is None


def test_it_is_searched_by_state_kind_flow_and_connection(viewer, incident):
    raise_one(key="b", title="Other", about={"kind": "silence", "flow": "Stock"})
    raise_one(key="c", title="Over")
    alerts.close_alert("c")
    assert titles(viewer.get("incidents/")) == ["Other", "Postcode too long"]
    assert titles(viewer.get("incidents/", state="fixed")) == ["Over"]
    assert len(titles(viewer.get("incidents/", state="all"))) == 3
    assert titles(viewer.get("incidents/", kind="silence")) == ["Other"]
    assert titles(viewer.get("incidents/", flow="Stock")) == ["Other"]
    assert titles(viewer.get("incidents/", connection="NetSuite")) == [
        "Postcode too long"
    ]
    answer = viewer.get("incidents/", state="gone")
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "state"


def test_pages_follow_each_other_without_a_gap(viewer, db):
    for number in range(5):
        raise_one(key=f"k{number}", title=f"T{number}")
    found, cursor = [], ""
    while True:
        answer = viewer.get("incidents/", size=2, cursor=cursor)
        found += titles(answer)
        cursor = answer.json()["next"]
        if not cursor:
            break
    assert found == ["T4", "T3", "T2", "T1", "T0"]


def test_a_program_acknowledges_and_nobody_else_is_called(olaf, incident, mailoutbox):
    answer = olaf.post(f"incidents/{incident.pk}/acknowledge/")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["changed"] and told["incident"]["state"] == "acknowledged"
    assert told["incident"]["acknowledged_by"] == "olaf"
    assert told["incident"]["seen_by"] == "olaf"
    let_alerts_pass(60 * MINUTE)
    alerts.send_waiting()
    assert len(mailoutbox) == 1
    again = olaf.post(f"incidents/{incident.pk}/acknowledge/").json()
    assert again["changed"] is False and again["incident"]["state"] == "acknowledged"


def test_who_comes_second_is_told_who_has_it(olaf, incident, make_person):
    other = Program(make_person("petra", *RIGHTS))
    olaf.post(f"incidents/{incident.pk}/acknowledge/")
    told = other.post(f"incidents/{incident.pk}/acknowledge/").json()
    assert told["changed"] is False
    assert told["incident"]["acknowledged_by"] == "olaf"


def test_taking_it_assigns_what_nobody_has_and_names_the_token(
    olaf, incident, make_line, make_person
):
    theirs = make_line()
    assert theirs.cause_id == incident.cause_id
    people.assign(theirs, make_person("bob"), None)
    told = olaf.post(f"incidents/{incident.pk}/take/").json()
    assert (told["changed"], told["assigned"]) == (True, 1)
    assert told["incident"]["taken_by"] == "olaf"
    incident.line.refresh_from_db()
    assert str(incident.line.assignee) == "olaf"
    action = Action.objects.filter(failed=incident.line).latest("pk")
    assert action.reason == "Took the alert. (API token “pager”)"
    assert olaf.post(f"incidents/{incident.pk}/take/").json()["changed"] is False


def test_taking_without_the_right_to_assign_assigns_nothing(make_person, incident):
    nora = Program(make_person("nora", "view_alert", "acknowledge_alert"))
    told = nora.post(f"incidents/{incident.pk}/take/").json()
    assert told["assigned"] == 0 and told["incident"]["taken_by"] == "nora"
    incident.line.refresh_from_db()
    assert incident.line.assignee is None


@pytest.mark.parametrize("verb", ["acknowledge", "take"])
def test_what_is_over_can_be_neither_acknowledged_nor_taken(olaf, incident, verb):
    alerts.close_alert(incident.key)
    answer = olaf.post(f"incidents/{incident.pk}/{verb}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_open")
    alert = Alert.objects.get()
    assert alert.acknowledged_at is None and alert.taken_by is None


@pytest.mark.parametrize("verb", ["acknowledge", "take"])
def test_f91_it_takes_the_right_that_the_button_takes(viewer, incident, verb):
    answer = viewer.post(f"incidents/{incident.pk}/{verb}/")
    assert answer.status_code == 403
    assert "acknowledge_alert" in answer.json()["detail"]
    assert Alert.objects.get().acknowledged_at is None


def test_f91_without_the_right_to_see_incidents_nothing_is_shown(program, incident):
    for path in ("incidents/", f"incidents/{incident.pk}/"):
        assert program.get(path).status_code == 403
    assert program.post(f"incidents/{incident.pk}/take/").status_code == 403


def test_what_is_sent_along_is_refused_and_not_passed_over(olaf, incident):
    answer = olaf.post(f"incidents/{incident.pk}/acknowledge/", {"by": "petra"})
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "by"
    assert olaf.post("incidents/999999/acknowledge/").status_code == 404


def test_the_list_costs_the_same_for_many(
    viewer, incident, django_assert_max_num_queries
):
    viewer.get("incidents/")
    for number in range(9):
        raise_one(key=f"more:{number}")
    alerts.send_waiting()
    with django_assert_max_num_queries(8):
        assert len(titles(viewer.get("incidents/"))) == 10


def test_what_is_answered_is_what_is_described(olaf, incident):
    from errorqueue.api.page import document

    made = document()["components"]["schemas"]
    whole = olaf.get(f"incidents/{incident.pk}/").json()
    assert set(whole) == set(made["IncidentDetail"]["properties"])
    row = olaf.get("incidents/").json()["results"][0]
    assert set(row) == set(made["IncidentShape"]["properties"])
    done = olaf.post(f"incidents/{incident.pk}/acknowledge/").json()
    assert set(done) == set(made["Answered"]["properties"])
