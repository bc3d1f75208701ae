/* A distcc server that compiles nothing: it reads whole requests of protocol 1, 2 and 3, and answers
 * each at once with the same object, so that whatever a build still waits for is its client.
 *
 *     null_server PORT OBJECT COMPRESSED_OBJECT
 *
 * Protocols 2 and 3 are answered with the file COMPRESSED_OBJECT.  For each request the digit of its
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
#include <sys/stat.h>
#include <unistd.h>

#define STACK_BYTES (256 * 1024)
#define BUFFER_BYTES (64 * 1024)
#define TOKEN_BYTES 12
#define BACKLOG 512
#define LAST_VERSION 3

/* A whole reply, for each version. */
static struct reply {
    char *bytes;
    size_t length;
} replies[LAST_VERSION + 1];

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

/* Reads a token and whatever bytes it has; the four tokens that are numbers have none. */
static int take_token(struct input *in, char name[5], unsigned long *value)
{
    char token[TOKEN_BYTES + 1] = "";
    if (!take(in, token, TOKEN_BYTES))
        return 0;
    memcpy(name, token, 4);
    name[4] = '\0';
    *value = strtoul(token + 4, NULL, 16);
    if (strstr("DIST ARGC NFIL", name) != NULL)
        return 1;
    return take(in, NULL, *value);
}

/* Reads a request to its end, and gives its version; 0 if it breaks off. */
static unsigned long take_request(struct input *in)
{
    char name[5];
    unsigned long value, version, files = 1;
    if (!take_token(in, name, &version) || strcmp(name, "DIST") != 0)
        return 0;
    while (files > 0) {
        if (!take_token(in, name, &value))
            return 0;
        if (strcmp(name, "NFIL") == 0)
            files = value;
        else if (strcmp(name, "FILE") == 0 || strcmp(name, "LINK") == 0 || strcmp(name, "DOTI") == 0)
            files--;
    }
    return version;
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
    unsigned long version = take_request(in);
    if (version > 0 && version <= LAST_VERSION) {
        if (write(STDOUT_FILENO, &"0123"[version], 1) != 1)
            die("stdout");
        send_all(in->connection, replies[version].bytes, replies[version].length);
    }
    close(in->connection);
    free(in);
    return NULL;
}

/* Version 3 ends with a dependency file, which is empty here. */
static struct reply reply_with(int version, const char *path)
{
    struct stat facts;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &facts) != 0)
        die(path);
    size_t length = (size_t)facts.st_size;
    char *bytes = malloc(length + 7 * TOKEN_BYTES + 1);
    if (bytes == NULL)
        die("malloc");
    size_t at = (size_t)sprintf(
        bytes, "DONE%08xSTAT00000000SERR00000000SOUT00000000DOTO%08zx", (unsigned)version, length);
    if (read(file, bytes + at, length) != (ssize_t)length)
        die(path);
    close(file);
    at += length;
    if (version == 3)
        at += (size_t)sprintf(bytes + at, "DOTD00000000");
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
    if (argc != 4) {
        fprintf(stderr, "usage: %s PORT OBJECT COMPRESSED_OBJECT\n", argv[0]);
        return 2;
    }
    for (int version = 1; version <= LAST_VERSION; version++)
        replies[version] = reply_with(version, argv[version == 1 ? 2 : 3]);
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
