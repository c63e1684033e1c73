"""Channels, teams and alert rules in a file."""

from datetime import time
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User

from errorqueue import alerts
from errorqueue.alerting import channels, rules
from errorqueue.clock import database_time
from errorqueue.models import Alert, AlertRule, Cause, Channel, RoutingRule, Team
from integrations.configuration.export import export_text
from tests.configuration.conftest import CANARY, SHOP, line_of

ALERTING = """
channels:
  - name: Ops room
    kind: webhook
    address: "${OPS_URL}"
    secret: "${OPS_SECRET}"
  - {name: On call, kind: mail, address: oncall@example.com}
  - {name: Watcher, kind: heartbeat, address: "${OPS_URL}", is_active: no}
teams:
  - name: Operations
    zone: Europe/Berlin
    members: [olga]
    days: [monday, tuesday, friday]
    opens: "08:00"
    closes: 18:30
    holidays:
      - 2026-12-25 Christmas
      - 2027-01-01
    quiet_from: 22:00
    quiet_until: 07:00
    is_quiet_off_days: true
    daily_at: 08:15
    weekly_on: monday
    weekly_at: 09:00
    steps:
      - {channel: Ops room, second: On call, duty: work}
      - {channel: On call, duty: off}
      - {after_minutes: 15, person: olga}
alert_rules:
  - name: Large orders
    order: 5
    kind: data
    flow: Orders to NetSuite
    connection: NetSuite (Northwind)
    min_amount: 5000
    min_count: 10
    min_rate: 3
    team: Operations
    is_immediate: true
  - {name: The rest, order: 90, team: Operations}
"""
SECRETS = {
    "OPS_URL": f"https://hooks.example.com/{CANARY}-url",
    "OPS_SECRET": f"{CANARY}-secret",
}


@pytest.fixture
def olga(db):
    return User.objects.create_user("olga", email="olga@example.com", is_staff=True)


@pytest.fixture
def enter(run, olga):
    """Enter the shop with its alerting, changed by pairs of texts."""

    def enter(*pairs, environ=None, **options):
        text = ALERTING
        for before, after in pairs:
            assert before in text
            text = text.replace(before, after, 1)
        return run(SHOP + text, SECRETS | (environ or {}), **options)

    return enter


def alerting_lines(outcome) -> list[str]:
    heads = ("channel ", "team ", "alert rule ")
    return [line for line in outcome.changes if line.startswith(heads)]


def test_everything_is_entered_as_the_file_says(enter, olga):
    enter()
    team = Team.objects.get()
    assert (team.zone, team.days, team.opens, team.closes) == (
        *("Europe/Berlin", [0, 1, 4], time(8), time(18, 30)),
    )
    assert team.holidays == "2026-12-25 Christmas\n2027-01-01"
    assert (team.quiet_from, team.quiet_until) == (time(22), time(7))
    assert (team.daily_at, team.weekly_on, team.weekly_at) == (
        *(time(8, 15), 0, time(9)),
    )
    assert team.is_quiet_off_days and team.tells_end
    assert list(team.members.all()) == [olga]
    steps = [
        (step.after_minutes, str(step.who), str(step.second or ""), step.duty)
        for step in team.steps.all()
    ]
    assert steps == [
        (0, "Ops room", "On call", "work"),
        (0, "On call", "", "off"),
        (15, "olga", "", ""),
    ]
    rule = AlertRule.objects.get(name="Large orders")
    assert (rule.min_amount, rule.min_count, rule.min_rate) == (Decimal(5000), 10, 3)
    assert rules.sentence(rule) == (
        "Incidents of the kind “Wrong data” of Orders to NetSuite at NetSuite "
        "(Northwind) worth 5,000 or more of 10 records or more with 3 or more new "
        "failures an hour go to Operations, at any hour."
    )


def test_addresses_are_sealed_and_said_nowhere(enter):
    outcome = enter()
    room = Channel.objects.get(name="Ops room")
    assert channels.opened(room) == (SECRETS["OPS_URL"], SECRETS["OPS_SECRET"])
    assert CANARY not in room.sealed_address + room.hint
    said = alerting_lines(outcome)
    assert said[:3] == [
        "channel Ops room: created",
        "channel Ops room: address set",
        "channel Ops room: secret set",
    ]
    assert CANARY not in "\n".join(outcome.changes)
    assert not Channel.objects.get(name="Watcher").is_active


def test_a_second_run_changes_nothing_and_keeps_every_row(enter):
    enter()
    before = [
        list(model.objects.order_by("pk").values())
        for model in (Channel, Team, Team.steps.rel.related_model, AlertRule)
    ]
    assert enter().changes == []
    after = [
        list(model.objects.order_by("pk").values())
        for model in (Channel, Team, Team.steps.rel.related_model, AlertRule)
    ]
    assert before == after


def test_a_dry_run_says_what_would_change_and_changes_nothing(enter):
    said = alerting_lines(enter(dry_run=True))
    assert "team Operations: created" in said and "alert rule The rest: created" in said
    assert not (Channel.objects.exists() or Team.objects.exists())
    assert alerting_lines(enter()) == said


