"""A program with a token, and what it needs to be told."""

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client

from errorqueue import tokens

ROOT = "/api/v1/"
ALL = ("view", "retry", "edit", "exclude", "resolve", "assign", "bulk")


@pytest.fixture(autouse=True)
def _no_calls_counted():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def give():
    """Give somebody rights of the error queue by their code names."""

    def give(person, *codes):
        person.user_permissions.add(*Permission.objects.filter(codename__in=codes))

    return give


class Program:
    """Calls the REST interface as one person, without a session."""

    def __init__(self, person, name="ci"):
        self.person = person
        self.plain = tokens.make(person, name)
        self.client = Client(headers={"authorization": f"Bearer {self.plain}"})

    def get(self, path, **query):
        return self.client.get(ROOT + path, query)

    def post(self, path, body=None):
        return self.client.post(ROOT + path, body or {}, "application/json")


@pytest.fixture
def paula(make_person, give):
    person = make_person("paula", *ALL)
    give(person, "view_cause", "view_bulkrun")
    return person


@pytest.fixture
def program(paula):
    return Program(paula)


@pytest.fixture
def reader(make_person):
    """A program that may look and nothing else."""
    return Program(make_person("rita", "view"))
