"""What belongs to somebody else: left, parked, answered; and nothing in silence."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from errorqueue.clock import database_time
from errorqueue.failures import Refused
from integrations.models import Attempt, AuditEntry, OwnershipConflict, SyncRecord
from integrations.simulators.netsuite.store import Record
from integrations.studio import ownership
from integrations.sync import guarding
from integrations.sync.story import records, story_of
from mappings import services
from mappings.models import MappingDocument

pytestmark = pytest.mark.django_db(transaction=True)

Answer = OwnershipConflict.Answer


@pytest.fixture
def owned(demo):
    """Publish the customer mapping with a row that NetSuite owns."""

    def publish(rule: str, target: str = "comments", **columns) -> None:
        document = MappingDocument.objects.get(slug="shopify-customer")
        draft = services.new_draft(document, None)
        draft.rows.filter(target=target).update(
            owner="netsuite", direction="both", conflict=rule, **columns
        )
        services.publish(draft, None)

    return publish


@pytest.fixture
def change_there(netsuite):
    """Let somebody in NetSuite change the one customer."""

    def change(at=None, **values) -> None:
        [stored] = netsuite.customers.values()
        known = netsuite.store.records["customer"][stored["id"]]
        changed = {**known.values, **values}
        netsuite.store.put(
            Record(
                "customer", known.id, changed, known.created_at, at or netsuite.now()
            )
        )

    return change


@pytest.fixture
def person(db):
    return User.objects.create_user("olga")


@pytest.fixture
def customer(demo, shopify, netsuite, drain):
    """A customer of the shop who stands in NetSuite."""
    made = shopify.create_customer("ada@example.com", note="from the shop")
    shopify.deliver_due()
    drain()
    return made


@pytest.fixture
def change_here(shopify, customer, drain):
    def change(**values) -> None:
        shopify.update_customer(str(customer["id"]), **values)
        shopify.deliver_due()
        drain()

    return change


def there(netsuite) -> dict:
    [customer] = netsuite.customers.values()
    return customer


def record() -> SyncRecord:
    return records().get(flow__slug="shopify-customers")


def latest() -> Attempt:
    return Attempt.objects.filter(record=record()).order_by("-number").first()


def test_the_first_creation_writes_what_the_target_owns(owned, netsuite, customer):
    assert there(netsuite)["comments"] == "from the shop"
    assert not OwnershipConflict.objects.exists()


def test_the_owners_value_stays_and_the_rest_is_written(
    owned, netsuite, customer, change_there, change_here
):
    owned("owner_wins")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop", first_name="Augusta")
    assert there(netsuite)["comments"] == "mended in NetSuite"
    assert there(netsuite)["firstName"] == "Augusta"
    assert "left to NetSuite (Northwind): comments" in latest().message
    assert "comments" not in latest().payload
    assert not OwnershipConflict.objects.exists()
    said = [line.entry.detail for line in story_of(record()).lines]
    assert any("left to NetSuite" in one for one in said)


def test_a_held_field_is_parked_and_the_rest_is_written(
    owned, netsuite, customer, change_there, change_here
):
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop", first_name="Augusta")
    found = OwnershipConflict.objects.get()
    assert (found.field, found.owner, found.writer) == (
        "comments",
        "netsuite",
        "shopify",
    )
    assert (found.standing, found.wanted) == (
        "mended in NetSuite",
        "changed in the shop",
    )
    assert there(netsuite)["comments"] == "mended in NetSuite"
    assert there(netsuite)["firstName"] == "Augusta"
    assert record().state == SyncRecord.State.DELIVERED
    told = [line.entry.what for line in story_of(record()).lines]
    assert "Parked a field that somebody else owns" in told
    change_here(note="changed once more")
    assert OwnershipConflict.objects.get().wanted == "changed once more"


def test_values_that_agree_are_no_conflict_and_close_an_open_one(
    owned, netsuite, customer, change_there, change_here
):
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    change_here(note="mended in NetSuite")
    found = OwnershipConflict.objects.get()
    assert found.answer == Answer.OWNER_WINS and found.answered_by is None
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    assert OwnershipConflict.objects.filter(answer=Answer.OPEN).count() == 1


def test_the_newest_value_wins_where_both_times_are_known(
    owned, netsuite, customer, change_there, change_here
):
    owned("newest")
    long_ago = database_time() - timedelta(days=1)
    change_there(long_ago, comments="older in NetSuite")
    change_here(note="newer in the shop")
    assert there(netsuite)["comments"] == "newer in the shop"
    change_there(database_time() + timedelta(days=1), comments="newer in NetSuite")
    change_here(note="older in the shop")
    assert there(netsuite)["comments"] == "newer in NetSuite"
    assert not OwnershipConflict.objects.exists()


def test_without_a_time_there_a_person_decides(
    owned, netsuite, customer, change_there, change_here, monkeypatch
):
    from integrations.connectors.netsuite import records as netsuite_records

    owned("newest")
    monkeypatch.setattr(netsuite_records, "changed_at", lambda found: None)
    change_there(comments="some time")
    change_here(note="some other time")
    assert there(netsuite)["comments"] == "some time"
    assert OwnershipConflict.objects.get().rule == "newest"


def test_who_may_update_writes_over_what_nobody_changed(
    owned, netsuite, customer, change_there, change_here
):
    owned("hold", updaters="shopify, netsuite")
    change_here(note="second word of the shop")
    assert there(netsuite)["comments"] == "second word of the shop"
    change_there(comments="mended in NetSuite")
    change_here(note="third word of the shop")
    assert there(netsuite)["comments"] == "mended in NetSuite"
    assert OwnershipConflict.objects.get().wanted == "third word of the shop"


def test_an_accepted_value_is_written_once(
    owned, netsuite, customer, change_there, change_here, drain, person
):
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    conflict = ownership.open_conflicts().get()
    with pytest.raises(Refused, match="why"):
        ownership.accept_once(conflict, person, "  ")
    ownership.accept_once(conflict, person, "The customer rang")
    drain()
    conflict.refresh_from_db()
    assert there(netsuite)["comments"] == "changed in the shop"
    assert conflict.written_at and conflict.answered_by == person
    entry = AuditEntry.objects.get(verb="conflict answered")
    assert entry.by == person and "The customer rang" in entry.detail
    change_there(comments="mended again")
    change_here(note="another word of the shop")
    assert there(netsuite)["comments"] == "mended again"
    assert ownership.open_conflicts().count() == 1
    with pytest.raises(Refused, match="answered meanwhile"):
        ownership.let_owner_win(conflict, person, "too late")


def test_the_owner_wins_for_these_two_values_and_is_asked_about_others(
    owned, netsuite, customer, change_there, change_here, person
):
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    ownership.let_owner_win(ownership.open_conflicts().get(), person, "NetSuite knows")
    change_here(first_name="Augusta")
    assert not ownership.open_conflicts().exists()
    assert there(netsuite)["comments"] == "mended in NetSuite"
    change_here(note="a third value")
    assert ownership.open_conflicts().get().wanted == "a third value"


def test_a_new_owner_is_a_draft_that_counts_once_it_is_live(
    owned, netsuite, customer, change_there, change_here, person
):
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    conflict = ownership.open_conflicts().get()
    draft = ownership.change_owner(conflict, person, "The shop keeps the notes")
    conflict.refresh_from_db()
    assert conflict.draft == draft and conflict.answer == Answer.NEW_OWNER
    assert draft.rows.get(target="comments").owner == "shopify"
    assert AuditEntry.objects.filter(subject="mapping", by=person).exists()
    services.publish(draft, person)
    change_here(note="last word of the shop")
    assert there(netsuite)["comments"] == "last word of the shop"


def test_unguarded_updates_ask_nothing_more_of_the_target(
    netsuite, customer, change_here
):
    def reads() -> int:
        return sum(call.method == "GET" for call in netsuite.journal)

    before = reads()
    change_here(first_name="Augusta", default_address=None)
    assert there(netsuite)["firstName"] == "Augusta"
    assert reads() == before


def test_a_try_whose_answer_was_lost_uses_the_acceptance_up(
    owned, netsuite, customer, change_there, change_here, drain, person
):
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    conflict = ownership.open_conflicts().get()
    ownership.accept_once(conflict, person, "The customer rang")
    change_there(comments="changed in the shop")  # it landed, and nobody was told
    drain()
    conflict.refresh_from_db()
    assert conflict.written_at
    change_there(comments="mended in NetSuite")
    change_here(first_name="Augusta")
    assert there(netsuite)["comments"] == "mended in NetSuite"
    assert ownership.open_conflicts().count() == 1


def test_what_was_accepted_over_one_value_is_not_written_over_another(
    owned, netsuite, customer, change_there, change_here, drain, person
):
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    ownership.accept_once(ownership.open_conflicts().get(), person, "They rang")
    change_there(comments="mended once more")
    drain()
    assert there(netsuite)["comments"] == "mended once more"
    assert ownership.open_conflicts().get().standing == "mended once more"


def test_an_answer_is_never_rewritten_by_a_delivery_under_way(
    owned, netsuite, customer, change_there, change_here, person, monkeypatch
):
    """The answer comes between the look for an open conflict and its update."""
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    answered = ownership.open_conflicts().get()
    look = guarding.OwnershipConflict.objects.get_or_create
    looks = []

    def late(**given):
        if not looks:
            looks.append(look(**given)[0])
            ownership.let_owner_win(answered, person, "NetSuite knows")
            return looks[0], False
        return look(**given)

    monkeypatch.setattr(guarding.OwnershipConflict.objects, "get_or_create", late)
    change_here(note="a third value")
    answered.refresh_from_db()
    assert answered.wanted == "changed in the shop"
    assert ownership.open_conflicts().get().wanted == "a third value"


@pytest.mark.parametrize("before", ["Rule: echo of our own write", "By hand: theirs"])
def test_an_accepted_value_of_a_record_that_was_excluded(
    owned, netsuite, customer, change_there, change_here, drain, person, before
):
    """A rule's exclusion is no decision about the value; a person's is."""
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    SyncRecord.objects.filter(pk=record().pk).update(
        state=SyncRecord.State.EXCLUDED, exclusion=before
    )
    conflict = ownership.open_conflicts().get()
    if before.startswith("By hand"):
        with pytest.raises(Refused, match="excluded by a person"):
            ownership.accept_once(conflict, person, "They rang")
        assert ownership.open_conflicts().exists()
        return
    ownership.accept_once(conflict, person, "They rang")
    drain()
    assert there(netsuite)["comments"] == "changed in the shop"


def test_an_answer_that_a_worker_overtakes_is_refused(
    owned, netsuite, customer, change_there, change_here, person, monkeypatch
):
    owned("hold")
    change_there(comments="mended in NetSuite")
    change_here(note="changed in the shop")
    mine = SyncRecord.objects.filter(pk=record().pk)
    mine.update(state=SyncRecord.State.WAITING)
    enqueue = SyncRecord.enqueue

    def claimed_first(self, by):
        mine.update(state=SyncRecord.State.RUNNING)
        enqueue(self, by)

    monkeypatch.setattr(SyncRecord, "enqueue", claimed_first)
    with pytest.raises(Refused, match="being sent"):
        ownership.accept_once(ownership.open_conflicts().get(), person, "They rang")
    assert ownership.open_conflicts().exists()


def test_who_may_update_knows_its_own_write_of_unknown_end(
    owned, netsuite, customer, change_there, change_here
):
    """A try timed out after it had landed; the next value is no conflict."""
    owned("hold", updaters="shopify")
    change_here(note="second word")
    landed = latest()
    Attempt.objects.filter(pk=landed.pk).update(outcome=Attempt.Outcome.UNKNOWN)
    change_here(note="third word")
    assert there(netsuite)["comments"] == "third word"
    assert not OwnershipConflict.objects.exists()
