import pytest
from cryptography.fernet import Fernet

from integrations.models import Connection, Credential, Token
from tests.configuration.conftest import CANARY, ENVIRON, SHOP, line_of


def secret(slug, name):
    return Connection.objects.get(slug=slug).credentials.get(name=name).open().reveal()


def test_secrets_come_from_the_environment_and_are_kept_encrypted(run):
    run()
    assert secret("netsuite", "token_secret") == ENVIRON["NS_TOKEN_SECRET"]
    assert not any(CANARY in row.sealed for row in Credential.objects.all())


def test_a_secret_that_is_the_same_is_no_change(run):
    run()
    before = list(Credential.objects.values_list("pk", "sealed", "set_at"))
    assert run().changes == []
    assert list(Credential.objects.values_list("pk", "sealed", "set_at")) == before


def test_a_new_secret_replaces_the_old_and_drops_its_token(run):
    run()
    netsuite = Connection.objects.get(slug="netsuite")
    Token.objects.create(connection=netsuite, sealed="x")
    changed = run(environ={"NS_TOKEN": "another"}).changes
    assert changed == ["connection netsuite: credential token_id replaced"]
    assert secret("netsuite", "token_id") == "another"
    assert not Token.objects.exists()


def test_a_literal_secret_is_refused_and_not_repeated(problems):
    found = problems(SHOP.replace('"${NS_SECRET}"', f"{CANARY}-literal"))
    assert len(found) == 1
    assert "connections[netsuite].credentials.consumer_secret" in found[0]
    assert '"${NETSUITE_CONSUMER_SECRET}"' in found[0]
    assert CANARY not in found[0]


def test_what_is_no_secret_may_stand_in_the_file(run):
    certificate = SHOP.replace("auth_method: tba", "auth_method: oauth2_certificate")
    head, _, rest = certificate.partition("      consumer_key:")
    tail = rest[rest.index("value_tables:") :]
    own = "      client_id: plain-id\n      certificate_id: c1\n"
    run(head + own + '      private_key: "${NS_KEY}"\n' + tail)
    assert secret("netsuite", "client_id") == "plain-id"


def test_a_missing_variable_is_a_problem_at_its_line(problems):
    (found,) = problems(SHOP.replace("${NS_TOKEN}", "${NOT_THERE}"))
    line = line_of(SHOP, "${NS_TOKEN}")
    path = "connections[netsuite].credentials.token_id"
    assert found.startswith(f"shop.yaml:{line}: {path}: ")
    assert "NOT_THERE is empty or not set" in found


def test_a_credential_that_the_login_needs_may_not_be_missing(problems, run):
    text = SHOP.replace('      token_id: "${NS_TOKEN}"\n', "")
    (found,) = problems(text)
    assert "Token ID is missing" in found
    run()
    assert run(text).changes == []


def test_credentials_may_be_left_to_the_console(run):
    head, _, rest = SHOP.partition("    credentials:\n      consumer_key:")
    run(head + rest[rest.index("value_tables:") :])
    assert not Connection.objects.get(slug="netsuite").credentials.exists()


def test_f98_a_wrong_field_key_is_a_problem_and_overwrites_nothing(
    run, problems, settings
):
    run()
    before = list(Credential.objects.values_list("pk", "sealed"))
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    found = problems(SHOP, {"NS_TOKEN": "another"})
    assert any("WAYBILL_FIELD_KEYS" in line for line in found)
    assert list(Credential.objects.values_list("pk", "sealed")) == before


@pytest.mark.parametrize("broken", [False, True])
def test_no_secret_value_appears_in_any_output(run, problems, broken, capsys):
    if broken:
        text = SHOP.replace("token_id:", "token_idd:").replace(
            "allowance: 3", "allowance: ${NS_KEY}"
        )
        shown = problems(text)
    else:
        outcome = run()
        shown = [*outcome.changes, *run(environ={"NS_KEY": CANARY}).changes]
    printed = capsys.readouterr()
    assert shown
    assert CANARY not in "\n".join([*shown, printed.out, printed.err])
