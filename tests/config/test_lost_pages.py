"""Whoever meets a closed or missing page is told what to do next."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    client = Client()
    client.force_login(User.objects.create_user("rita", is_staff=True))
    return client


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/admin/mappings/no-such-page/", 404, "There is no such page"),
        ("/admin/mappings/valuetable/", 403, "Your role may not do this"),
    ],
)
def test_a_closed_page_leads_back(reader, address, status, words):
    answer = reader.get(address)
    page = answer.content.decode()
    assert answer.status_code == status
    assert words in page and 'href="/admin/"' in page
