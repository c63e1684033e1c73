from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0019_maintenance"),
    ]

    operations = [
        migrations.AddField(
            model_name="certificate",
            name="removed",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="gap",
            name="kind",
            field=models.CharField(
                choices=[
                    ("missing", "Was not in the ledger"),
                    ("behind", "Was older in the ledger"),
                    ("removed", "Is no longer listed"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="gapcheck",
            name="listed_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="syncrecord",
            index=models.Index(fields=["flow", "changed_at"], name="record_changed"),
        ),
        migrations.AddField(
            model_name="flowhour",
            name="alike",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="flowhour",
            name="compared",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="flowhour",
            name="filled",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="flowhour",
            name="weighed",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="flowrhythm",
            name="last_digest",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="flowrhythm",
            name="last_records",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="flowrhythm",
            name="state",
            field=models.CharField(
                choices=[
                    ("learning", "Learning"),
                    ("rare", "Too few to judge"),
                    ("quiet", "Usually quiet now"),
                    ("steady", "In rhythm"),
                    ("silent", "Silent"),
                    ("holiday", "Holiday"),
                ],
                default="learning",
                max_length=8,
            ),
        ),
    ]
