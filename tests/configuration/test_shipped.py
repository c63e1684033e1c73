from pathlib import Path

import pytest

from integrations.configuration.export import export_text
from integrations.configuration.services import configure
from integrations.management.commands.demo import FILES
from integrations.models import Flow
from mappings.models import MappingDocument
from mappings.services import faults_of

SHIPPED = Path(__file__).parents[2] / "integrations/configuration"
ENVIRON = {
    "DEMO_SHOPIFY_URL": "http://127.0.0.1:8012",
    "DEMO_NETSUITE_URL": "http://127.0.0.1:8011",
    "DEMO_SHOPIFY_CLIENT_ID": "1",
    "DEMO_SHOPIFY_CLIENT_SECRET": "2",
    "DEMO_NETSUITE_CLIENT_ID": "3",
    "DEMO_NETSUITE_CERTIFICATE_ID": "4",
    "DEMO_NETSUITE_PRIVATE_KEY": "5",
}
# As the export names what stands in the demo's own file.
ADDRESSES = {
    "CHANNEL_OPERATIONS_BY_MAIL_ADDRESS": "operations@example.com",
    "CHANNEL_ON_CALL_BY_MAIL_ADDRESS": "on-call@example.com",
}


@pytest.fixture
def shipped(db):
    """Enter the files that Waybill comes with."""
    files = [str(SHIPPED / f"{name}.yaml") for name in FILES]
    return lambda: configure(files, ENVIRON)


def test_the_shipped_files_configure_a_console_and_then_change_nothing(shipped):
    assert shipped().changes
    assert shipped().changes == []
    assert Flow.objects.filter(is_enabled=True).exists()


def test_the_shipped_documents_stand_in_the_database_without_a_fault(shipped):
    shipped()
    for document in MappingDocument.objects.all():
        assert faults_of(document.published()) == []


def test_the_export_of_the_shipped_files_is_no_change(shipped, write):
    shipped()
    own = {name.removeprefix("DEMO_"): value for name, value in ENVIRON.items()}
    exported = export_text()
    assert configure([write(exported)], own | ADDRESSES).changes == []
    assert export_text() == exported
