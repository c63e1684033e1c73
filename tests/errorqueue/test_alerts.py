from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from errorqueue import alerts
from errorqueue.alerting import planning, sending
from errorqueue.clock import database_time
from errorqueue.models import Alert, Message

pytestmark = pytest.mark.django_db


def raise_one(**changes) -> bool:
    values = {
        "key": "access:7",
        "title": "NetSuite refuses our log-in",
        "text": "Records for it wait safely.",
        "link": "/admin/integrations/connection/7/change/",
    }
    return alerts.raise_alert(**{**values, **changes})


def make_due() -> None:
    Message.objects.update(try_at=database_time() - timedelta(seconds=1))


@pytest.fixture
def broken_mail(monkeypatch):
    def refuse(self, messages):
        raise ConnectionRefusedError("mail server away")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    return monkeypatch


def test_an_alert_reaches_people_with_words_and_a_link(settings):
    settings.SITE_URL = "https://waybill.example.com"
    raise_one()
    alerts.send_waiting()
    (message,) = mail.outbox
    assert message.subject == "[Waybill] NetSuite refuses our log-in"
    assert message.to == ["operators@example.com"]
    assert "Records for it wait safely." in message.body
    assert (
        "https://waybill.example.com/admin/integrations/connection/7/" in message.body
    )


def test_one_incident_alerts_once_however_often_it_is_raised():
    assert raise_one() is True
    assert [raise_one(title="again") for _ in range(20)] == [False] * 20
    alerts.send_waiting()
    alerts.send_waiting()
    assert len(mail.outbox) == 1


def test_a_closed_incident_alerts_again_when_it_returns():
    raise_one()
    alerts.close_alert("access:7")
    assert raise_one() is True
    assert alerts.send_waiting() == 2


def test_two_incidents_alert_separately():
    assert raise_one(key="access:7") and raise_one(key="access:8")


def test_closing_an_incident_that_never_was_does_nothing():
    alerts.close_alert("access:99")
    assert not Alert.objects.exists()


def test_f93_a_dead_mail_server_costs_a_try_and_never_the_alert(broken_mail):
    raise_one()
    assert alerts.send_waiting() == 0
    message = Message.objects.get()
    said = (message.tries, message.error, message.sent_at)
    assert said == (1, "mail server away", None)
    assert message.try_at > database_time()

    broken_mail.undo()
    make_due()
    assert alerts.send_waiting() == 1
    assert Message.objects.get().error == "" and Alert.objects.get().sent_at
    assert len(mail.outbox) == 1


def test_f93_hours_without_mail_never_lose_an_alert(broken_mail):
    raise_one()
    for _ in range(30):
        make_due()
        alerts.send_waiting()
    message = Message.objects.get()
    assert message.tries == 30
    assert message.try_at <= database_time() + sending.LONGEST_WAIT
    broken_mail.undo()
    make_due()
    assert alerts.send_waiting() == 1


def test_f93_one_alert_that_cannot_be_sent_holds_nobody_back(monkeypatch):
    real = EmailBackend.send_messages

    def pick(self, messages):
        if "first" in messages[0].subject:
            raise ValueError("bad address")
        return real(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", pick)
    raise_one(key="a", title="first")
    raise_one(key="b", title="second")
    assert alerts.send_waiting() == 1
    assert mail.outbox[0].subject == "[Waybill] second"


def test_an_alert_that_nobody_would_get_is_not_called_sent(settings):
    settings.ALERT_EMAILS = []
    raise_one()
    assert alerts.send_waiting() == 0
    assert Message.objects.get().error == "Nobody to tell: ALERT_EMAILS is empty."
    assert Alert.objects.get().sent_at is None


def test_a_claimed_try_is_not_made_by_a_second_worker():
    raise_one()
    planning.plan()
    message = Message.objects.get()
    assert sending._claim(message, database_time()) is True
    assert sending._claim(message, database_time()) is False


def test_nothing_waits_while_the_next_try_is_not_due(broken_mail):
    assert alerts.has_waiting() is False
    raise_one()
    assert alerts.has_waiting() is True
    alerts.send_waiting()
    assert alerts.has_waiting() is False


@pytest.mark.parametrize(
    "title",
    [
        "Order\r\nBcc: thief@example.com",
        "Order\nSubject: forged",
        "Order\x0b\x0c\x85\u2028 spread",
        "Order\x00 with NUL",
    ],
)
def test_f97_foreign_text_in_a_title_cannot_forge_headers(title):
    raise_one(title=title)
    assert alerts.send_waiting() == 1
    message = mail.outbox[0].message()
    assert list(message) == list(dict.fromkeys(message.keys()))
    assert "Bcc" not in message
    assert len(message["Subject"].splitlines()) == 1
    assert mail.outbox[0].recipients() == ["operators@example.com"]


def test_a_late_message_says_that_the_incident_is_over(broken_mail):
    raise_one()
    alerts.send_waiting()
    alerts.close_alert("access:7")
    broken_mail.undo()
    make_due()
    alerts.send_waiting()
    assert mail.outbox[0].body.startswith("This is over meanwhile. What was wrong:\n")
