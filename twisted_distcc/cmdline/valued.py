"""Options whose name ends in `=` and whose argument travels: the dialects of gcc and clang, as data.

Options that name files are not here: those keep a command local, by a row in `staying` or by having
none.

Collected from what gcc 5 to 12 for thirteen processors and clang 13 to 22 list themselves, and from the
manuals up to gcc 15.  An option that is missing here may still have a number after its `=`: so the next
release's `-Wsomething=2` travels without a new row, and its `-fsomething=FILE` does not.
"""

from __future__ import annotations

from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.option_rules import Role, Takes, rows

_LANGUAGE = """
    -std=|--std -faligned-new= -fc++-abi= -fc++-static-destructors= -fcf-runtime-abi=
    -fclang-abi-compat= -fcomment-block-commands= -fconst-string-class= -fconstant-string-class=
    -fcontract-assumption-mode= -fcontract-build-level= -fcontract-continuation-mode= -fcontract-mode=
    -fcontract-role= -fcontract-semantic= -fcontract-strict-declarations= -fexcess-precision=
    -fexec-charset= -fexperimental-max-bitint-width= -fgnuc-version= -flax-vector-conversions=
    -fms-compatibility-version= -fms-memptr-rep= -fmsc-version= -fnew-alignment= -fobjc-abi-version=
    -fobjc-nonfragile-abi-version= -fobjc-runtime= -fobjc-std= -fpermitted-flt-eval-methods=
    -fsso-struct= -fstrict-flex-arrays= -fstrong-eval-order= -fvisibility= -fwide-exec-charset=
    -fzero-init-padding-bits=
"""

_LIMITS = """
    -fabi-compat-version= -fabi-version= -fapinotes-swift-version= -fbracket-depth= -fchecking=
    -fconcepts-diagnostics-depth= -fconstexpr-backtrace-limit= -fconstexpr-cache-depth=
    -fconstexpr-depth= -fconstexpr-loop-limit= -fconstexpr-ops-limit= -fconstexpr-steps= -ferror-limit=
    -fmacro-backtrace-limit= -fmax-errors= -fmax-include-depth= -fmax-tokens= -foperator-arrow-depth=
    -fspell-checking-limit= -ftemplate-backtrace-limit= -ftemplate-depth= -ftrack-macro-expansion=
"""

_MESSAGES = """
    -fanalyzer-checker= -fanalyzer-verbosity= -fcaret-diagnostics-max-lines= -fdiagnostics-color=
    -fdiagnostics-column-origin= -fdiagnostics-column-unit= -fdiagnostics-escape-format=
    -fdiagnostics-hotness-threshold= -fdiagnostics-minimum-margin-width=
    -fdiagnostics-misexpect-tolerance= -fdiagnostics-path-format= -fdiagnostics-show-category=
    -fdiagnostics-show-location= -fdiagnostics-text-art-charset= -fdiagnostics-urls= -fira-verbose=
    -flang-info-module-cmi= -fmessage-length= -fsched-verbose= -fshow-overloads= -ftabstop=
    -ftime-report= -ftree-vectorizer-verbose=
"""

_CODE = """
    -falign-functions= -falign-jumps= -falign-labels= -falign-loops= -falloc-token-max=
    -fbasic-block-sections= -fblas-matmul-limit= -fcf-protection= -fcomplex-arithmetic=
    -fdenormal-fp-math= -fextend-arguments= -fextend-variable-liveness= -ffp-contract= -ffp-eval-method=
    -ffp-exception-behavior= -ffp-model= -ffuchsia-api-level= -fhardcfr-check-noreturn-calls=
    -finline-limit= -finline-max-stacksize= -finline-stringops= -fira-algorithm= -fira-region=
    -flifetime-dse= -flimited-precision= -flive-patching= -fmatrix-memory-layout= -fmax-type-align=
    -fmin-function-alignment= -fms-runtime-lib= -fpack-struct= -fpatchable-function-entry=
    -fpatchable-function-entry-offset= -fprofile-update= -freorder-blocks-algorithm=
    -fsched-stalled-insns= -fsched-stalled-insns-dep= -fsimd-cost-model= -fstack-check=
    -fstack-limit-register= -fstack-limit-symbol= -fstack-reuse= -fstrub= -fswift-async-fp=
    -fsymbol-partition= -ftls-model= -ftrampoline-impl= -ftrap-function=
    -ftree-parallelize-loops= -ftrivial-auto-var-init= -ftrivial-auto-var-init-max-size=
    -ftrivial-auto-var-init-stop-after= -fveclib= -fvect-cost-model= -fvisibility-dllexport=
    -fvisibility-externs-dllimport= -fvisibility-externs-nodllstorageclass=
    -fvisibility-global-new-delete= -fvisibility-nodllstorageclass= -fvtable-verify=
    -fwinx64-eh-unwindv2= -fzero-call-used-regs= -finstrument-functions-exclude-function-list=
    -fgpu-default-stream= -fgpu-inline-threshold= -faltivec-src-compat=
    -fms-secure-hotpatch-functions-list= -frandomize-layout-seed= -fspv-extension= -fspv-target-env=
    -ftls-size= -fuse-cuid=
"""

