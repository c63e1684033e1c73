"""What has to pass before a signature cannot be made less by whoever wants it signed."""

from copy import deepcopy

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse

from errorqueue.clock import database_time
from integrations.models import AuditEntry, Connection
from integrations.studio.acceptance import evidence_for, make_stale, own
from mappings import services, signing
from mappings.models import MappingVersion, Scenario, ScenarioRun, Signature
from mappings.requirements import stamp_of
from tests.errorqueue.pages import text_of
from tests.mappings.lines import (
    change_memo,
    make_line,
    new_draft,
    person,
    play,
    require_scenario,
)

pytestmark = pytest.mark.django_db

BUSINESS = Signature.Role.BUSINESS
State = ScenarioRun.State


@pytest.fixture
def erin(db):
    return person("erin", "change_mappingversion", "publish_mappingversion")


@pytest.fixture
def emma(db):
    return User.objects.create_user("emma")


@pytest.fixture
def sam(db):
    return person("sam", "sign_mappingversion", "view_mappingversion")


@pytest.fixture
def document(db):
    return make_line(live=True)


@pytest.fixture
def draft(document, erin):
    made = new_draft(document, erin)
    change_memo(made)
    return made


@pytest.fixture
def zero(db):
    return require_scenario()


def refused(step, *given, **more) -> str:
    with pytest.raises(ValidationError) as error:
        step(*given, **more)
    return " ".join(error.value.messages)


def change(scenario, by, **columns) -> None:
    found = Scenario.objects.get(pk=scenario.pk)
    for name, value in columns.items():
        setattr(found, name, value)
    own.save(found, by)


def again(version) -> MappingVersion:
    return MappingVersion.objects.get(pk=version.pk)


# After it was sent


def test_unticking_a_scenario_after_sending_does_not_help(draft, zero, erin, emma, sam):
    sent = signing.send(draft, erin)
    change(zero, emma, is_required=False)
    assert "Zero-value order" in refused(signing.sign, sent, BUSINESS, sam)
    [proof] = evidence_for(again(sent)).required
    assert (proof.scenario, proof.passed) == (zero, False)
    play(zero, sent)
    assert signing.sign(sent, BUSINESS, sam).runs.count() == 1


@pytest.mark.parametrize(
    "weaker",
    [
        {"outcome": "stopped"},
        {"expected": "anything at all"},
        {"source": {"id": 2}},
        {"key": "as_it_is"},
    ],
)
def test_a_weaker_scenario_after_sending_proves_nothing(
    draft, zero, erin, emma, sam, weaker
):
    before = {name: deepcopy(getattr(zero, name)) for name in weaker}
    sent = signing.send(draft, erin)
    change(zero, emma, **weaker)
    play(zero, sent)  # it passes now
    told = refused(signing.sign, sent, BUSINESS, sam)
    assert "changed after the version was sent" in told and "send it again" in told
    [proof] = evidence_for(again(sent)).lacking
    assert "changed after the version was sent" in proof.problem
    change(zero, emma, **before)
    play(zero, sent)
    assert signing.sign(sent, BUSINESS, sam)


def test_a_deleted_scenario_is_missed(draft, zero, erin, emma, sam):
    sent = signing.send(draft, erin)
    own.remove(Scenario.objects.get(pk=zero.pk), emma)
    told = refused(signing.sign, sent, BUSINESS, sam)
    assert "“Zero-value order” (it was deleted after the version was sent" in told


def test_moving_a_scenario_to_another_kind_of_record_does_not_help(
    draft, zero, erin, emma, sam
):
    sent = signing.send(draft, erin)
    change(zero, emma, source_entity="customer")
    assert "Zero-value order" in refused(signing.sign, sent, BUSINESS, sam)
    assert [one.scenario for one in evidence_for(again(sent)).required] == [zero]


def test_what_is_asked_for_after_sending_counts_as_well(draft, erin, sam):
    sent = signing.send(draft, erin)
    require_scenario()
    assert "Zero-value order" in refused(signing.sign, sent, BUSINESS, sam)


