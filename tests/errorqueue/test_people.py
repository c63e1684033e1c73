"""People at one record: who has it, tags, words, putting off, being there."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from errorqueue import people, services
from errorqueue.admin.people_views import time_of
from errorqueue.clock import database_time
from errorqueue.models import Action, FailedRecord, Presence, Tag
from tests.errorqueue.pages import page_of, text_of

VERBS = ("assign", "hand-over", "tag", "untag", "comment", "snooze", "wake", "claim")


@pytest.fixture
def ann(make_person):
    person = make_person("ann", "view", "assign")
    person.first_name, person.last_name = "Ann", "Archer"
    person.save()
    return person


@pytest.fixture
def otto(make_person):
    return make_person("otto", "view", "assign")


@pytest.fixture
def her_browser(ann, browser_of):
    return browser_of(ann)


@pytest.fixture
def line(make_line):
    return make_line()


def post(client, line, verb, **data):
    return client.post(page_of(line, f"{verb}/"), data, follow=True)


def fresh(line) -> FailedRecord:
    return FailedRecord.objects.get(pk=line.pk)


def verbs_of(line) -> list[str]:
    return list(line.actions.order_by("pk").values_list("verb", flat=True))


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_takes_the_right_to_assign(auditor, line, verb):
    data = {"assignee": "", "words": "x", "tag": "x", "preset": "hour", "on": "1"}
    assert auditor.post(page_of(line, f"{verb}/"), data).status_code == 403
    assert not Action.objects.exists()
    assert not Presence.objects.exists()


@pytest.mark.parametrize("verb", [*VERBS, "presence"])
def test_no_verb_works_by_a_link(her_browser, line, verb):
    assert her_browser.get(page_of(line, f"{verb}/")).status_code == 405


def test_a_post_without_the_forms_token_is_refused(ann, browser_of, line):
    strict = browser_of(ann, enforce_csrf_checks=True)
    assert strict.post(page_of(line, "comment/"), {"words": "x"}).status_code == 403


def test_who_may_only_view_sees_people_and_has_no_forms(auditor, line, otto):
    people.assign(line, otto, otto)
    people.tag(line, "vip", otto)
    answer = auditor.get(page_of(line, "change/"))
    assert "Assigned to otto" in text_of(answer)
    assert "vip" in text_of(answer)
    assert page_of(line, "assign/") not in answer.content.decode()
    assert page_of(line, "comment/") not in answer.content.decode()


def test_a_line_is_given_to_a_colleague_and_to_nobody(her_browser, line, otto):
    shown = text_of(post(her_browser, line, "assign", assignee=otto.pk))
    assert f"{line.human_id} is with otto." in shown
    assert fresh(line).assignee == otto
    assert "is with otto already" in text_of(
        post(her_browser, line, "assign", assignee=otto.pk)
    )
    post(her_browser, line, "assign", assignee="")
    assert fresh(line).assignee is None
    assert verbs_of(line) == ["assign", "assign"]


@pytest.mark.parametrize("chosen", ["999", "x", "9" * 40, "²"])
def test_a_person_who_is_not_there_is_named_as_the_problem(her_browser, line, chosen):
    answer = post(her_browser, line, "assign", assignee=chosen)
    assert "That person does not work on the queue" in text_of(answer)
    assert fresh(line).assignee is None


def test_nobody_gets_a_line_who_cannot_see_the_queue(her_browser, line, db):
    stan = User.objects.create_user("stan", is_staff=True)
    post(her_browser, line, "assign", assignee=stan.pk)
    assert fresh(line).assignee is None
    page = her_browser.get(page_of(line, "change/")).content.decode()
    assert f'<option value="{stan.pk}"' not in page


def test_a_hand_over_needs_a_note_and_keeps_what_was_typed(her_browser, line, otto):
    answer = post(her_browser, line, "hand-over", assignee="", words="Called the shop")
    page = answer.content.decode()
    assert "Choose a colleague from the list." in text_of(answer)
    assert "Called the shop</textarea>" in page
    answer = post(her_browser, line, "hand-over", assignee=otto.pk, words=" ")
    assert "a hand-over needs a note" in text_of(answer)
    assert fresh(line).assignee is None
    post(her_browser, line, "hand-over", assignee=otto.pk, words="Called the shop")
    assert fresh(line).assignee == otto
    assert verbs_of(line) == ["assign", "hand over"]
    shown = text_of(her_browser.get(page_of(line, "change/")))
    assert "handed it over: otto" in shown
    assert "Called the shop" in shown


def test_tags_are_put_on_and_taken_off(her_browser, line):
    post(her_browser, line, "tag", tag="Black Friday")
    post(her_browser, line, "tag", tag="black-friday")
    assert [tag.name for tag in line.tags.all()] == ["black-friday"]
    assert verbs_of(line) == ["tag"]
    post(her_browser, line, "untag", tag="black-friday")
    assert not line.tags.exists()
    assert Tag.objects.filter(name="black-friday").exists()


@pytest.mark.parametrize(("word", "told"), [("", "is empty"), ("§§", "is no tag")])
def test_a_word_that_is_no_tag_is_refused_in_words(her_browser, line, word, told):
    assert told in text_of(post(her_browser, line, "tag", tag=word))
    assert not Tag.objects.exists()


def test_comments_and_actions_stand_in_the_order_of_time(her_browser, line, otto):
    post(her_browser, line, "comment", words="First I look")
    people.assign(line, otto, otto)
    post(her_browser, line, "comment", words="Then I speak\n<b>loud</b>")
    answer = her_browser.get(page_of(line, "change/"))
    shown = text_of(answer).split("What people did and said")[1]
    places = [shown.index(word) for word in ("First I look", "assigned", "Then I")]
    assert places == sorted(places)
    assert "<b>loud</b>" not in answer.content.decode()


def test_a_settled_line_can_be_talked_about_but_not_assigned(
    her_browser, line, olga, otto
):
    services.resolve_by_hand(line, olga, "by phone")
    post(her_browser, line, "comment", words="Well done")
    assert "comment" in verbs_of(line)
    answer = post(her_browser, line, "assign", assignee=otto.pk)
    assert "settled already" in text_of(answer)
    assert fresh(line).assignee is None
    assert page_of(line, "assign/") not in answer.content.decode()


def test_an_empty_or_endless_comment_is_refused_and_kept_on_screen(her_browser, line):
    assert "The comment is empty" in text_of(post(her_browser, line, "comment"))
    answer = post(her_browser, line, "comment", words="y" * 5003)
    assert "3 characters too long" in text_of(answer)
    assert "y" * 5003 in answer.content.decode()
    assert not Action.objects.exists()


def test_presets_mean_what_they_say(her_browser, line, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    with timezone.override(ZoneInfo("Europe/Berlin")):
        now = database_time()
        post(her_browser, line, "snooze", preset="hour", words="asked the shop")
        assert timedelta(minutes=59) < fresh(line).snoozed_until - now
        assert not fresh(line).wakes_when_green
        post(her_browser, line, "snooze", preset="tomorrow")
        until = timezone.localtime(fresh(line).snoozed_until)
        assert (until.hour, until.minute) == (9, 0)
        assert until.date() == timezone.localtime(now).date() + timedelta(days=1)
        post(her_browser, line, "snooze", preset="green")
        assert fresh(line).wakes_when_green
        assert fresh(line).snoozed_until > now + timedelta(days=29)


def test_an_own_time_may_end_sooner_when_it_would_pass(her_browser, line):
    until = timezone.localtime() + timedelta(days=2)
    typed = until.strftime("%Y-%m-%dT%H:%M")
    answer = post(her_browser, line, "snooze", until=typed, green="1")
    assert "or as soon as it would pass" in text_of(answer)
    kept = timezone.localtime(fresh(line).snoozed_until)
    assert kept == until.replace(second=0, microsecond=0)
    assert fresh(line).wakes_when_green


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "a time is missing"),
        ("soon", "“soon” is no time"),
        ("2020-01-01T09:00", "That time is past"),
        ("9999-12-31T23:59", "90 days at most"),
        ("2026-13-45T99:99", "is no time"),
    ],
)
def test_a_time_that_cannot_be_is_refused_and_kept(her_browser, line, typed, told):
    answer = post(her_browser, line, "snooze", until=typed, words="waiting for Bea")
    assert told in text_of(answer)
    assert "waiting for Bea" in answer.content.decode()
    assert fresh(line).snoozed_until is None


def test_waking_ends_the_snooze(her_browser, line, ann):
    people.snooze(line, database_time() + timedelta(hours=2), ann)
    assert "Snoozed until" in text_of(her_browser.get(page_of(line, "change/")))
    assert "is awake again" in text_of(post(her_browser, line, "wake"))
    assert "was awake already" in text_of(post(her_browser, line, "wake"))
    assert verbs_of(line) == ["snooze", "wake"]


def test_each_verb_touches_the_line(her_browser, line, otto):
    before = fresh(line).touched_at
    for verb, data in (
        ("assign", {"assignee": otto.pk}),
        ("tag", {"tag": "vip"}),
        ("untag", {"tag": "vip"}),
        ("snooze", {"preset": "hour"}),
        ("wake", {}),
    ):
        post(her_browser, line, verb, **data)
        assert fresh(line).touched_at > before, verb
        before = fresh(line).touched_at


def test_colleagues_see_who_has_it_open_and_who_is_on_it(
    her_browser, auditor, otto, browser_of, line
):
    assert auditor.post(page_of(line, "presence/")).json()["said"] == []
    assert her_browser.post(page_of(line, "presence/")).json() == {
        "said": ["aurelia has this open"],
        "is_on_it": False,
    }
    post(browser_of(otto), line, "claim", on="1")
    found = her_browser.post(page_of(line, "presence/")).json()
    assert found["said"] == ["otto is on this", "aurelia has this open"]
    seen = auditor.post(page_of(line, "presence/")).json()["said"]
    assert seen == ["otto is on this", "Ann Archer has this open"]


def test_the_claim_can_be_pressed_by_script_and_taken_back(her_browser, line):
    accept = {"Accept": "application/json"}
    address = page_of(line, "claim/")
    told = her_browser.post(address, {"on": "1"}, headers=accept)
    assert told.json() == {"said": [], "is_on_it": True}
    assert her_browser.post(address, {"on": "0"}, headers=accept).json() == {
        "said": [],
        "is_on_it": False,
    }


def test_who_left_is_not_shown_but_a_claim_lasts_a_while(her_browser, line, otto):
    people.see(line, otto, claims=True)
    mine = Presence.objects.filter(user=otto)
    mine.update(seen_at=database_time() - timedelta(minutes=5))
    address = page_of(line, "presence/")
    assert her_browser.post(address).json()["said"] == ["otto is on this"]
    mine.update(seen_at=database_time() - timedelta(minutes=16))
    assert her_browser.post(address).json()["said"] == []
    people.see(line, otto, claims=False)
    mine.update(seen_at=database_time() - timedelta(seconds=40))
    assert her_browser.post(address).json()["said"] == []


def test_what_was_seen_days_ago_is_forgotten(ann, make_line):
    old, new = make_line(), make_line()
    people.see(old, ann)
    Presence.objects.update(seen_at=database_time() - timedelta(days=2))
    people.see(new, ann)
    assert [one.line_id for one in Presence.objects.all()] == [new.pk]


def test_the_page_costs_the_same_however_much_was_said(her_browser, line, ann):
    def cost() -> int:
        her_browser.get(page_of(line, "change/"))
        with CaptureQueriesContext(connection) as queries:
            her_browser.get(page_of(line, "change/"))
        return len(queries)

    before = cost()
    for number in range(12):
        people.comment(line, f"word {number}", ann)
        people.tag(line, f"tag-{number}", ann)
    assert cost() == before


def test_a_time_that_the_clock_skips_is_refused_in_words():
    with (
        timezone.override(ZoneInfo("Europe/Berlin")),
        pytest.raises(people.Unusable, match="is no time"),
    ):
        time_of("2027-03-28T02:30")
