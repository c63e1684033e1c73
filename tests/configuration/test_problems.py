import pytest

from integrations.configuration.problems import ConfigurationRefused
from integrations.configuration.services import configure
from integrations.models import Connection
from mappings.models import MappingDocument, ValueTable
from tests.configuration.conftest import ENVIRON, SHOP, line_of


def test_all_problems_come_at_once_with_their_lines_and_nothing_changes(problems):
    text = SHOP
    for good, bad in (
        ("allowance: 3", "allowence: 3"),
        ("system: netsuite", "system: netsuit"),
        ("mapping: shopify-order\n", "mapping: shopify-orders\n"),
        ("priority: 1", "priority: high"),
        ("view_flow", "view_flows"),
        ("flow: shopify-customers", "flow: shopify-customer"),
    ):
        text = text.replace(good, bad)
    found = problems(text)
    assert [line.split(":")[1] for line in found] == [
        str(line_of(text, words))
        for words in (
            "allowence",
            "netsuit\n",
            "mapping: shopify-orders",
            "priority: high",
            "flow: shopify-customer",
            "view_flows",
        )
    ]
    assert "connections[shopify].allowence" in found[0]
    assert "Did you mean allowance?" in found[0]
    assert "Did you mean netsuite?" in found[1]
    assert "Did you mean shopify-order?" in found[2]
    assert "Write a whole number" in found[3]
    assert "Did you mean shopify-customers?" in found[4]
    assert "Did you mean integrations.view_flow?" in found[5]
    assert not Connection.objects.exists()
    assert not ValueTable.objects.exists()


