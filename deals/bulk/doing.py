"""Changing many deals: each by one edit of its own, whatever the number of fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from deals import actions, queries
from deals.bulk.change import ADD, REMOVE, Change, Standing, is_unsure, labels, reading
from deals.models import Deal
from deals.names import Names
from sync import batches, edits, registry
from sync.models import Batch, Edit


def begin(user: Any, pks: Sequence[int], change: Change, *, back: str = "") -> Batch:
    """Change these deals. `back`: the address that the page of the change leads back to."""
    return batches.change(registry.resource(Deal.kind), pks, {**change.kept(), "back": back}, author=user)


def change_one(pk: int, asked: Mapping[str, Any], *, author: Any) -> Edit | None:
    """Change one deal; None where it is so already. Raises `CannotEdit`."""
    deal = queries.for_user(author).select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
    if deal is None:
        raise edits.CannotEdit(_("You no longer see it."))
    if not queries.is_editable(deal, author):
        raise edits.CannotEdit(_("You may not edit this deal in Nimble."))
    change = Change.of(asked)
    if change.is_past(deal):
        raise edits.CannotEdit(_("It is in another pipeline by now."))
    wanted = change.wanted(Standing(change.fields).of([deal])[pk])
    if not wanted:
        return None
    if "stage" not in wanted:
        return actions.change_several(author=author, deal=deal, values=wanted)
    stage = change.goal()
    if stage is None:
        raise edits.CannotEdit(_("There is no such stage any more."))
    if is_unsure(deal, stage, wanted):
        raise edits.CannotEdit(_("The stage asks for a probability, which it has not."))
    del wanted["stage"]
    return actions.move(author=author, deal=deal, stage=stage, reason=change.reason, also=wanted)


def wish(asked: Mapping[str, Any], names: Names) -> str:
    """What a change asks for, as a person reads it: the fields and their values. An amount is in each deal's currency,
    unless that changes, too.
    """
    change = Change.of(asked)
    called = labels(change.fields, names)
    currency = next((one.value for one in change.wishes if one.field == "currency"), "")
    texts = {ADD: _("{field}: {value} added"), REMOVE: _("{field}: {value} removed")}
    return " · ".join(
        texts.get(one.how, _("{field}: {value}")).format(
            field=called[one.field], value=reading(one.field, one.value, names, currency) or _("empty")
        )
        for one in change.wishes
    )
