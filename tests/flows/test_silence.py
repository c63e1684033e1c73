"""F51: a flow that stops without a word, against its own rhythm."""

from datetime import timedelta

import pytest

from errorqueue.alerts import raise_alert
from errorqueue.clock import database_time
from errorqueue.models import Alert, AlertRule, Team
from integrations.models import (
    Attempt,
    Connection,
    Flow,
    FlowHour,
    FlowRhythm,
    InboxEvent,
    ScanPlace,
)
from integrations.sync import pruning, schedules, silence
from integrations.sync.rhythm import counting, wording
from mappings.models import MappingVersion
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
MINUTE = timedelta(minutes=1)
State = FlowRhythm.State


@pytest.fixture
def orders(demo):
    return Flow.objects.get(slug="shopify-orders")


@pytest.fixture
def used_to(orders):
    """A flow that has had so many an hour for weeks, and nothing for a while."""

    def make(per_hour, silent_for, flow=orders, weeks=5):
        now = database_time()
        hour = counting.hour_of(now - silent_for)
        FlowHour.objects.bulk_create(
            FlowHour(flow=flow, hour=hour - number * HOUR, arrivals=per_hour)
            for number in range(1, int(weeks * WEEK / HOUR))
        )
        rhythm = counting.rhythm_of(flow)
        rhythm.since, rhythm.last_at = now - weeks * WEEK, now - silent_for
        rhythm.save()
        return rhythm

    return make


def deliver(shop, *ages, topic="orders/create", prefix=""):
    now = database_time()
    for number, age in enumerate(sorted(ages, reverse=True)):
        InboxEvent.objects.create(
            connection=shop,
            delivery_id=f"{prefix}{topic} {number} {age}",
            topic=topic,
            body=b"{}",
            digest=str(age),
            received_at=now - age,
            state=InboxEvent.State.PROCESSED,
        )


def titles(prefix="silence:"):
    found = Alert.objects.filter(closed_at=None, key__startswith=prefix)
    return list(found.values_list("title", flat=True))


def state_of(flow):
    return FlowRhythm.objects.get(flow=flow).state


def test_f51_a_flow_that_falls_silent_is_told_once_and_ends_with_the_next_order(
    used_to, orders, post_order, drain
):
    used_to(20, 2 * HOUR)
    assert silence.tell_of_silence() == 1
    assert silence.tell_of_silence() == 0
    assert titles() == ["Orders to NetSuite: nothing has come in for 2 h"]
    assert state_of(orders) == State.SILENT
    told = Alert.objects.get(key__startswith="silence:")
    assert (told.flow, told.source) == (str(orders), str(orders.source))
    text = told.text
    assert "in the same hours" in text.lower() and "webhooks still lead to us" in text
    post_order(number=5101)
    drain()
    InboxEvent.objects.update(received_at=database_time() - 10 * timedelta(seconds=1))
    silence.tell_of_silence()
    assert titles() == [] and state_of(orders) == State.STEADY


def test_f51_what_a_sweep_fetched_is_no_sign_of_life(used_to, orders):
    rhythm = used_to(20, 2 * HOUR)
    deliver(orders.source, MINUTE, topic="orders/updated", prefix="gap:")
    assert silence.tell_of_silence() == 1
    rhythm.refresh_from_db()
    assert database_time() - rhythm.last_at > HOUR


def test_f51_a_new_flow_and_a_rare_one_are_never_told(used_to, orders):
    used_to(20, 2 * HOUR, weeks=1)
    assert silence.tell_of_silence() == 0 and state_of(orders) == State.LEARNING
    FlowHour.objects.all().delete()
    FlowRhythm.objects.update(since=database_time() - 6 * WEEK)
    assert silence.tell_of_silence() == 0 and state_of(orders) == State.RARE


def test_f51_a_person_who_paused_the_source_is_not_told(used_to, orders):
    used_to(20, 2 * HOUR)
    Connection.objects.filter(pk=orders.source_id).update(state="paused")
    assert silence.tell_of_silence() == 0


