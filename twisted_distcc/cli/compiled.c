/* tdistcc, compiled: what agent/handover.py does, in a tenth of the time that a Python takes to start.

   In: a compiler's command line, or a link with a compiler's name.  Out: what the agent says of it.
   It knows the usual course alone.  Where anything else comes up (no agent, another installation,
   options of tdistcc's own, a log, a call within a call) it becomes the tdistcc that is written in
   Python, from where it stands: nothing was done yet that could not be done again.

   Compiled with TDISTCC, the path of that tdistcc, SOURCE, the file whose state tells this installation,
   and STAMP, what `agent.place.stamp` made of it. */

#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEADER = 9, LONGEST_HEAD = 8192 };
static const unsigned long LARGEST = 1ul << 28; /* as in agent/frames.py */
static const char SAFEGUARD[] = "_TDISTCC_SAFEGUARD=+";

extern char **environ;

static char **given;    /* our own command line */
static char **command;  /* the compiler's: its name, and its arguments */

/* Become the tdistcc that knows everything; called as a compiler we say which. */
static void leave_it_to_python(void)
{
    int count = 0;
    while (command[count])
        count++;
    char **words = calloc(count + 2, sizeof *words);
    if (words) {
        words[0] = TDISTCC;
        memcpy(words + 1, command, count * sizeof *words);
        execv(TDISTCC, words);
    }
    perror("tdistcc: cannot run " TDISTCC);
    _exit(110);
}

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

static int installation_is_ours(void)
{
    struct stat source;
    char stamp[sizeof STAMP + 128];
    if (stat(SOURCE, &source))
        return 0;
    snprintf(stamp, sizeof stamp, "%s %llu %llu %lld", VERSION, (unsigned long long)source.st_dev,
             (unsigned long long)source.st_ino,
             source.st_mtim.tv_sec * 1000000000ll + source.st_mtim.tv_nsec);
    return !strcmp(stamp, STAMP);
}

/* As in agent/place.py: the user's own folder, which nobody else could have a hand in. */
static int find_socket(struct sockaddr_un *address)
{
    struct stat folder, namespace, root;
    char path[sizeof address->sun_path];
    const char *within = getenv("XDG_RUNTIME_DIR");
    int length = within && *within && !stat(within, &folder) && folder.st_uid == getuid()
                     ? snprintf(path, sizeof path, "%s/twisted-distcc", within)
                     : snprintf(path, sizeof path, "/tmp/twisted-distcc-%lu", (unsigned long)getuid());
    if (length >= (int)sizeof path || lstat(path, &folder) || !S_ISDIR(folder.st_mode) ||
        folder.st_uid != getuid() || folder.st_mode & 077 || stat("/", &root))
        return 0;
    unsigned long long number = stat("/proc/self/ns/mnt", &namespace) ? 0 : namespace.st_ino;
    length = snprintf(address->sun_path, sizeof address->sun_path, "%s/agent-%llx-%llx", path, number,
                      (unsigned long long)root.st_ino);
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

/* As `pack_request` of agent/frames.py. */
static char *make_request(size_t *length)
{
    char head[LONGEST_HEAD], directory[LONGEST_HEAD / 2];
    mode_t mask = umask(0);
    umask(mask);
    int count = 0;
    while (command[count])
        count++;
    if (!getcwd(directory, sizeof directory))
        leave_it_to_python();
    char *request = malloc(sizeof head + room_for(command) + room_for(environ) + sizeof SAFEGUARD + 1);
    if (!request)
        leave_it_to_python();
    char *end = stpcpy(request + HEADER, STAMP);
    snprintf(head, sizeof head, "%o", mask);
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

/* Whoever closed the descriptor does not want it. */
static void write_all(int descriptor, const char *data, size_t length)
{
    while (length) {
        ssize_t written = write(descriptor, data, length);
        if (written <= 0)
            return;
        data += written;
        length -= written;
    }
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

/* The agent counts us while the connection is open, which is until the compiler has ended. */
static void become(int agent, char *compiler)
{
    fcntl(agent, F_SETFD, 0);
    putenv((char *)SAFEGUARD);
    command[0] = compiler;
    execv(compiler, command);
    fprintf(stderr, "tdistcc: ERROR: failed to exec ");
    perror(compiler);
    _exit(110);
}

static void follow(int agent)
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
            _exit(atoi(payload));
        case 'L':
            become(agent, payload);
            break;
        default: /* it is of another installation */
            leave_it_to_python();
        }
        free(payload);
    }
}

int main(int count, char **words)
{
    if (count < 1)
        return 110;
    given = words;
    char *called = (char *)base_name(given[0]);
    int by_link = strcmp(called, "tdistcc") && strcmp(called, "distcc");
    given[0] = called;
    command = given + !by_link;
    if ((!by_link && (count < 2 || !is_compiler(command[0]))) || getenv("_TDISTCC_SAFEGUARD") ||
        getenv("DISTCC_AGENT") || getenv("DISTCC_LOG") || !installation_is_ours())
        leave_it_to_python();
    size_t length;
    char *request = make_request(&length);
    int agent = call_agent();
    if (!send_all(agent, request, length))
        leave_it_to_python();
    free(request);
    follow(agent);
}
