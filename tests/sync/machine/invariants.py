"""What holds after every step."""

from collections import defaultdict
from typing import Any

from django.db.models.functions import Now
from hypothesis.stateful import invariant

from contacts.models import Contact, ContactNote
from crmportal import statements
from deals.models import Deal
from sync import lines, planner, registry
from sync.clock import database_now
from sync.models import NEEDS_PERSON, OVERLAID, Edit, State, Stream
from tests.sync.machine.known import FIELDS, FOLLOWED, Known, plain

MODELS: dict[str, Any] = {"deal": Deal, "contact": Contact}
Operation = Edit.Operation


class Invariants(Known):
    @invariant()
    def all_is_well(self) -> None:
        if not hasattr(self, "accepted"):
            return
        made = list(Edit.objects.select_related("connection", "depends_on").order_by("pk"))
        lines_of: dict[tuple[str, int], list[Edit]] = defaultdict(list)
        for edit in made:
            lines_of[edit.kind, edit.record_id].append(edit)
        self.every_accepted_edit_is_somewhere(lines_of)
        self.the_heads_found_are_the_ones_planned(lines_of)
        if self.stirred:
            self.stirred = False
            self.nothing_is_doubled_and_lines_keep_their_order()
            self.cursors_only_move_forward()
            for kind, model in MODELS.items():
                rows = list(model._default_manager.exclude(nimble_id=None))
                of_kind = [edit for edit in made if edit.kind == kind]
                self.tombstones_are_confirmed(kind, rows)
                self.what_is_deleted_does_not_come_back(kind, rows, of_kind)
                self.what_was_confirmed_is_kept(kind, rows, of_kind)
            notes = list(ContactNote.objects.filter(nimble_id__in=self.deleted))
            of_notes = [edit for edit in made if edit.kind == ContactNote.kind]
            self.what_is_deleted_does_not_come_back(ContactNote.kind, notes, of_notes)

    def every_accepted_edit_is_somewhere(self, lines_of: dict[tuple[str, int], list[Edit]]) -> None:
        for line in lines_of.values():
            for at, edit in enumerate(line):
                if edit.pk not in self.accepted:
                    continue
                value = self.accepted[edit.pk]
                if edit.state in (State.DISCARDED, State.UNDONE):
                    assert edit.pk in self.dropped, f"{edit} ended, and nobody asked for it"
                elif edit.state == State.SUPERSEDED:
                    covered = any(edit.fields.keys() <= other.fields.keys() for other in line[at + 1 :])
                    known = edit.fields.keys() <= {"stage", "pipeline", "tags"}
                    assert covered or known, f"{edit} was replaced by nothing"
                elif edit.state == State.CONFIRMED and edit.fields.keys() & FOLLOWED:
                    arrived = self.told[value] or value == "undo" or value in self.sent_again
                    assert arrived, f"{edit} never reached Nimble"
                else:
                    assert edit.state in (*OVERLAID, *NEEDS_PERSON, State.CONFIRMED), f"{edit} is nowhere"

    def the_heads_found_are_the_ones_planned(self, lines_of: dict[tuple[str, int], list[Edit]]) -> None:
        found = statements.rows("heads", lambda: lines.heads(Now()).values_list("pk"))
        planned = [planner.head(line, database_now()) for line in lines_of.values()]
        assert {edit.pk for edit in planned if edit} == {pk for (pk,) in found}

    def nothing_is_doubled_and_lines_keep_their_order(self) -> None:
        order: dict[str, int] = {}
        for value, count in self.told.items():
            if value in self.resent or value not in self.typed:
                continue
            assert count == 1, f"{value} was sent {count} times"
            number, line = self.typed[value]
            assert number > order.get(line, -1), f"{value} of {line} was sent after a later one"
            order[line] = number
        for value, count in self.created.items():
            assert count <= 1 + self.sent_again[value], f"{count} objects of one create"

    def nothing_is_overwritten_unseen(self, kind: str, nimble_id: str, name: str, before: str, now: str) -> None:
        """Whoever replaces a value has begun from it, or has decided since that theirs is the right one."""
        if before == now:
            return
        field = FIELDS[kind][name]
        made = Edit.objects.filter(kind=kind, record_id__in=MODELS[kind].objects.filter(nimble_id=nimble_id))
        changes = [edit.fields[field] for edit in made if field in edit.fields]
        assert any(plain(change["base"]) == before and plain(change["new"]) == now for change in changes), (
            f"{name} of {kind} {nimble_id}: {before} was overwritten unseen by {now}"
        )

    def what_was_confirmed_is_kept(self, kind: str, rows: list[Any], made: list[Edit]) -> None:
        """No older page takes it away again: as long as Nimble has it, the mirror has it."""
        latest: dict[tuple[int, str], str] = {}
        for edit in sorted((edit for edit in made if edit.confirmed_at), key=lambda edit: edit.confirmed_at or 0):
            for field in FIELDS[kind].values() & edit.fields.keys():
                latest[edit.record_id, field] = plain(edit.fields[field]["new"])
        for row in rows:
            for name, field in FIELDS[kind].items():
                there = self.there.get((kind, row.nimble_id, name))
                if there is None or latest.get((row.pk, field)) != there or row.nimble_id in self.deleted:
                    continue
                kept = plain(registry.resource(kind).values(row.remote).get(field))
                assert kept == there, f"{kind} {row.pk}: {there} was confirmed, and {kept} is kept"

    def what_is_deleted_does_not_come_back(self, kind: str, rows: list[Any], made: list[Edit]) -> None:
        """Neither by an older page nor by its own edits."""
        removed = {edit.record_id for edit in made if edit.operation == Operation.DELETE and edit.confirmed_at}
        for row in rows:
            if row.nimble_id in self.deleted and (row.pk in removed or (kind, row.pk) in self.gone):
                assert row.gone_at, f"{kind} {row.pk} was deleted, and has come back"
            if row.nimble_id in self.deleted and row.gone_at:
                self.gone.add((kind, row.pk))

    def tombstones_are_confirmed(self, kind: str, rows: list[Any]) -> None:
        for row in rows:
            known = row.nimble_id in self.deleted or row.nimble_id in self.hidden
            assert known or not row.gone_at, f"{kind} {row.pk} counts as gone, and is there"

    def cursors_only_move_forward(self) -> None:
        now = database_now().isoformat()
        for stream in Stream.objects.filter(name="contacts"):
            reached = stream.cursor.get("reached", "")
            # Who was told to begin anew may have nothing yet.
            assert self.reached.get(stream.pk, "") <= reached <= now or not stream.cursor
            self.reached[stream.pk] = reached
