"""What has changed: in Nimble, for the timeline; and anywhere, for pages that are open."""

from django.db import models

from nimble.models import Workspace


class Change(models.Model):
    """What a pull saw change in Nimble: timeline and time travel."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=40)
    record_id = models.BigIntegerField()
    field = models.CharField(max_length=120)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    by = models.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["kind", "record_id", "-at"], name="change_record")]

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}.{self.field}"


class Event(models.Model):
    """That records of a kind changed, for pages that are open: see `sync.events`. Only the latest are kept.

    `ids`: null, any of them may have. `readers`: of records that are shown to fewer people since, the ids of the users
    who could read them before, null for everybody.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="events")
    number = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    ids = models.JSONField(null=True, default=list)
    readers = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "number"], name="event_once")]

    def __str__(self) -> str:
        return f"{self.number}: {self.kind}"
