"""Insights from a few simple rules."""

import re
from collections.abc import Sequence

from therapy.domain.insights import (
    Gap,
    Insights,
    Part,
    PersonalDetail,
    most_telling,
    nothing_but,
)
from therapy.domain.transcript import Utterance
from therapy.ports.insights import InsightFinder

_PHONE = re.compile(r"\+?\d[\d -]{5,}\d")
_LONG_WORD = re.compile(r"\w{5,}")


class MemoryInsightFinder(InsightFinder):
    """Finds long words, phone numbers and, as a summary, what was said first; English only.

    Parts in `down` fail.
    """

    def __init__(self) -> None:
        self.down: set[Part] = set()

    async def find(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        utterances: Sequence[Utterance],
        language: str,
    ) -> Insights:
        if not any(each.text.strip() for each in utterances):
            return Insights()
        if language.partition("-")[0].lower() != "en":
            return nothing_but("language")
        words = [word for each in utterances for word in _LONG_WORD.findall(each.text)]
        details = [
            PersonalDetail(place, found.start(), len(found.group()), "PhoneNumber")
            for place, each in enumerate(utterances)
            for found in _PHONE.finditer(each.text)
        ]
        up = set(Part) - self.down
        return Insights(
            key_phrases=most_telling(words) if Part.KEY_PHRASES in up else (),
            personal_details=tuple(details) if Part.PERSONAL_DETAILS in up else (),
            summary_draft=utterances[0].text if Part.SUMMARY in up else "",
            gaps=tuple(Gap(part, "engine_failed") for part in Part if part in self.down),
            engine="memory",
        )