def test_f51_a_flow_that_is_turned_off_ends_its_alert(used_to, orders):
    used_to(20, 2 * HOUR)
    silence.tell_of_silence()
    Flow.objects.filter(pk=orders.pk).update(is_enabled=False)
    silence.tell_of_silence()
    assert titles() == []


# Holidays, and a source that takes all its flows with it


@pytest.fixture
def team(db):
    def make(flow="", **columns):
        name = f"Team {Team.objects.count()}"
        made = Team.objects.create(name=name, zone="UTC", **columns)
        rule = {"name": name, "kind": "silence", "flow": flow, "team": made}
        AlertRule.objects.create(**rule, order=AlertRule.objects.count())
        return made

    return make


def test_f51_a_holiday_of_the_flows_team_is_no_silence(used_to, orders, team):
    today = database_time().date()
    used_to(60, DAY + 2 * HOUR)
    mine = team(holidays=f"{today - DAY} Day of rest\n{today}\n{today - 2 * DAY}")
    assert silence.tell_of_silence() == 0 and titles() == []
    assert state_of(orders) == State.HOLIDAY
    rhythm = FlowRhythm.objects.get(flow=orders)
    said = wording.in_words(orders, rhythm, database_time())
    assert said.endswith("; a holiday, so silence is not told")
    Team.objects.filter(pk=mine.pk).update(holidays="")
    assert silence.tell_of_silence() == 1 and state_of(orders) == State.SILENT
    text = Alert.objects.get(key__startswith="silence:").text
    assert f"holidays of the team {mine.name} is not told" in text


def test_f51_the_holiday_of_another_team_changes_nothing(used_to, orders, team):
    today = database_time().date()
    used_to(60, 2 * HOUR)
    team(flow="Another flow", holidays=f"{today}\n{today - DAY}")
    assert silence.tell_of_silence() == 1


@pytest.fixture
def customers(demo):
    return Flow.objects.get(slug="shopify-customers")


def test_f51_a_source_that_stops_is_one_message_for_all_its_flows(
    used_to, orders, customers, team
):
    used_to(60, 2 * HOUR)
    used_to(30, 3 * HOUR, flow=customers)
    assert silence.tell_of_silence() == 1 and silence.tell_of_silence() == 0
    [told] = Alert.objects.filter(closed_at=None, key__startswith="silence:")
    both = {str(orders), str(customers)}
    assert told.text.count("is silent, too") == 1
    assert all(name in f"{told.title} {told.text}" for name in both)
    assert state_of(orders) == state_of(customers) == State.SILENT
    first = orders if told.flow == str(orders) else customers
    other = customers if first == orders else orders
    FlowRhythm.objects.filter(flow=first).update(last_at=database_time())
    assert silence.tell_of_silence() == 1
    assert [one.split(":")[0] for one in titles()] == [str(other)]


def test_f51_a_flow_of_another_team_is_told_to_that_team(
    used_to, orders, customers, team
):
    team(flow=str(orders))
    team(flow=str(customers))
    used_to(60, 2 * HOUR)
    used_to(30, 3 * HOUR, flow=customers)
    assert silence.tell_of_silence() == 2


def test_f51_what_the_rule_before_this_one_told_is_ended(demo):
    raise_alert("silence:1", "Nothing has come in for 4 hours", "As it was told.")
    silence.tell_of_silence()
    assert titles() == []


def test_f51_deliveries_are_counted_once_by_flow_and_hour(orders, demo):
    deliver(orders.source, 3 * HOUR, 3 * HOUR, MINUTE)
    deliver(orders.source, 2 * MINUTE, topic="customers/update")
    deliver(orders.source, 2 * MINUTE, topic="app/uninstalled")
    counting.count()
    counting.count()
    mine = FlowHour.objects.filter(flow=orders)
    assert sum(mine.values_list("arrivals", flat=True)) == 3
    others = FlowHour.objects.filter(flow__slug="shopify-customers")
    assert sum(others.values_list("arrivals", flat=True)) == 1
    rhythm = FlowRhythm.objects.get(flow=orders)
    assert database_time() - rhythm.last_at < 2 * MINUTE


