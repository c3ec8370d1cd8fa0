"""A note's form."""

from django import forms
from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.forms.base import LONGEST, SALT, typed


class NoteForm(forms.Form):
    """A note's text, in Markdown."""

    text = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        error_messages={"required": gettext_lazy("Write something first.")},
    )
    seal = forms.CharField(widget=forms.HiddenInput, required=False)

    @staticmethod
    def fits(text: str, seal: str) -> bool:
        """Whether a note can be changed here: a browser sends each line end as two characters."""
        return len(text) + text.count("\n") <= LONGEST and len(seal) <= LONGEST

    def clean_text(self) -> str:
        text = typed(self.cleaned_data["text"])
        if not text:
            raise forms.ValidationError(_("Write something first."))
        return text

    def clean_seal(self) -> str | None:
        try:
            return signing.loads(self.cleaned_data["seal"], salt=SALT) if self.cleaned_data.get("seal") else None
        except signing.BadSignature:
            return None
