"""Which of our languages somebody prefers: by an Accept-Language header, or by a language tag."""

LANGUAGES = ("en", "he")
"""The languages of the texts; any other is answered in English."""


def preferred(accept_language: str | None, default: str = "en") -> str:
    """Return "en" or "he", chosen by an Accept-Language header (RFC 9110, 12.5.4). Never raises.

    The greatest quality wins, and the first of equal ones; "*" stands for whatever is not named, the
    default first. What can't be parsed is skipped. If nothing is left, it is the default, unless that
    was refused (q=0).
    """
    fallback = language_of(default) or "en"
    (other,) = {*LANGUAGES} - {fallback}
    qualities: dict[str, float] = {}
    rest = None
    for item in (accept_language or "")[:1000].split(","):
        tag, _, parameters = item.partition(";")
        language, quality = language_of(tag), _quality(parameters)
        if quality is not None and language:
            qualities[language] = max(quality, qualities.get(language, 0.0))
        elif quality is not None and tag.strip() == "*":
            rest = quality
    if rest is not None:
        qualities = qualities | {one: rest for one in (fallback, other) if one not in qualities}
    if any(qualities.values()):
        return max(qualities, key=lambda language: qualities[language])
    return other if fallback in qualities and other not in qualities else fallback


def language_of(tag: str) -> str:
    """Return which of our languages a BCP 47 tag names, or "". "iw" is Hebrew on old Androids."""
    primary = tag.strip().replace("_", "-").partition("-")[0].lower()
    primary = "he" if primary == "iw" else primary
    return primary if primary in LANGUAGES else ""


def _quality(parameters: str) -> float | None:
    """Return the q of an Accept-Language item, 1 if it has none; None if it isn't a number from 0 to 1."""
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip().lower() == "q":
            digits = value.strip()
            if not digits.replace(".", "", 1).isdigit() or not digits.isascii():
                return None
            quality = float(digits)
            return quality if quality <= 1 else None
    return 1.0
