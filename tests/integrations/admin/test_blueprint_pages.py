import re

import pytest
from django.contrib.auth.models import User
from page_builders import in_group, make_record

from errorqueue.clock import database_time
from integrations.configuration.blueprint import PRESETS, apply_preset
from integrations.models import AuditEntry, Entity, Flow
from integrations.studio import blueprint

PAGE = "/admin/integrations/entity/"


def preset(slug):
    return next(one for one in PRESETS if one.slug == slug)


def shown(client, address=PAGE):
    got = client.get(address)
    assert got.status_code == 200
    return got.content.decode()


def entity(slug, **columns):
    return Entity.objects.create(
        **{
            "slug": slug,
            "name": slug.capitalize(),
            "entity": slug,
            "source": "shopify",
            "target": "netsuite",
            "system_of_record": "shopify",
        }
        | columns
    )


def findings():
    return blueprint.drift(blueprint.planned(database_time()))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("slug", "way", "cadence"),
    [
        ("orders", ("magento", "netsuite"), "Near real-time"),
        ("inventory", ("netsuite", "magento"), "Every 15-30 min"),
        ("pricing", ("netsuite", "magento"), "Nightly"),
        ("product-master", ("netsuite", "magento"), "Daily"),
        (
            "customer-master",
            ("netsuite", "magento"),
            "On change + nightly reconciliation",
        ),
        (
            "registrations",
            ("magento", "netsuite"),
            "On change + nightly reconciliation",
        ),
    ],
)
def test_the_magento_preset_has_the_figures_of_its_table(slug, way, cadence):
    apply_preset(preset("magento-cadence"), None)
    found = Entity.objects.get(slug=slug)
    assert (found.source, found.target) == way and found.cadence == cadence


@pytest.mark.django_db
def test_the_table_of_owners_names_one_system_for_each_kind_of_data():
    apply_preset(preset("source-of-truth"), None)
    owners = dict(Entity.objects.values_list("slug", "system_of_record"))
    assert owners == {
        "customer-master": "netsuite",
        "customer-experience": "magento",
        "product-master": "netsuite",
        "product-content": "magento",
        "pricing": "netsuite",
        "inventory": "netsuite",
        "orders": "netsuite",
    }


def test_a_preset_is_entered_by_a_button_once(integrator):
    for slug in ("source-of-truth", "magento-cadence"):
        got = integrator.post(f"{PAGE}preset/{slug}/", follow=True)
        assert got.status_code == 200
    assert Entity.objects.count() == 8
    assert AuditEntry.objects.filter(subject="blueprint").count() == 2
    again = integrator.post(f"{PAGE}preset/magento-cadence/", follow=True)
    assert "stands already" in again.content.decode()


def test_a_preset_leaves_what_people_decided_about_other_things(integrator):
    made = entity(
        "inventory", source="netsuite", target="magento", value=7, cadence="Hourly"
    )
    integrator.post(f"{PAGE}preset/magento-cadence/")
    made.refresh_from_db()
    assert (made.value, made.system_of_record) == (7, "shopify")
    assert made.cadence == "Every 15-30 min"


def test_only_who_may_change_the_blueprint_presses_a_preset(operator):
    assert operator.post(f"{PAGE}preset/shopify-cadence/").status_code == 403
    assert not Entity.objects.exists()
    assert "Nothing is decided yet" in shown(operator)


def test_an_empty_blueprint_invites_who_may_fill_it(integrator):
    assert "Begin with a preset" in shown(integrator)


def test_an_empty_blueprint_tells_the_others_who_fills_it(operator):
    page = shown(operator)
    assert "Begin with a preset" not in page
    assert "An integration admin enters" in page


