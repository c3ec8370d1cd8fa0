"""Tags of deals as a whole."""

from django.db import models

from sync.mirror import Mirrored


class DealTag(Mirrored):
    """A tag of deals that somebody changes everywhere. Nimble knows tags by their names alone: `nimble_id` is ours."""

    kind = "deal_tag"

    name = models.CharField(max_length=255)

    class Meta(Mirrored.Meta):
        indexes = [models.Index(fields=["workspace", "name"], name="deal_tag_name")]

    def __str__(self) -> str:
        return self.name
