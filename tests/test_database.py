"""The test database is what the migrations make, however it came to be."""

import threading

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader

from tests.database import fingerprint, template


def test_another_migration_is_another_database():
    parts = [b"0001_initial.py", b"operations = []"]
    assert fingerprint(parts) == fingerprint(list(parts))
    assert fingerprint([*parts, b"0002.py"]) != fingerprint(parts)
    assert fingerprint([b"0001_initial.pyoperations = []"]) != fingerprint(parts)


def test_one_worker_makes_it_and_the_others_wait(tmp_path):
    made, begun = [], threading.Event()

    def make(place):
        begun.set()
        made.append(place)
        place.write_text("whole")

    found = []
    askers = [
        threading.Thread(target=lambda: found.append(template(tmp_path, "a", make)))
        for _ in range(3)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(20)
    assert begun.is_set() and len(made) == 1
    assert [place.read_text() for place in found] == ["whole"] * 3


def test_what_could_not_be_made_is_made_by_the_next(tmp_path):
    def broken(place):
        place.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        template(tmp_path, "a", broken)
    made = template(tmp_path, "a", lambda place: place.write_text("whole"))
    assert made.read_text() == "whole"


def test_the_database_of_older_migrations_is_removed(tmp_path):
    old = template(tmp_path, "old", lambda place: place.touch())
    new = template(tmp_path, "new", lambda place: place.touch())
    assert new.exists() and not old.exists()


@pytest.mark.django_db
def test_every_migration_has_run():
    loader = MigrationLoader(connection)
    assert set(loader.disk_migrations) == set(loader.applied_migrations)
    assert isinstance(
        loader.disk_migrations["errorqueue", "0001_initial"], migrations.Migration
    )


@pytest.mark.django_db(transaction=True)
def test_a_flush_leaves_content_types_and_rights_as_they_were(django_user_model):
    before = [list(model.objects.values_list()) for model in (ContentType, Permission)]
    django_user_model.objects.create_user("olga")
    # As between tests: numbers that begin anew would meet rows of later ones.
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False)
    after = [list(model.objects.values_list()) for model in (ContentType, Permission)]
    assert all(before) and after == before
    assert not django_user_model.objects.exists()
