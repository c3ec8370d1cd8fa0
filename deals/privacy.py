"""Who may see a deal and who may change it, as Nimble says it and as people choose it: pure.

`{read, edit}`, each null for everyone, or `{user_ids, group_ids}`: both lists empty is the owner alone. Whoever may
change a deal sees it, and is not named twice. Nimble gives groups no names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

Principals = dict[str, list[str]]


def value(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """A deal's privacy as a value of its field: None where everyone sees and changes it."""
    block = payload.get("privacy")
    found = {name: _principals(block.get(name)) for name in ("read", "edit")} if isinstance(block, dict) else {}
    return found if any(one is not None for one in found.values()) else None


def _principals(told: Any) -> Principals | None:
    if told is None:
        return None
    lists = told if isinstance(told, dict) else {}
    return {name: sorted(_texts(lists.get(name))) for name in ("user_ids", "group_ids")}


def _texts(listed: Any) -> list[str]:
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


@dataclass(frozen=True)
class Sharing:
    """`is_private`: not everyone sees it. `is_kept`: not everyone who sees it changes it. `readers`: the people who see
    it, whoever changes it among them; `editors`: those who change it. The groups stay as Nimble has them.
    """

    is_private: bool
    is_kept: bool
    readers: tuple[str, ...]
    editors: tuple[str, ...]
    reading_groups: tuple[str, ...]
    editing_groups: tuple[str, ...]

    @classmethod
    def of(cls, privacy: Mapping[str, Any] | None) -> "Sharing":
        read, edit = ((privacy or {}).get(name) for name in ("read", "edit"))
        editors, editing = _both(edit)
        readers, reading = _both(read)
        # Whoever sees it is among those who change it.
        all_change = edit is None or (read is not None and not readers and not reading and bool(editors or editing))
        return cls(
            is_private=read is not None,
            is_kept=not all_change,
            readers=tuple(sorted({*readers, *editors})) if read is not None else (),
            editors=() if all_change else editors,
            reading_groups=reading if read is not None else (),
            editing_groups=editing,
        )

    @property
    def people(self) -> list[str]:
        return sorted({*self.readers, *self.editors})

    @property
    def groups_text(self) -> str:
        """That groups are named, too."""
        count = len({*self.reading_groups, *self.editing_groups})
        said = ngettext("And %d group, as set in Nimble.", "And %d groups, as set in Nimble.", count) % count
        return said if count else ""

    def chosen(self, *, readers: Sequence[str] | None, editors: Sequence[str] | None) -> dict[str, Any] | None:
        """What Nimble is given for these people; None for everyone. Whoever changes a deal that is private is always
        named: "everyone" would let everyone see it.
        """
        groups = {*self.reading_groups, *self.editing_groups}
        if readers is None:
            return None if editors is None else {"read": None, "edit": _named(editors, self.editing_groups)}
        if editors is None:
            return {"read": _named([], []), "edit": _named(readers, groups)}
        only_reading = {*readers} - {*editors}
        return {
            "read": _named(only_reading, groups - {*self.editing_groups}),
            "edit": _named(editors, self.editing_groups),
        }


def _named(people: Any, groups: Any) -> Principals:
    return {"user_ids": sorted(people), "group_ids": sorted(groups)}


def _both(principals: Mapping[str, Any] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    lists = principals or {}
    return tuple(lists.get("user_ids") or ()), tuple(lists.get("group_ids") or ())


def text(privacy: Mapping[str, Any] | None, members: Mapping[str, str]) -> str:
    """Who sees a deal, and who changes it where that is not the same, in words."""
    sharing = Sharing.of(privacy)

    def names(people: Sequence[str], groups: Sequence[str]) -> str:
        known = sorted(members.get(one) or _("somebody") for one in people)
        more = [ngettext("%d group", "%d groups", len(groups)) % len(groups)] if groups else []
        return ", ".join([_("the owner"), *known, *more])

    seen = _("Everyone")
    if sharing.is_private:
        groups = sorted({*sharing.reading_groups, *sharing.editing_groups})
        seen = _("Only {names}").format(names=names(sharing.readers, groups))
    if not sharing.is_kept:
        return seen
    changed = names(sharing.editors, sharing.editing_groups)
    return _("{seen}; changed by {changed}").format(seen=seen, changed=changed)
