"""The settings that bound what one person, and everybody together, may have under way; part of `Settings`."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct, field

from therapy.config.value_parsers import Seconds


class PersonLimitSettings(Struct, frozen=True, kw_only=True):
    """Settings of `domain.person_limits`, and of long bodies; see docs/reference/limits.md."""

    waiting: Annotated[
        int,
        Meta(ge=1, le=500),
        "sessions of one therapist that may wait to be transcribed; beyond it uploads are refused",
    ] = field(name="THERAPY_WAITING_SESSIONS", default=100)
    waiting_in_all: Annotated[
        int,
        Meta(ge=1, le=100_000),
        "sessions of everybody that may wait to be transcribed, counted once a minute",
    ] = field(name="THERAPY_WAITING_SESSIONS_IN_ALL", default=1_000)
    uploads: Annotated[
        int, Meta(ge=1, le=1_000), "uploads that one therapist may have open at once"
    ] = field(name="THERAPY_OPEN_UPLOADS", default=10)
    uploads_in_all: Annotated[
        int,
        Meta(ge=1, le=10_000),
        "uploads that may be open in a process; each takes up to 14 MiB of its memory",
    ] = field(name="THERAPY_OPEN_UPLOADS_IN_ALL", default=50)
    unfinished_uploads: Annotated[
        int,
        Meta(ge=1, le=1_000),
        "resumable uploads that one therapist may have begun and not finished",
    ] = field(name="THERAPY_UNFINISHED_UPLOADS", default=20)
    bytes_a_day: Annotated[
        int, Meta(ge=1, le=2**50), "bytes of recordings that one therapist may send on a day (UTC)"
    ] = field(name="THERAPY_UPLOAD_BYTES_A_DAY", default=20 * 1024**3)
    searches: Annotated[
        int,
        Meta(ge=1, le=1_000),
        "searches that one person may have under way in a process; they run one after another",
    ] = field(name="THERAPY_SEARCHES", default=4)
    searches_in_all: Annotated[
        int, Meta(ge=1, le=10_000), "searches that may be under way in a process"
    ] = field(name="THERAPY_SEARCHES_IN_ALL", default=20)
    search_time: Annotated[
        Seconds,
        "how long a search may take before it is refused; with more than one second, what is erased can"
        " stay on the disk for longer while searches go on",
    ] = field(name="THERAPY_SEARCH_SECONDS", default=timedelta(milliseconds=500))
    event_streams: Annotated[
        int,
        Meta(ge=1, le=10_000),
        "streams of events that one person may have open in a process: one for each window of a browser",
    ] = field(name="THERAPY_EVENT_STREAMS", default=20)
    event_streams_in_all: Annotated[
        int,
        Meta(ge=1, le=100_000),
        "streams of events that may be open in a process; each is a connection and takes 0.1 MB of memory",
    ] = field(name="THERAPY_EVENT_STREAMS_IN_ALL", default=1_000)
    events_poll: Annotated[
        Seconds,
        "how often a process looks into the store for what open streams of events were not told of, in case"
        " that the news were lost on their way",
    ] = field(name="THERAPY_EVENTS_POLL_SECONDS", default=timedelta(seconds=15))
    long_bodies: Annotated[
        int,
        Meta(ge=1, le=1_000),
        "transcripts and details of more than 16 KiB that one person may be sending to a process at once",
    ] = field(name="THERAPY_LONG_BODIES", default=4)
    long_bodies_in_all: Annotated[
        int,
        Meta(ge=1, le=10_000),
        "transcripts and details of more than 16 KiB that may be on their way to a process, each up to 8 MiB",
    ] = field(name="THERAPY_LONG_BODIES_IN_ALL", default=16)
