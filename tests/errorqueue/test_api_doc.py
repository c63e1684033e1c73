"""What docs/api.md says is so."""

import re
import time
from pathlib import Path

from errorqueue.api import problems
from errorqueue.api.page import document
from errorqueue.signing import signature

TEXT = (Path(__file__).parents[2] / "docs/api.md").read_text()


def test_the_way_to_verify_a_signature_works_as_it_is_printed():
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", TEXT, re.S)[1], names)
    check, body, now = names["is_from_waybill"], b'{"id": "ntc_1"}', int(time.time())
    header = signature(["whsec_new", "whsec_old"], now, body)
    assert check(header, body, "whsec_new") and check(header, body, "whsec_old")
    assert not check(header, body, "whsec_other")
    assert not check(header, body + b" ", "whsec_new")
    assert not check(signature(["whsec_new"], now - 900, body), body, "whsec_new")


def test_every_address_that_is_printed_exists():
    known = document()["paths"]
    printed = re.findall(r"https://waybill\.example\.com(/api/v1/\S+)", TEXT)
    assert len(printed) > 6
    for address in printed:
        assert re.sub(r"/\d+/", "/{id}/", address) in known


def test_every_code_of_a_conflict_is_told():
    for _, code, _ in problems.CONFLICTS:
        assert f"`{code}`" in TEXT
