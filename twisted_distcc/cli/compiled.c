/* tdistcc, compiled: what agent/handover.py does, in a tenth of the time that a Python takes to start.

   In: a compiler's command line, or a link with a compiler's name.  Out: what the agent says of it.
   It knows the usual course alone.  Where anything else comes up (no agent, or none that may serve us,
   another installation, options of tdistcc's own, a log, a call within a call) it becomes the tdistcc that
   is written in Python, from where it stands: nothing was done yet that could not be done again.

   It finds its installation by `twisted-distcc-python`, which is beside it or which a link beside it leads
   to, and knows no other path.  That file's first line names the interpreter, which we start ourselves, past
   the script that does so for the other commands, so that the environment arrives unchanged.  Where the
   installation is gone, or just being replaced, it becomes the compiler.

   Compiled with VERSION, the version of the package, as a string. */

#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 9, LONGEST_HEAD = 8192, LONGEST_CONTEXT = 1 << 16 };
static const unsigned long LARGEST = 1ul << 28; /* as in agent/frames.py */
static const char SAFEGUARD[] = "_TDISTCC_SAFEGUARD=+";

extern char **environ;

static char *executed;  /* the path by which we were started */
static int by_link;     /* whether that has a compiler's name */
static char **command;  /* the compiler's command line: its name, and its arguments */

