"""Webhooks reach the open network and nothing inside ours."""

import socket
import time

import pytest

from errorqueue import outgoing
from errorqueue.outgoing import NotAllowed, NotTaken, check_url, is_public, post
from tests.errorqueue.listener import Listener


@pytest.fixture
def listener(settings):
    with Listener() as running:
        settings.EXTRA_WEBHOOK_HOSTS = ["127.0.0.1"]
        yield running


@pytest.fixture
def names(monkeypatch):
    """Names and the addresses they have; a list is used up, one look after another."""
    known = {}
    real = socket.getaddrinfo

    def look_up(host, port, *rest, **more):
        if host not in known:
            return real(host, port, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host].pop(0), port))]

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_what_is_inside_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "8.8.8.8"])
def test_what_everybody_reaches_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "//example.com/",
        "https://user:word@example.com/",
        "https://user@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: inside",
        "https://münchen.example/",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url):
    with pytest.raises(NotAllowed, match="^URL: "):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_an_address_inside_is_refused_however_it_is_written(url, settings):
    settings.EXTRA_WEBHOOK_HOSTS = []
    with pytest.raises(NotAllowed, match="WAYBILL_EXTRA_WEBHOOK_HOSTS"):
        check_url(url)
    with pytest.raises(NotAllowed):
        post(url, b"{}", {})


def test_a_name_that_leads_inside_is_refused(names, settings):
    settings.EXTRA_WEBHOOK_HOSTS = []
    names["inside.example"] = ["10.0.0.5"]
    with pytest.raises(NotAllowed, match=r"inside\.example"):
        check_url("https://inside.example/")


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    names, listener, settings
):
    """A name that answers otherwise the second time leads nowhere else."""
    settings.EXTRA_WEBHOOK_HOSTS = ["hooks.example"]
    names["hooks.example"] = ["127.0.0.1"]
    assert post(f"http://hooks.example:{listener.port}/x?y=1", b"{}", {}) == 200
    assert names["hooks.example"] == []
    assert listener.heard[0].headers["Host"] == f"hooks.example:{listener.port}"


def test_in_production_only_https_leaves(settings):
    settings.PRODUCTION = True
    with pytest.raises(NotAllowed, match="https"):
        check_url("http://93.184.216.34/")
    check_url("https://93.184.216.34/")


def test_a_host_is_listed_with_its_port_or_without(settings):
    settings.EXTRA_WEBHOOK_HOSTS = ["127.0.0.1:8025"]
    check_url("http://127.0.0.1:8025/")
    with pytest.raises(NotAllowed):
        check_url("http://127.0.0.1:8026/")


def test_f36_a_redirect_is_not_followed(listener):
    listener.status, listener.location = 302, listener.url
    with pytest.raises(NotTaken, match="redirects are not followed"):
        post(listener.url, b"{}", {})
    assert len(listener.heard) == 1


def test_a_bad_answer_is_kept_short(listener):
    listener.status, listener.text = 500, b"oh dear\n" * 100_000
    with pytest.raises(NotTaken) as refused:
        post(listener.url, b"{}", {})
    assert refused.value.status == 500
    assert "oh dear oh dear" in str(refused.value) and len(str(refused.value)) <= 300


def test_f31_an_answer_that_drips_ends_in_time(listener, monkeypatch):
    monkeypatch.setattr(outgoing, "WHOLE_SECONDS", 0.5)
    listener.drips = True
    began = time.monotonic()
    with pytest.raises(NotTaken, match="no answer"):
        post(listener.url, b"{}", {})
    assert time.monotonic() - began < 5


def test_nobody_there_is_said_in_words(settings):
    settings.EXTRA_WEBHOOK_HOSTS = ["127.0.0.1", "nowhere.invalid"]
    with pytest.raises(NotTaken, match=r"127\.0\.0\.1 cannot be reached"):
        post("http://127.0.0.1:9/", b"{}", {})
    with pytest.raises(NotTaken, match=r"nowhere\.invalid cannot be found"):
        post("http://nowhere.invalid/", b"{}", {})


def test_f35_a_certificate_that_does_not_prove_the_name_is_refused(listener):
    with pytest.raises(NotTaken):
        post(listener.url.replace("http:", "https:"), b"{}", {})
    assert listener.heard == []
