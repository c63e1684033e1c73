import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from integrations.models import Connection
from tests.configuration.conftest import CANARY, ENVIRON, SHOP


@pytest.fixture
def environ(monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def test_the_command_says_what_it_changed_and_then_that_nothing_is_left(
    db, write, environ, capsys
):
    call_command("configure", write(SHOP), dry_run=True)
    would = capsys.readouterr().out.splitlines()
    call_command("configure", write(SHOP))
    did = capsys.readouterr().out.splitlines()
    call_command("configure", write(SHOP))
    again = capsys.readouterr().out
    assert would[:-1] == did[:-1]
    assert would[-1].endswith("changes to make. Nothing was changed.")
    assert did[-1] == f"{len(did) - 1} changes made."
    assert again == (
        "Nothing to change: 2 connections, 1 value table, 2 mapping documents, "
        "2 flows, 1 group are as the files say.\n"
    )
    assert CANARY not in "\n".join(did)


def test_the_command_lists_every_problem_and_refuses(db, write, environ):
    text = SHOP.replace("allowance: 3", "allowance: x").replace(
        "mode: create", "mode: y"
    )
    with pytest.raises(CommandError) as refused:
        call_command("configure", write(text))
    assert refused.value.returncode == 1
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    assert lines[0] == "2 problems, nothing was changed:"
    assert not Connection.objects.exists()
