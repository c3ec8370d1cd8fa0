"""What every mirrored table has: Nimble's JSON, our revision, a tombstone; and what each viewer sees of a row."""

from typing import ClassVar

from django.db import models

from nimble.models import Connection, Workspace


class Mirrored(models.Model):
    """A row of Nimble's, mirrored.

    `remote` is the JSON that Nimble last sent, less what it computes for the one who asks. The subclass's own columns
    are derived from `remote` and the open edits, written by `sync.overlay` and `sync.store` alone.
    """

    kind: ClassVar[str]

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    nimble_id = models.CharField(max_length=64, null=True, blank=True)
    remote = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=32, blank=True, default="")
    rev = models.PositiveIntegerField(default=0)
    fetched_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["workspace", "nimble_id"], name="%(app_label)s_%(class)s_nimble_id")
        ]

    @property
    def known_id(self) -> str:
        """The id by which Nimble can be asked. Only of rows that it has: edits of others wait for their create."""
        if self.nimble_id is None:
            raise ValueError(f"{self.kind} {self.pk} is not in Nimble yet")
        return self.nimble_id


class Sight(models.Model):
    """What is true of a row for one viewer; subclasses add `record`, the row.

    `seen_at`: last read with the viewer's own token. `missing`: complete listings in a row without it. `hidden_at`:
    Nimble does not show it to them. `view`: the parts of Nimble's JSON that are the viewer's own.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(null=True, blank=True)
    missing = models.PositiveSmallIntegerField(default=0)
    hidden_at = models.DateTimeField(null=True, blank=True)
    view = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["record", "connection"], name="%(app_label)s_%(class)s_once"),
        ]
