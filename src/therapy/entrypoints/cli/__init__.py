"""The command line, `therapy`. Errors become one plain line on stderr, never a traceback.

Exit codes: 0 done, 1 failed, 2 used wrongly (an option, a setting, a missing extra), 130 interrupted. Nothing
heavier than the bare library is imported before a command runs.
"""

import logging
import sys

from therapy.config import SettingsError
from therapy.domain.errors import TherapyError
from therapy.entrypoints.cli.faults.error_messages import CommandFailed, explained, missing, of_file


def main() -> None:
    """Run `therapy` and exit."""
    # Our errors say what libraries would log.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        from therapy.entrypoints.cli.command_group import therapy

        therapy.main(prog_name="therapy")
    except ModuleNotFoundError as exc:
        name = (exc.name or "").partition(".")[0]
        if name in {"", "therapy"}:
            raise
        _exit(missing(name), 2)
    except CommandFailed as exc:
        _exit(str(exc), exc.code)
    except SettingsError as exc:
        _exit(str(exc), 2)
    except TherapyError as exc:
        _exit(explained(exc), 1)
    except OSError as exc:
        _exit(of_file(exc), 1)
    except KeyboardInterrupt:
        _exit("stopped", 130)


def _exit(message: str, code: int) -> None:
    print(f"therapy: {message}", file=sys.stderr)
    sys.exit(code)
