"""`python -m tests.fuzz.run TARGET [CORPUS] [-max_total_time=SECONDS …]`: atheris searches for failures.

In: the name of a target, a folder that the search may keep its findings in, and libFuzzer's options.
Out: what libFuzzer says, and a file with the bytes that broke the target.  It needs `pip install
atheris`; bytes that were found become an example of `test_targets`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["twisted_distcc"]):
    from tests.fuzz import targets
    from twisted_distcc.cmdline.options import OPTIONS

_TARGETS = {**targets.TARGETS, **targets.SLOW_TARGETS}
_SEEDS = {**targets.SEEDS, **targets.SLOW_SEEDS}
_TOKENS = [b"DIST", b"ARGC", b"ARGV", b"DOTI", b"CDIR", b"NFIL", b"NAME", b"FILE", b"LINK"]
_WORDS = [
    "#define",
    "#include",
    "__has_include(",
    "BOOST_PP_TUPLE_ELEM(",
    "##",
    "__VA_ARGS__",
    "/*",
    "*/",
]
_WORDS += ["a.o:", "hello.h", "twisted-distccd", "[[rule]]", "verdict"]
_TOKENS += [
    b"DATA",
    b"WIND",
    b"NEED",
    b"STOP",
    b"PING",
    b"AWAY",
    b"JOBQ",
    b"COMP",
    b"ROOT",
    b"BLBQ",
    b"NBLB",
]
_TOKENS += [b"DONE", b"STAT", b"SERR", b"SOUT", b"DOTO", b"DOTD"]


def main() -> None:
    """Fuzz the target that the command line names."""
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if name not in _TARGETS:
        sys.exit(f"usage: python -m tests.fuzz.run {'|'.join(_TARGETS)} [CORPUS] [libFuzzer's options]")
    with tempfile.TemporaryDirectory() as folder:
        # The last folder is only read from, the first is written to.
        argv = [*sys.argv, f"-dict={_dictionary(Path(folder))}", _seeds(name, Path(folder))]
        atheris.Setup(argv, _TARGETS[name])
        atheris.Fuzz()


def _dictionary(folder: Path) -> str:
    words = [f"{token.decode()}{number:08x}" for token in _TOKENS for number in (0, 1, 0xFFFF_FFFF)]
    words += [*_WORDS, *(rule.name for rule in OPTIONS.rules)]
    path = folder / "words"
    path.write_text("".join(f'"{word}"\n' for word in words))
    return str(path)


def _seeds(name: str, folder: Path) -> str:
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, seed in enumerate(_SEEDS[name]):
        (seeds / str(number)).write_bytes(seed)
    return str(seeds)


if __name__ == "__main__":
    main()
