/* Run one compiler so that it can harm nothing: the sandbox of twisted_distcc's server.

   jail --report FD [--join USER-FD NETWORK-FD] [OPTION VALUES...]... -- COMMAND ARGUMENTS...
   jail --namespaces
   jail --wait OUTER-FD INNER-FD [OPTION VALUES...]... --

     --join                      a user namespace of this user's, and an empty network namespace of it,
                                 to be in: to make a network costs more than all the rest
     --executable                programs may be among the files that the job brings or makes; it comes first
     --root FOLDER               what the job sees as its root, read-only; without it the root is empty
     --changeable FOLDER BYTES FILES
                                 in place of --root: the same, but the job may change it, for itself, and
                                 what it changes is in memory; the job's folder is part of these BYTES
     --link TARGET PATH          a symbolic link (in an empty root only)
     --show PATH                 a file or a folder with all that is in it, read-only, at its own path
     --bring FROM PATH           the same, at another path
     --device PATH               a device, at its own path
     --proc                      a /proc of the job's own processes
     --folder PATH BYTES FILES   the job's folder, in memory: the only place where it can write
     --also PATH                 its folder at another path, too
     --source NAME FD            a file there with what FD has
     --directory PATH            the working directory
     --limit RESOURCE SOFT HARD  a resource limit: cpu, fsize, core, nofile, as or nproc
     --filter FD                 a seccomp filter, as the kernel takes it
     --output NAME FD            a file of the job's folder that is written to FD after success
     --changes FD                all that the job has changed in a changeable root is written to FD after
                                 success, in the form that `changes.py` reads

   Three processes: this one waits, so that its resource usage includes the job's.  Its child is the
   first process of new namespaces of every kind; when that one ends, the kernel ends all others.  The
   compiler is its child.  Nothing of the file system follows a name that a compiler has made, and what
   the compiler made is read when none of its processes is left.

   With --namespaces it makes the two for --join, says so on its standard output, and waits for the end of
   its standard input; whoever has opened them by then can keep them.

   With --wait it serves on its standard input, a sequenced-packet socket, as a launcher does (see
   `launcher/packets.py`), and makes jails of itself.  What all jobs of one kind have in common is there
   before them: options say what they see of the host, their limits, and

     --place PATH                a folder: that of each job is this one, or below it
     --also PATH                 where a job may have its folder as well
     --trees FOLDER              in place of both: roots of jobs are in here, which for them is /.trees

   A command that it is to start is one of the first form, with a --root of a tree, and a --show of what
   there is over it, or with neither; then come --folder and the rest. For each it forks, into namespaces of
   the job's own, but for network and IPC, which no call reaches that the filter allows. What a job may call
   is what two filters allow: the one on OUTER-FD lets through what the jail itself needs, and is compiled
   once; the one on INNER-FD takes that back.

   On the descriptor --report it writes one line at the end: "status N" with the compiler's wait status,
   or "failed ERRNO WHAT", if the sandbox could not be made or an output could not be written.

   It needs no privileges: a user namespace, and the mount calls of Linux 5.12.  Whoever lacks one of them
   gets "failed", and uses bubblewrap.  Static, without libc's memory: it allocates nothing. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2 /* it is in sys/mount.h alone, which excludes linux/mount.h */
#endif
#define MOST_OUTPUTS 64
#define DEEPEST 100 /* folders in one another, of what a job has changed */
#define MOST_LIMITS 16
#define MOST_STREAMS 16 /* that come with a packet, as in `packets.py` */
#define LARGEST_PACKET (128 * 1024)
#define MOST_JOBS 4096
#define WAY_FILES 64 /* the folders that lead to a job's own, in its own memory */
#define EXIT_FAILED 1
#define APART (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct source { const char *name; int descriptor; };
struct output { const char *name; int descriptor; };
struct limit { int resource; struct rlimit values; };

static int report_fd = 2;
static uint64_t of_jobs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC; /* files that are a job's own */
static int root = -1; /* the root of the job */
static int is_empty_root = 1;
static int folder = -1; /* the job's folder */
static int memory = -1; /* what a job with a changeable root has written */
static int unchanged = -1; /* its root, as it was */
static int changes = -1; /* where what it has changed is written to */
static const char *place; /* where a jail that waits has the folders of jobs */
static int has_trees; /* whether it has roots of jobs instead */
static int way = -1; /* from there to that of its job */
static int proc = -1; /* the /proc of the host */
static unsigned long long room; /* the bytes that this may be */

