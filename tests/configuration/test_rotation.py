import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from errorqueue import signing
from errorqueue.alerting import channels
from errorqueue.models import Subscriber
from integrations.models import Connection, Credential, Token, vault
from tests.errorqueue.alerting import make_channel

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def connection(db, settings):
    """A connection whose two credentials and token were sealed with the old key."""
    settings.FIELD_KEYS = [OLD]
    made = Connection.objects.create(
        name="NetSuite", slug="netsuite", system="netsuite", account_id="1",
        namespace="n", auth_method="tba",
    )  # fmt: skip
    for name in ("token_id", "token_secret"):
        credential = Credential(connection=made, name=name)
        credential.put(f"secret {name}")
        credential.save()
    Token.objects.create(connection=made, sealed=vault.seal("token", "bearer"))
    return made


def sealed():
    return [
        *Credential.objects.order_by("pk").values_list("sealed", flat=True),
        *Token.objects.values_list("sealed", flat=True),
    ]


def test_f98_rotation_brings_every_secret_under_the_newest_key(
    connection, settings, capsys
):
    settings.FIELD_KEYS = [NEW, OLD]
    call_command("rotate_field_keys")
    assert capsys.readouterr().out == (
        "Sealed anew: 2 credentials, 1 token, 0 webhook secrets, 0 channels. "
        "Under the newest key already: 0.\n"
    )
    settings.FIELD_KEYS = [NEW]
    opened = [credential.open().reveal() for credential in connection.credentials.all()]
    assert opened == ["secret token_id", "secret token_secret"]
    assert vault.unseal("token", Token.objects.get().sealed).reveal() == "bearer"


def test_f98_a_second_rotation_changes_nothing(connection, settings, capsys):
    settings.FIELD_KEYS = [NEW, OLD]
    call_command("rotate_field_keys")
    before = sealed()
    capsys.readouterr()
    call_command("rotate_field_keys")
    assert (
        "Sealed anew: 0 credentials, 0 tokens, 0 webhook secrets, 0 channels."
        in capsys.readouterr().out
    )
    assert sealed() == before


def test_f98_a_wrong_key_is_said_and_overwrites_nothing(connection, settings):
    before = sealed()
    settings.FIELD_KEYS = [OTHER]
    with pytest.raises(CommandError) as refused:
        call_command("rotate_field_keys")
    assert "token_id of NetSuite, token_secret of NetSuite, Token of NetSuite" in str(
        refused.value
    )
    assert "Nothing was changed." in str(refused.value)
    assert sealed() == before


def test_f98_one_unreadable_secret_keeps_all_others_as_they_are(connection, settings):
    Credential.objects.filter(name="token_id").update(
        sealed=Fernet(OTHER).encrypt(b"x").decode()
    )
    before = sealed()
    settings.FIELD_KEYS = [NEW, OLD]
    with pytest.raises(CommandError):
        call_command("rotate_field_keys")
    assert sealed() == before


def test_a_token_that_was_never_fetched_is_passed_over(connection, settings, capsys):
    Token.objects.update(sealed="")
    settings.FIELD_KEYS = [NEW, OLD]
    call_command("rotate_field_keys")
    assert "0 tokens" in capsys.readouterr().out


def test_f98_rotation_covers_the_secrets_of_webhooks(db, settings, capsys):
    settings.FIELD_KEYS = [OLD]
    subscriber = Subscriber.objects.create(name="Tickets", url="https://t.example/")
    plain = signing.renew_secret(subscriber)
    settings.FIELD_KEYS = [NEW, OLD]
    call_command("rotate_field_keys")
    assert "1 webhook secret, 0 channels." in capsys.readouterr().out
    settings.FIELD_KEYS = [NEW]
    subscriber.refresh_from_db()
    assert signing.secrets_of(subscriber) == [plain]


def test_f98_a_webhook_secret_that_no_key_opens_is_named(connection, settings):
    Subscriber.objects.create(
        name="Tickets", url="https://t.example/", sealed_secret="gAAAA"
    )
    before = sealed()
    settings.FIELD_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match="Webhook Tickets: no key"):
        call_command("rotate_field_keys")
    assert sealed() == before


def test_f98_rotation_covers_the_addresses_of_channels(db, settings, capsys):
    settings.FIELD_KEYS = [OLD]
    channel = make_channel("Ops")
    settings.FIELD_KEYS = [NEW, OLD]
    call_command("rotate_field_keys")
    assert "1 channel." in capsys.readouterr().out
    settings.FIELD_KEYS = [NEW]
    channel.refresh_from_db()
    assert channels.opened(channel)[0] == "ops@example.com"
