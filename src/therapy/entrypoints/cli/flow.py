"""`therapy flow`, the acceptance check of a deployment: signs in, runs what is in `acceptance`, prints it."""

import secrets
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from therapy.entrypoints.cli.acceptance import accounts, corrections, playback, sessions, uploads
from therapy.entrypoints.cli.acceptance.check_runner import Check, CheckContext, Skipped, Step, run
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import doing
from therapy.entrypoints.cli.mobile_client import (
    TIMEOUT_SECONDS,
    CallFailed,
    MobileClient,
    metadata_of,
)
from therapy.entrypoints.cli.password_options import asked_for, first_line, password_options
from therapy.entrypoints.cli.terminal import answers, asides
from therapy.entrypoints.cli.wav_recordings import DEMO, app_wav, decoded, demo_file, hissed, hummed

SPEECH_SECONDS = 15.0
COLOURS = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


@click.command()
@click.option(
    "--base-url",
    required=True,
    help="The server's address, e.g. https://host or http://127.0.0.1:8000.",
)
@click.option(
    "--email", required=True, help="A therapist's account, preferably one created for this."
)
@password_options("Its password; asked for if it is not given.", envvar="THERAPY_FLOW_PASSWORD")
@click.option(
    "--patient-email", default="", help="A patient's account, to check what patients must not do."
)
@click.option(
    "--patient-password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with its password, if it differs from the therapist's.",
)
@click.option(
    "--patient-password", default="", help="The same; shown to others on this machine, too."
)
@click.option(
    "--submit",
    "--finalize",  # its former name
    "submit",
    is_flag=True,
    help="Also submit the session, which can't be cancelled then and stays.",
)
@click.option(
    "--timeout",
    default=TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds to wait for each answer; the app waits 10.",
)
@click.option(
    "--wait", default=900.0, show_default=True, help="Seconds to wait for the transcript."
)
def flow(*, base_url: str, email: str, password: str, submit: bool, **options: Any) -> None:
    """Check the calls of the mobile contract, as the app makes them, and those beyond, on a running server.

    Signs in, registers a device and removes it, uploads a recording of 15 seconds (chunked, audio first),
    sends it again, also in pieces (tus 1.0.0), waits for its transcript, tries what must be refused, makes a
    draft, follows the session's events, has it recognised again, and cancels it, so nothing that matters is
    left behind. What needs a closed session is checked on an existing one of the account, or on this one
    with --submit.

    \b
    [bold]Example[/]
      [cyan]therapy flow --base-url http://127.0.0.1:8000 \\
          --email olivia.hayes1@example.health --password-prompt[/]

    It tries one wrong sign-in, of an address that nobody has, so that nobody's attempts are used up by it.

    [bold]You see[/] a table of calls and checks with results (passed, failed, skipped) and milliseconds. A
    failure says what was expected and what came, never what people said. The exit code is 0 only if nothing
    failed.
    """
    password = password or asked_for()
    with ExitStack() as stack:

        def app() -> MobileClient:
            return stack.enter_context(MobileClient(base_url, timeout=options["timeout"]))

        context = CheckContext(app(), email, password, _recording(), options["wait"])
        _sign_in(context.app, base_url, email, password)
        if options["patient_email"]:
            context.patient = app()
            kept = options["patient_password_file"]
            theirs = first_line(kept) if kept else options["patient_password"] or password
            _sign_in(context.patient, base_url, options["patient_email"], theirs)
        context.metadata = _metadata(context)
        try:
            with (
                doing("checking the server", "its session was cancelled"),
                asides().status("") as status,
            ):
                checks = run(steps_for(submit=submit), context, status.update)
        finally:
            _clean_up(context)
    _show(checks, answers())
    failed = [each for each in checks if each.result == "failed"]
    if failed:
        raise CommandFailed(f"{len(failed)} of {len(checks)} checks failed")


def steps_for(*, submit: bool) -> list[Step]:
    """Return the checks in order; those that are left out are skipped with a reason."""
    submitting = [*sessions.SUBMIT, *corrections.AMEND]
    ending = submitting if submit else [*map(_left_out, submitting), *sessions.CANCEL]
    return [
        *accounts.STEPS,
        *sessions.STEPS,
        *uploads.STEPS,
        *playback.STEPS,
        *corrections.STEPS,
        *ending,
        *sessions.FOUND,
        *accounts.LAST,
    ]


def _left_out(step: Step) -> Step:
    def skip(_: CheckContext) -> None:
        raise Skipped("only with --submit")

    return step[0], step[1], skip


def _sign_in(app: MobileClient, base_url: str, email: str, password: str) -> None:
    try:
        app.login(email, password)
    except httpx.UnsupportedProtocol:
        raise CommandFailed(
            f"{base_url} is not the address of a server: begin it with http:// or https://"
        ) from None
    except (CallFailed, httpx.HTTPError) as exc:
        why = str(exc) or type(exc).__name__
        raise CommandFailed(f"can't sign in at {base_url} as {email}: {why}") from None


def _recording() -> bytes:
    """Return a recording that the server has not seen: speech, if it can be decoded here, else a tone."""
    try:
        speech = decoded(demo_file(DEMO), SPEECH_SECONDS)
    except (ModuleNotFoundError, CommandFailed):
        speech = hummed(SPEECH_SECONDS / 5)
    return app_wav(hissed(speech))


def _metadata(context: CheckContext) -> dict[str, Any]:
    user = context.app.user
    number = str(900_000_000 + secrets.randbelow(99_999_999))
    return metadata_of(
        therapist={"id": user["userId"], "name": user["userFullName"], "email": context.email},
        patient={"id": number, "name": f"Acceptance {number}", "email": ""},
        day=datetime.now(UTC).date(),
        summary="Acceptance check; not about a real patient.",
        general_notes=("Acceptance check.",),
        timed_notes=(("00:01", "Acceptance check."),),
    )


def _clean_up(context: CheckContext) -> None:
    """Cancel what is still there; what can't be cancelled was submitted on purpose."""
    with suppress(CallFailed, httpx.HTTPError):
        for session_id in (context.leftovers | {context.session_id}) - {""}:
            context.app.call("DELETE", f"/sessions/{session_id}")
        if context.registered:
            context.app.call("POST", f"/devices/unregister/{context.app.user['userId']}")


def _show(checks: list[Check], console: Console) -> None:
    table = Table("call", "check", "result", "ms")
    table.columns[3].justify = "right"
    for each in checks:
        result = f"[{COLOURS[each.result]}]{each.result}[/]"
        remark = f"\n{escape(each.remark)}" if each.remark else ""
        table.add_row(escape(each.call), escape(each.what) + remark, result, f"{each.ms:.0f}")
    console.print(table)
    counts = [(name, sum(each.result == name for each in checks)) for name in COLOURS]
    console.print(", ".join(f"{count} {name}" for name, count in counts))
