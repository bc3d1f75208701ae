"""The commands that one compilation becomes.

Each function makes a command line from a `Compilation` and the names of files.  Nothing is judged here:
the compilation may be distributed, and words that `parse` kept are passed on as they were typed.

    preprocess_argv   on the client: source -> preprocessed text, and the dependency file
    listing_argv      on the client: source -> the names of the files that the preprocessor reads
    precompiled_argv  on the client: source -> the precompiled header that gcc reads
    clock_argv        on the client: source -> warnings of macros that contain the time
    remote_argv       in the request: what the server is asked to run
    serve_argv        on the server: the same, with the server's own files
    tree_argv         in a request that brings files: what a server that preprocesses is asked to run
    serve_tree_argv   on that server: the same, with the server's own outputs
"""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compilation import Stage
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import CONFINED, Role
from twisted_distcc.cmdline.travelling import MODULE_FILE

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from twisted_distcc.cmdline.compilation import Compilation

_COMPILING = frozenset(
    {
        Role.COMPILE,
        Role.BETTER_LOCAL,
        Role.DEBUG,
        Role.NO_DEBUG,
        Role.FOR_ASSEMBLER,
        Role.FOR_CLANG,
        Role.FOR_LLVM,
    }
)

# The linker's options stay in the local step: clang warns about them, and must do so only once.
_PREPROCESSING = _COMPILING | {
    Role.PREPROCESS,
    Role.LINK,
    Role.LANGUAGE,
    Role.SOURCE,
    *CONFINED,
}

# Options that turn warnings into errors, nothing, or output for programs.
_LOUD_OR_QUIET = (
    "-w",
    "--no-warnings",
    "-Werror",
    "-Wfatal-errors",
    "-pedantic-errors",
    "--pedantic-errors",
    "-fdiagnostics-",
)
_SILENCING = re.compile(r"(?:\A|,)(?:-w|--no-warnings|-Wno-(?:date-time|system-headers))(?:,|\Z)")

# Options about outputs, which a server that preprocesses replaces by its own.
_OUTPUTS = frozenset(
    {
        Role.OUTPUT,
        Role.MAKE_RULES,
        Role.MAKE_FILE,
        Role.MAKE_TARGET,
        Role.MAKE_PHONY,
        Role.FOR_PREPROCESSOR,
    }
)
# Options about rules stay where none are written, for text that includes nothing: clang warns of them.
_OBJECT = frozenset({Role.OUTPUT, Role.FOR_PREPROCESSOR})

# Tried with 3.4, which hangs up on a command without a source of such a name (`.CPP`), and on every
# assembler source, whatever its name.
_SUFFIXES_OF_C_DISTCCD = frozenset(
    {".c", ".cc", ".cp", ".cxx", ".cpp", ".c++", ".C", ".m", ".mm", ".M"} | {".i", ".ii", ".mi", ".mii"}
)


def preprocess_argv(c: Compilation, output: str, dependencies: str | None) -> list[str]:
    """Preprocess into `output`, and write dependencies, if the command asks for them, into
    `dependencies`.

    If that is None, the dependency file is not written.
    """
    rules: list[str] = []
    if c.dependencies is not None and dependencies is not None:
        rules = [*c.dependencies.options, "-MF", dependencies]
    return [c.compiler, *_words(c, _PREPROCESSING), *rules, "-E", "-o", output]


def listing_argv(c: Compilation) -> list[str]:
    """List all files that the preprocessor reads, as a make rule on standard output."""
    return [c.compiler, *_words(c, _PREPROCESSING), "-M"]


def precompiled_argv(c: Compilation) -> list[str]:
    """Have gcc say which precompiled headers it rejects, or reads, on standard error."""
    words = _words(c, _PREPROCESSING)
    return [c.compiler, *words, "-E", "-fpch-preprocess", "-H", "-o", os.devnull]


def module_argv(c: Compilation, module: str) -> list[str]:
    """Have clang tell what the compiled module in the file `module` was made from."""
    words = [word for option in c.options if option.name == MODULE_FILE for word in option.words]
    return [c.compiler, *words, "-module-file-info", module]


