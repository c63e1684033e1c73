"""The plan, the progress and the buttons of bulk work, as people use them."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from errorqueue.bulk import running, stepping
from errorqueue.models import BulkItem, BulkRun, FailedRecord
from tests.errorqueue.test_bulk import chosen, deliver, fail_again

PLAN = "/admin/errorqueue/bulkrun/plan/"
RIGHTS = ("view", "retry", "exclude", "bulk", "assign", "resolve")


@pytest.fixture
def lines(make_line):
    return [make_line(minutes=60 - number) for number in range(12)]


@pytest.fixture
def boss(make_person, browser_of):
    from django.contrib.auth.models import Permission

    person = make_person("bo", *RIGHTS)
    person.user_permissions.add(Permission.objects.get(codename="view_bulkrun"))
    return browser_of(person)


def ask(browser, lines, verb="retry", **more):
    ids = [str(pk) for pk in chosen(lines)]
    return browser.post(PLAN, {"verb": verb, "_selected_action": ids, **more})


def test_the_plan_says_how_many_how_much_and_how_long(boss, lines):
    page = ask(boss, lines).content.decode()
    assert "Retry 12 records" in page
    assert "14,880.00 EUR" in page
    assert "12 not looked at yet" in page
    assert "Try the oldest 10 first" in page
    assert BulkRun.objects.count() == 0


def test_the_second_press_starts_what_was_shown(boss, lines, make_line):
    newest = max(chosen(lines))
    make_line()
    answer = ask(boss, lines, seen="12", newest=str(newest), start="mapping")
    run = BulkRun.objects.get()
    assert answer.url == reverse("admin:errorqueue_bulkrun_change", args=[run.pk])
    assert (run.seen, run.newest, run.by.username) == (12, newest, "bo")
    assert run.with_canary is False


def test_exclusion_asks_for_a_reason_and_starts_nothing_without(boss, lines):
    page = ask(boss, lines, "exclude", seen="12", newest="99").content.decode()
    assert "This field is required." in page
    assert BulkRun.objects.count() == 0


def test_a_time_that_is_past_is_refused_in_words(boss, lines):
    answer = ask(
        boss, lines, "snooze", seen="12", newest="99", until="2020-01-01T10:00"
    )
    assert "Choose a time within the next 90 days." in answer.content.decode()


def test_without_the_right_nothing_is_planned(make_person, browser_of, lines):
    looker = browser_of(make_person("ned", "view", "retry"))
    assert ask(looker, lines).status_code == 403
    retrier = browser_of(make_person("rita", "view", "retry", "bulk"))
    assert ask(retrier, lines).status_code == 200
    assert ask(retrier, lines, "exclude").status_code == 403


def test_the_page_of_a_run_follows_it_to_what_failed_again(boss, olga, lines):
    run = running.start("retry", olga, chosen=chosen(lines))
    stepping.step_all()
    for line in lines[1:]:
        deliver(line)
    fail_again(lines[0])
    stepping.step_all()
    address = reverse("admin:errorqueue_bulkrun_change", args=[run.pk])
    page = boss.get(address).content.decode()
    assert "12 records: 11 done, 1 failed again." in page
    assert f"Failed again in bulk {run.pk}" in page
    assert f"q=bulk:{run.pk}" in page
    told = boss.get(f"/admin/errorqueue/bulkrun/{run.pk}/progress/").json()
    assert (told["percent"], told["is_moving"], told["label"]) == (100, False, "Done")


def test_buttons_pause_resume_and_cancel(boss, olga, lines):
    run = running.start("retry", olga, chosen=chosen(lines))
    for verb, state in (("pause", "paused"), ("resume", "picking"), ("cancel", "")):
        boss.post(reverse(f"admin:errorqueue_bulkrun_{verb}", args=[run.pk]))
        run.refresh_from_db()
        assert run.state == (state or BulkRun.State.CANCELLED)
    page = boss.post(
        reverse("admin:errorqueue_bulkrun_pause", args=[run.pk]), follow=True
    )
    assert f"Bulk {run.pk} is: Cancelled." in page.content.decode()


def test_the_list_of_runs_and_a_run_cost_a_constant_number_of_queries(
    boss, olga, lines, django_assert_max_num_queries
):
    for _ in range(5):
        running.start("preflight", olga, chosen=chosen(lines))
    with django_assert_max_num_queries(14):
        boss.get("/admin/errorqueue/bulkrun/")
    stepping.step_all()
    run = BulkRun.objects.latest("pk")
    BulkItem.objects.filter(run=run).update(state="skipped", note="settled")
    assert FailedRecord.objects.count() == 12
    with django_assert_max_num_queries(18):
        boss.get(f"/admin/errorqueue/bulkrun/{run.pk}/change/")


def test_a_search_that_cannot_be_read_is_told_in_words_and_plans_nothing(boss, lines):
    answer = boss.post(PLAN, {"verb": "retry", "query": "q=amount:%3Eabc"}, follow=True)
    assert answer.redirect_chain[0][0].startswith("/admin/errorqueue/failedrecord/")
    assert "amount" in answer.content.decode()


def test_all_that_match_means_the_search_as_it_was_shown(boss, lines):
    sought = lines[0].reference.lstrip("#")
    told = {"verb": "retry", "select_across": "1", "query": f"q=order:{sought}"}
    page = boss.post(PLAN, {**told, "_selected_action": ["1", "2"]}).content.decode()
    assert "Retry 1 record" in page


def test_a_fix_that_nobody_chose_is_not_planned(boss, make_person, browser_of, lines):
    ed = browser_of(make_person("ed", "view", "edit", "bulk"))
    answer = ask(ed, lines, "mend", seen="12", newest="99")
    assert (answer.status_code, BulkRun.objects.count()) == (302, 0)
    page = ed.get(answer.url).content.decode()
    assert "takes a known fix that is still offered" in page


def test_a_plan_shows_no_personal_text_to_those_who_work_without(boss, lines):
    told = "has jane@example.com twice"
    FailedRecord.objects.filter(pk=lines[0].pk).update(what=told)
    page = ask(boss, lines).content.decode()
    assert "jane@example.com" not in page
    assert "has •••" in page


@pytest.mark.parametrize("seen", ["9" * 12, "9" * 30, "-1"])
def test_figures_that_no_list_showed_start_nothing(boss, lines, seen):
    answer = ask(boss, lines, seen=seen, newest="9" * 40, start="mapping")
    assert (answer.status_code, BulkRun.objects.count()) == (200, 0)


def test_ids_that_no_list_shows_mean_no_line(boss, lines):
    told = {"verb": "retry", "_selected_action": ["9" * 40, "٣"]}
    assert boss.post(PLAN, told).status_code == 200


def test_a_time_is_read_in_the_zone_that_the_form_names(boss, lines, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    page = ask(boss, lines, "snooze").content.decode()
    assert "Until (Europe/Berlin)" in page
    typed = timezone.localtime(timezone.now() + timedelta(days=2))
    until = f"{typed:%Y-%m-%dT%H:%M}"
    ask(boss, lines, "snooze", seen="12", newest="99999", until=until)
    told = BulkRun.objects.get().options["until"]
    meant = typed.replace(second=0, microsecond=0)
    assert datetime.fromisoformat(told) == meant
    assert meant.utcoffset()


def test_lines_go_only_to_people_who_see_them(boss, lines, make_person):
    stranger = make_person("stranger", "view_cause")
    page = ask(boss, lines, "assign", seen="12", newest="99", assignee=stranger.pk)
    assert "Select a valid choice" in page.content.decode()
    assert BulkRun.objects.count() == 0
