"""Whoever may not see personal fields reads none on any page of a line."""

import json

from errorqueue import services
from errorqueue.failures import FieldProblem
from errorqueue.models import FailedRecord
from tests.errorqueue.conftest import failure
from tests.errorqueue.pages import page_of

SECRETS = ("jane@example.com", "+44 20 7946 0018", "10 Downing Street")
SOURCE = {
    "name": "#1042",
    "email": "jane@example.com",
    "shipping_address": {"address1": "10 Downing Street", "phone": "+44 20 7946 0018"},
}


def test_f92_personal_fields_are_hidden_on_the_page_and_beside_each_other(
    auditor, operator, make_line, add_try, bench, olga
):
    line = make_line(source=SOURCE)
    exchange = {"method": "PUT", "url": "u?email=jane@example.com", "request": SOURCE}
    for number in (1, 2):
        add_try(line, number, payload=SOURCE, exchanges=[exchange | {"status": 400}])
    services.note_edit(line, olga, "asked", json.dumps(SOURCE, indent=1), "{}")
    wrong = FieldProblem(source="email", value="jane@example.com", rule="is no e-mail")
    failed = failure(
        why="NetSuite does not take jane@example.com.",
        raw='{"detail": "jane@example.com"}',
        problems=(wrong,),
    )
    services.capture(line.subject, line.subject.labels(), failed)
    FailedRecord.objects.update(
        preflight="red", preflight_note="Refuses jane@example.com."
    )
    for page in ("change/", "compare/"):
        hidden = auditor.get(page_of(line, page)).content.decode()
        shown = operator.get(page_of(line, page)).content.decode()
        for secret in SECRETS:
            assert secret not in hidden, (page, secret)
            assert secret in shown, (page, secret)
        assert "•••" in hidden
