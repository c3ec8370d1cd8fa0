"""How values look on a page: money, initials, hues. Plain functions, shared by templates and fast renderers."""

import zlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta, get_datetime_format
from babel.numbers import format_currency, format_decimal
from django.utils import timezone
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

HUES = 8
# From how many days on an age is told in weeks, months, years: what is left out of it is small beside it.
WEEKS, MONTHS, YEARS = 14, 61, 731

_to_locale = lru_cache(to_locale)


def locale() -> str:
    """Babel's name of the language that the page is in."""
    return _to_locale(get_language() or "en")


@lru_cache(maxsize=8192)
def _money(amount: Decimal, currency: str, name: str) -> str:
    formats = Locale.parse(name)
    if not currency:
        return format_decimal(amount, locale=formats)
    if amount == amount.to_integral_value():
        pattern = formats.currency_formats["standard"].pattern.replace(".00", "")
        return format_currency(amount, currency, format=pattern, currency_digits=False, locale=formats)
    return format_currency(amount, currency, locale=formats)


def money(amount: Decimal | int | float | None, currency: str | None, name: str = "") -> str:
    """An amount with its currency, without a fraction where there is none; "" for no amount.

    In the reader's locale; who formats many passes its `name`, to ask for it once.
    """
    if amount is None:
        return ""
    return _money(
        amount if isinstance(amount, Decimal) else Decimal(str(amount)), (currency or "").upper(), name or locale()
    )


def initials(name: str | None) -> str:
    """Two letters that stand for a name: of the first and the last word."""
    words = [word for word in (name or "").replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else words[0][1:2])).upper()


def hue(key: object) -> str:
    """The class of one of the eight hues, always the same for the same key."""
    return f"hue-{zlib.crc32(str(key).encode()) % HUES + 1}"


def day(value: date | None) -> str:
    """A day as it is written everywhere: "Mar 7, 2026". Of a moment the one that it is here."""
    if value is None:
        return ""
    local = timezone.localtime(value) if isinstance(value, datetime) and timezone.is_aware(value) else value
    return format_date(local, format="medium", locale=locale())


def day_of_any_year(value: date) -> str:
    """A day without its year: "Mar 7"."""
    return format_skeleton("MMMd", value, locale=locale())


def moment(value: datetime | None) -> str:
    """A moment as it is written everywhere, to the minute: "Mar 7, 2026, 10:35 AM"."""
    if value is None:
        return ""
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    # Babel's own would tell the seconds. Its narrow space before AM and PM is hardly one in small print.
    clock = format_time(local.replace(tzinfo=None), format="short", locale=locale()).replace("\u202f", "\xa0")
    return str(get_datetime_format("medium", locale=locale())).replace("{1}", day(local)).replace("{0}", clock)


def ago(moment: datetime | None) -> str:
    """How long ago something was, in few words: "2 min ago"."""
    if moment is None:
        return ""
    return format_timedelta(moment - timezone.now(), add_direction=True, format="short", locale=locale())


def span(seconds: float | None) -> str:
    """A length of time in few words: "3 min"."""
    return "" if seconds is None else format_timedelta(timedelta(seconds=seconds), format="short", locale=locale())


@lru_cache(maxsize=2048)
def _age(days: int, name: str) -> str:
    if days < WEEKS:
        return _("{n}d").format(n=days)
    if days < MONTHS:
        return _("{n}w").format(n=days // 7)
    if days < YEARS:
        return _("{n}mo").format(n=int(days / 30.44))
    return _("{n}y").format(n=int(days / 365.25))


def age(days: int, name: str = "") -> str:
    """An age in the fewest letters, in whole days, weeks, months or years: "13d", "8w", "5mo", "3y".

    In the reader's language; who formats many passes its `name`, to ask for it once.
    """
    return _age(days, name or locale())


def number(value: float | Decimal | None) -> str:
    """A number with the reader's separators."""
    return "" if value is None else format_decimal(value, locale=locale())
