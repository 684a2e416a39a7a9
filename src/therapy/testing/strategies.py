"""Hypothesis strategies for what people write and what stores keep, and names and days to search for."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from therapy.domain.session_entry import SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.domain.text_folding import distinct_words
from therapy.testing.samples import PRACTICE, THERAPIST

# Few letters, so that queries find something: both languages, marks, quotes, digits, blanks, and
# what stores stumble over: wildcards, quotes, NUL, signs outside the first plane.
LETTERS = "abABחםמשל'\"״’%_\\|*-:. \n\t\x00012é\u05b0\u200fßﬁİ²𝕒🙂"

texts = st.text(alphabet=st.sampled_from(LETTERS), max_size=12) | st.text(
    alphabet=st.characters(exclude_categories=["Cs"]), max_size=8
)

ids = st.text(
    alphabet=st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789"), min_size=4, max_size=12
)

moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.just(UTC),
)

days = st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 1, 1))


@st.composite
def entries(draw: st.DrawFn, practice_id: str = PRACTICE) -> SessionEntry:
    """Entries of one therapist, most of them closed."""
    spoken = draw(st.lists(texts, max_size=4))
    state = draw(
        st.sampled_from([SessionStatus.CLOSED, SessionStatus.CLOSED, SessionStatus.AWAITING_REVIEW])
    )
    return SessionEntry(
        session_id=draw(ids),
        practice_id=practice_id,
        therapist_id=THERAPIST,
        therapist_name=draw(texts),
        patient_number=draw(st.sampled_from(["203948571", "123456789"])),
        patient_name=draw(texts),
        date=draw(days),
        created_at=draw(moments),
        state=state,
        sequence=draw(st.integers(1, 9)),
        title=draw(texts),
        summary=draw(texts),
        words=distinct_words(spoken) if state is SessionStatus.CLOSED else (),
    )


NAMES: list[tuple[str, str]] = [
    *(("נועה בר־לב", query) for query in ("בר לב", "בר-לב", "בר־לב", "בר–לב", "בר לב, נועה")),
    *(("נועה בר לב", query) for query in ("בר־לב", "בר-לב", "בר לב, נועה")),
    *(("ג׳ורג׳", query) for query in ("ג'ורג'", "ג׳ורג", "גורג", "ג`ורג׳", "ג’ורג‘")),
    *(("Noa Bar", query) for query in ("Bar, Noa", "bar,noa", "Noa Bar")),
    *(("Bar, Noa", query) for query in ("Bar, Noa", "Noa Bar", "bar noa")),
    *(("Kim Smith-Jones", query) for query in ("smith jones", "Smith‐Jones", "smith-jones, kim")),
    *(("Sean O’Neil", query) for query in ("o‘neil", "oʼneil", "o`neil", "O'Neil, Sean", "oneil")),
    *(("Kim St. Martin", query) for query in ("st martin", "st. martin", "ST.MARTIN")),
]
"""A name and what finds it."""

DAY = date(2026, 11, 25)
DAYS: list[str] = [
    *("25/11/2026", "25.11.2026", "2026-11-25", "25-11-2026", "2026/11/25", "٢٥/١١/٢٠٢٦"),
    *("25 11 2026", "\u200f25.11.2026", "11/2026", "25.11"),
]
"""What finds a session of `DAY`."""
OTHER_DAYS: list[str] = ["26/11/2026", "25/12/2026", "2026-11-26", "25/11/2025"]
