"""Failures as incidents: one alert a cause, at once, never one a record."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.contenttypes.models import ContentType

from errorqueue import alerts, chores, incidents, services, tally
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind, FieldProblem
from errorqueue.models import Alert, Cause, FailedRecord, LineKey, Watermark
from integrations.models import SyncRecord
from integrations.sync import alarms
from tests.errorqueue.alerting import (
    let_alerts_pass,
    make_channel,
    make_rule,
    make_team,
)
from tests.errorqueue.conftest import failure

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
MANY = 10_000


def fail(record, kind=FailureKind.DATA, **changes) -> FailedRecord:
    record = SyncRecord.objects.select_related("flow__source", "flow__target").get(
        pk=record.pk
    )
    alarms.report(record, failure(kind, **changes), 1)
    return FailedRecord.objects.about(record).get()


def recount() -> None:
    """Let the time of a counting pass go by, and count."""
    Watermark.objects.filter(name__startswith=tally.MARK).delete()
    incidents.recount()


def test_a_failure_is_told_with_its_number_sentence_money_and_links(
    make_record, mailoutbox, settings
):
    settings.SITE_URL = "https://waybill.example.com"
    line = fail(make_record(label="#1001"))
    assert alerts.send_waiting() == 1
    [mail] = mailoutbox
    alert = Alert.objects.get()
    assert "postcode that is too long" in mail.subject
    page = f"https://waybill.example.com/admin/errorqueue/alert/{alert.pk}/"
    for words in (
        line.human_id,
        "1,240.00 EUR",
        "Shorten the postcode in Shopify.",
        f"https://waybill.example.com/admin/errorqueue/failedrecord/{line.pk}/change/",
        f"Acknowledge: {page}acknowledge/",
        f"Assign to me: {page}take/",
    ):
        assert words in mail.body
    assert alert.sent_at - line.first_failed_at < MINUTE


def test_records_of_one_cause_are_one_incident_with_count_and_money(make_record):
    lines = [fail(make_record(label=f"#{number}")) for number in range(12)]
    assert len({line.cause_id for line in lines}) == 1
    recount()
    alert = Alert.objects.get()
    assert (alert.count, alert.line, alert.kind) == (12, lines[0], "data")
    assert Decimal(alert.money["EUR"]) == 12 * Decimal("1240.00")


def test_what_retries_by_itself_calls_nobody_yet(make_record):
    record = make_record()
    soon = database_time() + MINUTE
    kind = FailureKind.TEMPORARY
    services.capture(record, record.labels(), failure(kind), next_try_at=soon)
    recount()
    assert not Alert.objects.exists()


def test_the_incident_is_over_when_the_last_record_is_settled(
    make_record, olga, mailoutbox
):
    make_rule(make_team((0, make_channel("Ops"))))
    first, second = (fail(make_record(label=f"#{number}")) for number in (1, 2))
    alerts.send_waiting()
    services.resolve_by_hand(first, olga, "by phone")
    recount()
    assert Alert.objects.get().is_open
    services.resolve_by_hand(second, olga, "by phone")
    recount()
    assert not Alert.objects.get().is_open
    alerts.send_waiting()
    assert mailoutbox[-1].subject.startswith("[Waybill] Over: ")


def test_f96_a_cause_that_comes_back_at_once_is_the_same_incident(
    make_record, olga, mailoutbox
):
    services.resolve_by_hand(fail(make_record(label="#1")), olga, "by phone")
    alerts.send_waiting()
    recount()
    fail(make_record(label="#2"))
    alerts.send_waiting()
    assert len(mailoutbox) == 1
    let_alerts_pass(16 * MINUTE)
    alerts.send_waiting()
    assert len(mailoutbox) == 2


def test_a_return_that_is_large_does_not_wait_whether_it_lasts(
    make_record, olga, mailoutbox
):
    services.resolve_by_hand(fail(make_record(label="#1")), olga, "by phone")
    alerts.send_waiting()
    recount()
    for number in range(10):
        fail(make_record(label=f"#{number}"))
    recount()
    alerts.send_waiting()
    assert len(mailoutbox) == 2 and "10 records" in mailoutbox[1].body


@pytest.mark.parametrize("minutes", [0, 10, 600])
def test_a_failure_that_came_another_way_is_found_and_told(make_line, minutes):
    """Also when nobody could look for hours."""
    make_line()
    long_ago = database_time() - minutes * MINUTE
    FailedRecord.objects.update(touched_at=long_ago)
    assert not Alert.objects.exists()
    Watermark.objects.all().delete()
    chores.run()
    assert Alert.objects.get().key.startswith("cause:")


def test_money_that_comes_when_there_are_fewer_records_goes_to_who_looks_after_it(
    make_record, olga, mailoutbox
):
    money = make_team((0, make_channel("Cfo")), name="Money")
    make_rule(money, min_amount=5_000, order=1)
    make_rule(make_team((0, make_channel("Ops"))), order=9)
    lines = [fail(make_record(amount=Decimal(10))) for _ in range(5)]
    recount()
    alerts.send_waiting()
    for line in lines[1:]:
        services.resolve_by_hand(line, olga, "by phone")
    recount()
    assert [one.to[0] for one in mailoutbox] == ["ops@example.com"]
    fail(make_record(amount=Decimal(9000)))
    recount()
    alerts.send_waiting()
    alert = Alert.objects.get()
    assert (alert.count, Decimal(alert.money["EUR"])) == (5, 9010)
    assert mailoutbox[-1].to == ["cfo@example.com"]


def test_a_rate_is_looked_at_also_below_the_height(make_record, olga, mailoutbox):
    make_rule(make_team((0, make_channel("Rush")), name="Rush"), min_rate=6, order=1)
    make_rule(make_team((0, make_channel("Ops"))), order=9)
    lines = [fail(make_record()) for _ in range(5)]
    recount()
    alerts.send_waiting()
    for line in lines[1:]:
        services.resolve_by_hand(line, olga, "by phone")
    fail(make_record())
    recount()
    alerts.send_waiting()
    assert [one.to[0] for one in mailoutbox] == ["ops@example.com", "rush@example.com"]


def test_the_height_of_each_currency_is_kept():
    known = {"EUR": "10.00", "USD": "7.00"}
    found = incidents.highest(known, {"EUR": "9.0000", "USD": "8.0000", "GBP": "1"})
    assert found == {"EUR": "10.00", "USD": "8.0000", "GBP": "1"}


def test_a_pass_over_many_incidents_asks_as_little_as_over_one(
    make_record, django_assert_max_num_queries
):
    for number in range(12):
        problem = FieldProblem(target="shipMethod", value=f"Drone{number}x", rule="?")
        fail(make_record(), FailureKind.MAPPING, problems=(problem,))
    recount()
    long_ago = database_time() - 60 * MINUTE
    Cause.objects.update(counted_at=long_ago)
    with django_assert_max_num_queries(5):
        incidents.refresh()


def bulk_fail(make_record, count: int) -> None:
    """Open many lines of one cause, as when a whole day's orders fail at once."""
    first = fail(make_record())
    alerts.send_waiting()
    kind = ContentType.objects.get_for_model(SyncRecord)
    taken = {"pk", "id"}
    columns = {
        field.attname: getattr(first, field.attname)
        for field in FailedRecord._meta.concrete_fields
        if field.attname not in taken
    }
    FailedRecord.objects.bulk_create(
        FailedRecord(
            **{**columns, "content_type_id": kind.pk, "object_id": f"x{number}"}
        )
        for number in range(count - 1)
    )


