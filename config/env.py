"""Typed readers of the environment, and the keys a laptop makes for itself."""

import os
import secrets
from pathlib import Path

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def flag(name: str, default: bool = False) -> bool:
    return bool(env.bool(name, default=default))


def number(name: str, default: int) -> int:
    return int(env.int(name, default=default))


def words(name: str, default: list[str] | None = None) -> list[str]:
    """Read a comma-separated list; blanks are dropped."""
    return [
        word.strip() for word in env.list(name, default=default or []) if word.strip()
    ]


def own_key(name: str, folder: Path, production: bool) -> str:
    """Read a key; outside production make one and keep it in `folder`.

    A laptop starts without any set-up, and keeps its key between starts, so what
    was encrypted yesterday can be read today. Production must name its keys.
    """
    given = os.environ.get(name, "").strip()
    if given:
        return given
    if production:
        raise ImproperlyConfigured(
            f"{name} is not set. Production needs its own: see docs/operations.md."
        )
    return _kept_key(name, folder)


def _kept_key(name: str, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.lower()}.key"
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    fresh = (
        Fernet.generate_key().decode() if "FIELD" in name else secrets.token_urlsafe(50)
    )
    with os.fdopen(handle, "w") as file:
        file.write(fresh)
    return fresh
