"""Lines of a draft: what was sent as utterances; splitting and merging lines; who said which.

Whoever edits sends text, speaker and times; words, confidence and flags stay with a line for as long as its
text is that of the version, or of the draft before, and nobody can send others.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from therapy.domain.edited_lines import EditedLine, check_lines
from therapy.domain.errors import InvalidInput
from therapy.domain.transcript import Speaker, TranscriptVersion, Utterance, Word, with_word_times

LATEST_MS = 1_000_000_000
"""No time of a line is later: eleven days."""


def drafted(
    base: TranscriptVersion, before: Iterable[Utterance], sent: Sequence[EditedLine]
) -> tuple[Utterance, ...]:
    """Return the lines that were sent, with what is known of them in the base or the draft `before`.

    Raises:
        InvalidInput: a line is out of order, begins like the one before it, or ends before it begins.
    """
    check_lines(sent, with_texts=False)
    in_base = {each.start_ms: each for each in base.utterances}
    in_draft = {each.start_ms: each for each in before}
    ends = [*(each.start_ms for each in sent[1:]), base.duration_ms]
    return tuple(
        _drafted(line, in_base.get(line.start_ms), in_draft.get(line.start_ms), end)
        for line, end in zip(sent, ends, strict=False)  # there is an end more if there are no lines
    )


def _drafted(
    line: EditedLine, in_base: Utterance | None, in_draft: Utterance | None, next_start: int
) -> Utterance:
    same = next((each for each in (in_draft, in_base) if each and each.text == line.text), None)
    known = same or in_draft or in_base
    if known is None:
        end = max(line.start_ms, next_start) if line.end_ms is None else line.end_ms
        found = Utterance(line.start_ms, end, line.text, line.speaker)
    else:
        found = replace(
            known,
            end_ms=known.end_ms if line.end_ms is None else line.end_ms,
            text=line.text,
            speaker=line.speaker,
            words=known.words if same else (),
            flags=known.flags if same else (),
            heard=known.heard if same else "",
            scores=None,
        )
    return _marked(found, in_base)


def _marked(line: Utterance, in_base: Utterance | None) -> Utterance:
    """Return a line that says whether a person changed its text or speaker, or added it."""
    if in_base is None:
        return replace(line, edited=True)
    changed = (line.text, line.speaker) != (in_base.text, in_base.speaker)
    return replace(line, edited=in_base.edited or changed)


def with_speakers(
    base: TranscriptVersion, lines: Iterable[Utterance], of: Callable[[Utterance], Speaker]
) -> tuple[Utterance, ...]:
    """Return the lines with the speakers that `of` returns for them."""
    in_base = {each.start_ms: each for each in base.utterances}
    return tuple(
        _marked(replace(each, speaker=of(each)), in_base.get(each.start_ms)) for each in lines
    )


def with_texts(
    base: TranscriptVersion, lines: Iterable[Utterance], texts: dict[int, str]
) -> tuple[Utterance, ...]:
    """Return the lines with these texts, by start; the others stay."""
    in_base = {each.start_ms: each for each in base.utterances}
    return tuple(
        _retold(each, texts[each.start_ms], in_base.get(each.start_ms))
        if each.start_ms in texts
        else each
        for each in lines
    )


def _retold(line: Utterance, text: str, in_base: Utterance | None) -> Utterance:
    sent = EditedLine(line.start_ms, line.speaker, text, line.end_ms)
    return _drafted(sent, in_base, line, line.end_ms)


def split(
    lines: Sequence[Utterance], start_ms: int, at_word: int, base: Sequence[Utterance] = ()
) -> tuple[Utterance, ...]:
    """Return the lines with one split before its word `at_word`, counted from 0; both keep their words.

    The times of the words of an edited line are found by those of the `base` version; where none were heard
    the time of the split is estimated from the letters.

    Raises:
        InvalidInput: there is no such line, its text has no such word but the first, or no room for another.
    """
    place = _place_of(lines, start_ms, "split.start_ms")
    line, tokens = lines[place], lines[place].text.split()
    if not 1 <= at_word < len(tokens):
        raise InvalidInput("split.at_word", "no_such_word", start_ms=start_ms)
    if len(line.words) != len(tokens):
        line = with_word_times(base, (*lines,))[place]
    following = lines[place + 1].start_ms if place + 1 < len(lines) else LATEST_MS
    first, second = _halves(line, tokens, at_word)
    start = min(max(second.start_ms, start_ms + 1), following - 1)
    if start <= start_ms:
        raise InvalidInput("split.at_word", "no_room_for_line", start_ms=start_ms)
    second = replace(second, start_ms=start, end_ms=max(second.end_ms, start))
    return (*lines[:place], first, second, *lines[place + 1 :])


def _halves(line: Utterance, tokens: Sequence[str], at: int) -> tuple[Utterance, Utterance]:
    texts = " ".join(tokens[:at]), " ".join(tokens[at:])
    has_words = len(line.words) == len(tokens)
    words: tuple[tuple[Word, ...], tuple[Word, ...]] = ((), ())
    if has_words:
        words = line.words[:at], line.words[at:]
        first_end, start = line.words[at - 1].end_ms, line.words[at].start_ms
    else:
        share = len(texts[0]) / (len(texts[0]) + len(texts[1]))
        first_end = start = line.start_ms + int((line.end_ms - line.start_ms) * share)
    flags = line.flags if has_words else ()
    half = replace(line, flags=flags, edited=True, scores=None)
    return (
        replace(half, end_ms=max(first_end, line.start_ms), text=texts[0], words=words[0]),
        replace(half, start_ms=start, text=texts[1], words=words[1]),
    )


def merged(lines: Sequence[Utterance], starts: Sequence[int]) -> tuple[Utterance, ...]:
    """Return the lines with two or more, one after the other, merged to one; it keeps their words.

    It has the first one's start and speaker.

    Raises:
        InvalidInput: they are fewer than two, there is no such line, or one that is between is not named.
    """
    if len(starts) < 2:
        raise InvalidInput("merge", "merge_two_lines")
    first = _place_of(lines, starts[0], "merge[0]")
    last = first + len(starts)
    for place, start in enumerate(starts):
        _place_of(lines, start, f"merge[{place}]")
    if [each.start_ms for each in lines[first:last]] != [*starts]:
        raise InvalidInput("merge", "lines_not_neighbours")
    return (*lines[:first], _one_of(lines[first:last]), *lines[last:])


def _one_of(lines: Sequence[Utterance]) -> Utterance:
    has_words = all(each.words or not each.text for each in lines)
    voices = {each.voice for each in lines}
    flags = dict.fromkeys(flag for each in lines for flag in each.flags)
    return replace(
        lines[0],
        end_ms=max(each.end_ms for each in lines),
        text=" ".join(each.text.strip() for each in lines if each.text.strip()),
        voice=lines[0].voice if len(voices) == 1 else "",
        confidence=min(each.confidence for each in lines),
        words=tuple(word for each in lines for word in each.words) if has_words else (),
        flags=tuple(flags) if has_words else (),
        edited=True,
        scores=None,
    )


def _place_of(lines: Sequence[Utterance], start_ms: int, field: str) -> int:
    for place, line in enumerate(lines):
        if line.start_ms == start_ms:
            return place
    raise InvalidInput(field, "no_such_line", start_ms=start_ms)
