"""Where the parts of the error queue enter the addresses of their pages.

A part adds what stands under the list's own address; what is added here goes
before Django's pages, so that no id is ever read as a name.
"""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern

# Given the admin of failed records, a part returns its addresses.
Maker = Callable[[Any], list[URLPattern]]

_makers: list[Maker] = []


def add(maker: Maker) -> Maker:
    """Enter the addresses of one part; can be used as a decorator."""
    _makers.append(maker)
    return maker


def of(model_admin: Any) -> list[URLPattern]:
    """Return the addresses of every part."""
    return [found for maker in _makers for found in maker(model_admin)]