def sourceless_listing_argv(c: Compilation) -> list[str]:
    """List all files that clang reads before the source, as a make rule on standard output.

    With `-M` it would leave out some of those that a precompiled header was made of.
    """
    words = _words(c, _PREPROCESSING - {Role.SOURCE, Role.LANGUAGE})
    rules = ["-fsyntax-only", "-MD", "-MF", "-"]
    return [c.compiler, *words, *rules, "-x", c.language.value, os.devnull]


def compiling_words(c: Compilation) -> list[str]:
    """Return the options that decide how the compiler compiles, whatever the source."""
    return _words(c, _COMPILING | CONFINED)


def clock_argv(c: Compilation) -> list[str] | None:
    """Have the preprocessor warn of `__DATE__` and the like; None if other options may silence it."""
    words = [
        word
        for option in c.options
        if option.role in _PREPROCESSING and not option.words[0].startswith(_LOUD_OR_QUIET)
        for word in option.words
    ]
    if any(map(_SILENCING.search, words)):
        return None
    loud = ["-Wdate-time", "-Wsystem-headers", "-fdiagnostics-show-option"]
    return [c.compiler, *words, *loud, "-E", "-o", os.devnull]


def remote_argv(c: Compilation, working_directory: str) -> list[str]:
    """Return what a server is asked to run on the preprocessed text."""
    return [
        c.compiler,
        *_for_clang(c, working_directory),
        *_final_words(c, _name_for_servers(c), _plain(c.output)),
    ]


def serve_argv(c: Compilation, compiler: str, source: str, output: str) -> list[str]:
    """Return what a server runs: the received command `c`, with the server's own files."""
    return [compiler, *_final_words(c, source, output)]


def tree_argv(c: Compilation) -> list[str]:
    """Return what a server that preprocesses is asked to run: the command, with its object named.

    Assembly and bitcode are left unnamed: compilers would use the name as the target of dependencies.
    """
    if c.runs_as_typed:
        return [c.compiler, *c.arguments]
    is_named = any(option.role is Role.OUTPUT for option in c.options)
    is_clear = is_named or c.is_bitcode or c.stage is Stage.ASSEMBLY
    return [c.compiler, *c.arguments, *(() if is_clear else ("-o", _plain(c.output)))]


def serve_tree_argv(c: Compilation, compiler: str, output: str, dependencies: str) -> list[str]:
    """Return what a server that preprocesses runs: the received command, with the server's own outputs.

    The options keep their places: the order matters for some of them, and gcc's debug information
    contains it.  A command that makes other files has the client's own names for all of them.
    """
    if c.runs_as_typed:
        return [compiler, *c.arguments]
    dropped = _OBJECT if c.dependencies is None else _OUTPUTS
    words = [word for option in c.options if option.role not in dropped for word in option.words]
    rules = [] if c.dependencies is None else [*c.dependencies.options, "-MF", dependencies]
    return [compiler, *words, *rules, "-o", output]


def _words(c: Compilation, roles: AbstractSet[Role]) -> list[str]:
    return [word for option in c.options if option.role in roles for word in option.words]


def _final_words(c: Compilation, source: str, output: str) -> list[str]:
    language = c.language.preprocessed.value
    options = _words(c, _COMPILING)
    return [*options, "-x", language, c.stage.value, source, "-o", output]


def _for_clang(c: Compilation, working_directory: str) -> list[str]:
    """Return what clang must be told because it sees preprocessed text, in another folder.

    gcc reads the folder in the text; a folder that the user names comes later, and wins.  Options that
    only the preprocessor uses (`-fmacro-prefix-map`) are not an error: it had them, and has complained
    of those that nobody uses.
    """
    if c.family is not Family.CLANG:
        return []
    folder = [f"-fdebug-compilation-dir={working_directory}"] if c.debug else []
    return folder if c.language.is_preprocessed else [*folder, "-Qunused-arguments"]


def _plain(name: str) -> str:
    """Return `name` as nothing but a name: that of an object comes from its source, as in `dir/@x.c`."""
    return f"./{name}" if name.startswith(("@", "-")) else name


def _name_for_servers(c: Compilation) -> str:
    """Return the source's name, with a suffix that C distccd takes for a source; -x says which."""
    known = os.path.splitext(c.source)[1] in _SUFFIXES_OF_C_DISTCCD
    return c.source if known else c.source + c.language.preprocessed_suffix
