"""Two flows over the same customers, one each way: no echo, and no change lost."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from errorqueue.failures import RetryChoice, Start
from errorqueue.models import FailedRecord
from integrations.connectors.base import SourceObject, Standing, Written
from integrations.connectors.netsuite.connector import NetSuite
from integrations.connectors.registry import CONNECTORS, connector_class
from integrations.connectors.shopify.connector import Shopify
from integrations.models import (
    Attempt,
    Connection,
    Flow,
    Link,
    OwnershipConflict,
    SyncRecord,
)
from integrations.simulators.netsuite.store import Record
from integrations.sync import echo
from integrations.sync.confirming import confirm_due
from integrations.sync.story import records, story_of
from mappings import services
from mappings.models import MappingDocument, MappingVersion

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
STAGE: dict = {}
BACK = (("first_name", "firstName"), ("last_name", "lastName"), ("note", "comments"))


class TellingNetSuite(NetSuite):
    """NetSuite as it is, and asked for its customers besides."""

    def changes(self, entity, since):
        if entity != "customer":
            yield from super().changes(entity, since)
            return
        for record in list(STAGE["netsuite"].store.records["customer"].values()):
            yield self.source_object(entity, found_in(record)), ""

    def source_object(self, entity, payload):
        if entity != "customer":
            return super().source_object(entity, payload)
        at = datetime.fromisoformat(payload["lastModifiedDate"])
        return SourceObject("customer", payload["id"], payload, at, payload["lastName"])


class WrittenShopify(Shopify):
    """Shopify as it is, and written customers besides; each write fires its webhook."""

    @classmethod
    def reads_standing(cls, record_type):
        return True

    def update(self, record_type, payload, target_id):
        STAGE["writes"].append(dict(payload))
        STAGE["shopify"].update_customer(target_id, **payload)
        return Written(target_id)

    def upsert(self, record_type, payload, key):
        if record_type != "customer":
            return super().upsert(record_type, payload, key)
        STAGE["writes"].append(dict(payload))
        made = STAGE["shopify"].create_customer(f"{key}@example.com", **payload)
        return Written(str(made["id"]))

    def standing(self, record_type, target_id):
        return Standing(target_id, STAGE["shopify"].store.find_customer(target_id))


def found_in(record):
    names = ("firstName", "lastName", "comments", "externalId")
    values = {name: record.values.get(name) for name in names}
    at = record.modified_at.astimezone(UTC).isoformat()
    return {"id": record.id, "lastModifiedDate": at, **values}


@pytest.fixture
def two_ways(demo, monkeypatch, netsuite, shopify):
    """The demo's customers, and a second flow that carries them back."""
    STAGE.update(netsuite=netsuite, shopify=shopify, writes=[])
    for kind, name in (("netsuite", "TellingNetSuite"), ("shopify", "WrittenShopify")):
        path = f"tests.flows.test_echo.{name}"
        monkeypatch.setitem(CONNECTORS, kind, (CONNECTORS[kind][0], path))
    connector_class.cache_clear()
    forth = services.new_draft(
        MappingDocument.objects.get(slug="shopify-customer"), None
    )
    forth.rows.filter(target__in=[there for _, there in BACK]).update(direction="both")
    back = MappingDocument.objects.create(
        name="NetSuite customer to Shopify customer",
        slug="netsuite-customer",
        source_system="netsuite",
        source_entity="customer",
        target_system="shopify",
        target_record="customer",
    )
    version = MappingVersion.objects.create(document=back, number=1)
    common = {"owner": "shopify", "direction": "both", "updaters": "netsuite"}
    for place, (target, source) in enumerate(BACK):
        version.rows.create(position=place, target=target, source=source, **common)
    services.publish(forth, None)
    services.publish(version, None)
    Flow.objects.create(
        name="Customers to Shopify",
        slug="netsuite-customers",
        source=Connection.objects.get(slug="netsuite"),
        source_entity="customer",
        target=Connection.objects.get(slug="shopify"),
        target_record="customer",
        mapping=back,
        poll_minutes=1,
    )
    yield
    connector_class.cache_clear()
    STAGE.clear()


@pytest.fixture
def settle(two_ways, shopify, drain):
    """Let both sides tell what changed, and deliver, until nothing moves."""

    def all_of_it(rounds=4):
        for _ in range(rounds):
            Flow.objects.filter(slug="netsuite-customers").update(polled_at=None)
            shopify.deliver_due()
            drain()

    return all_of_it


