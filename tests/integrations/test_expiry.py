"""Certificates that end: told 60, 30, 14, 7 and 1 day before."""

from datetime import timedelta

import pytest
from django.db.models import F

from errorqueue.clock import database_time
from errorqueue.models import Alert
from integrations.models import Connection, Credential
from integrations.sync import schedules
from integrations.sync.accounts import set_credential
from integrations.sync.expiry import warn_of_ends

pytestmark = pytest.mark.django_db


@pytest.fixture
def netsuite():
    connection = Connection.objects.create(
        name="Account",
        slug="account",
        system="netsuite",
        account_id="1",
        namespace="n",
        auth_method="oauth2_certificate",
    )
    set_credential(connection, "private_key", "a key", None)
    set_credential(connection, "client_id", "a client", None)
    return connection


@pytest.fixture
def days_left(netsuite):
    def leave(days):
        set_at = database_time() - timedelta(days=730 - days)
        netsuite.credentials.filter(name="private_key").update(set_at=set_at)

    return leave


def titles():
    return [one.title for one in Alert.objects.filter(closed_at=None)]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (59.9, "60 days"),
        (29, "30 days"),
        (10, "14 days"),
        (7, "7 days"),
        (0.5, "a day"),
    ],
)
def test_f41_people_are_told_once_at_each_step(netsuite, days_left, days, said):
    days_left(days)
    assert warn_of_ends() == 1
    assert titles() == [f"The certificate of Account ends within {said}"]
    assert warn_of_ends() == 0


def test_f41_each_step_tells_again_and_closes_the_one_before(days_left):
    for days in (61, 45, 20, 10, 3, 0.2):
        days_left(days)
        warn_of_ends()
    assert Alert.objects.count() == 5
    assert titles() == ["The certificate of Account ends within a day"]


def test_f41_a_new_certificate_ends_the_warning(netsuite, days_left):
    days_left(5)
    warn_of_ends()
    set_credential(netsuite, "private_key", "a new key", None)
    assert warn_of_ends() == 0
    assert titles() == []


def test_f41_what_does_not_end_is_not_told_of(netsuite):
    Credential.objects.update(set_at=F("set_at") - timedelta(days=4000))
    Connection.objects.update(auth_method="tba")
    assert warn_of_ends() == 0


def test_f41_every_installation_looks_each_day(db):
    schedules.ensure_defaults()
    job = {job: rule for _, job, rule in schedules.DEFAULTS}["expiry"]
    assert job["rule"] == "daily"
    assert schedules.JOBS["expiry"].run is warn_of_ends
