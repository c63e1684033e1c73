"""Webhooks in the console: the secret once, tests, pauses, what was told."""

import re
from datetime import timedelta

import pytest

from errorqueue import notices, services, signing
from errorqueue.clock import database_time
from errorqueue.models import Notice, Subscriber
from tests.errorqueue.listener import Listener
from tests.errorqueue.pages import text_of

HOOKS, TOLD = "/admin/errorqueue/subscriber/", "/admin/errorqueue/notice/"


@pytest.fixture(autouse=True)
def _asked_anew():
    notices.forget()
    yield
    notices.forget()


@pytest.fixture
def listener(settings):
    with Listener() as running:
        settings.EXTRA_WEBHOOK_HOSTS = ["127.0.0.1"]
        yield running


@pytest.fixture
def subscriber(db, listener):
    made = Subscriber.objects.create(
        name="Tickets", url=listener.url, events=["opened", "resolved"]
    )
    signing.renew_secret(made)
    return made


def form(listener, **changes):
    values = {
        "name": "Tickets",
        "url": listener.url,
        "events": ["opened"],
        "is_active": "on",
    }
    return {**values, **changes}


def secret_in(page):
    return re.search(r"whsec_[\w-]{43}", page.content.decode())[0]


def test_the_secret_of_a_new_one_is_shown_once(admin_client, listener):
    page = admin_client.post(f"{HOOKS}add/", form(listener))
    secret = secret_in(page)
    assert "no-store" in page["Cache-Control"]
    made = Subscriber.objects.get()
    assert signing.secrets_of(made) == [secret]
    assert secret not in made.sealed_secret and made.events == ["opened"]
    again = admin_client.get(f"{HOOKS}{made.pk}/change/").content.decode()
    assert "whsec_" not in again


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://10.0.0.1/"}, "inside this network"),
        ({"url": "ftp://127.0.0.1/"}, "Enter a valid URL|plain web address"),
        ({"url": "https://a:b@127.0.0.1/"}, "plain web address"),
        ({"events": []}, "Tick at least one"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(
    admin_client, listener, changes, words
):
    page = admin_client.post(f"{HOOKS}add/", form(listener, **changes))
    assert re.search(words, text_of(page))
    assert not Subscriber.objects.exists()


def test_a_change_keeps_the_secret(admin_client, subscriber, listener):
    before = signing.secrets_of(subscriber)
    address = f"{HOOKS}{subscriber.pk}/change/"
    answer = admin_client.post(address, form(listener, name="Tickets 2"))
    assert answer.status_code == 302
    subscriber.refresh_from_db()
    assert subscriber.name == "Tickets 2"
    assert signing.secrets_of(subscriber) == before


def test_a_new_secret_is_shown_and_the_old_one_signs_along(admin_client, subscriber):
    old = signing.secrets_of(subscriber)
    page = admin_client.post(f"{HOOKS}{subscriber.pk}/rotate/")
    subscriber.refresh_from_db()
    assert signing.secrets_of(subscriber) == [secret_in(page), *old]


def test_a_secret_that_no_key_opens_is_made_anew(admin_client, subscriber):
    Subscriber.objects.update(sealed_secret="nothing of ours")
    page = admin_client.post(f"{HOOKS}{subscriber.pk}/rotate/")
    subscriber.refresh_from_db()
    assert signing.secrets_of(subscriber) == [secret_in(page)]


def test_a_test_says_what_was_answered(admin_client, subscriber, listener):
    address = f"{HOOKS}{subscriber.pk}/test/"
    assert "The test was taken" in text_of(admin_client.post(address, follow=True))
    listener.status = 503
    listener.text = b"<b>down</b>"
    page = admin_client.post(address, follow=True)
    assert "Answered 503" in text_of(page)
    assert "<b>down" not in page.content.decode()


def test_a_paused_one_says_why_and_is_resumed(admin_client, subscriber, make_line):
    notices.pause(subscriber, "It took nothing for nine hours.")
    make_line()
    page = text_of(admin_client.get(f"{HOOKS}{subscriber.pk}/change/"))
    assert "It took nothing for nine hours." in page and "1 not taken yet" in page
    assert "Paused" in text_of(admin_client.get(HOOKS))
    admin_client.post(f"{HOOKS}{subscriber.pk}/resume/")
    assert notices.send_due() == 1
    assert "Listening" in text_of(admin_client.get(HOOKS))


def test_f90_one_in_use_is_not_deleted_and_one_that_is_not_goes_with_its_messages(
    admin_client, subscriber, make_line
):
    make_line()
    address = f"{HOOKS}{subscriber.pk}/delete/"
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
    Subscriber.objects.update(is_active=False)
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not Notice.objects.exists() and not Subscriber.objects.exists()


def test_f91_buttons_take_the_right_to_change(auditor, operator, subscriber):
    for client in (auditor, operator):
        for verb in ("test", "rotate", "resume"):
            answer = client.post(f"{HOOKS}{subscriber.pk}/{verb}/")
            assert answer.status_code == 403
        assert client.get(HOOKS).status_code == 403
        assert client.get(TOLD).status_code == 403


def test_buttons_are_pressed_not_followed(admin_client, subscriber):
    for verb in ("test", "rotate", "resume"):
        assert admin_client.get(f"{HOOKS}{subscriber.pk}/{verb}/").status_code == 405


def test_what_was_told_is_listed_and_sent_again(admin_client, subscriber, make_line):
    line = make_line()
    services.resolve(line.subject, "Delivered.")
    notices.send_due()
    given_up = Notice.objects.get(event="resolved")
    Notice.objects.filter(pk=given_up.pk).update(
        sent_at=None, given_up_at=database_time() - timedelta(hours=1), tries=6
    )
    shown = text_of(admin_client.get(TOLD))
    assert line.human_id in shown and "Taken" in shown and "Given up" in shown
    data = {"action": "send_again", "_selected_action": [given_up.pk]}
    page = admin_client.post(TOLD, data, follow=True)
    assert "1 will be sent again" in text_of(page)
    assert notices.send_due() == 1
    assert admin_client.get(f"{TOLD}add/").status_code == 403


def test_the_list_of_messages_costs_the_same_for_any_number(
    admin_client, subscriber, make_line, django_assert_max_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def cost():
        admin_client.get(TOLD)
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(TOLD)
        return len(queries)

    make_line()
    few = cost()
    for _ in range(8):
        make_line()
    assert cost() == few
