"""Promotion: a document goes from sandbox to production, resolved there, as a draft."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.urls import reverse

from integrations.models import AuditEntry, Connection, Flow, NamedLookup, Promotion
from integrations.studio import promotion as promoting
from integrations.studio import resolving
from integrations.studio.merging import Verdict, compare, merged
from mappings import services, signing
from mappings.engine import Document, Kind, Row
from mappings.models import MappingDocument, MappingVersion
from tests.integrations.environments import *  # noqa: F403

pytestmark = pytest.mark.django_db(transaction=True)

State = MappingVersion.State


@pytest.fixture
def paula(demo) -> User:
    person = User.objects.create_user("paula", is_staff=True)
    person.groups.add(Group.objects.get(name="Mapping editors"))
    return person


@pytest.fixture
def source(order_document) -> MappingVersion:
    return order_document.published()


@pytest.fixture
def twin(source, paula) -> MappingDocument:
    return promoting.new_production(
        source.document, "Orders live", "orders-live", paula
    )


@pytest.fixture
def promoted(twin, source, live, paula) -> Promotion:
    """The first promotion, let live past its signatures."""
    made = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    go_live(made.made)
    return made


def go_live(version: MappingVersion) -> None:
    version.document.versions.filter(state=State.PUBLISHED).update(state=State.RETIRED)
    MappingVersion.objects.filter(pk=version.pk).update(state=State.PUBLISHED)


def new_version(document: MappingDocument, by, **rows) -> MappingVersion:
    """Publish a version in which the notes of some rows are others."""
    draft = services.new_draft(document, by)
    for target, columns in rows.items():
        draft.rows.filter(target=target.replace("__", ".")).update(**columns)
    go_live(draft)
    return MappingVersion.objects.get(pk=draft.pk)


# The three-way comparison


def row(target, when="", **more):
    return {"section": "", "target": target, "when": when, "source": "a", **more}


def verdicts(base, sandbox, production):
    contents = ({"rows": rows} for rows in (base, sandbox, production))
    return {one.key[2]: one.verdict for one in compare(*contents)}


def test_each_side_keeps_what_only_it_changed_and_both_is_a_conflict():
    base = [row(name) for name in "abcd"]
    sandbox = [row("a", source="new"), row("b"), row("c", source="s"), row("d")]
    production = [row("a"), row("b", source="own"), row("c", source="p"), row("d")]
    assert verdicts(base, sandbox, production) == {
        "a": Verdict.TAKEN,
        "b": Verdict.KEPT,
        "c": Verdict.CONFLICT,
        "d": Verdict.SAME,
    }


def test_removed_here_and_changed_there_is_a_conflict():
    base = [row("a"), row("b"), row("c")]
    assert verdicts(base, [row("b")], [row("a", source="x"), row("b"), row("c")]) == {
        "a": Verdict.CONFLICT,
        "b": Verdict.SAME,
        "c": Verdict.TAKEN,
    }


def test_a_row_whose_condition_changed_is_the_same_row():
    base = [row("a", when="x")]
    [one] = compare({"rows": base}, {"rows": [row("a", when="y")]}, {"rows": base})
    assert one.verdict == Verdict.TAKEN
    assert [side.field for side in one.sides] == ["condition"]


def test_without_a_base_every_difference_is_a_conflict():
    found = verdicts([], [row("a"), row("b")], [row("a", source="p"), row("c")])
    assert found == {
        "a": Verdict.CONFLICT,
        "b": Verdict.TAKEN,
        "c": Verdict.KEPT,
    }


def test_rows_of_production_stand_behind_the_one_they_follow():
    merges = compare(
        {"rows": [row("a"), row("b")]},
        {"rows": [row("a"), row("new"), row("b")]},
        {"rows": [row("a"), row("own"), row("b")]},
    )
    targets = [one["target"] for one in merged(merges, {})["rows"]]
    assert set(targets) == {"a", "own", "new", "b"}
    assert targets[0] == "a" and targets[-1] == "b"


# With two accounts


def test_the_result_is_a_draft_that_does_not_go_live_unsigned(
    twin, source, live, paula, drain
):
    made = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    draft = made.made
    assert (draft.state, draft.promoted_from) == (State.DRAFT, source)
    assert promoting.content_of(draft) == promoting.content_of(source)
    with pytest.raises(ValidationError):
        services.publish(draft, paula)
    assert twin.published() is None
    assert AuditEntry.objects.filter(verb="promoted", by=paula).exists()


def test_look_ups_are_resolved_in_production_with_its_own_ids(
    post_order, netsuite, production, live, twin, source, paula, drain
):
    post_order(number=1, lines=[("TENT-2P", "Two-person tent", "249.00", 1)])
    drain()
    production.add_item("TENT-2P", name="Two-person tent")
    asked = len(netsuite.journal)
    made = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    drain()
    answers = {
        (row.record, row.value): row
        for row in promoting.answers(Promotion.objects.get(pk=made.pk))
    }
    here = {one["name"]: one["id"] for one in netsuite.stored("shipItem")}
    there = {one["name"]: one["id"] for one in production.stored("shipItem")}
    standard = answers["shipItem", "Standard"]
    assert standard.target_id == there["Standard"] != here["Standard"]
    assert answers["item", "TENT-2P"].is_good
    assert answers["term", "Net 30"].state == NamedLookup.State.MISSING
    assert len(netsuite.journal) == asked  # the sandbox was not asked


def test_every_name_of_a_long_table_is_asked_for():
    ways = {f"w{number}": f"Way {number:03}" for number in range(450)}
    told = {"record": "shipItem", "by": "name", "table": "Ways"}
    row = Row("shipMethod.id", Kind.LOOKUP, source="title", **told)
    needs = resolving.needs_of(Document("Orders", (row,), tables={"Ways": ways}))
    assert [need.value for need in needs] == sorted(ways.values())


def test_missing_inactive_and_several_are_reported_and_nothing_is_picked(
    production, live, twin, source, paula, drain
):
    production.add_ship_item("Express")  # a second one of this name
    for one in production.stored("shipItem"):
        if one["name"] == "DHL Express":
            production.deactivate("shipItem", one["id"])
    made = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    drain()
    made.refresh_from_db()
    answers = {row.value: row for row in promoting.answers(made)}
    express = answers["Express"]
    assert express.state == NamedLookup.State.AMBIGUOUS and express.target_id == ""
    assert len(express.candidates) == 2
    assert answers["DHL Express"].state == NamedLookup.State.INACTIVE
    promoting.keep_answers(made, list(answers.values()))
    kept = {value: state for _, _, value, state in made.missing}
    assert kept["Express"] == "ambiguous" and kept["Net 30"] == "missing"
    assert "Standard" not in kept
    assert any("Express" in one for one in promoting.open_questions(made.made))

    production.add_value("term", "Net 30")
    promoting.resolve(made)
    drain()
    answers = {row.value: row for row in promoting.answers(made)}
    assert answers["Net 30"].is_good


def test_no_answer_now_waits_and_is_asked_again(
    production, live, twin, source, paula, drain
):
    production.fail_next(503, times=1)
    made = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    drain()
    waiting = [row for row in promoting.answers(made) if row.is_wanted]
    assert len(waiting) == 1 and waiting[0].tries == 1
    NamedLookup.objects.update(due_at="2020-01-01T00:00:00Z")
    drain()
    assert not NamedLookup.objects.filter(is_wanted=True).exists()


def test_the_second_promotion_takes_only_what_the_sandbox_changed(
    promoted, twin, order_document, live, paula
):
    new_version(twin, paula, memo={"note": "production's own"})
    source = new_version(order_document, paula, otherRefNum={"max_length": 40})
    plan = promoting.plan(source, twin)
    assert [one.key[2] for one in plan.of(Verdict.TAKEN)] == ["otherRefNum"]
    assert [one.key[2] for one in plan.of(Verdict.KEPT)] == ["memo"]
    draft = promoting.promote(plan, live, {}, paula).made
    assert draft.rows.get(target="memo").note == "production's own"
    assert draft.rows.get(target="otherRefNum").max_length == 40


@pytest.mark.parametrize(
    ("choice", "stands"), [("sandbox", "sandbox's"), ("production", "production's")]
)
def test_a_conflict_needs_a_person(
    promoted, twin, order_document, live, paula, choice, stands
):
    new_version(twin, paula, memo={"note": "production's"})
    source = new_version(order_document, paula, memo={"note": "sandbox's"})
    plan = promoting.plan(source, twin)
    [conflict] = plan.conflicts
    with pytest.raises(ValidationError, match="memo"):
        promoting.promote(plan, live, {}, paula)
    assert twin.draft() is None
    made = promoting.promote(plan, live, {conflict.name: choice}, paula)
    assert made.made.rows.get(target="memo").note == stands


def test_an_unpromotable_version_says_why(source, twin, live, paula):
    draft = services.new_draft(source.document, paula)
    with pytest.raises(ValidationError, match="is a draft"):
        promoting.plan(draft, twin)
    other = MappingDocument.objects.exclude(pk__in=[source.document_id, twin.pk])
    with pytest.raises(ValidationError):
        promoting.plan(other.first().published(), twin)
    with pytest.raises(ValidationError, match="production document already"):
        promoting.new_production(twin, "Again", "again", paula)


def test_reverting_a_draft_withdraws_it(twin, source, live, paula):
    made = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    assert "production never changed" in promoting.revert(made, paula)
    assert twin.draft() is None
    with pytest.raises(ValidationError, match="already"):
        promoting.revert(made, paula)


def test_reverting_a_live_promotion_brings_back_what_stood_before(
    promoted, twin, order_document, live, paula
):
    before = promoting.content_of(twin.published())
    source = new_version(order_document, paula, memo={"note": "changed"})
    second = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    go_live(second.made)
    said = promoting.revert(second, paula)
    draft = twin.draft()
    assert "draft" in said and "signed" in said
    assert promoting.content_of(draft) == before
    assert draft.promoted_from == promoted.source
    # What was taken back can be promoted once more.
    go_live(draft)
    again = promoting.plan(source, twin)
    assert [one.key[2] for one in again.of(Verdict.TAKEN)] == ["memo"]


def test_a_draft_that_was_withdrawn_does_not_take_the_base_away(
    promoted, twin, order_document, live, paula
):
    source = new_version(order_document, paula, memo={"note": "changed"})
    withdrawn = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    promoting.revert(withdrawn, paula)
    plan = promoting.plan(source, twin)
    assert plan.base == promoted.source
    assert [one.key[2] for one in plan.of(Verdict.TAKEN)] == ["memo"]
    assert plan.conflicts == []


def test_reverting_leaves_alone_what_was_changed_in_production_since(
    promoted, twin, order_document, live, paula
):
    source = new_version(order_document, paula, memo={"note": "changed"})
    second = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    go_live(second.made)
    new_version(twin, paula, otherRefNum={"note": "production's own"})
    said = promoting.revert(second, paula)
    draft = twin.draft()
    assert "changed in production since" in said
    assert draft.rows.get(target="otherRefNum").note == "production's own"
    assert draft.rows.get(target="memo").note != "changed"


def test_reverting_what_was_changed_again_says_so_and_undoes_nothing(
    promoted, twin, order_document, live, paula
):
    source = new_version(order_document, paula, memo={"note": "changed"})
    second = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    go_live(second.made)
    new_version(twin, paula, memo={"note": "changed once more"})
    with pytest.raises(ValidationError, match="Changed again since.*memo"):
        promoting.revert(second, paula)
    second.refresh_from_db()
    assert second.reverted_at is None and twin.draft() is None


def test_what_went_live_after_the_look_is_not_promoted_over(
    promoted, twin, order_document, live, paula
):
    source = new_version(order_document, paula, memo={"note": "sandbox's"})
    seen = promoting.plan(source, twin)
    new_version(twin, paula, memo={"note": "production's"})
    with pytest.raises(ValidationError, match="changed meanwhile"):
        promoting.promote(seen, live, {}, paula)
    assert twin.draft() is None


def test_what_was_sent_anew_after_the_look_is_not_promoted_unseen(
    promoted, twin, order_document, live, paula
):
    draft = services.new_draft(order_document, paula)
    draft.rows.filter(target="memo").update(note="seen")
    seen = promoting.plan(signing.send(draft, paula), twin)
    again = signing.take_back(draft, paula)
    again.rows.filter(target="memo").update(note="not seen")
    signing.send(again, paula)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        promoting.promote(seen, live, {}, paula)
    assert twin.draft() is None


def test_a_first_promotion_that_is_live_cannot_go_back_to_nothing(promoted, paula):
    with pytest.raises(ValidationError, match="nothing to go back to"):
        promoting.revert(promoted, paula)


def test_a_production_flow_changes_over_once_its_document_is_live(
    twin, source, live, paula, order_document
):
    flow = Flow.objects.get(slug="shopify-orders")
    Flow.objects.filter(pk=flow.pk).update(target=live)
    flow.refresh_from_db()
    assert promoting.waiting_flows(twin) == [flow]
    with pytest.raises(ValidationError, match="no published version"):
        promoting.use_in_flow(flow, twin, paula)
    go_live(promoting.promote(promoting.plan(source, twin), live, {}, paula).made)
    promoting.use_in_flow(flow, twin, paula)
    flow.refresh_from_db()
    assert flow.mapping == twin and promoting.waiting_flows(twin) == []


# The pages


def test_the_page_makes_the_document_and_then_the_draft(
    client, source, live, paula, drain
):
    client.force_login(paula)
    page = reverse("admin:integrations_promote", args=[source.pk])
    assert "Make the production document" in client.get(page).content.decode()
    taken = {"new": "yes", "name": str(source.document), "slug": "x"}
    answer = client.post(page, taken, follow=True).content.decode()
    assert "Name:" in answer and str(source.document) in answer
    client.post(page, {"new": "yes", "name": "Live", "slug": "live"})
    twin = MappingDocument.objects.get(slug="live")
    plan = promoting.plan(source, twin)
    sent = {"document": twin.pk, "stamp": "old", "connection": live.pk}
    assert "changed meanwhile" in client.post(page, sent).content.decode()
    assert twin.draft() is None
    made = client.post(page, {**sent, "stamp": plan.stamp}, follow=True)
    assert "Nothing is live" in made.content.decode()
    drain()
    shown = client.get(made.redirect_chain[-1][0]).content.decode()
    assert "Missing there" in shown and "Net 30" in shown
    again = client.get(page).content.decode()
    assert f"{twin} v1" in again and "is on its way already" in again
    assert "disabled>Promote to a draft" in again


def test_who_promotes_a_retired_version_is_told_what_the_sandbox_goes_by(
    client, source, twin, paula
):
    client.force_login(paula)
    page = reverse("admin:integrations_promote", args=[source.pk])
    assert "The sandbox goes by" not in client.get(page).content.decode()
    MappingVersion.objects.filter(pk=source.pk).update(state="retired")
    newer = services.new_draft(source.document, paula)
    MappingVersion.objects.filter(pk=newer.pk).update(state="published")
    assert "The sandbox goes by" in client.get(page).content.decode()


def test_only_who_may_promote_promotes(client, source, promoted):
    reader = User.objects.create_user("rita", is_staff=True)
    reader.groups.add(Group.objects.get(name="Auditors"))
    client.force_login(reader)
    page = reverse("admin:integrations_promote", args=[source.pk])
    assert client.get(page).status_code == 403
    assert client.post(page, {"new": "yes"}).status_code == 403
    shown = reverse("admin:integrations_promotion_change", args=[promoted.pk])
    assert client.get(shown).status_code == 200
    for verb in ("revert", "resolve", "use"):
        button = reverse(f"admin:integrations_promotion_{verb}", args=[promoted.pk])
        assert client.post(button).status_code == 403


@pytest.mark.parametrize("name", ["abc", "0", "9" * 30])
@pytest.mark.parametrize("page", ["promotion", "refresh"])
def test_an_address_that_names_no_row_is_not_found(client, admin_user, name, page):
    client.force_login(admin_user)
    address = reverse(f"admin:integrations_{page}_change", args=[name])
    assert client.get(address).status_code == 404


def test_resolving_again_what_has_no_draft_says_so(
    client, admin_user, twin, source, live, paula
):
    made = promoting.promote(promoting.plan(source, twin), live, {}, paula)
    promoting.revert(made, paula)
    client.force_login(admin_user)
    address = reverse("admin:integrations_promotion_resolve", args=[made.pk])
    assert "nothing to ask" in client.post(address, follow=True).content.decode()


def test_the_list_of_promotions_costs_a_constant_number_of_queries(
    client, promoted, twin, order_document, live, paula, django_assert_max_num_queries
):
    client.force_login(paula)
    page = reverse("admin:integrations_promotion_changelist")
    assert str(promoted.source) in client.get(page).content.decode()
    for _ in range(4):
        Promotion.objects.create(
            source=promoted.source, document=twin, made=promoted.made,
            at=promoted.at, by=paula,
        )  # fmt: skip
    with django_assert_max_num_queries(20):
        client.get(page)


def test_no_production_account_is_said_and_nothing_is_asked(source, twin, paula):
    Connection.objects.filter(environment="production").delete()
    made = promoting.promote(promoting.plan(source, twin), None, {}, paula)
    assert made.needs == [] and not NamedLookup.objects.exists()
