"""What a check has to say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A sentence, and, where it tells of something wrong, what to do about it."""

    text: str
    todo: str = ""


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def counted(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"
