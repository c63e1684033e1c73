"""No address of the console answers a number that nobody gave with an error page."""

import re

import pytest
from django.contrib import admin
from django.urls import URLPattern, URLResolver

# A word, a row that is not there, and more than a column holds.
STRANGE = ("abc", "999999999999", "9" * 30)
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# Where Django's own admin leads back to its list, with a message.
DJANGO = re.compile(r"<path:object_id>/(change|delete|history)/$|<id>/password/$")


def _addresses(patterns, start="/admin/"):
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _addresses(one.url_patterns, start + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield start + str(one.pattern)


def _with_parameters():
    found = _addresses(admin.site.get_urls())
    return sorted({one for one in found if PARAMETER.search(one)})


ADDRESSES = [one for one in _with_parameters() if "(?P<" not in one]


def test_there_are_custom_pages_to_try():
    assert len([one for one in ADDRESSES if not DJANGO.search(one)]) > 60


@pytest.mark.parametrize("number", STRANGE)
def test_a_number_that_nobody_gave_is_not_found(admin_client, number):
    wrong = [one for one in ADDRESSES if not _is_answered(admin_client, one, number)]
    assert wrong == []


def _is_answered(client, address, number):
    """Say whether a page is not found, in our words, however it is asked."""
    asked = PARAMETER.sub(number, address)
    allowed = {302, 403, 404, 405} if DJANGO.search(address) else {403, 404, 405}
    answers = [client.get(asked), client.post(asked)]
    return {one.status_code for one in answers} <= allowed and all(
        "There is no such page" in one.content.decode()
        for one in answers
        if one.status_code == 404 and one.headers["Content-Type"].startswith("text")
    )
