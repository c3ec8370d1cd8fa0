"""Tags and filters of the pages' own components: icons, navigation, money, initials, hues, form controls."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crmportal import formats

register = template.Library()

# Two or three lines of tags; a few more are no reason to fold them.
FIRST, FEW = 12, 3


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite: decoration, unless a label says what it means where no text does."""
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"/></svg>', label, static("icons.svg"), name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.simple_tag(takes_context=True)
def nav(
    context: template.Context, href: str, glyph: str, label: str, key: str = "", count: int | None = None
) -> SafeString:
    """A link of the sidebar: marked when the page is below it, with the letter that `G` takes there and a count.

    A page that belongs elsewhere than its address says gives the `section`.
    """
    request = context.get("request")
    path = context.get("section") or (request.path if request else "")
    here = path == href if href == "/" else path.startswith(href)
    return format_html(
        '<a href="{}"{}{} title="{}">{}<span>{}</span>{}</a>',
        href,
        SafeString(' aria-current="page"') if here else "",
        format_html(' data-go="{}"', key) if key else "",
        label,
        icon(glyph),
        label,
        nav_count(href, count) if count is not None else "",
    )


@register.simple_tag
def fold(values: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """What a page shows of many small things, and the `rest`, which it keeps folded: {% fold row.value as tags %}."""
    most = FIRST if len(values) > FIRST + FEW else len(values)
    return {"shown": values[:most], "rest": values[most:]}


@register.simple_tag
def nav_count(href: str, count: int, oob: bool = False) -> SafeString:
    """What waits on a page, beside its link; `oob` brings it to a page that is open."""
    return format_html(
        '<span class="badge" id="count-{}"{}{}>{}</span>',
        href.strip("/"),
        SafeString("" if count else " hidden"),
        SafeString(' hx-swap-oob="true"' if oob else ""),
        count,
    )


@register.filter
def money(amount: Decimal | float | None, currency: str | None = "") -> str:
    return formats.money(amount, currency)


@register.filter
def figure(value: Decimal | float | None, currency: str) -> str:
    """A sum of money, or a number of things where there is no currency."""
    return formats.money(value, currency) if currency else formats.number(value)


@register.filter
def number(value: Decimal | float | None) -> str:
    return formats.number(value)


@register.filter
def span(seconds: float | None) -> str:
    return formats.span(seconds)


@register.filter
def day(value: date | None) -> str:
    return formats.day(value or None)


@register.filter
def moment(value: datetime | None) -> str:
    return formats.moment(value or None)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """A moment as "2 min ago", with the exact time behind it."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(),
        formats.moment(local),
        formats.ago(moment),
    )


@register.filter
def initials(name: object) -> str:
    return formats.initials(str(name or ""))


@register.filter
def initial(name: object) -> str:
    return formats.initials(str(name or ""))[:1]


@register.filter
def hue(key: object) -> str:
    return formats.hue(key)


@register.filter(name="is")
def is_(value: object, other: object) -> str:
    """ "true" or "false" for an ARIA attribute."""
    return "true" if value == other else "false"


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's widget in the looks of the pages, told to a screen reader together with its help and errors."""
    kind = getattr(field.field.widget, "input_type", None)
    attrs: dict[str, Any] = {"class": {"select": "select"}.get(kind or "", "input" if kind else "textarea")}
    described = [f"{field.auto_id}_helptext"] if field.help_text else []
    if field.errors:
        attrs["aria-invalid"] = "true"
        described.append(f"{field.auto_id}_error")
    if described:
        attrs["aria-describedby"] = " ".join(described)
    return field.as_widget(attrs=attrs)
