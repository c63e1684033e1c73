import pytest
from django.contrib.auth.models import Permission, User

from mappings import services
from mappings.models import MappingDocument, ValueTable
from tests.mappings import shipped
from tests.mappings.filling import fill_draft


@pytest.fixture
def tables(db):
    for table in shipped.data()["value_tables"]:
        made = ValueTable.objects.create(name=table["name"])
        for source, target in table["rows"].items():
            made.rows.create(source=source, target=target)


@pytest.fixture
def order_document(tables):
    return MappingDocument.objects.create(
        name="Shopify order to NetSuite sales order",
        slug="shopify-order",
        source_system="shopify",
        source_entity="order",
        target_system="netsuite",
        target_record="salesOrder",
    )


@pytest.fixture
def draft(order_document):
    made = services.new_draft(order_document, None)
    fill_draft(made, shipped.document("shopify-order"))
    return made


@pytest.fixture
def editor(db):
    return make_person("editor", "view add change delete", "publish_mappingversion")


@pytest.fixture
def auditor(db):
    return make_person("auditor", "view")


def make_person(name: str, verbs: str, *more: str) -> User:
    person = User.objects.create_user(name, password="x", is_staff=True)
    allowed = Permission.objects.filter(content_type__app_label="mappings")
    for verb in verbs.split():
        person.user_permissions.add(*allowed.filter(codename__startswith=f"{verb}_"))
    person.user_permissions.add(*allowed.filter(codename__in=more))
    return person
