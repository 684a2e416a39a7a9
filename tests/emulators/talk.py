"""What is said in the recordings that the fakes of Speech and Fast Transcription hear.

A phrase is a plain dictionary, so that it can come over HTTP: `at` and `dur` in milliseconds, `text`, and
where wanted `speaker` ("Guest-1"; None for one that says nothing of speakers), `lang`, `hyp` (the
hypotheses before it), `status` ("Success"; "NoMatch" is a stretch without words).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Phrase = dict[str, Any]

SENTENCES = {
    "en": (
        "How have you been since we met last?",
        "I was sad on Monday, and then it got better.",
        "What was better on Tuesday?",
        "My sister called, and I was happy to hear her voice.",
        "You sound calm when you talk about her.",
        "I am proud that I picked up the phone.",
    ),
    "he": (
        "איך היה לך מאז שנפגשנו?",
        "ביום שני הייתי עצוב, ואחר כך היה טוב יותר.",
        "מה היה טוב ביום שלישי?",
        "אחותי התקשרה, והייתי שמח לשמוע אותה.",
        "אתה נשמע רגוע כשאתה מדבר עליה.",
        "אני גאה שעניתי לטלפון.",
    ),
}


def dialogue(
    seconds: float = 86_400.0, *, every: float = 5.0, speakers: int = 2, language: str = "en-US"
) -> Iterator[Phrase]:
    """A talk that goes on for `seconds`: one phrase `every` so many, of four fifths of that length."""
    sentences = SENTENCES.get(language[:2].lower(), SENTENCES["en"])
    number = 0
    while (number + 1) * every <= seconds:
        yield {
            "at": int(number * every * 1000),
            "dur": int(every * 800),
            "speaker": f"Guest-{number % speakers + 1}",
            "text": sentences[number % len(sentences)],
            "lang": language,
        }
        number += 1


def words_of(text: str, at: int, dur: int) -> Iterator[tuple[str, int, int]]:
    """The words of a phrase with their times, spread evenly over it."""
    words = text.split()
    step = dur // max(1, len(words))
    for number, word in enumerate(words):
        yield word.strip(".,?!").lower(), at + number * step, step


def language_of(phrase: Phrase, among: list[str]) -> str:
    """Which of these a phrase is in, by the language alone: "" for none, the first if it does not say."""
    spoken = str(phrase.get("lang", among[0])).lower().partition("-")[0]
    return next((each for each in among if each.lower().partition("-")[0] == spoken), "")


def misheard(text: str) -> str:
    """What a model of another language makes of a text: words that nobody said."""
    return " ".join(word[::-1] for word in text.split())