_SANITIZERS = """
    -fasan-shadow-offset= -fexperimental-sanitize-metadata= -fno-experimental-sanitize-metadata=
    -fsanitize= -fno-sanitize= -fsanitize-recover= -fno-sanitize-recover= -fsanitize-trap=
    -fno-sanitize-trap= -fsanitize-merge= -fno-sanitize-merge= -fsanitize-coverage=
    -fno-sanitize-coverage= -fsanitize-annotate-debug-info= -fno-sanitize-annotate-debug-info=
    -fallow-runtime-check-skip-hot-cutoff= -fsanitize-address-destructor=
    -fsanitize-address-field-padding= -fsanitize-address-use-after-return=
    -fsanitize-coverage-stack-depth-callback-min= -fsanitize-debug-trap-reasons=
    -fsanitize-hwaddress-abi= -fsanitize-kcfi-hash= -fsanitize-memory-track-origins=
    -fsanitize-memtag-mode= -fsanitize-sections= -fsanitize-skip-hot-cutoff=
    -fsanitize-undefined-ignore-overflow-pattern= -fsanitize-undefined-strip-path-components=
    -fxray-function-groups= -fxray-instrumentation-bundle= -fxray-modes=
    -fxray-selected-function-group=
"""

_WHOLE_PROGRAM = """
    -fuse-ld= -flto= -flto-compression-level= -flto-jobs= -flto-partition= -flto-partitions= -foffload=
    -foffload-abi= -foffload-lto= -fopenacc-dim= -fopenacc-kernels= -fopenmp=
    -fopenmp-cuda-blocks-per-sm= -fopenmp-cuda-number-of-sm= -fopenmp-cuda-teams-reduction-recs-num=
    -fopenmp-target-debug= -fopenmp-target-simd-clone= -fopenmp-version=
"""

_DEBUG_INFORMATION = """
    -fbinutils-version= -fdebug-default-version= -femit-dwarf-unwind= -femit-struct-debug-detailed=
    -fgnat-encodings= -gsimple-template-names= -gsrc-hash= -gvariable-location-views= -gz=
"""

_WARNINGS = """
    -Wabi= -Waligned-new= -Walloc-size-larger-than= -Walloca-larger-than= -Warray-bounds=
    -Warray-parameter= -Wattribute-alias= -Wattributes= -Wbidi-chars= -Wcast-align= -Wcatch-value=
    -Wdangling-pointer= -Wdangling-reference= -Wformat-overflow= -Wformat-truncation= -Wformat=
    -Wframe-larger-than= -Wimplicit-fallthrough= -Wlarger-than= -Wleading-whitespace= -Wnormalized=
    -Wplacement-new= -Wshadow= -Wshift-overflow= -Wstack-usage= -Wstrict-aliasing= -Wstrict-overflow=
    -Wstringop-overflow= -Wsuggest-attribute= -Wsystem-headers-in-module= -Wtrailing-whitespace=
    -Wundef-prefix= -Wunused-const-variable= -Wuse-after-free= -Wvla-larger-than=
"""

