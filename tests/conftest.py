"""What every test shares."""

import os

import pytest
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import database

# On a busy machine drawing takes its time, which says nothing about the code.
hypothesis_settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    database.hurry()


@pytest.fixture(scope="session")
def django_db_keepdb(
    django_db_keepdb,
    django_db_createdb,
    django_db_use_migrations,
    django_db_modify_db_settings,
):
    """Start from a copy, unless somebody asks for another way of making it."""
    is_asked = django_db_keepdb or django_db_createdb or not django_db_use_migrations
    if is_asked or connection.vendor != "sqlite":
        yield django_db_keepdb
        return
    with database.copied_from_template():
        yield True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        database.keep_rights()
        database.empty_by_deleting()


@pytest.fixture(autouse=True)
def _calm_settings(settings):
    """Mail has an address, and log-ins of hundreds of people cost no quarter second."""
    settings.ALERT_EMAILS = ["operators@example.com"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_configure() -> None:
    # The synchronous browser driver runs a loop of its own beside the ORM.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
