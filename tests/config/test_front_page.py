import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config import checks
from config.apps import hide_queue_pages
from config.home.look import Look
from config.home.sections import all_tiles, sections_for
from errorqueue import alerts, services
from errorqueue.clock import database_time
from integrations.models import Connection, InboxEvent, SyncRecord
from tests.errorqueue.conftest import flow, make_line, make_record
from tests.errorqueue.pages import rows_of, text_of

__all__ = ["flow", "make_line", "make_record"]

FIGURES = [
    "Needs a person",
    "Retries by itself",
    "On hold",
    "Delivered today",
    "Connections not ready",
    "Deliveries quarantined",
    "Alerts open",
]


@pytest.fixture
def busy(make_line, make_record, flow):
    make_line(minutes=200), make_line()
    make_line(waits=True)
    services.retry(make_line())
    make_record(state=SyncRecord.State.HELD)
    make_record(state=SyncRecord.State.DELIVERED, delivered_at=database_time())
    Connection.objects.filter(pk=flow.target_id).update(state="refused")
    InboxEvent.objects.create(
        connection=flow.source,
        delivery_id="d-1",
        body=b"{",
        digest="",
        received_at=database_time(),
        state=InboxEvent.State.QUARANTINED,
    )
    alerts.raise_alert("access", "Log-in refused", "Text")


def tiles_for(site, user):
    return list(all_tiles(sections_for(Look(site, user))))


def counts_of(user) -> dict[str, int]:
    return {tile.label: tile.count for tile in tiles_for(admin.site, user)}


def test_the_front_page_counts_what_needs_somebody(busy, admin_user):
    assert counts_of(admin_user) == {
        "Needs a person": 2,
        "Retries by itself": 1,
        "Assigned to you": 0,
        "Due soon": 0,
        "On hold": 1,
        "Delivered today": 1,
        "Connections not ready": 1,
        "Deliveries quarantined": 1,
        "Alerts open": 1,
        "Sign-offs waiting": 0,
        "New values": 0,
        "Worker groups alive": 0,
    }


def test_what_only_specialists_open_stands_last_in_the_menu(db, admin_client):
    *daily, hood = admin_client.get("/admin/").context["available_apps"]
    assert hood["name"] == "Under the hood"
    names = {model["object_name"] for model in hood["models"]}
    links = {"Attempt", "CachedLookup", "Link"}
    assert names >= links | {"Schedule", "Slot", "WorkerGroup"}
    assert not names & {
        model["object_name"] for app in daily for model in app["models"]
    }


def test_each_figure_leads_to_exactly_its_rows(busy, admin_user, admin_client):
    for tile in tiles_for(admin.site, admin_user):
        answer = admin_client.get(tile.url)
        assert answer.status_code == 200, tile
        if tile.label == "Sign-offs waiting":
            assert len(answer.context["mine"]) == tile.count
            continue
        if tile.label == "New values":
            assert answer.context["page"].paginator.count == tile.count
            continue
        assert answer.context["cl"].result_count == tile.count, tile


def test_a_quiet_console_says_so_in_words(db, admin_client):
    shown = text_of(admin_client.get("/admin/"))
    for figure in FIGURES:
        assert f"{figure} 0" in shown
    assert "nothing waits for you" in shown
    assert "everybody was told" in shown


def test_everybody_sees_only_figures_they_may_follow(busy):
    olga = User.objects.create_user("olga", is_staff=True)
    assert counts_of(olga) == {}
    right = Permission.objects.get(codename="view_failedrecord")
    olga.user_permissions.add(right)
    olga = User.objects.get(pk=olga.pk)
    assert list(counts_of(olga)) == ["Needs a person", "Retries by itself"]
    client = Client()
    client.force_login(olga)
    shown = text_of(client.get("/admin/"))
    assert "Connections not ready" not in shown
    assert "Waits longest for a person" in shown


def test_who_may_see_nothing_is_told_whom_to_ask(db):
    client = Client()
    client.force_login(User.objects.create_user("nova", is_staff=True))
    assert "Ask the person who manages roles" in text_of(client.get("/admin/"))


def test_the_longest_waiting_come_first(make_line, admin_client):
    young, old = make_line(minutes=3), make_line(minutes=9000)
    shown = text_of(admin_client.get("/admin/"))
    assert shown.index(old.human_id) < shown.index(young.human_id)


def test_the_front_page_costs_the_same_queries_when_busy(admin_client, busy, make_line):
    def cost() -> int:
        cache.clear()  # what is remembered for some seconds is asked anew
        with CaptureQueriesContext(connection) as queries:
            admin_client.get("/admin/")
        return len(queries)

    cost()
    few = cost()
    for _ in range(10):
        make_line()
    assert cost() == few
    assert few <= 70  # of somebody with every role; tests/config/test_home.py: of each


def test_the_front_page_tells_a_quiet_day_from_a_broken_line(busy, admin_client):
    shown = text_of(admin_client.get("/admin/"))
    assert "Last delivery received just now" in shown
    assert "Last record delivered just now" in shown


def test_every_page_carries_the_number_that_needs_a_person(make_line, admin_client):
    make_line(), make_line()
    page = admin_client.get("/admin/auth/user/").content.decode()
    assert 'title="2 need a person">2</span>' in page


def test_a_resolved_line_leaves_the_figures(make_line, admin_user, admin_client):
    line = make_line()
    services.resolve(line.subject, "Delivered.")
    assert counts_of(admin_user)["Needs a person"] == 0
    assert rows_of(admin_client.get("/admin/errorqueue/failedrecord/")) == []


def test_the_error_queue_comes_first_in_every_menu(db, admin_client):
    apps = admin_client.get("/admin/").context["app_list"]
    assert apps[0]["app_label"] == "errorqueue"
    assert apps[0]["models"][0]["name"] == "Error queue"


def test_the_queue_librarys_pickle_pages_are_gone(db, admin_client):
    labels = {model._meta.app_label for model in admin.site._registry}
    assert "django_q" not in labels
    for name in ("ormq", "success", "failure", "schedule"):
        assert admin_client.get(f"/admin/django_q/{name}/").status_code == 404


def test_the_start_is_refused_while_a_pickle_page_is_there():
    from django_q.models import OrmQ

    assert checks.queue_pages_are_hidden(None) == []
    admin.site.register(OrmQ)
    try:
        (error,) = checks.queue_pages_are_hidden(None)
        assert error.id == "config.E001"
    finally:
        hide_queue_pages()
    assert checks.queue_pages_are_hidden(None) == []
