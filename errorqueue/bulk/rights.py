"""Which right each verb takes, besides the right to run bulk work at all."""

from typing import Any

RIGHTS = {
    "retry": "retry",
    "mend": "edit",
    "exclude": "exclude",
    "resolve": "resolve",
    "preflight": "retry",
    "assign": "assign",
    "tag": "assign",
    "snooze": "assign",
}


def may_run(user: Any, verb: str) -> bool:
    """Say whether somebody may run `verb` over many records."""
    return bool(user.has_perms([f"errorqueue.{right}" for right in rights_of(verb)]))


def rights_of(verb: str) -> list[str]:
    """Name every right that a run of `verb` takes."""
    verbs = ("view", "bulk", RIGHTS.get(verb, "bulk"))
    return [f"{one}_failedrecord" for one in verbs]
