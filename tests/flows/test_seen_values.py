"""New values: seen before and after they fail, proposed, accepted, retried."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from errorqueue.models import BulkRun, FailedRecord
from integrations.models import AuditEntry, Flow, SyncRecord
from integrations.studio import scan, seen, waiting
from integrations.sync import metadata
from mappings.models import SeenValue, ValueTable
from mappings.tables import settling
from tests.flows.conftest import configure, run_queue
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = "/admin/mappings/seenvalue/"
State = SeenValue.State


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Rows of these tests are committed before anybody looks."""
    monkeypatch.setattr(seen, "SETTLED", seen.timedelta(0))


@pytest.fixture
def mia(demo):
    person = User.objects.create_user("mia", is_staff=True)
    person.groups.add(Group.objects.get(name="Mapping editors"))
    return person


@pytest.fixture
def editor(mia):
    client = Client()
    client.force_login(mia)
    return client


@pytest.fixture
def methods(demo):
    return ValueTable.objects.get(name="Shipping methods")


def place(post_order, number, title, price="20.00"):
    return post_order(number=number, shipping=[[title, price]])


def test_a_value_is_seen_before_any_order_fails_on_it(post_order, drain):
    Flow.objects.filter(slug="shopify-orders").update(is_enabled=False)
    place(post_order, 1, "express")
    place(post_order, 2, "express")
    drain()
    assert not FailedRecord.objects.exists()
    [value] = SeenValue.objects.all()
    assert (value.value, value.times, value.state) == ("express", 2, State.NEW)
    assert value.proposed == "Express"
    assert "the same name but for case" in value.because


def test_a_failed_value_says_who_waits_and_what_it_means(post_order, drain, methods):
    for number in (1, 2):
        place(post_order, number, "DHL-Express", "20.00")
    drain()
    [value] = SeenValue.objects.all()
    assert (value.proposed, value.times) == ("DHL Express", 2)
    found = waiting.waiting_for([methods.pk])[methods.pk, "DHL-Express"]
    total = sum(line.amount for line in FailedRecord.objects.open())
    assert found.count == 2
    assert found.money == (f"{total:,.2f} USD",)
    assert not found.is_mended


def test_an_order_that_passes_adds_nothing(post_order, drain):
    place(post_order, 1, "Express")
    drain()
    assert SyncRecord.objects.filter(state="delivered").exists()
    assert not SeenValue.objects.exists()


def test_what_is_excluded_by_rule_is_not_counted(post_order, drain):
    post_order(number=1, shipping=[["Camel", "5.00"]], test=True)
    drain()
    assert not SeenValue.objects.exists()


def test_a_newer_version_of_an_order_is_looked_at_too(post_order, drain, shopify):
    place(post_order, 1, "Express")
    drain()
    record = SyncRecord.objects.get(flow__slug="shopify-orders")
    changed = record.source | {
        "shipping_lines": [dict(record.source["shipping_lines"][0], title="Balloon")]
    }
    SyncRecord.objects.filter(pk=record.pk).update(source=changed, version=2)
    seen.ScanPlace.objects.filter(name=seen.EVENTS).update(row=0)
    drain()
    assert SeenValue.objects.get().value == "Balloon"


def test_another_version_has_the_latest_records_read_again(post_order, drain, methods):
    place(post_order, 1, "Express")
    drain()
    methods.rows.filter(source="Express").delete()
    assert not SeenValue.objects.exists()
    seen.Watermark.objects.filter(name=seen.PUBLISHED).update(at=seen.LONG_AGO)
    drain()
    assert SeenValue.objects.get().value == "Express"
    assert SeenValue.objects.get().times == 1


def test_a_value_that_only_failed_is_taken_in_too(post_order, drain):
    """As of records that a poll brings anew: no delivery tells of them."""
    place(post_order, 1, "Balloon")
    drain()
    SeenValue.objects.all().delete()
    seen.Watermark.objects.filter(name=seen.FAILED).delete()
    drain()
    assert SeenValue.objects.get().value == "Balloon"


