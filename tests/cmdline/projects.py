"""How real projects and distributions call compilers, as data.

Each paragraph is one compile, with few of its -D and -I.  Hardly any of the compilers are installed
where tests run, and what is compiled does not matter: this is about options.
"""

from __future__ import annotations

import shlex

_TRAVELLING = r"""
linux-x86:
    gcc -Wp,-MMD,kernel/.fork.o.d -nostdinc -I./arch/x86/include -I./include -include
    ./include/linux/compiler-version.h -include ./include/linux/kconfig.h -D__KERNEL__
    -fmacro-prefix-map=./= -std=gnu11 -fshort-wchar -funsigned-char -fno-common -fno-PIE
    -fno-strict-aliasing -mno-sse -mno-mmx -mno-sse2 -mno-3dnow -mno-avx -fcf-protection=branch
    -fno-jump-tables -m64 -falign-jumps=1 -falign-loops=1 -mno-80387 -mno-fp-ret-in-387
    -mpreferred-stack-boundary=3 -mskip-rax-setup -march=x86-64 -mtune=generic -mno-red-zone
    -mcmodel=kernel -mstack-protector-guard-reg=gs
    -mstack-protector-guard-symbol=__ref_stack_chk_guard -Wno-sign-compare
    -fno-asynchronous-unwind-tables -mindirect-branch=thunk-extern -mindirect-branch-register
    -mindirect-branch-cs-prefix -mfunction-return=thunk-extern -mharden-sls=all
    -fpatchable-function-entry=16,16 -fno-delete-null-pointer-checks -O2
    -fno-allow-store-data-races -fstack-protector-strong -fomit-frame-pointer
    -ftrivial-auto-var-init=zero -fno-stack-clash-protection -fzero-call-used-regs=used-gpr -pg
    -mrecord-mcount -mfentry -DCC_USING_FENTRY -fmin-function-alignment=16 -fstrict-flex-arrays=3
    -fno-strict-overflow -fno-stack-check -fconserve-stack -fno-builtin-wcslen -Wall -Wextra
    -Wundef -Werror=implicit-function-declaration -Werror=implicit-int -Werror=return-type
    -Werror=strict-prototypes -Wno-format-security -Wno-trigraphs -Wno-frame-address
    -Wno-address-of-packed-member -Wmissing-declarations -Wmissing-prototypes
    -Wframe-larger-than=2048 -Wno-main -Wno-dangling-pointer -Wvla -Wno-pointer-sign
    -Wcast-function-type -Wno-array-bounds -Wno-stringop-overflow -Wno-alloc-size-larger-than
    -Wimplicit-fallthrough=5 -Werror=date-time -Werror=incompatible-pointer-types
    -Werror=designated-init -Wenum-conversion -Wunused -Wno-unused-but-set-variable
    -Wno-packed-not-aligned -Wformat-overflow=2 -Wno-format-truncation -g -gdwarf-5
    -fno-var-tracking -DKBUILD_MODFILE='"kernel/fork"' -c -o kernel/fork.o kernel/fork.c

linux-clang:
    clang -Wp,-MMD,mm/.slub.o.d -nostdinc --target=x86_64-linux-gnu -fintegrated-as
    -Werror=unknown-warning-option -Werror=ignored-optimization-argument -Werror=option-ignored
    -Werror=unused-command-line-argument -fno-strict-aliasing -mstack-alignment=8
    -mretpoline-external-thunk -Wno-gnu -fsanitize=kernel-address -mllvm
    -asan-mapping-offset=0xdffffc0000000000 -mllvm -asan-instrumentation-with-call-threshold=10000
    -mllvm -asan-stack=1 -mllvm -asan-globals=1 -fsanitize=kcfi
    -fsanitize-cfi-icall-experimental-normalize-integers -fsanitize=array-bounds,shift,bool
    -flto=thin -fsplit-lto-unit -fvisibility=hidden -ftrivial-auto-var-init=zero -c -o mm/slub.o
    mm/slub.c

linux-arm64:
    aarch64-linux-gnu-gcc -Wp,-MMD,a.d -mlittle-endian -DKASAN_SHADOW_SCALE_SHIFT=
    -mgeneral-regs-only -mabi=lp64 -mbranch-protection=pac-ret+leaf -msign-return-address=all
    -mstack-protector-guard=sysreg -mstack-protector-guard-reg=sp_el0
    -mstack-protector-guard-offset=1272 -moutline-atomics -Wa,-march=armv8.5-a
    -fsanitize-address-use-after-return=never -fpatchable-function-entry=4,2
    -fasan-shadow-offset=0xdfff800000000000 --param asan-globals=1 --param
    asan-instrumentation-with-call-threshold=10000 --param asan-instrument-allocas=1 -c -o a.o a.c

linux-arm:
    arm-linux-gnueabi-gcc -mlittle-endian -mabi=aapcs-linux -mfpu=vfp -funwind-tables -marm
    -Wa,-mno-warn-deprecated -D__LINUX_ARM_ARCH__=7 -march=armv7-a -msoft-float -Uarm -mtp=cp15
    -mno-unaligned-access -mtls-dialect=gnu -Wa,-mimplicit-it=always -c -o a.o a.c

linux-riscv:
    riscv64-linux-gnu-gcc -mabi=lp64 -march=rv64imac_zicsr_zifencei -mno-save-restore
    -mcmodel=medany -mstrict-align -mno-riscv-attribute -Wa,-mno-arch-attr -misa-spec=2.2
    -fno-asynchronous-unwind-tables -c -o a.o a.c

linux-ppc:
    powerpc64le-linux-gnu-gcc -m64 -mlittle-endian -mabi=elfv2 -mcall-aixdesc -mtraceback=no
    -mcpu=power8 -mtune=power9 -mno-altivec -mno-vsx -msoft-float -mprofile-kernel -mno-prefixed
    -Wa,-maltivec -Wa,-mpower4 -Wa,-many -c -o a.o a.c

linux-s390:
    s390x-linux-gnu-gcc -m64 -march=z13 -mtune=z14 -mpacked-stack -mbackchain -msoft-float
    -mindirect-branch=thunk -mfunction-return=thunk -mindirect-branch-table -mwarn-dynamicstack
    -mwarn-framesize=2048 -mhotpatch=0,3 -mrecord-mcount -c -o a.o a.c

linux-mips:
    mips-linux-gnu-gcc -mno-check-zero-division -mabi=32 -G 0 -mno-abicalls -fno-pic -msoft-float
    -Wa,-msoft-float -ffreestanding -EB -march=mips32r2 -Wa,--trap -Wa,-mips32r2 -DVMLINUX
    -mno-branch-likely -c -o a.o a.c

linux-asm:
    gcc -Wp,-MMD,x.d -D__ASSEMBLY__ -fno-PIE -m64 -Wa,--noexecstack -Wa,-mrelax-relocations=no -c
    -o entry.o entry.S

chromium:
    clang++ -MMD -MF obj/base/base/a.o.d -D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_EXTENSIVE
    -I../.. -Wall -Wextra -Wimplicit-fallthrough -Wextra-semi -Wunreachable-code-aggressive
    -Wthread-safety -Wgnu -Wno-gnu-anonymous-struct -Wno-c++11-narrowing
    -Wno-unused-but-set-variable -Wshadow -fno-delete-null-pointer-checks -fno-ident
    -fno-strict-aliasing -fstack-protector -fno-unwind-tables -fno-asynchronous-unwind-tables
    -fPIC -pthread -fcolor-diagnostics -fmerge-all-constants -mllvm
    -instcombine-lower-dbg-declare=0 -mllvm -split-threshold-for-reg-with-hint=0 -ffp-contract=off
    -flto=thin -fsplit-lto-unit -fwhole-program-vtables -m64 -msse3 -ffile-compilation-dir=.
    -no-canonical-prefixes -fno-omit-frame-pointer -g0 -ftrivial-auto-var-init=pattern
    -fvisibility=hidden -fvisibility-inlines-hidden -Wheader-hygiene -Wstring-conversion
    -Wtautological-overlap-compare -Wenum-compare-conditional -Wno-psabi
    -Wno-ignored-pragma-optimize -Wno-nonportable-include-path -Wexit-time-destructors
    -Wglobal-constructors -O2 -fdata-sections -ffunction-sections -fno-unique-section-names
    -fno-math-errno -std=c++20 -Wno-trigraphs -gsimple-template-names -fno-aligned-new
    -fexperimental-library -fno-exceptions -fno-rtti
    --sysroot=../../build/linux/debian_bullseye_amd64-sysroot -nostdinc++
    -isystem../../third_party/libc++/src/include -fstrict-aliasing
    -Wa,--crel,--allow-experimental-crel -c ../../base/a.cc -o obj/base/base/a.o

qt:
    g++ -c -pipe -O2 -std=gnu++17 -fPIC -Wall -Wextra -Wzero-as-null-pointer-constant
    -Wsuggest-override -Woverloaded-virtual -Wshadow -Wundef -Wfloat-conversion -Wformat=2
    -Wimport -Wvla -Wdate-time -Wduplicated-branches -Wduplicated-cond -Wlogical-op
    -Wno-error=deprecated-declarations -Wno-error=strict-overflow -Wno-error=implicit-fallthrough
    -fvisibility=hidden -fvisibility-inlines-hidden -fno-direct-access-external-data
    -mno-direct-extern-access -fcf-protection=full -D_GLIBCXX_ASSERTIONS
    -ftrivial-auto-var-init=pattern -fstack-protector-strong -fstack-clash-protection
    -ffunction-sections -fdata-sections -Winvalid-pch -MD -MT a.o -MF a.o.d -o a.o a.cpp

llvm:
    g++ -DGTEST_HAS_RTTI=0 -fPIC -fno-semantic-interposition -fvisibility-inlines-hidden
    -Werror=date-time -fno-lifetime-dse -Wall -Wextra -Wno-unused-parameter -Wwrite-strings
    -Wcast-qual -Wno-missing-field-initializers -pedantic -Wno-long-long -Wimplicit-fallthrough
    -Wno-uninitialized -Wno-nonnull -Wno-class-memaccess -Wno-dangling-reference
    -Wno-redundant-move -Wno-pessimizing-move -Wno-array-bounds -Wno-noexcept-type
    -Wdelete-non-virtual-dtor -Wsuggest-override -Wno-comment -Wno-misleading-indentation
    -Wctad-maybe-unsupported -fdiagnostics-color -ffunction-sections -fdata-sections -O3 -DNDEBUG
    -std=c++17 -fno-exceptions -funwind-tables -fno-rtti -UNDEBUG -MD -MT a.o -MF a.o.d -o a.o -c
    a.cpp

llvm-clang:
    clang++ -fPIC -Werror=unguarded-availability-new -Wstring-conversion -Wcovered-switch-default
    -Wmisleading-indentation -fcolor-diagnostics -fdebug-prefix-map=/src=../src
    -ffile-prefix-map=/src=../src -no-canonical-prefixes -std=c++17 -c a.cpp -o a.o

boost:
    g++ -fvisibility-inlines-hidden -fPIC -m64 -pthread -O3 -finline-functions -Wno-inline -Wall
    -fvisibility=hidden -ftemplate-depth-255 -fcoroutines -fpermissive -Wno-unused-local-typedefs
    -Wno-deprecated-declarations -c -o a.o a.cpp

boost-template-depth:
    clang++ -ftemplate-depth=1024 -fconstexpr-depth=1024 -fconstexpr-steps=10000000
    -fbracket-depth=512 -c a.cpp -o a.o

glibc:
    gcc malloc.c -c -std=gnu11 -fgnu89-inline -g -O2 -Wall -Wwrite-strings -Wundef -Werror
    -fmerge-all-constants -frounding-math -fno-stack-protector -fno-common -U_FORTIFY_SOURCE
    -Wp,-U_FORTIFY_SOURCE -Wstrict-prototypes -Wold-style-definition -fmath-errno -fPIC
    -fno-stack-clash-protection -DMORECORE_CLEARS=2 -mtls-dialect=gnu2 -mno-tls-direct-seg-refs
    -fcf-protection -ftls-model=initial-exec -I../include -include libc-modules.h
    -DMODULE_NAME=libc -include ../include/libc-symbols.h -DPIC -DSHARED -o malloc.os -MD -MP -MF
    malloc.os.dt -MT malloc.os

firefox:
    clang++ -o a.o -c -fvisibility=hidden -fvisibility-inlines-hidden -std=gnu++17
    -fno-sized-deallocation -fno-aligned-new -ffunction-sections -fdata-sections -fno-math-errno
    -pthread -pipe -gdwarf-4 -O2 -fno-omit-frame-pointer -funwind-tables -Qunused-arguments
    -Wempty-body -Wformat-type-confusion -Wignored-qualifiers -Wpointer-arith -Wsign-compare
    -Wno-error=deprecated-declarations -Wno-error=array-bounds -Wno-error=atomic-alignment
    -fno-exceptions -fno-rtti -fstrict-flex-arrays=1 -ffp-contract=off
    -ftrivial-auto-var-init=pattern -mllvm -x86-branches-within-32B-boundaries
    -Wno-unknown-warning-option -fsanitize=bounds -fno-sanitize-recover=bounds
    -fsanitize-trap=bounds -MD -MP -MF .deps/a.o.pp a.cpp

android:
    clang -c -Wa,--noexecstack -fPIC -fno-omit-frame-pointer -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
    -fstack-protector-strong -ffunction-sections -fdata-sections -fno-short-enums -funwind-tables
    -fexceptions -O2 -g -fdebug-default-version=5 -fcommon -no-canonical-prefixes
    -Wno-error=format -fdebug-prefix-map=/proc/self/cwd= -ftrivial-auto-var-init=zero -target
    aarch64-linux-android10000 -march=armv8.2-a+dotprod -mcpu=cortex-a55
    -mbranch-protection=standard -fsanitize=memtag-heap,hwaddress,scudo
    -fsanitize-hwaddress-abi=platform -fsanitize-minimal-runtime -fno-sanitize-trap=integer
    -ffixed-x18 -fsanitize=shadow-call-stack -fno-rtti -Werror=bool-operation
    -Werror=string-compare -Wimplicit-int-float-conversion -fno-emulated-tls -nostdlibinc
    -fvisibility=hidden -mllvm -enable-shrink-wrap=false -MD -MF a.d -o a.o a.c

android-without-llvm:
    clang -target aarch64-linux-android24 -mthumb -marm -mfloat-abi=softfp -mfpu=neon-fp-armv8
    -femulated-tls -fno-limit-debug-info -c -o a.o a.c

arduino-avr:
    avr-g++ -c -g -Os -w -std=gnu++11 -fpermissive -fno-exceptions -ffunction-sections
    -fdata-sections -fno-threadsafe-statics -Wno-error=narrowing -MMD -flto -mmcu=atmega328p
    -DF_CPU=16000000L -mcall-prologues -mrelax -fpack-struct -fshort-enums sketch.ino.cpp -o
    sketch.o

stm32-plain:
    arm-none-eabi-gcc -mcpu=cortex-m33+nodsp -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16 -mcmse
    -mslow-flash-data -fstack-limit-symbol=__stack -fsingle-precision-constant -fno-builtin-printf
    -finstrument-functions -finstrument-functions-exclude-file-list=/usr/include,lib/os -c a.c -o
    a.o

esp32:
    xtensa-esp32-elf-gcc -mlongcalls -mdisable-hardware-atomics -Wno-frame-address
    -fstrict-volatile-bitfields -fno-jump-tables -fno-tree-switch-conversion
    -mfix-esp32-psram-cache-issue -mfix-esp32-psram-cache-strategy=memw
    -fmacro-prefix-map=/home/me/project=/IDF -fno-shrink-wrap -c a.c -o a.o

debian:
    gcc -g -O2 -Werror=implicit-function-declaration -ffile-prefix-map=/build/hello-2.10=.
    -fstack-protector-strong -fstack-clash-protection -Wformat -Werror=format-security
    -fcf-protection -fdebug-prefix-map=/build/hello-2.10=/usr/src/hello-2.10-3 -Wdate-time
    -D_FORTIFY_SOURCE=2 -flto=auto -ffat-lto-objects -fPIE -mbranch-protection=standard
    -D_TIME_BITS=64 -c -o hello.o hello.c

debian-lto-sanitize:
    gcc -g -O2 -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all
    -Wno-error=format=2 -c -o hello.o hello.c

fedora:
    gcc -O2 -flto=auto -ffat-lto-objects -fexceptions -g -grecord-gcc-switches -pipe -Wall
    -Werror=format-security -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3 -Wp,-D_GLIBCXX_ASSERTIONS
    -fstack-protector-strong -m64 -march=x86-64 -mtune=generic -fasynchronous-unwind-tables
    -fstack-clash-protection -fcf-protection -mtls-dialect=gnu2 -fno-omit-frame-pointer
    -mno-omit-leaf-frame-pointer -c -o a.o a.c

gentoo:
    gcc -march=znver3 -mtune=znver3 -O3 -pipe -fgraphite-identity -floop-nest-optimize
    -fdevirtualize-at-ltrans -fipa-pta -fno-semantic-interposition -fno-common
    -falign-functions=32 -ftree-vectorize -fvect-cost-model=dynamic -fuse-linker-plugin -flto=16
    -flto-partition=none -fomit-frame-pointer -fprefetch-loop-arrays -mshstk -mabm
    --param=l1-cache-size=32 --param=l1-cache-line-size=64 --param=l2-cache-size=512
    -frecord-gcc-switches -fdiagnostics-color=always -Werror=odr -Werror=lto-type-mismatch
    -Werror=strict-aliasing -fuse-ld=mold -c -o a.o a.c

gentoo-resolved:
    gcc -march=skylake -mmmx -mpopcnt -msse4.2 -mno-sse4a -mavx2 -mno-avx512f -mno-fma4 -maes
    -mno-amx-int8 -mprfchw -mno-3dnow --param l1-cache-size=32 --param l1-cache-line-size=64
    --param l2-cache-size=8192 -mtune=skylake -c -o a.o a.c

yocto:
    x86_64-poky-linux-gcc -m64 -march=core2 -mtune=core2 -msse3 -mfpmath=sse
    -fstack-protector-strong -O2 -D_FORTIFY_SOURCE=2 -Wformat -Wformat-security
    -Werror=format-security --sysroot=/poky/recipe-sysroot -pipe -feliminate-unused-debug-types
    -fcanon-prefix-map -fmacro-prefix-map=/poky/sources=/usr/src/debug
    -fdebug-prefix-map=/poky/recipe-sysroot= -fdebug-prefix-map=/poky/build=/usr/src/debug/x -c -o
    a.o a.c

conda:
    x86_64-conda-linux-gnu-c++ -fvisibility-inlines-hidden -std=c++17 -fmessage-length=0
    -march=nocona -mtune=haswell -ftree-vectorize -fPIC -fstack-protector-strong -fno-plt -O2
    -ffunction-sections -pipe -isystem /opt/env/include
    -fdebug-prefix-map=/home/conda/work=/usr/local/src/conda/x-1
    -fdebug-prefix-map=/opt/env=/usr/local/src/conda-prefix -c a.cpp -o a.o

nix:
    gcc -O2 -frandom-seed=4hc0qqyn1w -Wformat -Wformat-security -fno-strict-overflow
    -D_FORTIFY_SOURCE=2 -fstack-protector-strong --param ssp-buffer-size=4 -fPIC
    -Wno-error=format-security -Wp,-DX -c a.c -o a.o

bazel:
    gcc -U_FORTIFY_SOURCE -fstack-protector -Wall -Wunused-but-set-parameter
    -Wno-free-nonheap-object -fno-omit-frame-pointer -g0 -O2 -D_FORTIFY_SOURCE=1 -DNDEBUG
    -ffunction-sections -fdata-sections -std=c++0x -MD -MF bazel-out/k8/a.d
    -frandom-seed=bazel-out/k8/a.o -iquote . -fno-canonical-system-headers
    -Wno-builtin-macro-redefined -D__DATE__="redacted" -c a.cc -o bazel-out/k8/a.o

cmake-ninja:
    c++ -DA -I/src -isystem /usr/include/eigen3 -O3 -DNDEBUG -std=gnu++20 -flto=auto
    -fno-fat-lto-objects -fPIE -fdiagnostics-color=always -fconcepts-diagnostics-depth=2 -MD -MT
    a.o -MF a.o.d -o a.o -c a.cpp

meson:
    cc -Ia.p -I. -fdiagnostics-color=always -D_FILE_OFFSET_BITS=64 -Wall -Winvalid-pch -Wextra
    -std=gnu99 -O2 -g -fPIC -pthread -Wno-missing-field-initializers -Wno-suggest-attribute=format
    -Wsuggest-attribute=noreturn -Wshadow=local -MD -MQ a.o -MF a.o.d -o a.o -c a.c

systemd:
    gcc -fno-math-errno -fno-strict-aliasing -fsigned-char -Walloc-size-larger-than=8EiB
    -Wlogical-op -Wunused-const-variable=1 -Warray-bounds=2 -Wstringop-overflow=4
    -Wattribute-alias=2 -Wnormalized=nfkc -Wstack-usage=4096 -Wno-attributes=clang:: -c a.c -o a.o

mingw:
    x86_64-w64-mingw32-gcc -mwindows -municode -mthreads -mcrtdll=msvcrt-os -mms-bitfields
    -mstackrealign -mpreferred-stack-boundary=4 -mincoming-stack-boundary=2 -c a.c -o a.o

macos:
    clang -fobjc-arc -mmacosx-version-min=10.13 -isysroot /sdk -stdlib=libc++ -F/frameworks
    -fasm-blocks -fobjc-runtime=macosx-10.13 -fms-compatibility-version=19.0 -fpascal-strings
    -Wno-undef-prefix=TARGET_OS -fvisibility=default -mretpoline -c a.c -o a.o

python:
    gcc -fno-strict-overflow -Wsign-compare -DNDEBUG -g -O3 -Wall -std=c11 -Wextra
    -Wno-missing-field-initializers -Wstrict-prototypes -Werror=implicit-function-declaration
    -fvisibility=hidden -fno-reorder-blocks-and-partition -fprofile-update=single -fwrapv
    -I./Include/internal -fPIC -DPy_BUILD_CORE -c a.c -o a.o

xen:
    gcc -MMD -MP -MF .a.o.d -nostdinc -fno-builtin -fno-common -Wredundant-decls
    -Wno-pointer-arith -mindirect-branch-register -fno-jump-tables -mno-avx
    -mpreferred-stack-boundary=3 -fno-exceptions -Wnested-externs -c a.c -o a.o

openssl:
    gcc -I. -fPIC -pthread -m64 -Wa,--noexecstack -Wall -O3 -DOPENSSL_PIC -MMD -MF a.d.tmp -c -o
    a.o a.c

ffmpeg:
    gcc -std=c17 -fomit-frame-pointer -pthread -fno-math-errno -fno-signed-zeros
    -fno-tree-vectorize -Wno-format-truncation -Wno-stringop-overflow -mfma -mstack-alignment
    -fstrict-aliasing -MMD -MF a.d -MT a.o -c -o a.o a.c

hpc:
    g++ -Ofast -march=cascadelake -mprefer-vector-width=512 -mveclibabi=svml -fopenmp
    -fopenmp-simd -ffp-contract=fast -mrecip=all -mtune-ctrl=use_gather -c a.cpp -o a.o
"""