@pytest.mark.parametrize(
    ("good", "bad", "path", "words"),
    [
        ("    system: shopify\n", "", "connections[shopify]", "The key system is missing."),
        ("name: Orders\n", "name: [a]\n", "mapping_documents[shopify-order].name", "a single value"),
        ("allowance: 5", "allowance: 0", "connections[netsuite].allowance", "from 1 to 200"),
        ("environment: sandbox", "environment: live", "connections[netsuite].environment", "production, sandbox"),
        ("auth_method: tba", "auth_method: tbaa", "connections[netsuite].auth_method", "Did you mean tba?"),
        ("token_id:", "token_ids:", "connections[netsuite].credentials.token_ids", "Did you mean token_id?"),
        ('"123456_SB1"', "12-34", "connections[netsuite].account_id", ""),
        ("tax_mode: legacy", "tax_mode: old", "connections[netsuite].options.tax_mode", "legacy, suitetax"),
        ("tax_mode: legacy", "tax_mod: legacy", "connections[netsuite].options.tax_mod", "Did you mean tax_mode?"),
        ("api_version: v1", "base_url: nowhere", "connections[netsuite].base_url", "valid URL"),
        ("netsuite-demo", "net suite", "connections[netsuite].namespace", "letters, digits"),
        ("netsuite-demo", "shopify-northwind", "connections[netsuite].namespace", "belongs to shopify"),
        ("slug: netsuite", "slug: net suite", "connections[net suite].slug", "slug"),
        ("name: NetSuite (Northwind)", "name: 'Shopify (Northwind)'", "connections[netsuite].name", "stands at"),
        ("mode: create", "mode: insert", "flows[shopify-orders].mode", "Did you mean upsert?"),
        ("[1, 2, 0.5]", "[1, soon]", "flows[shopify-orders].retry_schedule[2]", "seconds"),
        ("[1, 2, 0.5]", "7777", "flows[shopify-orders].retry_schedule", "a list"),
        ("priority: 1", "is_enabled: perhaps", "flows[shopify-orders].is_enabled", "true or false"),
        ("priority: 1", "source: magento", "flows[shopify-orders].source", "line"),
        ("customers, at: customer}", "customers}", "flows[shopify-orders].needs[shopify-customers]", "Add at."),
        ("{cut: {length: 20}}", "{cut: {lenght: 20}}", "mapping_documents[shopify-order].rows[otherRefNum].transforms", "lenght"),
        ("[trim,", "[trimm,", "mapping_documents[shopify-order].rows[otherRefNum].transforms", "trimm"),
        ("source: name,", "source: 'a..b',", "mapping_documents[shopify-order].rows[otherRefNum].source", ""),
        ("section: lines}", "section: line}", "mapping_documents[shopify-order].rows[quantity].section", "no section"),
        ("table: Countries", "table: Country", "mapping_documents[shopify-order].rows[country].table", "no value table"),
        ("kind: table", "kind: tables", "mapping_documents[shopify-order].rows[country].kind", "Did you mean table?"),
        ("test = true", "test =", "mapping_documents[shopify-order].exclusions[Test orders].when", ""),
        ("DE: Germany", "DE: {name: Germany}", "value_tables[Countries].rows.DE", "target"),
        ("integrations.view_flow,", "django_q.view_ormq,", "groups[Readers].permissions[1]", "No permission"),
        ("options: {tax_mode: legacy}", "options: [legacy]", "connections[netsuite].options", "a table"),
        ("[trim, {cut: {length: 20}}]", "[{trim: {}, cut: {}}]", "mapping_documents[shopify-order].rows[otherRefNum].transforms[1]", "at a time"),
        ("source: name,", "kind: constant, constant: \"'open\",", "mapping_documents[shopify-order].rows[otherRefNum]", "quote"),
        ("{NO: Norway, DE: Germany}", "[Norway]", "value_tables[Countries].rows", "a table"),
        ("NO: Norway,", "'': Norway,", "value_tables[Countries].rows.", "1 to 200 characters"),
        ("name: Test orders, when: test = true", "name: Test orders", "mapping_documents[shopify-order].exclusions[Test orders]", "Add when."),
        ("allowance: 3", "allowance: [3]", "connections[shopify].allowance", "a single value"),
        ("allowance: 5", "is_enabled: true", "connections[netsuite].is_enabled", "not known"),
        ("{flow: shopify-customers, at: customer}", "'shopify-customers'", "flows[shopify-orders].needs[1]", "a table"),
        ("customer}]", "customer}, {flow: shopify-customers, at: x}]", "flows[shopify-orders].needs[shopify-customers].flow", "needed already"),
        ('"${SHOP_ID}"', "''", "connections[shopify].credentials.client_id", "is empty"),
        ("priority: 1", "alert_at_once: {}", "flows[shopify-orders].alert_at_once", "a single value"),
        ("priority: 1", "poll_minutes: 99999", "flows[shopify-orders].poll_minutes", "0 to 32767"),
        ("groups:", "gruops:", "gruops", "Did you mean groups?"),
        ("target_record: salesOrder\n    mode", "target_record: invoice\n    mode", "flows[shopify-orders].mapping", "salesOrder, not invoice"),
        ("NO: Norway,", "NO: Norway, NO: Norge,", "value_tables[Countries].rows.NO", "stands on line"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_path_and_a_remedy(
    problems, good, bad, path, words
):
    text = SHOP.replace(good, bad, 1)
    assert text != SHOP
    line = line_of(text, bad) if bad else line_of(text, "slug: shopify")
    matching = [problem for problem in problems(text) if f": {path}: " in problem]
    assert matching, problems(text)
    assert words in matching[0]
    if "\n" not in bad:
        assert matching[0].startswith(f"shop.yaml:{line}: ")


def test_a_slug_that_stands_twice_names_the_first_place(problems):
    text = SHOP + SHOP[SHOP.index("groups:") :].replace("groups:", "").lstrip("\n")
    (found,) = problems(text)
    assert "groups[Readers].name" in found
    assert f":{line_of(SHOP, 'name: Readers')} already" in found


def test_a_name_of_another_connection_in_the_console_is_taken(run, problems):
    run()
    (found,) = problems(
        """\
        connections:
          - slug: second
            name: NetSuite (Northwind)
            system: netsuite
            account_id: "999"
            auth_method: tba
        """
    )
    assert "shop.yaml:3: connections[second].name: " in found
    assert "belongs to netsuite already" in found


def test_one_unreadable_file_does_not_make_its_things_unknown(db, write):
    head, flows = SHOP.split("flows:\n")
    files = [write("a: [1\n", "broken.yaml"), write("flows:\n" + flows, "flows.yaml")]
    with pytest.raises(ConfigurationRefused) as refused:
        configure(files, ENVIRON)
    (problem,) = refused.value.problems
    assert problem.place.file.endswith("broken.yaml")


def test_a_fault_in_one_row_does_not_hide_those_of_others(problems):
    text = SHOP.replace("source: name,", "sorce: name,").replace(
        "country, table", "'^x', table"
    )
    found = problems(text)
    assert len(found) == 2
    assert "rows[otherRefNum].sorce" in found[0]
    assert "rows[country].source" in found[1]


def test_base_urls_are_checked_in_production(problems, settings):
    settings.PRODUCTION = True
    text = SHOP.replace("api_version: v1", "base_url: https://127.0.0.1:8011")
    (found,) = problems(text)
    assert "connections[netsuite].base_url" in found
    assert "WAYBILL_EXTRA_VENDOR_HOSTS" in found


def test_a_failure_while_applying_takes_everything_back(run, monkeypatch):
    def fail(*args):
        raise RuntimeError

    monkeypatch.setattr("integrations.configuration.services.apply_groups", fail)
    with pytest.raises(RuntimeError):
        run()
    assert not Connection.objects.exists()
    assert not MappingDocument.objects.exists()


TWIN = """
  - slug: live
    name: NetSuite (live)
    system: netsuite
    environment: production
    account_id: "{account}"
    base_url: "{base_url}"
    namespace: netsuite-live
    auth_method: tba
value_tables:
"""


@pytest.mark.parametrize(
    ("account", "base_url"),
    [
        ("123456-sb1", ""),
        ("999", "https://123456-sb1.suitetalk.api.netsuite.com/"),
    ],
)
def test_no_account_is_both_sandbox_and_production(problems, account, base_url):
    twin = TWIN.format(account=account, base_url=base_url)
    found = " ".join(problems(SHOP.replace("\nvalue_tables:\n", twin, 1)))
    assert "NetSuite (live) is the same account as production" in found
    assert "NetSuite (Northwind) is the same account as sandbox" in found
