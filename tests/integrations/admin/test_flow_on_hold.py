"""A flow that its watch has put on hold: everybody sees it and where to answer."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from page_builders import in_group

from errorqueue.clock import database_time
from integrations.models import Flow, Watch
from mappings.models import MappingVersion
from tests.errorqueue.pages import text_of

REASON = "3 of the first 3 records failed with Orders v1; the limit is 10 % of 50."


@pytest.fixture
def watch(flow, version):
    now = database_time()
    Flow.objects.filter(pk=flow.pk).update(held_at=now, hold_reason=REASON)
    MappingVersion.objects.filter(pk=version.pk).update(published_at=now)
    return Watch.objects.create(
        flow=flow, version=version, state="held", started_at=now, note=REASON
    )


def page_of(watch):
    return reverse("admin:integrations_watch", args=[watch.pk])


def test_the_front_page_counts_flows_on_hold_and_leads_to_them(operator, watch):
    assert "Flows on hold 1" in text_of(operator.get("/admin/"))
    flows = reverse("admin:integrations_flow_changelist")
    listed = operator.get(flows, {"held_at__isnull": "0"})
    assert list(listed.context["cl"].queryset) == [watch.flow]
    assert f'href="{page_of(watch)}"' in listed.content.decode()


def test_no_flow_on_hold_is_no_tile(operator, flow):
    assert "Flows on hold" not in text_of(operator.get("/admin/"))


def test_the_page_of_a_flow_says_why_it_stands_still(operator, watch):
    page = operator.get(reverse("admin:integrations_flow_change", args=[watch.flow_id]))
    assert REASON in text_of(page)
    assert f'href="{page_of(watch)}"' in page.content.decode()


def test_who_may_not_decide_reads_who_does(client, watch):
    client.force_login(in_group("sam", "Signers"))
    page = client.get(page_of(watch))
    assert "Go on with version" not in text_of(page)
    assert "Somebody who may publish mapping versions decides here" in text_of(page)


def test_once_it_is_over_the_watch_says_what_is_in_force(operator, watch):
    Flow.objects.filter(pk=watch.flow_id).update(held_at=None, hold_reason="")
    shown = text_of(operator.get(page_of(watch)))
    assert "The hold is over" in shown
    assert "In force is version 1" in shown


def test_a_list_of_flows_links_no_watch_for_who_may_not_open_it(client, watch):
    sam = in_group("sam", "Signers")
    for right in Permission.objects.filter(codename="view_mappingversion"):
        for group in sam.groups.all():
            group.permissions.remove(right)
    client.force_login(sam)
    listed = client.get(reverse("admin:integrations_flow_changelist"))
    assert f'href="{page_of(watch)}"' not in listed.content.decode()
