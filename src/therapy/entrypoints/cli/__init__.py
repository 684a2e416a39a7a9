"""The command line, `therapy`. Errors become one plain line on stderr, never a traceback.

Exit codes: 0 done, 1 failed, 2 used wrongly (an option, a setting, a missing extra), 130 interrupted. Nothing
heavier than the bare library is imported before a command runs.
"""

import sys


def main() -> None:
    """Run `therapy` and exit."""
    try:
        from therapy.entrypoints.cli.command_group import therapy

        therapy.main(prog_name="therapy")
    except KeyboardInterrupt:
        _exit("stopped", 130)
    except Exception as exc:
        from therapy.entrypoints.cli.faults.error_messages import told

        if not (message := told(exc)):
            raise
        _exit(*message)


def _exit(message: str, code: int) -> None:
    print(f"therapy: {message}", file=sys.stderr)
    sys.exit(code)
