import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from errorqueue.clock import database_time
from integrations.admin import connection_forms
from integrations.connectors.base import CheckLine, CheckResult
from integrations.models import CachedLookup, Connection, Link, Slot
from integrations.sync import accounts

SECRET = "s3cret-canary-value"
LIST = reverse("admin:integrations_connection_changelist")


def page_of(connection):
    return reverse("admin:integrations_connection_change", args=[connection.pk])


def button(connection, verb):
    return reverse(f"admin:integrations_connection_{verb}", args=[connection.pk])


def entries(connection, **changes):
    fields = {
        "name": connection.name,
        "slug": connection.slug,
        "environment": "sandbox",
        "account_id": connection.account_id,
        "base_url": "",
        "api_version": "v1",
        "namespace": connection.namespace,
        "auth_method": "modern",
        "allowance": "5",
        "reserve": "1",
        "option_tax_mode": "legacy",
    }
    return fields | changes


def test_adding_asks_for_the_account_first_and_fills_in_the_rest(integrator):
    answer = integrator.post(
        reverse("admin:integrations_connection_add"),
        {
            "name": "New books",
            "slug": "new-books",
            "system": "netsuite",
            "environment": "sandbox",
            "account_id": "777",
        },
    )
    made = Connection.objects.get()
    assert answer.url == page_of(made)
    assert (made.api_version, made.auth_method) == ("v1", "modern")
    assert made.namespace == "netsuite-777"


def test_a_wrong_account_id_is_refused_in_the_connectors_words(integrator):
    answer = integrator.post(
        reverse("admin:integrations_connection_add"),
        {
            "name": "New books",
            "slug": "new-books",
            "system": "netsuite",
            "environment": "sandbox",
            "account_id": "no such!",
        },
    )
    assert "Write capitals and digits." in answer.content.decode()
    assert not Connection.objects.exists()


def test_options_are_real_fields_and_are_saved(integrator, netsuite):
    page = integrator.get(page_of(netsuite)).content.decode()
    assert 'name="option_tax_mode"' in page
    assert 'name="options"' not in page
    integrator.post(page_of(netsuite), entries(netsuite, option_tax_mode="suitetax"))
    netsuite.refresh_from_db()
    assert netsuite.options == {"tax_mode": "suitetax", "subsidiary": ""}


def test_only_the_chosen_way_to_log_in_warns(integrator, netsuite):
    page = integrator.get(page_of(netsuite)).content.decode()
    assert 'class="caution"' not in page
    warning = "Token-Based Authentication: No new ones from release 2027.1."
    assert f'<span class="quiet-line">{warning}</span>' in page
    Connection.objects.update(auth_method="legacy")
    page = integrator.get(page_of(netsuite)).content.decode()
    assert f'<span class="caution">{warning}</span>' in page


def test_secrets_to_forget_are_named_like_their_boxes(integrator, netsuite, admin_user):
    for name in ("private_key", "token", "webhook_secret_previous"):
        accounts.set_credential(netsuite, name, SECRET, admin_user)
    answer = integrator.get(page_of(netsuite))
    choices = answer.context["adminform"].form.fields["forget_credentials"].choices
    assert dict(choices) == {
        "private_key": "Private key",
        "token": "Token",
        "webhook_secret_previous": "Webhook secret, the previous one",
    }


def test_a_page_is_headed_by_the_name_of_what_it_shows(integrator, netsuite):
    page = integrator.get(page_of(netsuite)).content.decode()
    assert "<h1>Books</h1>" in page
    assert "Change connection" not in page


@pytest.fixture
def looked_up(netsuite):
    return CachedLookup.objects.create(
        connection=netsuite,
        record="item",
        by="itemId",
        value="TEA",
        target_id="7",
        label="Tea",
        found_at=database_time(),
    )


