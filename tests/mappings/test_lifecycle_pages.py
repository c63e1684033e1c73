"""The pages between draft and live, through their buttons."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.models import AuditEntry, Promotion
from mappings import services, signing
from mappings.models import MappingDocument, MappingVersion
from mappings.requirements import stamp_of
from tests.errorqueue.pages import text_of
from tests.mappings.lines import (
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
VIEW = ("view_mappingdocument", "view_mappingversion")


def browser_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def erin(db):
    rights = ("change_mappingversion", "add_mappingversion", "publish_mappingversion")
    return person("erin", *VIEW, *rights)


@pytest.fixture
def editor(erin):
    return browser_of(erin)


@pytest.fixture
def signer(db):
    return browser_of(person("sam", *VIEW, "sign_mappingversion"))


@pytest.fixture
def document(db):
    return make_line(live=True)


@pytest.fixture
def draft(document, erin):
    made = new_draft(document, erin)
    change_memo(made)
    return made


def page(name: str, pk: int) -> str:
    return reverse(f"admin:mappings_{name}", args=[pk])


def version_page(version) -> str:
    return page("mappingversion_change", version.pk)


def state_of(version) -> str:
    return MappingVersion.objects.get(pk=version.pk).state


def test_the_whole_way_from_draft_to_live(document, draft, editor, signer):
    shown = text_of(editor.get(version_page(draft)))
    assert "Send for signatures" in shown and "Somebody who did not write it" in shown
    assert "Memo: source 'note' now → 'name'" in shown
    answer = editor.post(page("send", draft.pk), follow=True)
    assert "Waits for the business signature" in text_of(answer)
    assert ">Publish</button>" not in answer.content.decode()
    form = text_of(signer.get(page("sign", draft.pk)))
    assert "Memo: source 'note' now → 'name'" in form
    told = {"role": "business", "note": "Ten orders looked at.", "sign": "1"}
    answer = text_of(signer.post(page("sign", draft.pk), told, follow=True))
    assert "You have signed" in answer and "Ten orders looked at." in answer
    done = {"at": "", "size": "20", "limit": "5"}
    live = text_of(editor.post(page("go_live", draft.pk), done, follow=True))
    assert "New attempts use it" in live
    published = document.published()
    assert published == draft and published.watch_size == 20
    lines = text_of(editor.get(page("mappingdocument_change", document.pk)))
    assert "Business: signed by sam" in lines and "Retired" in lines


def test_an_editor_gets_no_page_to_sign_and_their_own_version_refuses_all(
    document, draft, editor, erin, admin_user
):
    signing.send(draft, erin)
    assert editor.get(page("sign", draft.pk)).status_code == 403
    own = MappingVersion.objects.get(pk=draft.pk)
    signing.take_back(own, admin_user)
    signing.send(own, admin_user)
    chief = browser_of(admin_user)
    assert "somebody else has to sign" in text_of(chief.get(page("sign", own.pk)))
    told = {"role": "business", "note": "", "sign": "1"}
    answer = text_of(chief.post(page("sign", own.pk), told))
    assert "somebody else has to sign" in answer
    assert not own.signatures.exists()


def test_publishing_unsigned_is_refused_in_words(document, draft, editor):
    live = document.published()
    for address in ("mappingversion_publish", "go_live"):
        told = {"at": "", "size": "50", "limit": "10"}
        answer = text_of(editor.post(page(address, draft.pk), told, follow=True))
        assert "is a production document" in answer
    assert document.published() == live


def test_a_refusal_shows_its_reason_to_the_writer(draft, editor, signer, erin):
    signing.send(draft, erin)
    bare = {"role": "business", "note": "", "refuse": "1"}
    assert "Say why" in text_of(signer.post(page("sign", draft.pk), bare))
    bare["note"] = "The memo must stay."
    signer.post(page("sign", draft.pk), bare)
    assert state_of(draft) == State.DRAFT
    shown = text_of(editor.get(version_page(draft)))
    assert "sam refused it for business" in shown and "The memo must stay." in shown


def test_what_was_not_played_is_named_and_keeps_it_unsigned(draft, signer, erin):
    scenario = require_scenario()
    sent = signing.send(draft, erin)
    shown = text_of(signer.get(page("sign", draft.pk)))
    assert (
        "when these scenarios have passed on this content: “Zero-value order”" in shown
    )
    asked = signer.get(page("sign", draft.pk)).content.decode()
    assert 'class="button default" disabled>Sign' in " ".join(asked.split())
    told = {"role": "business", "note": "", "sign": "1"}
    answer = text_of(signer.post(page("sign", draft.pk), told))
    assert "Not passed on this content yet: “Zero-value order”" in answer
    play(scenario, sent)
    signer.post(page("sign", draft.pk), told)
    assert sent.signatures.get().answer == "signed"


def test_a_signer_reads_that_nothing_had_to_pass(draft, signer, erin):
    scenario = require_scenario()
    scenario.is_required = False
    scenario.save()
    signing.send(draft, erin)
    shown = text_of(signer.get(page("sign", draft.pk)))
    assert "None is required: nothing has to pass" in shown
    assert "No scenario is required: nothing has to pass before it is signed." in shown
    assert "All required ones passed" not in shown


def test_a_date_takes_it_live_later_and_can_be_called_off(draft, editor, erin, signer):
    signing.send(draft, erin)
    told = {"role": "business", "note": "", "sign": "1"}
    signer.post(page("sign", draft.pk), told)
    at = timezone.localtime(timezone.now() + timedelta(days=1))
    dated = {"at": f"{at:%Y-%m-%dT%H:%M}", "size": "50", "limit": "10"}
    shown = text_of(editor.post(page("go_live", draft.pk), dated, follow=True))
    assert "Goes live by itself on" in shown
    assert state_of(draft) == State.SCHEDULED
    editor.post(page("call_off", draft.pk))
    assert state_of(draft) == State.REVIEW


def test_a_time_gone_by_is_refused_and_nothing_is_set(draft, editor, erin, signer):
    signing.send(draft, erin)
    told = {"role": "business", "note": "", "sign": "1"}
    signer.post(page("sign", draft.pk), told)
    dated = {"at": "2020-01-01T10:00", "size": "7", "limit": "10"}
    answer = text_of(editor.post(page("go_live", draft.pk), dated))
    assert "Choose a time to come" in answer
    assert state_of(draft) == State.REVIEW
    assert MappingVersion.objects.get(pk=draft.pk).watch_size == 50


def test_a_roll_back_asks_once_and_names_what_it_changes(document, editor, erin):
    MappingDocument.objects.update(environment="sandbox")
    draft = new_draft(MappingDocument.objects.get(), erin)
    change_memo(draft)
    services.publish(draft, erin)
    asked = text_of(editor.get(page("roll_back", document.pk)))
    assert "Roll back to version 1" in asked
    assert "Memo: source 'name' now → 'note'" in asked
    told = {"live": "2", "reason": "Wrong memo"}
    shown = text_of(editor.post(page("roll_back", document.pk), told, follow=True))
    assert "Version 1 is back in force" in shown
    assert "Rolled back to version 1. Wrong memo" in shown
    again = text_of(editor.post(page("roll_back", document.pk), told, follow=True))
    assert "no earlier version" in again


def test_a_roll_back_is_offered_where_there_is_something_to_go_back_to(
    document, editor, erin
):
    MappingDocument.objects.update(environment="sandbox")
    at = reverse("admin:mappings_mappingdocument_change", args=[document.pk])
    assert "Roll back…" not in text_of(editor.get(at))
    draft = new_draft(MappingDocument.objects.get(), erin)
    change_memo(draft)
    services.publish(draft, erin)
    assert "Roll back…" in text_of(editor.get(at))


def test_a_new_draft_says_what_comes_next(document, editor):
    at = reverse("admin:mappings_mappingdocument_draft", args=[document.pk])
    assert "then send it for signatures" in text_of(editor.post(at, follow=True))
    MappingVersion.objects.filter(state=State.DRAFT).delete()
    MappingDocument.objects.update(environment="sandbox")
    assert "then publish it" in text_of(editor.post(at, follow=True))


def test_evidence_claims_no_answers_of_an_account_that_nobody_asked(draft, editor):
    Promotion.objects.create(
        source=draft.document.published(),
        document=draft.document,
        made=draft,
        at=timezone.now(),
        by=User.objects.get(username="erin"),
    )
    at = reverse("admin:mappings_mappingversion_change", args=[draft.pk])
    shown = text_of(editor.get(at))
    assert "no look-up was tried: there was no production connection" in shown
    assert "every look-up has its answer" not in shown


def test_any_two_versions_are_compared_in_words(document, draft, editor):
    address = page("compare", document.pk)
    shown = text_of(editor.get(f"{address}?from=2&to=1"))
    assert "From version 2 to version 1" in shown
    assert "Memo: source 'name' now → 'note'" in shown
    assert "both say the same" in text_of(editor.get(f"{address}?from=1&to=1"))
    assert editor.get(f"{address}?from=x&to=99999999999").status_code == 200


def test_the_list_of_sign_offs_shows_each_person_their_own(draft, signer, editor, erin):
    add_price(draft)
    signing.send(draft, erin)
    signs = reverse("admin:mappings_signoffs")
    mine = signer.get(signs)
    assert [one.pk for one in mine.context["mine"]] == [draft.pk]
    finance = browser_of(person("fay", *VIEW, "sign_money"))
    assert [one.pk for one in finance.get(signs).context["mine"]] == [draft.pk]
    assert not editor.get(signs).context["mine"]
    told = {"role": "business", "note": "", "sign": "1"}
    signer.post(page("sign", draft.pk), told)
    assert not signer.get(signs).context["mine"]
    assert "signed by sam" in text_of(finance.get(signs))


def test_signers_see_their_tile_on_the_front_page(draft, signer, editor, erin):
    signing.send(draft, erin)
    assert "Sign-offs waiting 1" in text_of(signer.get("/admin/"))
    assert "Sign-offs waiting" not in text_of(editor.get("/admin/"))


def test_what_is_signed_waits_for_nobody_but_those_who_publish(
    draft, signer, editor, erin
):
    signing.send(draft, erin)
    assert "Ready to go live" not in text_of(editor.get("/admin/"))
    signer.post(page("sign", draft.pk), {"role": "business", "note": "", "sign": "1"})
    assert "Ready to go live 1" in text_of(editor.get("/admin/"))
    listed = editor.get(reverse("admin:mappings_signoffs"))
    assert [one.pk for one in listed.context["ready"]] == [draft.pk]
    assert not listed.context["others"]
    assert "Signed, ready to go live" in text_of(listed)
    assert "Look at it and sign" not in text_of(signer.get(version_page(draft)))


def test_unsigned_versions_cost_the_front_page_no_more(erin):
    def sent(number: int) -> None:
        made = new_draft(make_line(live=True, slug=f"orders-{number}"), erin)
        change_memo(made)
        signing.send(made, erin)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert signing.ready() == []
        return len(queries)

    sent(1)
    one = cost()
    for number in (2, 3, 4):
        sent(number)
    assert cost() == one


def test_a_deleted_draft_stays_in_the_trail_of_its_document(document, draft):
    dora = person("dora", *VIEW, "delete_mappingversion", "delete_mappingrow")
    browser_of(dora).post(page("mappingversion_delete", draft.pk), {"post": "yes"})
    assert not MappingVersion.objects.filter(pk=draft.pk).exists()
    told = AuditEntry.objects.get(subject="document", verb="draft deleted")
    assert (told.subject_id, told.by) == (document.pk, dora)
    assert str(draft) in told.detail


def test_what_a_document_says_of_itself_is_told_field_by_field(db):
    rights = ("add", "change", "delete")
    chief = person("ada", *VIEW, *(f"{one}_mappingdocument" for one in rights))
    browser = browser_of(chief)
    told = {"name": "Gifts", "slug": "gifts", "environment": "production",
            "source_system": "shopify", "source_entity": "order",
            "target_system": "netsuite", "target_record": "salesOrder", "note": ""}  # fmt: skip
    browser.post(reverse("admin:mappings_mappingdocument_add"), told)
    made = MappingDocument.objects.get()
    told |= {"name": "Presents", "note": "Old name: Gifts"}
    browser.post(page("mappingdocument_change", made.pk), told)
    ticked = {"action": "delete_selected", "_selected_action": [made.pk]}
    listed = reverse("admin:mappings_mappingdocument_changelist")
    browser.post(listed, ticked | {"post": "yes"})
    assert not MappingDocument.objects.exists()
    entries = AuditEntry.objects.filter(subject="document", subject_id=made.pk)
    assert [(one.verb, one.detail) for one in entries.order_by("pk")] == [
        ("made", "'Gifts', Production"),
        ("changed", "Document name: 'Gifts' → 'Presents'"),
        ("changed", "Document note: '' → 'Old name: Gifts'"),
        ("deleted", "Presents"),
    ]
    assert {one.by for one in entries} == {chief}


def test_buttons_are_guarded_on_the_server(document, draft):
    reader = browser_of(person("rita", *VIEW))
    for name in ("send", "take_back", "call_off", "go_live", "sign"):
        assert reader.post(page(name, draft.pk)).status_code == 403, name
    assert reader.post(page("roll_back", document.pk)).status_code == 403
    assert state_of(draft) == State.DRAFT


def test_the_environment_of_a_document_is_fixed(document, erin):
    chief = browser_of(person("ada", *VIEW, "change_mappingdocument"))
    chief.post(
        page("mappingdocument_change", document.pk),
        {"name": "Web orders", "slug": "web-orders", "environment": "sandbox",
         "source_system": "shopify", "source_entity": "order",
         "target_system": "netsuite", "target_record": "salesOrder", "note": "x"},
    )  # fmt: skip
    stored = MappingDocument.objects.get()
    assert (stored.note, stored.environment) == ("x", "production")


def test_a_document_costs_the_same_queries_with_more_versions(document, erin, editor):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            editor.get(page("mappingdocument_change", document.pk))
        return len(queries)

    MappingDocument.objects.update(environment="sandbox")
    cost()
    few = cost()
    for _ in range(5):
        services.publish(new_draft(MappingDocument.objects.get(), erin), erin)
    assert cost() <= few


def test_what_a_document_moves_is_fixed_with_its_first_version(document, draft, signer):
    """A scenario is required by the kind of record: nobody may change that away."""
    require_scenario()
    sent = signing.send(draft, draft.created_by)
    chief = browser_of(person("ada", *VIEW, "change_mappingdocument"))
    chief.post(
        page("mappingdocument_change", document.pk),
        {"name": "Web orders", "slug": "web-orders", "note": "x",
         "source_system": "shopify", "source_entity": "no such thing",
         "target_system": "netsuite", "target_record": "salesOrder"},
    )  # fmt: skip
    stored = MappingDocument.objects.get()
    assert (stored.note, stored.source_entity) == ("x", "order")
    signer.post(page("sign", sent.pk), {"role": "business", "note": "", "sign": "1"})
    assert not sent.signatures.exists()


def test_what_an_empty_document_moves_can_be_put_right(db):
    document = make_line()
    chief = browser_of(person("ada", *VIEW, "change_mappingdocument"))
    chief.post(
        page("mappingdocument_change", document.pk),
        {"name": "Web orders", "slug": "web-orders", "note": "",
         "source_system": "shopify", "source_entity": "refund",
         "target_system": "netsuite", "target_record": "salesOrder"},
    )  # fmt: skip
    assert MappingDocument.objects.get().source_entity == "refund"


def test_what_was_changed_while_a_signer_looked_is_not_signed(draft, erin, signer):
    sent = signing.send(draft, erin)
    form = {"role": "business", "note": "", "sign": "1", "stamp": stamp_of(sent)}
    assert f'name="stamp" value="{stamp_of(sent)}"' in str(
        signer.get(page("sign", sent.pk)).content
    )
    back = signing.take_back(sent, erin)
    change_memo(back, "email")
    signing.send(back, erin)
    answer = signer.post(page("sign", sent.pk), form)
    assert "changed and sent again while you looked" in text_of(answer)
    assert not sent.signatures.exists()
    now = MappingVersion.objects.get(pk=sent.pk)
    assert f'name="stamp" value="{stamp_of(now)}"' in str(answer.content)
    signer.post(page("sign", sent.pk), {**form, "stamp": stamp_of(now)})
    assert sent.signatures.get().digest == now.digest
