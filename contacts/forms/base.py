"""What every form of a field shares: what its reader saw, sealed, and what they typed, as it is stored."""

import re
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext as _

from contacts import layout
from contacts.record import Record

Values = list[dict[str, str]]
SALT = "contacts.forms.seen"
LONGEST = 200_000


def typed(text: str) -> str:
    """What a person typed, as it is stored: a browser sends line ends of its own."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()


def as_shown(value: str, *, long: bool) -> str:
    """What an input gives back of a value that nobody touched: one line's input drops line ends."""
    return typed(value) if long else re.sub(r"[\r\n\x00]", "", value).strip()


def untouched(value: str, text: str, *, long: bool = False) -> bool:
    return as_shown(value, long=long) == as_shown(text, long=long)


def sealed(value: Any) -> str:
    """What a reader sees, to come back with their form."""
    return signing.dumps(value, salt=SALT, compress=True)


class FieldForm(forms.Form):
    """The base: `record` and the field's `name`; `wanted()` gives the values to send, `seen` what the reader saw."""

    template = "contacts/forms/single.html"
    seal = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, record: Record, name: str, data: Any = None, begun: Any = None, prefix: str | None = None
    ) -> None:
        self.record, self.name = record, name
        self.known = record.known.get(name) or []
        self.present: Any = self.read()
        self.begun: Any = self.present if begun is None else begun
        super().__init__(data, prefix=prefix, auto_id=f"id-{name.encode().hex()[:60]}-%s", label_suffix="")
        self.fields["seal"].initial = sealed(self.present)
        self.build()
        if prefix is None:
            # It is the page's only form.
            self.first_input().attrs["autofocus"] = True

    def first_input(self) -> forms.Widget:
        """Where typing begins."""
        return self.visible_fields()[0].field.widget

    def read(self) -> Any:
        """What stands in the field now."""
        return self.record.of(self.name)

    def build(self) -> None:
        """Add the inputs, filled with what was begun (what stands there now, or what Nimble refused)."""
        raise NotImplementedError

    def wanted(self) -> Any:
        """The values to send. Only of a valid form."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        return layout.label(self.name, self.known)

    @property
    def seen(self) -> Any:
        """What the reader saw when they began."""
        return self.cleaned_data.get("seal", self.present)

    def clean_seal(self) -> Any:
        sealed = self.cleaned_data.get("seal")
        if not sealed:
            return self.present
        try:
            return signing.loads(sealed, salt=SALT)
        except signing.BadSignature:
            text = _("This form is out of date. Reload the page; your text is still here.")
            raise forms.ValidationError(text) from None

    def add_error(self, field: str | None, error: Any) -> None:
        """The seal is hidden: what is wrong with it is said above the form."""
        super().add_error(None if field == "seal" else field, error)
