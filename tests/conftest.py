"""What every test shares."""

import os

import pytest


@pytest.fixture(autouse=True)
def _mail_to_operators(settings):
    settings.ALERT_EMAILS = ["operators@example.com"]


def pytest_configure() -> None:
    # The synchronous browser driver runs a loop of its own beside the ORM.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
