"""Which files a command makes besides its object, and where such a command may run."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.assembler_files import names_temporary_file
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.foreseen import Existing, Foreseen, foreseen, own_order, saves_intermediates
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import serve_tree_argv, tree_argv


def understood(command: str) -> Compilation:
    """Return a command that may travel."""
    compilation = parse(command.split())
    assert isinstance(compilation, Compilation), compilation
    return compilation


class NamesTests(SynchronousTestCase):
    def assert_makes(self, command: str, *paths: str) -> None:
        made = [one.path for one in foreseen(understood(command))]
        self.assertEqual(made, list(paths), command)

    def test_beside_the_object(self) -> None:
        """They have the object's name, with another suffix."""
        for options, suffix in (
            ("-g -gsplit-dwarf", ".dwo"), ("-gsplit-dwarf=split", ".dwo"), ("--coverage", ".gcno"),
            ("-coverage", ".gcno"), ("-ftest-coverage", ".gcno"), ("-fstack-usage", ".su"),
            ("-fcallgraph-info", ".ci"), ("-fcallgraph-info=su,da", ".ci"),
        ):  # fmt: skip
            for compiler in ("gcc", "clang", "cc"):
                command = f"{compiler} {options} -c dir/w.c"
                self.assert_makes(command, f"w{suffix}")
                self.assert_makes(f"{command} -o obj/x.y.o", f"obj/x.y{suffix}")
                self.assert_makes(f"{command} -o obj.d/x", f"obj.d/x{suffix}")
                self.assert_makes(f"{command} -S -o x.s", f"x{suffix}")

    def test_intermediate_files(self) -> None:
        """gcc names them after the object, and clang after the source, in one folder or another."""
        for option, by_gcc, by_clang in (
            ("-save-temps", "obj/x", "w"), ("--save-temps", "obj/x", "w"), ("-save-temps=cwd", "x", "w"),
            ("-save-temps=obj", "obj/x", "obj/w"),
        ):  # fmt: skip
            command = f"{option} -c src/w.c -o obj/x.o"
            self.assert_makes(f"gcc {command}", f"{by_gcc}.i", f"{by_gcc}.s")
            made = [f"{by_clang}{suffix}" for suffix in (".i", ".s", ".bc")]
            self.assert_makes(f"clang {command}", *made)
        self.assert_makes("g++ -save-temps -c w.cc", "w.ii", "w.s")
        self.assert_makes("gcc -save-temps -c w.i", "w.s")
        self.assert_makes("gcc -save-temps -c w.S", "w.s")
        self.assert_makes("gcc -save-temps -c w.s")
        self.assertTrue(saves_intermediates(understood("gcc -save-temps -c w.c")))
        self.assertFalse(saves_intermediates(understood("gcc -g -c w.c")))

    def test_reports(self) -> None:
        """Remarks, dumps and times are beside the object, others where the command says."""
        self.assert_makes("gcc -fsave-optimization-record -c w.c -o a/x.o", "a/x.c.opt-record.json.gz")
        self.assert_makes("clang -fsave-optimization-record -c w.c -o a/x.o", "a/x.opt.yaml")
        self.assert_makes("clang -fsave-optimization-record=bitstream -c w.c", "w.opt.bitstream")
        self.assert_makes("gcc -fdump-tree-original -c dir/w.cc -o a/x.o", "a/x.cc")
        self.assert_makes("clang -ftime-trace -c w.c", "w.json")
        for options in ("-aux-info d/f", "-aux-info=d/f"):
            self.assert_makes(f"gcc {options} -c w.c", "d/f")
        for options in (
            "-MJ d/f",
            "-MJd/f",
            "-serialize-diagnostics d/f",
            "--serialize-diagnostics d/f",
        ):
            self.assert_makes(f"clang {options} -c w.c", "d/f")
        for options in ("-MJ -", "-MJ /dev/stdout", "--serialize-diagnostics /proc/self/fd/1"):
            self.assertIsInstance(parse(["clang", "-c", "w.c", *options.split()]), StayLocal, options)

    def test_where_told(self) -> None:
        """Dumps, notes, times and indexes are where an option says."""
        for options in ("-fdump-tree-all-raw=d/f", "-fprofile-note=d/f", "-fdump-go-spec=d/f"):
            self.assert_makes(f"gcc {options} -c w.c", "d/f")
        for options in ("-ftime-trace=d/f", "-fthin-link-bitcode=d/f"):
            self.assert_makes(f"clang {options} -c w.c", "d/f")
        self.assert_makes("gcc -fdump-tree-all=stderr -fopt-info=stdout -c w.c", "w.c")
        self.assert_makes("clang -foptimization-record-passes=inline -c w.c", "w.opt.yaml")

    def test_by_the_assembler(self) -> None:
        """Listings and dependencies of the assembler are where they are told to be."""
        for options, *made in (
            ("-Wa,-aln=d/f", "d/f"), ("-Wa,-W,-an,-aln=d/f", "d/f"), ("-Xassembler -aln=d,f", "d,f"),
            ("-pipe -Wa,--MD,d/f", "d/f"), ("-pipe -Wa,--MD=d/f,-a", "d/f"), ("-Wa,-aln",),
            ("-pipe -Wa,-a=e -Wa,-as=d/f", "e", "d/f"), ("-save-temps=obj -Wa,-as=f", "w.i", "w.s", "f"),
        ):  # fmt: skip
            self.assert_makes(f"gcc {options} -c w.c", *made)
            self.assertTrue(understood(f"gcc {options} -c w.c").runs_as_typed)
        for options in (
            "-Wa,-aln=/dev/null", "-Wa,-aln=", "-Wa,-aln=-", "-Wa,--MD,",
            "-ffile-prefix-map=/a=/b -Wa,-ahn",
        ):  # fmt: skip
            self.assertIsInstance(parse(["gcc", "-c", "w.c", *options.split()]), StayLocal, options)
        for options in ("-Wa,-al", "-Wa,-adhlns=f", "-Wa,-as,-an", "-Wa,--MD,f"):
            command = understood(f"gcc {options} -c w.c")
            self.assertTrue(names_temporary_file(command.options, command.language))
            stays = ["clang", "-fno-integrated-as", "-c", "w.c", *options.split()]
            self.assertIsInstance(parse(stays), StayLocal, options)
        for command in map(understood, ("gcc -Wa,-aln -c w.c", "gcc -pipe -Wa,-al -c w.c")):
            self.assertFalse(names_temporary_file(command.options, command.language))
        for options in ("-Wa,-ahln=f", "-pipe -Wa,-a"):
            self.assertIsInstance(parse(["gcc", "-c", "w.s", *options.split()]), StayLocal, options)

    def test_comments(self) -> None:
        """gcc's comments in assembly tell of the machine, so they stay where there is any left."""
        for compiler, options, stays in (
            ("gcc", "-c", False), ("gcc", "-g -c -fstack-usage", False), ("clang", "-S", False),
            ("gcc", "-S", True), ("gcc", "-c -save-temps", True), ("gcc", "-c -Wa,-aln=x", True),
            ("cc", "-S", True),
        ):  # fmt: skip
            words = [compiler, "-fverbose-asm", *options.split(), "w.c"]
            self.assertEqual(isinstance(parse(words), StayLocal), stays, words)
            self.assertIsInstance(
                parse(words, arrived=True, with_files=True, confined=True), Compilation
            )

    def test_bitcode(self) -> None:
        """Bitcode has names of its own, unless it is named."""
        for options, output in (("-c", "w.bc"), ("-S", "w.ll"), ("-S -o x", "x")):
            command = understood(f"clang -emit-llvm -MD {options} d/w.c")
            self.assertEqual(command.output, output)
            self.assertEqual(tree_argv(command)[1:], list(command.arguments))
        for command in ("clang -emit-llvm -c w.S", "gcc -emit-llvm -c w.c"):
            self.assertIsInstance(parse(command.split()), StayLocal)

    def test_none(self) -> None:
        """Others make none, though they have to run with the client's own names."""
        for options in ("-fprofile-arcs", "-gsplit-dwarf=single", "-fprofile-generate=/d"):
            self.assert_makes(f"gcc {options} -c w.c")
            self.assertTrue(understood(f"gcc {options} -c w.c").runs_as_typed)
        self.assertFalse(understood("gcc -g -MD -c w.c").runs_as_typed)

    def test_several(self) -> None:
        """Each option makes its own."""
        self.assert_makes("gcc --coverage -fstack-usage -c w.c -MD", "w.gcno", "w.su")

    def test_what_exists(self) -> None:
        """gcc replaces and clang overwrites split debug information; who may be either is told apart."""
        for compiler, existing in (
            ("gcc", Existing.REPLACED), ("clang", Existing.OVERWRITTEN), ("cc", Existing.DISPUTED),
        ):  # fmt: skip
            (made,) = foreseen(understood(f"{compiler} -gsplit-dwarf -c w.c"))
            self.assertEqual(made.existing, existing)
        (made,) = foreseen(understood("cc -fstack-usage -c w.c"))
        self.assertEqual(made.existing, Existing.OVERWRITTEN)

    def test_order(self) -> None:
        """It is that of the last byte of each file, as compilers were seen to write them."""
        more = "-MD --coverage -fstack-usage"
        for command, in_order in (
            (f"gcc {more} -gsplit-dwarf -c", "gcno su d dwo o"),
            (f"gcc {more} -fdump-rtl-all -fopt-info=w.r -Wa,-aln=w.l -c", "gcno r c su d l o"),
            (f"gcc {more} -fcallgraph-info -gsplit-dwarf -save-temps -c", "d i gcno s su ci dwo o"),
            (f"gcc {more} -S", "gcno s su d"),
            (f"clang {more} -gsplit-dwarf -c", "gcno o dwo su d"),
            (f"clang {more} -MJ w.m -ftime-trace=w.t -flto -c", "gcno o su d t m"),
            (f"clang {more} -gsplit-dwarf -save-temps -c", "i d bc gcno su s o dwo"),
            (f"clang {more} -S", "gcno su s d"),
        ):  # fmt: skip
            c = understood(f"{command} w.c")
            of_object, of_rules = own_order(c)
            places = {one.path[2:]: one.order for one in foreseen(c)}
            places |= {c.output[2:]: of_object, "d": of_rules}
            self.assertEqual(sorted(places, key=places.__getitem__), in_order.split(), command)

    def test_dumps(self) -> None:
        """The name of a dump goes on with a number, a letter and the name of a pass."""
        dump = Foreseen("obj/w.c", Existing.OVERWRITTEN, 70, is_dump=True)
        for name in ("obj/w.c.005t.original", "obj/w.c.253r.expand", "obj/w.c.000i.type-inheritance"):
            self.assertTrue(dump.covers(name), name)
        for name in (
            "obj/w.c", "obj/w.c.o", "obj/w.c.005t.", "obj/w.c.005t.a/b", "obj/w.c.5t.x",
            "w.c.005t.original", "obj/w.c.005t.x\n", "obj/w.c.005x.original", "obj/w.c.005t.../x",
        ):  # fmt: skip
            self.assertFalse(dump.covers(name), name)


class WhereTests(SynchronousTestCase):
    def test_never_as_text(self) -> None:
        """A server that gets preprocessed text refuses them; one that gets the files does not."""
        words = ["gcc", "--coverage", "-c", "w.c", "-o", "w.o"]
        refused = parse(words, arrived=True)
        assert isinstance(refused, StayLocal)
        self.assertIn("--coverage makes files beside the object", refused.reason)
        self.assertIsInstance(parse(words, arrived=True, with_files=True), StayLocal)
        self.assertIsInstance(parse(words, arrived=True, with_files=True, confined=True), Compilation)

    def test_as_typed(self) -> None:
        """They are sent, and run, with all of their words and no others."""
        command = understood("gcc -MD -MF a.d --coverage -c w.c")
        words = ["-MD", "-MF", "a.d", "--coverage", "-c", "w.c"]
        self.assertEqual(tree_argv(command), ["gcc", *words])
        served = serve_tree_argv(command, "/usr/bin/gcc", "/job/output.o", "/job/output.d")
        self.assertEqual(served, ["/usr/bin/gcc", *words])
