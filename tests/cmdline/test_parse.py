"""Command lines: what travels and as what, what stays and why."""

from __future__ import annotations

import shlex

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation, Dependencies, Language, Stage, StayLocal
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.foreseen import foreseen
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.response import EXPANSION_LIMIT
from twisted_distcc.cmdline.rewrite import remote_argv

AS_MADE = "of which gcc makes another each time"


class ParseCase(SynchronousTestCase):
    """Commands as one types them."""

    def travels(self, command: str, **files: str) -> Compilation:
        verdict = parse(shlex.split(command), files.get)
        assert isinstance(verdict, Compilation), (command, verdict)
        return verdict

    def stays(self, command: str, reason: str) -> None:
        self.assertEqual(StayLocal(reason), parse(shlex.split(command)), command)


class CompilationTests(ParseCase):
    """What a command means that may run elsewhere."""

    def test_whole(self) -> None:
        """An ordinary command is understood in every field."""
        arguments = "-g -O2 -DX -I . -c src/foo.c -o out/foo.o -MMD -MP"
        c = self.travels(f"gcc {arguments}")
        self.assertEqual("gcc", c.compiler)
        self.assertEqual(tuple(arguments.split()), c.arguments)
        self.assertEqual("src/foo.c", c.source)
        self.assertIs(Language.C, c.language)
        self.assertEqual("out/foo.o", c.output)
        self.assertIs(Stage.OBJECT, c.stage)
        self.assertIs(c.stage, Stage.OBJECT)
        self.assertTrue(c.debug)
        self.assertIs(Family.GCC, c.family)
        self.assertEqual(c.arguments, tuple(word for o in c.options for word in o.words))
        rules = ("-MMD", "-MQ", "out/foo.o", "-MP")
        self.assertEqual(Dependencies("out/foo.d", rules), c.dependencies)

    def test_languages_by_suffix(self) -> None:
        """Every source suffix of gcc's manual in our languages is known."""
        for suffixes, language in (
            ("c", Language.C),
            ("i", Language.PREPROCESSED_C),
            ("cc cp cxx cpp CPP c++ C", Language.CXX),
            ("ii", Language.PREPROCESSED_CXX),
            ("m", Language.OBJC),
            ("mi", Language.PREPROCESSED_OBJC),
            ("mm M", Language.OBJCXX),
            ("mii", Language.PREPROCESSED_OBJCXX),
            ("s", Language.ASSEMBLER),
            ("S sx", Language.ASSEMBLER_WITH_CPP),
        ):
            for suffix in suffixes.split():
                c = self.travels(f"gcc -c foo.{suffix}")
                self.assertIs(language, c.language, suffix)
                self.assertEqual("foo.o", c.output)

    def test_preprocessed_forms(self) -> None:
        """Each language has its preprocessed form and suffix; preprocessed ones are their own."""
        for language, form, suffix in (
            (Language.C, Language.PREPROCESSED_C, ".i"),
            (Language.CXX, Language.PREPROCESSED_CXX, ".ii"),
            (Language.OBJC, Language.PREPROCESSED_OBJC, ".mi"),
            (Language.OBJCXX, Language.PREPROCESSED_OBJCXX, ".mii"),
            (Language.ASSEMBLER_WITH_CPP, Language.ASSEMBLER, ".s"),
        ):
            self.assertFalse(language.is_preprocessed)
            self.assertTrue(form.is_preprocessed)
            self.assertIs(form, language.preprocessed)
            self.assertIs(form, form.preprocessed)
            self.assertEqual(suffix, language.preprocessed_suffix)
            self.assertEqual(suffix, form.preprocessed_suffix)
            self.assertEqual(form is Language.ASSEMBLER, language.is_assembler)

    def test_drivers_of_cxx(self) -> None:
        """g++ takes C sources for C++, unless -x is given; clang++ does even after -x none."""
        for command, language in (
            ("g++ -c foo.c", Language.CXX),
            ("g++ -c foo.i", Language.PREPROCESSED_CXX),
            ("c++ -c foo.c", Language.CXX),
            ("g++ -c foo.m", Language.OBJC),
            ("g++ -x c -c foo.c", Language.C),
            ("g++ -x none -c foo.c", Language.C),
            ("clang++ -x none -c foo.c", Language.CXX),
        ):
            self.assertIs(language, self.travels(command).language, command)

    def test_languages_by_name(self) -> None:
        """The last -x before the source counts, and a later one does not."""
        for command, language in (
            ("gcc -x c++ -c foo.x", Language.CXX),
            ("gcc -xc++ -c foo.c", Language.CXX),
            ("gcc -x c -x objective-c -c foo.c", Language.OBJC),
            ("gcc -x c++ -x none -c foo.c", Language.C),
            ("gcc -c foo.c -x c++", Language.C),
            ("gcc -x cpp-output -c foo.c", Language.PREPROCESSED_C),
            ("gcc -x assembler -c foo", Language.ASSEMBLER),
            ("gcc --language=c -c foo", Language.C),
        ):
            self.assertIs(language, self.travels(command).language, command)

    def test_outputs(self) -> None:
        """The output is the last -o, or is called after the source and lies where one stands."""
        for command, output in (
            ("gcc -c foo.c", "foo.o"),
            ("gcc -S foo.c", "foo.s"),
            ("gcc -c -S foo.c", "foo.s"),
            ("gcc -c a/b/foo.tar.c", "foo.tar.o"),
            ("gcc -x c -c a.b/foo", "foo.o"),
            ("gcc -c foo.c -o x", "x"),
            ("gcc -c foo.c -ox", "x"),
            ("gcc -c foo.c -o x -o y", "y"),
            ("gcc -c foo.c --output=x", "x"),
            ("gcc -c foo.c -o=x", "=x"),
        ):
            self.assertEqual(output, self.travels(command).output, command)

    def test_debug(self) -> None:
        """The last option on debug information counts; shades of it do not turn it on."""
        for options, debug in (
            ("", False),
            ("-g", True),
            ("-ggdb3", True),
            ("-gline-tables-only", True),
            ("-g0", False),
            ("-g -g0", False),
            ("-g0 -g", True),
            ("-gz -gno-column-info", False),
            ("-g -gz", True),
        ):
            self.assertIs(debug, self.travels(f"clang -c foo.c {options}").debug, options)

    def test_family(self) -> None:
        """The family goes by the name, unless the caller knows better."""
        self.assertIs(Family.GENERIC, self.travels("cc -c foo.c").family)
        self.assertIs(Family.GENERIC, self.travels("a-strange-name -c foo.c").family)
        self.assertIs(Family.CLANG, self.travels("clang-14 -c foo.c").family)
        known = parse(["cc", "-c", "foo.c"], family=Family.CLANG)
        assert isinstance(known, Compilation)
        self.assertIs(Family.CLANG, known.family)

    def test_response_files(self) -> None:
        """A response file is as if its words were typed."""
        c = self.travels("gcc @a -o x.o", a="-c @b", b="'-DX=a b' foo.c")
        self.assertEqual(("-c", "-DX=a b", "foo.c", "-o", "x.o"), c.arguments)

    def test_undecodable_names(self) -> None:
        """A name in no encoding is a name like others."""
        name = "caf\udce9.c"
        verdict = parse(["gcc", "-c", name])
        assert isinstance(verdict, Compilation)
        self.assertEqual((name, "caf\udce9.o"), (verdict.source, verdict.output))


