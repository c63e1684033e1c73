"""F26: a copy of the database, started elsewhere, sends nothing."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from integrations.management.commands import work
from integrations.models import AuditEntry, Connection, Installation, SyncRecord
from integrations.models.installation import note_home
from integrations.sync import accounts
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def copied(demo, settings, monkeypatch):
    """The database of waybill.example.com, restored on a machine of another name."""
    settings.SITE_URL = "https://waybill.example.com"
    note_home()
    settings.SITE_URL = "https://staging.example.com:8443"
    started = []
    monkeypatch.setattr(work, "supervise", lambda: started.append(True))
    return started


def test_f26_a_copy_starts_no_worker_and_its_pages_ask_nobody(
    copied, post_order, netsuite
):
    post_order(number=1)
    with pytest.raises(CommandError, match=r"copy of waybill\.example\.com"):
        call_command("work")
    before = len(netsuite.journal)
    target = Connection.objects.get(slug="netsuite")
    result = accounts.check(target)
    assert not result.is_good and "is a copy of" in result.lines[0].text
    assert copied == [] and len(netsuite.journal) == before
    assert not SyncRecord.objects.filter(state="delivered").exists()


def test_f26_every_page_says_so_and_only_a_superuser_moves_it(
    copied, client, admin_user, django_user_model
):
    person = django_user_model.objects.create_user("olga", is_staff=True)
    client.force_login(person)
    shown = client.get(reverse("admin:index")).content.decode()
    assert "This database is a copy of waybill.example.com" in shown
    assert "this is the real one" not in shown
    assert client.post(reverse("admin:integrations_moved")).status_code == 403
    client.force_login(admin_user)
    assert "this is the real one" in client.get(reverse("admin:index")).content.decode()
    client.post(reverse("admin:integrations_moved"))
    assert Installation.objects.get().host == "staging.example.com"
    assert AuditEntry.objects.get(verb="moved").by == admin_user
    assert "is a copy of" not in client.get(reverse("admin:index")).content.decode()
    call_command("work")
    assert copied == [True]


@pytest.mark.parametrize("first", ["http://127.0.0.1:8000", "http://localhost"])
def test_f26_a_database_without_a_name_belongs_to_whoever_names_it(
    copied, settings, first
):
    Installation.objects.all().delete()
    settings.SITE_URL = first
    call_command("work")
    settings.SITE_URL = "https://waybill.example.com"
    call_command("work")
    assert Installation.objects.get().host == "waybill.example.com"
    assert len(copied) == 2


def test_f26_another_port_of_the_same_host_is_home(copied, settings):
    settings.SITE_URL = "http://waybill.example.com:9000"
    call_command("work")
    assert copied == [True]
