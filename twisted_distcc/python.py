"""Start our own Python programs, unaffected by the Python variables in the environment.

The variables (PYTHONPATH, PYTHONHOME and so on) are for a build's own programs, and so are the user's
site packages: we pass all of them on to the compilers that we start, but ignore them ourselves.
`twisted-distcc-python` starts the programs that have a name; `python_argv` makes the command line of
those that they start in turn::

    argv = python_argv("twisted_distcc.agent.main")
    os.execv(argv[0], argv)
"""

import gc
import os
import sys

_PROGRAMS = {
    "pump": ("twisted_distcc.cli.pump", "program"),
    "tdistccd": ("twisted_distcc.cli.tdistccd", "main"),
    "twistd-stdio": ("twisted_distcc.cli.twistd_stdio", "main"),
    "twisted-distcc": ("twisted_distcc.cli.twisted_distcc", "main"),
}


def start(program: str) -> None:
    """Run the program of that name with the command line `sys.argv`, in a Python without `site`."""
    _be_called(program)
    if program == "twistd-stdio":
        gc.disable()  # one job makes less garbage than it costs to look for it
    load_site()
    sys.exit(_run(*_PROGRAMS[program]))


def load_site() -> None:
    """Make third-party packages importable, in a Python that was started without them."""
    if sys.flags.no_site and "site" not in sys.modules:
        import site

        site.main()


def python_argv(module: str, *words: str) -> list[str]:
    """Return the command line that runs `main` of `module`, one of ours, in an interpreter of its own.

    Its first word is a path.
    """
    argv = [sys.executable, "-I", __file__, module, *words]
    if "PYTHONEXECUTABLE" in os.environ:  # Python obeys this one in spite of -I
        return ["/usr/bin/env", "-u", "PYTHONEXECUTABLE", *argv]
    return argv


def _run(module: str, function: str = "main") -> int | None:
    from importlib import import_module

    status: int | None = getattr(import_module(module), function)()
    return status


def _be_called(program: str) -> None:
    """Set the process name for `killall` and the like: a script that starts Python has the wrong one."""
    try:
        with open("/proc/self/comm", "wb", buffering=0) as name:
            name.write(program.encode())
    except OSError:
        pass


def _import_package() -> None:
    """Import the package that this file is in, whatever others exist."""
    folder = __file__.removesuffix("/twisted_distcc/python.py")
    sys.path.insert(0, folder)
    import twisted_distcc  # noqa: F401

    sys.path.append(sys.path.pop(0))


if __name__ == "__main__":
    _import_package()
    del sys.argv[0]
    sys.exit(_run(sys.argv[0]))
