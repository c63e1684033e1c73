import base64
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from errorqueue import services
from errorqueue.clock import database_time
from errorqueue.failures import (
    FailureKind,
    FieldProblem,
    Light,
    Preflight,
    Refused,
    RetryChoice,
    Start,
)
from errorqueue.models import Action, FailedRecord, Tag
from integrations.models import SyncRecord

Status = FailedRecord.Status
JSON = "application/problem+json"


def ids(answer):
    return [one["id"] for one in answer.json()["results"]]


def walk(program, **query):
    """Follow the cursors to the end; return the ids of every page."""
    pages, cursor = [], ""
    while True:
        answer = program.get("failed-records/", **query, cursor=cursor)
        assert answer.status_code == 200, answer.content
        pages.append(ids(answer))
        cursor = answer.json()["next"]
        if not cursor:
            return pages


def test_the_list_tells_what_a_row_of_the_console_tells(program, make_line, olga):
    line = make_line(amount=Decimal("1240.10"))
    line.tags.add(Tag.objects.create(name="vip"))
    FailedRecord.objects.update(assignee=olga)
    shown = program.get("failed-records/").json()["results"][0]
    assert shown["human_id"] == line.human_id
    assert shown["sentence"] == line.sentence
    assert shown["money"] == {"amount": "1240.10", "currency": "EUR"}
    assert (shown["assignee"], shown["tags"]) == ("olga", ["vip"])
    assert shown["cause"]["human_id"] == line.cause.human_id
    assert shown["links"]["page"].endswith(
        f"/admin/errorqueue/failedrecord/{line.pk}/change/"
    )
    assert shown["links"]["api"].endswith(f"/api/v1/failed-records/{line.pk}/")


def test_the_list_is_searched_by_the_language_of_the_console(program, make_line):
    wanted = make_line(FailureKind.MAPPING)
    make_line(FailureKind.DATA)
    found = program.get("failed-records/", q="kind:mapping")
    assert ids(found) == [wanted.pk]


def test_a_search_that_cannot_be_read_is_refused_and_never_means_more(
    program, make_line
):
    make_line()
    answer = program.get("failed-records/", q="kin:data")
    assert (answer.status_code, answer["Content-Type"]) == (400, JSON)
    told = answer.json()["errors"]
    assert told[0]["field"] == "q" and "Did you mean kind:" in told[0]["problem"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"tab": "nowhere"}, "tab"),
        ({"ordering": "colour"}, "ordering"),
        ({"size": "0"}, "size"),
        ({"size": "201"}, "size"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "WyJwayIsIG51bGwsIC0xXQ"}, "cursor"),
        ({"serach": "x"}, "serach"),
    ],
)
def test_a_list_that_is_asked_for_wrongly_names_the_field(program, db, query, field):
    answer = program.get("failed-records/", **query)
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("ordering", ["last", "money", "age", "due", "order"])
@pytest.mark.parametrize("tab", ["open", "resolved", "all"])
def test_pages_in_any_order_show_each_record_once(program, make_line, ordering, tab):
    now = database_time()
    for number in range(7):
        line = make_line(
            minutes=number % 3, amount=None if number % 3 else Decimal(number)
        )
        FailedRecord.objects.filter(pk=line.pk).update(
            last_failed_at=now - timedelta(minutes=number % 3),
            due_at=None if number % 2 else now + timedelta(hours=number % 4),
            placed_at=None if number % 2 else now - timedelta(days=number % 4),
            status=Status.RESOLVED if tab == "resolved" else Status.FAILED,
        )
    whole = ids(program.get("failed-records/", ordering=ordering, tab=tab))
    pages = walk(program, ordering=ordering, tab=tab, size=2)
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert sum(pages, []) == whole
    assert len(set(whole)) == 7


def test_a_cursor_of_another_order_is_refused(program, make_line):
    for _ in range(3):
        make_line()
    cursor = program.get("failed-records/", size=1).json()["next"]
    answer = program.get("failed-records/", ordering="age", cursor=cursor)
    assert answer.status_code == 400 and "cursor" in answer.json()["detail"]


def test_a_list_costs_the_same_queries_for_any_number(program, make_line):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            program.get("failed-records/")
        return len(queries)

    make_line()
    program.get("failed-records/")
    few = cost()
    for _ in range(12):
        make_line().tags.add(Tag.objects.get_or_create(name="vip")[0])
    assert cost() == few


def test_the_detail_answers_the_three_questions(program, make_line, add_try, olga):
    line = make_line()
    add_try(line)
    services.note(line, "comment", olga, "called the shop")
    shown = program.get(f"failed-records/{line.pk}/").json()
    assert shown["answers"] == {
        "what": line.sentence,
        "why": "NetSuite takes 36 characters.",
        "remedy": "Shorten the postcode in Shopify.",
    }
    assert shown["problems"][0]["rule"] == "at most 36 characters"
    assert [one["number"] for one in shown["attempts"]] == [1]
    assert shown["actions"][0]["by"] == "olga"
    assert shown["actions"][0]["reason"] == "called the shop"