# Commands that hold one option that must keep them where they were typed, and why.
_STAYING = r"""
chromium-plugin: loads code into the compiler on the machine where it runs
    clang++ -Xclang -load -Xclang libFindBadConstructs.so -c a.cc -o a.o

chromium-modules: reads or writes compiled modules
    clang++ -fmodules -fmodule-name=base -c a.cc -o a.o

linux-plugins: loads code into the compiler on the machine where it runs
    gcc -fplugin=./scripts/gcc-plugins/stackleak_plugin.so -c -o a.o a.c

qt-headers: reads or writes precompiled headers
    g++ -fpch-deps -MD -include .pch/Qt6Core -c a.cpp -o a.o

sdcc-folder: looks for the compiler's own programs in a folder of this machine
    gcc -B/opt/avr/lib -c a.c -o a.o
"""


def _paragraphs(text: str) -> dict[str, list[str]]:
    """Give the commands by what stands before them."""
    paragraphs = (p.partition("\n") for p in text.strip().split("\n\n"))
    return {title.rstrip(":"): shlex.split(command) for title, _, command in paragraphs}


def travelling() -> dict[str, list[str]]:
    """Commands that may run elsewhere, by the name of the project."""
    return _paragraphs(_TRAVELLING)


def staying() -> dict[str, list[str]]:
    """Commands that may not, by the name of the project, a colon, and the reason."""
    return _paragraphs(_STAYING)
