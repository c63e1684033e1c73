import pytest

from errorqueue import services
from errorqueue.bulk import stepping
from errorqueue.failures import FailureKind
from errorqueue.models import BulkRun, FailedRecord
from tests.errorqueue.api.conftest import Program

PLANS, RUNS = "bulk-plans/", "bulk-runs/"


def start(program, plan, **more):
    body = {**more, "seen": plan["seen"], "newest": plan["newest"]}
    return program.post(RUNS, body)


def test_a_plan_counts_and_changes_nothing(program, make_line):
    for _ in range(3):
        make_line(FailureKind.DATA)
    make_line(FailureKind.MAPPING)
    answer = program.post(PLANS, {"verb": "retry", "tab": "open", "q": "kind:data"})
    assert answer.status_code == 200
    plan = answer.json()
    assert plan["seen"] == 3 and plan["money"] == ["3,720.00 EUR"]
    assert plan["kinds"] == [{"name": "Data", "count": 3}]
    assert plan["newest"] == FailedRecord.objects.filter(kind="data").latest("pk").pk
    assert not BulkRun.objects.exists()


def test_what_was_planned_is_started_and_followed_to_its_end(program, make_line):
    lines = [make_line() for _ in range(3)]
    meant = {"verb": "exclude", "q": "kind:data"}
    plan = program.post(PLANS, meant).json()
    later = make_line()
    answer = start(program, plan, **meant, reason="a test of the shop team")
    assert answer.status_code == 201
    run = answer.json()
    assert (run["seen"], run["state"]) == (3, "picking")
    stepping.step_all()
    progress = program.get(f"{RUNS}{run['id']}/progress/").json()
    assert (progress["done"], progress["total"]) == (3, 3)
    assert program.get(f"{RUNS}{run['id']}/").json()["progress"]["percent"] == 100
    for line in lines:
        line.refresh_from_db()
        assert line.status == "excluded" and "ci" in line.settled_how
    later.refresh_from_db()
    assert later.status == "failed"
    assert program.get(RUNS).json()["results"][0]["id"] == run["id"]


def test_a_filter_that_means_something_else_by_now_is_said(program, make_line, olga):
    lines = [make_line() for _ in range(3)]
    meant = {"verb": "retry", "q": "kind:data"}
    plan = program.post(PLANS, meant).json()
    services.exclude(lines[0], olga, "a test order")
    run = start(program, plan, **meant).json()
    assert "1 fewer match than the 3 that were shown" in run["note"]


@pytest.mark.parametrize("way", ["ids", "cause"])
def test_records_can_be_named_by_id_and_by_cause(program, make_line, way):
    line = make_line()
    named = {"ids": [line.pk]} if way == "ids" else {"cause": line.cause_id}
    assert program.post(PLANS, {"verb": "retry", **named}).json()["seen"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verb": "retry"}, "q"),
        ({"verb": "retry", "ids": [1], "q": ""}, "q"),
        ({"verb": "explode", "q": ""}, "verb"),
        ({"verb": "retry", "ids": []}, "ids"),
        ({"verb": "retry", "ids": ["x"]}, "ids.0"),
        ({"verb": "retry", "cause": 99}, "cause"),
        ({"verb": "retry", "q": "kin:x"}, "q"),
        ({"verb": "retry", "qq": ""}, "qq"),
    ],
)
def test_a_plan_that_cannot_be_read_names_the_field(program, db, body, field):
    answer = program.post(PLANS, body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("verb", "field"),
    [
        ("exclude", "reason"),
        ("resolve", "reason"),
        ("assign", "assignee"),
        ("tag", "tag"),
        ("snooze", "until"),
        ("mend", "recipe"),
    ],
)
def test_a_run_that_lacks_what_its_verb_needs_is_not_started(
    program, make_line, verb, field
):
    line = make_line()
    body = {"verb": verb, "ids": [line.pk], "seen": 1, "newest": line.pk}
    answer = program.post(RUNS, body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert not BulkRun.objects.exists()


def test_a_run_without_what_was_seen_is_not_started(program, make_line):
    body = {"verb": "retry", "ids": [make_line().pk]}
    fields = {one["field"] for one in program.post(RUNS, body).json()["errors"]}
    assert fields == {"seen", "newest"}
    nothing = program.post(RUNS, {**body, "seen": 0, "newest": 0})
    assert nothing.status_code == 400 and not BulkRun.objects.exists()


def test_a_run_is_paused_resumed_and_cancelled(program, make_line):
    line = make_line()
    body = {"verb": "retry", "ids": [line.pk], "seen": 1, "newest": line.pk}
    run = program.post(RUNS, body).json()["id"]
    assert program.post(f"{RUNS}{run}/pause/").json()["state"] == "paused"
    again = program.post(f"{RUNS}{run}/pause/")
    assert (again.status_code, again.json()["code"]) == (409, "not_now")
    assert program.post(f"{RUNS}{run}/resume/").json()["state"] == "picking"
    assert program.post(f"{RUNS}{run}/cancel/").json()["state"] == "cancelled"
    assert program.post(f"{RUNS}{run}/resume/").status_code == 409
    stepping.step_all()
    line.refresh_from_db()
    assert line.status == "failed"


@pytest.mark.parametrize("missing", ["bulk", "exclude", "view"])
def test_f91_a_run_takes_the_rights_of_its_verb(make_person, make_line, give, missing):
    rights = [one for one in ("view", "bulk", "exclude") if one != missing]
    person = make_person("nora", *rights)
    give(person, "view_bulkrun")
    line = make_line()
    body = {"verb": "exclude", "ids": [line.pk]}
    program = Program(person)
    assert program.post(PLANS, body).status_code == 403
    more = {"seen": 1, "newest": line.pk, "reason": "x"}
    assert program.post(RUNS, {**body, **more}).status_code == 403
    assert not BulkRun.objects.exists()


def test_f91_a_run_of_another_verb_is_not_stopped_without_its_right(
    program, make_person, make_line, give
):
    line = make_line()
    body = {"verb": "retry", "ids": [line.pk], "seen": 1, "newest": line.pk}
    run = program.post(RUNS, body).json()["id"]
    person = make_person("nora", "view", "bulk", "exclude")
    give(person, "view_bulkrun")
    assert Program(person).get(f"{RUNS}{run}/").status_code == 200
    assert Program(person, "two").post(f"{RUNS}{run}/cancel/").status_code == 403
    assert BulkRun.objects.get().state == "picking"


def test_causes_are_listed_with_most_open_records_first(program, make_line):
    from errorqueue import tally

    line = make_line()
    make_line()
    tally.refresh()
    shown = program.get("causes/").json()["results"]
    assert shown[0]["open_count"] == 2
    assert shown[0]["money"] == [{"amount": "2480.00", "currency": "EUR"}]
    one = program.get(f"causes/{line.cause_id}/").json()
    assert one["human_id"] == line.cause.human_id
    assert program.get("causes/", q="nothing such").json()["results"] == []


def test_f91_causes_take_the_right_to_see_them(reader, make_line):
    make_line()
    assert reader.get("causes/").status_code == 403


def test_a_filter_that_finds_more_by_now_starts_nothing(program, make_line):
    older = make_line(FailureKind.MAPPING)
    make_line()
    meant = {"verb": "exclude", "q": "kind:data"}
    plan = program.post(PLANS, meant).json()
    FailedRecord.objects.filter(pk=older.pk).update(kind="data")
    answer = start(program, plan, **meant, reason="a test of the shop team")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_now")
    assert "1 more match by now than the 1 that were shown" in answer.json()["detail"]
    assert not BulkRun.objects.exists()