@pytest.fixture
def ada(two_ways, shopify, settle):
    made = shopify.create_customer("ada@example.com", first_name="Ada", note="first")
    settle()
    return str(made["id"])


def change_there(netsuite, **values):
    """Let a person in NetSuite change the one customer, a while after us."""
    [known] = netsuite.store.records["customer"].values()
    at = max(netsuite.now(), known.modified_at) + timedelta(seconds=5)
    changed = {**known.values, **values}
    netsuite.store.put(Record("customer", known.id, changed, known.created_at, at))


def there(netsuite):
    [customer] = netsuite.store.records["customer"].values()
    return customer.values


def here(shopify, key):
    return shopify.store.find_customer(key)


def of(slug):
    return records().get(flow__slug=slug)


def sent():
    return Attempt.objects.count()


def test_what_we_wrote_does_not_come_back(ada, netsuite, shopify, settle):
    returned = of("netsuite-customers")
    assert returned.state == State.EXCLUDED
    assert returned.exclusion == "Rule: echo of our own write"
    assert returned.target_id == ada
    assert STAGE["writes"] == [] and len(netsuite.store.records["customer"]) == 1
    told = [f"{x.entry.what} {x.entry.detail}" for x in story_of(returned).lines]
    assert any("echo of our own write" in one for one in told)
    before = sent()
    settle(6)
    assert sent() == before == 1
    assert not FailedRecord.objects.exists()


def test_a_change_there_comes_here_once_and_does_not_return(
    ada, netsuite, shopify, settle
):
    change_there(netsuite, comments="mended in NetSuite")
    settle(6)
    assert here(shopify, ada)["note"] == "mended in NetSuite"
    assert STAGE["writes"] == [{"note": "mended in NetSuite"}]
    assert there(netsuite)["comments"] == "mended in NetSuite"
    assert sent() == 2
    assert of("shopify-customers").exclusion == "Rule: echo of our own write"


def test_no_ping_pong_over_many_changes_on_both_sides(ada, netsuite, shopify, settle):
    for turn in range(3):
        change_there(netsuite, comments=f"there {turn}")
        settle()
        shopify.update_customer(ada, note=f"here {turn}")
        settle()
    assert here(shopify, ada)["note"] == there(netsuite)["comments"] == "here 2"
    assert sent() == 1 + 6
    settle(6)
    assert sent() == 7 and not FailedRecord.objects.exists()


def test_a_real_change_beside_an_echo_goes_on_alone(ada, netsuite, shopify, settle):
    """Somebody in NetSuite changes the name while our note is on its way back."""
    shopify.update_customer(ada, note="second")
    shopify.deliver_due()
    settle_forth_only(settle)
    change_there(netsuite, lastName="Lovelace")
    shopify.update_customer(ada, note="third")  # not told yet
    take(settle)
    assert STAGE["writes"] == [{"last_name": "Lovelace"}]
    assert here(shopify, ada)["note"] == "third"
    settle(6)
    assert there(netsuite)["comments"] == "third"
    assert there(netsuite)["lastName"] == here(shopify, ada)["last_name"] == "Lovelace"


def settle_forth_only(settle):
    """Deliver what the shop told; NetSuite is not asked meanwhile."""
    Flow.objects.filter(slug="netsuite-customers").update(poll_minutes=0)
    settle(1)
    Flow.objects.filter(slug="netsuite-customers").update(poll_minutes=1)


def take(settle):
    """Ask NetSuite alone; the shop's webhooks stay where they are."""
    from tests.flows.conftest import run_queue

    Flow.objects.filter(slug="netsuite-customers").update(polled_at=None)
    run_queue()


def test_going_back_to_an_old_value_is_a_change_and_no_echo(
    ada, netsuite, shopify, settle
):
    """NetSuite goes from what we wrote to another value, and back again."""
    change_there(netsuite, comments="other")
    settle()
    change_there(netsuite, comments="first")
    settle()
    assert here(shopify, ada)["note"] == "first"
    assert STAGE["writes"] == [{"note": "other"}, {"note": "first"}]


