import re

import pytest
from django.test import Client

from errorqueue import services
from tests.errorqueue.conftest import flow, make_line, make_record

__all__ = ["flow", "make_line", "make_record"]

PAGES = [
    "/admin/",
    "/admin/errorqueue/failedrecord/",
    "/admin/errorqueue/failedrecord/{pk}/change/",
    "/admin/errorqueue/failedrecord/{pk}/exclude/",
    "/admin/errorqueue/action/",
    "/admin/errorqueue/alert/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/password_change/",
]


@pytest.fixture
def line(make_line, admin_user):
    line = make_line()
    services.note_edit(line, admin_user, "phone", "a", "b")
    return line


@pytest.fixture(params=PAGES)
def page(request, admin_client, line):
    answer = admin_client.get(request.param.format(pk=line.pk))
    assert answer.status_code == 200
    return answer


def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(page):
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_pages_need_nothing_that_the_policy_forbids(page):
    body = page.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", body)
    assert not re.search(r"<style\b|\sstyle=|\son\w+=\"", body)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", body)


def test_pages_keep_the_skip_link_and_name_their_parts(page):
    body = page.content.decode()
    assert 'href="#content-start" class="skip-to-content-link"' in body
    assert 'id="content-start"' in body
    assert '<html lang="en-gb"' in body
    assert body.count("<h1") == 1


def test_pages_fit_a_phone_and_carry_the_mark(page):
    body = page.content.decode()
    assert 'name="viewport" content="width=device-width' in body
    assert "console/mark.svg" in body
    title = re.search(r"<title>(.*?)</title>", body, re.DOTALL)
    assert title and title[1].strip().endswith("· Waybill")


def test_ids_are_unique_on_every_page(page):
    ids = re.findall(r"\sid=\"([^\"]+)\"", page.content.decode())
    assert sorted(ids) == sorted(set(ids))


def test_the_log_in_page_wears_the_skin(db):
    body = Client().get("/admin/login/").content.decode()
    assert "Log in to Waybill" in body
    assert "console/login.css" in body
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", body)