def test_f51_counting_goes_on_where_it_stopped_and_never_reads_all(
    orders, django_assert_max_num_queries
):
    deliver(orders.source, *(number * MINUTE for number in range(1, 40)))
    counting.count()
    place = ScanPlace.objects.get(name=counting.DELIVERIES).row
    assert place == InboxEvent.objects.order_by("-pk").first().pk
    with django_assert_max_num_queries(20):
        counting.count()


def test_f51_the_first_count_reaches_back_some_weeks_and_no_further(orders):
    deliver(orders.source, 9 * WEEK, 8 * WEEK, 2 * WEEK, HOUR)
    counting.count()
    mine = FlowHour.objects.filter(flow=orders)
    assert sum(mine.values_list("arrivals", flat=True)) == 2


def test_f51_the_place_of_a_moment_is_found_among_the_ids(orders):
    deliver(orders.source, *(number * HOUR for number in range(1, 30)))
    now, events = database_time(), InboxEvent.objects.all()
    for hours in range(1, 29):
        moment = now - hours * HOUR - HOUR / 2
        wanted = events.filter(received_at__gte=moment).order_by("pk")
        found = counting.first_from(events, "received_at", moment)
        assert found == wanted.values_list("pk", flat=True)[0]


def test_f51_failures_of_records_are_counted_and_outages_are_not(
    post_order, drain, netsuite, orders, let_pass
):
    netsuite.fail_next(503, body="<html>x</html>", times=1, path="salesOrder")
    post_order(number=5110)
    drain()
    let_pass(60)
    drain()
    netsuite.fail_next(
        400,
        body='{"o:errorDetails":[{"detail":"Invalid value.","o:errorCode":'
        '"INVALID_CONTENT","o:errorPath":"memo"}]}',
        path="salesOrder",
    )
    post_order(number=5111)
    drain()
    Attempt.objects.update(started_at=database_time() - MINUTE)
    counting.count()
    mine = FlowHour.objects.filter(flow=orders)
    sums = [sum(mine.values_list(name, flat=True)) for name in ("delivered", "failed")]
    assert sums == [1, 1]


def test_f51_a_perfect_run_is_told_unless_a_version_explains_it(used_to, orders):
    used_to(20, MINUTE)
    recent = counting.hour_of(database_time())
    FlowHour.objects.filter(hour__lt=recent - 5 * DAY).update(delivered=20, failed=1)
    FlowHour.objects.filter(hour__gte=recent - 5 * DAY).update(delivered=20)
    versions = MappingVersion.objects.filter(document=orders.mapping_id)
    versions.update(published_at=database_time() - DAY)
    assert silence.tell_of_silence() == 0
    assert "about 1 in 21 did" in FlowRhythm.objects.get(flow=orders).hint
    # Nothing was published since: so nothing explains it.
    versions.update(published_at=database_time() - 9 * DAY)
    assert silence.tell_of_silence() == 1 and silence.tell_of_silence() == 0
    assert titles("toogood:") == [f"{orders}: success is too good to be true"]
    alert = Alert.objects.get(key__startswith="toogood:")
    assert "about 1 in 21 did" in alert.text and alert.kind == Alert.Kind.SILENCE
    FlowHour.objects.filter(hour__gte=recent - DAY).update(failed=1)
    silence.tell_of_silence()
    assert titles("toogood:") == []


# A poll that stands still


@pytest.fixture
def stock(demo):
    Flow.objects.filter(slug="netsuite-inventory").update(is_enabled=True)
    Connection.objects.update(state_since=database_time() - WEEK)
    flow = Flow.objects.select_related("source").get(slug="netsuite-inventory")
    counting.rhythm_of(flow)
    return flow


def test_a_poll_counts_what_is_new_and_that_it_moved(stock, drain, netsuite):
    FlowRhythm.objects.filter(flow=stock).update(moved_at=database_time() - DAY)
    Flow.objects.filter(pk=stock.pk).update(polled_at=None)
    drain()
    rhythm = FlowRhythm.objects.get(flow=stock)
    assert database_time() - rhythm.moved_at < MINUTE and rhythm.last_at
    came = FlowHour.objects.get(flow=stock).arrivals
    assert came > 0
    Flow.objects.filter(pk=stock.pk).update(polled_at=None)
    drain()
    assert FlowHour.objects.get(flow=stock).arrivals == came