def test_what_differs_is_changed_and_said_in_words(enter):
    enter()
    outcome = enter(
        ("[monday, tuesday, friday]", "[sunday, monday]"),
        ("18:30", "17:00"),
        ("weekly_on: monday\n    weekly_at: 09:00", "weekly_on:\n    weekly_at:"),
        ("      - 2027-01-01\n", ""),
        ("members: [olga]", "members: []"),
        (", duty: off}", ", duty: off, second: Ops room}"),
        ("order: 90", "order: 80"),
        ("is_active: no", "is_active: yes"),
        environ={"OPS_SECRET": f"{CANARY}-another"},
    )
    assert alerting_lines(outcome) == [
        "channel Ops room: secret replaced",
        "channel Watcher: is_active no → yes",
        "team Operations: closes 18:30 → 17:00",
        "team Operations: weekly_at 09:00 → never",
        "team Operations: weekly_on monday → never",
        "team Operations: days monday, tuesday, friday → monday, sunday",
        "team Operations: holidays 2026-12-25 Christmas, 2027-01-01 → "
        "2026-12-25 Christmas",
        "team Operations: members: none",
        "team Operations: steps: Ops room after 0 min in working hours, else On call; "
        "On call after 0 min outside working hours, else Ops room; olga after 15 min",
        "alert rule The rest: order 90 → 80",
    ]
    assert CANARY not in "\n".join(outcome.changes)


def test_what_is_left_out_stays_as_the_console_has_it(enter, run):
    enter()
    run("teams: [{name: Operations, tells_end: no}]\n")
    run("channels: [{name: Ops room, kind: webhook, is_active: no}]\n")
    team, room = Team.objects.get(), Channel.objects.get(name="Ops room")
    assert not team.tells_end and team.steps.count() == 3 and team.members.count() == 1
    assert channels.opened(room)[1] == SECRETS["OPS_SECRET"] and not room.is_active


def test_the_export_enters_the_same_into_an_empty_console(enter, run):
    enter()
    exported = export_text()
    assert CANARY not in exported and "oncall@" not in exported
    assert "address: ${CHANNEL_OPS_ROOM_ADDRESS}" in exported
    Team.objects.get().steps.all().delete()
    for model in (AlertRule, Team, Channel):
        model.objects.all().delete()
    own = {
        "CHANNEL_OPS_ROOM_ADDRESS": SECRETS["OPS_URL"],
        "CHANNEL_OPS_ROOM_SECRET": SECRETS["OPS_SECRET"],
        "CHANNEL_ON_CALL_ADDRESS": "oncall@example.com",
        "CHANNEL_WATCHER_ADDRESS": SECRETS["OPS_URL"],
    }
    alone = "channels:" + exported.partition("\nchannels:")[2].partition("routing:")[0]
    assert run(alone, own).changes
    assert export_text() == exported
    assert run(alone, own).changes == []


def test_two_channels_whose_names_read_alike_export_two_variables(enter):
    enter()
    Channel.objects.filter(name="Watcher").update(name="Ops-room")
    assert "${CHANNEL_OPS_ROOM_2_ADDRESS}" in export_text()


def test_a_rule_for_one_cause_stays_in_the_console(enter):
    enter()
    now = database_time()
    cause = Cause.objects.create(fingerprint="f", first_seen_at=now, last_seen_at=now)
    team = Team.objects.get()
    AlertRule.objects.create(name="That cause", team=team, cause=cause)
    assert "That cause" not in export_text()


def test_a_rule_of_the_queue_may_name_a_team_of_the_same_files(enter, run):
    text = ALERTING + "routing: [{name: Orders, due_hours: 4, team: Operations}]\n"
    run(SHOP + text, SECRETS)
    assert RoutingRule.objects.get().team == Team.objects.get()


