"""What people do here."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contacts import actions as contact_actions
from contacts.models import Contact, ContactNote
from deals import actions as deal_actions
from deals.models import Deal, DealNote
from sync import edits, registry, undo
from sync.models import Edit, State
from tests.sync.machine.known import FOLLOWED, SECRET, Known, plain

HERE = st.integers(0, 3)
WHO = st.sampled_from([0, 1])
KIND = st.sampled_from(["deal", "contact"])
SOON = st.booleans()
MOST_DEALS = 5


class Here(Known):
    """`soon`: the bell is heard at once."""

    @rule(who=WHO, which=HERE, unseen=st.booleans(), soon=SOON)
    def type_an_amount(self, who: int, which: int, unseen: bool, soon: bool) -> None:
        """`unseen`: into a form that was opened before anything that waits was typed."""
        deal = self.row("deal", which)
        begun = registry.resource(deal.kind).values(deal.remote).get("amount")
        self.type(
            who,
            soon,
            lambda user, value: deal_actions.change(
                author=user, deal=deal, field="amount", value=value, seen=begun, has_seen=unseen
            ),
        )

    @rule(who=WHO, which=HERE, soon=SOON)
    def rename_a_deal(self, who: int, which: int, soon: bool) -> None:
        deal = self.row("deal", which)
        self.type(who, soon, lambda user, value: deal_actions.change(author=user, deal=deal, field="name", value=value))

    @rule(who=WHO, which=HERE, to=st.integers(0, 9), soon=SOON)
    def move_a_deal(self, who: int, which: int, to: int, soon: bool) -> None:
        deal = self.row("deal", which)
        own = [stage for stage in self.stages if stage.pipeline.nimble_id == deal.pipeline_nimble_id]
        # One whose create was dropped stands nowhere.
        stages = own or self.stages
        stage = stages[to % len(stages)]
        refused = Edit.objects.filter(kind="deal", record_id=deal.pk, state__in=[State.REJECTED, State.FAILED])
        before = [edit for edit in refused if "stage" in edit.fields]
        self.type(who, soon, lambda user, _value: deal_actions.move(author=user, deal=deal, stage=stage))
        # A move that Nimble refused makes room for another one.
        for edit in before:
            self.drop_if_ended(edit)

    @precondition(lambda self: len(self.deals) < MOST_DEALS)
    @rule(who=WHO, to=st.integers(0, 9), soon=SOON)
    def create_a_deal(self, who: int, to: int, soon: bool) -> None:
        stage = self.stages[to % len(self.stages)]
        made = self.type(
            who, soon, lambda user, value: deal_actions.create(author=user, stage=stage, values={"name": value})
        )
        if made:
            self.deals.append(made.record_id)

    @rule(who=WHO, which=HERE, soon=SOON)
    def rename_a_contact(self, who: int, which: int, soon: bool) -> None:
        contact = self.row("contact", which)

        def rename(user: Any, value: str) -> Any:
            wanted = [{"value": value, "modifier": ""}]
            return contact_actions.change_field(author=user, contact=contact, name="last name", wanted=wanted)

        self.type(who, soon, rename)

    @rule(who=WHO, which=HERE, drop=st.booleans(), soon=SOON)
    def tag_a_contact(self, who: int, which: int, drop: bool, soon: bool) -> None:
        contact = self.row("contact", which)
        kept = contact.tags[1:] if drop else contact.tags
        self.type(
            who,
            soon,
            lambda user, value: contact_actions.set_tags(author=user, contact=contact, tags=[*kept, f"t{value}"]),
        )

    @rule(who=WHO, which=HERE, soon=SOON)
    def write_a_note(self, who: int, which: int, soon: bool) -> None:
        contact = self.row("contact", which)
        self.type(
            who,
            soon,
            lambda user, value: contact_actions.write_note(author=user, contact=contact, text=f"{SECRET} {value}"),
        )

    @rule(who=WHO, which=HERE, soon=SOON)
    def write_a_deal_note(self, who: int, which: int, soon: bool) -> None:
        deal = self.row("deal", which)
        self.type(
            who,
            soon,
            lambda user, value: deal_actions.write_note(author=user, deal=deal, title="Note", body=f"{SECRET} {value}"),
        )

    @rule(who=WHO, data=st.data(), soon=SOON)
    def change_or_remove_a_note(self, who: int, data: st.DataObject, soon: bool) -> None:
        notes = [note for model in (ContactNote, DealNote) for note in self.written(model)]
        if not notes:
            return
        note = data.draw(st.sampled_from(notes))
        if data.draw(st.booleans()):
            self.remove(who, soon, note)
        elif isinstance(note, ContactNote):
            self.type(
                who,
                soon,
                lambda user, value: contact_actions.change_note(author=user, note=note, text=f"{SECRET} {value}"),
            )
        else:
            self.type(
                who,
                soon,
                lambda user, value: deal_actions.change_note(
                    author=user, note=note, title="Note", body=f"{SECRET} {value}"
                ),
            )

    def written(self, model: Any) -> list[Any]:
        made = Edit.objects.filter(pk__in=self.accepted, kind=model.kind, operation=Edit.Operation.CREATE)
        return list(model._default_manager.filter(pk__in=made.values("record_id")).order_by("pk"))

    @rule(who=WHO, kind=KIND, which=HERE, soon=SOON)
    def delete_a_record(self, who: int, kind: str, which: int, soon: bool) -> None:
        self.remove(who, soon, self.row(kind, which))

    def remove(self, who: int, soon: bool, row: Deal | Contact | ContactNote | DealNote) -> None:
        """One that was never sent is simply dropped."""
        self.type(
            who,
            soon,
            lambda user, _value: (
                deal_actions.remove(author=user, deal=row)
                if isinstance(row, Deal)
                else edits.remove(author=user, row=row)
            ),
        )
        for create in Edit.objects.filter(
            pk__in=self.accepted, kind=row.kind, record_id=row.pk, operation=Edit.Operation.CREATE
        ):
            self.drop_if_ended(create)

    @precondition(lambda self: self.accepted)
    @rule(
        data=st.data(),
        how=st.sampled_from(["undo", "discard", "restore", "retry", "look", "choose", "adopt", "ours", "theirs"]),
    )
    def decide(self, data: st.DataObject, how: str) -> None:
        """Somebody decides about one of the edits, where that is offered."""
        edit = Edit.objects.get(pk=data.draw(st.sampled_from(sorted(self.accepted))))
        getattr(self, how)(edit, self.accepted[edit.pk])

    def ours(self, edit: Edit, value: str, side: str = "new") -> None:
        choices = {name: change[side] for name, change in edit.fields.items() if "theirs" in change}
        if edits.resolve(edit, choices):
            self.resent.add(value)
            self.drop_if_ended(edit)

    def theirs(self, edit: Edit, value: str) -> None:
        self.ours(edit, value, "theirs")

    def retry(self, edit: Edit, value: str) -> None:
        ambiguous = edit.state == State.AMBIGUOUS
        if edits.retry(edit):
            self.resent.add(value)
            self.sent_again[value] += ambiguous

    def look(self, edit: Edit, _value: str) -> None:
        if registry.resource(edit.kind).readable:
            edits.look_again(edit)

    def choose(self, edit: Edit, value: str) -> None:
        if found := edit.error.get("candidates"):
            self.resent.add(value)
            edits.choose(edit, found[0]["id"])

    def adopt(self, edit: Edit, _value: str) -> None:
        edits.adopt(edit)

    def discard(self, edit: Edit, _value: str) -> None:
        if edits.discard(edit):
            self.drop(edit)

    def restore(self, edit: Edit, value: str) -> None:
        if edits.restore(edit):
            self.resent.add(value)
            ended = Edit.objects.filter(pk__in=self.dropped, state__in=[State.DISCARDED, State.UNDONE])
            self.dropped = set(ended.values_list("pk", flat=True))

    def undo(self, edit: Edit, value: str) -> None:
        try:
            back = undo.undo(edit, author=edit.author).edit
        except edits.CannotEdit:
            return
        # Whatever was built on it goes with it.
        for other in Edit.objects.filter(pk__in=self.accepted, state=State.UNDONE):
            self.drop(other)
        self.drop_if_ended(edit)
        if back:
            begun = [change["new"] for name, change in back.fields.items() if name in FOLLOWED]
            self.resent |= {value, *map(plain, begun)}
            self.accepted[back.pk] = "undo"
