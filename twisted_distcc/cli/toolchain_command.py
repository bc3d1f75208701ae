"""`twisted-distcc toolchain show|check COMPILER`: what of a compiler travels, and whether it suffices.

`show` says for each language which files are sent to a server that has no such compiler, and the digest
by which a policy allows them.  `check` lays these files out in a jail on this machine, where there is
nothing else, and compiles there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from twisted_distcc.client.backends.brought_tools import tools_of
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.cmdline.compilation import Compilation, Language
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.content.blob_content import BlobContent
from twisted_distcc.content.body import Body
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.inputs.laid_tools import lay_tools
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.builder import NoSandboxError, build
from twisted_distcc.execution.sandbox.confined import Sandbox
from twisted_distcc.execution.sandbox.enclosure import DEVICES
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.jobs.model import InputFile, InputLink, Tree
from twisted_distcc.toolchain.finding import find_compiler, not_found
from twisted_distcc.toolchain.known_toolchains import toolchain_in
from twisted_distcc.toolchain.travelling_tree import TravellingTree, travelling_tree

_LANGUAGES: Final = {"C": Language.C, "C++": Language.CXX}
_SOURCE: Final = LocalContent(b"int twisted_distcc_check;\n")
_MB: Final = 1_000_000


def main(arguments: Sequence[str]) -> int:
    """Run the command with these `arguments`, and return its exit status."""
    parsed = _parser().parse_args(arguments)
    name = parsed.compiler
    path = find_compiler(name, os.getcwd(), os.environ.get("PATH", os.defpath))
    if path is None:
        return _fail(not_found(name))
    compiler = LocalCompiler.of(os.path.abspath(path), name, os.environ)
    try:
        trees = {language: _tree(compiler, kind) for language, kind in _LANGUAGES.items()}
        print(compiler.path)
        if parsed.action == "show":
            return _show(trees, files=parsed.files)
        return _check(compiler, trees)
    except (DistccError, OSError, ValueError) as error:
        return _fail(f"{compiler.path} does not travel: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc toolchain",
        description="Say what of a compiler is sent to servers that have none, and try it out.",
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=("show", "check"), help="list it, or compile with it alone")
    parser.add_argument("compiler", metavar="COMPILER", help="a name or a path, such as g++")
    parser.add_argument("--files", action="store_true", help="with show: name each file as well")
    return parser


def _fail(why: str) -> int:
    print(f"twisted-distcc toolchain: {why}", file=sys.stderr)
    return 1


def _tree(compiler: LocalCompiler, language: Language) -> TravellingTree:
    environ = dict(compiler.environ)
    return travelling_tree(toolchain_in(compiler.path, environ), language, environ)


def _show(trees: Mapping[str, TravellingTree], *, files: bool) -> int:
    for language, tree in trees.items():
        found = (*tree.files, *tree.programs)
        digest = tools_of(tree).root.hex()
        print(f"  {language + ':':4} {len(found)} files, {tree.size / _MB:.1f} MB, digest {digest}")
        for file in sorted(found, key=lambda file: file.path) if files else ():
            print(f"    {file.size:11} {file.path}")
    return 0


def _check(compiler: LocalCompiler, trees: Mapping[str, TravellingTree]) -> int:
    with tempfile.TemporaryDirectory(prefix="twisted-distcc-") as folder:
        try:
            sandbox = build(Limits(), {}, folder, program="jail")
        except NoSandboxError as error:
            return _fail(f"it cannot be tried on this machine: {error}")
        if not sandbox.takes_toolchains:
            return _fail("it cannot be tried on this machine: no filter of system calls is known for it")
        faults = {
            language: _fault(sandbox, compiler, tree, _LANGUAGES[language], f"{folder}/{language}")
            for language, tree in trees.items()
        }
    for language, fault in faults.items():
        print(f"  {language + ':':4} {fault or 'compiles by itself, with nothing else of this machine'}")
    return int(any(faults.values()))


def _fault(
    sandbox: Sandbox, compiler: LocalCompiler, tree: TravellingTree, language: Language, folder: str
) -> str | None:
    """Return why the files of `tree` do not compile by themselves; `None` if they do."""
    files = Tree(b"/", tuple(_entries(tree)))
    tools = lay_tools(tools_of(tree).root, files, folder, DEVICES)
    words = (compiler.path, "-x", language.value, "-c", "check.c")
    compilation = parse(words, arrived=True, with_files=True)
    assert isinstance(compilation, Compilation)
    unit = Tree(b"/check", (InputFile(b"/check/check.c", _SOURCE),))
    jail = sandbox.bringing(tools)
    with jail.prepare_tree(compiler.path, compilation, unit, dict(compiler.environ), "") as job:
        reply = attempt(job)
    said = os.fsdecode(reply.stderr.read()).strip()
    reply.discard()
    return f"fails with status {reply.exit_code}: {said}" if reply.status else None


def _entries(tree: TravellingTree) -> Iterator[InputFile | InputLink]:
    for file in (*tree.files, *tree.programs):
        content = BlobContent(file.digest, Body(file.size, path=file.path))
        yield InputFile(os.fsencode(file.path), content)
    for path, target in tree.links:
        yield InputLink(os.fsencode(path), os.fsencode(target))
