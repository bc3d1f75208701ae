"""Toolchains, and the system calls that they make.

In: programs that are installed here, and strace.  Out: `traced.txt`, a record of the calls of each, to
which the filter's list is held.  A call of which the filter looks at an argument stands there with it.

Run it as `python -m tests.execution.sandbox.tracing`; it adds what is new, as other machines, libraries
and kernels may have had more.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from twisted_distcc.execution.sandbox.syscalls import CONDITIONS

RECORD: Final = Path(__file__).with_name("traced.txt")
SOURCE: Final = "unit.c"
OUTPUT: Final = "output.o"
PATH: Final = "/usr/local/bin:/usr/bin:/bin"

UNIT: Final = """\
#ifdef __cplusplus
#include <string>
#include <vector>
template <class T> T most(std::vector<T> const &all) {
    T m{};
    for (auto x : all) m = x > m ? x : m;
    return m;
}
int shown(std::string const &s) { std::vector<int> v{1, 2}; return most(v) + int(s.size()); }
#else
static int twice(int x) { return 2 * x; }
int shown(int x) { return twice(x); }
#endif
"""
# Statically linked: what its C library does at start and end, with memory, files, processes and threads.
STATIC: Final = r"""
#include <dirent.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static void *work(void *given) { return free(malloc(1 << 22)), given; }
int main(void) {
    char *argv[] = {"true", 0}, line[64], name[] = "fileXXXXXX";
    pthread_t one; pid_t pid; struct stat told; struct timespec now;
    setvbuf(stdout, 0, _IONBF, 0);
    if (pthread_create(&one, 0, work, 0) || pthread_join(one, 0)) return 1;
    if (posix_spawnp(&pid, "true", 0, 0, argv, 0) || waitpid(pid, 0, 0) != pid) return 2;
    FILE *pipe = popen("echo said", "r");
    if (!pipe || !fgets(line, sizeof line, pipe) || pclose(pipe) || system("true")) return 3;
    int file = mkstemp(name);
    if (file < 0 || close(file) || rename(name, "moved") || stat("moved", &told)) return 4;
    if (access("moved", R_OK) || chmod("moved", 0600) || unlink("moved")) return 5;
    DIR *here = opendir(".");
    if (!here || !readdir(here) || closedir(here)) return 6;
    free(realloc(malloc(1 << 20), 1 << 24));
    clock_gettime(CLOCK_REALTIME, &now);
    if (sysconf(_SC_NPROCESSORS_ONLN) < 1 || sysconf(_SC_PHYS_PAGES) < 1) return 7;
    if (!getcwd(line, sizeof line)) return 8;
    FILE *output = fopen("output.o", "w");
    return fprintf(output, "%s", "done\n") != 5 || fclose(output);
}
"""
_SCRIPT: Final = """
tell() { echo "$1"; }
x=$(tell "$(basename a/b)"); tell "$x" >made; cp made copy; mv copy moved; mkdir -p q/r; touch q/x
chmod 644 moved; ls -l >listing; ln -s moved link; readlink link >&2; test -x moved
cat moved link | sort | tr a b >&2
sed s/b/c/ made; (exit 3) || true; true & wait; rm -rf q link
trap 'tell ended' EXIT
gcc -c unit.c -o output.o
"""
_BASH: Final = '[[ ab =~ b ]]; read -r x <made; cat <<<"$x"; printf -v y %s z; type gcc >&2; kill -0 $$'
_PERL: Final = r"""
use File::Temp "tempfile"; use File::Copy; use Cwd; use POSIX;
my ($file, $name) = tempfile(); print $file "x"; close $file; copy($name, "b");
move("b", "c"); unlink "c";
my $said = `gcc -v 2>&1`; open(P, "-|", "cat unit.c"); my @all = <P>; close P;
opendir(D, "."); readdir D;
mkdir "q"; $SIG{ALRM} = sub {}; alarm 9; my $p = fork; exit 0 if !$p; wait; -x "unit.c"; stat "unit.c";
chmod 0644, "unit.c"; utime 1, 1, "unit.c"; symlink "a", "z"; rename "z", "y";
select undef, undef, undef, 0.01;
getcwd(); system("true"); exec "gcc", "-c", "unit.c", "-o", "output.o";
"""
_PYTHON: Final = r"""
import glob, os, pathlib, shutil, subprocess, tempfile, threading
subprocess.run(["cat", "unit.c"], check=True, capture_output=True, timeout=9)
with tempfile.TemporaryDirectory(dir=".") as folder:
    shutil.copy2("unit.c", folder); shutil.copy("unit.c", folder + "/b")
    shutil.move(folder + "/b", "moved")
