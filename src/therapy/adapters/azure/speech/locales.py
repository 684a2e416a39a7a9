"""The languages that Azure Speech recognises, and which of the requested ones are sent to it.

The lists are those of Microsoft's "Language and voice support", speech to text, as of 2 April 2026; the
service needs full tags, so a bare "he" becomes "he-IL".
"""

from collections.abc import Sequence

from therapy.domain.errors import LanguageNotSupported

FAST_LOCALES = frozenset(
    """
    af-ZA am-ET ar-AE ar-BH ar-EG ar-IL ar-IQ ar-JO ar-KW ar-LB ar-LY ar-OM ar-PS ar-QA ar-SA ar-SY
    az-AZ bg-BG bn-IN ca-ES cs-CZ cy-GB da-DK de-AT de-CH de-DE en-AU en-CA en-GB en-GH en-HK en-IE
    en-IN en-KE en-NG en-NZ en-PH en-SG en-TZ en-US en-ZA es-AR es-BO es-CL es-CO es-CR es-CU es-DO
    es-EC es-ES es-GQ es-GT es-HN es-MX es-NI es-PA es-PE es-PR es-PY es-SV es-US es-UY es-VE et-EE
    eu-ES fa-IR fi-FI fil-PH fr-FR ga-IE gl-ES he-IL hi-IN hr-HR hu-HU hy-AM id-ID is-IS it-IT ja-JP
    jv-ID ka-GE kk-KZ ko-KR lo-LA lt-LT lv-LV mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT my-MM nb-NO nl-NL
    pl-PL ps-AF pt-BR pt-PT ro-RO ru-RU sk-SK sl-SI so-SO sq-AL sr-RS sv-SE sw-KE ta-IN te-IN th-TH
    tr-TR uk-UA ur-IN uz-UZ vi-VN zh-CN zh-HK zh-TW zu-ZA
    """.split()  # noqa: SIM905 - a table to read
)
"""The locales that Fast Transcription recognises."""

LOCALES = FAST_LOCALES | frozenset(
    """
    ar-DZ ar-MA ar-TN ar-YE as-IN bs-BA el-GR fr-BE fr-CA fr-CH gu-IN it-CH km-KH kn-IN ne-NP nl-BE
    or-IN pa-IN si-LK sw-TZ wuu-CN yue-CN zh-CN-shandong zh-CN-sichuan
    """.split()  # noqa: SIM905 - a table to read
)
"""The locales that the conversation transcriber recognises."""

MAIN_LOCALES = {
    "ar": "ar-EG",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "it": "it-IT",
    "iw": "he-IL",
    "nl": "nl-NL",
    "no": "nb-NO",
    "pt": "pt-BR",
    "sw": "sw-KE",
    "zh": "zh-CN",
}
"""The locale for a language alone, if there are several, or if another tag is usual."""

MAX_CANDIDATES = 4
"""How many languages the service can distinguish at the start of a recording."""

_BY_LOWER = {each.lower(): each for each in LOCALES}


def candidates(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the locales to recognise: one for each language, in the order requested, at most four.

    Languages that can't be recognised are left out: one of the others may be spoken.

    Raises:
        LanguageNotSupported: nothing is left.
    """
    found: dict[str, str] = {}
    for tag in tags:
        locale = locale_of(tag)
        if locale:
            found.setdefault(locale.partition("-")[0], locale)
    if not found:
        raise LanguageNotSupported(languages=", ".join(tags))
    return tuple(found.values())[:MAX_CANDIDATES]


def locale_of(tag: str) -> str:
    """Return the locale for a BCP 47 tag; "" if there is none."""
    wanted = tag.strip().replace("_", "-").lower()
    if wanted in _BY_LOWER:
        return _BY_LOWER[wanted]
    language = wanted.partition("-")[0]
    if language in MAIN_LOCALES:
        return MAIN_LOCALES[language]
    return min((each for each in LOCALES if each.partition("-")[0] == language), default="")
