import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0020_completeness_both_ways"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PrivacyRequest",
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
                    "wish",
                    models.CharField(
                        choices=[
                            ("data", "Tell what is held of a customer"),
                            ("customer", "Erase a customer"),
                            ("shop", "Erase a shop"),
                        ],
                        max_length=8,
                    ),
                ),
                ("mark", models.CharField(max_length=64)),
                ("customer", models.CharField(blank=True, max_length=40)),
                ("email", models.CharField(blank=True, max_length=254)),
                ("words", models.JSONField(default=list)),
                ("orders", models.JSONField(default=list)),
                ("deliveries", models.JSONField(default=list)),
                ("received_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "In hand"),
                            ("waiting", "Waits for records"),
                            ("person", "Needs a person"),
                            ("done", "Done"),
                        ],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("said", models.CharField(blank=True, max_length=300)),
                ("look_at", models.DateTimeField(blank=True, null=True)),
                ("excludes_open", models.BooleanField(default=False)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("done_until", models.BigIntegerField(default=0)),
                ("seen_until", models.BigIntegerField(default=0)),
                ("receipt", models.JSONField(default=dict)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("file_until", models.DateTimeField(blank=True, null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="privacy_requests",
                        to="integrations.connection",
                    ),
                ),
                (
                    "done_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("settle_privacyrequest", "Can carry out privacy requests"),
                    ("read_privacyfile", "Can download what is held of a customer"),
                ],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="PrivacyPart",
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
                ("number", models.PositiveIntegerField()),
                ("sealed", models.TextField()),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="integrations.privacyrequest",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="privacyrequest",
            index=models.Index(
                condition=models.Q(("look_at__isnull", False)),
                fields=["look_at"],
                name="privacy_request_look",
            ),
        ),
        migrations.AddConstraint(
            model_name="privacyrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("done_at", None)),
                fields=("connection", "wish", "mark"),
                name="one_open_privacy_request",
            ),
        ),
        migrations.AddConstraint(
            model_name="privacypart",
            constraint=models.UniqueConstraint(
                fields=("request", "number"), name="privacy_part_once"
            ),
        ),
    ]
