"""`therapy demo`: the main job end to end, over real HTTP, on this machine, leaving nothing behind."""

import asyncio
import secrets
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import rich_click as click
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from therapy.config import Settings, read_settings
from therapy.entrypoints.cli.demo_practice import read_seed
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import doing
from therapy.entrypoints.cli.mail import show_mailbox
from therapy.entrypoints.cli.mobile_client import (
    CallFailed,
    MobileClient,
    Upload,
    metadata_of,
    outcome_of,
)
from therapy.entrypoints.cli.own_server import Server, environment, running_server
from therapy.entrypoints.cli.seed import seed_practice
from therapy.entrypoints.cli.terminal import add_line, answers, bar, legend, transcript_table
from therapy.entrypoints.cli.wav_recordings import DEMO, REFERENCE, app_wav, decoded, demo_file

THERAPIST = "olivia.hayes1@example.health"
PATIENT = {"id": "200000017", "name": "Jordan White", "email": "jordan.white1@example.health"}
PHONE = "demo-phone"
PATIENCE_SECONDS = 600.0
POLL_SECONDS = 0.5
LEFT = "the server has stopped, and nothing is left behind"


@click.command()
def demo() -> None:
    """Demonstrate the whole job on this machine: a recording of two people in, a finished session out.

    Starts a server on a free port with a temporary data directory, fills it with the demo practice, signs
    in as a therapist, uploads a recording of 131 seconds as the app does, waits, reviews and submits the
    transcript, reads the result, and stops the server. It takes about half a minute and leaves nothing
    behind.

    \b
    [bold]Example[/]
      [cyan]therapy demo[/]

    [bold]You see[/] the transcript with who said what, a sentiment bar for each line of the patient, the word
    error rate and the share of words with the right speaker, the finished session as the app gets it, and
    the push that the therapist's phone would get.
    """
    console = answers()
    with (
        doing("starting or stopping the server", LEFT),
        tempfile.TemporaryDirectory(prefix="therapy-demo-") as name,
    ):
        folder = Path(name)
        variables = environment(folder / "data")
        settings = read_settings(variables)
        with running_server(folder, variables) as server:
            console.print(f"A server is running at {server.url}, with an empty data directory.")
            show_job(server, settings, console)
            console.print("\nThe therapist's phone and mailbox got:")
            show_mailbox(settings, console, set())
    console.print("The server has stopped; nothing is left behind.")


def show_job(server: Server, settings: Settings, console: Console) -> None:
    """Take a recording through a server, from sign-in to the finished session.

    Raises:
        CommandFailed: a result was not as expected; the message has the end of the server's log.
    """
    password = secrets.token_urlsafe(12)
    asyncio.run(_seed(settings, password))
    try:
        with MobileClient(server.url) as app:
            _show_session(app, app.login(THERAPIST, password), console)
    except (CallFailed, httpx.HTTPError) as exc:
        reason = str(exc) or type(exc).__name__
        raise CommandFailed(f"{reason}\nThe server's log:\n{server.last_lines()}") from None


def _show_session(app: MobileClient, user: dict[str, Any], console: Console) -> None:
    console.print(f"Signed in as {user['userFullName']}, therapist of the demo practice.")
    device = {"token": PHONE, "platform": "ANDROID"}
    device |= {"user_id": user["userId"], "user_type": user["userType"]}
    app.got("POST", "/devices/register", expected=204, json=device)
    session_id = _send(app, user, console)
    _wait(app, session_id, "awaiting_review", console)
    lines = _show_transcript(app, session_id, console)
    show_partial(app.got("GET", f"/sessions/{session_id}")["heard"], console)
    _show_accuracy(lines, console)
    console.rule("submitted", align="left")
    sent = [{key: each[key] for key in ("speaker", "text", "timestamp")} for each in lines]
    app.got("PUT", f"/data/transcript/{session_id}", expected=202, json=sent)
    _wait(app, session_id, "closed", console)
    _show_details(app.got("GET", f"/sessions/{session_id}/details"), console)


async def _seed(settings: Settings, password: str) -> None:
    from therapy.wiring import open_therapy

    async with open_therapy(settings) as opened:
        await seed_practice(opened.installation, read_seed(None), password=password, renew=False)


