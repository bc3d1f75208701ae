"""The numbers of the system calls in `syscalls`, as each architecture has them.

Written by `scripts/number_calls.py` from the kernel's headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _table(text: str) -> Mapping[str, int]:
    pairs = (pair.split("=") for pair in text.split())
    return {name: int(number) for name, number in pairs}


X86_64: Final = _table("""
    read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 poll=7 lseek=8 mmap=9 mprotect=10 munmap=11
    brk=12 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 ioctl=16 pread64=17 pwrite64=18 readv=19
    writev=20 access=21 pipe=22 select=23 sched_yield=24 mremap=25 madvise=28 dup=32 dup2=33 pause=34
    nanosleep=35 getitimer=36 alarm=37 setitimer=38 getpid=39 sendfile=40 clone=56 fork=57 vfork=58
    execve=59 exit=60 wait4=61 kill=62 uname=63 fcntl=72 flock=73 fsync=74 fdatasync=75 truncate=76
    ftruncate=77 getdents=78 getcwd=79 chdir=80 fchdir=81 rename=82 mkdir=83 rmdir=84 creat=85 link=86
    unlink=87 symlink=88 readlink=89 chmod=90 fchmod=91 chown=92 fchown=93 lchown=94 umask=95
    gettimeofday=96 getrlimit=97 getrusage=98 sysinfo=99 times=100 getuid=102 getgid=104 geteuid=107
    getegid=108 setpgid=109 getppid=110 getpgrp=111 setsid=112 getgroups=115 getresuid=118
    getresgid=120 getpgid=121 getsid=124 capget=125 rt_sigpending=127 rt_sigtimedwait=128
    rt_sigsuspend=130 sigaltstack=131 utime=132 mknod=133 getpriority=140 setpriority=141
    sched_getparam=143 sched_getscheduler=145 sched_get_priority_max=146 sched_get_priority_min=147
    prctl=157 arch_prctl=158 setrlimit=160 sync=162 gettid=186 setxattr=188 lsetxattr=189 fsetxattr=190
    getxattr=191 lgetxattr=192 fgetxattr=193 listxattr=194 llistxattr=195 flistxattr=196
    removexattr=197 lremovexattr=198 fremovexattr=199 tkill=200 time=201 futex=202
    sched_getaffinity=204 set_thread_area=205 get_thread_area=211 getdents64=217 set_tid_address=218
    restart_syscall=219 fadvise64=221 timer_create=222 clock_gettime=228 clock_getres=229
    clock_nanosleep=230 exit_group=231 tgkill=234 utimes=235 waitid=247 openat=257 mkdirat=258
    mknodat=259 fchownat=260 futimesat=261 newfstatat=262 unlinkat=263 renameat=264 linkat=265
    symlinkat=266 readlinkat=267 fchmodat=268 faccessat=269 pselect6=270 ppoll=271 set_robust_list=273
    get_robust_list=274 utimensat=280 fallocate=285 dup3=292 pipe2=293 preadv=295 pwritev=296
    prlimit64=302 getcpu=309 renameat2=316 getrandom=318 execveat=322 membarrier=324
    copy_file_range=326 preadv2=327 pwritev2=328 statx=332 rseq=334
""")

X86_64_JAIL: Final = _table("""
    sendfile=40 sendto=44 recvmsg=47 capset=126 pivot_root=155 prctl=157 umount2=166 sethostname=170
    mknodat=259 open_tree=428 move_mount=429 fsopen=430 fsconfig=431 fsmount=432 clone3=435
    close_range=436 openat2=437 mount_setattr=442
