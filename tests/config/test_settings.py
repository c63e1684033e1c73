import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.env import own_key


def test_a_laptop_makes_its_key_once_and_keeps_it(tmp_path, monkeypatch):
    monkeypatch.delenv("WAYBILL_FIELD_KEYS", raising=False)
    first = own_key("WAYBILL_FIELD_KEYS", tmp_path, production=False)
    assert own_key("WAYBILL_FIELD_KEYS", tmp_path, production=False) == first
    assert (tmp_path / "waybill_field_keys.key").stat().st_mode & 0o077 == 0


def test_production_refuses_to_start_without_its_own_key(tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        own_key("SECRET_KEY", tmp_path, production=True)


def test_the_queue_waits_longer_than_any_task_may_take():
    queue = settings.Q_CLUSTER
    assert queue["timeout"] > settings.DRAIN_SECONDS + settings.CALL_TIMEOUT_SECONDS
    in_line = -(-(queue["queue_limit"] + 1) // queue["workers"])
    assert queue["retry"] >= queue["timeout"] * (1 + in_line) + 15
    assert queue["ack_failures"] and queue["max_attempts"] == 1


def test_hooks_may_be_larger_than_djangos_own_limit():
    assert settings.HOOK_BODY_LIMIT == 10 * 1024 * 1024
