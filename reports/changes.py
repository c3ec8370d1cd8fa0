"""What became of deals between two moments: begun, moved, won, lost, gone, and changes of their amounts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, Max, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from contacts import queries as contacts
from crmportal.formats import money
from deals import currencies, mapping
from deals.currencies import Currencies
from deals.models import Deal, Role, Stage, StageMove
from deals.queries import Laid
from reports.past import MONEY, sent, visible
from sync.models import Change

CREATED, MOVED, WON, LOST, AMOUNT, GONE = "created", "moved", "won", "lost", "amount", "gone"
KINDS = {
    CREATED: _("Created"),
    MOVED: _("Moved"),
    WON: _("Won"),
    LOST: _("Lost"),
    AMOUNT: _("Amount changed"),
    GONE: _("Gone from Nimble"),
}
PAGE = 50


@dataclass(frozen=True)
class Line:
    """One thing that happened to a deal. `before` and `after` as a person reads them; `who`: their name, or ""."""

    kind: str
    at: datetime
    before: str = ""
    after: str = ""
    who: str = ""
    known: str = StageMove.Known.EXACT

    @property
    def label(self) -> str:
        return str(KINDS[self.kind])


@dataclass
class Changed:
    """A deal with what happened to it, oldest first."""

    pk: int
    name: str
    owner: str
    currency: str
    is_gone: bool
    lines: list[Line] = field(default_factory=list)


class Between:
    """What happened in some pipelines after one moment, up to another."""

    def __init__(self, user: Any, laid: list[Laid], first: datetime, last: datetime) -> None:
        self.members = contacts.members(user)
        self.first, self.last = first, last
        self.stages: dict[str, Stage] = {stage.nimble_id: stage for one in laid for stage in one.stages}
        pipelines = [one.pipeline.nimble_id for one in laid]
        here = Q(pipeline_nimble_id__in=pipelines) | Q(from_pipeline_nimble_id__in=pipelines)
        self.deals = visible(user).filter(
            Q(pipeline_nimble_id__in=pipelines) | Q(pk__in=StageMove.objects.filter(here).values("deal"))
        )
        self.moves = StageMove.objects.filter(
            here, deal__in=self.deals, at__gt=first, at__lte=last, number__gt=1
        ).order_by()

    def of(self, kind: str) -> QuerySet[Deal]:
        """The deals to which something of this kind happened."""
        if kind == CREATED:
            return self.deals.filter(created_in_nimble__gt=self.first, created_in_nimble__lte=self.last)
        if kind == GONE:
            return self.deals.filter(gone_at__gt=self.first, gone_at__lte=self.last)
        if kind == AMOUNT:
            edits = sent(self.deals.values("pk")).filter(confirmed_at__gt=self.first, confirmed_at__lte=self.last)
            return self.deals.filter(Q(pk__in=self.changes().values("record_id")) | Q(pk__in=edits.values("record_id")))
        moves = self.moves
        if kind in (WON, LOST):
            moves = moves.filter(stage_nimble_id__in=self.final(kind))
        else:
            moves = moves.exclude(stage_nimble_id__in=[*self.final(WON), *self.final(LOST)])
        return self.deals.filter(pk__in=moves.values("deal"))

    def final(self, kind: str) -> list[str]:
        role = Role.WON if kind == WON else Role.LOST
        return [pk for pk, stage in self.stages.items() if stage.role == role]

    def changes(self) -> QuerySet[Change]:
        """What pulls saw change of amounts."""
        return Change.objects.filter(
            kind=Deal.kind,
            field__in=MONEY,
            at__gt=self.first,
            at__lte=self.last,
            record_id__in=self.deals.values("pk"),
        )

    def counts(self) -> dict[str, int]:
        """By kind the number of deals. One statement each."""
        return {kind: self.of(kind).count() for kind in KINDS}

    def page(self, kind: str, number: int) -> list[Changed]:
        """Some of the deals, with all that happened to them: those to which something happened last come first."""
        if kind:
            deals = self.of(kind)
        else:
            wanted = Q()
            for one in KINDS:
                wanted |= Q(pk__in=self.of(one).values("pk"))
            deals = self.deals.filter(wanted)
        begin = (number - 1) * PAGE
        latest = deals.annotate(latest=Max("moves__at")).order_by(F("latest").desc(nulls_last=True), "-pk")
        rows = latest.values_list("pk", "name", "owner_id", "currency", "gone_at", "created_in_nimble")[
            begin : begin + PAGE
        ]
        found: dict[int, Changed] = {}
        for pk, name, owner, currency, gone, created in rows:
            one_deal = found[pk] = Changed(pk, name, owner, currency, gone is not None)
            if created and self.first < created <= self.last:
                one_deal.lines.append(Line(CREATED, created))
            if gone and self.first < gone <= self.last:
                one_deal.lines.append(Line(GONE, gone))
        self._tell_moves(found)
        self._tell_amounts(found)
        for one_deal in found.values():
            one_deal.lines.sort(key=lambda line: line.at)
        return list(found.values())

    def _tell_moves(self, found: dict[int, Changed]) -> None:
        for move in self.moves.filter(deal__in=list(found)):
            stage = self.stages.get(move.stage_nimble_id)
            kind = {Role.WON.value: WON, Role.LOST.value: LOST}.get(stage.role if stage else "", MOVED)
            before, after = self._stage(move.from_stage_nimble_id), self._stage(move.stage_nimble_id)
            found[move.deal_id].lines.append(Line(kind, move.at, before, after, self._who(move.by), move.known))

    def _who(self, user_id: str) -> str:
        return self.members.get(user_id, "")

    def _stage(self, nimble_id: str) -> str:
        stage = self.stages.get(nimble_id)
        return stage.name if stage else str(_("another pipeline")) if nimble_id else ""

    def _tell_amounts(self, found: dict[int, Changed]) -> None:
        ids = list(found)
        known = currencies.of({pk: one.currency for pk, one in found.items()})
        for change in self.changes().filter(record_id__in=ids):
            told = (change.at, change.before, change.after, self._who(change.by))
            found[change.record_id].lines.append(_amount(change.field, *told, known[change.record_id]))
        edits = sent(ids).filter(confirmed_at__gt=self.first, confirmed_at__lte=self.last)
        for edit in edits.select_related("connection"):
            for name in MONEY:
                if edit.confirmed_at and name in edit.fields:
                    values = edit.fields[name]
                    by = edit.connection.nimble_user_id
                    told = (edit.confirmed_at, values.get("base"), values.get("new"), self._who(by))
                    found[edit.record_id].lines.append(_amount(name, *told, known[edit.record_id]))


def _amount(field: str, at: datetime, before: Any, after: Any, who: str, known: Currencies) -> Line:
    if field == "amount":
        before = money(mapping.amount(before), known.before(at))
        after = money(mapping.amount(after), known.after(at))
    return Line(AMOUNT, at, str(before or ""), str(after or ""), who)