def test_a_refreshed_sandbox_forgets_its_ids(integrator, netsuite, looked_up):
    assert "Sandbox was refreshed" in integrator.get(page_of(netsuite)).content.decode()
    integrator.post(button(netsuite, "refreshed"), {"confirm": "Books"})
    netsuite.refresh_from_db()
    assert netsuite.state == Connection.State.REFRESHED
    assert not CachedLookup.objects.exists()
    assert LogEntry.objects.get().change_message == "Sandbox was refreshed."
    steps = reverse(
        "admin:integrations_refresh_change", args=[netsuite.refreshes.get().pk]
    )
    assert f'href="{steps}"' in integrator.get(page_of(netsuite)).content.decode()


@pytest.mark.parametrize(
    ("environment", "confirm"), [("sandbox", "Book"), ("production", "Books")]
)
def test_without_its_name_or_in_production_nothing_is_forgotten(
    integrator, netsuite, looked_up, environment, confirm
):
    Connection.objects.update(environment=environment)
    integrator.post(button(netsuite, "refreshed"), {"confirm": confirm})
    netsuite.refresh_from_db()
    assert netsuite.is_ready
    assert CachedLookup.objects.exists()


def test_a_production_account_offers_no_refresh(integrator, netsuite):
    Connection.objects.update(environment="production")
    page = integrator.get(page_of(netsuite)).content.decode()
    assert "Sandbox was refreshed" not in page


def test_who_may_not_pause_may_not_mark_a_refresh(client, netsuite, django_user_model):
    client.force_login(django_user_model.objects.create_user("stan", is_staff=True))
    answer = client.post(button(netsuite, "refreshed"), {"confirm": "Books"})
    assert answer.status_code == 403


def test_f100_a_saved_secret_never_comes_back_on_any_page(integrator, netsuite):
    answer = integrator.post(
        page_of(netsuite),
        entries(netsuite, credential_client_id=SECRET, credential_private_key=SECRET),
        follow=True,
    )
    opened = netsuite.credentials.get(name="private_key").open()
    assert opened.reveal() == SECRET
    history = reverse("admin:integrations_connection_history", args=[netsuite.pk])
    pages = [answer, integrator.get(page_of(netsuite)), integrator.get(LIST)]
    pages += [integrator.get(history), integrator.post(button(netsuite, "check"))]
    for page in pages:
        assert page.status_code == 200
        assert SECRET not in page.content.decode()
    assert not LogEntry.objects.filter(change_message__contains=SECRET).exists()


def test_f100_a_form_with_errors_does_not_draw_the_secret_again(integrator, netsuite):
    answer = integrator.post(
        page_of(netsuite),
        entries(
            netsuite,
            namespace="no such name!",
            credential_client_id=SECRET,
            credential_private_key=SECRET,
        ),
    )
    assert "External ids may have" in answer.content.decode()
    assert SECRET not in answer.content.decode()
    assert not netsuite.credentials.exists()


def test_the_page_says_when_and_by_whom_a_secret_was_set(integrator, netsuite):
    integrator.post(page_of(netsuite), entries(netsuite, credential_client_id=SECRET))
    page = integrator.get(page_of(netsuite)).content.decode()
    assert "by anna" in page
    assert "not set" in page


def test_blank_boxes_leave_credentials_unchanged(integrator, netsuite):
    integrator.post(page_of(netsuite), entries(netsuite, credential_client_id=SECRET))
    before = netsuite.credentials.get().sealed
    integrator.post(page_of(netsuite), entries(netsuite, credential_client_id=""))
    assert netsuite.credentials.get().sealed == before


def test_ticked_secrets_are_forgotten(integrator, netsuite):
    integrator.post(page_of(netsuite), entries(netsuite, credential_client_id=SECRET))
    integrator.post(
        page_of(netsuite), entries(netsuite, forget_credentials=["client_id"])
    )
    assert not netsuite.credentials.exists()


def test_another_way_to_log_in_asks_for_its_own_credentials(integrator, netsuite):
    answer = integrator.post(
        page_of(netsuite), entries(netsuite, auth_method="legacy"), follow=True
    )
    page = answer.content.decode()
    assert "Not set yet: Token." in page
    assert 'name="credential_token"' in page
    assert 'name="credential_private_key"' not in page


