"""The system calls that a slot and its programs may make, with their numbers on the architectures we confine on.

Rule 1: what is not listed does not exist (ENOSYS): sockets, mounts, namespaces, tracing, keys, io_uring,
        userfaultfd, bpf, message queues and shared memory are absent because nobody put them in.
Rule 2: a column is a machine: the x86-64 table, then the generic one of aarch64; `-` where it has no such call.
"""

from typing import Final

_ALLOWED: Final = """
    read:0:63 write:1:64 close:3:57 fstat:5:80 lseek:8:62 mmap:9:222 mprotect:10:226 munmap:11:215
    brk:12:214 rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136
    rt_sigsuspend:130:133 rt_sigtimedwait:128:137 sigaltstack:131:132 ioctl:16:29 pread64:17:67
    pwrite64:18:68 readv:19:65 writev:20:66 preadv:295:69 pwritev:296:70 select:23:- poll:7:- ppoll:271:73
    pselect6:270:72 sched_yield:24:124 mremap:25:216 msync:26:227 mincore:27:232 madvise:28:233 dup:32:23
    dup2:33:- dup3:292:24 pause:34:- nanosleep:35:101 clock_nanosleep:230:115 getitimer:36:102
    setitimer:38:103 alarm:37:- getpid:39:172 gettid:186:178 getppid:110:173 getuid:102:174 geteuid:107:175
    getgid:104:176 getegid:108:177 getresuid:118:148 getresgid:120:150 getgroups:115:158 getpgrp:111:-
    getpgid:121:155 getsid:124:156 exit:60:93 exit_group:231:94 wait4:61:260 waitid:247:95 kill:62:129
    tgkill:234:131 uname:63:160 fcntl:72:25 flock:73:32 fsync:74:82 fdatasync:75:83 ftruncate:77:46
    getdents:78:- getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 rename:82:- renameat:264:38
    renameat2:316:276 mkdir:83:- mkdirat:258:34 rmdir:84:- unlink:87:- unlinkat:263:35 creat:85:- open:2:-
    openat:257:56 readlink:89:- readlinkat:267:78 stat:4:- lstat:6:- newfstatat:262:79 statx:332:291
    access:21:- faccessat:269:48 faccessat2:439:439 umask:95:166 gettimeofday:96:169 time:201:-
    clock_gettime:228:113 clock_getres:229:114 getrlimit:97:163 setrlimit:160:164 prlimit64:302:261
    getrusage:98:165 sysinfo:99:179 times:100:153 arch_prctl:158:- futex:202:98 set_tid_address:218:96
    set_robust_list:273:99 get_robust_list:274:100 rseq:334:293 membarrier:324:283 sched_getaffinity:204:123
    sched_getparam:143:121 sched_getscheduler:145:120 sched_get_priority_max:146:125
    sched_get_priority_min:147:126 getpriority:140:141 epoll_create:213:- epoll_create1:291:20
    epoll_ctl:233:21 epoll_wait:232:- epoll_pwait:281:22 epoll_pwait2:441:441 eventfd:284:- eventfd2:290:19
    pipe:22:- pipe2:293:59 socketpair:53:199 sendto:44:206 recvfrom:45:207 sendmsg:46:211 recvmsg:47:212
    getsockopt:55:209 shutdown:48:210 getrandom:318:278 getcpu:309:168 clone:56:220 fork:57:- vfork:58:-
    execve:59:221 execveat:322:281 copy_file_range:326:285 sendfile:40:71 fadvise64:221:223
    close_range:436:436 restart_syscall:219:128 prctl:157:167 memfd_create:319:279 pidfd_open:434:434
"""
_FILE_STATE: Final = """
    chmod:90:- fchmod:91:52 fchmodat:268:53 utimensat:280:88 truncate:76:45
"""
_COLUMNS: Final = {"x86_64": 1, "aarch64": 2}
AUDIT_ARCHITECTURE: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""How a seccomp filter sees the machine (`AUDIT_ARCH_*` in `linux/audit.h`)."""
SOCKET: Final = {"x86_64": 41, "aarch64": 198}
"""Answered with EACCES rather than ENOSYS, so that a program sees the refusal it knows."""


def _numbers(table: str, machine: str) -> dict[str, int]:
    rows = (row.split(":") for row in table.split())
    column = _COLUMNS[machine]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def allowed(machine: str, *, file_state: bool) -> dict[str, int]:
    """Names and numbers of what may be called. Modes and times of files (`file_state`) only where every file in
    sight is the program's own: Landlock does not guard them.

    >>> allowed("x86_64", file_state=False)["write"], allowed("aarch64", file_state=False)["write"]
    (1, 64)
    """
    numbers = _numbers(_ALLOWED, machine)
    return numbers | _numbers(_FILE_STATE, machine) if file_state else numbers