def test_taken_back_and_sent_again_it_asks_as_of_then(draft, zero, erin, emma, sam):
    sent = signing.send(draft, erin)
    change(zero, emma, is_required=False)
    back = signing.take_back(sent, erin)
    assert back.asks == []
    sent = signing.send(back, erin)
    assert signing.sign(sent, BUSINESS, sam)


def test_a_page_opened_before_less_was_asked_for_signs_nothing(
    draft, zero, erin, emma, sam
):
    sent = signing.send(draft, erin)
    seen = stamp_of(sent)
    back = signing.take_back(sent, erin)
    change(zero, emma, is_required=False)
    sent = signing.send(back, erin)
    assert "while you looked" in refused(signing.sign, sent, BUSINESS, sam, seen=seen)
    assert signing.sign(sent, BUSINESS, sam, seen=stamp_of(sent))


# Before it was sent


def shown_to(client, sam, version) -> str:
    client.force_login(sam)
    return text_of(client.get(reverse("admin:mappings_sign", args=[version.pk])))


def test_who_signs_reads_what_was_required_until_when_and_who_changed_it(
    client, draft, zero, erin, emma, sam
):
    change(zero, emma, is_required=False)
    sent = signing.send(draft, erin)
    at = AuditEntry.objects.get(verb="no longer required").at
    text = shown_to(client, sam, sent)
    assert "“Zero-value order” was required until" in text
    assert f"{at:%d %b %Y %H:%M}" in text
    assert "changed by emma" in text


def test_who_signs_reads_of_other_expectations_and_of_what_is_gone(
    client, draft, zero, erin, emma, sam
):
    other = require_scenario("own-other")
    change(other, emma, name="Gift order", outcome="stopped", source={"id": 2})
    own.remove(Scenario.objects.get(pk=zero.pk), emma)
    text = shown_to(client, sam, signing.send(draft, erin))
    assert "“Gift order” expected something else until" in text
    assert "“Gift order” was played with another record" in text
    assert "“Zero-value order” was required and in the library until" in text


def test_what_is_asked_for_again_or_was_signed_already_is_not_shown(
    client, document, draft, zero, erin, emma, sam
):
    other = require_scenario("own-other")
    change(other, emma, name="Gift order", is_required=False)
    change(zero, emma, is_required=False)
    change(zero, emma, is_required=True)
    sent = signing.send(draft, erin)
    assert "“Gift order” was required until" in shown_to(client, sam, sent)
    assert "“Zero-value order” was required until" not in shown_to(client, sam, sent)
    play(zero, sent)
    signing.sign(sent, BUSINESS, sam)
    services.publish(sent, erin)
    following = new_draft(document, erin)
    change_memo(following, "email")
    text = shown_to(client, sam, signing.send(following, erin))
    assert "was required until" not in text


def test_every_field_of_a_changed_scenario_is_in_the_trail(zero, emma):
    change(zero, emma, is_required=False, outcome="stopped", source={"secret": "x"})
    noted = AuditEntry.objects.filter(subject="scenario", subject_id=zero.pk)
    told = {one.verb: one.detail for one in noted}
    assert set(told) == {"no longer required", "expects otherwise", "played otherwise"}
    assert "'delivered' → 'stopped'" in told["expects otherwise"]
    assert all("Zero-value order" in one for one in told.values())
    assert "secret" not in str(told)
    assert {one.by for one in noted} == {emma}


def test_a_scenario_that_a_file_makes_optional_is_in_the_trail(db, tmp_path):
    shipped = "integrations/configuration/scenarios.yaml"
    call_command("configure", shipped, verbosity=0)
    with open(shipped) as file:
        text = file.read()
    weaker = tmp_path / "weaker.yaml"
    weaker.write_text(
        text.replace("key: zero_value", "key: zero_value\n    is_required: false", 1)
    )
    call_command("configure", str(weaker), verbosity=0)
    [entry] = AuditEntry.objects.filter(verb="no longer required")
    assert entry.by is None and "An order of zero value" in entry.detail


