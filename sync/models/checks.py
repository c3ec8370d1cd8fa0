"""What a complete listing is held to: records that vanished at once, and figures that Nimble gives beside them."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sync.models.streams import Stream

# One difference of a figure may be a change under way; what differs after so many listings in a row is told.
ALARMING_WALKS = 2


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