def test_personal_fields_are_masked_without_the_right_to_see_them(
    program, reader, make_line, give
):
    line = make_line()
    give(program.person, "see_payload")
    open_eyes = program.get(f"failed-records/{line.pk}/").json()
    masked = reader.get(f"failed-records/{line.pk}/").json()
    assert open_eyes["email"] == "jane@example.com"
    assert open_eyes["problems"][0]["value"].startswith("SW1A")
    assert masked["email"] == "j•••@example.com"
    assert masked["problems"][0]["value"] == "•••"
    assert "jane@" not in reader.get("failed-records/").content.decode()


def test_f86_a_retry_queues_once_and_says_who_asked_before(program, make_line):
    line = make_line()
    answer = program.post(f"failed-records/{line.pk}/retry/")
    assert answer.status_code == 200
    assert answer.json()["record"]["status"] == "retrying"
    assert SyncRecord.objects.get().state == SyncRecord.State.WAITING
    again = program.post(f"failed-records/{line.pk}/retry/")
    assert (again.status_code, again.json()["code"]) == (409, "already_queued")
    assert "paula queued" in again.json()["detail"]
    assert line.actions.filter(verb="retry").count() == 1


def test_the_history_names_the_token_that_acted(program, make_line):
    line = make_line()
    program.post(f"failed-records/{line.pk}/retry/", {"reason": "the table is mended"})
    action = line.actions.get()
    assert action.by == program.person
    assert action.reason == "the table is mended (API token “ci”)"


