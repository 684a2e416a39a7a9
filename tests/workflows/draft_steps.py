"""Steps that tests of drafts begin with: a session in review, and its draft as a client saves it."""

from tests.builders import SESSION, an_utterance
from tests.workflows.memory_installation import (
    ACTOR,
    an_installation,
    begun,
)
from therapy.domain.edited_lines import EditedLine
from therapy.domain.transcript import Speaker, Word
from therapy.workflows import drafts
from therapy.workflows.draft_preconditions import NEW, Precondition
from therapy.workflows.drafts import SentDraft


def having(view):
    return Precondition(frozenset({view.draft.revision}))


async def in_review(**ports):
    installed = await an_installation(**ports)
    await begun(installed)
    await installed.work()
    return installed


def sent(view_or_version, reviewed_to_ms=0, **texts):
    """Return the lines of a draft or version as they are sent; `_<start>` gives one another text."""
    lines = getattr(view_or_version, "lines", None) or view_or_version.utterances
    base = getattr(view_or_version, "base", view_or_version).number
    changed = [
        EditedLine(each.start_ms, each.speaker, texts.get(f"_{each.start_ms}", each.text))
        for each in lines
    ]
    return SentDraft(base, changed, reviewed_to_ms)


async def save(installed, draft, precondition=NEW, actor=ACTOR):
    return await drafts.save(actor, SESSION, draft, precondition, records=installed.records)


async def show(installed):
    return await drafts.show(ACTOR, SESSION, records=installed.records)


def texts_of(view):
    return [each.text for each in view.lines]


def an_hour_of_lines(number=2_000):
    """An hour of speech in short lines, each with its words."""
    step = 3_600_000 // number
    return tuple(
        an_utterance(
            "I was so tired of it all this week, and then",
            at,
            speaker=Speaker.UNKNOWN,
            voice=str(at // step % 2),
            end_ms=at + step - 1,
            words=tuple(
                Word("tired", word, word + step // 12, 0.91)
                for word in range(at, at + step, step // 10)
            ),
        )
        for at in range(0, number * step, step)
    )