def test_reading_again_counts_nothing_twice(post_order, drain):
    place(post_order, 1, "Balloon")
    drain()
    seen.Watermark.objects.filter(name=seen.PUBLISHED).update(at=seen.LONG_AGO)
    drain()
    assert SeenValue.objects.get().times == 1


def test_scanning_twice_counts_once(post_order, drain):
    Flow.objects.filter(slug="shopify-orders").update(is_enabled=False)
    place(post_order, 1, "Balloon")
    drain()
    seen.step()
    seen.step()
    assert SeenValue.objects.get().times == 1


def test_the_editor_accepts_retries_and_the_orders_land(
    post_order, drain, editor, netsuite, methods, mia
):
    for number in (1, 2):
        place(post_order, number, "DHL-Express")
    drain()
    page = editor.get(INBOX).content.decode()
    assert "DHL-Express" in page and "2 records" in page
    value = SeenValue.objects.get()
    answer = editor.post(
        INBOX + "settle/", {"accept": value.pk, f"target-{value.pk}": value.proposed}
    )
    assert answer.url == INBOX
    assert methods.rows.get(source="DHL-Express").target == "DHL Express"
    value.refresh_from_db()
    assert (value.state, value.settled_by) == (State.MAPPED, mia)
    page = editor.get(INBOX).content.decode()
    assert "2 records waited for “DHL-Express”" in page
    drain()  # the pre-flight that starts by itself
    assert FailedRecord.objects.filter(preflight="green").count() == 2
    answer = editor.post(
        "/admin/integrations/values/retry/",
        {"table": methods.pk, "value": "DHL-Express"},
    )
    drain()
    numbers = sorted(order["otherRefNum"] for order in netsuite.orders.values())
    assert numbers == ["#1", "#2"]
    assert not FailedRecord.objects.open().exists()
    runs = BulkRun.objects.order_by("pk").values_list("verb", "by", "with_canary")
    assert list(runs) == [
        ("preflight", None, False),
        ("preflight", mia.pk, False),
        ("retry", mia.pk, True),
    ]


def test_what_would_fail_again_is_not_retried(post_order, drain, methods, mia):
    place(post_order, 1, "Balloon")
    post_order(
        number=2,
        shipping=[["Balloon", "5.00"]],
        lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)],
    )
    drain()
    methods.rows.create(source="Balloon", target="Express")
    waiting.retry(methods, ["Balloon"], mia)
    drain()
    [still] = FailedRecord.objects.open()
    assert still.reference == "#2" and still.preflight == "red"
    assert still.tries == 1


def test_each_change_is_told_with_the_person(post_order, drain, editor, methods, mia):
    place(post_order, 1, "Balloon")
    drain()
    value = SeenValue.objects.get()
    editor.post(
        INBOX + "settle/", {"accept": value.pk, f"target-{value.pk}": "Express"}
    )
    told = AuditEntry.objects.filter(by=mia).order_by("pk")
    details = [one.detail for one in told]
    assert "Row Balloon Target value: '' → 'Express'" in details


def test_a_wrong_target_value_is_flagged_with_the_nearest(editor, methods):
    methods.rows.filter(source="Express").update(target="Expres")
    page = editor.get(
        f"/admin/mappings/valuetable/{methods.pk}/change/"
    ).content.decode()
    assert (
        "NetSuite has no shipping item &#x27;Expres&#x27;; nearest: &#x27;Express&#x27;"
        in page
    )
    assert "read just now" in page


def test_orders_behind_a_wrong_target_value_go_once_it_is_put_right(
    post_order, drain, editor, methods, mia, netsuite
):
    methods.rows.filter(source="Express").update(target="Expres")
    place(post_order, 1, "Express")
    drain()
    [line] = FailedRecord.objects.open()
    assert waiting.mended([methods.pk]) == []
    methods.rows.filter(source="Express").update(target="Express")
    [(_, group)] = waiting.mended([methods.pk])
    assert group.ids == (line.pk,)
    waiting.retry(methods, [group.value], mia)
    drain()
    assert len(netsuite.orders) == 1