def _send(app: MobileClient, user: dict[str, Any], console: Console) -> str:
    wav = app_wav(decoded(demo_file(DEMO)))
    metadata = metadata_of(
        therapist={"id": user["userId"], "name": user["userFullName"], "email": THERAPIST},
        patient=PATIENT,
        day=datetime.now(UTC).date(),
        summary="Two weeks of worry, breathing exercise, a walk with the sister.",
        general_notes=("Write down each worry, and what really happened.",),
        timed_notes=(("00:49", "Breathing exercise helped."), ("01:23", "Sunday night.")),
    )
    with doing("sending the recording", LEFT), bar(console) as progress:
        task = progress.add_task(f"sending {len(wav) / 1e6:.1f} MB of WAV", total=len(wav))
        answer = app.upload(
            Upload(wav, metadata), on_progress=lambda sent: progress.update(task, completed=sent)
        )
    if answer.status_code != 202:
        raise CallFailed(f"POST /sessions/upload: expected 202, got {outcome_of(answer)}")
    return str(answer.json()["session_id"])


def _wait(app: MobileClient, session_id: str, state: str, console: Console) -> None:
    """Wait until a session is in this state, showing its progress.

    Raises:
        CallFailed: the session failed, or takes too long.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    what = f"waiting until the session is {state.replace('_', ' ')}"
    with doing(what, LEFT), bar(console) as progress:
        task = progress.add_task("waiting for a worker", total=1.0)
        while time.monotonic() < until:
            seen = app.got("GET", f"/sessions/{session_id}")
            if seen["state"] == state:
                progress.update(task, completed=1.0, description=state.replace("_", " "))
                return
            if failure := seen["failure"]:
                raise CallFailed(f"the session failed: {failure['reason']} [{failure['code']}]")
            stage = f"{seen['state']}: {seen['stage']}".rstrip(": ").replace("_", " ")
            progress.update(task, completed=seen["progress"], description=stage)
            time.sleep(POLL_SECONDS)
    raise CallFailed(f"the session was not {state} within {PATIENCE_SECONDS:.0f} s")


def _show_transcript(app: MobileClient, session_id: str, console: Console) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = app.got("GET", f"/data/transcript/{session_id}")["transcript"]
    console.rule("for review", align="left")
    table = transcript_table()
    for each in lines:
        scores = (each["positive"], each["neutral"], each["negative"])
        add_line(table, each["timestamp"], each["speaker"], each["text"], scores)
    console.print(Group(table, legend()))
    return lines


def show_partial(heard: dict[str, Any], console: Console) -> None:
    """Print what is missing of the recording and how many lines are in doubt, if there is such."""
    for each in heard["missing"]:
        console.print(each["sentence"], markup=False, soft_wrap=True)
    if doubtful := heard["doubtful_lines"]:
        console.print(f"lines in doubt: {len(doubtful)}")


def _show_accuracy(lines: list[dict[str, Any]], console: Console) -> None:
    from therapy.entrypoints.cli.accuracy import speaker_share, word_error_rate

    reference = _turns(msgspec.json.decode(demo_file(REFERENCE).read_bytes()))
    recognised = _turns(lines)
    wrong = word_error_rate(_words(reference), _words(recognised))
    right = speaker_share(reference, recognised)
    console.print(
        f"\nword error rate [bold]{wrong * 100:.1f} %[/], right speaker [bold]{right * 100:.1f} %[/]"
        " of the words, compared with what was really said"
    )


def _words(turns: list[tuple[str, str]]) -> str:
    return " ".join(text for _, text in turns)


def _turns(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(str(each["speaker"]), str(each["text"])) for each in lines]


def _show_details(details: dict[str, Any], console: Console) -> None:
    """Print what the app gets, field by field."""
    fields = Table.grid(padding=(0, 2))
    fields.add_column(style="bold", no_wrap=True)
    fields.add_column(overflow="fold")
    for name, value in details.items():
        if isinstance(value, list):
            continue
        fields.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    for note in details["timed_notes"]:
        fields.add_row("timed_notes", f"{note['timestamp']} {note['content']}")
    for text in details["general_notes"]:
        fields.add_row("general_notes", str(text))
    scores = Table("timestamp", "speaker", "positive", "neutral", "negative", "text", box=None)
    for each in details["sentiment_scores"]:
        numbers = [f"{each[name]:.3f}" for name in ("positive", "neutral", "negative")]
        text = each["text"] if len(each["text"]) <= 40 else f"{each['text'][:39]}…"
        scores.add_row(each["timestamp"], each["speaker"], *numbers, text)
    title = f"GET /sessions/{details['sessionId']}/details"
    console.print(Panel(Group(fields, "\nsentiment_scores", scores), title=title, expand=False))
