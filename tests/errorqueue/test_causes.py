"""Failures fold into causes; causes are counted, merged, parted, mended for all."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from errorqueue import causes, chores, services, tally
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind, FieldProblem
from errorqueue.fingerprint import fingerprint
from errorqueue.models import Cause, FailedRecord, Watermark
from tests.errorqueue.conftest import failure

SHIP = FieldProblem(
    target="shipMethod",
    source="shipping_lines.0.title",
    value="DHL Express",
    rule="ship method 'DHL Express' is not known in NetSuite",
    allowed=("DHL", "UPS"),
)


def problem(**changes):
    return failure(
        FailureKind.MAPPING,
        what=f"– {SHIP.rule}",
        problems=(FieldProblem(**{**SHIP.__dict__, **changes}),),
    )


@pytest.fixture
def make_failed(make_record):
    def make(found=None, minutes=5, **changes):
        record = make_record(**changes)
        line = services.capture(record, record.labels(), found or problem())
        since = database_time() - timedelta(minutes=minutes)
        FailedRecord.objects.filter(pk=line.pk).update(first_failed_at=since)
        line.refresh_from_db()
        return line

    return make


@pytest.fixture
def boss(make_person, browser_of):
    person = make_person("bo", "view", "retry", "bulk", "exclude", "edit")
    codes = ["view_cause", "merge_cause", "own_cause", "view_bulkrun"]
    person.user_permissions.add(*Permission.objects.filter(codename__in=codes))
    return person, browser_of(person)


@pytest.mark.parametrize(
    "other",
    [
        {"target": "item[3].shipMethod"},
        {"rule": "ship method 'UPS' is not known in NetSuite"},
        {"value": "dhl express"},
    ],
)
def test_line_numbers_quoted_values_and_case_do_not_part_a_cause(other):
    mine = problem(target="item[1].shipMethod") if "target" in other else problem()
    assert fingerprint(mine).key == fingerprint(problem(**other)).key


@pytest.mark.parametrize(
    "other", [{"target": "terms"}, {"value": "Hermes"}, {"rule": "is required"}]
)
def test_another_field_value_or_text_is_another_cause(other):
    assert fingerprint(problem()).key != fingerprint(problem(**other)).key


def test_a_value_of_one_record_only_makes_no_cause_of_its_own():
    def phone(number):
        told = FieldProblem(target="phone", value=number, rule="at most 21 characters")
        return fingerprint(failure(problems=(told,)))

    assert phone("+49 170 1234567 ext 99").key == phone("+44 20 7946 0958 ext 1").key


def test_failures_with_one_reason_fold_into_one_cause(make_failed):
    lines = [make_failed(minutes=60 - n) for n in range(3)]
    make_failed(problem(value="Hermes"))
    assert len({line.cause_id for line in lines}) == 1
    assert Cause.objects.count() == 2


def test_counts_money_trend_and_ages_come_from_the_lines(make_failed, olga):
    old = make_failed(minutes=60 * 24 * 2)
    make_failed()
    make_failed(currency="USD", amount="10")
    services.exclude(make_failed(), olga, "test order")
    tally.refresh()
    cause = old.cause
    cause.refresh_from_db()
    assert (cause.open_count, cause.total_count) == (3, 4)
    assert cause.money == {"EUR": "2480.0000", "USD": "10.0000"}
    assert cause.oldest_open_at == old.first_failed_at
    assert (cause.trend[-3], sum(cause.trend)) == (1, 4)


def test_only_causes_whose_lines_moved_are_counted_again(make_failed):
    first, other = make_failed(), make_failed(problem(value="Hermes"))
    tally.refresh()
    past = database_time() - timedelta(hours=1)
    FailedRecord.objects.update(touched_at=past)
    Cause.objects.update(open_count=99)
    services.retry(other)
    tally.refresh()
    counts = dict(Cause.objects.values_list("pk", "open_count"))
    assert counts == {first.cause_id: 99, other.cause_id: 1}


def test_a_worker_counts_when_lines_moved_and_rests_otherwise(make_failed):
    assert not tally.is_due()
    line = make_failed()
    assert tally.is_due()
    chores.run()
    line.cause.refresh_from_db()
    assert line.cause.open_count == 1
    assert not tally.is_due()
    minute = timedelta(minutes=1)
    FailedRecord.objects.update(touched_at=database_time() - minute)
    Watermark.objects.update(at=database_time() - minute / 6)
    assert not tally.is_due()


def test_a_merge_is_a_rule_in_words_and_moves_old_and_new_lines(make_failed, olga):
    mine, other = make_failed(), make_failed(problem(value="Hermes"))
    merged = causes.merge(other.cause, mine.cause, olga)
    assert "with the value “Hermes”" in merged.rule
    causes.place_all()
    later = make_failed(problem(value="Hermes"))
    other.refresh_from_db()
    assert other.cause_id == later.cause_id == mine.cause_id


def test_a_merge_can_be_undone_and_each_line_finds_its_own_cause(make_failed, olga):
    mine, other = make_failed(), make_failed(problem(value="Hermes"))
    home = other.cause_id
    merged = causes.merge(other.cause, mine.cause, olga)
    causes.place_all()
    later = make_failed(problem(value="Hermes"))
    causes.unmerge(merged, olga)
    assert causes.has_misplaced()
    causes.place_all()
    assert not causes.has_misplaced()
    for line in (other, later):
        line.refresh_from_db()
        assert line.cause_id == home
    mine.refresh_from_db()
    assert mine.cause_id != home


def test_merges_follow_each_other_and_never_run_in_a_circle(make_failed, olga):
    a, b, c = (make_failed(problem(value=name)).cause for name in ("A", "B", "C"))
    causes.merge(a, b, olga)
    second = causes.merge(b, c, olga)
    a.refresh_from_db()
    assert a.merged_into == c
    with pytest.raises(causes.NotMergeable, match="itself"):
        causes.merge(c, a, olga)
    with pytest.raises(causes.NotMergeable, match="merged already"):
        causes.merge(a, c, olga)
    causes.unmerge(second, olga)
    a.refresh_from_db()
    assert a.merged_into == b
    with pytest.raises(causes.NotMergeable, match="undone already"):
        causes.unmerge(second, olga)


def test_the_list_shows_what_is_open_with_its_size(boss, make_failed):
    make_failed()
    make_failed()
    tally.refresh()
    page = boss[1].get("/admin/errorqueue/cause/").content.decode()
    assert "Ship method &#x27;DHL Express&#x27; is not known in NetSuite" in page
    assert "2,480.00 EUR" in page
    assert "2 in 14 days, 2 today" in page


def test_the_page_of_a_cause_offers_to_end_it_for_all(boss, make_failed):
    line = make_failed()
    tally.refresh()
    page = boss[1].get(f"/admin/errorqueue/cause/{line.cause_id}/change/")
    text = page.content.decode()
    assert "Retry all, ten first" in text
    assert "1 not looked at yet" in text
    plan = boss[1].post(
        reverse("admin:errorqueue_bulkrun_plan"),
        {"verb": "retry", "cause": line.cause_id},
    )
    assert "Retry 1 record" in plan.content.decode()


def test_owner_merge_and_undo_by_buttons(boss, make_failed):
    person, browser = boss
    mine, other = make_failed(), make_failed(problem(value="Hermes"))
    page = f"/admin/errorqueue/cause/{other.cause_id}"
    browser.post(f"{page}/own/", {"owner": person.pk})
    assert make_failed(problem(value="Hermes")).assignee == person
    answer = browser.post(f"{page}/merge/", {"into": "CAUSE-0"}, follow=True)
    assert "No cause has that number" in answer.content.decode()
    browser.post(f"{page}/merge/", {"into": mine.cause.human_id})
    other.cause.refresh_from_db()
    assert other.cause.merged_into == mine.cause
    merged = other.cause.merges.get()
    browser.post(f"{page}/unmerge/", {"merge": merged.pk})
    other.cause.refresh_from_db()
    assert other.cause.merged_into is None


def test_a_cause_is_owned_by_who_sees_its_records(boss, make_failed, make_person):
    browser, cause = boss[1], make_failed().cause
    stranger = make_person("stranger", "view_cause")
    page = browser.get(f"/admin/errorqueue/cause/{cause.pk}/change/").content.decode()
    assert "stranger" not in page
    address = f"/admin/errorqueue/cause/{cause.pk}/own/"
    browser.post(address, {"owner": stranger.pk})
    cause.refresh_from_db()
    assert cause.owner is None


def test_without_the_right_nothing_is_merged_or_owned(
    make_person, browser_of, make_failed
):
    looker = browser_of(make_person("ned", "view"))
    line = make_failed()
    for verb in ("own", "merge", "unmerge"):
        address = reverse(f"admin:errorqueue_cause_{verb}", args=[line.cause_id])
        assert looker.post(address).status_code == 403


def test_pages_cost_the_same_for_few_and_many(
    boss, make_failed, django_assert_max_num_queries
):
    for number in range(30):
        make_failed(problem(value=f"Carrier {chr(65 + number)}"))
    tally.refresh()
    with django_assert_max_num_queries(13):  # one asks a server for its time
        boss[1].get("/admin/errorqueue/cause/")
    cause = Cause.objects.first()
    with django_assert_max_num_queries(24):
        boss[1].get(f"/admin/errorqueue/cause/{cause.pk}/change/")
