from datetime import time

import pytest
from django.urls import reverse
from page_builders import in_group

from errorqueue.clock import database_time
from integrations.models import Schedule, ScheduleSlot, WorkerGroup
from integrations.sync import clusters, schedules

LIST = reverse("admin:integrations_schedule_changelist")
GROUPS = reverse("admin:integrations_workergroup_changelist")


@pytest.fixture
def schedule(db):
    schedules.ensure_defaults()
    return Schedule.objects.get(job="prune")


def page_of(schedule):
    return reverse("admin:integrations_schedule_change", args=[schedule.pk])


def entered(**changes):
    form = {"is_enabled": "on", "rule": "daily", "minutes": "60", "at": "02:30"}
    slots = {f"slots-{part}_FORMS": "0" for part in ("TOTAL", "INITIAL")}
    return {**form, "zone": "Europe/Berlin", "missed": "skip", **slots, **changes}


def test_a_schedule_is_changed_and_owes_nothing_for_the_past(integrator, schedule):
    answer = integrator.post(page_of(schedule), entered())
    assert answer.status_code == 302
    schedule.refresh_from_db()
    assert (schedule.at, schedule.zone) == (time(2, 30), "Europe/Berlin")
    assert schedule.since


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"at": ""}, "needs a time of day"),
        ({"zone": "Mars/Base"}, "not one of the available choices"),
        ({"rule": "every", "minutes": "0"}, "every minute"),
    ],
)
def test_a_rule_without_sense_is_refused_in_words(integrator, schedule, changes, says):
    answer = integrator.post(page_of(schedule), entered(**changes))
    assert says in answer.content.decode()


def test_the_list_says_what_is_wrong_in_words(integrator, schedule):
    Schedule.objects.filter(pk=schedule.pk).update(problem="There is no job 'backup'.")
    page = integrator.get(LIST).content.decode()
    assert "There is no job" in page and "Daily at 03:00" in page


def test_the_list_costs_the_same_for_many(
    integrator, schedule, django_assert_max_num_queries
):
    for number in range(20):
        extra = Schedule.objects.create(name=f"Extra {number}", job="prune")
        ScheduleSlot.objects.create(
            schedule=extra,
            key="k",
            due_at=database_time(),
            started_at=database_time(),
        )
    with django_assert_max_num_queries(15):
        assert integrator.get(LIST).status_code == 200


def test_a_schedule_is_turned_off_by_a_button(integrator, schedule):
    form = {"action": "turn_off", "_selected_action": [schedule.pk]}
    integrator.post(LIST, form)
    schedule.refresh_from_db()
    assert not schedule.is_enabled


def test_an_auditor_sees_both_pages_and_changes_nothing(client, schedule):
    client.force_login(in_group("ada", "Auditors"))
    assert client.get(LIST).status_code == client.get(GROUPS).status_code == 200
    assert client.post(page_of(schedule), entered()).status_code == 403


def test_an_operator_sees_neither(operator, schedule):
    assert operator.get(LIST).status_code == 403
    assert operator.get(GROUPS).status_code == 403


def test_worker_groups_say_how_they_stand(integrator, db):
    clusters.begin()
    ended = clusters.begin()
    clusters.end(ended, "Stood still; started again")
    alive = clusters.begin()
    WorkerGroup.objects.filter(pk=alive).update(canary_at=database_time(), tasks=1234)
    page = integrator.get(f"{GROUPS}?tab=all").content.decode()
    for words in ("Starting", "Working", "1,234", "Stood still; started again"):
        assert words in page