def test_a_cursor_that_stands_still_is_told_and_ends_when_it_moves(stock):
    FlowRhythm.objects.filter(flow=stock).update(moved_at=database_time() - 2 * HOUR)
    assert silence.tell_of_silence() == 1
    assert titles("still:") == [
        "Stock to Shopify: its place in the source stands still"
    ]
    counting.note_poll(stock, 0)
    silence.tell_of_silence()
    assert titles("still:") == []


@pytest.mark.parametrize("why", ["paused", "told", "just back"])
def test_a_cursor_that_stands_for_a_known_reason_is_not_told_twice(stock, why):
    FlowRhythm.objects.filter(flow=stock).update(moved_at=database_time() - 2 * HOUR)
    if why == "paused":
        Connection.objects.filter(pk=stock.source_id).update(state="paused")
    elif why == "told":
        raise_alert(f"poll:{stock.pk}", "Changes are not coming in", "The poll fails.")
    else:
        Connection.objects.update(state_since=database_time())
    silence.tell_of_silence()
    assert titles("still:") == []


def test_a_polled_flow_is_not_silent_while_its_source_cannot_be_asked(stock, used_to):
    used_to(20, 2 * HOUR, flow=stock)
    source = Connection.objects.filter(pk=stock.source_id)
    source.update(state="unreachable", state_since=database_time() - HOUR)
    assert silence.tell_of_silence() == 0 and titles() == []
    # It answers again; what waited there has not been asked for yet.
    source.update(state="ready", state_since=database_time() - MINUTE)
    assert silence.tell_of_silence() == 0 and titles() == []
    source.update(state_since=database_time() - HOUR)
    assert silence.tell_of_silence() == 1
    # What was told is not over because it cannot be asked just now.
    source.update(state="unreachable", state_since=database_time() - 2 * HOUR)
    silence.tell_of_silence()
    assert len(titles()) == 1


# Words, schedules, clearing away


def test_the_rhythm_reads_as_people_say_it(used_to, orders):
    rhythm = used_to(15, MINUTE)
    silence.tell_of_silence()
    rhythm.refresh_from_db()
    now = database_time()
    said = wording.in_words(orders, rhythm, now)
    assert said == f"Last order {wording.clock(rhythm.last_at, now)}, usual gap 4 min"
    rhythm.state, rhythm.since = State.LEARNING, now - 4 * DAY - HOUR
    assert wording.in_words(orders, rhythm, now).endswith("; learning, day 5 of 14")
    rhythm.since = now - 15 * DAY
    assert wording.in_words(orders, rhythm, now).endswith("day 14 of 14")
    rhythm.state, rhythm.usual_gap = State.QUIET, None
    assert wording.in_words(orders, rhythm, now).endswith(
        "; usually nothing at this hour"
    )
    rhythm.last_at = None
    assert wording.in_words(orders, rhythm, now).startswith("No order yet")
    assert wording.in_words(orders, None, now) == "Not watched yet"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(40, "40 s"), (240, "4 min"), (3 * 3600, "3 h"), (2 * 86400, "2 days")],
)
def test_a_length_of_time_has_one_unit(seconds, words):
    assert wording.gap(seconds) == words


def test_f51_every_installation_counts_each_minute_and_listens_each_quarter_hour():
    rules = {job: rule for _, job, rule in schedules.DEFAULTS}
    assert (rules["rhythm"], rules["silence"]) == ({"minutes": 1}, {"minutes": 15})
    assert schedules.JOBS["silence"].run is silence.tell_of_silence
    assert schedules.JOBS["rhythm"].run is counting.count


def test_hours_of_long_ago_are_cleared_away(orders):
    hour = counting.hour_of(database_time())
    for age in (6 * WEEK, WEEK):
        FlowHour.objects.create(flow=orders, hour=hour - age, arrivals=1)
    pruning.prune()
    assert FlowHour.objects.count() == 1
