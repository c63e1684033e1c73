from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from errorqueue import tokens
from errorqueue.clock import database_time
from errorqueue.models import ApiToken, FailedRecord
from tests.errorqueue.api.conftest import ALL, Program

LIST = "/api/v1/failed-records/"


def call(plain, scheme="Bearer"):
    return Client(headers={"authorization": f"{scheme} {plain}"}).get(LIST)


def test_only_the_digest_of_a_token_is_kept(program):
    kept = ApiToken.objects.values().get()
    assert program.plain.startswith("wb_") and len(program.plain) > 40
    assert not any(program.plain in str(value) for value in kept.values())
    assert kept["hint"] == program.plain[-4:]


def test_a_token_opens_what_its_person_may_see(program, make_line):
    make_line()
    assert call(program.plain).status_code == 200
    assert call(program.plain, "bearer").status_code == 200


@pytest.mark.parametrize("change", ["revoked", "expired", "inactive", "no_staff"])
def test_a_token_that_is_not_in_force_is_refused(program, paula, change):
    token = ApiToken.objects.get()
    if change == "revoked":
        assert tokens.revoke(token) and not tokens.revoke(token)
    elif change == "expired":
        ApiToken.objects.update(expires_at=database_time() - timedelta(seconds=1))
    elif change == "inactive":
        User.objects.filter(pk=paula.pk).update(is_active=False)
    else:
        User.objects.filter(pk=paula.pk).update(is_staff=False)
    answer = call(program.plain)
    assert answer.status_code == (403 if change == "no_staff" else 401)
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("plain", ["", "wb_", "wb_unknown", "a b", "wb_\u00e9"])
def test_another_text_is_no_token(db, plain):
    header = f"Bearer {plain}".encode().decode("latin-1")
    answer = Client(headers={"authorization": header}).get(LIST)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert "API tokens" in answer.json()["detail"] or "Write the header" in str(
        answer.json()
    )


def test_nobody_is_let_in_without_a_log_in(db, make_line):
    line = make_line()
    for path in ("", f"{line.pk}/"):
        assert Client().get(LIST + path).status_code == 401
    assert Client().post(f"{LIST}{line.pk}/retry/").status_code == 401
    assert FailedRecord.objects.get().status == "failed"


def test_a_session_works_too_and_needs_its_csrf_token(operator, olga, make_line):
    line = make_line()
    assert operator.get(LIST).status_code == 200
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(olga)
    answer = strict.post(f"{LIST}{line.pk}/retry/", {}, "application/json")
    assert answer.status_code == 403
    assert FailedRecord.objects.get().status == "failed"


VERBS = {
    "retry": ("retry", {}),
    "preflight": ("retry", {}),
    "resolve": ("resolve", {"reason": "x"}),
    "exclude": ("exclude", {"reason": "x"}),
    "assign": ("assign", {"assignee": None}),
    "snooze": ("assign", {"until": None}),
    "comment": ("assign", {"text": "x"}),
}


@pytest.mark.parametrize("verb", VERBS)
def test_f91_each_verb_takes_the_right_that_its_button_takes(
    make_person, make_line, bench, verb
):
    right, body = VERBS[verb]
    others = [one for one in ALL if one != right]
    line = make_line()
    refused = Program(make_person("nora", *others)).post(
        f"failed-records/{line.pk}/{verb}/", body
    )
    assert refused.status_code == 403
    assert f"{right}_failedrecord" in refused.json()["detail"]
    line.refresh_from_db()
    assert line.status == "failed" and not line.actions.exists()
    allowed = Program(make_person("yara", "view", right)).post(
        f"failed-records/{line.pk}/{verb}/", body
    )
    assert allowed.status_code == 200, allowed.content


def test_f91_without_the_right_to_see_nothing_is_shown(make_person, make_line):
    line = make_line()
    blind = Program(make_person("bea", "retry"))
    assert blind.get("failed-records/").status_code == 403
    assert blind.get(f"failed-records/{line.pk}/").status_code == 403
    assert blind.post(f"failed-records/{line.pk}/retry/").status_code == 403


def test_f91_a_right_taken_away_counts_from_the_next_call(program, make_line):
    line = make_line()
    program.person.user_permissions.clear()
    assert program.post(f"failed-records/{line.pk}/retry/").status_code == 403


def test_the_use_of_a_token_is_noted_once_a_minute(program, django_assert_num_queries):
    call(program.plain)
    first = ApiToken.objects.get().used_at
    assert first is not None
    call(program.plain)
    assert ApiToken.objects.get().used_at == first
    ApiToken.objects.update(used_at=first - timedelta(seconds=61))
    call(program.plain)
    assert ApiToken.objects.get().used_at > first - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("name", "days"), [("", 1), ("  ", 1), ("old", -1), ("long", 9000)]
)
def test_a_token_that_makes_no_sense_is_not_made(paula, name, days):
    with pytest.raises(tokens.NotMakeable):
        tokens.make(paula, name, database_time() + timedelta(days=days))
    assert not ApiToken.objects.exists()


def test_two_tokens_of_a_person_have_two_names(program, paula, make_person):
    with pytest.raises(tokens.NotMakeable, match="already"):
        tokens.make(paula, "ci")
    tokens.make(make_person("other"), "ci")
    assert ApiToken.objects.count() == 2


def test_too_many_calls_are_told_how_long_to_wait(program, settings, make_line):
    settings.API_RATES = {"read": "3/min", "write": "1/min", "heavy": "1/min"}
    line = make_line()
    assert [call(program.plain).status_code for _ in range(4)] == [200, 200, 200, 429]
    late = call(program.plain)
    assert 0 < int(late["Retry-After"]) <= 60
    assert late.json()["code"] == "throttled"
    assert program.post(f"failed-records/{line.pk}/retry/").status_code == 200
    other = tokens.make(program.person, "another")
    assert call(other).status_code == 200