class DependencyTests(ParseCase):
    """Dependency files: where they go and what stands in them."""

    def check(self, command: str, path: str, options: str) -> None:
        dependencies = self.travels(command).dependencies
        assert dependencies is not None, command
        self.assertEqual(path, dependencies.path, command)
        self.assertEqual(shlex.split(options), list(dependencies.options), command)

    def test_default_file(self) -> None:
        """The file is called after the output, or after the source where there is no -o."""
        for command, path in (
            ("gcc -MD -c d/foo.c", "foo.d"),
            ("gcc -MD -c foo.c -o d/bar.o", "d/bar.d"),
            ("gcc -MD -c foo.c -o d/bar", "d/bar.d"),
            ("gcc -MD -c foo.c -o d.e/bar", "d.e/bar.d"),
            ("gcc -MD -c foo.c -o bar.lo", "bar.d"),
            ("gcc -MD -c foo.c -o d/.o", "d/.d"),
            ("gcc -MD -S foo.c", "foo.d"),
        ):
            dependencies = self.travels(command).dependencies
            assert dependencies is not None
            self.assertEqual(path, dependencies.path, command)

    def test_targets(self) -> None:
        """Targets that are named stand alone and in order; the default is the output."""
        self.check("gcc -MD -c d/foo.c", "foo.d", "-MD -MQ foo.o")
        self.check("gcc -MD -S foo.c", "foo.d", "-MD -MQ foo.o")
        self.check("gcc -MD -S foo.c -o x.s", "x.d", "-MD -MQ x.s")
        self.check("gcc -MMD -c foo.c -o x.o", "x.d", "-MMD -MQ x.o")
        self.check("gcc -MD -MT t -c foo.c", "foo.d", "-MD -MT t")
        self.check("gcc -MD -MTt -MQ q -c foo.c -MP", "foo.d", "-MD -MTt -MQ q -MP")

    def test_files(self) -> None:
        """-MF names the file, the last one if several."""
        self.check("gcc -MD -MF f -c foo.c", "f", "-MD -MQ foo.o")
        self.check("gcc -MD -MFf -c foo.c", "f", "-MD -MQ foo.o")
        self.check("gcc -MD -MF f -MF g -c foo.c -o x.o", "g", "-MD -MQ x.o")

    def test_users_headers_only(self) -> None:
        """-MMD counts beside -MD, in any order."""
        self.check("gcc -MD -MMD -c foo.c", "foo.d", "-MMD -MQ foo.o")
        self.check("gcc -MMD -MD -c foo.c", "foo.d", "-MMD -MQ foo.o")

    def test_passed_to_the_preprocessor(self) -> None:
        """-Wp,-MD,file names the file; gcc's preprocessor does not know -o, clang's does."""
        self.check("gcc -Wp,-MD,f -c d/foo.c", "f", "-MD -MQ foo.o")
        self.check("gcc -Wp,-MMD,f -c foo.c -o x.o", "f", "-MMD -MQ foo.o")
        self.check("clang -Wp,-MMD,f -c foo.c -o x.o", "f", "-MMD -MQ x.o")
        self.check("cc -Wp,-MMD,f -c foo.c -o foo.o", "f", "-MMD -MQ foo.o")
        self.check("gcc -Wp,-MD,f -MT t -c foo.c -o x.o", "f", "-MD -MT t")
        self.check("cc -Wp,-MD,f -MT t -c foo.c -o x.o", "f", "-MD -MT t")

    def test_none(self) -> None:
        """Nothing is written for preprocessed sources, or where it is not asked for."""
        for command in ("gcc -c foo.c", "gcc -MD -c foo.i", "gcc -MD -MF f -c foo.s"):
            self.assertIsNone(self.travels(command).dependencies, command)

    def test_stays(self) -> None:
        """What compilers disagree on, or write elsewhere than into a file, stays."""
        twice = "the dependency file is named twice, which compilers disagree on"
        for options in ("-Wp,-MD,f -MD", "-Wp,-MD,f -MF g", "-Wp,-MD,f -Wp,-MMD,g"):
            self.stays(f"gcc -c foo.c {options}", twice)
        elsewhere = "the dependencies go to standard output or a device"
        for path in ("-", "/dev/stdout", "''"):
            self.stays(f"gcc -c foo.c -MD -MF {path}", elsewhere)
        for option, word in (("-MF f", "-MF"), ("-MT t", "-MT"), ("-MQt", "-MQt"), ("-MP", "-MP")):
            self.stays(
                f"gcc -c foo.c {option}",
                f"{word} is given without -MD or -MMD, which compilers disagree on",
            )
        self.stays(
            "cc -c foo.c -o x.o -Wp,-MD,f",
            "gcc and clang name other targets in the dependencies that -Wp asks for",
        )
        for option in ("-Wp,-MD", "-Wp,-MD,f,-MT,t", "-Wp,-MF,f", "-Wp,-MP", "-Xpreprocessor -MD"):
            self.stays(f"gcc -c foo.c {option}", f"{option} may read or write files")