one = threading.Thread(target=os.getcwd); one.start(); one.join()
subprocess.Popen("true", shell=True, preexec_fn=int).wait(); glob.glob("*")
os.cpu_count(); os.stat("moved")
os.set_inheritable(os.open("moved", os.O_RDONLY), True)
os.execvp("gcc", ["gcc", "-c", "unit.c", "-o", "output.o"])
"""
_TO: Final = "-c unit.c -o output.o"

# What a shell is to run, by name; each begins with the program that has to be installed for it.
TOOLCHAINS: Final[Mapping[str, tuple[str, str]]] = {
    "gcc": ("gcc", f"gcc -O2 -g -gz -fprofile-arcs -frandom-seed=1 -MD -MF output.d {_TO}"),
    "gcc -pipe": ("gcc", f"gcc -pipe -O3 -g3 -gsplit-dwarf {_TO}"),
    "gcc -flto": ("gcc", f"gcc -flto -frandom-seed=1 -O2 -fdiagnostics-color=always -Wall {_TO}"),
    "gcc -S": ("gcc", "gcc -O2 -S unit.c -o unit.s && gcc -c unit.s -o output.o"),
    "g++": ("g++", f"g++ -x c++ -O2 -g -fsanitize=undefined {_TO}"),
    "gcc for aarch64": ("aarch64-linux-gnu-gcc", f"aarch64-linux-gnu-gcc -O2 -g {_TO}"),
    "clang": ("clang", f"clang -O2 -g -MD -MF output.d {_TO}"),
    "clang -fno-integrated-as": ("clang", f"clang -O2 -g -fno-integrated-as {_TO}"),
    "clang++": ("clang++", f"clang++ -x c++ -O2 -flto -fsanitize=address {_TO}"),
    "clang 19": ("clang-19", f"clang-19 -O2 -g -ftime-trace {_TO}"),
    "c89": ("c89", f"c89 {_TO}"),
    "c99": ("c99", f"c99 {_TO}"),
    "musl-gcc": ("musl-gcc", f"musl-gcc -O2 {_TO}"),
    "tcc": ("tcc", f"tcc -g {_TO}"),
    "dash": ("dash", f"cat >s <<'END'\n{_SCRIPT}\nEND\ndash s"),
    "bash": ("bash", f"cat >s <<'END'\n{_SCRIPT}{_BASH}\nEND\nbash s"),
    "busybox": ("busybox", f"cat >s <<'END'\n{_SCRIPT}\nEND\nbusybox sh s"),
    "perl": ("perl", f"cat >s <<'END'\n{_PERL}\nEND\nperl s"),
    "python": ("python3", f"cat >s <<'END'\n{_PYTHON}\nEND\npython3 s"),
    "musl, static": ("musl-gcc", f"cat >s.c <<'END'\n{STATIC}\nEND\nmusl-gcc -static s.c -o s && ./s"),
    "glibc, static": ("gcc", f"cat >s.c <<'END'\n{STATIC}\nEND\ngcc -static s.c -o s && ./s"),
}  # fmt: skip


def installed() -> Iterator[tuple[str, str]]:
    """Yield those that are installed here: name and script."""
    for name, (program, script) in TOOLCHAINS.items():
        if shutil.which(program, path=PATH):
            yield name, script


def recorded() -> dict[str, frozenset[str]]:
    """Return the record: the calls of each toolchain, as `name` or `name(argument)`."""
    sections = RECORD.read_text().split("\n\n") if RECORD.exists() else []
    pairs = (section.partition(":\n") for section in sections[1:])
    return {name: frozenset(calls.split()) for name, _, calls in pairs}


def trace(script: str) -> frozenset[str]:
    """Run a toolchain, and return the calls that it made."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, SOURCE).write_text(UNIT)
        log = Path(folder, "log")
        subprocess.run(
            ["strace", "-f", "-qq", "-X", "raw", "-s0", "-o", log, "/bin/sh", "-c", script],
            cwd=folder,
            env={"PATH": PATH, "LC_ALL": "C", "TMPDIR": folder},
            check=True,
        )
        return frozenset(map(_described, re.findall(r"(?m)^\d+ +(\w+\(.*)$", log.read_text())))


def _described(line: str) -> str:
    name, _, words = line.partition("(")
    condition = CONDITIONS.get(name)
    if condition is None:
        return name
    if name == "clone":
        found = re.search(r"flags=([x\da-f|]+)", words)
        assert found is not None, line
        value = eval(found[1], {})
    else:
        value = int(re.split(r"[,) ]+", words)[condition.argument], 0)
    return f"{name}({value:#x})"


def draw(record: Mapping[str, frozenset[str]]) -> str:
    """Return the text of the record."""
    head = "What toolchains asked of the kernel, see tracing.py"
    sections = (
        f"{name}:\n{textwrap.fill(' '.join(sorted(calls)), 100)}" for name, calls in record.items()
    )
    return "\n\n".join((head, *sections)) + "\n"


def main() -> None:
    """Add to the record what the toolchains here do."""
    record = recorded()
    for name, script in installed():
        record[name] = record.get(name, frozenset()) | trace(script)
    RECORD.write_text(draw(dict(sorted(record.items()))))


if __name__ == "__main__":
    main()
