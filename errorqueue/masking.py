"""Hides what is personal in payloads from people who work without it.

Names, addresses, phone numbers and e-mails go by their key where a text is JSON, and
by their shape everywhere else. Document numbers, money, countries and ids stay: they
are what the work is about. Secrets never come this far, they are not kept.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import simplejson

HIDDEN = "•••"
RIGHT = "errorqueue.see_payload"

# Keys are compared without signs and in lower case: "first_name" is "firstname".
_ALWAYS = re.compile(
    r"email|phone|mobile|fax$|^(first|last|middle|full|given|family|sur|nick)name$"
    r"|salutation|addressee|^attention$|^attn$|^addr(ess)?(line)?\d$|street|^zip"
    r"|zipcode|postcode|postalcode|birth|^dob$|clientip|browserip|remoteip|ipaddress"
    r"|^(latitude|longitude)$|vatnumber|vatregnumber|taxvat|^taxid$|customername"
    r"|recipientname|signedby|nationalid|passport"
)
# Below these keys a person or a place is described: the texts there are personal.
_ABOUT_A_PERSON = re.compile(
    r"address|customer$|^entity$|^contact|recipient|^buyer|^billto|^shipto"
    r"|^(shipping|billing)$|receiver|consignee|destination$"
)
# … but for what a mapping is made of.
_STAYS = re.compile(
    r"id$|^links?$|^rel$|^href$|country|currency|^type$|kind$|locale|^state$|status"
    r"|^default|default$|^is|createdat|updatedat|province|region|^label$|^tags$"
    r"|^items$|^(shipping|billing)?(method|carrier|amount|tax|price|total).*"
)
_A_NAME = re.compile(r"name$|company|city$|address|^note$|^comments?$")
# Begins where a word begins: a long text without any is read once, not once a letter.
_E_MAIL = re.compile(r"(?<![\w.+\-'])[\w.+\-']+(?:@|%40)[\w\-]+(?:\.[\w\-]+)+", re.I)
_PHONE = re.compile(
    r"(?<![\w.])\+\d[\d\s()./\-]{6,}\d|(?<![\w.\-])\(?0\d{2,4}\)?[ /]\d[\d \-]{4,}\d"
)
_PAIR = re.compile(r'("([\w\- ]+)"\s*:\s*)("(?:[^"\\]|\\.)*"?|-?\d[\d.]*)')
_TAG = re.compile(r"(<(?:\w+:)?(\w+)\b[^<>]*>)([^<>]+)(?=</)")
_FORM = re.compile(r"((?:^|[?&\s;])([A-Za-z][\w\-]*)=)([^&\s;]+)")


def may_see(user: Any) -> bool:
    """Say whether somebody may see personal fields."""
    return bool(user.has_perm(RIGHT))


def masked(text: str, user: Any) -> str:
    """Return a payload, or any text, as this person may read it."""
    return text if not text or may_see(user) else hidden(text)


def masked_email(address: str, user: Any) -> str:
    """Return an e-mail address, or as much of it as tells two apart."""
    if not address or may_see(user):
        return address
    name, _, host = address.rpartition("@")
    return f"{name[:1]}{HIDDEN}@{host}"


def masked_value(path: str, value: str, user: Any) -> str:
    """Return the value of one field, by the path where it stands."""
    if not value or may_see(user):
        return value
    return HIDDEN if is_personal_path(path) else hidden(value)


def veil(lines: Iterable[Any], user: Any) -> None:
    """Hide in the sentences of lines that are shown, not saved, what is personal."""
    if may_see(user):
        return
    for line in lines:
        for name in ("what", "why", "remedy"):
            setattr(line, name, hidden(getattr(line, name)))


def masked_problems(
    problems: Sequence[dict[str, Any]], user: Any
) -> list[dict[str, Any]]:
    """Return what is wrong with each field, its value as this person may read it."""
    return [{**one, "value": _value_of(one, user)} for one in problems]


def _value_of(problem: dict[str, Any], user: Any) -> str:
    value = str(problem.get("value") or "")
    for side in ("source", "target"):
        value = masked_value(str(problem.get(side) or ""), value, user)
    return value


def is_personal_path(path: str) -> bool:
    """Say whether a field path such as "shippingAddress.zip" is personal."""
    *above, last = [_plain(part) for part in re.split(r"[.\[\]]+", path) if part] or [
        ""
    ]
    if _ALWAYS.search(last):
        return True
    about = any(_ABOUT_A_PERSON.search(part) for part in above)
    return about and not _STAYS.search(last) and not last.isdecimal()


def hidden(text: str) -> str:
    """Return a text with everything personal in it hidden."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _in_json(text)
        except (ValueError, RecursionError):  # cut off in the middle, for instance
            return _by_shape(text, names=True)
    head, gap, body = text.partition("\n\n")
    if body.lstrip()[:1] in ("{", "["):
        return _by_shape(head) + gap + hidden(body)
    return _by_shape(text)


def _in_json(text: str) -> str:
    tree = hidden_tree(simplejson.loads(text, use_decimal=True))
    return simplejson.dumps(tree, indent=2, use_decimal=True, ensure_ascii=False)


def hidden_tree(tree: Any, about: bool = False) -> Any:
    """Hide what is personal in a tree; `about` says that it describes a person."""
    if isinstance(tree, Mapping):
        is_person = about or _is_person(tree)
        return {key: _entry(str(key), each, is_person) for key, each in tree.items()}
    if isinstance(tree, list | tuple):
        return [hidden_tree(each, about) for each in tree]
    if isinstance(tree, str):
        return HIDDEN if about and tree else hidden(tree)
    return tree


def _entry(key: str, value: Any, about: bool) -> Any:
    name = _plain(key)
    is_tree = isinstance(value, Mapping | list | tuple)
    if is_tree and _ABOUT_A_PERSON.search(name):
        return hidden_tree(value, about=True)
    if _ALWAYS.search(name) or name.endswith("address"):
        return _emptied(value)
    return hidden_tree(value, about and not _STAYS.search(name))


def _emptied(value: Any) -> Any:
    """Hide every value below, and keep the shape: a mapping is read by it."""
    if isinstance(value, Mapping):
        return {key: _emptied(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_emptied(each) for each in value]
    return value if value in (None, "") or isinstance(value, bool) else HIDDEN


def _is_person(tree: Mapping[Any, Any]) -> bool:
    """Say whether a table describes a person: it holds a first and a last name."""
    names = {_plain(str(key)) for key in tree}
    return {"firstname", "lastname"} <= names


def _by_shape(text: str, *, names: bool = False) -> str:
    """Hide what a key or its own shape gives away; `names` hides any name as well.

    In a text that is cut off nobody can tell the name of a person from another.
    """
    keys = (_ALWAYS, _A_NAME) if names else (_ALWAYS,)
    for pattern in (_PAIR, _TAG, _FORM):
        text = pattern.sub(partial(_named, keys), text)
    return _PHONE.sub(HIDDEN, _E_MAIL.sub(HIDDEN, text))


def _named(keys: Sequence[re.Pattern[str]], match: re.Match[str]) -> str:
    start, key, value = match.group(1, 2, 3)
    if not any(each.search(_plain(key)) for each in keys):
        return match.group(0)
    return f'{start}"{HIDDEN}"' if value.startswith('"') else f"{start}{HIDDEN}"


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())
