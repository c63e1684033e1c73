"""From draft to live in production: nobody decides alone."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from integrations.models import AuditEntry
from mappings import changes, services, signing
from mappings.models import MappingVersion, Signature
from mappings.money import money_changes
from tests.mappings.lines import (
    Environment,
    add_price,
    change_memo,
    make_line,
    new_draft,
    person,
    play,
    require_scenario,
)

pytestmark = pytest.mark.django_db

State = MappingVersion.State
BUSINESS, FINANCE = Signature.Role.BUSINESS, Signature.Role.FINANCE


@pytest.fixture
def editor(db):
    return person("erin", "change_mappingversion", "publish_mappingversion")


@pytest.fixture
def signer(db):
    return person("sam", "sign_mappingversion")


@pytest.fixture
def finance(db):
    return person("fay", "sign_money")


@pytest.fixture
def document(db):
    return make_line(live=True)


@pytest.fixture
def draft(document, editor):
    made = new_draft(document, editor)
    change_memo(made)
    return made


def refused(step, *given, **more) -> str:
    with pytest.raises(ValidationError) as error:
        step(*given, **more)
    return " ".join(error.value.messages)


def verbs(version) -> list[str]:
    told = AuditEntry.objects.filter(subject="mapping", subject_id=version.pk)
    return list(told.order_by("pk").values_list("verb", flat=True))


def test_an_unsigned_version_never_goes_live_in_production(document, draft, editor):
    live = document.published()
    assert "send" in refused(services.publish, draft, editor)
    sent = signing.send(draft, editor)
    assert "business signature" in refused(services.publish, sent, editor)
    assert document.published() == live


def test_a_signed_version_goes_live_and_every_step_is_in_the_trail(
    document, draft, editor, signer
):
    sent = signing.send(draft, editor)
    assert (sent.state, sent.sent_by) == (State.REVIEW, editor)
    signature = signing.sign(sent, BUSINESS, signer, "Looked at ten orders.")
    assert signature.digest == sent.digest != ""
    before = document.published()
    live = services.publish(sent, editor)
    assert document.published() == live
    assert verbs(live) == ["sent", "signed", "published"]
    assert "retired" in verbs(before)


def test_a_sent_version_is_frozen_and_comes_back_as_a_draft(draft, editor):
    sent = signing.send(draft, editor)
    with pytest.raises(ValidationError, match="frozen"):
        sent.rows.all().update(source="email")
    back = signing.take_back(sent, editor)
    assert (back.state, back.digest, back.sent_by) == (State.DRAFT, "", None)
    back.rows.all().update(source="email")
    assert back.rows.get().source == "email"


def test_what_is_sent_again_after_a_change_is_read_anew(draft, editor):
    sent = signing.send(draft, editor)
    assert sent.as_document().rows[0].source == "name"
    back = signing.take_back(sent, editor)
    change_memo(back, "email")
    assert signing.send(back, editor).as_document().rows[0].source == "email"


def test_a_signature_speaks_for_one_content_only(draft, editor, signer):
    sent = signing.send(draft, editor)
    signing.sign(sent, BUSINESS, signer)
    changed = signing.take_back(sent, editor)
    change_memo(changed, "email")
    again = signing.send(changed, editor)
    assert signing.standing(again).missing == [BUSINESS]
    assert "business" in refused(services.publish, again, editor)


def test_a_stale_signature_counts_no_more(draft, editor, signer):
    sent = signing.send(draft, editor)
    signing.sign(sent, BUSINESS, signer)
    Signature.objects.update(stale_at=timezone.now(), stale_reason="refreshed")
    assert "business" in refused(services.publish, sent, editor)


@pytest.mark.parametrize("role", ["created", "sent", "changed a row", "superuser"])
def test_nobody_signs_what_they_wrote(document, editor, admin_user, role):
    both = person("bo", "sign_mappingversion", "change_mappingversion")
    writer = admin_user if role == "superuser" else both
    draft = new_draft(document, writer if role in ("created", "superuser") else editor)
    change_memo(draft)
    if role == "changed a row":
        changes.tell(changes.Change("mapping", draft.pk, "changed", "Row memo"), writer)
    sent = signing.send(draft, writer if role == "sent" else editor)
    assert "somebody else" in refused(signing.sign, sent, BUSINESS, writer)
    assert "somebody else" in refused(signing.refuse, sent, BUSINESS, writer, "no")
    assert not Signature.objects.exists()


def test_who_wrote_it_in_sandbox_does_not_sign_the_promotion(document, editor):
    both = person("bo", "sign_mappingversion")
    sandbox = new_draft(document, both)
    MappingVersion.objects.filter(pk=sandbox.pk).update(state=State.RETIRED)
    promoted = new_draft(document, editor)
    MappingVersion.objects.filter(pk=promoted.pk).update(promoted_from=sandbox)
    sent = signing.send(promoted, editor)
    assert "somebody else" in refused(signing.sign, sent, BUSINESS, both)


def test_who_wrote_an_earlier_sandbox_version_does_not_sign_the_promotion(
    document, editor, signer
):
    """The last sandbox version may say nothing new: its author is not the only one."""
    both = person("bo", "sign_mappingversion")
    sandbox = make_line(Environment.SANDBOX, slug="sandbox-orders")
    first = services.publish(new_draft(sandbox, signer), signer)
    promote(document, first, editor)
    written = new_draft(sandbox, both)
    change_memo(written)
    services.publish(written, both)
    last = services.publish(new_draft(sandbox, editor), editor)
    sent = signing.send(promoted(document, last, editor), editor)
    assert "somebody else" in refused(signing.sign, sent, BUSINESS, both)
    # What production has already was signed then.
    assert signing.sign(sent, BUSINESS, signer)


def promoted(document, source, by) -> MappingVersion:
    draft = new_draft(document, by)
    MappingVersion.objects.filter(pk=draft.pk).update(promoted_from=source)
    return MappingVersion.objects.get(pk=draft.pk)


def promote(document, source, by) -> None:
    """Carry a sandbox version over and let it go live, as if it had been signed."""
    services.go_live(promoted(document, source, by), by)


def test_signing_and_refusing_is_no_writing(draft, editor, signer):
    sent = signing.send(draft, editor)
    signing.refuse(sent, BUSINESS, signer, "The memo is wrong.")
    sent = signing.send(MappingVersion.objects.get(pk=sent.pk), editor)
    assert signing.sign(sent, BUSINESS, signer).answer == "signed"


def test_money_needs_finance_and_another_person(draft, editor, signer, finance):
    add_price(draft)
    sent = signing.send(draft, editor)
    assert sent.needs_finance
    assert signing.standing(sent).money == ("custbody_amount",)
    both = person("bo", "sign_mappingversion", "sign_money")
    signing.sign(sent, BUSINESS, both)
    assert "another person" in refused(signing.sign, sent, FINANCE, both)
    assert "finance signature" in refused(services.publish, sent, editor)
    assert "no right" in refused(signing.sign, sent, FINANCE, signer)
    signing.sign(sent, FINANCE, finance)
    assert services.publish(sent, editor).state == State.PUBLISHED


def test_finance_is_not_asked_where_no_money_changed(draft, editor, finance):
    sent = signing.send(draft, editor)
    assert not sent.needs_finance
    assert "need not sign" in refused(signing.sign, sent, FINANCE, finance)


def test_money_is_known_by_name_and_by_sensitivity(document, editor):
    draft = new_draft(document, editor)
    before = document.published().read_document()
    money = ("item.rate", "taxDetails.taxCode.id", "shippingCost", "discountItem.id")
    plain = ("generateReport", "operator", "shipMethod.id", "memo2", "corporateName")
    for name in (*money, *plain):
        draft.rows.create(target=name, kind="copy", source="x")
    draft.rows.create(target="custbody_x", source="x", sensitivity="payment")
    draft.checks.create(name="Total", source="total_price", parts=["total"])
    found = money_changes(before, draft.read_document())
    assert set(found) == {*money, "custbody_x", "check Total"}


def test_a_refusal_needs_a_reason_and_goes_back_to_the_writer(draft, editor, signer):
    sent = signing.send(draft, editor)
    assert "why" in refused(signing.refuse, sent, BUSINESS, signer, " ")
    signing.refuse(sent, BUSINESS, signer, "The memo is wrong.")
    back = MappingVersion.objects.get(pk=sent.pk)
    assert back.state == State.DRAFT and back.signatures.get().note
    assert verbs(back)[-1] == "refused"


def test_required_scenarios_must_pass_on_this_very_content(draft, editor, signer):
    scenario = require_scenario()
    sent = signing.send(draft, editor)
    assert "Zero-value order" in refused(signing.sign, sent, BUSINESS, signer)
    play(scenario, sent, "failed")
    assert "Zero-value order" in refused(signing.sign, sent, BUSINESS, signer)
    play(scenario, sent)
    signature = signing.sign(sent, BUSINESS, signer)
    assert signature.runs.get().state == "passed"


def test_a_scenario_passed_on_other_content_proves_nothing(draft, editor, signer):
    scenario = require_scenario()
    sent = signing.send(draft, editor)
    play(scenario, sent)
    changed = signing.take_back(sent, editor)
    change_memo(changed, "email")
    again = signing.send(changed, editor)
    assert "Zero-value order" in refused(signing.sign, again, BUSINESS, signer)


def test_a_document_has_one_version_on_its_way(document, draft, editor):
    sent = signing.send(draft, editor)
    assert "waits for signatures" in refused(services.new_draft, document, editor)
    with pytest.raises(IntegrityError), transaction.atomic():
        document.versions.create(number=99)
    assert document.open_line() == sent


def test_in_sandbox_publishing_stays_one_click(editor):
    document = make_line(Environment.SANDBOX)
    live = services.publish(new_draft(document, editor), editor)
    assert document.published() == live


def test_rolling_back_needs_no_signature_and_keeps_the_history(
    document, draft, editor, signer
):
    first = document.published()
    sent = signing.send(draft, editor)
    signing.sign(sent, BUSINESS, signer)
    second = services.publish(sent, editor)
    made = services.roll_back(document, editor, "Wrong memo.", live=second.number)
    assert document.published() == made
    assert (made.number, made.restores) == (3, first)
    assert [row.source for row in made.rows.all()] == ["note"]
    second.refresh_from_db()
    assert second.state == State.RETIRED and "rolled back" in verbs(second)
    told = refused(services.roll_back, document, editor, "", live=second.number)
    assert "not live" in told  # two people pressed: the second undoes nothing
    assert "no version before" in refused(
        services.roll_back, document, editor, "", live=made.number
    )


def test_how_a_version_is_watched_is_in_the_trail_and_is_no_writing(
    draft, editor, signer
):
    signer.user_permissions.add(*editor.user_permissions.all())
    services.set_watch(draft, 0, 10, signer)
    services.set_watch(draft, 0, 10, signer)
    told = AuditEntry.objects.get(subject="mapping", verb="watch set")
    assert (told.by, told.subject_id) == (signer, draft.pk)
    assert "50 records, 10 % → 0 records, 10 %" in told.detail
    assert signing.may_sign(signing.send(draft, editor), BUSINESS, signer) == ""


def test_rolling_back_never_brings_back_what_was_rolled_back(editor):
    document = make_line(Environment.SANDBOX, live=True)
    good = document.published()
    bad = services.publish(new_draft(document, editor), editor)
    services.roll_back(document, editor, "Wrong memo.", live=bad.number)
    another = services.publish(new_draft(document, editor), editor)
    made = services.roll_back(document, editor, "Wrong too.", live=another.number)
    assert made.restores == good
    assert services.earlier_version(made) is None


@pytest.mark.django_db(transaction=True)
def test_of_two_publishers_at_once_one_wins(transactional_db):
    editor = person("erin", "publish_mappingversion")
    document = make_line(Environment.SANDBOX, live=True)
    draft = new_draft(document, editor)
    start, told = threading.Barrier(2), []

    def publish() -> None:
        try:
            start.wait()
            services.publish(MappingVersion.objects.get(pk=draft.pk), editor)
            told.append("published")
        except ValidationError as error:
            told.append(error.messages[0])
        finally:
            connection.close()

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["Web orders v2 is published.", "published"]
    assert verbs(draft).count("published") == 1
