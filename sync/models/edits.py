"""Edits on their way out: the outbox, each attempt to send one, what was done to many, and who took them out."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nimble.errors import Exchange
from nimble.models import Connection, Workspace


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
    """What a person did to many edits at once, or changed in many records. A worker goes on with it where it stands,
    whoever is killed.
    """

    class Action(models.TextChoices):
        RETRY = "retry", _("Send again")
        LOOK = "look", _("Look again")
        DISCARD = "discard", _("Discard")
        RESTORE = "restore", _("Put back")
        OURS = "ours", _("All ours")
        THEIRS = "theirs", _("All Nimble's")
        UNDO = "undo", _("Undo")
        # Not done to edits: these are made together, and can be taken back together.
        CHANGE = "change", _("Change")

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="batches")
    action = models.CharField(max_length=10, choices=Action.choices)
    # The edits it is done to, in the order in which it is done.
    edit_ids = models.JSONField(default=list)
    # The records of a kind that are changed, in this order, and how: `Resource.change_one` knows.
    kind = models.CharField(max_length=20, blank=True, default="")
    record_ids = models.JSONField(default=list, blank=True)
    asked = models.JSONField(default=dict, blank=True)
    done = models.PositiveIntegerField(default=0)
    # {"<id of an edit, or of a record>": {"outcome": "done", "skipped", "changed", "refused", "by": "…", "why": "…"}}
    results = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
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
