"""What hangs on a deal: notes, files, tasks, and what is overdue of it."""

from django.db import models

from deals.models.deals import Deal
from nimble.models import Connection
from sync.mirror import Mirrored


class DealNote(Mirrored):
    """A note on a deal that was written here: no operation of Nimble's reads such notes back."""

    kind = "deal_note"

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="notes")
    title = models.CharField(max_length=256, blank=True, default="")
    body = models.TextField(blank=True, default="")
    html = models.TextField(blank=True, default="")
    author_id = models.CharField(max_length=64, blank=True, default="")
    removed = models.BooleanField(default=False)
    # Why the deal was lost, where the note says that: Nimble keeps no reason on a deal.
    lost_reason = models.CharField(max_length=256, blank=True, default="")
    written_at = models.DateTimeField(null=True, blank=True)

    class Meta(Mirrored.Meta):
        ordering = ["-written_at", "-pk"]

    def __str__(self) -> str:
        return self.title or self.body[:60]


class DealFile(Mirrored):
    """A file of a deal that was added, renamed or removed here; all others stand in their deal's `remote` alone."""

    kind = "deal_file"

    class Source(models.TextChoices):
        """Where its bytes are, by Nimble's names."""

        UPLOADED = "uploaded_azure", "Nimble"
        GOOGLE_DRIVE = "google_drive", "Google Drive"
        DROPBOX = "dropbox", "Dropbox"
        ONE_DRIVE = "one_drive", "OneDrive"

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="edited_files")
    name = models.CharField(max_length=255, blank=True, default="")
    source = models.CharField(max_length=20, choices=Source.choices, blank=True, default="")
    link = models.TextField(blank=True, default="")
    removed = models.BooleanField(default=False)

    class Meta(Mirrored.Meta):
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class DealTask(Mirrored):
    """A task of a deal that was made here. Nimble gives such tasks back only as activities."""

    kind = "deal_task"

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="tasks")
    subject = models.CharField(max_length=128, blank=True, default="")
    due = models.DateField(null=True, blank=True)
    text = models.TextField(blank=True, default="")
    assignee_id = models.CharField(max_length=64, blank=True, default="")
    contact_ids = models.JSONField(default=list, blank=True)
    author_id = models.CharField(max_length=64, blank=True, default="")
    written_at = models.DateTimeField(null=True, blank=True)

    class Meta(Mirrored.Meta):
        ordering = ["-written_at", "-pk"]

    def __str__(self) -> str:
        return self.subject


class Overdue(models.Model):
    """The overdue activities of a deal, as Nimble told them to one person."""

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="overdue")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    activities = models.JSONField(default=list, blank=True)
    read_at = models.DateTimeField()
    # When they last became other ones.
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["deal", "connection"], name="overdue_once")]

    def __str__(self) -> str:
        return f"{self.deal_id}: {len(self.activities)}"
