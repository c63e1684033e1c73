import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from page_builders import in_group

from integrations.models import Connection
from integrations.sync import accounts

SECRET = "s3cret-canary-value"


def page_of(connection):
    return reverse("admin:integrations_connection_change", args=[connection.pk])


@pytest.fixture
def with_secret(netsuite):
    accounts.set_credential(netsuite, "client_id", SECRET, None)
    return netsuite


def test_operators_see_a_connection_but_no_credentials(operator, with_secret):
    page = operator.get(page_of(with_secret)).content.decode()
    assert "123456" in page
    assert "credential_" not in page
    assert SECRET not in page
    assert "Check connection" not in page


def test_operators_change_neither_connection_nor_credentials(operator, with_secret):
    before = with_secret.credentials.get().sealed
    answer = operator.post(
        page_of(with_secret),
        {"name": "Mine", "credential_client_id": "mine", "namespace": "mine"},
    )
    assert answer.status_code == 403
    assert Connection.objects.get().name == "Books"
    assert with_secret.credentials.get().sealed == before


@pytest.mark.parametrize("verb", ["check", "pause", "resume"])
def test_operators_may_press_no_button_of_a_connection(operator, netsuite, verb):
    address = reverse(f"admin:integrations_connection_{verb}", args=[netsuite.pk])
    assert operator.post(address, {"reason": "because"}).status_code == 403
    netsuite.refresh_from_db()
    assert netsuite.is_ready


def test_operators_may_not_publish_mappings_nor_turn_flows(operator, flow):
    changes = Permission.objects.filter(group__name="Operators").values_list(
        "codename", flat=True
    )
    assert "publish_mappingversion" not in changes
    address = reverse("admin:integrations_flow_changelist")
    operator.post(address, {"action": "turn_off", "_selected_action": [flow.pk]})
    flow.refresh_from_db()
    assert flow.is_enabled


def test_without_the_permission_the_credentials_section_is_absent(client, with_secret):
    carl = in_group("carl", "Integration admins")
    group = Group.objects.get(name="Integration admins")
    group.permissions.remove(Permission.objects.get(codename="change_credentials"))
    client.force_login(carl)
    page = client.get(page_of(with_secret)).content.decode()
    assert 'name="namespace"' in page
    assert "credential_" not in page
    fields = {
        "name": "Books",
        "slug": "books",
        "environment": "sandbox",
        "account_id": "123456",
        "api_version": "v1",
        "namespace": "netsuite-123456",
        "auth_method": "modern",
        "allowance": "7",
        "reserve": "1",
        "option_tax_mode": "legacy",
        "credential_client_id": "mine",
        "forget_credentials": ["client_id"],
    }
    client.post(page_of(with_secret), fields)
    with_secret.refresh_from_db()
    assert with_secret.allowance == 7
    assert with_secret.credentials.get().open().reveal() == SECRET


def test_machine_made_rows_can_be_neither_added_nor_changed(admin_client, record):
    for model in ("syncrecord", "attempt", "inboxevent", "slot", "link"):
        add = reverse(f"admin:integrations_{model}_add")
        assert admin_client.get(add).status_code == 403
    change = reverse("admin:integrations_syncrecord_change", args=[record.pk])
    assert admin_client.post(change, {"label": "mine"}).status_code == 403
    record.refresh_from_db()
    assert record.label == "#1001"


def test_nobody_is_let_in_without_a_log_in(client, record, netsuite, version):
    for name, pk in (
        ("integrations_syncrecord_edit", record.pk),
        ("integrations_syncrecord_try", record.pk),
        ("integrations_connection_check", netsuite.pk),
        ("integrations_preview", version.pk),
    ):
        answer = client.get(reverse(f"admin:{name}", args=[pk]))
        assert answer.status_code == 302
        assert "/login/" in answer.url


def test_integration_admins_neither_edit_nor_retry_records(integrator, failed):
    edit = reverse("admin:integrations_syncrecord_edit", args=[failed.pk])
    again = reverse("admin:integrations_syncrecord_try", args=[failed.pk])
    assert integrator.get(edit).status_code == 403
    assert integrator.post(again).status_code == 403
    page = reverse("admin:integrations_syncrecord_change", args=[failed.pk])
    assert "Edit and retry" not in integrator.get(page).content.decode()


def test_finance_reviewers_preview_what_they_sign_and_see_no_address(
    client, version, failed
):
    client.force_login(in_group("fay", "Finance reviewers"))
    address = reverse("admin:integrations_preview", args=[version.pk])
    answer = client.get(address, {"record": failed.pk})
    assert answer.status_code == 200
    email = failed.source["email"]
    assert email and email not in answer.content.decode()


def test_f91_a_right_that_is_taken_away_ends_at_once(operator, failed):
    address = reverse("admin:integrations_syncrecord_edit", args=[failed.pk])
    assert operator.get(address).status_code == 200
    Group.objects.get(name="Operators").permissions.clear()
    assert operator.get(address).status_code == 403