def test_the_picture_shows_systems_flows_and_state_without_style(integrator, flow):
    entity("order", name="Orders", target_record="salesOrder", cadence="By webhook")
    entity("refund", name="Refunds")
    body = shown(integrator)
    svg = re.search(r'<svg class="blueprint".*?</svg>', body, re.DOTALL)[0]
    assert "Shopify" in svg and "NetSuite" in svg
    assert "By webhook · live" in svg and "As it happens · planned" in svg
    assert svg.count("blueprint-live") == 1 and svg.count("blueprint-planned") == 1
    assert "style=" not in svg and "<style" not in body


def test_an_entity_of_three_systems_gets_a_box_for_each(integrator):
    entity("order")
    entity("lead", source="salesforce", target="netsuite")
    entity("feed", source="google", target="facebook")
    svg = re.search(r'<svg class="blueprint".*?</svg>', shown(integrator), re.DOTALL)[0]
    names = set(re.findall(r'class="blueprint-system"[^>]*>([^<]+)<', svg))
    assert names == {"Shopify", "Salesforce", "NetSuite", "Google", "Facebook"}


def test_dependencies_give_the_order_and_circles_are_named(integrator):
    item, order, payout = entity("item"), entity("order", value=90), entity("payout")
    order.follows.set([item])
    payout.follows.set([order])
    order_of = blueprint.order_of(blueprint.planned(database_time()))
    assert order_of.names == ["Item", "Order", "Payout"] and order_of.circles == []
    item.follows.set([payout])
    [circle] = blueprint.order_of(blueprint.planned(database_time())).circles
    assert sorted(circle) == ["Item", "Order", "Payout"]
    assert "These wait for each other" in shown(integrator)


@pytest.mark.django_db
def test_two_entities_of_one_name_are_told_apart():
    first = entity("stock", name="Inventory", source="netsuite", target="magento")
    entity("other-stock", name="Inventory", source="netsuite", target="shopify")
    entity("order").follows.set([first])
    found = blueprint.planned(database_time())
    assert sorted(blueprint.order_of(found).names) == [
        "Inventory (NetSuite → Magento)",
        "Inventory (NetSuite → Shopify)",
        "Order",
    ]


@pytest.mark.django_db
def test_the_roadmap_orders_by_value_behind_dependencies():
    cheap = entity("item", value=10)
    dear = entity("order", value=90)
    other = entity("refund", value=50)
    late = entity("invoice", value=100, wave=2)
    dear.follows.set([cheap])
    waves = blueprint.roadmap(blueprint.planned(database_time()))
    names = [(wave, [one.entity for one in items]) for wave, items in waves]
    assert names == [(1, [other, cheap, dear]), (2, [late])]


def test_outcomes_of_live_entities_come_from_the_ledger(integrator, flow):
    entity("order", target_record="salesOrder")
    now = database_time()
    make_record(flow, source_key="1", state="delivered", delivered_at=now)
    make_record(flow, source_key="2", state="delivered", delivered_at=now)
    make_record(flow, source_key="3", state="failed")
    [one] = blueprint.planned(now)
    assert (one.delivered, one.failed) == (2, 1)


def test_a_flow_without_an_entity_is_a_difference(flow):
    [finding] = findings()
    assert finding.flow == flow and "no such entity" in finding.text
    entity("order", target_record="salesOrder", is_live=True)
    assert findings() == []


def test_a_live_entity_needs_a_flow_that_is_on(flow):
    entity("order", is_live=True)
    entity("refund", is_live=True)
    Flow.objects.update(is_enabled=False)
    texts = {one.subject: one.text for one in findings()}
    assert "its flow is off" in texts["Order"]
    assert "no flow carries it" in texts["Refund"]


def test_the_other_direction_is_a_difference(flow):
    entity("order", source="netsuite", target="shopify")
    assert any("the other way" in one.text for one in findings())


