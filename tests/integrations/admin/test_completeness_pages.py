"""The pages of completeness: who sees what, in words, on paper and as a file."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from page_builders import in_group

from errorqueue.clock import database_time
from integrations.models import (
    Certificate,
    Flow,
    FlowRhythm,
    Gap,
    GapCheck,
    GapSweep,
    SyncRecord,
)
from integrations.sync.completeness import certifying, days
from integrations.sync.completeness.comparing import Sums
from integrations.sync.rhythm.counting import rhythm_of
from tests.errorqueue.conftest import flow

__all__ = ["flow"]

LIST = "/admin/integrations/completeness/"
NONE_FOUND = {"found": 0, "behind": 0, "fetched": 0, "found_before": 0}


@pytest.fixture
def yesterday():
    return days.today(database_time()) - days.ONE_DAY


@pytest.fixture
def person(client):
    """Somebody with so many rights, logged in."""

    def make(*rights):
        user = User.objects.create(username="somebody", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        client.force_login(user)
        return client

    return make


@pytest.fixture
def check(flow, yesterday):
    def make(day=yesterday, **columns):
        now = database_time()
        since, until = days.bounds(day)
        sweep = GapSweep.objects.create(kind=GapSweep.Kind.NIGHTLY, asked_at=now)
        told = {"since": since, "until": until, "try_at": now, "phase_at": now}
        return GapCheck.objects.create(
            sweep=sweep, flow=flow, day=day, **(told | columns)
        )

    return make


@pytest.fixture
def certified(check):
    def make(counts, money=None, found=None, **columns):
        made = check(
            listed=sum(counts[part] for part in counts if part in Certificate.PARTS),
            phase=GapCheck.Phase.DONE,
            ended_at=database_time(),
            **columns,
        )
        sums = Sums(dict(counts), money or {})
        return certifying.certify(made, sums, NONE_FOUND | (found or {}))

    return make


def body_of(client, address=LIST):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def day_of(day):
    return reverse("admin:completeness_day", args=[day.isoformat()])


@pytest.mark.parametrize(
    ("counts", "words", "tone"),
    [
        ({"delivered": 1500}, "Complete", "good"),
        ({"delivered": 9, "by_rule": 2, "by_person": 1}, "Complete", "good"),
        ({"delivered": 9, "queued": 1}, "All here, not all sent", "warn"),
        ({"delivered": 9, "waiting": 1}, "All here, not all sent", "warn"),
        ({"delivered": 9, "missing": 3}, "3 missing", "bad"),
        ({}, "Complete", "good"),
    ],
)
def test_a_day_says_in_words_and_colour_how_it_stands(
    admin_client, certified, counts, words, tone
):
    certified(counts)
    assert f'<span class="pill pill-{tone}">{words}</span>' in body_of(admin_client)


def test_amounts_that_differ_are_amber_and_named(admin_client, certified, yesterday):
    certified({"delivered": 2}, {"USD": {"source": "110.00", "delivered": "100.00"}})
    assert "Amounts differ" in body_of(admin_client)
    assert "10.00 USD more than the ledger" in body_of(admin_client, day_of(yesterday))


def test_a_later_look_that_failed_hides_no_behind_an_older_good_one(
    admin_client, certified, check, yesterday
):
    certified({"delivered": 5})
    check(phase=GapCheck.Phase.FAILED, problem="Access denied for orders field")
    for address in (LIST, day_of(yesterday)):
        body = body_of(admin_client, address)
        assert "Could not be compared" in body and "Access denied" in body


def test_the_day_page_shows_sums_money_and_links_to_the_story(
    admin_client, certified, yesterday, flow
):
    made = certified(
        {"delivered": 3, "missing": 1},
        {"USD": {"source": "40.00", "delivered": "30.00", "missing": "10.00"}},
        {"found": 2, "fetched": 1},
    )
    check = GapCheck.objects.get()
    at = made.since + timedelta(hours=5)
    told = {"check_of": check, "flow": flow, "kind": "missing", "found_at": at}
    Gap.objects.create(**told, source_key="1", label="#1", changed_at=at)
    Gap.objects.create(
        **told, source_key="2", label="#2", changed_at=at, problem="Refused."
    )
    record = SyncRecord.objects.create(
        flow=flow,
        target_connection=flow.target,
        source_key="1",
        source={},
        due_at=at,
        state=SyncRecord.State.DELIVERED,
    )
    body = body_of(admin_client, day_of(yesterday))
    assert "40.00 USD" in body and "30.00 USD" in body and made.digest in body
    assert reverse("admin:story_record", args=[record.pk]) in body
    assert "found 2 missing" in body and "Refused." in body


@pytest.fixture
def removed(certified, flow):
    """Two orders that the source lists no more, one of which it still has."""

    def make(count=2, **more):
        made = certified({"delivered": 3, "removed": count}, **more)
        check = GapCheck.objects.order_by("-pk").first()
        at = made.since + timedelta(hours=5)
        for number in range(count):
            line = {"flow": flow, "source_key": f"9{number}"}
            SyncRecord.objects.create(
                **line,
                target_connection=flow.target,
                label=f"#90{number}",
                source={},
                due_at=at,
                state=SyncRecord.State.DELIVERED,
            )
            Gap.objects.create(
                **line,
                check_of=check,
                kind="removed",
                changed_at=at,
                found_at=at,
                fetched_at=at,
                is_gone=number == 0,
            )
        return made

    return make


def test_an_older_version_in_the_ledger_is_not_shown_as_arrived(
    admin_client, certified, yesterday, flow
):
    made = certified({"missing": 1})
    at = made.since + timedelta(hours=5)
    record = SyncRecord.objects.create(
        flow=flow,
        target_connection=flow.target,
        source_key="1",
        source={},
        due_at=at,
        changed_at=at - timedelta(hours=1),
        state=SyncRecord.State.HELD,
    )
    told = {"check_of": GapCheck.objects.get(), "flow": flow, "found_at": at}
    Gap.objects.create(**told, kind="behind", source_key="1", changed_at=at)
    assert "Older here" in body_of(admin_client, day_of(yesterday))
    SyncRecord.objects.filter(pk=record.pk).update(changed_at=at)
    body = body_of(admin_client, day_of(yesterday))
    assert "Older here" not in body and "On hold" in body


def test_what_the_source_lists_no_more_is_a_figure_with_its_list(
    admin_client, removed, yesterday
):
    made = removed()
    assert (made.source_count, made.removed, made.adds_up) == (3, 2, True)
    body = body_of(admin_client, day_of(yesterday))
    assert "What the source lists no more (2)" in body and "#900" in body
    assert "Deleted, or not shown to us" in body and "There, on no list" in body
    assert "No longer listed" in body and "Of this day in all" in body
    assert "What had not come by itself" not in body
    record = SyncRecord.objects.get(label="#901")
    assert reverse("admin:story_record", args=[record.pk]) in body
    shown = body_of(admin_client)
    assert '<span class="pill pill-good">Complete</span>' in shown
    assert "3 listed, 2 no longer" in shown


def test_a_day_on_which_nothing_was_deleted_says_nothing_of_it(
    admin_client, certified, yesterday
):
    certified({"delivered": 3})
    body = body_of(admin_client, day_of(yesterday))
    assert "No longer listed" not in body and "Of this day in all" not in body


def test_the_file_tells_no_figure_from_before_it_was_asked_for(
    admin_client, certified, yesterday
):
    certified({"delivered": 3, "removed": 1})
    Certificate.objects.filter(pk=certified({"delivered": 3}).pk).update(removed=None)
    answer = admin_client.get(
        f"{LIST}certificates.csv?first={yesterday}&last={yesterday}"
    )
    text = answer.content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["No longer listed"] for line in lines] == ["1", ""]


def test_every_earlier_certificate_of_a_day_stays_to_be_seen(
    admin_client, certified, yesterday
):
    certified({"delivered": 3, "missing": 1})
    certified({"delivered": 4})
    body = body_of(admin_client, day_of(yesterday))
    assert "Earlier certificates of this day (1)" in body and "1 missing" in body
    assert "Complete" in body_of(admin_client) and "1 missing" not in body_of(
        admin_client
    )


def test_a_broken_chain_is_told_at_the_head_of_each_page(
    admin_client, certified, yesterday
):
    certified({"delivered": 3})
    assert "Chain whole" in body_of(admin_client)
    Certificate.objects.update(delivered=4, source_count=4)
    for address in (LIST, day_of(yesterday)):
        body = body_of(admin_client, address)
        assert "was changed after it was made" in body and "Chain whole" not in body


def test_a_page_walks_the_newest_part_of_a_long_chain(certified):
    for _ in range(5):
        certified({"delivered": 1})
    first = Certificate.objects.order_by("pk").first()
    Certificate.objects.filter(pk=first.pk).update(delivered=2)
    assert certifying.verify(3) == certifying.Verdict(3)
    assert "was changed" in certifying.verify().broken
    newest = Certificate.objects.first()
    Certificate.objects.filter(pk=newest.pk).update(delivered=2)
    assert "was changed" in certifying.verify(3).broken


def test_a_day_that_nobody_compared_says_how_it_comes_to_be(admin_client, yesterday):
    body = body_of(admin_client, day_of(yesterday))
    assert "Nothing was compared for this day yet" in body
    assert admin_client.get(f"{LIST}2026-02-31/").status_code == 404


@pytest.fixture
def listed(vendors, monkeypatch):
    """A shop that can list its orders."""
    monkeypatch.setattr(vendors.Shop, "lists", frozenset({"order"}))


def test_the_button_asks_the_workers_and_does_no_work_itself(
    admin_client, flow, listed, yesterday
):
    rhythm_of(flow)
    FlowRhythm.objects.update(since=database_time() - timedelta(days=9))
    shown = {"first": yesterday.isoformat(), "last": yesterday.isoformat()}
    answer = admin_client.post(f"{LIST}run/", shown, follow=True)
    check = GapCheck.objects.get()
    assert (check.phase, check.day) == (GapCheck.Phase.LISTING, yesterday)
    body = answer.content.decode()
    assert f"{LIST}progress/{check.sweep_id}/" in body and "Compare now" not in body
    told = admin_client.get(f"{LIST}progress/{check.sweep_id}/").json()
    assert told["is_moving"] and told["sentence"].startswith("0 of 1 days")
    answer = admin_client.post(f"{LIST}run/", shown, follow=True)
    assert "A comparison is under way" in answer.content.decode()


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("", "2026-11-02", "Choose the first and the last day."),
        ("2026-11-03", "2026-11-02", "not behind the last"),
        ("2025-01-01", "2026-01-01", "at most 31 days"),
    ],
)
def test_a_choice_that_makes_no_sense_is_told(admin_client, flow, first, last, words):
    asked = {"first": first, "last": last}
    answer = admin_client.post(f"{LIST}run/", asked, follow=True)
    assert words in answer.content.decode() and not GapCheck.objects.exists()


def test_who_may_look_may_not_compare_and_others_see_nothing(
    person, certified, yesterday
):
    certified({"delivered": 3})
    reader = person("view_certificate", "view_mappingversion")
    assert "Compare now" not in body_of(reader)
    assert reader.post(f"{LIST}run/").status_code == 403
    User.objects.all().delete()
    stranger = person("view_flow")
    for address in (LIST, day_of(yesterday), f"{LIST}certificates.csv"):
        assert stranger.get(address).status_code == 403


@pytest.mark.parametrize(
    ("group", "may_run"),
    [
        ("Operators", True),
        ("Integration admins", True),
        ("Finance reviewers", False),
        ("Auditors", False),
    ],
)
def test_the_shipped_roles_see_it_in_their_menu_and_two_may_compare(
    client, db, group, may_run
):
    client.force_login(in_group("somebody", group))
    body = body_of(client)
    assert f'href="{LIST}"' in body_of(client, "/admin/")
    assert ("Compare now" in body) is may_run
    assert client.post(f"{LIST}run/").status_code == (302 if may_run else 403)


def test_the_file_holds_every_figure_and_both_digests(
    admin_client, certified, yesterday
):
    first = certified({"delivered": 3}, {"USD": {"source": "9.5", "delivered": "9.5"}})
    second = certified({"delivered": 4})
    answer = admin_client.get(
        f"{LIST}certificates.csv?first={yesterday}&last={yesterday}"
    )
    assert "attachment" in answer.headers["Content-Disposition"]
    text = answer.content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["Digest"] for line in lines] == [first.digest, second.digest]
    assert lines[1]["Digest before"] == first.digest
    assert lines[0]["Amounts"] == "USD source 9.50, delivered 9.50"
    assert lines[0]["Delivered"] == lines[0]["Source lists"] == "3"


def test_the_list_costs_as_many_questions_for_many_days_as_for_one(
    admin_client, certified, django_assert_max_num_queries
):
    now = days.today(database_time())
    for number in range(1, 13):
        certified({"delivered": number}, day=now - number * days.ONE_DAY)
    with django_assert_max_num_queries(40):
        body_of(admin_client)


# The rhythm of a flow


def test_a_flow_shows_its_rhythm_in_the_list_and_on_its_page(admin_client, flow):
    rhythm = rhythm_of(flow)
    now = database_time()
    FlowRhythm.objects.filter(pk=rhythm.pk).update(
        state=FlowRhythm.State.STEADY, last_at=now, usual_gap=240, hint="None failed."
    )
    page = reverse("admin:integrations_flow_change", args=[flow.pk])
    for address in (reverse("admin:integrations_flow_changelist"), page):
        body = body_of(admin_client, address)
        assert "In rhythm" in body and "usual gap 4 min" in body
        assert "Too good?" in body and "None failed." in body
    Flow.objects.filter(pk=flow.pk).update(is_enabled=False)
    assert "In rhythm" not in body_of(admin_client, page)
    FlowRhythm.objects.all().delete()
    assert "Not watched yet" in body_of(admin_client, page)
    assert body_of(admin_client, reverse("admin:integrations_flow_add"))


def test_a_hint_names_the_records_that_were_sent_last(admin_client, flow):
    record = SyncRecord.objects.create(
        flow=flow,
        target_connection=flow.target,
        source_key="1",
        label="#77",
        source={},
        due_at=database_time(),
    )
    rhythm = rhythm_of(flow)
    FlowRhythm.objects.filter(pk=rhythm.pk).update(last_records=[record.pk, 999_999])
    page = reverse("admin:integrations_flow_change", args=[flow.pk])
    assert "Sent last" not in body_of(admin_client, page)
    FlowRhythm.objects.filter(pk=rhythm.pk).update(hint="All the same.")
    body = body_of(admin_client, page)
    story = reverse("admin:story_record", args=[record.pk])
    assert f'<a href="{story}">Order #77</a>' in body
    assert "#77" not in body_of(
        admin_client, reverse("admin:integrations_flow_changelist")
    )
