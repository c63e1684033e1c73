"""Addresses that differ by the number of a row only."""

from collections.abc import Callable

from django.urls import reverse

# Tells the address of a page, given the number of the row it is about.
Address = Callable[[int], str]


def numbered(name: str, kept: str = "") -> Address:
    """Look up an address once for all rows of a page.

    `kept` is put behind the question mark. Raises NoReverseMatch.
    """
    head, _, tail = reverse(name, args=[0]).rpartition("/0/")
    asked = f"?{kept}" if kept else ""
    return lambda pk: f"{head}/{pk}/{tail}{asked}"