def test_a_retry_takes_the_choices_that_its_record_offers(
    program, make_line, bench, monkeypatch
):
    chosen = []
    enqueue = SyncRecord.enqueue

    def noting(record, by=None, choice=None):
        chosen.append(choice)
        enqueue(record, by)

    monkeypatch.setattr(SyncRecord, "enqueue", noting)
    line = make_line()
    address = f"failed-records/{line.pk}/retry/"
    assert program.post(address, {"start": "look", "version": 9}).status_code == 200
    assert chosen == [RetryChoice(Start.LOOK, 9)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"start": "middle"}, "start"),
        ({"version": 77}, "version"),
        ({"version": "new"}, "version"),
        ({"when": "now"}, "when"),
    ],
)
def test_a_choice_that_a_record_does_not_offer_changes_nothing(
    program, make_line, bench, body, field
):
    line = make_line()
    answer = program.post(f"failed-records/{line.pk}/retry/", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    line.refresh_from_db()
    assert line.status == Status.FAILED and not Action.objects.exists()


@pytest.mark.parametrize(
    ("verb", "ending"), [("resolve", "by_hand"), ("exclude", "excluded")]
)
def test_closing_needs_a_reason_and_can_be_taken_back(program, make_line, verb, ending):
    line = make_line()
    address = f"failed-records/{line.pk}/{verb}/"
    refused = program.post(address)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "reason"
    closed = program.post(address, {"reason": "a test order"})
    assert closed.status_code == 200
    line.refresh_from_db()
    assert line.ending == ending and line.settled_by == program.person
    again = program.post(address, {"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "not_open")
    undo = program.post(
        f"failed-records/{line.pk}/undo/", {"action": closed.json()["action"]}
    )
    assert undo.json()["record"]["status"] == "failed"
    late = program.post(f"failed-records/{line.pk}/undo/")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")


def test_nobody_takes_back_what_a_colleague_did(program, make_line, olga):
    line = make_line()
    action = services.exclude(line, olga, "a test order")
    answer = program.post(f"failed-records/{line.pk}/undo/", {"action": action.pk})
    assert answer.status_code == 400
    line.refresh_from_db()
    assert line.status == Status.EXCLUDED


def test_people_work_together_through_it(program, make_line, olga):
    line = make_line()
    base = f"failed-records/{line.pk}"
    assert program.post(f"{base}/comment/", {"text": "I call them"}).status_code == 200
    given = program.post(f"{base}/assign/", {"assignee": "olga"})
    assert given.json()["record"]["assignee"] == "olga"
    nobody = program.post(f"{base}/assign/", {"assignee": "ghost"})
    assert "ghost" in nobody.json()["errors"][0]["problem"]
    until = (database_time() + timedelta(days=2)).isoformat()
    asleep = program.post(f"{base}/snooze/", {"until": until})
    assert asleep.json()["record"]["snoozed_until"]
    past = program.post(f"{base}/snooze/", {"until": "2020-01-01T00:00:00Z"})
    assert past.json()["errors"][0]["field"] == "until"
    awake = program.post(f"{base}/snooze/", {"until": None})
    assert awake.json()["record"]["snoozed_until"] is None


def test_a_preflight_tells_the_light_and_masks_what_it_found(program, make_line, bench):
    line = make_line()
    problem = FieldProblem(source="shipping.zip", value="SW1A 1AA", rule="at most 5")
    bench.light = Preflight(Light.RED, "It would fail again.", (problem,))
    answer = program.post(f"failed-records/{line.pk}/preflight/").json()
    assert (answer["light"], answer["note"]) == ("red", "It would fail again.")
    assert answer["problems"][0]["value"] == "•••"
    line.refresh_from_db()
    assert line.preflight == "red"


def test_what_a_workbench_refuses_is_said_in_its_words(program, make_line, bench):
    bench.raises = Refused("NetSuite cannot be asked now.")
    answer = program.post(f"failed-records/{make_line().pk}/preflight/")
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert answer.json()["detail"] == "NetSuite cannot be asked now."


def test_what_is_not_there_is_not_found(program, db):
    answer = program.get("failed-records/77/")
    assert (answer.status_code, answer["Content-Type"]) == (404, JSON)
    assert program.post("failed-records/77/retry/").status_code == 404


@pytest.mark.parametrize("body", ["[]", "{", '"retry"'])
def test_a_body_that_is_no_object_is_refused_in_words(program, make_line, body):
    address = f"/api/v1/failed-records/{make_line().pk}/retry/"
    answer = program.client.post(address, body, "application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, JSON)
    assert answer.json()["detail"]


def test_another_kind_of_body_is_refused_and_no_form_is_read(program, make_line):
    address = f"/api/v1/failed-records/{make_line().pk}/retry/"
    assert program.client.post(address, {"start": "look"}).status_code == 415


def test_f61_bytes_that_no_database_takes_do_no_harm(program, make_line):
    line = make_line()
    told = program.post(f"failed-records/{line.pk}/comment/", {"text": "a\x00b\ud83d"})
    assert told.status_code in (200, 400)
    assert program.get("failed-records/", q="a\x00b").status_code in (200, 400)


@pytest.mark.parametrize(
    "cursor",
    [
        ["last_failed_at", "0001-01-01T00:00:00+14:00", 1],
        ["last_failed_at", "2026-01-01", 1],
        ["last_failed_at", 7, 1],
        ["last_failed_at", None, True],
        ["last_failed_at", "2026-01-01T00:00:00+00:00", 2**70],
        {"a": 1},
        [],
    ],
)
def test_a_cursor_made_by_hand_is_refused_or_harmless(program, make_line, cursor):
    make_line()
    told = base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode()
    answer = program.get("failed-records/", cursor=told)
    assert answer.status_code in (200, 400)


def test_f61_numbers_and_bodies_that_are_too_large_are_refused_in_words(
    program, make_line
):
    line = make_line()
    base = f"/api/v1/failed-records/{line.pk}"
    huge = program.post(f"failed-records/{line.pk}/undo/", {"action": 10**30})
    assert huge.json()["errors"][0]["field"] == "action"
    plan = program.post("bulk-plans/", {"verb": "retry", "ids": [10**30]})
    assert plan.status_code == 400
    assert (
        program.post("bulk-plans/", {"verb": "retry", "cause": 10**30}).status_code
        == 400
    )
    for body in ("[" * 100_000, '{"text": "' + "a" * 1_100_000 + '"}'):
        answer = program.client.post(f"{base}/comment/", body, "application/json")
        assert (answer.status_code, answer["Content-Type"]) == (400, JSON)
    assert not line.actions.exists()


def test_no_sentence_quotes_what_is_personal(reader, program, make_line):
    line = make_line()
    told = "has no customer for jane@example.com"
    FailedRecord.objects.update(what=told, preflight="red", preflight_note=told)
    for path in ("failed-records/", f"failed-records/{line.pk}/"):
        assert "jane@" not in reader.get(path).content.decode(), path
    answer = program.post(f"failed-records/{line.pk}/retry/", {"reason": ""})
    assert answer.status_code == 200 and "jane@" not in answer.content.decode()
    line.refresh_from_db()
    assert line.what == told


def test_what_waybill_closed_is_taken_back_by_its_id_with_the_right_to_retry(
    program, reader, make_line
):
    line = make_line()
    record = line.subject
    services.resolve(record, "There.", FailedRecord.Ending.THERE, undo={"version": 1})
    SyncRecord.objects.filter(pk=record.pk).update(
        state="delivered", delivered_version=1, target_id="12"
    )
    address = f"failed-records/{line.pk}/undo/"
    closed = {"action": line.actions.get(verb="close").pk}
    assert reader.post(address, closed).status_code == 400
    assert program.post(address).status_code == 400  # no step of their own
    answer = program.post(address, closed)
    assert answer.json()["record"]["status"] == "failed"


def test_a_record_goes_only_to_who_sees_the_queue(program, make_person, make_line):
    make_person("stranger", "view_cause")
    line = make_line()
    answer = program.post(f"failed-records/{line.pk}/assign/", {"assignee": "stranger"})
    assert answer.status_code == 400
    assert "Nobody who sees the error queue" in answer.json()["detail"]
