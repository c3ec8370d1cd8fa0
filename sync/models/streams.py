"""Streams on their way in: where each stands, its runs, what somebody looks at, and what could not be stored."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from nimble.models import Connection, Workspace


class Stream(models.Model):
    """One stream of one connection: where it stands and when it is due."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="streams")
    name = models.CharField(max_length=30)
    # What the next run goes on from; moved only together with the rows it speaks of.
    cursor = models.JSONField(default=dict, blank=True)
    # Set while a run is unfinished, so that a killed one is continued.
    checkpoint = models.JSONField(null=True, blank=True)
    # How often somebody had it begin anew: a run that began before that leaves neither of the two behind.
    anew = models.PositiveIntegerField(default=0)
    next_run_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    # When the last run ended, if it ended well and nothing was asked for since: only then a rhythm counts.
    settled_at = models.DateTimeField(null=True, blank=True)
    # The newest row about which the last complete listing has told whether this person sees it.
    decided = models.BigIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    paused = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="stream_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.connection_id}"


class Interest(models.Model):
    """What somebody looks at: it is asked for first and often. Written by `sync.interest`; a lost one costs nothing.

    `what`: a kind of record, and `record_id` the one that was opened, which goes once it has been read; or, with 0, the
    name of the pages they look at ("" for others), and when they did so last.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="interests")
    what = models.CharField(max_length=40, blank=True)
    record_id = models.BigIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "what", "record_id"], name="interest_once")]

    def __str__(self) -> str:
        return f"{self.what} {self.record_id or ''} of {self.connection_id}"


class Run(models.Model):
    """One run of a stream, for people to see: how far, how many, how it ended."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        BRAKED = "braked", _("Done, but for the records that vanished at once")
        PAUSED = "paused", _("Paused")

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    full = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["stream", "-started_at"], name="run_recent")]

    def __str__(self) -> str:
        return f"{self.stream}: {self.state} {self.done}/{self.total}"


class Quarantined(models.Model):
    """A record of Nimble's that could not be stored, kept with its payload; its page went on without it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="quarantined")
    kind = models.CharField(max_length=40)
    nimble_id = models.CharField(max_length=64)
    reason = models.TextField()
    payload = models.JSONField(null=True)
    at = models.DateTimeField()
    # To whom Nimble has shown it: nobody else may know of it.
    brought_by = models.ManyToManyField(Connection, through="Brought", related_name="quarantined")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "kind", "nimble_id"], name="quarantined_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.nimble_id}"


class Brought(models.Model):
    """A connection that Nimble has shown a quarantined record; `at`: when the read began that brought it last."""

    record = models.ForeignKey(Quarantined, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "connection"], name="brought_once")]

    def __str__(self) -> str:
        return f"{self.record_id} by {self.connection_id}"