def test_an_own_scenario_stays_with_its_kind_of_record(client, emma):
    emma.is_staff = True
    emma.save()
    emma.user_permissions.set(Permission.objects.filter(codename="change_scenario"))
    Connection.objects.create(
        name="Shop", slug="shop", system="shopify", account_id="x.myshopify.com"
    )
    mine = require_scenario("own-mine")
    Scenario.objects.filter(pk=mine.pk).update(group="own", source={"id": 1})
    client.force_login(User.objects.get(pk=emma.pk))
    form = {
        **{"name": "Zero-value order", "what": "x", "expected": "x"},
        **{"outcome": "delivered", "is_required": "on", "personal": "anonymous"},
        **{"record": "", "payload": "{}", "source_system": "shopify"},
    }
    address = reverse("admin:mappings_scenario_change", args=[mine.pk])
    text = text_of(client.post(address, {**form, "source_entity": "customer"}))
    assert "stays with its kind of record" in text
    assert Scenario.objects.get(pk=mine.pk).source_entity == "order"


# Evidence and signatures that are worth nothing any more


def test_a_signature_does_not_outlive_a_refresh_by_being_taken_back(
    draft, zero, erin, sam
):
    """Taken back before the sandbox is refreshed, sent again as it was behind it."""
    sandbox = Connection.objects.create(
        name="NS", slug="ns", system="netsuite", account_id="1_SB1"
    )
    sent = signing.send(draft, erin)
    play(zero, sent)
    ScenarioRun.objects.update(connection="ns", ended_at=database_time())
    signing.sign(sent, BUSINESS, sam)
    back = signing.take_back(sent, erin)
    make_stale(sandbox, "refreshed")
    sent = signing.send(back, erin)
    assert "business signature" in refused(services.publish, sent, erin)


def test_what_passed_as_another_kind_of_record_proves_nothing(draft, zero, erin, sam):
    other = make_line("sandbox", slug="quotes")
    type(other).objects.filter(pk=other.pk).update(target_record="estimate")
    copied = new_draft(type(other).objects.get(pk=other.pk), None)
    sent = signing.send(draft, erin)
    play(zero, sent)
    ScenarioRun.objects.update(version=copied)
    assert "Zero-value order" in refused(signing.sign, sent, BUSINESS, sam)
    assert evidence_for(again(sent)).lacking


# What waits for whom


def test_nobody_is_asked_to_sign_what_they_wrote_in_any_way(
    client, document, draft, erin
):
    from mappings import changes

    both = person("bo", "sign_mappingversion", "view_mappingversion")
    other = person("kim", "sign_mappingversion", "view_mappingversion")
    changes.tell(changes.Change("mapping", draft.pk, "changed", "Row memo"), both)
    sent = signing.send(draft, erin)
    assert signing.waiting_for(both) == []
    assert signing.waiting_for(other) == [sent]


def test_nobody_is_asked_to_sign_the_promotion_of_what_they_wrote(document, erin):
    both = person("bo", "sign_mappingversion")
    other = person("kim", "sign_mappingversion")
    sandbox = make_line("sandbox", slug="sandbox-orders")
    written = new_draft(sandbox, both)
    services.publish(written, erin)
    last = services.publish(new_draft(sandbox, erin), erin)
    promoted = new_draft(document, erin)
    change_memo(promoted, "email")
    MappingVersion.objects.filter(pk=promoted.pk).update(promoted_from=last)
    sent = signing.send(promoted, erin)
    assert signing.waiting_for(both) == []
    assert signing.waiting_for(other) == [sent]


def test_the_list_asks_as_much_for_many_versions(erin, django_assert_max_num_queries):
    signer = person("sam", "sign_mappingversion")
    for number in range(8):
        document = make_line(slug=f"orders-{number}", live=True)
        made = new_draft(document, erin)
        change_memo(made)
        signing.send(made, erin)
    with django_assert_max_num_queries(3):
        assert len(signing.waiting_for(signer)) == 8