class StayLocalTests(ParseCase):
    """What stays says why, in words."""

    def test_not_a_compile(self) -> None:
        """Preprocessing, dependencies alone, and linking stay."""
        self.stays("gcc -E foo.c", "-E preprocesses and does not compile")
        self.stays("gcc -E -c foo.c", "-E preprocesses and does not compile")
        self.stays("gcc -M foo.c", "-M lists dependencies and does not compile")
        self.stays("gcc -MM -c foo.c", "-MM lists dependencies and does not compile")
        self.stays("gcc foo.c", "neither -c nor -S is given, so the command links")
        self.stays("gcc foo.o -o foo", "neither -c nor -S is given, so the command links")
        self.stays("gcc", "neither -c nor -S is given, so the command links")
        self.stays("gcc --version", "--version asks the compiler about itself")
        self.stays("gcc -fsyntax-only foo.c", "-fsyntax-only checks the source and writes no object")

    def test_no_compiler(self) -> None:
        """A command must begin with something."""
        for argv in ([], [""]):
            self.assertEqual(StayLocal("no compiler is named"), parse(argv))

    def test_sources(self) -> None:
        """There is one source, in a file, in one of our languages."""
        self.stays("gcc -c", "no source is named")
        self.stays("gcc -c a.c b.c", "more than one input is named: a.c and b.c")
        self.stays("gcc -c a.c b.o", "more than one input is named: a.c and b.o")
        self.stays("gcc -c a.c ''", "more than one input is named: a.c and ''")
        self.stays("gcc -xc -c -", "the source comes from standard input")
        self.stays("gcc -xc -c /dev/stdin", "the source /dev/stdin is a device of this machine")
        self.stays("gcc -xc -c /x/../dev/fd/3", "the source /x/../dev/fd/3 is a device of this machine")
        distributed = "is not a source in a language that is distributed"
        for name in ("a.o", "a.a", "a.rs", "a.ll", "a.bc", "a", "lib.so"):
            self.stays(f"gcc -c {name}", f"{name} {distributed}")
        self.stays("clang -c a.sx", f"a.sx {distributed}")
        self.stays("gcc -c .c", f".c {distributed}")
        self.stays("gcc -x c -c .c", "compilers disagree on how to name what they make from .c")

    def test_languages(self) -> None:
        """Headers, modules and foreign languages stay."""
        for name in ("a.h", "a.hh", "a.hpp", "a.hxx", "a.H", "a.tcc", "a.h++"):
            for command in (f"gcc -c {name}", f"gcc {name} -o x.gch"):
                self.stays(command, f"{name} is a header: it would make a precompiled one, {AS_MADE}")
        for name in ("a.cppm", "a.ixx", "a.ccm"):
            self.stays(f"clang -c {name}", f"{name} is the interface of a module")
        for name in ("c-header", "c++-header", "c++-user-header"):
            for command in (f"gcc -x {name} -c a", f"gcc -x {name} a"):
                self.stays(command, f"-x {name} makes a precompiled header, {AS_MADE}")
        for name in ("ir", "c99", "''"):
            self.stays(f"gcc -x {name} -c a", f"-x {name} is not a language that is distributed")
        for suffix, name, language in (
            ("f90", "f95", "Fortran"), ("F", "f77-cpp-input", "Fortran"), ("adb", "ada", "Ada"),
            ("d", "d", "D"), ("go", "go", "Go"), ("cu", "cuda", "CUDA"), ("hip", "hip", "HIP"),
        ):  # fmt: skip
            for command, what in (
                (f"gcc -c a.{suffix}", f"a.{suffix}"),
                (f"cc -x {name} -c a", f"-x {name}"),
            ):
                verdict = parse(command.split())
                assert isinstance(verdict, StayLocal), command
                self.assertTrue(verdict.reason.startswith(f"{what} is {language}, wh"), verdict)

    def test_precompiled(self) -> None:
        """clang makes the same precompiled header where files have the same names and times."""
        for command, language in (
            ("clang -x c-header a.h -o a.h.pch", Language.C),
            ("clang++ -Xclang -emit-pch -x c++-header -o a.pch -c a.hxx.cxx", Language.CXX),
            ("clang -Xclang -emit-pch -c a.c -o a.pch", Language.C),
        ):
            made = self.travels(command)
            self.assertIs(made.language, language)
            self.assertEqual((made.demanding, made.runs_as_typed), (made.source, True))
            for with_files, confined in ((False, False), (True, False), (True, True)):
                arrived = parse(command.split(), arrived=True, with_files=with_files, confined=confined)
                self.assertEqual(isinstance(arrived, Compilation), with_files and confined, command)
        for command in ("clang -x c-header a.h", "clang -Xclang -emit-pch -c a.c"):
            self.assertIn("compilers disagree", str(parse(command.split())))

    def test_llvm(self) -> None:
        """LLVM's own code is a language of clang's, and for servers with a sandbox."""
        for command, source in (
            ("clang -c d/a.ll", "d/a.ll"), ("clang++ -c a.bc -o a.o", "a.bc"), ("clang -x ir -c a", "a"),
        ):  # fmt: skip
            self.assertIs(self.travels(command).language, Language.LLVM)
            self.assertEqual(self.travels(command).demanding, source)
            for with_files, confined in ((False, False), (True, False), (False, True)):
                arrived = parse(command.split(), arrived=True, with_files=with_files, confined=confined)
                self.assertIsInstance(arrived, StayLocal)
            arrived = parse(command.split(), arrived=True, with_files=True, confined=True)
            self.assertIsInstance(arrived, Compilation)

    def test_outputs(self) -> None:
        """Output to where no file can be sent back to stays."""
        for name in ("-", "''"):
            self.stays(f"gcc -c a.c -o {name}", "the output goes to standard output")
        for name in ("/dev/null", "/dev/stdout", "/proc/self/fd/1", "//dev/null"):
            self.stays(f"gcc -c a.c -o {name}", f"the output {name} is a device of this machine")
        self.stays("gcc -c a.c -o@x", "the output @x would be taken for a response file")
        self.stays("gcc -MD -c dir/@a.c", "the target @a.o would be taken for a response file")
        self.stays("clang -MMD -c dir/@a.c -o a.o", "the target @a.o would be taken for a response file")

    def test_assembler(self) -> None:
        """Assembler sources have nothing to write with -S, and are sent as files with -g."""
        for name in ("a.s", "a.S"):
            self.stays(f"gcc -S {name}", "-S of an assembler source writes no file")
            self.assertEqual(self.travels(f"gcc -g -c {name}").demanding, name)
            self.assertIsNone(self.travels(f"gcc -g -g0 -c {name}").demanding)

    def test_the_very_machine(self) -> None:
        """A server compiles for the client's processor if rules say which, and never for its own."""
        option = "-mcpu=native+crypto"
        self.stays(f"gcc {option} -c a.c", f"{option} compiles for this machine's own processor")
        for option in ("-march=native", "-mtune=native", "-mcpu=native"):
            self.assertEqual(self.travels(f"gcc {option} -c a.c").demanding, option)
            for with_files, confined in ((True, True), (True, False), (False, False)):
                for rules in ("", "-specs=/x "):
                    verdict = parse(
                        shlex.split(f"gcc {rules}{option} -c a.c"),
                        arrived=True,
                        with_files=with_files,
                        confined=confined,
                    )
                    served = bool(rules) and with_files and confined
                    self.assertEqual(isinstance(verdict, Compilation), served, verdict)
        self.assertIsNone(self.travels("gcc -march=skylake -mtune=generic -c a.c").demanding)

    def test_features(self) -> None:
        """Clang's inner program gets features, and nothing that it would take for a file."""
        feature = "-Xclang -target-feature -Xclang"
        for value in ("+avx", "-avx512f", "+sse4.1"):
            self.travels(f"clang {feature} {value} -Xclang -disable-llvm-passes -c a.c")
        for words in ("+avx", "x", "/x"):
            self.stays(f"clang -Xclang {words} -c a.c", f"-Xclang {words} may read or write files")
            if words != "+avx":
                self.stays(
                    f"clang {feature} {words} -c a.c", f"{feature} {words} may read or write files"
                )
        for rest in ("-O2 -c a.c", "-c a.c", "-c a.c -Xclang"):
            self.stays(
                f"clang -Xclang -target-feature {rest}", "-Xclang -target-feature lacks its argument"
            )

    def test_inside_clang(self) -> None:
        """What clang's inner program is told is listed, with the form of its argument."""
        for words in (
            "-debug-info-kind=constructor", "-fuse-ctor-homing", "-fno-pch-timestamp",
            "-fdebug-compilation-dir -Xclang .", "-mllvm -Xclang -instcombine-lower-dbg-declare=0",
            "-fexperimental-assignment-tracking=disabled", "-add-plugin -Xclang find-bad-constructs",
        ):  # fmt: skip
            c = self.travels(f"clang -Xclang {words} -c a.c")
            self.assertIsNone(c.demanding)
            self.assertIn(f"-Xclang {words}", " ".join(remote_argv(c, "/")))
        for words in (
            "-debug-info-kind=/x", "-fexperimental-assignment-tracking=a@b", "-add-plugin -Xclang ./x",
            "-mllvm -Xclang x", "-mllvm -Xclang -load=x.so", "-plugin-arg-blink-gc-plugin -Xclang a=/b",
        ):  # fmt: skip
            self.stays(f"clang -Xclang {words} -c a.c", f"-Xclang {words} may read or write files")
        paths = self.travels("clang -Xclang -plugin-arg-unsafe-buffers -Xclang d/paths -c a.c")
        self.assertEqual(paths.listed_inputs, ("d/paths",))
        index = self.travels("clang -flto=thin -Xclang -fthin-link-bitcode=d/x -c a.c")
        self.assertEqual([one.path for one in foreseen(index)], ["d/x"])
        self.assertTrue(index.runs_as_typed)

    def test_modules(self) -> None:
        """A module in a file is an input of clang's, if it is imported by name."""
        for name in ("foo", "foo:part", "a.b"):
            c = self.travels(f"clang++ -std=c++20 -fmodule-file={name}=d/x=y.pcm -c a.cc")
            self.assertEqual(c.listed_inputs, ("d/x=y.pcm",))
            self.assertEqual(c.demanding, f"-fmodule-file={name}=d/x=y.pcm")
        for option in ("-fmodule-file=d/x.pcm", "-fmodule-file=", "-fmodule-file==x"):
            self.stays(
                f"clang++ {option} -c a.cc", f"{option} reads or writes compiled modules, of headers"
            )

    def test_other_files(self) -> None:
        """Options that read or write files beside the object say so."""
        for option, what in (
            ("-fcondition-coverage", "writes coverage notes beside the object"),
            ("-fprofile-instr-use=x", "reads or writes profile data beside the object"),
            ("-fplugin=x.so", "loads code into the compiler on the machine where it runs"),
            ("-wrapper x", "starts another program in place of the compiler"),
            ("-B/x", "looks for the compiler's own programs in a folder of this machine"),
            ("-dx", "dumps the compiler's own state into files"),
            ("-dumpbase x", "names the compiler's auxiliary files"),
            ("-ftime-trace=x", "writes a report into a file"),
            (
                "-fmodules",
                "reads or writes compiled modules",
            ),
            ("-fpch-deps", "reads or writes precompiled headers"),
            ("-emit-llvm", "writes something other than an object"),
            ("-frepo", "writes templates into a repository file"),
            ("-fwpa", "is for a step of link-time optimization, and leaves assembly beside the object"),
            (
                "-fwpa=2",
                "is for a step of link-time optimization, and leaves assembly beside the object",
            ),
            ("-MG", "writes rules for headers that do not exist yet"),
            ("--config=x", "reads more options from a file on this machine"),
            ("-fsanitize-ignorelist=x", "reads a list from a file on this machine"),
        ):
            word = option.split()[0]
            self.stays(f"gcc {option} -c a.c", f"{word} {what}")

    def test_options_for_other_programs(self) -> None:
        """What is passed on is judged: listings of the assembler, options of LLVM, plugins."""
        for option, word in (
            ("-Wa,-ag=x", "-ag=x"),
            ("-Wa,-alternate", "-alternate"),
            ("-Wa,--MD", "--MD"),
            ("-Wa,--MD -Wa,x", "--MD"),
            ("-Wa,--noexecstack,-MD,x", "-MD"),
            ("-Xassembler --noexecstack,-al", "--noexecstack,-al"),
            ("-Wa,@x", "@x"),
            ("-Wa,", "''"),
        ):
            reason = f"passes the assembler {word}, which may read or write files"
            self.stays(f"gcc {option} -c a.c", f"{option.removesuffix(' -Wa,x')} {reason}")
        for option in (
            "-mllvm -load=x.so",
            "-mllvm=-load=x.so",
            "-Xclang x.so",
            "-Wp,-fplugin=x.so",
            "-Wp,-include,x",
            "-Xpreprocessor -fopenmp",
            "-Wp,x",
        ):
            self.stays(f"clang {option} -c a.c", f"{option} may read or write files")
        self.travels("gcc -Wa,--defsym,-al=1 -c a.c")

    def test_gcc_installations(self) -> None:
        """Where clang finds a gcc's headers it may find an assembler, which it must not start."""
        for root in ("--sysroot=/x", "--gcc-toolchain=/x", "--gcc-install-dir=/x"):
            self.travels(f"clang++ {root} -c a.cc")
            name = root.removesuffix("/x") if root.startswith("--gcc") else "--sysroot"
            for word in ("-fno-integrated-as", "--target=sparc-linux-gnu"):
                why = f"{name} is where clang looks for an assembler, as it has none for this"
                self.stays(f"clang++ {root} {word} -c a.cc", why)
        self.stays(
            "gcc --gcc-toolchain=/x -c a.c",
            "--gcc-toolchain=/x looks for the compiler's own programs in a folder of this machine",
        )

    def test_plugins(self) -> None:
        """Plugins are known by all ways to load them, and their arguments name no files."""
        for words, plugins in (
            ("gcc -fplugin=./p.so -fplugin-arg-p-offset=24 -fplugin-arg-p-all -c a.c", ("./p.so",)),
            ("clang -fplugin=/p.so -fpass-plugin=q.so -c a.c", ("/p.so", "q.so")),
            ("clang -Xclang -load -Xclang p.so -Xclang -add-plugin -Xclang p -c a.c", ("p.so",)),
            ("gcc -fplugin-arg-p-all -c a.c", ()),
        ):
            verdict = parse(shlex.split(words), brings_tools=True)
            assert isinstance(verdict, Compilation)
            self.assertEqual((verdict.plugins, verdict.loads_code), (plugins, True), words)
        for word in ("-fplugin-arg-p-file=/x", "-fplugin-arg-p-@x", "-fplugin=@x", "-iplugindir=x"):
            verdict = parse(["gcc", word, "-c", "a.c"], brings_tools=True)
            assert isinstance(verdict, StayLocal)
            self.assertIn(word, verdict.reason)

    def test_unknown_options(self) -> None:
        """An option under no row may do anything, and stays."""
        for word in ("--frobnicate", "-Jx", "-Z"):
            self.stays(f"gcc {word} -c a.c", f"{word} is not an option that is known to work elsewhere")

    def test_response_files(self) -> None:
        """What is left of response files stays: a file that is not there, or too many of them."""
        unread = "names a response file that cannot be read here"
        self.stays("gcc @x -c a.c", f"@x {unread}")
        self.stays("gcc -target @x -c a.c", f"@x {unread}")
        self.assertEqual(
            StayLocal(f"more than {EXPANSION_LIMIT} response files are named"),
            parse(["gcc", "@x"], {"x": "@x @x"}.get),
        )

    def test_words_of_a_peer(self) -> None:
        """A word is repeated only as far as a log or a terminal bears it."""
        verdict = parse(["gcc", "--\x1b[31m\udcff" + "x" * 1000])
        assert isinstance(verdict, StayLocal)
        self.assertEqual(
            "--?[31m?" + "x" * 52 + "… is not an option that is known to work elsewhere",
            verdict.reason,
        )
        verdict = parse(["gcc", "-c", "a\0.c"])
        self.assertEqual(StayLocal("a?.c contains a NUL character, which no command can"), verdict)