_MACHINES = """
    -march= -mcpu= -mtune= -mabi= -mabs= -maddress-mode= -malign-branch-boundary= -malign-branch=
    -malign-data= -malign-functions= -malign-jumps= -malign-loops= -mapx-features= -mno-apx-features=
    -masm= -matomic-model= -mblock-compare-inline-limit= -mblock-compare-inline-loop-limit=
    -mblock-move-inline-limit= -mbranch-cost= -mbranch-protection= -mcf-branch-label-scheme= -mcmodel=
    -mcode-object-version= -mcode-readable= -mcode-region= -mcompact-branches= -mcrtdll= -mdata-region=
    -mdebug= -mdefault-visibility-export-mapping= -mdejagnu-arch= -mdejagnu-cpu= -mdejagnu-tune= -mdiv=
    -mdivsi3_libfunc= -mdouble= -mexec-model= -mfentry-name= -mfentry-section= -mfixed-range=
    -mfix-esp32-psram-cache-strategy= -mfloat-abi= -mflush-func= -mfp16-format= -mfpmath= -mfpu=
    -mframe-chain= -mfunction-return-mem= -mfunction-return-reg= -mfunction-return= -mguard=
    -mharden-sls= -mhotpatch= -mhvx-length= -mhvx= -mhwdiv= -mhwmult= -mimplicit-it=
    -mincoming-stack-boundary= -mindirect-branch-call= -mindirect-branch-jump= -mindirect-branch=
    -mindirect-jump= -minsert-sched-nops= -minstrument-return= -mios-simulator-version-min=
    -mios-version-min= -miphoneos-version-min= -misa-spec= -mlam= -mlarge-data-threshold= -mlibarch=
    -mlinker-version= -mlog= -mlong-double-size= -mmacos-version-min= -mmacosx-version-min= -mmcu=
    -mmemcpy-strategy= -mmemory-latency= -mmemory-model= -mmemset-strategy= -mmove-max= -mn-flash=
    -mnan= -mno-tocdata= -mnon-bit-addressable-registers-mask= -moslib= -mpad-max-prefix-size=
    -mpic-register= -mprefer-vector-width= -mpreferred-stack-boundary= -mprintf-kind=
    -mprioritize-restricted-insns= -mr10k-cache-barrier= -mrecip= -mregparm= -mriscv-attribute=
    -mrvv-max-lmul= -mrvv-vector-bits= -mschedule= -msched-costly-dep= -msdata= -mshared-library-id=
    -msign-return-address= -msimd= -msmall-data-limit= -msmall-data-threshold= -mstack-alignment=
    -mstack-guard= -mstack-probe-size= -mstack-protector-guard-offset= -mstack-protector-guard-reg=
    -mstack-protector-guard-symbol= -mstack-protector-guard= -mstack-size= -mstore-max=
    -mstring-compare-inline-limit= -mstringop-strategy= -mstructure-size-boundary=
    -msve-streaming-vector-bits= -msve-vector-bits= -mtarget-linker-version= -mtargetos= -mtls-dialect=
    -mtls-size= -mtocdata= -mtp= -mtraceback= -mtune-ctrl= -mtvos-version-min= -multcost= -mveclibabi=
    -mvrsave= -mvscale-max= -mvscale-min= -mwarn-framesize= -mwatchos-simulator-version-min=
    -mwatchos-version-min= -mxcoff-build-id= -mzos-target=
"""

_TEXTS = """
    -ffile-compilation-dir= -ffile-prefix-map= -fdebug-prefix-map=
    -fmacro-prefix-map= -fcoverage-prefix-map= -fprofile-prefix-map= -fcoverage-compilation-dir=
    -frandom-seed= -funique-source-file-identifier= -finstrument-functions-exclude-file-list=
"""

VALUED = [
    *rows(
        Takes.JOINED,
        Role.COMPILE,
        _LANGUAGE
        + _LIMITS
        + _MESSAGES
        + _CODE
        + _SANITIZERS
        + _WHOLE_PROGRAM
        + _DEBUG_INFORMATION
        + _WARNINGS
        + _WARNINGS.replace("-W", "-Wno-")
        + _MACHINES,
        Form.WORDS,
    ),
    *rows(Takes.JOINED, Role.COMPILE, _TEXTS, Form.TEXT),
    # The name of a warning, such as `format=2`.
    *rows(Takes.JOINED, Role.COMPILE, "-Werror= -Wno-error=", Form.SWITCH),
]
