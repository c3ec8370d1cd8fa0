"""Changing one field of a deal: its form, and the value that it gives.

A form carries what its reader saw, sealed, so that a change by somebody else meanwhile is noticed as a conflict.
"""

import re
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext as _

from contacts.forms.base import typed
from deals import inputs, privacy
from deals.record import Record, Row

SALT = "deals.fields.seen"


class FieldForm(forms.Form):
    """`row`: the field. `begun`: what is typed already, where Nimble refused it. `wanted()`: the value to send."""

    template = "contacts/forms/single.html"
    seal = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, record: Record, row: Row, data: Any = None, begun: Any = None, prefix: str | None = None
    ) -> None:
        self.record, self.row = record, row
        self.begun = row.value if begun is None else begun
        super().__init__(data, prefix=prefix, auto_id=f"id-{row.dom_id}-%s", label_suffix="")
        self.fields["seal"].initial = signing.dumps(row.value, salt=SALT, compress=True)
        self.build()
        if prefix is None:
            # It is the page's only form.
            self.visible_fields()[0].field.widget.attrs["autofocus"] = True

    def build(self) -> None:
        """Add the inputs, filled with what was begun."""
        self.fields["value"] = self._input()

    @property
    def is_custom(self) -> bool:
        return self.row.field is not None

    @property
    def has_several(self) -> bool:
        """Whether one input a value would not do."""
        field = self.row.field
        return field is not None and (field.multiples or len(self.row.value) > 1)

    def _input(self) -> forms.Field:
        kind, field, name = self.row.kind, self.row.field, self.row.name
        common: dict[str, Any] = {"label": self.row.label, "required": name == "name"}
        begun: Any = self._as_text(self.begun)
        if kind == "address":
            begun = self.begun if isinstance(self.begun, list) else []
        elif kind in inputs.CHOSEN:
            options = inputs.options_of(kind, field.choices if field else [], self.record.members)
            standing = [str(one) for one in self.begun or []] if self.has_several else [begun] if begun else []
            # What nobody can choose any more stays where it stands.
            options += [(one, self.record.text(kind, one, field)) for one in standing if one not in dict(options)]
            # A deal always has an owner.
            common |= {"options": options, "empty": not (name == "owner" and begun)}
            begun = standing if self.has_several else begun
        elif name == "probability" and self.record.usual is not None:
            common["help_text"] = _("Empty: the stage's own, {n} %.").format(n=self.record.usual)
        elif field:
            common["presentation"] = field.presentation
        if name in inputs.LIMITS:
            common["limit"] = inputs.LIMITS[name]
        return inputs.made(kind, begun=begun, several=self.has_several, **common)

    # --- values and texts ---

    def _as_text(self, value: Any) -> str:
        """What the input shows of a value."""
        if self.is_custom:
            items = value if isinstance(value, list) else []
            return "\n".join(inputs.as_text(self.row.kind, item) for item in items)
        return "\n".join(value or []) if self.row.kind == "tags" else inputs.as_text(self.row.kind, value)

    def clean_seal(self) -> Any:
        sealed = self.cleaned_data.get("seal")
        if not sealed:
            return self.row.value
        try:
            return signing.loads(sealed, salt=SALT)
        except signing.BadSignature:
            text = _("This form is out of date. Reload the page; your text is still here.")
            raise forms.ValidationError(text) from None

    def add_error(self, field: str | None, error: Any) -> None:
        """The seal is hidden: what is wrong with it is said above the form."""
        super().add_error(None if field == "seal" else field, error)

    def clean_value(self) -> Any:
        """The value as it is stored, of what was typed; each line of several on its own."""
        given = self.cleaned_data["value"]
        if self.row.kind == "tags":
            return inputs.tag_lines(typed(given))
        if self.row.field:
            shape = self.row.field.presentation
            return inputs.values_of(self.row.kind, given, several=self.has_several, presentation=shape)
        text = typed(given)
        if self.row.name == "name" and not text:
            raise forms.ValidationError(_("A deal needs a name."))
        if self.row.name == "probability" and not text and self.record.stage and self.record.usual is None:
            raise forms.ValidationError(_("This stage has no probability of its own: give one."))
        return inputs.parsed(self.row.kind, text) if text else None

    @property
    def seen(self) -> Any:
        """What the reader saw when they began."""
        return self.cleaned_data.get("seal", self.row.value)

    def wanted(self) -> Any:
        """The value to send: what the reader saw, where nobody touched it."""
        shown = self._as_text(self.seen)
        given = self.data.getlist(self.add_prefix("value")) if hasattr(self.data, "getlist") else []
        if not self.has_several and len(given) == 1 and _same(given[0], shown):
            return self.seen
        value = self.cleaned_data["value"]
        return self.seen if self.has_several and [str(v) for v in self.seen or []] == [str(v) for v in value] else value


