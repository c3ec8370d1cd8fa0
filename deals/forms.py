"""Forms of deals: moving one, and a note on one. The fields' own forms are in `deals.fields`."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from contacts.forms.base import typed
from deals import files
from deals.models import Deal, LostReason, Role, Stage
from deals.queries import Laid

# Markdown's marks at the beginning of a line, and around words.
MARKS = re.compile(r"^[\s#>*+\-]+|[*_`]+")
TITLE_LENGTH = 80


class MoveForm(forms.Form):
    """Where to, where from as the page showed it, and why the deal was lost."""

    stage = forms.TypedChoiceField(coerce=int, label=_("Stage"), widget=forms.RadioSelect)
    seen = forms.TypedChoiceField(coerce=int, required=False, empty_value=None, widget=forms.HiddenInput)
    reason = forms.ModelChoiceField(
        LostReason.objects.none(), required=False, label=_("Why was it lost?"), empty_label=_("No reason")
    )

    probability = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=100,
        label=_("Probability"),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), _("Write a whole number from 0 to 100.")),
    )

    def __init__(self, deal: Deal, known: Sequence[Laid], data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.stages: dict[int, Stage] = {stage.pk: stage for laid in known for stage in laid.stages}
        self.deal = deal
        self.fields["stage"].choices = [  # type: ignore[attr-defined]
            (
                laid.pipeline.name,
                [(s.pk, s.name) for s in laid.stages if not s.archived_at or s.nimble_id == deal.stage_nimble_id],
            )
            for laid in known
            if not laid.pipeline.archived_at
        ]
        self.fields["seen"].choices = [(pk, "") for pk in self.stages]  # type: ignore[attr-defined]
        here = next((pk for pk, stage in self.stages.items() if self._is_here(stage)), None)
        self.initial["stage"] = self.initial["seen"] = here
        pipelines = {laid.pipeline.pk for laid in known}
        self.fields["reason"].queryset = LostReason.objects.filter(pipeline__in=pipelines).order_by("text")  # type: ignore[attr-defined]

    def _is_here(self, stage: Stage) -> bool:
        return (stage.nimble_id, stage.pipeline.nimble_id) == (self.deal.stage_nimble_id, self.deal.pipeline_nimble_id)

    @property
    def unsure(self) -> list[Stage]:
        """The stages into which this deal comes only with a probability: neither it nor they have one."""
        if self.deal.probability is not None:
            return []
        return [stage for stage in self.stages.values() if stage.default_probability is None and not stage.archived_at]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        stage = self.stages.get(cleaned.get("stage") or 0)
        if stage not in self.unsure or (stage and self._is_here(stage)):
            cleaned["probability"] = None
        elif cleaned.get("probability") is None and "probability" not in self.errors:
            text = _("Neither the deal nor the stage {stage} has a probability: give one.").format(stage=stage)
            self.add_error("probability", text)
        return cleaned

    @property
    def chosen(self) -> Stage:
        return self.stages[self.cleaned_data["stage"]]

    @property
    def seen_stage(self) -> str | None:
        """Nimble's id of the stage that the page showed."""
        seen = self.stages.get(self.cleaned_data.get("seen") or 0)
        return seen.nimble_id if seen else None

    def reason_text(self) -> str:
        """The reason, where the stage is one in which deals are lost, and the reason its pipeline's."""
        reason: LostReason | None = self.cleaned_data.get("reason")
        if reason is None or self.chosen.role != Role.LOST or reason.pipeline_id != self.chosen.pipeline.pk:
            return ""
        return reason.text


class NoteForm(forms.Form):
    """A note: Markdown, and a title, which is made of the first words where none is given."""

    title = forms.CharField(label=_("Title"), required=False, max_length=256)
    body = forms.CharField(
        label=_("Note"),
        max_length=50_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Write something first.")},
    )

    def clean_body(self) -> str:
        text = typed(self.cleaned_data["body"])
        if not text:
            raise forms.ValidationError(_("Write something first."))
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("body") and not cleaned.get("title"):
            cleaned["title"] = title_of(cleaned["body"])
        return cleaned


