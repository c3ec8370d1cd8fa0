"""Who may manage pipelines: in Nimble the owner of the company, and of a pipeline whoever made it.

A pipeline names its creator. Who owns the company, nothing that Nimble answers says: people say so themselves, and
their word holds until Nimble refuses them such a change. Nimble has the last word in any case.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from deals import mapping, queries
from deals.models import Ownership, Pipeline
from nimble.models import Connection, Member
from sync import edits
from sync.clock import database_now
from sync.models import Edit, State
from sync.viewer import viewer


@dataclass(frozen=True)
class Rights:
    """What this person may do with pipelines, as far as is known here."""

    user: Any
    connection: Connection | None

    @cached_property
    def is_owner(self) -> bool:
        """Whether they say that they own the company, and Nimble has not contradicted them since."""
        said_at = Ownership.objects.filter(connection=self.connection).values_list("said_at", flat=True).first()
        if said_at is None:
            return False
        refused = Edit.objects.filter(
            kind=Pipeline.kind,
            connection=self.connection,
            state__in=[State.REJECTED, State.DISCARDED],
            error__reason="Forbidden",
            created_at__gte=said_at,
        )
        contradicted = Pipeline.objects.filter(pk__in=refused.values("record_id"))
        return all(self._made(one) for one in contradicted)

    @cached_property
    def may_create(self) -> bool:
        """The owner, and whoever has made one before."""
        return self.is_owner or any(self._made(one) for one in queries.pipelines(self.user))

    def may_manage(self, pipeline: Pipeline) -> bool:
        return self.connection is not None and (self._made(pipeline) or self.is_owner)

    def _made(self, pipeline: Pipeline) -> bool:
        if pipeline.nimble_id is None:
            create = edits.create_of(pipeline)
            return create is not None and create.connection_id == (self.connection and self.connection.pk)
        creator = mapping.user_id(pipeline.remote.get("creator"))
        return self.connection is not None and creator == self.connection.nimble_user_id


def of(user: Any) -> Rights:
    return Rights(user, viewer(user))


def creator(pipeline: Pipeline) -> str:
    """The name of whoever made it, as far as it is known."""
    found = Member.objects.filter(
        workspace_id=pipeline.workspace_id, nimble_user_id=mapping.user_id(pipeline.remote.get("creator"))
    ).first()
    return str(found) if found else ""


def require(user: Any, pipeline: Pipeline) -> None:
    """Raise `CannotEdit` for whoever may not manage this pipeline."""
    if not of(user).may_manage(pipeline):
        raise edits.CannotEdit(_("In Nimble only the company's owner and whoever made a pipeline may change it."))


def say_owner(user: Any) -> bool:
    """This person says that they own the company; False for one who is not connected."""
    connection = viewer(user)
    if connection is not None:
        Ownership.objects.update_or_create(connection=connection, defaults={"said_at": database_now()})
    return connection is not None


def take_back(user: Any) -> None:
    """They do not own the company after all."""
    Ownership.objects.filter(connection=viewer(user)).delete()
