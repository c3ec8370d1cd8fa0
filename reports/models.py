"""What Nimble itself says of figures that are made here."""

from django.db import models

from nimble.models import Connection


class WonLastMonth(models.Model):
    """What Nimble told one person was won in a month: `month` is its first day. Amounts of all currencies in one."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="+")
    month = models.DateField()
    amount = models.DecimalField(max_digits=30, decimal_places=4)
    count = models.PositiveIntegerField()
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.count}"