def test_f94_ten_thousand_failures_at_once_are_five_messages_at_most(
    make_record, mailoutbox
):
    make_rule(make_team((0, make_channel("Ops"))))
    bulk_fail(make_record, MANY)
    for _ in range(30):  # half an hour of passes
        recount()
        alerts.send_waiting()
        let_alerts_pass(MINUTE)
    assert FailedRecord.objects.open().count() == MANY
    assert Alert.objects.count() == 1 and Alert.objects.get().count == MANY
    assert "Now 10,000 records" in mailoutbox[-1].subject
    FailedRecord.objects.update(status="resolved", touched_at=database_time())
    for _ in range(5):
        recount()
        alerts.send_waiting()
        let_alerts_pass(MINUTE)
    assert mailoutbox[-1].subject.startswith("[Waybill] Over")
    assert 3 <= len(mailoutbox) <= 5


def test_f94_a_slow_storm_is_five_messages_at_most(make_record, mailoutbox):
    make_rule(make_team((0, make_channel("Ops"))))
    fail(make_record())
    cause = Cause.objects.get()
    for count in (1, 5, 12, 50, 130, 800, 2_000, 9_999, 10_000):
        Cause.objects.filter(pk=cause.pk).update(open_count=count)
        incidents.refresh()
        alerts.send_waiting()
        let_alerts_pass(20 * MINUTE)
    FailedRecord.objects.update(status="resolved")
    incidents.refresh()
    alerts.send_waiting()
    assert len(mailoutbox) == 5


def test_a_thousand_different_causes_are_a_few_messages(make_record, mailoutbox):
    for number in range(60):
        problem = FieldProblem(target="shipMethod", value=f"Drone{number}x", rule="?")
        fail(make_record(), FailureKind.MAPPING, problems=(problem,))
    assert Alert.objects.count() == 60
    for _ in range(3):
        alerts.send_waiting()
        let_alerts_pass(MINUTE)
    assert len(mailoutbox) == 6
    assert "55 incidents" in mailoutbox[-1].subject
    assert not Alert.objects.filter(sent_at=None).exists()


CANARIES = ("CANARY-KEY-77", "jane.canary@example.com", "+44 20 7946 0999")


def test_f97_messages_carry_no_payload_no_secret_and_no_person(make_record, mailoutbox):
    key, mail, phone = CANARIES
    record = make_record(
        label="#1001",
        party="Jane Canary",
        email=mail,
        source={"name": "#1001", "token": key, "note": key, "phone": phone},
    )
    fail(
        record,
        what=f"has no customer for {mail} of Jane Canary, {phone}",
        why=f"NetSuite said: Authorization: Bearer {key}",
        raw=f'{{"token": "{key}", "email": "{mail}"}}',
    )
    alerts.send_waiting()
    told = mailoutbox[0].subject + mailoutbox[0].body
    for canary in (*CANARIES, "Jane Canary"):
        assert canary not in told


@pytest.mark.parametrize(
    ("foreign", "never"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ("<!channel> look", "<!"),
        ("@everyone look", "@everyone"),
        ("[here](https://evil.example/x)", "https://evil"),
        ("see http://evil.example", "http://evil"),
        ("**bold** `code`", "`"),
        ("one\r\nBcc: thief@example.com", "\nBcc"),
        ("one\nAcknowledge: http://evil.example", "\nAcknowledge: http"),
    ],
)
def test_f97_foreign_words_are_one_harmless_line(
    make_record, mailoutbox, foreign, never
):
    fail(make_record(), what=f"says {foreign}")
    alerts.send_waiting()
    assert never not in mailoutbox[0].subject
    assert never not in mailoutbox[0].body.partition("What it is about")[0]
    assert len(mailoutbox[0].subject.splitlines()) == 1


def test_no_key_of_a_search_is_written_by_incidents(make_record):
    fail(make_record())
    before = LineKey.objects.count()
    recount()
    assert LineKey.objects.count() == before
