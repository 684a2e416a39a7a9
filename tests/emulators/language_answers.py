"""What the fake Language service finds in one text: pure, simple and always the same.

Sentiment comes from a few words of English and Hebrew, personal data are telephone numbers. Offsets count
code points, which is what the SDK asks for (stringIndexType=UnicodeCodePoint).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Found = dict[str, Any]
HEBREW = re.compile(r"[\u0590-\u05ff]")
SENTENCE = re.compile(r"[^.!?]+[.!?]*\s*|[.!?]+\s*")
PHONE = re.compile(r"\+?\d[\d -]{6,}\d")
WORDS = {
    **dict.fromkeys(("good", "better", "glad", "happy", "calm", "love", "proud"), "positive"),
    **dict.fromkeys(("bad", "worse", "sad", "afraid", "angry", "alone", "hurts"), "negative"),
    **dict.fromkeys(("טוב", "שמח", "שמחה", "רגוע", "אוהב", "אוהבת", "גאה"), "positive"),
    **dict.fromkeys(("רע", "עצוב", "עצובה", "מפחד", "מפחדת", "כועס", "לבד"), "negative"),
}
SCORES = {
    "positive": {"positive": 0.9, "neutral": 0.08, "negative": 0.02},
    "neutral": {"positive": 0.05, "neutral": 0.9, "negative": 0.05},
    "negative": {"positive": 0.02, "neutral": 0.08, "negative": 0.9},
}


def label_of(text: str, scripted: Mapping[str, str]) -> str:
    for part, label in scripted.items():
        if part in text:
            return label
    found = [WORDS[word] for word in re.findall(r"\w+", text.lower()) if word in WORDS]
    return max(("neutral", "positive", "negative"), key=found.count) if found else "neutral"


def sentiment(text: str, scripted: Mapping[str, str]) -> Found:
    sentences = []
    for part in SENTENCE.finditer(text):
        said = part.group().strip()
        if said:
            label = label_of(said, scripted)
            begins = part.start() + part.group().index(said)
            place = {"offset": begins, "length": len(said)}
            scores = {"sentiment": label, "confidenceScores": SCORES[label]}
            sentences.append({"text": said, **scores, **place})
    labels = {sentence["sentiment"] for sentence in sentences} - {"neutral"}
    means = {
        label: round(sum(s["confidenceScores"][label] for s in sentences) / len(sentences), 2)
        for label in SCORES
    }
    label = "mixed" if len(labels) > 1 else next(iter(labels), "neutral")
    return {"sentiment": label, "confidenceScores": means, "sentences": sentences}


def key_phrases(text: str, scripted: Mapping[str, str]) -> Found:
    return {"keyPhrases": list(dict.fromkeys(re.findall(r"\w{5,}", text)))[:5]}


def personal_data(text: str, scripted: Mapping[str, str]) -> Found:
    entities = [
        {
            "text": match.group(),
            "category": "PhoneNumber",
            "offset": match.start(),
            "length": len(match.group()),
            "confidenceScore": 0.8,
        }
        for match in PHONE.finditer(text)
    ]
    redacted = PHONE.sub(lambda match: "*" * len(match.group()), text)
    return {"redactedText": redacted, "entities": entities}


def language(text: str, scripted: Mapping[str, str]) -> Found:
    name, code = ("Hebrew", "he") if HEBREW.search(text) else ("English", "en")
    return {"detectedLanguage": {"name": name, "iso6391Name": code, "confidenceScore": 1.0}}


def abstract(text: str, scripted: Mapping[str, str]) -> Found:
    said = " ".join(text.split()[:12])
    context = {"offset": 0, "length": min(len(text), 80)}
    return {"summaries": [{"text": f"{said} …", "contexts": [context]}]}


def extract(text: str, scripted: Mapping[str, str]) -> Found:
    said = text[:80]
    return {"sentences": [{"text": said, "rankScore": 0.7, "offset": 0, "length": len(said)}]}


ANSWERS: dict[str, Callable[[str, Mapping[str, str]], Found]] = {
    "SentimentAnalysis": sentiment,
    "KeyPhraseExtraction": key_phrases,
    "PiiEntityRecognition": personal_data,
    "LanguageDetection": language,
    "AbstractiveSummarization": abstract,
    "ExtractiveSummarization": extract,
}
