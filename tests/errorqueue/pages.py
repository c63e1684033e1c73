"""Addresses and the readable text of the error queue's pages."""

import html
import re

LIST = "/admin/errorqueue/failedrecord/"
ACTIONS = "/admin/errorqueue/action/"
ALERTS = "/admin/errorqueue/alert/"


def page_of(line, name="") -> str:
    return f"{LIST}{line.pk}/{name}"


def text_of(response) -> str:
    """Return what a person reads on a page, with single blanks."""
    bare = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(bare).split())


def rows_of(response) -> list[int]:
    """Return the ids of the lines on a list, in their order."""
    found = re.findall(
        r'name="_selected_action" value="(\d+)"', response.content.decode()
    )
    return [int(pk) for pk in found]