def test_values_that_pass_by_the_star_row_stand_apart(
    post_order, drain, editor, methods
):
    methods.rows.create(source="*", target="Standard")
    place(post_order, 1, "Balloon")
    drain()
    assert not FailedRecord.objects.exists()
    assert SeenValue.objects.get().value == "Balloon"
    assert "Balloon" not in editor.get(INBOX).content.decode()
    assert "Balloon" in editor.get(INBOX + "?tab=star").content.decode()


def test_a_known_fix_makes_a_proposal(post_order, drain, mia):
    from errorqueue.clock import database_time
    from errorqueue.models import Cause, Recipe

    place(post_order, 1, "Balloon")
    drain()
    Recipe.objects.create(
        name="By air",
        cause=Cause.objects.get(value="Balloon"),
        steps={"shipping_lines[0].title": "Express"},
        words="It is fast.",
        author=mia,
        made_at=database_time(),
    )
    value = SeenValue.objects.get()
    assert value.proposed == ""
    seen.propose_anew(value.table)
    value.refresh_from_db()
    assert value.proposed == "Express" and "known fix" in value.because


def test_many_are_settled_at_once_and_brought_back(post_order, drain, editor, methods):
    Flow.objects.filter(slug="shopify-orders").update(is_enabled=False)
    for number, title in enumerate(("express", "EXPRESS", "Balloon"), start=1):
        place(post_order, number, title)
    drain()
    keys = {one.value: one.pk for one in SeenValue.objects.all()}
    ticked = [keys["express"], keys["EXPRESS"]]
    editor.post(INBOX + "settle/", {"all": "accept", "pick": ticked})
    assert methods.rows.filter(source__in=["express", "EXPRESS"]).count() == 2
    editor.post(INBOX + "settle/", {"all": "aside", "pick": [keys["Balloon"]]})
    assert SeenValue.objects.get(value="Balloon").state == State.IGNORED
    editor.post(INBOX + "settle/", {"back": keys["Balloon"]})
    assert SeenValue.objects.get(value="Balloon").state == State.NEW


def test_a_value_without_a_target_stays_and_says_so(post_order, drain, editor):
    place(post_order, 1, "Balloon")
    drain()
    value = SeenValue.objects.get()
    answer = editor.post(
        INBOX + "settle/", {"accept": value.pk, f"target-{value.pk}": ""}, follow=True
    )
    assert "Choose what &#x27;Balloon&#x27; becomes" in answer.content.decode()
    value.refresh_from_db()
    assert value.state == State.NEW


def test_an_accepted_value_never_replaces_what_a_colleague_just_wrote(
    post_order, drain, editor, methods
):
    place(post_order, 1, "Balloon")
    drain()
    methods.rows.create(source="Balloon", target="Standard")
    value = SeenValue.objects.get()
    answer = editor.post(
        INBOX + "settle/",
        {"accept": value.pk, f"target-{value.pk}": "Express"},
        follow=True,
    )
    page = answer.content.decode()
    assert "gives &#x27;Standard&#x27;; you wrote &#x27;Express&#x27;" in page
    assert methods.rows.get(source="Balloon").target == "Standard"


