"""Credentials, sealed; what is opened prints as stars wherever it is shown.

Each text is sealed together with its context (which connection, which credential),
so a value copied to another row does not open there.
"""

from errorqueue import sealing
from errorqueue.sealing import SealBroken, reseal, seal
from integrations.connectors.secret import (
    Secret,
)

__all__ = ["SealBroken", "reseal", "seal", "unseal"]


def unseal(context: str, sealed: str) -> Secret:
    """Open a sealed text; raise SealBroken for a wrong key or a moved row."""
    return Secret(sealing.unseal(context, sealed))
