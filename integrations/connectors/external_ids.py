"""External ids: a pure function of namespace, entity and source id.

NetSuite documents letters, digits, `_` and `-` (REST "Using External IDs"), so a
source id with other characters is refused rather than bent: two ids bent alike
would be one record.
"""

import re

_LEGAL = re.compile(r"[A-Za-z0-9_-]+")


def external_id(namespace: str, entity: str, source_id: str) -> str:
    """Return the id under which the target keeps this source object.

    Raises ValueError when a part has characters outside the vendor's alphabet.
    """
    joined = f"{namespace}-{entity}-{source_id}"
    if not _LEGAL.fullmatch(joined):
        raise ValueError(f"{joined!r} has characters that external ids may not have")
    return joined