@pytest.mark.parametrize(
    ("trigger", "cadence", "minutes", "is_fine"),
    [
        ("event", "", 0, True),
        ("event", "", 5, True),
        ("event", "", 30, False),
        ("poll", "Every 15-30 min", 15, True),
        ("poll", "Every 15-30 min", 30, True),
        ("poll", "Every 15-30 min", 31, False),
        ("poll", "Every 15–30 minutes", 5, False),
        ("poll", "Every 2 h", 120, True),
        ("poll", "Near real time", 5, True),
        ("poll", "Near real time", 60, False),
        ("poll", "", 0, False),
        ("schedule", "Nightly", 1440, True),
        ("schedule", "Nightly", 60, False),
        ("schedule", "Daily", 0, False),
        ("demand", "", 0, True),
        ("demand", "", 10, False),
    ],
)
def test_the_cadence_of_a_flow_is_laid_beside_what_was_decided(
    flow, trigger, cadence, minutes, is_fine
):
    flow.poll_minutes = minutes
    decided = Entity(trigger=trigger, cadence=cadence)
    assert bool(blueprint.cadence_fault(decided, flow)) is not is_fine


def test_history_must_say_from_when_or_which(integrator):
    data = {
        "name": "Orders",
        "slug": "orders",
        "entity": "order",
        "source": "Shopify",
        "target": "netsuite",
        "system_of_record": "shopify",
        "trigger": "event",
        "history": "backfill",
        "value": "50",
        "wave": "1",
    }
    got = integrator.post(f"{PAGE}add/", data)
    assert "from which day" in got.content.decode() and not Entity.objects.exists()
    got = integrator.post(f"{PAGE}add/", {**data, "history_from": "2026-01-01"})
    made = Entity.objects.get()
    assert got.status_code == 302 and made.source == "shopify"
    assert AuditEntry.objects.filter(subject="blueprint", verb="added").exists()
    assert "Bring over from a date" in shown(integrator)


def test_the_page_costs_the_same_for_more(
    integrator, flow, django_assert_max_num_queries
):
    for place in range(12):
        entity(f"thing{place}")
    with django_assert_max_num_queries(16):
        shown(integrator)


# The handbook


def test_the_handbook_tells_everything_from_live_configuration(
    client, flow, version, db
):
    client.force_login(in_group("anna", "Integration admins"))
    flow.target.credentials.create(name="private_key", set_at=database_time())
    entity("order", target_record="salesOrder", rules="Once for each order.")
    body = shown(client, "/admin/integrations/handbook/")
    for told in (
        *("Books", "Tea shop", "Orders to books", "Orders", "version 1"),
        *("From po_number, required", "Private key", "Once for each order."),
        *("When something fails", "1 s, 2 s, 4 s", "2 h"),
    ):
        assert told in body, told
    assert "<style" not in body and "style=" not in body


def test_the_handbook_follows_a_new_version(client, version):
    from mappings import services

    client.force_login(in_group("anna", "Integration admins"))
    draft = services.new_draft(version.document, None)
    draft.rows.filter(target="poNum").update(default="none given")
    assert "none given" not in shown(client, "/admin/integrations/handbook/")
    services.publish(draft, None)
    body = shown(client, "/admin/integrations/handbook/")
    assert "none given" in body and "version 2" in body


def test_the_handbook_is_in_the_menu_of_who_may_read_it(client, db):
    client.force_login(in_group("anna", "Integration admins"))
    assert 'href="/admin/integrations/handbook/"' in shown(client, "/admin/")
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert client.get("/admin/integrations/handbook/").status_code == 403
    assert 'href="/admin/integrations/handbook/"' not in shown(client, "/admin/")


def test_the_handbook_costs_the_same_for_more(
    client, flow, version, django_assert_max_num_queries
):
    client.force_login(in_group("anna", "Integration admins"))
    for place in range(8):
        Flow.objects.create(
            name=f"More {place}",
            slug=f"more-{place}",
            source=flow.source,
            source_entity="order",
            target=flow.target,
            target_record="salesOrder",
            mapping=flow.mapping,
        )
    with django_assert_max_num_queries(36):
        shown(client, "/admin/integrations/handbook/")