def test_the_late_echo_of_an_earlier_write_undoes_nothing(
    ada, netsuite, shopify, settle, let_pass
):
    """The first of two writes is read only after the second was sent."""
    [known] = netsuite.store.records["customer"].values()
    old = netsuite.now() - timedelta(minutes=5)
    shopify.update_customer(ada, note="second")
    settle()
    stale = Record("customer", known.id, dict(known.values), known.created_at, old)
    record = of("netsuite-customers")
    SyncRecord.objects.filter(pk=record.pk).update(
        source=found_in(stale), changed_at=old, state=State.WAITING, version=99
    )
    settle()
    assert here(shopify, ada)["note"] == "second"
    assert STAGE["writes"] == []


def test_who_was_born_there_is_changed_there_and_not_doubled(
    two_ways, netsuite, shopify, settle
):
    netsuite.add_customer(firstName="Grace", lastName="Hopper", comments="born there")
    settle()
    [customer] = shopify.store.customers.values()
    assert customer["first_name"] == "Grace"
    shopify.update_customer(str(customer["id"]), note="changed here")
    settle(6)
    assert len(netsuite.store.records["customer"]) == 1
    assert there(netsuite)["comments"] == "changed here"
    assert Link.objects.count() == 2 and not FailedRecord.objects.exists()


def test_where_no_flow_goes_back_everything_is_sent_as_before(demo, shopify, drain):
    made = shopify.create_customer("ada@example.com", first_name="Ada")
    shopify.deliver_due()
    drain()
    shopify.update_customer(str(made["id"]), note="second")
    shopify.deliver_due()
    drain()
    assert Attempt.objects.latest("pk").payload["firstName"] == "Ada"


@pytest.fixture
def grace(two_ways, netsuite, shopify, settle):
    """A customer who was born in NetSuite; returns the id in the shop."""
    netsuite.add_customer(firstName="Grace", lastName="Hopper", comments="born there")
    settle()
    [customer] = shopify.store.customers.values()
    return str(customer["id"])


def republish(target, **columns):
    """Publish both documents anew with other columns of one field's rows."""
    drafts = []
    for slug in ("shopify-customer", "netsuite-customer"):
        document = MappingDocument.objects.get(slug=slug)
        draft = services.new_draft(document, None)
        draft.rows.filter(target__in=[target, dict(BACK_TARGETS)[target]]).update(
            **columns
        )
        drafts.append(draft)
    for draft in drafts:
        services.publish(draft, None)


BACK_TARGETS = [(there, here) for here, there in BACK]


def told_by_the_source(record, at, **values):
    """Have the ledger read a version of the source that changed at a moment."""
    SyncRecord.objects.filter(pk=record.pk).update(
        source={**record.source, **values},
        changed_at=at,
        state=State.WAITING,
        exclusion="",
        version=record.version + 1,
    )


def test_who_was_born_there_is_not_taken_for_deleted(
    grace, netsuite, shopify, settle, let_pass
):
    """It has no external id of ours there, which is no sign that it is gone."""
    shopify.update_customer(grace, note="changed here")
    settle()
    let_pass(3600)
    shopify.update_customer(grace, note="changed again")
    settle()
    assert there(netsuite)["comments"] == "changed again"
    assert not FailedRecord.objects.exists()


def test_a_pair_that_is_gone_is_made_again_only_if_a_person_says_so(
    ada, netsuite, shopify, settle, let_pass
):
    change_there(netsuite, lastName="Lovelace")
    settle()
    [gone] = netsuite.store.records["customer"].values()
    netsuite.store.remove(gone, netsuite.now())
    let_pass(3600)
    shopify.update_customer(ada, note="changed here")
    settle()
    assert FailedRecord.objects.open().get().code == "TARGET_GONE"
    assert not netsuite.store.records["customer"]
    of("shopify-customers").enqueue(None, RetryChoice(start=Start.AGAIN))
    settle()
    assert there(netsuite)["comments"] == "changed here"
    assert not FailedRecord.objects.open().exists()


def test_what_was_sent_goes_again_under_the_id_of_its_pair(
    grace, netsuite, shopify, settle
):
    shopify.update_customer(grace, note="changed here")
    settle()
    SyncRecord.objects.filter(flow__slug="shopify-customers").update(state=State.FAILED)
    of("shopify-customers").enqueue(None, RetryChoice(start=Start.SENT))
    settle()
    assert of("shopify-customers").state == State.DELIVERED
    assert len(netsuite.store.records["customer"]) == 1