""")

I386: Final = _table("""
    restart_syscall=0 exit=1 fork=2 read=3 write=4 open=5 close=6 waitpid=7 creat=8 link=9 unlink=10
    execve=11 chdir=12 time=13 mknod=14 chmod=15 lchown=16 lseek=19 getpid=20 getuid=24 alarm=27
    pause=29 utime=30 access=33 sync=36 kill=37 rename=38 mkdir=39 rmdir=40 dup=41 pipe=42 times=43
    brk=45 getgid=47 signal=48 geteuid=49 getegid=50 ioctl=54 fcntl=55 setpgid=57 umask=60 dup2=63
    getppid=64 getpgrp=65 setsid=66 sigaction=67 sgetmask=68 ssetmask=69 sigsuspend=72 sigpending=73
    setrlimit=75 getrlimit=76 getrusage=77 gettimeofday=78 getgroups=80 select=82 symlink=83
    readlink=85 readdir=89 munmap=91 truncate=92 ftruncate=93 fchmod=94 fchown=95 getpriority=96
    setpriority=97 setitimer=104 getitimer=105 stat=106 lstat=107 fstat=108 wait4=114 sysinfo=116
    fsync=118 sigreturn=119 clone=120 uname=122 mprotect=125 sigprocmask=126 getpgid=132 fchdir=133
    _llseek=140 getdents=141 _newselect=142 flock=143 readv=145 writev=146 getsid=147 fdatasync=148
    sched_getparam=155 sched_getscheduler=157 sched_yield=158 sched_get_priority_max=159
    sched_get_priority_min=160 nanosleep=162 mremap=163 getresuid=165 poll=168 getresgid=171 prctl=172
    rt_sigreturn=173 rt_sigaction=174 rt_sigprocmask=175 rt_sigpending=176 rt_sigtimedwait=177
    rt_sigsuspend=179 pread64=180 pwrite64=181 chown=182 getcwd=183 capget=184 sigaltstack=186
    sendfile=187 vfork=190 ugetrlimit=191 mmap2=192 truncate64=193 ftruncate64=194 stat64=195
    lstat64=196 fstat64=197 lchown32=198 getuid32=199 getgid32=200 geteuid32=201 getegid32=202
    getgroups32=205 fchown32=207 getresuid32=209 getresgid32=211 chown32=212 madvise=219 getdents64=220
    fcntl64=221 gettid=224 setxattr=226 lsetxattr=227 fsetxattr=228 getxattr=229 lgetxattr=230
    fgetxattr=231 listxattr=232 llistxattr=233 flistxattr=234 removexattr=235 lremovexattr=236
    fremovexattr=237 tkill=238 sendfile64=239 futex=240 sched_getaffinity=242 set_thread_area=243
    get_thread_area=244 fadvise64=250 exit_group=252 set_tid_address=258 timer_create=259
    clock_gettime=265 clock_getres=266 clock_nanosleep=267 tgkill=270 utimes=271 fadvise64_64=272
    waitid=284 openat=295 mkdirat=296 mknodat=297 fchownat=298 futimesat=299 fstatat64=300 unlinkat=301
    renameat=302 linkat=303 symlinkat=304 readlinkat=305 fchmodat=306 faccessat=307 pselect6=308
    ppoll=309 set_robust_list=311 get_robust_list=312 getcpu=318 utimensat=320 fallocate=324 dup3=330
    pipe2=331 preadv=333 pwritev=334 prlimit64=340 renameat2=353 getrandom=355 execveat=358
    membarrier=375 copy_file_range=377 preadv2=378 pwritev2=379 statx=383 arch_prctl=384 rseq=386
""")

AARCH64: Final = _table("""
    setxattr=5 lsetxattr=6 fsetxattr=7 getxattr=8 lgetxattr=9 fgetxattr=10 listxattr=11 llistxattr=12
    flistxattr=13 removexattr=14 lremovexattr=15 fremovexattr=16 getcwd=17 dup=23 dup3=24 fcntl=25
    ioctl=29 flock=32 mknodat=33 mkdirat=34 unlinkat=35 symlinkat=36 linkat=37 renameat=38 truncate=45
    ftruncate=46 fallocate=47 faccessat=48 chdir=49 fchdir=50 fchmod=52 fchmodat=53 fchownat=54
    fchown=55 openat=56 close=57 pipe2=59 getdents64=61 lseek=62 read=63 write=64 readv=65 writev=66
    pread64=67 pwrite64=68 preadv=69 pwritev=70 sendfile=71 pselect6=72 ppoll=73 readlinkat=78
    newfstatat=79 fstat=80 sync=81 fsync=82 fdatasync=83 utimensat=88 capget=90 exit=93 exit_group=94
    waitid=95 set_tid_address=96 futex=98 set_robust_list=99 get_robust_list=100 nanosleep=101
    getitimer=102 setitimer=103 timer_create=107 clock_gettime=113 clock_getres=114 clock_nanosleep=115
    sched_getscheduler=120 sched_getparam=121 sched_getaffinity=123 sched_yield=124
    sched_get_priority_max=125 sched_get_priority_min=126 restart_syscall=128 kill=129 tkill=130
    tgkill=131 sigaltstack=132 rt_sigsuspend=133 rt_sigaction=134 rt_sigprocmask=135 rt_sigpending=136
    rt_sigtimedwait=137 rt_sigreturn=139 setpriority=140 getpriority=141 getresuid=148 getresgid=150
    times=153 setpgid=154 getpgid=155 getsid=156 setsid=157 getgroups=158 uname=160 getrlimit=163
    setrlimit=164 getrusage=165 umask=166 prctl=167 getcpu=168 gettimeofday=169 getpid=172 getppid=173
    getuid=174 geteuid=175 getgid=176 getegid=177 gettid=178 sysinfo=179 brk=214 munmap=215 mremap=216
    clone=220 execve=221 mmap=222 fadvise64=223 mprotect=226 madvise=233 wait4=260 prlimit64=261
    renameat2=276 getrandom=278 execveat=281 membarrier=283 copy_file_range=285 preadv2=286
    pwritev2=287 statx=291 rseq=293
""")

AARCH64_JAIL: Final = _table("""
    mknodat=33 umount2=39 pivot_root=41 sendfile=71 capset=91 sethostname=161 prctl=167 sendto=206
    recvmsg=212 open_tree=428 move_mount=429 fsopen=430 fsconfig=431 fsmount=432 clone3=435
    close_range=436 openat2=437 mount_setattr=442
""")
