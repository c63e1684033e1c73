from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission

from integrations.configuration.services import configure

ROLES = Path(__file__).parents[2] / "integrations/configuration/roles.yaml"
OURS = ("integrations", "errorqueue", "mappings", "reconciliation")


@pytest.fixture
def roles(db):
    """The rights of each shipped group."""
    configure([str(ROLES)], {})
    return {
        group.name: {
            f"{permission.content_type.app_label}.{permission.codename}"
            for permission in group.permissions.select_related("content_type")
        }
        for group in Group.objects.all()
    }


def test_the_shipped_roles_are_those_of_the_design(roles):
    assert set(roles) == {
        "Operators",
        "Finance reviewers",
        "Mapping editors",
        "Signers",
        "Integration admins",
        "Auditors",
    }
    assert configure([str(ROLES)], {}).changes == []


def test_nobody_holds_rights_to_the_queue_library_or_to_people(roles):
    for rights in roles.values():
        assert not any(right.startswith("django_q.") for right in rights)
        assert not rights & {"auth.change_user", "auth.add_user", "auth.change_group"}


def test_auditors_see_everything_but_secrets_and_change_nothing(roles):
    every = Permission.objects.filter(
        content_type__app_label__in=OURS, codename__startswith="view_"
    ).exclude(codename__in=["view_credential", "view_token"])
    expected = {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in every.select_related("content_type")
    }
    assert roles["Auditors"] == expected | {
        "admin.view_logentry",
        "auth.view_group",
        "auth.view_user",
    }


def test_operators_settle_failures_and_touch_no_settings(roles):
    verbs = {right for right in roles["Operators"] if ".view_" not in right}
    assert verbs == {
        "errorqueue.acknowledge_alert",
        "errorqueue.retry_failedrecord",
        "errorqueue.edit_failedrecord",
        "errorqueue.exclude_failedrecord",
        "errorqueue.resolve_failedrecord",
        "errorqueue.assign_failedrecord",
        "errorqueue.bulk_failedrecord",
        "errorqueue.see_payload",
        "errorqueue.merge_cause",
        "errorqueue.own_cause",
        "integrations.answer_ownershipconflict",
        "integrations.run_gapsweep",
        "errorqueue.add_recipe",
        "errorqueue.change_recipe",
        "errorqueue.add_savedview",
        "errorqueue.add_apitoken",
    }


def test_only_integration_admins_set_credentials_and_only_editors_publish(roles):
    def holders(right):
        return {name for name, rights in roles.items() if right in rights}

    assert holders("integrations.change_credentials") == {"Integration admins"}
    assert holders("integrations.pause_connection") == {"Integration admins"}
    assert holders("mappings.publish_mappingversion") == {"Mapping editors"}
    assert holders("integrations.view_credential") == set()


def test_reviewers_and_signers_look_and_reviewers_take_part_in_the_talk(roles):
    verbs = {right for right in roles["Signers"] if ".view_" not in right}
    assert verbs <= {"mappings.sign_mappingversion", "mappings.run_scenario"}
    verbs = {right for right in roles["Finance reviewers"] if ".view_" not in right}
    assert verbs == {
        "errorqueue.assign_failedrecord",
        "mappings.run_scenario",
        "mappings.sign_money",
        "reconciliation.fetch_payout",
    }


def test_who_writes_a_mapping_never_holds_the_right_to_sign_one(roles):
    signers = {name for name in roles if "mappings.sign_mappingversion" in roles[name]}
    finance = {name for name in roles if "mappings.sign_money" in roles[name]}
    assert (signers, finance) == ({"Signers"}, {"Finance reviewers"})
    assert "mappings.change_mappingversion" not in roles["Signers"]


def test_only_integration_admins_let_recipes_be_applied_by_themselves(roles):
    allowed = {name for name in roles if "errorqueue.allow_recipe" in roles[name]}
    assert allowed == {"Integration admins"}