def test_a_first_write_that_ends_while_its_echo_looks_leaves_no_double(
    two_ways, monkeypatch, netsuite, shopify, settle
):
    look, looks = echo._pair, []

    def too_early(record, flows):
        is_first = record.flow.slug == "netsuite-customers" and not looks
        looks.append(record)
        return None if is_first else look(record, flows)

    monkeypatch.setattr(echo, "_pair", too_early)
    shopify.create_customer("ada@example.com", first_name="Ada", note="first")
    settle()
    assert STAGE["writes"] == [] and len(shopify.store.customers) == 1


def test_a_field_that_was_emptied_is_a_change_and_its_echo_is_known(
    ada, netsuite, shopify, settle
):
    republish("comments", clears=True)
    change_there(netsuite, lastName="Lovelace")
    settle()
    STAGE["writes"].clear()
    shopify.update_customer(ada, note="")
    settle(6)
    assert not there(netsuite).get("comments")
    assert STAGE["writes"] == [] and not here(shopify, ada)["note"]


def test_a_change_that_is_left_to_its_owner_makes_no_round(
    grace, netsuite, shopify, settle
):
    """Nothing is written where all that is new is parked, so nothing comes back."""
    settle()
    republish("comments", owner="netsuite", updaters="", conflict="hold")
    before = sent()
    STAGE["writes"].clear()
    shopify.update_customer(grace, note="wanted here")
    settle(8)
    assert sent() == before + 1 and STAGE["writes"] == []
    assert here(shopify, grace)["note"] == "wanted here"
    conflict = OwnershipConflict.objects.get()
    assert (conflict.answer, conflict.wanted) == ("", "wanted here")
    assert "nothing to write" in Attempt.objects.latest("pk").message


def test_a_touch_that_changes_no_field_is_not_sent(grace, netsuite, shopify, settle):
    """What the shop changed meanwhile would be written over by older values."""
    republish("comments", owner="", updaters="")
    settle()
    STAGE["writes"].clear()
    # Our own writes lie back further than clocks may differ.
    Attempt.objects.update(started_at=F("started_at") - timedelta(minutes=1))
    shopify.update_customer(grace, note="changed here")  # not told yet
    change_there(netsuite, fax="555-0199")
    take(settle)
    assert STAGE["writes"] == []
    assert of("netsuite-customers").exclusion == "Rule: nothing in it is new"
    settle()
    assert there(netsuite)["comments"] == "changed here"


def test_going_back_before_the_change_was_sent_is_no_late_echo(
    ada, netsuite, shopify, settle
):
    """The shop said B and then again what we wrote, while B was on its way."""
    change_there(netsuite, comments="ours")
    settle()
    ours = Attempt.objects.latest("pk")
    Attempt.objects.filter(pk=ours.pk).update(
        started_at=ours.started_at - timedelta(minutes=5)
    )
    shopify.update_customer(ada, note="B")
    settle()
    at = Attempt.objects.latest("pk").started_at - timedelta(seconds=10)
    told_by_the_source(of("shopify-customers"), at, note="ours")
    settle()
    assert there(netsuite)["comments"] == "ours"


def test_a_value_that_we_wrote_over_meanwhile_does_not_come_back_in_silence(
    ada, netsuite, shopify, settle
):
    """The shop's change is told only after NetSuite's was written over it."""
    republish("comments", owner="netsuite", updaters="shopify", conflict="hold")
    change_there(netsuite, comments="newer")
    settle()
    at = Attempt.objects.latest("pk").started_at - timedelta(seconds=10)
    told_by_the_source(of("shopify-customers"), at, note="older")
    settle()
    assert there(netsuite)["comments"] == here(shopify, ada)["note"] == "newer"
    assert OwnershipConflict.objects.get().wanted == "older"


def test_an_echo_does_not_call_off_that_a_write_is_confirmed(
    ada, netsuite, shopify, settle
):
    change_there(netsuite, lastName="Lovelace")
    settle()
    record = of("shopify-customers")
    assert record.state == State.EXCLUDED
    SyncRecord.objects.filter(pk=record.pk).update(confirm_at=record.delivered_at)
    change_there(netsuite, comments="what a late request wrote")
    confirm_due()
    settle_forth_only(settle)
    latest = record.attempts.order_by("-number").first()
    assert (latest.outcome, latest.payload["comments"]) == ("delivered", "first")
    assert latest.payload["lastName"] == "Lovelace"