@pytest.mark.parametrize("group", ["Auditors", "Operators"])
def test_others_look_and_cannot_settle(post_order, drain, group):
    place(post_order, 1, "Balloon")
    drain()
    person = User.objects.create_user("x", is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(person)
    page = client.get(INBOX)
    assert page.status_code == 200
    assert "Accept ticked" not in page.content.decode()
    value = SeenValue.objects.get()
    answer = client.post(INBOX + "settle/", {"accept": value.pk})
    assert answer.status_code == 403
    assert SeenValue.objects.get().state == State.NEW


def test_a_retry_needs_the_right_to_it(post_order, drain, methods):
    place(post_order, 1, "Balloon")
    drain()
    methods.rows.create(source="Balloon", target="Express")
    person = User.objects.create_user("x", is_staff=True)
    person.groups.add(Group.objects.get(name="Auditors"))
    client = Client()
    client.force_login(person)
    where = "/admin/integrations/values/retry/"
    assert client.post(where, {"table": methods.pk}).status_code == 403
    assert not BulkRun.objects.filter(by=person).exists()


def test_the_inbox_costs_the_same_however_long_it_is(
    post_order, drain, editor, methods, django_assert_max_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    Flow.objects.filter(slug="shopify-orders").update(is_enabled=False)

    def cost():
        editor.get(INBOX)
        with CaptureQueriesContext(connection) as queries:
            editor.get(INBOX)
        return len(queries)

    place(post_order, 1, "Balloon 1")
    drain()
    one = cost()
    for number in range(2, 8):
        place(post_order, number, f"Balloon {number}")
    drain()
    assert SeenValue.objects.count() == 7
    assert cost() == one


def test_the_tile_counts_new_values(post_order, drain, editor):
    place(post_order, 1, "Balloon")
    drain()
    page = editor.get("/admin/").content.decode()
    assert "New values" in page and "in no value table" in page


def test_listening_tables_hear_every_question():
    table = scan.Listening({"a": "b"})
    assert "x" not in table and table["a"] == "b" and table.get("y") is None
    assert table.asked == {"x", "a", "y"}


def test_the_target_is_asked_once_in_ten_minutes(editor, methods, netsuite):
    where = f"/admin/mappings/valuetable/{methods.pk}/change/"
    editor.get(where)
    asked = len(netsuite.journal)
    editor.get(where)
    assert len(netsuite.journal) == asked
    assert metadata.KEPT_FOR.total_seconds() == 600


__all__ += ["configure", "run_queue"]


def test_a_value_that_no_table_can_hold_is_left_out():
    kept = [seen._is_kept(one) for one in ("", "long " * 60, "Fly\x00", "express")]
    assert kept == [False, False, False, True]


def test_a_record_that_cannot_be_read_does_not_stop_the_scan(
    post_order, drain, monkeypatch
):
    Flow.objects.filter(slug="shopify-orders").update(is_enabled=False)
    read, broken = seen.unlisted_in, []

    def odd(record, document):
        if not broken:
            broken.append(record)
            raise AttributeError("'list' object has no attribute 'get'")
        return read(record, document)

    monkeypatch.setattr(seen, "unlisted_in", odd)
    place(post_order, 1, "express")
    place(post_order, 2, "balloon")
    drain()
    assert [one.value for one in SeenValue.objects.all()] == ["balloon"]


def test_no_transaction_is_open_while_a_target_is_asked(post_order, drain, monkeypatch):
    """Deliveries wait for whoever holds a transaction open."""
    Flow.objects.filter(slug="shopify-orders").update(is_enabled=False)
    ask, open_ones = seen.offer_of, []

    def watched(table):
        open_ones.append(connection.in_atomic_block)
        return ask(table)

    monkeypatch.setattr(seen, "offer_of", watched)
    place(post_order, 1, "express")
    drain()
    assert SeenValue.objects.get().proposed == "Express"
    assert open_ones and not any(open_ones)


def test_what_a_person_maps_while_it_is_read_stays_mapped(post_order, drain, methods):
    Flow.objects.filter(slug="shopify-orders").update(is_enabled=False)
    place(post_order, 1, "express")
    drain()
    value = SeenValue.objects.get()
    settling.accept(value, "Express", None)
    noticed = {"express": seen._Seen(1, 1, 1)}  # the table as it was before
    seen._note_in(methods, noticed, {})
    value.refresh_from_db()
    assert value.state == State.MAPPED
