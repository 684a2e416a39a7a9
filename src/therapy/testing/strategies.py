"""Hypothesis strategies for what people write and what stores keep."""

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
