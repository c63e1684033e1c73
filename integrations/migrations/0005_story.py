import django.db.models.deletion
from django.db import migrations, models

BATCH = 500
MOST = 100


def enter_known(apps, schema_editor):
    """Make what is in the ledger already known by its SKUs and its last delivery."""
    record_key = apps.get_model("integrations", "RecordKey")
    records = apps.get_model("integrations", "SyncRecord").objects.order_by("pk")
    columns = records.values_list("pk", "skus", "event")
    after = 0
    while batch := list(columns.filter(pk__gt=after)[:BATCH]):
        after = batch[-1][0]
        record_key.objects.bulk_create(
            [
                record_key(record_id=record, name=name, value=value.casefold()[:200])
                for record, skus, event in batch
                for name, value in [
                    *(("sku", sku) for sku in dict.fromkeys(skus.split()[:MOST])),
                    *([("delivery", str(event))] if event else []),
                ]
            ],
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):
    dependencies = [("integrations", "0004_retry_choice")]

    operations = [
        migrations.CreateModel(
            name="RecordKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        choices=[
                            ("sku", "SKU"),
                            ("tracking", "Tracking number"),
                            ("delivery", "Delivery that told about it"),
                        ],
                        max_length=8,
                    ),
                ),
                ("value", models.CharField(max_length=200)),
                (
                    "record",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="keys",
                        to="integrations.syncrecord",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("name"),
                        models.F("value"),
                        models.OrderBy(models.F("record"), descending=True),
                        name="record_key_value",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("record", "name", "value"), name="record_key_once"
                    )
                ],
            },
        ),
        migrations.RunPython(enter_known, migrations.RunPython.noop),
    ]
