"""Which ids belong together, and what look-ups found."""

from django.db import models

from integrations.models.connection import Connection


class Link(models.Model):
    """The pair of ids of one thing on both sides."""

    source_connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="+"
    )
    source_entity = models.CharField(max_length=40)
    source_id = models.CharField(max_length=200)
    target_connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="+"
    )
    target_record = models.CharField(max_length=60)
    target_id = models.CharField(max_length=200)
    external_id = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "source_connection",
                    "source_entity",
                    "source_id",
                    "target_connection",
                    "target_record",
                ],
                name="link_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["target_connection", "target_record", "external_id"],
                name="link_external",
            ),
            # For people who search by an id.
            models.Index(fields=["target_id"], name="link_target"),
            models.Index(fields=["external_id"], name="link_external_id"),
        ]

    def __str__(self) -> str:
        return f"{self.source_entity} {self.source_id} = {self.target_record} {self.target_id}"


class CachedLookup(models.Model):
    """The one record that a look-up found, with its age."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="+"
    )
    record = models.CharField(max_length=60)
    by = models.CharField(max_length=40)
    value = models.CharField(max_length=300)
    target_id = models.CharField(max_length=200)
    label = models.CharField(max_length=300, blank=True)
    found_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "record", "by", "value"], name="lookup_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.record} {self.by} {self.value} = {self.target_id}"


class Metadata(models.Model):
    """What a target says of its own fields or values, with its age.

    `name` is what was asked: the fields of a record type, or the values of a list.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(max_length=120)
    content = models.JSONField()
    read_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "metadata"
        constraints = [
            models.UniqueConstraint(fields=["connection", "name"], name="metadata_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.connection}"
