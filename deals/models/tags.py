"""Tags of deals as a whole."""

from django.db import models

from sync.mirror import Mirrored


class DealTag(Mirrored):
    """A tag of deals that somebody changes everywhere. Nimble knows tags by their names alone: `nimble_id` is ours.

    `known_as`: the name in Nimble for which this row stands, of all that had it. None where another row does, since
    Nimble has made one of both, or where the tag is deleted.
    """

    kind = "deal_tag"

    name = models.CharField(max_length=255)
    known_as = models.CharField(max_length=255, null=True)

    class Meta(Mirrored.Meta):
        constraints = [
            *Mirrored.Meta.constraints,
            models.UniqueConstraint(fields=["workspace", "known_as"], name="deal_tag_known_as"),
        ]
        indexes = [models.Index(fields=["workspace", "name"], name="deal_tag_name")]

    def __str__(self) -> str:
        return self.name
