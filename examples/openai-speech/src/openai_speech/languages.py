"""Languages: which of therapy's BCP 47 tags the server is told, and which of them an answer means.

The table is Whisper's own: its code of a language, and the name that `verbose_json` says instead.
"""

from collections.abc import Mapping, Sequence

from therapy.domain.errors import LanguageNotSupported

NAMES: Mapping[str, str] = dict(
    pair.split(":")
    for pair in """
    af:afrikaans am:amharic ar:arabic as:assamese az:azerbaijani ba:bashkir be:belarusian bg:bulgarian
    bn:bengali bo:tibetan br:breton bs:bosnian ca:catalan cs:czech cy:welsh da:danish de:german el:greek
    en:english es:spanish et:estonian eu:basque fa:persian fi:finnish fo:faroese fr:french gl:galician
    gu:gujarati ha:hausa haw:hawaiian he:hebrew hi:hindi hr:croatian ht:haitian_creole hu:hungarian
    hy:armenian id:indonesian is:icelandic it:italian ja:japanese jw:javanese ka:georgian kk:kazakh
    km:khmer kn:kannada ko:korean la:latin lb:luxembourgish ln:lingala lo:lao lt:lithuanian lv:latvian
    mg:malagasy mi:maori mk:macedonian ml:malayalam mn:mongolian mr:marathi ms:malay mt:maltese
    my:myanmar ne:nepali nl:dutch nn:nynorsk no:norwegian oc:occitan pa:punjabi pl:polish ps:pashto
    pt:portuguese ro:romanian ru:russian sa:sanskrit sd:sindhi si:sinhala sk:slovak sl:slovenian
    sn:shona so:somali sq:albanian sr:serbian su:sundanese sv:swedish sw:swahili ta:tamil te:telugu
    tg:tajik th:thai tk:turkmen tl:tagalog tr:turkish tt:tatar uk:ukrainian ur:urdu uz:uzbek
    vi:vietnamese yi:yiddish yo:yoruba yue:cantonese zh:chinese
    """.split()  # noqa: SIM905 - a table to read
)
CODES = {name.replace("_", " "): code for code, name in NAMES.items()}
OTHER_CODES = {"fil": "tl", "iw": "he", "jv": "jw", "nb": "no", "in": "id"}
"""What the same language is called elsewhere."""


def codes_of(tags: Sequence[str]) -> dict[str, str]:
    """Return the server's code of each language that it does, with the tag that asked for it, in order.

    Raises:
        LanguageNotSupported: it does none of them.
    """
    found: dict[str, str] = {}
    for tag in tags:
        if code := _code(tag.replace("_", "-").partition("-")[0]):
            found.setdefault(code, tag)
    if not found:
        raise LanguageNotSupported(languages=", ".join(tags))
    return found


def tag_of(said: str, asked: Mapping[str, str]) -> str:
    """Return the tag of the language that an answer names: that which asked for it, else its code.

    An answer that names none (those with voices do not) is taken to be in the likeliest.
    """
    if not said:
        return next(iter(asked.values()))
    code = _code(said.partition("-")[0]) or said
    return asked.get(code, code)


def _code(language: str) -> str:
    """Return the code of a language, given as a code of any kind or by its English name; "" if unknown."""
    name = language.strip().lower()
    name = OTHER_CODES.get(name, name)
    return name if name in NAMES else CODES.get(name.replace("_", " "), "")
