from django.db import migrations, models


def mark(apps, editor):
    """Mark the keys of the open lines; those of closed ones are millions, and as made."""
    keys = apps.get_model("errorqueue", "LineKey")
    is_closed = ("resolved", "excluded")
    keys.objects.exclude(line__status__in=is_closed).update(is_open=True)


class Migration(migrations.Migration):

    dependencies = [
        ("errorqueue", "0005_told_alerts"),
    ]

    operations = [
        migrations.AddField(
            model_name="linekey",
            name="is_open",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            model_name="linekey",
            index=models.Index(
                condition=models.Q(is_open=True),
                fields=["name", "value", "line"],
                name="open_key_value",
                opclasses=["varchar_ops", "varchar_pattern_ops", "int8_ops"],
            ),
        ),
    ]
