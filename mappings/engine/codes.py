"""Transforms to the codes of countries (ISO 3166) and currencies (ISO 4217)."""

import re
from functools import lru_cache
from typing import Any

import pycountry

from mappings.engine.errors import Unfit
from mappings.engine.values import is_empty, text_of

# In daily use with shops and vendors, but without an ISO entry of its own.
_USER_ASSIGNED = {"XK": "XK", "KOSOVO": "XK"}
_CODE = re.compile(r"[A-Z0-9]{1,3}")
# The tables are read from their files when first asked. That is done here, once per
# process, so that no expression pays for it out of its own short time.
for _table in (pycountry.countries, pycountry.subdivisions, pycountry.currencies):
    len(_table)


@lru_cache(maxsize=512)
def country_code(text: str) -> str:
    """Return the two letters of a country given by code or English name."""
    wanted = text.strip()
    if wanted.upper() in _USER_ASSIGNED:
        return _USER_ASSIGNED[wanted.upper()]
    try:
        return str(pycountry.countries.lookup(wanted).alpha_2)
    except LookupError as error:
        raise Unfit(
            f"{text!r} is not a country",
            "Use the two-letter code, as US or DE.",
        ) from error


def country_name(text: str) -> str:
    """Return the English name of a country given by code or name."""
    code = country_code(text)
    if code == "XK":
        return "Kosovo"
    return str(pycountry.countries.lookup(code).name)


def state_name(value: Any, country: str) -> str | None:
    """Return the name of a state given by code or name, as `state_code` takes them."""
    state, where = _state_and_country(value, country)
    if not state:
        return None
    land = country_code(where) if where else ""
    code = state_code([state, where], "")
    name = _by_code(f"{land}-{code}") if land else ""
    if not name:
        raise Unfit(
            f"{state!r} is not a state or province" + (f" of {land}" if land else ""),
            "Give the country too, and a state as KY or ON.",
        )
    return name


def state_code(value: Any, country: str) -> str | None:
    """Return the code of a state given by code or name.

    `value` is the state, or a list of state and country. A code passes as it is:
    shops and ISO do not agree on the codes of every country.
    """
    state, where = _state_and_country(value, country)
    if not state:
        return None
    if _CODE.fullmatch(state):
        return state
    land = country_code(where) if where else ""
    code = _by_name(land, state.casefold())
    if code:
        return code
    prefixed = re.fullmatch(rf"{land}-([A-Z0-9]{{1,3}})", state) if land else None
    if prefixed:
        return prefixed[1]
    raise Unfit(
        f"{state!r} is not a state or province" + (f" of {land}" if land else ""),
        "Use the code of the state, as KY or ON.",
    )


def _state_and_country(value: Any, country: str) -> tuple[str, str]:
    if not isinstance(value, list):
        return text_of(value).strip(), country
    texts = ["" if is_empty(one) else text_of(one).strip() for one in value[:2]]
    state, where = (*texts, "", "")[:2]
    return state, where or country


@lru_cache(maxsize=1024)
def _by_name(land: str, name: str) -> str:
    for division in pycountry.subdivisions:
        if division.country_code != land:
            continue
        if division.name.casefold() == name:
            return str(division.code).partition("-")[2]
    return ""


@lru_cache(maxsize=1024)
def _by_code(code: str) -> str:
    names = (one.name for one in pycountry.subdivisions if one.code == code)
    return str(next(names, ""))


@lru_cache(maxsize=256)
def currency_code(text: str) -> str:
    """Return the three letters of a currency in capitals."""
    wanted = text.strip().upper()
    if pycountry.currencies.get(alpha_3=wanted) is None:
        raise Unfit(f"{text!r} is not a currency code", "Use a code as USD or EUR.")
    return wanted
