import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from integrations.configuration.export import export_text
from integrations.models import Connection, Dependency, Flow
from mappings.models import (
    ExclusionRule,
    MappingDocument,
    MappingRow,
    MappingSection,
    MappingVersion,
    SumCheck,
    ValueTable,
)
from tests.configuration.conftest import CANARY, SHOP

SECRETS = {
    f"{slug}_{name}": f"{CANARY}-{name}"
    for slug, names in {
        "SHOPIFY": ("CLIENT_ID", "CLIENT_SECRET"),
        "NETSUITE": ("CONSUMER_KEY", "CONSUMER_SECRET", "TOKEN_ID", "TOKEN_SECRET"),
    }.items()
    for name in names
}


def clear():
    Dependency.objects.all().delete()
    Flow.objects.all().delete()
    Connection.objects.all().delete()
    for part in (MappingRow, MappingSection, ExclusionRule, SumCheck, MappingVersion):
        part.objects.all()._raw_delete("default")
    MappingDocument.objects.all().delete()
    ValueTable.objects.all().delete()


def test_an_export_configures_an_empty_console_to_be_equal(run):
    run()
    exported = export_text()
    clear()
    run(exported, SECRETS)
    assert export_text() == exported
    assert run(exported, SECRETS).changes == []


def test_an_export_changes_nothing_where_it_came_from(run):
    run()
    secrets = {
        "SHOPIFY_CLIENT_ID": "SHOP_ID",
        "SHOPIFY_CLIENT_SECRET": "SHOP_SECRET",
        "NETSUITE_CONSUMER_KEY": "NS_KEY",
        "NETSUITE_CONSUMER_SECRET": "NS_SECRET",
        "NETSUITE_TOKEN_ID": "NS_TOKEN",
        "NETSUITE_TOKEN_SECRET": "NS_TOKEN_SECRET",
    }
    same = {name: f"{CANARY}-{source}" for name, source in secrets.items()}
    assert run(export_text(), same).changes == []


def test_awkward_values_survive_the_way_out_and_back(run):
    run()
    table = ValueTable.objects.get()
    for source in ("NO", "007", "1e3", "a: b", "é ✓", "${HOME}", "~", "line\nbreak"):
        table.rows.update_or_create(source=source, defaults={"target": source})
    Flow.objects.filter(slug="shopify-orders").update(name="yes # ${HOME} 'x'")
    exported = export_text()
    clear()
    run(exported, SECRETS)
    rows = ValueTable.objects.get().rows
    assert {row.source for row in rows.all()} == {row.target for row in rows.exclude(
        source="DE"
    )} | {"DE"}  # fmt: skip
    assert Flow.objects.get(slug="shopify-orders").name == "yes # ${HOME} 'x'"
    assert export_text() == exported


def test_a_document_with_a_draft_only_survives_too(run):
    run()
    draft = MappingDocument.objects.create(
        name="Later",
        slug="later",
        source_system="shopify",
        source_entity="refund",
        target_system="netsuite",
        target_record="creditMemo",
    )
    draft.versions.create(number=1)
    exported = export_text()
    clear()
    run(exported, SECRETS)
    assert export_text() == exported
    assert not MappingDocument.objects.get(slug="later").versions.exists()


def test_no_secret_is_exported(run):
    run()
    exported = export_text()
    assert CANARY not in exported
    assert "client_secret: ${SHOPIFY_CLIENT_SECRET}" in exported
    assert "#" not in exported


def test_the_command_writes_to_a_file_or_the_screen(run, tmp_path, capsys):
    run(SHOP)
    path = tmp_path / "out.yaml"
    call_command("export_configuration", output=str(path))
    call_command("export_configuration")
    said, _, shown = capsys.readouterr().out.partition("\n")
    assert said == f"Written to {path}."
    assert path.read_text(encoding="utf-8") == shown == export_text()


def test_a_file_that_cannot_be_written_is_said(run, tmp_path):
    run()
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_configuration", output=str(tmp_path / "no" / "out.yaml"))
