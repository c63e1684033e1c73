"""Whatever a page links to may be opened by whoever sees the page."""

import html
import re
from collections import Counter

import pytest
from django.test import Client
from django.urls import reverse
from page_builders import in_group

from errorqueue.clock import database_time
from integrations.models import InboxEvent
from mappings.models import MappingVersion, SeenValue, ValueTable

GROUPS = (
    *("Operators", "Finance reviewers", "Mapping editors"),
    *("Signers", "Integration admins", "Auditors"),
)
MOST_PAGES, MOST_ALIKE = 150, 2
LINK = re.compile(r'href="(/admin/[^"#]*)')


@pytest.fixture
def stage(failed, shop, version):
    """A failed record with the delivery it came by."""
    event = InboxEvent.objects.create(
        connection=shop,
        delivery_id="d-1",
        topic="orders/create",
        body=b"{}",
        digest="0" * 64,
        received_at=database_time(),
    )
    table = ValueTable.objects.create(name="Terms")
    now = database_time()
    SeenValue.objects.create(
        table=table, value="N30", times=1, first_seen_at=now, last_seen_at=now
    )
    MappingVersion.objects.filter(pk=version.pk).update(published_at=database_time())
    failed.event = event
    failed.save()
    return failed


def _alike(address):
    return re.sub(r"\d+", "N", address.partition("?")[0])


def _closed(client):
    """Follow what pages link to; name what is closed, and where it stands."""
    todo, seen, alike = [("/admin/", "")], set(), Counter()
    while todo and len(seen) < MOST_PAGES:
        address, page = todo.pop(0)
        answer = client.get(address)
        if answer.status_code in (403, 404):
            yield f"{address} on {page}"
        for link in map(
            html.unescape, LINK.findall(answer.content.decode(errors="replace"))
        ):
            if link not in seen and alike[_alike(link)] < MOST_ALIKE:
                seen.add(link)
                alike[_alike(link)] += 1
                todo.append((link, address))


@pytest.mark.parametrize("group", GROUPS)
def test_no_page_links_to_what_its_reader_may_not_open(stage, vendors, group):
    client = Client()
    client.force_login(in_group("rita", group))
    assert list(_closed(client)) == []


def test_who_may_not_open_a_connection_reads_its_name(stage, flow):
    client = Client()
    client.force_login(in_group("edith", "Mapping editors"))
    page = client.get(reverse("admin:integrations_flow_change", args=[flow.pk]))
    text = page.content.decode()
    assert str(flow.source) in text and str(flow.target) in text
    assert "/integrations/connection/" not in text


def test_who_may_open_a_connection_has_the_link(stage, flow):
    client = Client()
    client.force_login(in_group("aurelia", "Auditors"))
    page = client.get(reverse("admin:integrations_flow_change", args=[flow.pk]))
    address = reverse("admin:integrations_connection_change", args=[flow.source_id])
    assert address in page.content.decode()
