"""The command line, `therapy`. What goes wrong becomes one plain line on stderr, never a traceback.

Exit codes: 0 done, 1 it did not work, 2 it was asked for wrongly (an option, a setting, a missing extra),
130 interrupted. Nothing heavier than the bare library is imported before a command runs.
"""

import logging
import sys

from therapy.config import SettingsError
from therapy.domain.errors import TherapyError
from therapy.entrypoints.cli.error_messages import CommandFailed, explained, missing, of_file


def main() -> None:
    """Run `therapy` and exit."""
    # What libraries log in a command is told by our errors.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        from therapy.entrypoints.cli.command_group import therapy

        therapy.main(prog_name="therapy")
    except ModuleNotFoundError as exc:
        name = (exc.name or "").partition(".")[0]
        if name in {"", "therapy"}:
            raise
        _stop(missing(name), 2)
    except CommandFailed as exc:
        _stop(str(exc), exc.code)
    except SettingsError as exc:
        _stop(str(exc), 2)
    except TherapyError as exc:
        _stop(explained(exc), 1)
    except OSError as exc:
        _stop(of_file(exc), 1)
    except KeyboardInterrupt:
        _stop("interrupted", 130)


def _stop(words: str, code: int) -> None:
    print(f"therapy: {words}", file=sys.stderr)
    sys.exit(code)
