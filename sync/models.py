"""The engine's own tables: edits on their way out, streams and runs on their way in, what could not be stored."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nimble.errors import Exchange
from nimble.models import Connection, Workspace

# One difference of a figure may be a change under way; what differs after so many listings in a row is told.
ALARMING_WALKS = 2


class State(models.TextChoices):
    """Where an edit is. See the state diagram in docs/architecture.md."""

    PENDING = "pending", _("Saved here")
    RETRYING = "retrying", _("Saved here, trying again")
    SENDING = "sending", _("Sent")
    AMBIGUOUS = "ambiguous", _("May be in Nimble")
    BLOCKED = "blocked", _("Waiting")
    CONFLICT = "conflict", _("Conflict")
    CONFIRMED = "confirmed", _("In Nimble")
    REJECTED = "rejected", _("Refused by Nimble")
    FAILED = "failed", _("Gave up")
    SUPERSEDED = "superseded", _("Replaced by a later edit")
    DISCARDED = "discarded", _("Discarded")
    UNDONE = "undone", _("Undone before it was sent")


# Shown over what Nimble says.
OVERLAID = (State.PENDING, State.RETRYING, State.SENDING, State.AMBIGUOUS, State.BLOCKED, State.CONFLICT)
# Holds back later edits of the same record; a conflict steps out of the line.
IN_LINE = (State.PENDING, State.RETRYING, State.SENDING, State.AMBIGUOUS, State.BLOCKED)
UNSENT = (State.PENDING, State.RETRYING, State.BLOCKED)
NEEDS_PERSON = (State.CONFLICT, State.REJECTED, State.FAILED, State.AMBIGUOUS, State.BLOCKED)


class Edit(models.Model):
    """One change that a person made here: the outbox and the history in one table. Nothing is deleted from it."""

    class Operation(models.TextChoices):
        CREATE = "create", _("Create")
        UPDATE = "update", _("Update")
        DELETE = "delete", _("Delete")

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="edits")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="edits")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="edits")
    kind = models.CharField(max_length=40)
    record_id = models.BigIntegerField()
    operation = models.CharField(max_length=10, choices=Operation.choices, default=Operation.UPDATE)
    # {"<field>": {"base": what Nimble had when the person changed it, "new": what they want, "theirs": if in conflict}}
    fields = models.JSONField(default=dict)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    # {"reason": "<class of error>", "message": "...", "fields": {"<field>": ["..."]}}
    error = models.JSONField(default=dict, blank=True)
    depends_on = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="dependents")
    undoes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by")
    # What a person did to many at once, where this edit came of it.
    batch = models.ForeignKey("Batch", on_delete=models.PROTECT, null=True, blank=True, related_name="edits")
    request_id = models.CharField(max_length=40, blank=True, default="")
    # The id of the web request that it was made in: with the edit's number it runs through all logs.
    origin = models.CharField(max_length=12, blank=True, default="")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    # When a later read first brought these values from Nimble by itself: it has kept what it confirmed.
    echoed_at = models.DateTimeField(null=True, blank=True)

    # The last exchange with Nimble of the attempt that is being made; not stored here.
    exchange: Exchange | None = None

    class Meta:
        indexes = [
            models.Index(fields=["kind", "record_id", "id"], name="edit_record"),
            models.Index(
                fields=["state", "not_before"], name="edit_open", condition=Q(state__in=[s.value for s in OVERLAID])
            ),
            models.Index(fields=["workspace", "-id"], name="edit_workspace"),
            models.Index(fields=["author", "-id"], name="edit_author"),
            models.Index(
                fields=["kind", "record_id"],
                name="edit_unechoed",
                condition=Q(state=State.CONFIRMED.value, echoed_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}: {self.operation} {', '.join(self.fields)} ({self.state})"

    @property
    def needs_person(self) -> bool:
        """A person has to decide or to do something before this edit can end."""
        return self.state in NEEDS_PERSON

    @property
    def is_open(self) -> bool:
        """Not ended: its values still lie over Nimble's."""
        return self.state in OVERLAID


class Attempt(models.Model):
    """One attempt to send an edit: written when it begins, so that one that was cut off shows, too."""

    edit = models.ForeignKey(Edit, on_delete=models.CASCADE, related_name="tries")
    # The lease under which it is made.
    token = models.CharField(max_length=32)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    # The edit's state afterwards; "" while it is going on, and when nobody lived to write it down.
    outcome = models.CharField(max_length=12, choices=State.choices, blank=True, default="")
    # The class of the failure, as in `Edit.error`.
    reason = models.CharField(max_length=40, blank=True, default="")
    # Of the last exchange with Nimble in it.
    operation = models.CharField(max_length=80, blank=True, default="")
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    request_id = models.CharField(max_length=40, blank=True, default="")
    milliseconds = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["edit", "id"], name="attempt_edit")]

    def __str__(self) -> str:
        return f"{self.edit_id}: {self.outcome or 'begun'}"


