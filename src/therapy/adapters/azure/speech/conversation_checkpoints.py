"""Checkpoints of the conversation engine: what was said up to a moment, and who goes on speaking then; pure.

A new connection begins a little before that moment. What it hears there is known already; it tells which of
its guests is whom, because the service numbers them anew.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count

import msgspec
from msgspec import Struct

from therapy.adapters.azure.speech.recognised_phrases import LATE_MS
from therapy.domain.transcript import Utterance

FORM = "azure-conversation 1"
"""Another one whenever what is stored becomes another."""

OVERLAP_MS = 60_000
"""So much is heard again: usually both have spoken in a minute."""

Spoken = tuple[str, int]
"""A language, and how many ms it was spoken."""


class _State(Struct, frozen=True, array_like=True):
    """What was said from and until these ms, by the middle of each utterance."""

    form: str
    from_ms: int
    until_ms: int
    utterances: tuple[Utterance, ...]
    spoken: tuple[Spoken, ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_State)


class Earlier(Struct, frozen=True):
    """All that earlier tries have settled without a gap, up to `until_ms`."""

    until_ms: int = 0
    utterances: tuple[Utterance, ...] = ()
    spoken: tuple[Spoken, ...] = ()

    @property
    def begin_ms(self) -> int:
        """From where on the recording is sent again."""
        return max(0, self.until_ms - OVERLAP_MS)


def earlier(states: Iterable[bytes], locales: Sequence[str]) -> Earlier:
    """Return what these states say together; those of other engines and languages are ignored."""
    found = Earlier()
    readable = [state for state in map(_read, states) if state and state.form == _form(locales)]
    for each in sorted(readable, key=lambda state: (state.from_ms, -state.until_ms)):
        if each.from_ms == found.until_ms:
            utterances = (*found.utterances, *each.utterances)
            found = Earlier(each.until_ms, utterances, (*found.spoken, *each.spoken))
    return found


def middle(utterance: Utterance) -> int:
    """Return the moment that decides on which side of another one an utterance is."""
    return (utterance.start_ms + utterance.end_ms) // 2


class Settled:
    """Collects what is said; of `every_ms` of it makes a state (0 = never).

    What is newer than `LATE_MS` is not settled: something that began before may still be recognised.
    """

    def __init__(self, begun_ms: int, locales: Sequence[str], every_ms: int) -> None:
        self._begun_ms, self._form, self._every_ms = begun_ms, _form(locales), every_ms
        self._new: list[tuple[Utterance, Spoken]] = []

    def add(self, utterance: Utterance, spoken: Spoken) -> None:
        """Add an utterance and the language of its words."""
        if self._every_ms:
            self._new.append((utterance, spoken))

    def complete(self, recognised_ms: int) -> bytes:
        """Return the next state if one is complete, else b""."""
        until = recognised_ms - LATE_MS
        if not self._every_ms or until - self._begun_ms < self._every_ms:
            return b""
        settled = [each for each in self._new if middle(each[0]) < until]
        self._new = [each for each in self._new if middle(each[0]) >= until]
        utterances, spoken = (tuple(each[at] for each in settled) for at in (0, 1))
        state = _State(self._form, self._begun_ms, until, utterances, spoken)  # type: ignore[arg-type] # by place
        self._begun_ms = until
        return _ENCODER.encode(state)


class Voices:
    """Gives the guests of a new connection the names that their voices had before.

    `people` is how many speak (0 = not known): if all of them have spoken before, nobody new comes.
    """

    def __init__(self, before: Earlier, people: int) -> None:
        self._before = [each for each in before.utterances if each.end_ms > before.begin_ms]
        self._old = {each.voice for each in before.utterances if each.voice}
        self._complete = len(self._old) == people
        self._together: Counter[tuple[str, str]] = Counter()
        self._names: dict[str, str] = {"": ""}

    def hear_again(self, utterance: Utterance) -> None:
        """Note who speaks at a time of which it is known who spoke."""
        for each in self._before:
            common = min(each.end_ms, utterance.end_ms) - max(each.start_ms, utterance.start_ms)
            if common > 0 and each.voice:
                self._together[utterance.voice, each.voice] += common

    def name(self, guest: str) -> str:
        """Return a guest's name: the voice that spoke when it did, else the only one left, else a new one."""
        if not self._old:
            return guest
        if guest not in self._names:
            self._names[guest] = self._likeliest(guest)
        return self._names[guest]

    def _likeliest(self, guest: str) -> str:
        left = self._old - set(self._names.values())
        common = {old: self._together[guest, old] for old in left if self._together[guest, old]}
        if common:
            return max(sorted(common), key=common.__getitem__)
        if len(left) == 1 and self._complete:
            return left.pop()
        taken = self._old | set(self._names.values())
        return next(str(number) for number in count(1) if str(number) not in taken)


def _read(state: bytes) -> _State | None:
    try:
        return _DECODER.decode(state)
    except msgspec.MsgspecError:
        return None


def _form(locales: Sequence[str]) -> str:
    return " ".join((FORM, *locales))
