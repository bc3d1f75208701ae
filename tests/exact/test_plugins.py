"""Compiles that load plugins, by a server that takes our compilers with them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.exact.harness import ExactTestCase, Row, Serving

POLICY = '[[rule]]\nname = "all"\nwho = ["*"]\nverdict = "allow"\ntoolchains = "any"\n'
C = {"w.c": "int f(int a) { return a + 1; }\nint g() { int u; return f(); }\n"}

# As annobin does: it adds a section to the assembly, and says something.  With a `file`, it reads or
# writes that.
GCC_PLUGIN = r"""
#include <stdio.h>
#include <string.h>

struct argument { char *key, *value; };
struct arguments { char *name; const char *path; int count; struct argument *words; };
extern FILE *asm_out_file;
extern void register_callback(const char *, int, void (*)(void *, void *), void *);
const char *word(void) __attribute__((weak));
int plugin_is_GPL_compatible;
static struct arguments told;

static const char *value(const char *key) {
    for (int i = 0; i < told.count; i++)
        if (!strcmp(told.words[i].key, key)) return told.words[i].value;
    return "";
}

static void finish(void *a, void *b) {
    fprintf(asm_out_file, "\t.section .note.w\n\t.string \"%s\"\n", word ? word() : value("note"));
    if (*value("made")) fclose(fopen(value("made"), "w"));
    if (*value("said")) fprintf(stderr, "%s: %s\n", told.name, value("said"));
}

int plugin_init(struct arguments *arguments, void *version) {
    told = *arguments;
    register_callback(told.name, 5, finish, 0);
    return 0;
}
"""
LIBRARY = """const char *word(void) { return "from a library"; }\n"""

CLANG_PLUGIN = r"""
#include <stdio.h>
const char *word(void) __attribute__((weak));
__attribute__((constructor)) static void loaded(void) {
    fprintf(stderr, "loaded %s\n", word ? word() : "");
}
struct told { int version; const char *name, *release; void (*added)(void *); };
static void added(void *builder) { fprintf(stderr, "asked for passes\n"); }
struct told llvmGetPassPluginInfo(void) { return (struct told){1, "p", "1", added}; }
"""


def built(source: str, *words: str) -> bytes:
    """Return a library of this `source`."""
    done = subprocess.run(
        ["/usr/bin/gcc", "-w", "-O1", "-shared", "-fPIC", "-x", "c", "-", "-o", "/dev/stdout", *words],
        input=source.encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout


def row(script: str, compiler: str, *, elsewhere: bool | None = True) -> Row:
    """Return the row for a compile with plugins, for all of which but one the user vouches."""
    return Row(
        script=script,
        files={**C, "p.c": GCC_PLUGIN},
        prepare=with_plugins,
        environ={"DISTCC_PLUGINS": "p:q:needs:wants:none"},
        compilers=(compiler,),
        elsewhere=elsewhere,
    )


def with_plugins(folder: Path) -> None:
    """Put plugins into `folder`: by themselves, and one that needs a library beside it."""
    for name, source in (("p.so", GCC_PLUGIN), ("q.so", CLANG_PLUGIN)):
        (folder / name).write_bytes(built(source))
    (folder / "unknown.so").write_bytes((folder / "p.so").read_bytes())
    (folder / "sub").mkdir()
    (folder / "sub" / "libword.so").write_bytes(built(LIBRARY, "-Wl,-soname,libword.so"))
    words = (f"-L{folder}/sub", "-lword", "-Wl,-rpath,$ORIGIN")
    (folder / "sub" / "needs.so").write_bytes(built(GCC_PLUGIN, *words))
    (folder / "sub" / "wants.so").write_bytes(built(CLANG_PLUGIN, *words))


class PluginTests(ExactTestCase):
    lanes = 1  # each would have a server of its own, to which the compilers have to go
    policy = f"{POLICY}programs = true\n"

    async def serving(self) -> Serving:
        """Start a server that has these compilers itself, and takes those of clients."""
        policy = self.place()
        policy.write_text(self.policy)
        server = await self.serve("--sandbox=require", "--jobs=4", f"--policy={policy}")
        word = f"127.0.0.1:{server.port}/4"
        return Serving(word, lambda: sum("verdict=done" in job for job in server.jobs))

    async def test_loaded(self) -> None:
        """What plugins add to the object, and say, is as here, by whatever path they are named."""
        note = "-fplugin-arg-p-note=some"
        anew = "sed -i 's/note.w/&2/' p.c && gcc -w -O1 -shared -fPIC p.c -o p.so"
        rules = r"printf '*cc1_options:\n+ %%{!r:-fplugin=%s/p.so}\n' $PWD > x"
        await self.are_exact(
            row(f"$CC -fplugin=./p.so {note} -fplugin-arg-p-said=it -g -O2 -Wall -MD -c w.c", "gcc"),
            row(f"cd sub && $CC -fplugin=$PWD/../p.so {note} -S ../w.c -o w.s", "gcc"),
            row("cd sub && $CC -fplugin=./needs.so -fstack-usage -c ../w.c -o w.o", "gcc"),
            # One that was made a moment ago.
            row(f"$CC -fplugin=./p.so -c w.c && {anew} && $CC -fplugin=./p.so -c w.c -o 2.o", "gcc"),
            row(f"{rules} && $CC -specs=$PWD/x -O1 -c w.c", "gcc"),
            # What this makes was not foreseen.
            row("$CC -fplugin=./p.so -fplugin-arg-p-made=found -c w.c", "gcc", elsewhere=None),
            row("$CC -fplugin=./q.so -O2 -g -Wall -MD -c w.c", "clang"),
            row("$CC -fpass-plugin=./q.so -O1 -c w.c", "clang"),
            row("cd sub && $CC -Xclang -load -Xclang $PWD/wants.so -c ../w.c", "clang"),
            *(
                row(f"$CC {words} -c w.c", compiler, elsewhere=False)
                for compiler, words in (
                    # For which the user does not vouch.
                    ("gcc", "-fplugin=./p.so -fplugin=./unknown.so"),
                    ("clang", "-fplugin=./unknown.so"),
                    # The argument may be a file's name.
                    ("gcc", "-fplugin=./p.so -fplugin-arg-p-made=sub/found"),
                    ("gcc", "-fplugin-arg-p-note=some"),
                    # Not in the compiler's folder, not there, and no path.
                    ("gcc", "-fplugin=p"),
                    ("gcc", "-fplugin=./none.so"),
                    ("gcc", "-fplugin=p.so"),
                )
            ),
        )


class UnwantedTests(PluginTests):
    """A server whose rules let toolchains come, and no programs for these to load."""

    policy = POLICY

    async def test_loaded(self) -> None:
        """It is sent no compile with plugins, and the other ones as ever."""
        await self.are_exact(
            row("$CC -fplugin=./p.so -c w.c", "gcc", elsewhere=False),
            row("$CC -fplugin=./q.so -c w.c", "clang", elsewhere=False),
            row("$CC -c w.c", "gcc"),
        )