/* Whether the first word names a compiler, and no option or file. */
static int is_compiler(const char *word)
{
    const char *dot = strrchr(word, '.');
    return word[0] && word[0] != '-' && (!dot || isdigit((unsigned char)dot[1]));
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether `path` is, or leads to, a program that passes compiler commands on, and may come back to us. */
static int is_masquerade(const char *path)
{
    static const char *const names[] = {"tdistcc", "tdistcc-python", "distcc", "ccache", "sccache",
                                        "icecc", "icerun", "buildcache", "colorgcc", "fbuild"};
    char *behind = realpath(path, NULL);
    int is_one = !behind;
    for (size_t i = 0; behind && i < sizeof names / sizeof *names; i++)
        is_one |= !strcmp(base_name(behind), names[i]);
    free(behind);
    return is_one;
}

static void become_if_compiler(char *path)
{
    struct stat file;
    if (stat(path, &file) || !S_ISREG(file.st_mode) || access(path, X_OK) || is_masquerade(path))
        return;
    command[0] = path;
    execv(path, command);
}

static void become_first_on_path(const char *name)
{
    char path[PATH_MAX];
    const char *folder = getenv("PATH");
    if (!folder)
        folder = "/bin:/usr/bin"; /* as Python's os.defpath */
    for (size_t length;; folder += length + 1) {
        length = strcspn(folder, ":");
        int written = snprintf(path, sizeof path, "%.*s%s%s", (int)length, folder, length ? "/" : "./", name);
        if (written < (int)sizeof path)
            become_if_compiler(path);
        if (!folder[length])
            return;
    }
}

static int is_local_forbidden(void)
{
    const char *fallback = getenv("DISTCC_FALLBACK");
    return fallback && !strcmp(fallback, "0");
}

/* There is no installation any more: become the compiler, if that is what is meant. */
static _Noreturn void compile_here(void)
{
    char *name = command[0] ? command[0] : "--help";
    if (is_local_forbidden()) {
        fprintf(stderr, "tdistcc: its installation is gone, and local compilation is disabled (DISTCC_FALLBACK=0)\n");
        _exit(110);
    }
    if (strchr(name, '/'))
        become_if_compiler(name);
    if (!strncmp(name, "--", 2) || !strcmp(name, "-j"))
        name = "tdistcc"; /* an option of its own */
    else if (!by_link && !is_compiler(name))
        *--command = name = "cc";
    become_first_on_path(base_name(name));
    fprintf(stderr, "tdistcc: its installation is gone, and no other %s is on PATH\n", base_name(name));
    _exit(110);
}

/* Our installation: its `twisted-distcc-python`, the interpreter, and its `__init__.py`; NULL if unknown. */
static char *start, *interpreter, *source;

static char *make_path(const char *format, ...)
{
    char *path;
    va_list words;
    va_start(words, format);
    int length = vasprintf(&path, format, words);
    va_end(words);
    if (length < 0)
        _exit(110);
    return path;
}

/* Return the folder of `path`, which is absolute. */
static char *folder_of(const char *path)
{
    const char *base = base_name(path);
    return make_path("%.*s", base > path ? (int)(base - path - 1) : 0, path);
}

/* Return the beginning of a file, or NULL. */
static char *text_of(const char *path)
{
    enum { ENOUGH = 1 << 14 };
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char *text = file < 0 ? NULL : calloc(ENOUGH, 1);
    if (text && read(file, text, ENOUGH - 1) < 0)
        text = NULL;
    if (file >= 0)
        close(file);
    return text;
}

/* Take the quotes of a shell off a word, in place. */
static void unquote(char *word)
{
    char quote = 0, *end = word;
    for (; *word; word++) {
        if (quote ? *word == quote : *word == '\'' || *word == '"')
            quote = quote ? 0 : *word;
        else
            *end++ = *word;
    }
    *end = 0;
}

/* Return the interpreter that an installer has written into the first line of `text`, which it changes.
   A path with a space is in the second line, which is like '''exec' 'PATH' "$0" "$@". */
static char *interpreter_in(char *text)
{
    static const char shell[] = "#!/bin/sh\n'''exec' ";
    if (strncmp(text, shell, sizeof shell - 1)) {
        text[strcspn(text, "\n")] = 0;
        return strncmp(text, "#!", 2) ? NULL : text + 2;
    }
    text += sizeof shell - 1;
    char *end = strstr(text, " \"$0\"");
    if (!end)
        return NULL;
    *end = 0;
    unquote(text);
    return text;
}

static int find_interpreter(void)
{
    char *own = realpath(executed, NULL), *text;
    start = own ? realpath(make_path("%s/twisted-distcc-python", folder_of(own)), NULL) : NULL;
    text = start ? text_of(start) : NULL;
    interpreter = text ? interpreter_in(text) : NULL;
    return interpreter && !access(interpreter, X_OK);
}

/* Find the package where Python looks: in a folder of packages that is in the same prefix, or, if it was
   installed to be edited, in the folder that a file there names, which hatchling writes. */
static void find_source(void)
{
    static const char *const packages[] = {"site-packages", "dist-packages", NULL};
    static const char *const editable[] = {"_editable_impl_twisted_distcc.pth", "_twisted_distcc.pth", NULL};
    static const char file[] = "twisted_distcc/__init__.py";
    char *version = realpath(interpreter, NULL), *text;
    if (!version)
        return;
    const char *prefix = folder_of(folder_of(start));
    for (const char *const *name = packages; *name; name++) {
        char *folder = make_path("%s/lib/%s/%s", prefix, base_name(version), *name);
        source = make_path("%s/%s", folder, file);
        if (!access(source, R_OK))
            return;
        for (const char *const *pth = editable; *pth; pth++)
            if ((text = text_of(make_path("%s/%s", folder, *pth)))) {
                source = make_path("%.*s/%s", (int)strcspn(text, "\n"), text, file);
                return;
            }
    }
    source = NULL;
}

/* Whether the installation is there; where nobody but it may compile, an upgrade that is just replacing it
   is waited for. */
static int has_installation(void)
{
    return find_interpreter() || (is_local_forbidden() && !sleep(2) && find_interpreter());
}

/* Become the tdistcc that knows everything; called as a compiler we say which. */
static _Noreturn void leave_it_to_python(void)
{
    enum { BEFORE = 5 };
    int count = 0;
    while (command[count])
        count++;
    char **words = calloc(BEFORE + count + 1, sizeof *words);
    if (words && has_installation()) {
        char *before[BEFORE] = {interpreter, "-I", "-S", start, by_link ? "tdistcc" : executed};
        const char *heeded = getenv("PYTHONEXECUTABLE"); /* in spite of -I; it comes by another name */
        if (heeded)
            setenv("_TDISTCC_PYTHONEXECUTABLE", heeded, 1);
        unsetenv("PYTHONEXECUTABLE");
        memcpy(words, before, sizeof before);
        memcpy(words + BEFORE, command, count * sizeof *words);
        execv(words[0], words);
    }
    compile_here();
}

/* What tells this installation from others, as `stamp` of agent/socket_path.py has it.  Its version has to
   be ours. */
static char *stamp(void)
{
    struct stat found;
    char *text;
    if (find_interpreter())
        find_source();
    if (!source || stat(source, &found) || !(text = text_of(source)) ||
        !strstr(text, "\n__version__ = \"" VERSION "\"\n"))
        leave_it_to_python();
    return make_path("%s %llu %llu %lld", VERSION, (unsigned long long)found.st_dev,
                     (unsigned long long)found.st_ino,
                     found.st_mtim.tv_sec * 1000000000ll + found.st_mtim.tv_nsec);
}

/* What this process is: the same bytes as from `own_context` of agent/context.py, in the same order, and
   the domain that `name_of` adds.  Who cannot share an agent is left to Python. */
static char context[LONGEST_CONTEXT];
static size_t context_length;

static void add(const char *format, ...)
{
    va_list words;
    va_start(words, format);
    size_t room = sizeof context - context_length;
    int length = vsnprintf(context + context_length, room, format, words);
    va_end(words);
    if (length < 0 || (size_t)length >= room)
        leave_it_to_python();
    context_length += length;
}

/* Add a file's text, and return where it begins; without the file return NULL. */
static char *add_file(const char *path)
{
    char *begin = context + context_length;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    ssize_t got;
    while ((got = read(file, context + context_length, sizeof context - 1 - context_length)) > 0)
        context_length += got;
    close(file);
    context[context_length] = 0;
    return got < 0 ? NULL : begin;
}

static char *must_add_file(const char *path)
{
    char *begin = add_file(path);
    if (!begin || context_length == sizeof context - 1)
        leave_it_to_python();
    return begin;
}

static int begins_with_any(const char *line, const char *const *beginnings)
{
    for (; *beginnings; beginnings++)
        if (!strncmp(line, *beginnings, strlen(*beginnings)))
            return 1;
    return 0;
}

static void add_lines(const char *path, const char *const *beginnings)
{
    char *end = must_add_file(path);
    for (char *line = end, *next; *line; line = next) {
        next = strchrnul(line, '\n');
        next += *next == '\n';
        if (begins_with_any(line, beginnings)) {
            memmove(end, line, next - line);
            end += next - line;
        }
    }
    *end = 0;
    context_length = end - context;
}

static void add_root(void)
{
    static const char *const mount[] = {"mnt_id:", NULL};
    struct stat found;
    char path[64];
    int root = open("/proc/self/root", O_PATH | O_CLOEXEC);
    if (root < 0 || fstat(root, &found))
        leave_it_to_python();
    add("%llu %llu\n", (unsigned long long)found.st_dev, (unsigned long long)found.st_ino);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", root);
    add_lines(path, mount);
    close(root);
}

/* Which namespace of a kind we are in, without the kind; empty where the kernel knows none. */
static void read_namespace(const char *kind, char *number, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    ssize_t length = readlink(path, number, room - 1);
    number[length < 0 ? 0 : length] = 0;
    char *colon = strchr(number, ':');
    memmove(number, colon ? colon + 1 : "", strlen(colon ? colon + 1 : "") + 1);
}

static void add_namespaces(void)
{
    static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts", NULL};
    char number[64], children[64];
    for (const char *const *kind = kinds; *kind; kind++) {
        read_namespace(*kind, number, sizeof number);
        add("%s\n", number);
    }
    read_namespace("pid", number, sizeof number);
    read_namespace("pid_for_children", children, sizeof children);
    if (strcmp(number, children))
        leave_it_to_python();
}

/* Whether each of these limits is unlimited twice, as soft and as hard one. */
static void check_limits(const char *limits)
{
    static const char *const deadly[] = {
        "Max cpu time", "Max file size", "Max data size", "Max address space", NULL};
    static const char unlimited[] = "unlimited";
    for (const char *line = limits; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
        if (!begins_with_any(line, deadly))
            continue;
        const char *end = strchrnul(line, '\n'), *soft = strstr(line, unlimited);
        const char *hard = soft ? strstr(soft + 1, unlimited) : NULL;
        if (!hard || hard > end)
            leave_it_to_python();
    }
}

static int is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static void find_context(void)
{
    static const char *const facts[] = {
        "TracerPid:", "Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp", NULL};
    char self[32] = "";
    if (is_set("LD_PRELOAD") || is_set("LD_AUDIT") ||
        readlink("/proc/self", self, sizeof self - 1) < 0 || atoi(self) != getpid())
        leave_it_to_python();
    add_root();
    add_namespaces();
    char *status = context + context_length;
    add_lines("/proc/self/status", facts);
    if (!strstr(status, "TracerPid:\t0\n"))
        leave_it_to_python();
    must_add_file("/proc/self/cgroup");
    check_limits(must_add_file("/proc/self/limits"));
    size_t length = context_length;
    if (!add_file("/proc/self/attr/current"))
        context_length = length;
    add("%d %d\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0));
    must_add_file("/proc/self/personality");
}

static unsigned long long name_of_context(void)
{
    static const uint64_t prime = ((uint64_t)1 << 56) - 5;
    uint64_t rest = 0;
    for (size_t n = 0; n < context_length; n++)
        rest = (rest << 8 | (unsigned char)context[n]) % prime;
    return rest;
}

/* As in agent/place.py: the user's own folder, which nobody else could have a hand in. */
static int find_socket(struct sockaddr_un *address)
{
    struct stat folder;
    char path[sizeof address->sun_path];
    const char *within = getenv("XDG_RUNTIME_DIR");
    int length = within && *within && !stat(within, &folder) && folder.st_uid == getuid()
                     ? snprintf(path, sizeof path, "%s/twisted-distcc", within)
                     : snprintf(path, sizeof path, "/tmp/twisted-distcc-%lu", (unsigned long)getuid());
    if (length >= (int)sizeof path || lstat(path, &folder) || !S_ISDIR(folder.st_mode) ||
        folder.st_uid != getuid() || folder.st_mode & 077)
        return 0;
    find_context();
    length = snprintf(address->sun_path, sizeof address->sun_path, "%s/agent-%llx", path, name_of_context());
    return length < (int)sizeof address->sun_path;
}

static int call_agent(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t length = sizeof peer;
    int agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (agent < 0 || !find_socket(&address) ||
        connect(agent, (struct sockaddr *)&address, sizeof address) ||
        getsockopt(agent, SOL_SOCKET, SO_PEERCRED, &peer, &length) || peer.uid != getuid())
        leave_it_to_python();
    return agent;
}

static size_t room_for(char **words)
{
    size_t room = 0;
    for (; *words; words++)
        room += strlen(*words) + 1;
    return room;
}

static char *append(char *end, const char *word)
{
    *end = 0;
    return stpcpy(end + 1, word);
}

/* As `own_terminals` of agent/handover.py. */
static void tell_terminals(char *told, size_t room)
{
    struct winsize input = {0}, errors = {0};
    int has_input = !ioctl(0, TIOCGWINSZ, &input), has_errors = !ioctl(2, TIOCGWINSZ, &errors);
    int length = snprintf(told, room, has_input ? "%d," : ",", input.ws_col);
    if (has_errors)
        snprintf(told + length, room - length, "%d", errors.ws_col);
}

/* Whether every variable has a name, and one value: programs disagree about others. */
static int has_plain_environment(void)
{
    for (char **variable = environ; *variable; variable++) {
        size_t length = strcspn(*variable, "=") + 1;
        if (length == 1 || !(*variable)[length - 1])
            return 0;
        for (char **earlier = environ; earlier < variable; earlier++)
            if (!strncmp(*earlier, *variable, length))
                return 0;
    }
    return 1;
}

static long long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* As `pack_request` of agent/frames.py. */
static char *make_request(const char *stamp, long long began, size_t *length)
{
    char head[LONGEST_HEAD], directory[LONGEST_HEAD / 2];
    mode_t mask = umask(0);
    umask(mask);
    int count = 0;
    while (command[count])
        count++;
    if (!getcwd(directory, sizeof directory))
        leave_it_to_python();
    char *request = malloc(sizeof head + strlen(stamp) + room_for(command) + room_for(environ) + sizeof SAFEGUARD + 1);
    if (!request)
        leave_it_to_python();
    char *end = stpcpy(request + HEADER, stamp);
    end += snprintf(end, LONGEST_HEAD, " %lld", began);
    snprintf(head, sizeof head, "%o", mask);
    end = append(end, head);
    tell_terminals(head, sizeof head);
    end = append(append(end, head), directory);
    snprintf(head, sizeof head, "%d", count);
    end = append(end, head);
    for (char **word = command; *word; word++)
        end = append(end, *word);
    for (char **variable = environ; *variable; variable++)
        end = append(end, *variable);
    end = append(end, SAFEGUARD);
    *length = end - request;
    snprintf(head, sizeof head, "R%08zx", *length - HEADER);
    memcpy(request, head, HEADER);
    return request;
}

static int send_all(int agent, const char *data, size_t length)
{
    while (length) {
        ssize_t sent = send(agent, data, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return 0;
        data += sent;
        length -= sent;
    }
    return 1;
}

static int receive_all(int agent, char *data, size_t length)
{
    while (length) {
        ssize_t got = recv(agent, data, length, 0);
        if (got <= 0)
            return 0;
        data += got;
        length -= got;
    }
    return 1;
}

/* Whoever closed the descriptor does not want it, and that is no reason to die. */
static void write_all(int descriptor, const char *data, size_t length)
{
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    while (length) {
        ssize_t written = write(descriptor, data, length);
        if (written <= 0)
            break;
        data += written;
        length -= written;
    }
    signal(SIGPIPE, before);
}

/* Where our own words go: ccache keeps them out of what it stores, by this variable. */
static int message_descriptor(void)
{
    const char *number = getenv("UNCACHED_ERR_FD");
    int is_number = number && *number && !number[strspn(number, "0123456789")];
    return is_number && fcntl(atoi(number), F_GETFD) != -1 ? atoi(number) : 2;
}

/* Give one frame's letter, and what it holds, with a NUL after it. */
static char next_frame(int agent, char **payload, size_t *length)
{
    char header[HEADER + 1] = {0}, *end;
    if (!receive_all(agent, header, HEADER))
        leave_it_to_python();
    *length = strtoul(header + 1, &end, 16);
    if (*end || !isxdigit((unsigned char)header[1]) || *length > LARGEST ||
        !(*payload = malloc(*length + 1)) || !receive_all(agent, *payload, *length))
        leave_it_to_python();
    (*payload)[*length] = 0;
    return header[0];
}

/* Keep what the compiler said until the verdict: without one it is said again by another. */
struct words {
    char *data;
    size_t length;
};

static void keep(struct words *words, const char *data, size_t length)
{
    char *all = realloc(words->data, words->length + length + 1);
    if (!all)
        leave_it_to_python();
    memcpy(all + words->length, data, length);
    words->data = all;
    words->length += length;
}

/* What the compiler is to call itself, as `_called` of tdistcc.py has it. */
static char *called(char *name, char *compiler)
{
    char path[LONGEST_HEAD], directory[LONGEST_HEAD / 2];
    const char *folders = strchr(name, '/') ? "" : getenv("PATH");
    if (!folders || !getcwd(directory, sizeof directory))
        return compiler;
    for (;; folders++) {
        int length = strcspn(folders, ":");
        const char *within = *folders == '/' || *name == '/' ? "" : directory;
        snprintf(path, sizeof path, "%s%s%.*s%s%s", within, *within ? "/" : "", length, folders,
                 length ? "/" : "", name);
        struct stat found;
        if (!access(path, X_OK) && !stat(path, &found) && !S_ISDIR(found.st_mode))
            return strcmp(path, compiler) ? compiler : name;
        folders += length;
        if (!*folders)
            return compiler;
    }
}

/* The agent counts us while the connection is open, which is until the compiler has ended. */
static _Noreturn void become(int agent, char *compiler)
{
    fcntl(agent, F_SETFD, 0);
    putenv((char *)SAFEGUARD);
    command[0] = called(command[0], compiler);
    execv(compiler, command);
    fprintf(stderr, "tdistcc: ERROR: failed to exec ");
    perror(compiler);
    _exit(110);
}

/* As `_end_by_interrupt` of tdistcc.py. */
static _Noreturn void end(int code)
{
    enum { INTERRUPTED = 130 };
    if (code == INTERRUPTED) {
        signal(SIGINT, SIG_DFL);
        kill(getpid(), SIGINT);
    }
    _exit(code);
}

static _Noreturn void follow(int agent)
{
    struct words out = {0}, err = {0};
    for (;;) {
        char *payload;
        size_t length;
        switch (next_frame(agent, &payload, &length)) {
        case 'M':
            write_all(message_descriptor(), payload, length);
            break;
        case 'O':
            keep(&out, payload, length);
            break;
        case 'E':
            keep(&err, payload, length);
            break;
        case 'X':
            write_all(1, out.data, out.length);
            write_all(2, err.data, err.length);
            end(atoi(payload));
        case 'L':
            become(agent, payload);
            break;
        default: /* it is of another installation, or has another context */
            leave_it_to_python();
        }
        free(payload);
    }
}

/* Put what can be neither read nor written in place of standard streams that are closed: else the next
   file or socket would take the place.  What we become finds them closed.  Return whether what a compiler
   says would be lost. */
static int keep_closed_streams(void)
{
    int descriptor, is_mute = 0;
    while ((descriptor = open("/", O_PATH | O_CLOEXEC)) >= 0 && descriptor <= 2)
        is_mute |= descriptor > 0;
    close(descriptor);
    return is_mute;
}

int main(int count, char **words)
{
    if (count < 1)
        return 110;
    long long began = microseconds();
    int is_mute = keep_closed_streams();
    executed = (char *)getauxval(AT_EXECFN); /* words[0] may be anything */
    words[0] = (char *)base_name(executed);
    by_link = strcmp(words[0], "tdistcc") && strcmp(words[0], "distcc");
    command = words + !by_link;
    if ((!by_link && (count < 2 || !is_compiler(command[0]))) || getenv("_TDISTCC_SAFEGUARD") || is_mute ||
        getenv("DISTCC_AGENT") || getenv("DISTCC_LOG") || !has_plain_environment())
        leave_it_to_python();
    size_t length;
    char *request = make_request(stamp(), began, &length);
    int agent = call_agent();
    if (!send_all(agent, request, length))
        leave_it_to_python();
    free(request);
    follow(agent);
}
