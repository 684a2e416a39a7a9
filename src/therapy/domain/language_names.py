"""What languages are called, in English and in Hebrew, for sentences that people read."""

NAMES: dict[str, tuple[str, str]] = {
    "am": ("Amharic", "אמהרית"),
    "ar": ("Arabic", "ערבית"),
    "cs": ("Czech", "צ'כית"),
    "da": ("Danish", "דנית"),
    "de": ("German", "גרמנית"),
    "el": ("Greek", "יוונית"),
    "en": ("English", "אנגלית"),
    "es": ("Spanish", "ספרדית"),
    "fa": ("Persian", "פרסית"),
    "fr": ("French", "צרפתית"),
    "he": ("Hebrew", "עברית"),
    "hi": ("Hindi", "הינדי"),
    "hu": ("Hungarian", "הונגרית"),
    "it": ("Italian", "איטלקית"),
    "ja": ("Japanese", "יפנית"),
    "ka": ("Georgian", "גאורגית"),
    "ko": ("Korean", "קוריאנית"),
    "nl": ("Dutch", "הולנדית"),
    "no": ("Norwegian", "נורווגית"),
    "pl": ("Polish", "פולנית"),
    "pt": ("Portuguese", "פורטוגזית"),
    "ro": ("Romanian", "רומנית"),
    "ru": ("Russian", "רוסית"),
    "sv": ("Swedish", "שוודית"),
    "th": ("Thai", "תאית"),
    "tr": ("Turkish", "טורקית"),
    "uk": ("Ukrainian", "אוקראינית"),
    "yi": ("Yiddish", "יידיש"),
    "zh": ("Chinese", "סינית"),
}
"""English and Hebrew names, by the primary subtag of BCP 47."""


def named(tags: str, language: str) -> str:
    """Return the names of tags with commas between, in "en" or "he"; a tag without a name stays as it is."""
    column = 1 if language == "he" else 0
    found = []
    for tag in filter(None, (each.strip() for each in tags.split(","))):
        primary = tag.replace("_", "-").partition("-")[0].lower()
        name = NAMES.get("he" if primary == "iw" else primary)
        found.append(name[column] if name else tag)
    return ", ".join(dict.fromkeys(found))