def title_of(text: str) -> str:
    """The first words of a Markdown text, without its marks; Nimble wants a title of 1 to 256 characters."""
    line = next((bare for bare in (MARKS.sub("", line).strip() for line in text.split("\n")) if bare), text.strip())
    return Truncator(line).chars(TITLE_LENGTH)


class FileForm(forms.Form):
    """A file at an external storage, by its link: Nimble takes those of three storages."""

    link = forms.CharField(
        label=_("Link"),
        max_length=files.LONGEST_LINK,
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://"}),
    )
    name = forms.CharField(label=_("Name"), max_length=files.LONGEST_NAME, widget=forms.TextInput)
    source = forms.ChoiceField(
        label=_("Kept at"),
        required=False,
        choices=[("", _("As its link says")), *files.EXTERNAL],
        help_text=_("Nimble takes files of these three by their link."),
    )

    def clean_link(self) -> str:
        return files.checked_link(typed(self.cleaned_data["link"]))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("link") and not cleaned.get("source"):
            cleaned["source"] = files.source_by(cleaned["link"])
            if not cleaned["source"]:
                self.add_error("source", _("The link does not say where the file is kept: choose it."))
        return cleaned


class FileNameForm(forms.Form):
    """Another name of a file that Nimble keeps."""

    name = forms.CharField(label=_("Name"), max_length=files.LONGEST_NAME, widget=forms.TextInput)


class RelationForm(forms.Form):
    """What a deal says of a contact that takes part."""

    note = forms.CharField(label=_("Note"), required=False, max_length=1000, widget=forms.TextInput)


class ExternalForm(forms.Form):
    """Somebody who takes part in a deal and is no contact. `taken`: what others of them are called."""

    info = forms.CharField(
        label=_("Name, e-mail address or phone number"),
        max_length=250,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=1000, widget=forms.TextInput)

    def __init__(self, *arguments: Any, taken: Collection[str], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.taken = taken

    def clean_info(self) -> str:
        info: str = self.cleaned_data["info"]
        if info in self.taken:
            raise forms.ValidationError(_("%(info)s takes part already."), params={"info": info})
        return info


class TaskForm(forms.Form):
    """A task for people of a deal. `people`: Nimble's ids of its contacts → their names; `members`: of the team."""

    subject = forms.CharField(
        label=_("Task"),
        min_length=2,
        max_length=128,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    due = forms.DateField(
        label=_("Due"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("Write a date like 2026-03-31.")},
    )
    assignee = forms.ChoiceField(label=_("Assigned to"), required=False)
    contacts = forms.MultipleChoiceField(
        label=_("For these contacts"), required=False, widget=forms.CheckboxSelectMultiple
    )
    notes = forms.CharField(
        label=_("Notes"), required=False, max_length=50_000, strip=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, people: Mapping[str, str], members: Mapping[str, str], *, me: str, data: Any = None) -> None:
        super().__init__(data, auto_id="id-task-%s", label_suffix="")
        self.fields["contacts"].choices = list(people.items())  # type: ignore[attr-defined]
        self.fields["assignee"].choices = list(members.items())  # type: ignore[attr-defined]
        self.initial = {"contacts": list(people), "assignee": me}
        if not people:
            del self.fields["contacts"]

    def clean_notes(self) -> str:
        return typed(self.cleaned_data["notes"])

    def values(self) -> dict[str, Any]:
        """Field → value, as `deals.actions.add_task` takes them."""
        given = self.cleaned_data
        return {
            "subject": given["subject"],
            "due": given["due"].isoformat() if given["due"] else None,
            "text": given["notes"],
            "assignee": given["assignee"] or None,
            "contacts": given.get("contacts") or [],
        }