def test_namespace_is_fixed_once_something_was_recorded(integrator, netsuite, record):
    page = integrator.get(page_of(netsuite)).content.decode()
    assert 'name="namespace"' not in page
    integrator.post(page_of(netsuite), entries(netsuite, namespace="other"))
    netsuite.refresh_from_db()
    assert netsuite.namespace == "netsuite-123456"


def test_an_account_of_running_flows_keeps_its_environment(integrator, netsuite, flow):
    live = entries(netsuite, environment="production")
    page = integrator.post(page_of(netsuite), live).content.decode()
    netsuite.refresh_from_db()
    assert netsuite.environment == "sandbox"
    assert f"Flows that are on use it as a sandbox account: {flow}" in page
    type(flow).objects.update(is_enabled=False)
    integrator.post(page_of(netsuite), live)
    netsuite.refresh_from_db()
    assert netsuite.environment == "production"
    chosen = {"action": "turn_on", "_selected_action": [flow.pk]}
    flows = reverse("admin:integrations_flow_changelist")
    answer = integrator.post(flows, chosen, follow=True).content.decode()
    assert "only what is signed reaches production" in answer
    flow.refresh_from_db()
    assert not flow.is_enabled


def test_a_flow_whose_source_became_another_environment_stays_off(
    integrator, shop, flow
):
    type(flow).objects.update(is_enabled=False)
    Connection.objects.filter(pk=shop.pk).update(environment="production")
    chosen = {"action": "turn_on", "_selected_action": [flow.pk]}
    flows = reverse("admin:integrations_flow_changelist")
    answer = integrator.post(flows, chosen, follow=True).content.decode()
    assert "Test data must not reach real books." in answer
    flow.refresh_from_db()
    assert not flow.is_enabled


def test_the_account_of_production_is_no_sandbox(integrator, netsuite):
    Connection.objects.update(environment="production")
    second = {"name": "Try-outs", "slug": "try-outs", "system": "netsuite"}
    address = reverse("admin:integrations_connection_add")
    told = {**second, "environment": "sandbox", "account_id": netsuite.account_id}
    page = integrator.post(address, told).content.decode()
    assert "Books is the same account as production" in page
    integrator.post(address, {**told, "account_id": "777"})
    made = Connection.objects.get(slug="try-outs")
    page = integrator.post(page_of(made), entries(made, account_id="123456"))
    assert "Books is the same account as production" in page.content.decode()
    made.refresh_from_db()
    assert made.account_id == "777"


@pytest.mark.parametrize(
    "base_url", ["https://BOOKS.example/api/", "https://books.example:443/api"]
)
def test_the_address_of_production_is_no_sandbox_however_it_is_written(
    integrator, netsuite, base_url
):
    live = {"environment": "production", "base_url": "https://books.example/api"}
    Connection.objects.update(**live)
    second = {"name": "Try-outs", "slug": "try-outs", "system": "netsuite"}
    told = {**second, "environment": "sandbox", "account_id": "777"}
    integrator.post(reverse("admin:integrations_connection_add"), told)
    made = Connection.objects.get(slug="try-outs")
    page = integrator.post(page_of(made), entries(made, base_url=base_url))
    assert "Books is the same account as production" in page.content.decode()
    made.refresh_from_db()
    assert made.base_url == ""


def test_a_foreign_host_is_refused_in_production(integrator, netsuite, settings):
    settings.PRODUCTION = True
    changed = entries(netsuite, base_url="https://evil.example")
    page = integrator.post(page_of(netsuite), changed).content.decode()
    assert "evil.example may not be called" in page
    netsuite.refresh_from_db()
    assert netsuite.base_url == ""


