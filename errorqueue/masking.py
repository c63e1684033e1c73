"""Hides what is personal in payloads from people who work without it.

Names, addresses, phone numbers and e-mails go by their key where a text is JSON, and
by their shape everywhere else. Document numbers, money, countries and ids stay: they
are what the work is about. Secrets never come this far, they are not kept.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
# From the first quote to the last: a value may hold quotes itself.
_QUOTED = re.compile(r"(?<!\w)['\"“‘].*['\"”’]|“.*", re.DOTALL)
# The candidates of a look-up stand without quotes.
_NAMED_BY_TARGET = re.compile(
    r"( records in [^:]+: | is inactive in [^(]+\().*", re.DOTALL
)
# The parts of a problem that are sentences, and may quote its value.
_IN_WORDS = ("rule", "remedy")
# What a sentence shares with others by chance says nothing of a person.
_SHORTEST = 2


def may_see(user: Any) -> bool:
    """Say whether somebody may see personal fields."""
    return bool(user.has_perm(RIGHT))


def masked(
    text: str,
    user: Any,
    problems: Sequence[dict[str, Any]] = (),
    places: Collection[str] = (),
) -> str:
    """Return a payload, or any text, as this person may read it.

    The private values that these problems are about are hidden wherever they stand,
    and so is what stands at these places, which people marked in a mapping.
    """
    if not text or may_see(user):
        return text
    return hidden(without_values(text, problems), places)


@dataclass(frozen=True)
class Eye:
    """Who looks, and what is not for everybody there: problems, and marked places."""

    user: Any
    problems: Sequence[dict[str, Any]] = ()
    places: Collection[str] = ()

    def but_for(self, places: Collection[str]) -> "Eye":
        """Return the same eye for a text in which these places are marked."""
        return replace(self, places=places)

    def reads(self, text: str) -> str:
        """Return a text as this person may read it."""
        return masked(text, self.user, self.problems, self.places)


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


def masked_values(values: Mapping[str, str], user: Any) -> dict[str, str]:
    """Return values by their places, each as this person may read it."""
    return {place: masked_value(place, one, user) for place, one in values.items()}


def veil(lines: Iterable[Any], user: Any) -> None:
    """Hide in the sentences of lines that are shown, not saved, what is personal."""
    if may_see(user):
        return
    for line in lines:
        for name in ("what", "why", "remedy", "preflight_note"):
            setattr(line, name, masked(getattr(line, name), user, line.problems))


def is_private(sensitivity: str, *places: str) -> bool:
    """Say whether a value is for few eyes: its row says so, or any of its paths.

    A value made from several sources is as private as the most private of them.
    """
    return bool(sensitivity) or any(is_personal_path(place) for place in places)


def masked_problems(
    problems: Sequence[dict[str, Any]], user: Any
) -> list[dict[str, Any]]:
    """Return what is wrong with each field, as this person may read it.

    Of a private value its rule and remedy quote nothing either.
    """
    return [_problem_for(one, user) for one in problems]


def _problem_for(problem: dict[str, Any], user: Any) -> dict[str, Any]:
    value = str(problem.get("value") or "")
    if may_see(user):
        return {**problem, "value": value}
    if not _is_private_problem(problem):
        return {**problem, "value": hidden(value)}
    said = {name: unquoted(str(problem.get(name) or "")) for name in _IN_WORDS}
    return {**problem, **said, "value": HIDDEN if value else ""}


def _is_private_problem(problem: dict[str, Any]) -> bool:
    sides = (str(problem.get(side) or "") for side in ("source", "target"))
    sources = problem.get("sources") or ()
    return is_private(str(problem.get("sensitivity") or ""), *sides, *sources)


def without_values(text: str, problems: Sequence[dict[str, Any]]) -> str:
    """Return a sentence without the private values that its problems are about."""
    for problem in problems:
        if not _is_private_problem(problem):
            continue
        for name in _IN_WORDS:
            said = str(problem.get(name) or "")
            text = text.replace(said, unquoted(said)) if said else text
        value = str(problem.get("value") or "")
        for each in (value, repr(value)[1:-1]):
            text = text.replace(each, HIDDEN) if len(each) >= _SHORTEST else text
    return text


def unquoted(text: str) -> str:
    """Return a sentence without what it quotes of a value."""
    text = _NAMED_BY_TARGET.sub(rf"\1{HIDDEN}", text)
    return hidden(_QUOTED.sub(f"‘{HIDDEN}’", text))


def is_personal_path(path: str) -> bool:
    """Say whether a field path such as "shippingAddress.zip" is personal."""
    *above, last = [_plain(part) for part in re.split(r"[.\[\]]+", path) if part] or [
        ""
    ]
    if _ALWAYS.search(last):
        return True
    about = any(_ABOUT_A_PERSON.search(part) for part in above)
    return about and not _STAYS.search(last) and not last.isdecimal()


def hidden(text: str, places: Collection[str] = ()) -> str:
    """Return a text with everything personal in it hidden, and what is at `places`."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _in_json(text, places)
        except (ValueError, RecursionError):  # cut off in the middle, for instance
            return _by_shape(text, places, names=True)
    head, gap, body = text.partition("\n\n")
    if body.lstrip()[:1] in ("{", "["):
        return _by_shape(head) + gap + hidden(body, places)
    return _by_shape(text, places)


def _in_json(text: str, places: Collection[str]) -> str:
    found = simplejson.loads(text, use_decimal=True)
    tree = hidden_tree(hidden_at(found, places) if places else found)
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


def hidden_at(tree: Any, places: Collection[str], at: str = "") -> Any:
    """Hide what stands at these paths, written without places in lists."""
    if at and at in places:
        return _emptied(tree)
    if isinstance(tree, Mapping):
        start = f"{at}." if at else ""
        return {
            key: hidden_at(each, places, f"{start}{key}") for key, each in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [hidden_at(each, places, at) for each in tree]
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


def _by_shape(text: str, places: Collection[str] = (), *, names: bool = False) -> str:
    """Hide what a key or its own shape gives away; `names` hides any name as well.

    In a text that is cut off nobody can tell the name of a person from another, nor
    the place of a key: there the last name of each place hides all of that name.
    """
    keys = [_ALWAYS, *([_A_NAME] if names else []), *_last_names(places)]
    for pattern in (_PAIR, _TAG, _FORM):
        text = pattern.sub(partial(_named, keys), text)
    return _PHONE.sub(HIDDEN, _E_MAIL.sub(HIDDEN, text))


def _last_names(places: Collection[str]) -> Iterator[re.Pattern[str]]:
    last = sorted({_plain(place.rpartition(".")[2]) for place in places} - {""})
    if last:
        yield re.compile(rf"^(?:{'|'.join(last)})$")


def _named(keys: Sequence[re.Pattern[str]], match: re.Match[str]) -> str:
    start, key, value = match.group(1, 2, 3)
    if not any(each.search(_plain(key)) for each in keys):
        return match.group(0)
    return f'{start}"{HIDDEN}"' if value.startswith('"') else f"{start}{HIDDEN}"


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())