static struct source source = {NULL, -1};
static struct output outputs[MOST_OUTPUTS];
static size_t output_count;
static struct limit limits[MOST_LIMITS];
static size_t limit_count;
static struct sock_filter filter[BPF_MAXINSNS];
static struct sock_fprog program;
static const char *directory = "/";
static mode_t inherited_umask;

/* Saying what happened */

static void say(const char *format, int number, const char *what)
{
    char line[PATH_MAX + 128];
    int length = snprintf(line, sizeof line, format, number, what);
    if (length > 0 && write(report_fd, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1) < 0)
        _exit(EXIT_FAILED);
}

static _Noreturn void fail_with(int error, const char *what)
{
    say("failed %d %s\n", error, what);
    _exit(EXIT_FAILED);
}

static _Noreturn void fail(const char *what)
{
    fail_with(errno, what);
}

/* The mount calls, which glibc has had since 2.36 only, in a header that excludes linux/mount.h. */

static int clone_mount(const char *path)
{
    return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int restrict_mount(int mount, uint64_t attributes, unsigned flags)
{
    struct mount_attr wanted = {.attr_set = attributes};
    return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &wanted, sizeof wanted);
}

static int attach(int mount, int place)
{
    return (int)syscall(SYS_move_mount, mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int set_option(int context, const char *name, const char *value)
{
    return (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, name, value, 0);
}

static int new_mount(int context, unsigned attributes)
{
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    int mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
    close(context);
    return mount;
}

static int file_system(const char *type)
{
    return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static int folder_in_memory(const char *bytes, const char *files)
{
    int context = file_system("tmpfs");
    if (context < 0 || set_option(context, "mode", "0755") < 0 || set_option(context, "size", bytes) < 0 ||
        set_option(context, "nr_inodes", files) < 0)
        return -1;
    return new_mount(context, of_jobs);
}

/* Names in the job's root.  None of them leads over a link, or out of it. */

/* What openat2 does, one name after the other: systemd's RestrictSUIDSGID=, and with it DynamicUser=, forbid
   that call.  No name may be "..". */
static int open_name_by_name(int start, const char *path, int flags)
{
    int at = openat(start, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (at >= 0) {
        char name[NAME_MAX + 1];
        path += strspn(path, "/");
        size_t length = strcspn(path, "/");
        int is_last = path[length + strspn(path + length, "/")] == '\0';
        if (length > NAME_MAX || (length == 2 && !memcmp(path, "..", 2))) {
            close(at);
            errno = length > NAME_MAX ? ENAMETOOLONG : EXDEV;
            return -1;
        }
        memcpy(name, length ? path : ".", length ? length : 1);
        name[length ? length : 1] = '\0';
        int next = openat(at, name, (is_last ? flags : O_PATH | O_DIRECTORY) | O_CLOEXEC | O_NOFOLLOW);
        int error = errno;
        close(at);
        errno = error;
        if (is_last)
            return next;
        at = next;
        path += length;
    }
    return -1;
}

static int open_within(int start, const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int opened = (int)syscall(SYS_openat2, start, path, &how, sizeof how);
    return opened < 0 && errno == ENOSYS ? open_name_by_name(start, path, (int)flags) : opened;
}

/* Create the folders that lead to `path` in an empty root. */
static void make_parents(const char *path)
{
    char made[PATH_MAX];
    for (const char *end = strchr(path + 1, '/'); end != NULL; end = strchr(end + 1, '/')) {
        size_t length = (size_t)(end - path - 1);
        if (length >= sizeof made)
            fail_with(ENAMETOOLONG, path);
        memcpy(made, path + 1, length);
        made[length] = '\0';
        if (mkdirat(root, made, 0755) < 0 && errno != EEXIST)
            fail(path);
    }
}

/* Return the mount point at `path`; a tree has its mount points already. */
static int mount_point(const char *path, int is_folder)
{
    if (is_empty_root) {
        make_parents(path);
        int made = is_folder ? mkdirat(root, path + 1, 0755) : mknodat(root, path + 1, S_IFREG | 0444, 0);
        if (made < 0 && errno != EEXIST)
            fail(path);
    }
    int point = open_within(root, path, O_PATH);
    if (point < 0)
        fail(path);
    return point;
}

static void mount_at(int mount, const char *path, int is_folder)
{
    int point = mount_point(path, is_folder);
    if (attach(mount, point) < 0)
        fail(path);
    close(point);
}

/* Show what the host has at `from` at a path. */
static void show(const char *from, const char *path, uint64_t attributes)
{
    struct stat told;
    int mount = clone_mount(from);
    if (mount < 0 || fstat(mount, &told) < 0 || restrict_mount(mount, attributes, AT_RECURSIVE) < 0)
        fail(path);
    mount_at(mount, path, S_ISDIR(told.st_mode));
    close(mount);
}

/* Options */

static char **words;
static char **variables; /* the job's environment */

static char *next(void)
{
    if (*words == NULL)
        fail_with(EINVAL, "an option lacks a value");
    return *words++;
}

static unsigned long long number(const char *word)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(word, &end, 10);
    if (errno || *word < '0' || *word > '9' || *end != '\0' || value > LLONG_MAX)
        fail_with(EINVAL, word);
    return value;
}

static int descriptor(const char *word)
{
    unsigned long long value = number(word);
    if (value > INT_MAX)
        fail_with(EINVAL, word);
    return (int)value;
}

/* Mount the job's root over ours.  Absolute paths still begin at the one below. */
static void take_root(int mount)
{
    int place = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (place < 0 || attach(mount, place) < 0)
        fail("/");
    close(place);
    root = mount;
}

static void add_root(void)
{
    const char *path = next();
    int mount = clone_mount(path);
    if (mount < 0 || restrict_mount(mount, MOUNT_ATTR_RDONLY | of_jobs, AT_RECURSIVE) < 0)
        fail(path);
    take_root(mount);
    is_empty_root = 0;
}

static int folder_within(const char *name)
{
    if (mkdirat(memory, name, 0755) < 0)
        fail(name);
    int made = openat(memory, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (made < 0)
        fail(name);
    return made;
}

/* Lay the changes of a job over its root.  What they lie on has to be attached somewhere: to the root's own
   folder, which nobody needs by its name any more. */
static void add_changeable_root(void)
{
    const char *path = next(), *bytes = next(), *files = next();
    char option[64];
    room = number(bytes);
    if (room == 0 || number(files) == 0)
        fail_with(EINVAL, path);
    unchanged = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    memory = folder_in_memory(bytes, files);
    if (unchanged < 0 || memory < 0 || attach(memory, unchanged) < 0)
        fail(path);
    int over[] = {unchanged, folder_within("changes"), folder_within("work")};
    static const char *const names[] = {"lowerdir", "upperdir", "workdir"};
    int context = file_system("overlay");
    for (size_t i = 0; i < sizeof over / sizeof *over; i++) {
        snprintf(option, sizeof option, "/proc/self/fd/%d", over[i]);
        if (context < 0 || set_option(context, names[i], option) < 0)
            fail("overlay");
    }
    int mount = new_mount(context, of_jobs);
    if (mount < 0)
        fail("overlay");
    close(over[1]);
    close(over[2]);
    take_root(mount);
    is_empty_root = 0;
}

static void make_root(void)
{
    int context = file_system("tmpfs");
    if (context < 0 || set_option(context, "mode", "0755") < 0 || set_option(context, "size", "1048576") < 0)
        fail("tmpfs");
    int mount = new_mount(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (mount < 0)
        fail("tmpfs");
    take_root(mount);
}

static void add_link(void)
{
    const char *target = next(), *path = next();
    make_parents(path);
    if (symlinkat(target, root, path + 1) < 0)
        fail(path);
}

static void add_proc(void)
{
    int context = file_system("proc");
    int mount = context < 0 ? -1 : new_mount(context, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (mount < 0)
        fail("/proc");
    mount_at(mount, "/proc", 1);
    close(mount);
}

static int bind_within(const char *name)
{
    close(folder_within(name));
    int mount = (int)syscall(SYS_open_tree, memory, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mount < 0)
        fail(name);
    return mount;
}

/* Have a file system that is laid over the place, with the way from there to the job's folder.  It is mounted
   in parts, which can be restricted apart, and lies below them as a whole, where nobody reaches it. */
static void add_way(const char *bytes, unsigned long long files)
{
    char most[32];
    snprintf(most, sizeof most, "%llu", files + WAY_FILES);
    memory = folder_in_memory(bytes, most);
    if (memory < 0)
        fail("tmpfs");
    mount_at(memory, place, 1);
    way = bind_within("way");
    mount_at(way, place, 1);
}

static void add_place(void)
{
    place = next();
    close(mount_point(place, 1));
}

static void add_trees(void)
{
    const char *path = next();
    int mount = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mount < 0 || restrict_mount(mount, MOUNT_ATTR_RDONLY | of_jobs, 0) < 0)
        fail(path);
    mount_at(mount, "/.trees", 1);
    close(mount);
    has_trees = 1;
}

static void add_folder(void)
{
    const char *path = next(), *bytes = next(), *files = next();
    if (number(bytes) == 0 || number(files) == 0) /* no limit, for the kernel */
        fail_with(EINVAL, path);
    if (place != NULL && strcmp(path, place))
        add_way(bytes, number(files));
    int mount;
    if (memory < 0)
        mount = folder_in_memory(bytes, files);
    else
        mount = bind_within("folder");
    if (mount < 0)
        fail(path);
    mount_at(mount, path, 1);
    close(mount);
    folder = open_within(root, path, O_PATH | O_DIRECTORY);
    if (folder < 0)
        fail(path);
}

/* Before there is a folder, this prepares for it. */
static void add_also(void)
{
    const char *path = next();
    int point = mount_point(path, 1);
    if (folder >= 0) {
        int mount = (int)syscall(SYS_open_tree, folder, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
        if (mount < 0 || attach(mount, point) < 0)
            fail(path);
        close(mount);
    }
    close(point);
}

static void add_limit(void)
{
    static const struct { const char *name; int resource; } known[] = {
        {"cpu", RLIMIT_CPU}, {"fsize", RLIMIT_FSIZE}, {"core", RLIMIT_CORE},
        {"nofile", RLIMIT_NOFILE}, {"as", RLIMIT_AS}, {"nproc", RLIMIT_NPROC},
    };
    const char *name = next(), *soft = next(), *hard = next();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i].name) && limit_count < MOST_LIMITS) {
            limits[limit_count++] = (struct limit){known[i].resource, {number(soft), number(hard)}};
            return;
        }
    fail_with(EINVAL, name);
}

static void add_output(void)
{
    if (output_count == MOST_OUTPUTS)
        fail_with(E2BIG, "--output");
    const char *name = next();
    outputs[output_count++] = (struct output){name, descriptor(next())};
}

static void read_filter(int from)
{
    ssize_t length = pread(from, filter, sizeof filter, 0);
    if (length <= 0 || (size_t)length % sizeof *filter)
        fail_with(EINVAL, "--filter");
    program = (struct sock_fprog){(unsigned short)((size_t)length / sizeof *filter), filter};
}

/* Do what the options say, in their order; `words` is the command afterwards. */
static void obey(void)
{
    for (;;) {
        const char *option = next();
        if (!strcmp(option, "--"))
            return;
        if (!strcmp(option, "--executable")) {
            of_jobs &= ~(uint64_t)MOUNT_ATTR_NOEXEC;
            continue;
        }
        if (root < 0 && strcmp(option, "--root") && strcmp(option, "--changeable"))
            make_root();
        if (!strcmp(option, "--root"))
            add_root();
        else if (!strcmp(option, "--changeable"))
            add_changeable_root();
        else if (!strcmp(option, "--link"))
            add_link();
        else if (!strcmp(option, "--show")) {
            const char *path = next();
            show(path, path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        } else if (!strcmp(option, "--bring")) {
            const char *from = next();
            show(from, next(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        } else if (!strcmp(option, "--device")) {
            const char *path = next();
            show(path, path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        }
        else if (!strcmp(option, "--place"))
            add_place();
        else if (!strcmp(option, "--trees"))
            add_trees();
        else if (!strcmp(option, "--proc"))
            add_proc();
        else if (!strcmp(option, "--folder"))
            add_folder();
        else if (!strcmp(option, "--also"))
            add_also();
        else if (!strcmp(option, "--source")) {
            source.name = next();
            source.descriptor = descriptor(next());
        } else if (!strcmp(option, "--directory"))
            directory = next();
        else if (!strcmp(option, "--limit"))
            add_limit();
        else if (!strcmp(option, "--filter"))
            read_filter(descriptor(next()));
        else if (!strcmp(option, "--output"))
            add_output();
        else if (!strcmp(option, "--changes"))
            changes = descriptor(next());
        else
            fail_with(EINVAL, option);
    }
}

/* The job */

static int copy(int from, int to)
{
    struct stat told;
    if (fstat(from, &told) < 0)
        return -1;
    for (off_t at = 0; at < told.st_size;)
        if (sendfile(to, from, &at, (size_t)(told.st_size - at)) <= 0)
            return -1;
    return 0;
}

static void bring_source(void)
{
    if (source.name == NULL)
        return;
    int file = openat(folder, source.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0 || copy(source.descriptor, file) < 0)
        fail(source.name);
    close(file);
}

/* Make the root that we have made the only one, and read-only. */
static void leave_host(void)
{
    if (is_empty_root && restrict_mount(root, MOUNT_ATTR_RDONLY, 0) < 0)
        fail("the root");
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || syscall(SYS_umount2, ".", MNT_DETACH) < 0)
        fail("the root");
    if (chdir("/") < 0)
        fail("/");
}

/* Have nothing in sight but the job's root, and nothing of it writable but the job's folder. */
static void enter(void)
{
    if (place == NULL)
        leave_host();
    else if (way >= 0 && restrict_mount(way, MOUNT_ATTR_RDONLY, 0) < 0)
        fail(place);
    if (chdir(directory) < 0)
        fail(directory);
}

static void drop_privileges(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
    int capability = 0;
    while (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
        capability++;
    if (capability == 0 || errno != EINVAL) /* that is the number after the last */
        fail("capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capset, &header, none) < 0)
        fail("capabilities");
}

static int set_limits(void)
{
    for (size_t i = 0; i < limit_count; i++) {
        struct rlimit ours, wanted = limits[i].values;
        if (getrlimit(limits[i].resource, &ours) < 0)
            return -1;
        if (wanted.rlim_max > ours.rlim_max) /* one that is lower already stays */
            wanted.rlim_max = ours.rlim_max;
        if (wanted.rlim_cur > wanted.rlim_max)
            wanted.rlim_cur = wanted.rlim_max;
        if (setrlimit(limits[i].resource, &wanted) < 0)
            return -1;
    }
    return 0;
}

/* Start the compiler, and return its process ID. */
static pid_t start(void)
{
    volatile int error = 0; /* shared with the child until that executes the compiler */
    pid_t child = vfork();
    if (child < 0)
        fail("vfork");
    if (child == 0) {
        umask(inherited_umask);
        if (set_limits() < 0 || syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) < 0 ||
            (program.len && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) ||
            execve(words[0], words, variables) < 0)
            error = errno;
        _exit(EXIT_FAILED);
    }
    if (error)
        fail_with(error, words[0]);
    return child;
}

/* Wait for the compiler, end what it has left behind, and return its wait status. */
static int finish(pid_t compiler)
{
    int status, ended;
    while (waitpid(-1, &ended, 0) != compiler)
        ;
    status = ended;
    kill(-1, SIGKILL);
    while (waitpid(-1, &ended, 0) > 0 || errno == EINTR)
        ;
    return status;
}

/* Pass the outputs out.  One that is no regular file, or does not exist, was not made. */
static void hand_out(void)
{
    for (size_t i = 0; i < output_count; i++) {
        int file = open_within(folder, outputs[i].name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        struct stat told;
        if (file < 0)
            continue;
        if (fstat(file, &told) == 0 && S_ISREG(told.st_mode) && copy(file, outputs[i].descriptor) < 0)
            fail(outputs[i].name);
        close(file);
    }
}

static void write_whole(const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(changes, data, length);
        if (written < 0)
            fail("--changes");
        data += written;
        length -= (size_t)written;
    }
}

/* Say what there is by a name: a file and its contents, which follow, or something else. */
static void tell_change(const char *what, const struct stat *told, const char *path)
{
    char line[128];
    int length = snprintf(line, sizeof line, "%s %o %lld%09ld %lld %zu\n", what, (unsigned)(told->st_mode & 07777),
                          (long long)told->st_mtim.tv_sec, told->st_mtim.tv_nsec, (long long)told->st_size, strlen(path));
    write_whole(line, (size_t)length);
    write_whole(path, strlen(path));
}

/* Pass out a regular file with one name, if there is room for it. */
static int tell_file(int parent, const char *name, const char *path)
{
    struct stat told;
    int file = openat(parent, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return 0;
    int is_plain = fstat(file, &told) == 0 && S_ISREG(told.st_mode) && told.st_nlink == 1 &&
                   (unsigned long long)told.st_size <= room;
    if (is_plain) {
        room -= (unsigned long long)told.st_size;
        tell_change("file", &told, path);
        if (copy(file, changes) < 0)
            fail("--changes");
    }
    close(file);
    return is_plain;
}

/* Whether there was a folder of this path before the job. */
static int was_folder(const char *path)
{
    int found = open_within(unchanged, path, O_PATH | O_DIRECTORY);
    if (found >= 0)
        close(found);
    return found >= 0;
}

struct entry { uint64_t number; int64_t next; unsigned short length; unsigned char kind; char name[]; };

/* Pass out what the job has changed in a folder, whose `path` is `length` long.  There is nothing of a folder
   itself if it was there before. */
static void tell_changes(int parent, char *path, size_t length, int depth)
{
    _Alignas(struct entry) char entries[4096];
    long count;
    while ((count = syscall(SYS_getdents64, parent, entries, sizeof entries)) > 0)
        for (long at = 0; at < count;) {
            struct entry *entry = (struct entry *)(entries + at);
            struct stat told;
            size_t end = length + 1 + strlen(entry->name);
            at += entry->length;
            if (!strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
                continue;
            if (end >= PATH_MAX)
                fail_with(ENAMETOOLONG, "--changes");
            path[length] = '/';
            strcpy(path + length + 1, entry->name);
            if (fstatat(parent, entry->name, &told, AT_SYMLINK_NOFOLLOW) < 0)
                fail("--changes");
            int inside = S_ISDIR(told.st_mode) && depth < DEEPEST && was_folder(path)
                ? openat(parent, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
            if (inside >= 0) {
                tell_changes(inside, path, end, depth + 1);
                close(inside);
            } else if (!S_ISREG(told.st_mode) || !tell_file(parent, entry->name, path))
                tell_change("other", &told, path);
            path[length] = '\0';
        }
    if (count < 0)
        fail("--changes");
}

static void tell_all_changes(void)
{
    static char path[PATH_MAX];
    int top = changes < 0 ? -1 : openat(memory, "changes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (changes < 0)
        return;
    if (top < 0)
        fail("--changes");
    tell_changes(top, path, 0, 0);
    write_whole("end\n", 4);
}

static void write_file(const char *path, const char *format, unsigned id)
{
    char line[64];
    int length = snprintf(line, sizeof line, format, id, id);
    int file = openat(proc, path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, line, (size_t)length) != length)
        fail(path);
    close(file);
}

/* Have our IDs, and no others, in a new user namespace. */
static void map_ids(uid_t uid, gid_t gid)
{
    if (proc < 0 && (proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
        fail("/proc");
    write_file("self/setgroups", "deny", 0);
    write_file("self/uid_map", "%u %u 1", uid);
    write_file("self/gid_map", "%u %u 1", gid);
}

/* Be the first process of the namespaces: set the sandbox up, run the compiler, pass its outputs out. */
static _Noreturn void confine(uid_t uid, gid_t gid, int outside)
{
    struct pollfd parent = {.fd = outside};
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (poll(&parent, 1, 0) < 0 || parent.revents) /* it was gone before */
        _exit(EXIT_FAILED);
    map_ids(uid, gid);
    inherited_umask = umask(022);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nothing of ours is to be seen in a /proc of the job's */
    if (setsid() < 0 || sethostname("sandbox", strlen("sandbox")) < 0)
        fail("the session");
    obey();
    if (*words == NULL || folder < 0)
        fail_with(EINVAL, "nothing to run");
    bring_source();
    enter();
    drop_privileges();
    int status = finish(start());
    if (status == 0) {
        hand_out();
        tell_all_changes();
    }
    say("status %d%s\n", status, "");
    _exit(0);
}

/* Make a user namespace and an empty network, and keep them until our standard input ends. */
static int keep_namespaces(uid_t uid, gid_t gid)
{
    char end;
    report_fd = STDOUT_FILENO;
    if (syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET) < 0)
        fail("namespaces");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* /proc/self is root's otherwise */
    map_ids(uid, gid);
    say("made%.0d%s\n", 0, "");
    while (read(STDIN_FILENO, &end, 1) < 0 && errno == EINTR)
        ;
    return 0;
}

/* Read the options that come first, and return which network to be in. */
static uint64_t begin(void)
{
    if (strcmp(next(), "--report"))
        _exit(EXIT_FAILED);
    report_fd = descriptor(next());
    if (*words == NULL || strcmp(*words, "--join"))
        return CLONE_NEWNET;
    next();
    int user = descriptor(next()), network = descriptor(next());
    if (syscall(SYS_setns, user, CLONE_NEWUSER) < 0 || syscall(SYS_setns, network, CLONE_NEWNET) < 0)
        fail("namespaces");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* we have all capabilities there, and need none here */
    return 0;
}

static pid_t make_process(uint64_t flags)
{
    struct clone_args wanted = {.flags = flags, .exit_signal = SIGCHLD};
    return (pid_t)syscall(SYS_clone3, &wanted, sizeof wanted);
}

/* Waiting for jobs.  The packets are those of `launcher/packets.py`. */

struct __attribute__((packed)) about { char kind; int64_t number; };
struct __attribute__((packed)) failed { struct about what; int32_t error; };
struct __attribute__((packed)) ended { struct about what; int32_t status; double user, system; };

struct job { pid_t process; int64_t number; };

static int owner; /* the socket */
static int ends[2]; /* a pipe, by which a job knows whether we are there */
static char packet[LARGEST_PACKET + 1];
static char *parts[LARGEST_PACKET + 2]; /* of the packet, and an end after the command's words */
static struct job jobs[MOST_JOBS];
static size_t job_count;

/* An owner who is gone is noticed where packets are received. */
static void tell(const void *told, size_t length)
{
    if (send(owner, told, length, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        _exit(EXIT_FAILED);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void tell_ended(pid_t process, int status, const struct rusage *used)
{
    struct ended told = {{'E', 0}, status, seconds(used->ru_utime), seconds(used->ru_stime)};
    for (size_t i = 0; i < job_count; i++)
        if (jobs[i].process == process) {
            told.what.number = jobs[i].number;
            jobs[i] = jobs[--job_count];
            tell(&told, sizeof told);
            return;
        }
}

static void reap(void)
{
    struct rusage used;
    pid_t process;
    int status;
    while ((process = wait4(-1, &status, WNOHANG, &used)) > 0)
        tell_ended(process, status, &used);
}

/* Be the first process of a job. */
static _Noreturn void be_job(uid_t uid, gid_t gid)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(owner);
    close(ends[1]);
    begin();
    root = has_trees ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && !has_trees)
        fail("/");
    confine(uid, gid, ends[0]);
}

/* Start a job; return what is in the way. */
static int start_job(int64_t number, uid_t uid, gid_t gid)
{
    if (job_count == MOST_JOBS)
        return EAGAIN;
    pid_t process = make_process(APART);
    if (process == 0)
        be_job(uid, gid);
    if (process < 0)
        return errno;
    jobs[job_count++] = (struct job){process, number};
    return 0;
}

/* Split a packet that asks for a job, and return the number of its descriptors, or -1. */
static long split(size_t length)
{
    size_t count = 0;
    packet[length] = '\0';
    for (char *at = packet + sizeof(struct about); at <= packet + length; at += strlen(at) + 1)
        parts[count++] = at;
    unsigned long long streams, command;
    if (count < 6)
        return -1;
    streams = strtoull(parts[0], NULL, 10);
    command = strtoull(parts[3], NULL, 10);
    if (streams > MOST_STREAMS || command < 1 || command > count - 5)
        return -1;
    words = parts + 6; /* after the folder, and our own name */
    variables = parts + 5 + command + 1;
    memmove(variables, variables - 1, (count - 5 - command) * sizeof *parts);
    variables[-1] = NULL;
    parts[count + 1] = NULL;
    return (long)streams;
}

/* The descriptors of a job come as 0, 1 and so on, as we have none below MOST_STREAMS. */
static int are_in_place(struct msghdr *message, long count)
{
    struct cmsghdr *beside = CMSG_FIRSTHDR(message);
    int numbers[MOST_STREAMS];
    if (beside == NULL || message->msg_flags & MSG_CTRUNC || beside->cmsg_len != CMSG_LEN((size_t)count * sizeof(int)))
        return 0;
    memcpy(numbers, CMSG_DATA(beside), (size_t)count * sizeof(int));
    for (int i = 0; i < count; i++)
        if (numbers[i] != i)
            return 0;
    return 1;
}

static void kill_job(int64_t number)
{
    for (size_t i = 0; i < job_count; i++)
        if (jobs[i].number == number)
            kill(jobs[i].process, SIGKILL);
}

/* Do what one packet says; return 0 if the owner is gone. */
static int receive(uid_t uid, gid_t gid)
{
    _Alignas(struct cmsghdr) char beside[CMSG_SPACE(MOST_STREAMS * sizeof(int))];
    struct iovec whole = {packet, LARGEST_PACKET};
    struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1, .msg_control = beside, .msg_controllen = sizeof beside};
    struct about what;
    ssize_t length = recvmsg(owner, &message, 0);
    if (length < (ssize_t)sizeof what)
        return length < 0 && errno == EINTR;
    memcpy(&what, packet, sizeof what);
    if (what.kind == 'K')
        kill_job(what.number);
    else {
        long streams = split((size_t)length);
        int error = streams < 0 ? EINVAL : !are_in_place(&message, streams) ? EMFILE : start_job(what.number, uid, gid);
        struct failed told = {{'F', what.number}, error};
        if (error)
            tell(&told, sizeof told);
    }
    memset(packet, 0, (size_t)length);
    syscall(SYS_close_range, 0, MOST_STREAMS - 1, 0);
    return 1;
}

static void serve(uid_t uid, gid_t gid)
{
    static const struct about ready = {'R', 0};
    struct pollfd packets = {.fd = owner, .events = POLLIN};
    sigset_t but_children;
    sigfillset(&but_children);
    sigdelset(&but_children, SIGCHLD);
    tell(&ready, sizeof ready);
    for (;;) {
        reap();
        if (ppoll(&packets, 1, NULL, &but_children) > 0 && !receive(uid, gid))
            break;
    }
    for (size_t i = 0; i < job_count; i++)
        kill(jobs[i].process, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

static void awake(int number)
{
    (void)number;
}

static int move_up(int low)
{
    int moved = fcntl(low, F_DUPFD_CLOEXEC, MOST_STREAMS);
    if (moved < 0)
        fail("descriptors");
    return moved;
}

/* Serve jobs until our standard input ends.  No signal ends us: one that is sent to all processes of a service
   is for the owner to act on. */
static int wait_for_jobs(const char *outer, const char *inner, uid_t uid, gid_t gid)
{
    struct sigaction noticed = {.sa_handler = awake, .sa_flags = SA_RESTART};
    struct mount_attr apart = {.propagation = MS_PRIVATE};
    int made[2];
    sigset_t all;
    report_fd = STDOUT_FILENO; /* the null device: whoever starts the job without us is told */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) < 0 ||
        sigaction(SIGCHLD, &noticed, NULL) < 0 || pipe2(made, O_CLOEXEC) < 0)
        fail("namespaces");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    map_ids(uid, gid);
    obey();
    if (place == NULL && !has_trees)
        fail_with(EINVAL, "--place");
    leave_host();
    /* What is mounted on the host from now on would not be restricted. */
    if (syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH | AT_RECURSIVE, &apart, sizeof apart) < 0)
        fail("the root");
    read_filter(descriptor(outer));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
        fail("--wait");
    read_filter(descriptor(inner));
    owner = move_up(STDIN_FILENO);
    proc = move_up(proc);
    ends[0] = move_up(made[0]);
    ends[1] = move_up(made[1]);
    syscall(SYS_close_range, 0, MOST_STREAMS - 1, 0);
    serve(uid, gid);
    return 0;
}

int main(int count, char **arguments)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int status;

    if (count == 2 && !strcmp(arguments[1], "--namespaces"))
        return keep_namespaces(uid, gid);
    if (count < 3)
        return EXIT_FAILED;
    words = arguments + 4;
    if (count > 4 && !strcmp(arguments[1], "--wait"))
        return wait_for_jobs(arguments[2], arguments[3], uid, gid);
    words = arguments + 1;
    variables = environ;
    uint64_t network = begin();
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* new credentials would undo it */
    if (pipe2(ends, O_CLOEXEC) < 0)
        fail("pipe");
    pid_t child = make_process(APART | CLONE_NEWIPC | network);
    if (child < 0)
        fail("namespaces");
    if (child == 0) {
        close(ends[1]);
        confine(uid, gid, ends[0]);
    }
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status ? EXIT_FAILED : 0;
}