class PrivacyForm(FieldForm):
    """Who may see the deal, and who of them may change it. Groups, which Nimble does not name, stay as they are."""

    def build(self) -> None:
        found = privacy.Sharing.of(self.begun)
        team = list(self.record.members.items())
        strange = [(one, _("Somebody who is not known here")) for one in found.people if one not in self.record.members]
        people = [(one, name) for one, name in [*team, *strange] if one != self.record.deal.owner_id]
        # Whoever takes a deal from everybody hardly means to take it from themselves.
        me = [one for one, _name in people if one == self.record.reader]
        sees = [("everyone", _("Everyone")), ("some", _("The owner, and whom I choose"))]
        changes = [("everyone", _("Everyone who sees it")), ("some", _("The owner, and whom I choose"))]
        boxes, kept = forms.CheckboxSelectMultiple, {False: "everyone", True: "some"}
        self.fields["sees"] = forms.ChoiceField(
            label=_("Who sees it"),
            choices=sees,
            widget=forms.RadioSelect,
            initial=kept[found.is_private],
        )
        self.fields["readers"] = forms.MultipleChoiceField(
            label=_("Seen by"),
            choices=people,
            widget=boxes,
            required=False,
            initial=found.readers if found.is_private else me,
            help_text=found.groups_text,
        )
        self.fields["changes"] = forms.ChoiceField(
            label=_("Who changes it"),
            choices=changes,
            widget=forms.RadioSelect,
            initial=kept[found.is_kept],
        )
        self.fields["editors"] = forms.MultipleChoiceField(
            label=_("Changed by"),
            choices=people,
            widget=boxes,
            required=False,
            initial=found.editors if found.is_kept else me,
        )

    def wanted(self) -> Any:
        given = self.cleaned_data
        sharing = privacy.Sharing.of(self.seen)
        chosen = sharing.chosen(
            readers=given["readers"] if given["sees"] == "some" else None,
            editors=given["editors"] if given["changes"] == "some" else None,
        )
        return self.seen if self._is_untouched(sharing) else chosen

    def _is_untouched(self, sharing: privacy.Sharing) -> bool:
        given, owner = self.cleaned_data, {self.record.deal.owner_id}
        sees, changes = given["sees"] == "some", given["changes"] == "some"
        return (
            (sees, changes) == (sharing.is_private, sharing.is_kept)
            and (not sees or {*given["readers"]} == {*sharing.readers} - owner)
            and (not changes or {*given["editors"]} == {*sharing.editors} - owner)
        )


def form_of(record: Record, row: Row, data: Any = None, begun: Any = None, prefix: str | None = None) -> FieldForm:
    """The form of a field."""
    kind = PrivacyForm if row.name == "privacy" else FieldForm
    return kind(record, row, data, begun, prefix)


def _same(one: str, other: str) -> bool:
    return re.sub(r"\s*[\r\n]+\s*", "\n", typed(one)) == re.sub(r"\s*[\r\n]+\s*", "\n", typed(other))
