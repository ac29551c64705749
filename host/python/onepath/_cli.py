"""The command ``onepath``, from the same library: one copy of the code."""

from __future__ import annotations

import os
import signal
import sys

# Runs the command from the extension module alone, without site-packages: a child that compiles and tries components.
_CHILD = (
    "import sys, signal\n"
    "from importlib.util import module_from_spec, spec_from_file_location\n"
    "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    "spec = spec_from_file_location('onepath._onepath', sys.argv[1])\n"
    "module = module_from_spec(spec)\n"
    "spec.loader.exec_module(module)\n"
    "sys.exit(module._main(['onepath', *sys.argv[2:]], None, []))\n"
)


def own_command() -> tuple[str | None, list[str]]:
    """By what a process starts this command: the interpreter, and what it is given before the command's own arguments."""
    from . import _onepath

    library = _onepath.__file__
    if not sys.executable or library is None:
        # An interpreter within another program: components are compiled in this process, with a warning.
        return None, []
    return sys.executable, ["-I", "-S", "-c", _CHILD, os.path.abspath(library)]


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and gives its exit code. What the arguments get wrong ends the process with 2."""
    from . import _onepath
    from ._errors import Error
    from ._mlflow import pinned_arguments

    # An interrupt is the command's own business.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    program, before = own_command()
    try:
        with pinned_arguments(sys.argv[1:] if arguments is None else arguments) as given:
            return _onepath._main(["onepath", *given], program, before)
    except Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