def test_check_shows_every_finding_with_its_remedy(
    integrator, netsuite, vendors, monkeypatch
):
    for name in ("client_id", "private_key"):
        accounts.set_credential(netsuite, name, SECRET, None)
    found = CheckResult(
        (CheckLine(True, "Log-in works."), CheckLine(False, "No items.", "Add a role."))
    )
    monkeypatch.setattr(vendors.Books, "answer", found)
    page = integrator.post(button(netsuite, "check")).content.decode()
    assert "✓" in page and "Log-in works." in page
    assert "✗" in page and "No items." in page and "Add a role." in page
    assert "needs attention" in page


def test_buttons_answer_posts_only(integrator, netsuite):
    for verb in ("check", "pause", "resume"):
        assert integrator.get(button(netsuite, verb)).status_code == 405


def test_pause_asks_for_a_reason_and_resume_makes_ready(integrator, netsuite):
    integrator.post(button(netsuite, "pause"), {"reason": " "})
    netsuite.refresh_from_db()
    assert netsuite.is_ready
    integrator.post(button(netsuite, "pause"), {"reason": "stock-taking"})
    netsuite.refresh_from_db()
    assert netsuite.state == Connection.State.PAUSED
    assert "stock-taking" in integrator.get(LIST).content.decode()
    integrator.post(button(netsuite, "resume"))
    netsuite.refresh_from_db()
    assert netsuite.is_ready


def test_shopify_page_shows_its_webhook_address(integrator, shop, netsuite, settings):
    settings.SITE_URL = "https://waybill.example"
    address = "https://waybill.example/hooks/tea-shop/"
    assert address in integrator.get(page_of(shop)).content.decode()
    assert "/hooks/" not in integrator.get(page_of(netsuite)).content.decode()


def test_f90_a_used_connection_cannot_be_deleted(admin_client, netsuite, record):
    delete = reverse("admin:integrations_connection_delete", args=[netsuite.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    assert Connection.objects.filter(pk=netsuite.pk).exists()


def test_an_unused_connection_goes_with_its_slots(admin_client, netsuite):
    Slot.objects.create(connection=netsuite, number=1)
    delete = reverse("admin:integrations_connection_delete", args=[netsuite.pk])
    admin_client.post(delete, {"post": "yes"})
    assert not Connection.objects.exists()


def test_a_link_alone_counts_as_use(admin_client, netsuite, shop):
    Link.objects.create(
        source_connection=shop,
        source_entity="order",
        source_id="1",
        target_connection=netsuite,
        target_record="salesOrder",
        target_id="9",
        external_id="shopify-tea-order-1",
        made_at="2026-11-01T00:00Z",
    )
    delete = reverse("admin:integrations_connection_delete", args=[netsuite.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403


def test_the_list_costs_the_same_for_one_connection_or_ten(integrator, netsuite):
    def cost():
        with CaptureQueriesContext(database) as queries:
            assert integrator.get(LIST).status_code == 200
        return len(queries)

    cost()
    alone = cost()
    for number in range(9):
        other = Connection.objects.create(
            name=f"Books {number}",
            slug=f"books-{number}",
            system="netsuite",
            account_id="1",
            namespace="n",
            auth_method="modern",
        )
        accounts.set_credential(other, "client_id", "x", None)
    assert cost() == alone


@pytest.mark.parametrize("taken", [0, 2])
def test_the_list_shows_slots_in_use(integrator, netsuite, taken):
    for number in range(1, 4):
        until = "2999-01-01T00:00Z" if number <= taken else "2020-01-01T00:00Z"
        Slot.objects.create(connection=netsuite, number=number, lease_until=until)
    assert f"{taken} of 5" in integrator.get(LIST).content.decode()


def test_a_refusal_that_comes_while_the_form_is_saved_is_not_undone(
    integrator, netsuite, monkeypatch
):
    def refuse_meanwhile(connection):
        Connection.objects.update(state="refused", state_reason="invalid login")
        return ""

    monkeypatch.setattr(connection_forms, "base_url_problem", refuse_meanwhile)
    integrator.post(page_of(netsuite), entries(netsuite, allowance="9"))
    netsuite.refresh_from_db()
    assert (netsuite.allowance, netsuite.state) == (9, "refused")
