"""Nouns for tests of acceptance: the played NetSuite on a port, and one run."""

from collections.abc import Callable, Iterator

import pytest

from integrations.management.commands.simulators import serve
from integrations.models import Connection, Flow
from integrations.studio.acceptance import runs
from mappings import services
from mappings.models import MappingDocument, MappingVersion, Scenario, ScenarioRun
from tests.flows.conftest import configure

SKU = "TENT-2P"
Play = Callable[..., ScenarioRun]


@pytest.fixture
def sandbox(demo, netsuite) -> Iterator[Connection]:
    """The played NetSuite behind a real socket, as in the demo."""
    configure("scenarios.yaml")
    server = serve(netsuite, 0)
    address = f"http://127.0.0.1:{server.server_port}"
    Connection.objects.filter(slug="netsuite").update(base_url=address)
    yield Connection.objects.get(slug="netsuite")
    server.shutdown()
    server.server_close()


@pytest.fixture
def ask(sandbox) -> Play:
    """Ask for one scenario of the library, of the published mapping or another."""

    def asked(slug: str, version: MappingVersion | None = None) -> ScenarioRun:
        scenario = Scenario.objects.get(slug=slug)
        document = document_of(scenario)
        flow = Flow.objects.get(mapping=document)
        using = version or document.published()
        (made,) = runs.ask(using, [scenario], flow, SKU, None)
        return made

    return asked


@pytest.fixture
def play(ask) -> Play:
    """Have a worker run one scenario, and return what came of it."""

    def played(slug: str, version: MappingVersion | None = None) -> ScenarioRun:
        run = ask(slug, version)
        runs.step()
        run.refresh_from_db()
        return run

    return played


def document_of(scenario: Scenario) -> MappingDocument:
    return MappingDocument.objects.get(slug=f"shopify-{scenario.source_entity}")


def draft_of(slug: str) -> MappingVersion:
    """Start a draft with the content that is live."""
    return services.new_draft(MappingDocument.objects.get(slug=slug), None)
