"""Credentials that the simulators and the demo connections share."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class DemoKeys:
    """What both sides must know; names are those of the environment variables."""

    DEMO_SHOPIFY_CLIENT_ID: str
    DEMO_SHOPIFY_CLIENT_SECRET: str
    DEMO_NETSUITE_CLIENT_ID: str
    DEMO_NETSUITE_CERTIFICATE_ID: str
    DEMO_NETSUITE_PRIVATE_KEY: str
    DEMO_NETSUITE_CERTIFICATE: str

    def environment(self) -> dict[str, str]:
        return asdict(self)


def demo_keys(folder: Path) -> DemoKeys:
    """Return the keys of this machine's demo, made at the first call."""
    path = folder / "keys.json"
    if path.exists():
        return DemoKeys(**json.loads(path.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    keys = new_keys()
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(keys), file)
    return keys


def new_keys() -> DemoKeys:
    """Make a fresh set; NetSuite takes RSA keys of 3072 bits or more."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return DemoKeys(
        DEMO_SHOPIFY_CLIENT_ID=secrets.token_hex(16),
        DEMO_SHOPIFY_CLIENT_SECRET=f"shpss_{secrets.token_hex(16)}",
        DEMO_NETSUITE_CLIENT_ID=secrets.token_hex(32),
        DEMO_NETSUITE_CERTIFICATE_ID=secrets.token_urlsafe(32),
        DEMO_NETSUITE_PRIVATE_KEY=pem.decode(),
        DEMO_NETSUITE_CERTIFICATE=_certificate(private),
    )


def _certificate(private: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Waybill demo")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=729))
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
