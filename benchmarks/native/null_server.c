/* A distcc server that compiles nothing: it reads whole requests of protocol 1, 2 and 3, and answers
 * each at once with the same object, so that whatever a build still waits for is its client.
 *
 *     null_server PORT OBJECT COMPRESSED_OBJECT COMPRESSED_RULES [SECONDS]
 *
 * With SECONDS it lets so many pass before it answers, as if it compiled.
 *
 * Protocols 2 and 3 are answered with the file COMPRESSED_OBJECT; where the command asks for
 * dependencies, and files came with it, with COMPRESSED_RULES too.  For each request the digit of its
 * version is written to stdout.  Each connection has a thread, as distcc connects before it has
 * preprocessed.  It trusts whoever connects: it listens on loopback.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_BYTES (256 * 1024)
#define BUFFER_BYTES (64 * 1024)
#define TOKEN_BYTES 12
#define LARGEST_FILE (1 << 20)
#define NOTHING "/dev/null"
#define BACKLOG 512
#define LAST_VERSION 3
#define WITH_RULES (LAST_VERSION + 1)

/* A whole reply, for each version, and for version 3 with dependencies. */
static struct reply {
    char *bytes;
    size_t length;
} replies[WITH_RULES + 1];

static unsigned pause_seconds;

struct input {
    int connection;
    size_t start, end;
    char buffer[BUFFER_BYTES];
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static int fill(struct input *in)
{
    ssize_t count = recv(in->connection, in->buffer, sizeof in->buffer, 0);
    in->start = 0;
    in->end = count > 0 ? (size_t)count : 0;
    return count > 0;
}

/* Reads `count` bytes into `target`, or nowhere. */
static int take(struct input *in, char *target, size_t count)
{
    while (count > 0) {
        if (in->start == in->end && !fill(in))
            return 0;
        size_t part = in->end - in->start < count ? in->end - in->start : count;
        if (target != NULL) {
            memcpy(target, in->buffer + in->start, part);
            target += part;
        }
        in->start += part;
        count -= part;
    }
    return 1;
}

/* Reads a token and its bytes, of which it gives the first two; tokens that are numbers have none. */
static int take_token(struct input *in, char name[5], unsigned long *value, char begin[3])
{
    char token[TOKEN_BYTES + 1] = "";
    if (!take(in, token, TOKEN_BYTES))
        return 0;
    memcpy(name, token, 4);
    name[4] = '\0';
    *value = strtoul(token + 4, NULL, 16);
    memset(begin, 0, 3);
    if (strstr("DIST ARGC NFIL", name) != NULL)
        return 1;
    size_t shown = *value < 2 ? *value : 2;
    return take(in, begin, shown) && take(in, NULL, *value - shown);
}

/* Reads a request to its end, and gives which reply it gets; 0, which is none, if it breaks off. */
static unsigned long take_request(struct input *in)
{
    char name[5], begin[3];
    unsigned long value, version, files = 1;
    int wants_rules = 0;
    if (!take_token(in, name, &version, begin) || strcmp(name, "DIST") != 0 || version > LAST_VERSION)
        return 0;
    while (files > 0) {
        if (!take_token(in, name, &value, begin))
            return 0;
        if (strcmp(name, "ARGV") == 0 && strcmp(begin, "-M") == 0)
            wants_rules = 1;
        if (strcmp(name, "NFIL") == 0)
            files = value;
        else if (strcmp(name, "FILE") == 0 || strcmp(name, "LINK") == 0 || strcmp(name, "DOTI") == 0)
            files--;
    }
    return version == LAST_VERSION && wants_rules ? WITH_RULES : version;
}

static void send_all(int connection, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = send(connection, bytes, length, MSG_NOSIGNAL);
        if (count <= 0)
            return;
        bytes += count;
        length -= (size_t)count;
    }
}

static void *serve(void *connection)
{
    struct input *in = malloc(sizeof *in);
    if (in == NULL)
        die("malloc");
    in->connection = (int)(long)connection;
    in->start = in->end = 0;
    unsigned long which = take_request(in);
    if (which > 0) {
        if (pause_seconds > 0)
            sleep(pause_seconds);
        if (write(STDOUT_FILENO, &"01233"[which], 1) != 1)
            die("stdout");
        send_all(in->connection, replies[which].bytes, replies[which].length);
    }
    close(in->connection);
    free(in);
    return NULL;
}

static size_t append_file(char *bytes, const char *name, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        die(path);
    ssize_t length = read(file, bytes + TOKEN_BYTES, LARGEST_FILE);
    if (length < 0)
        die(path);
    close(file);
    char token[TOKEN_BYTES + 1];
    snprintf(token, sizeof token, "%.4s%08x", name, (unsigned)length);
    memcpy(bytes, token, TOKEN_BYTES);
    return TOKEN_BYTES + (size_t)length;
}

/* Version 3 ends with a dependency file, which may be empty. */
static struct reply reply_with(int version, const char *object, const char *rules)
{
    char *bytes = malloc(2 * LARGEST_FILE + 6 * TOKEN_BYTES + 1);
    if (bytes == NULL)
        die("malloc");
    size_t at = (size_t)sprintf(
        bytes, "DONE%08xSTAT00000000SERR00000000SOUT00000000", (unsigned)version);
    at += append_file(bytes + at, "DOTO", object);
    if (version == LAST_VERSION)
        at += append_file(bytes + at, "DOTD", rules);
    return (struct reply){bytes, at};
}

static int listening(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
        || bind(listener, (struct sockaddr *)&address, sizeof address) != 0
        || listen(listener, BACKLOG) != 0)
        die("listening");
    return listener;
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: %s PORT OBJECT COMPRESSED_OBJECT COMPRESSED_RULES [SECONDS]\n", argv[0]);
        return 2;
    }
    if (argc == 6)
        pause_seconds = (unsigned)atoi(argv[5]);
    for (int version = 1; version <= LAST_VERSION; version++)
        replies[version] = reply_with(version, argv[version == 1 ? 2 : 3], NOTHING);
    replies[WITH_RULES] = reply_with(LAST_VERSION, argv[3], argv[4]);
    int listener = listening(argv[1]);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
            continue;
        if (pthread_create(&thread, &attributes, serve, (void *)(long)connection) != 0)
            die("pthread_create");
    }
}
