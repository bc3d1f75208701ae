"""Say what this machine's own processor is (`-march=native`), so that a server compiles for that.

`OwnProcessors.told` takes a `Candidate`, and returns what servers are asked to run in its place.  The
compiler itself says what it makes of such an option, and says once more, about what servers are asked,
that it would do exactly the same; otherwise the unit stays here.

- gcc's driver passes the compiler a list of options, with the sizes of caches, by the rules that it has
  for the processor (`cc1_cpu`; gcc manual, "Spec Files").  Servers get a file of rules that pass the
  list itself, at the same place: gcc writes its options into debug information in their order.
- clang's driver passes the names of a processor and of its features, which servers get as options.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import Answer, ask
from twisted_distcc.client.inputs.found_by_files import configured
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.cmdline.compilation import Compilation, Option
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.options import TARGET_FEATURE
from twisted_distcc.cmdline.rewrite import compiling_words
from twisted_distcc.pump.unit import FileSystem, NotForServersError
from twisted_distcc.runtime.processes import Spawner

RULES: Final = "/.tdistcc/own-processor"
"""Where servers find the rules, among the files of a unit."""

# Sets of options that are cached: a large build has a few dozen.
_MOST: Final = 1000

_DETECTED: Final = "%{march=native:%>march=native} %{mtune=native:%>mtune=native}"
_PLAIN: Final = re.compile(r"[\w=.+-]+", re.ASCII)
_NAMES: Final = {"-march": "-target-cpu", "-mcpu": "-target-cpu", "-mtune": "-tune-cpu"}
_SAMPLE: Final = "int f(void) { return 0; }\n"


@dataclass(frozen=True, slots=True)
class Told:
    """What servers are told of this machine's processor.

    Attributes:
        words: more options.
        rules: rules for gcc's driver by which options for the own processor mean this one: the contents
            of the file `RULES`.  `None` if `words` replace those options.
    """

    words: tuple[str, ...]
    rules: bytes | None = None

    def applied(self, c: Compilation) -> Compilation:
        """Return what servers are asked to compile in place of `c`."""
        options = c.options if self.rules is not None else _others(c)
        words = (word for option in options for word in option.words)
        return replace(c, options=tuple(options), arguments=(*words, *self.words))


_Key = tuple[object, ...]


class OwnProcessors:
    """A cache of what compilers make of options that mean this machine's own processor.

    Args:
        files: used to check whether a compiler is still the same.
        spawn: starts compilers.
    """

    def __init__(self, files: FileSystem, spawn: Spawner) -> None:
        self._files = files
        self._spawn = spawn
        self._known: Bounded[_Key, Told] = Bounded(_MOST)
        self._asking: Shared[_Key, Told] = Shared()

    async def told(self, candidate: Candidate) -> Told | None:
        """Return what stands for this machine's processor in `candidate`; `None` if nothing means it.

        Raises:
            NotForServersError: if it cannot be said in a server's command.
            CannotStartError: if there is no such compiler.
        """
        c = candidate.explicit
        if not _own(c):
            return None
        words = tuple(compiling_words(c))
        read = (candidate.compiler, *c.driver_rules, *configured(c, self._files))
        key = (candidate.compiler, *map(self._files.stamp, read), words, c.language)
        known = self._known.get(key)
        if known is None:
            known = await self._asking.get(key, lambda: self._ask(candidate))
            self._known[key] = known
        return known

    async def _ask(self, candidate: Candidate) -> Told:
        with TemporaryDirectory() as folder:
            probe = _Probe(self._spawn, candidate, folder)
            is_clang = candidate.explicit.family is Family.CLANG
            told = await (probe.of_clang() if is_clang else probe.of_gcc())
        if told is None:
            option = _own(candidate.explicit)[0]
            raise NotForServersError(f"what {option} is here cannot be said in another command")
        return told


@dataclass(frozen=True, slots=True)
class _Probe:
    """The questions about one set of options, with files in `folder`."""

    spawn: Spawner
    candidate: Candidate
    folder: str

    async def of_gcc(self) -> Told | None:
        c = self.candidate.explicit
        words = compiling_words(c)
        ours = await self._inner([*words])
        without = await self._inner([*words, self._rules("")])
        if ours is None or without is None or not (added := _inserted(ours, without)):
            return None
        if not all(map(_PLAIN.fullmatch, added)):
            return None
        theirs = await self._inner([*words, self._rules(" ".join(added))])
        if theirs != ours or any("native" in word for word in ours):
            return None
        return Told((f"-specs={RULES}",), _cpu_rules(" ".join(added)).encode())

    async def of_clang(self) -> Told | None:
        c = self.candidate.explicit
        inner = await self._inner([*compiling_words(c)])
        if inner is None:
            return None
        names = dict(pairwise(inner))
        given = [option.partition("=")[0] for option in _own(c)]
        processors = [f"{name}={names[_NAMES[name]]}" for name in given if _NAMES[name] in names]
        told = Told((*processors, *_features(inner)))
        sample = os.path.join(self.folder, "sample")
        Path(sample).write_text(_SAMPLE)
        there = [*compiling_words(replace(c, options=_others(c))), *told.words]
        macros = [] if c.language.is_preprocessed else [["-E", "-dM"]]
        for what in (["-S", "-emit-llvm"], *macros):
            tail = [*what, "-x", c.language.value, sample, "-o", "-"]
            ours, theirs = [await self._answer([*words, *tail]) for words in (compiling_words(c), there)]
            if ours.status or ours != theirs:
                return None
        return told

    def _rules(self, added: str) -> str:
        path = os.path.join(self.folder, "rules")
        Path(path).write_text(_cpu_rules(added))
        return f"-specs={path}"

    async def _inner(self, words: Sequence[str]) -> list[str] | None:
        """Return the words of the commands that the driver runs; `None` if it fails."""
        language = self.candidate.explicit.language.value
        tail = ["-pipe", "-x", language, "-c", "-o", os.devnull, os.devnull, "-###"]
        answer = await self._answer([*words, *tail])
        if answer.status:
            return None
        lines = [line for line in os.fsdecode(answer.stderr).splitlines() if line.startswith(" ")]
        return [word for line in lines for word in shlex.split(line)]

    async def _answer(self, words: Sequence[str]) -> Answer:
        environ = {**self.candidate.explicit_environ, "LC_ALL": "C"}
        candidate = self.candidate
        return await ask(self.spawn, candidate.compiler, words, candidate.invocation, environ)


def _own(c: Compilation) -> list[str]:
    return [option.name for option in c.options if option.role is Role.OWN_PROCESSOR]


def _others(c: Compilation) -> tuple[Option, ...]:
    return tuple(option for option in c.options if option.role is not Role.OWN_PROCESSOR)


def _cpu_rules(added: str) -> str:
    return f"*cc1_cpu:\n{_DETECTED} {added}\n\n"


def _inserted(longer: Sequence[str], shorter: Sequence[str]) -> list[str]:
    """Return the words that `longer` has in addition, all at one place; none if it is not so."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(longer, shorter, strict=False))
    start = len(list(same))
    end = start + len(longer) - len(shorter)
    return list(longer[start:end]) if longer[end:] == shorter[start:] else []


def _features(inner: Sequence[str]) -> list[str]:
    """Return the options that give clang's inner program the same features again, in their order."""
    named = [feature for option, feature in pairwise(inner) if option == TARGET_FEATURE]
    return [word for feature in named for word in ("-Xclang", TARGET_FEATURE, "-Xclang", feature)]