@pytest.mark.parametrize(
    ("before", "after", "path", "told"),
    [
        ('"${OPS_URL}"', "https://a.example/x", "channels[Ops room].address", 'write "${CHANNEL_OPS_ROOM_ADDRESS}"'),
        ('"${OPS_SECRET}"', "hush", "channels[Ops room].secret", "A secret may not stand in a file."),
        ("oncall@example.com", "nobody", "channels[On call].address", "“nobody” is no e-mail address."),
        (", address: oncall@example.com", "", "channels[On call].kind", 'Add address: "${CHANNEL_ON_CALL_ADDRESS}".'),
        ("address: oncall@example.com", 'address: o@example.com, secret: "${OPS_SECRET}"', "channels[On call].secret", "Leave secret out."),
        ("kind: mail", "kind: fax", "channels[On call].kind", "“fax” is not known."),
        ("name: On call, kind", "name: Ops room, kind", "channels[Ops room].name", "This name stands at"),
        ("Europe/Berlin", "Mars/Olympus", "teams[Operations].zone", "Write one like Europe/Berlin."),
        ("[olga]", "[olaf]", "teams[Operations].members", "Did you mean olga?"),
        ("person: olga", "person: olaf", "teams[Operations].steps[3].person", "Nobody with the name “olaf”"),
        ("tuesday", "tueday", "teams[Operations].days[2]", "Did you mean tuesday?"),
        ("[monday, tuesday, friday]", "[]", "teams[Operations].days", "one day at least"),
        ("- 2027-01-01", "- New Year", "teams[Operations].holidays[2]", "Write it as in 2026-12-25"),
        ("closes: 18:30", "closes: late", "teams[Operations].closes", "“late” cannot stand here."),
        ("    quiet_until: 07:00\n", "", "teams[Operations]", "quiet_from and quiet_until go together."),
        ("quiet_until: 07:00", "quiet_until: 22:00", "teams[Operations].quiet_until", "Let it end earlier."),
        ("weekly_on: monday", "weekly_on:", "teams[Operations].weekly_on", "Add weekly_on, or empty both."),
        ("{channel: On call, duty", "{channel: On cal, duty", "teams[Operations].steps[2].channel", "Did you mean On call?"),
        ("{channel: On call, duty", "{channel: Watcher, duty", "teams[Operations].steps[2].channel", "A heartbeat calls nobody."),
        ("second: On call", "second: Nowhere", "teams[Operations].steps[1].second", "There is no channel “Nowhere”"),
        ("{after_minutes: 15, person: olga}", "{after_minutes: 15}", "teams[Operations].steps[3]", "Give one of the two."),
        ("after_minutes: 15", "after_minutes: 5000", "teams[Operations].steps[3].after_minutes", "from 0 to 2880"),
        ("duty: off", "duty: night", "teams[Operations].steps[2].duty", "“night” is not known."),
        ("flow: Orders to NetSuite", "flow: Orders", "alert_rules[Large orders].flow", "There is no flow “Orders”"),
        ("connection: NetSuite", "connection: NetSweet", "alert_rules[Large orders].connection", "Did you mean NetSuite (Northwind)?"),
        ("min_amount: 5000", "min_amount: -1", "alert_rules[Large orders].min_amount", "Write it without a sign."),
        ("min_count: 10", "min_count: many", "alert_rules[Large orders].min_count", "Write a whole number"),
        ("kind: data", "kind: date", "alert_rules[Large orders].kind", "Did you mean data?"),
        ("order: 90, team: Operations", "order: 90, team: Nobody", "alert_rules[The rest].team", "There is no team “Nobody”"),
        (", order: 90, team: Operations", "", "alert_rules[The rest]", "Add team."),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_line_and_a_remedy(
    problems, olga, before, after, path, told
):
    assert before in ALERTING
    text = SHOP + ALERTING.replace(before, after, 1)
    found = [one for one in problems(text, SECRETS) if f": {path}: " in one]
    assert found and told in found[0], problems(text, SECRETS)
    assert found[0].startswith("shop.yaml:")
    assert not (Channel.objects.exists() or Team.objects.exists())
    assert CANARY not in found[0]


def test_a_problem_with_an_address_does_not_show_it(problems, olga):
    address = f"https://127.0.0.1/{CANARY}"
    found = problems(SHOP + ALERTING, SECRETS | {"OPS_URL": address})
    line = line_of(SHOP + ALERTING, 'address: "${OPS_URL}"')
    assert found[0].startswith(f"shop.yaml:{line}: channels[Ops room].address: ")
    assert "inside this network" in found[0] and CANARY not in "\n".join(found)
    text = SHOP + ALERTING.replace("oncall@example.com", '"${ON_CALL}"')
    [found] = problems(text, SECRETS | {"ON_CALL": CANARY})
    assert found.endswith("“${ON_CALL}” is no e-mail address.")


def test_a_person_without_an_address_is_not_called(problems, olga):
    User.objects.update(email="")
    [found] = problems(SHOP + ALERTING, SECRETS)
    assert "olga has no e-mail address. Enter one on their page." in found


def test_another_kind_needs_another_address(enter, problems):
    enter()
    text = "channels: [{name: On call, kind: slack}]\n"
    [found] = problems(text, SECRETS)
    assert "The address of this kind of channel is missing." in found


def test_f98_an_address_that_no_key_opens_is_not_overwritten(enter, problems, settings):
    enter()
    before = list(Channel.objects.values_list("sealed_address", flat=True))
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    found = problems(ALERTING, SECRETS)
    assert sum("WAYBILL_FIELD_KEYS" in one for one in found) == 3
    assert list(Channel.objects.values_list("sealed_address", flat=True)) == before


def test_what_a_file_entered_decides_who_is_told(enter, mailoutbox):
    enter()
    on_call = Channel.objects.get(name="On call")
    Team.objects.get().steps.update(channel=on_call, person=None, duty="")
    about = alerts.About(kind="access", connection="Magento")
    alerts.raise_alert("access:1", "Title", "Text", about=about)
    alerts.send_waiting()
    assert Alert.objects.get().rule.name == "The rest"
    assert {one.to[0] for one in mailoutbox} == {"oncall@example.com"}
