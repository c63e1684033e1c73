"""Files and production: nothing that changed goes live unsigned."""

import importlib

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.forms import model_to_dict, modelform_factory

from integrations.admin.flow_form import FlowForm
from integrations.configuration.problems import ConfigurationRefused
from integrations.configuration.services import configure
from integrations.models import Flow, Watch
from integrations.sync import flows
from mappings import services, signing
from mappings.models import MappingDocument, MappingVersion
from tests.configuration.conftest import SHOP

migration = importlib.import_module("integrations.migrations.0012_production_documents")

pytestmark = pytest.mark.django_db

State = MappingVersion.State
DOCUMENT = """
mapping_documents:
  - slug: live-orders
    name: Live orders
    source_system: shopify
    source_entity: order
    target_system: netsuite
    target_record: salesOrder
    environment: {environment}
    rows:
      - target: memo
        source: {source}
"""


@pytest.fixture
def enter(tmp_path):
    def run(source: str = "note", environment: str = "production"):
        path = tmp_path / "live.yaml"
        path.write_text(DOCUMENT.format(source=source, environment=environment))
        return configure([str(path)], {})

    return run


def document() -> MappingDocument:
    return MappingDocument.objects.get(slug="live-orders")


def test_the_first_version_of_a_file_is_live_and_said_to_be_unsigned(enter):
    changes = enter()
    assert document().published().number == 1
    assert any("live unsigned" in note for note in changes.notes)
    assert not Watch.objects.exists()


def test_a_later_change_waits_for_signatures_and_says_so(enter):
    enter()
    changes = enter("name")
    waiting = document().open_line()
    assert (waiting.state, waiting.number) == (State.REVIEW, 2)
    assert document().published().number == 1
    assert any("version 2 waits for signatures" in line for line in changes.changes)
    sam = User.objects.create_superuser("sam")
    signing.sign(waiting, "business", sam)
    services.publish(waiting, sam)
    assert document().published().number == 2
    assert enter("name").changes == []


def test_the_same_file_again_asks_once(enter):
    enter()
    enter("name")
    changes = enter("name")
    assert document().versions.count() == 2 and changes.changes == []
    assert any("waits for signatures" in note for note in changes.notes)


def test_a_file_never_takes_the_place_of_what_is_on_its_way(enter):
    enter()
    draft = services.new_draft(document(), None)
    changes = enter("name")
    assert document().open_line() == draft and document().versions.count() == 2
    assert any("on its way already" in note for note in changes.notes)


def test_the_environment_of_a_document_stays(enter):
    enter()
    with pytest.raises(ConfigurationRefused) as refused:
        enter(environment="sandbox")
    told = str(refused.value)
    assert "environment" in told and "stays one" in told


def test_a_sandbox_document_is_published_as_before(enter):
    enter(environment="sandbox")
    enter("name", environment="sandbox")
    assert document().published().number == 2


def test_a_flow_into_production_needs_a_production_document(problems, run):
    production = SHOP.replace("environment: sandbox", "environment: production")
    found = [one for one in problems(production) if ".mapping: " in one]
    assert len(found) == 2
    assert "shopify-order is a sandbox mapping document" in found[1]
    assert "netsuite is a production account" in found[1]
    assert "environment: production" in found[1]
    here = "    rows:\n      - {target"
    fitting = production.replace(here, f"    environment: production\n{here}")
    assert fitting.count("environment: production") == 3
    assert run(fitting)
    assert Flow.objects.count() == 2


def test_a_sandbox_flow_may_not_go_by_a_production_document(problems):
    here = "target_record: salesOrder\n    exclusions"
    there = "target_record: salesOrder\n    environment: production\n    exclusions"
    signed = SHOP.replace(here, there)
    found = [one for one in problems(signed) if ".mapping: " in one]
    assert "shopify-order is a production mapping document" in found[0]


def test_a_flow_stays_off_while_its_document_is_of_the_other_environment(run):
    run(SHOP)
    flow = Flow.objects.get(slug="shopify-orders")
    Flow.objects.filter(pk=flow.pk).update(is_enabled=False)
    MappingDocument.objects.filter(pk=flow.mapping_id).update(environment="production")
    flow = Flow.objects.get(pk=flow.pk)
    with pytest.raises(flows.NoMapping, match="sandbox document"):
        flows.turn_on(flow)
    assert not Flow.objects.get(pk=flow.pk).is_enabled


TWIN = """
mapping_documents:
  - slug: other-order
    name: Other orders
    source_system: shopify
    source_entity: order
    target_system: netsuite
    target_record: salesOrder
    environment: production
    rows:
      - {target: memo, source: note}
"""


def fitting_production() -> str:
    here = "    rows:\n      - {target"
    production = SHOP.replace("environment: sandbox", "environment: production")
    return production.replace(here, f"    environment: production\n{here}")


def test_the_page_of_a_flow_refuses_a_document_that_nobody_signed(run):
    run(fitting_production())
    run(TWIN)
    flow = Flow.objects.get(slug="shopify-orders")
    twin = MappingDocument.objects.get(slug="other-order")
    page = modelform_factory(Flow, form=FlowForm, fields="__all__")
    form = page(model_to_dict(flow) | {"mapping": twin.pk}, instance=flow)
    assert "Nobody signed Other orders" in str(form.errors["mapping"])


def test_a_flow_into_production_goes_over_to_signed_documents_only(run, problems):
    fitting = fitting_production()
    run(fitting)
    run(TWIN)
    other = fitting.replace("mapping: shopify-order\n", "mapping: other-order\n")
    [found] = problems(other)
    assert "Nobody signed Other orders, and Orders is in force." in found
    assert Flow.objects.get(slug="shopify-orders").mapping.slug == "shopify-order"
    twin = MappingDocument.objects.get(slug="other-order")
    draft = services.new_draft(twin, None)
    sam = User.objects.create_superuser("sam")
    signing.sign(signing.send(draft, None), "business", sam)
    services.publish(draft, sam)
    run(other)
    assert Flow.objects.get(slug="shopify-orders").mapping == twin


def test_installed_flows_of_production_make_their_documents_production(run):
    run(SHOP)
    Flow.objects.get(slug="shopify-orders").target.__class__.objects.filter(
        slug="netsuite"
    ).update(environment="production")
    spare = MappingDocument.objects.create(name="Spare", slug="spare")
    migration.find_production(apps, None)
    states = dict(MappingDocument.objects.values_list("slug", "environment"))
    assert states["shopify-order"] == states["shopify-customer"] == "production"
    assert states[spare.slug] == "sandbox"
