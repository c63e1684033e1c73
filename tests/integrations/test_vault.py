import pytest
from cryptography.fernet import Fernet

from integrations.models import Connection, Credential, vault


def test_a_sealed_value_opens_with_its_own_context_only():
    sealed = vault.seal("1:client_secret", "s3cret")
    assert "s3cret" not in sealed
    assert vault.unseal("1:client_secret", sealed).reveal() == "s3cret"
    with pytest.raises(vault.SealBroken):
        vault.unseal("2:client_secret", sealed)


def test_f98_old_keys_read_and_the_newest_writes(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    sealed = vault.seal("c", "value")
    settings.FIELD_KEYS = [new, old]
    assert vault.unseal("c", sealed).reveal() == "value"
    again = vault.reseal(sealed)
    settings.FIELD_KEYS = [new]
    assert vault.unseal("c", again).reveal() == "value"


def test_f98_a_wrong_key_says_so_instead_of_returning_nonsense(settings):
    sealed = vault.seal("c", "value")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(vault.SealBroken):
        vault.unseal("c", sealed)


def test_f100_a_secret_prints_as_stars_everywhere(db):
    connection = Connection(pk=7, name="Shop", slug="shop")
    credential = Credential(connection=connection, name="access_token")
    credential.put("shpat_canary")
    secret = credential.open()
    shown = f"{secret} {secret!r} {secret:>40} {[secret]} {str(secret)}"
    assert "canary" not in shown
    assert secret.reveal() == "shpat_canary"
