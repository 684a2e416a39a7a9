"""The command line, `therapy`. Errors become one plain line on stderr, never a traceback.

Exit codes: 0 done, 1 failed, 2 used wrongly (an option, a setting, a missing extra), 130 interrupted. Nothing
heavier than the bare library is imported before a command runs, and no garbage is collected before that: to
look again and again through what imports leave, which lives to the end, takes a tenth of a start.
"""

import gc
import sys


def main() -> None:
    """Run `therapy` and exit."""
    gc.disable()  # until a command is there (command_group)
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