class Batch(models.Model):
    """What a person did to many edits at once. A worker goes on with it where it stands, whoever is killed."""

    class Action(models.TextChoices):
        RETRY = "retry", _("Send again")
        LOOK = "look", _("Look again")
        DISCARD = "discard", _("Discard")
        RESTORE = "restore", _("Put back")
        OURS = "ours", _("All ours")
        THEIRS = "theirs", _("All Nimble's")
        UNDO = "undo", _("Undo")
        # Not done to edits: these were made together, and can be taken back together.
        CHANGE = "change", _("Change")

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="batches")
    action = models.CharField(max_length=10, choices=Action.choices)
    # The edits it is done to, in the order in which it is done.
    edit_ids = models.JSONField(default=list)
    done = models.PositiveIntegerField(default=0)
    # {"<id of an edit>": {"outcome": "done", "skipped", "changed" or "refused", "by": "...", "why": "..."}}
    results = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["id"], name="batch_open", condition=Q(finished_at=None))]

    def __str__(self) -> str:
        return f"{self.action} of {len(self.edit_ids)}"


class Export(models.Model):
    """Who took records out of the portal in a file: which, how many, when."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="exports")
    what = models.CharField(max_length=40)
    # Names of the filters; what was looked for may quote a record.
    filters = models.JSONField(default=list, blank=True)
    rows = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.what}: {self.rows}"


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


class Brake(models.Model):
    """Records that vanished at once from a complete listing, and what a person has decided about them.

    A stream has at most one that is open. What was decided is bound to these very `records`, whose `mark` the person
    was shown, and to this connection.
    """

    class State(models.TextChoices):
        HELD = "held", _("Waits for a person")
        APPROVED = "approved", _("Approved: they may go")
        REFUSED = "refused", _("Refused: they stay")
        SETTLED = "settled", _("Settled: they were hidden")
        RETURNED = "returned", _("Over: Nimble lists them again")
        REPLACED = "replaced", _("Replaced: more vanished")

    OPEN = (State.HELD, State.APPROVED, State.REFUSED)

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="brakes")
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State.choices, default=State.HELD)
    missing = models.PositiveIntegerField()
    known = models.PositiveIntegerField()
    mark = models.CharField(max_length=32)
    began_at = models.DateTimeField()
    listed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    # An approval that no listing has used until then is asked for again, and so is a refusal.
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stream"], name="brake_once", condition=Q(state__in=["held", "approved", "refused"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.stream}: {self.missing} of {self.known} ({self.state})"


class Vanished(models.Model):
    """One of the records that a brake is about."""

    brake = models.ForeignKey(Brake, on_delete=models.CASCADE, related_name="records")
    record_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["brake", "record_id"], name="vanished_once")]

    def __str__(self) -> str:
        return f"{self.record_id}"


class Check(models.Model):
    """One figure that Nimble gives beside its records, and what the mirror makes it, as one connection sees both.

    `unit` is the currency of a sum, "" of a number of records. `walks`: complete listings in a row at whose end the
    two differed.
    """

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="checks")
    key = models.CharField(max_length=140)
    name = models.CharField(max_length=600, blank=True, default="")
    unit = models.CharField(max_length=3, blank=True, default="")
    theirs = models.DecimalField(max_digits=30, decimal_places=4)
    ours = models.DecimalField(max_digits=30, decimal_places=4)
    walks = models.PositiveIntegerField(default=0)
    differs_since = models.DateTimeField(null=True, blank=True)
    compared_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "key"], name="check_once")]

    def __str__(self) -> str:
        return f"{self.stream}: {self.name or self.key}"

    @property
    def difference(self) -> Decimal:
        """What is here beyond what Nimble says."""
        return self.ours - self.theirs


class Quarantined(models.Model):
    """A record of Nimble's that could not be stored, kept with its payload; its page went on without it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="quarantined")
    kind = models.CharField(max_length=40)
    nimble_id = models.CharField(max_length=64)
    reason = models.TextField()
    payload = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "kind", "nimble_id"], name="quarantined_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.nimble_id}"


class Lease(models.Model):
    """A named lease: whoever holds its token may work, until it lapses."""

    name = models.CharField(max_length=80, primary_key=True)
    token = models.CharField(max_length=32, blank=True, default="")
    until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Line(models.Model):
    """The line of this database and its backups: one row. `number` counts the writes that left for Nimble."""

    name = models.CharField(max_length=32)
    number = models.BigIntegerField(default=0)
    # When it was last noticed, or said, that a backup had been restored.
    restored_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Heartbeat(models.Model):
    """The last sign of life of a kind of process."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"
