"""What a person sets for themselves."""

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from team.models import Profile, Theme


def zones() -> list[tuple[str, Any]]:
    """Every time zone by its city, the places of the old calendars left out."""
    names = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/"))
    )
    return [("", _("UTC")), *((name, name.replace("_", " ")) for name in names)]


def languages() -> list[tuple[str, Any]]:
    return [("", _("As my browser asks")), *settings.LANGUAGES]


class ProfileForm(forms.ModelForm):
    """All of a profile."""

    language = forms.ChoiceField(label=_("Language"), choices=languages, required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zones, required=False)

    class Meta:
        model = Profile
        fields = ["theme", "language", "time_zone", "keys", "emails"]
        labels = {"theme": _("Theme"), "keys": _("Single-key shortcuts"), "emails": _("E-mail me what needs me")}
        help_texts = {
            "emails": _("Several things in one e-mail, at most one each half hour. They are listed here anyway."),
            "keys": _("Letters such as G and D go places. Switch them off if you dictate or use other helpers."),
        }


class PreferencesForm(forms.Form):
    """One of the buttons in the person's menu."""

    theme = forms.ChoiceField(choices=Theme.choices, required=False)
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)

    def apply(self, profile: Profile) -> None:
        """Keep what was pressed."""
        for name, value in self.cleaned_data.items():
            if value:
                setattr(profile, name, value)
        profile.save()
