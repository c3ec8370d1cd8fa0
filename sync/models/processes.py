"""What processes know of each other: leases, signs of life, and how far this database has got."""

from django.db import models


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
