"""The command line: parse, call :mod:`firstsight.api`, render. Errors become one sentence and an exit code here."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done / same, 1 not the same / unknown, 2 usage, 3 failure)."""
    from typer.exceptions import Abort, TyperException

    from firstsight.cli import render
    from firstsight.cli.commands import app
    from firstsight.errors import FirstSightError
    from firstsight.notices import on_standard_error

    if isinstance(sys.stdout, TextIOWrapper):  # a name that the terminal can't show is spelled out, and no fault
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with on_standard_error():
            code = app(arguments, standalone_mode=False, prog_name="firstsight")
    except FirstSightError as error:
        return render.error(str(error), error.exit_code)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            print(error.format_message())
            return 2
        context = getattr(error, "ctx", None)
        place = context.command_path if context else "firstsight"
        return render.error(f"{error.format_message()} (see {place} --help)", 2)
    except (KeyboardInterrupt, Abort):
        return render.error("stopped; nothing that was acknowledged is lost", 3)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    except Exception as error:
        if os.environ.get("FIRSTSIGHT_DEBUG"):
            raise
        return render.error(
            f"this is a fault of FirstSight's ({type(error).__name__}: {error}); set FIRSTSIGHT_DEBUG=1 to see where, "
            "and please report it",
            3,
        )
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
