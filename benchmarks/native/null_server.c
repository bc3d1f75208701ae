/* A distcc server that compiles nothing: it reads whole requests of protocol 1, 2 and 3, and answers
 * each at once with the same object, so that whatever a build still waits for is its client.
 *
 *     null_server PORT OBJECT COMPRESSED_OBJECT [SECONDS]
 *
 * With SECONDS it lets so many pass before it answers, as if it compiled.
 *
 * Protocols 2 and 3 are answered with the file COMPRESSED_OBJECT; where the command asks for
 * dependencies, and files came with it, with a rule for its source too.  For each request the digit of its
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
#define BACKLOG 512
#define LAST_VERSION 3
#define LONGEST_WORD 4096

/* A reply for each version; that of version 3 lacks its end, the dependency file. */
static struct reply {
    char *bytes;
    size_t length;
} replies[LAST_VERSION + 1];

/* What matters of a request. */
struct request {
    unsigned long version;
    int wants_rules;
    char target[LONGEST_WORD], output[LONGEST_WORD], source[LONGEST_WORD];
};

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

/* Reads a token and its bytes, and gives the word that they are; tokens that are numbers have none. */
static int take_token(struct input *in, char name[5], unsigned long *value, char word[LONGEST_WORD])
{
    char token[TOKEN_BYTES + 1] = "";
    if (!take(in, token, TOKEN_BYTES))
        return 0;
    memcpy(name, token, 4);
    name[4] = '\0';
    *value = strtoul(token + 4, NULL, 16);
    word[0] = '\0';
    if (strstr("DIST ARGC NFIL", name) != NULL)
        return 1;
    if (strcmp(name, "ARGV") != 0 || *value >= LONGEST_WORD)
        return take(in, NULL, *value);
    word[*value] = '\0';
    return take(in, word, *value);
}

/* Notes what a word of a command says; `last` is the one before. */
static void note(struct request *asked, const char *last, const char *word)
{
    const char *dot = strrchr(word, '.');
    if (strncmp(word, "-M", 2) == 0)
        asked->wants_rules = 1;
    if (strcmp(last, "-MT") == 0 || strcmp(last, "-MQ") == 0)
        strcpy(asked->target, word);
    else if (strcmp(last, "-o") == 0)
        strcpy(asked->output, word);
    else if (strcmp(last, "-MF") != 0 && word[0] != '-' && dot != NULL && strncmp(dot, ".c", 2) == 0)
        strcpy(asked->source, word);
}

/* Reads a request to its end; returns false if it breaks off. */
static int take_request(struct input *in, struct request *asked)
{
    char name[5], words[2][LONGEST_WORD] = {"", ""};
    unsigned long value, files = 1;
    if (!take_token(in, name, &asked->version, words[0]) || strcmp(name, "DIST") != 0
        || asked->version < 1 || asked->version > LAST_VERSION)
        return 0;
    for (unsigned count = 1; files > 0; count++) {
        char *word = words[count % 2], *last = words[(count + 1) % 2];
        if (!take_token(in, name, &value, word))
            return 0;
        if (strcmp(name, "ARGV") == 0)
            note(asked, last, word);
        else if (strcmp(name, "NFIL") == 0)
            files = value;
        else if (strcmp(name, "FILE") == 0 || strcmp(name, "LINK") == 0 || strcmp(name, "DOTI") == 0)
            files--;
    }
    return 1;
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

/* Writes text as LZO1X writes what it finds nothing to save in, and returns its length. */
static size_t compress(unsigned char *bytes, const char *text, size_t length)
{
    size_t at = 0;
    if (length <= 238)
        bytes[at++] = (unsigned char)(17 + length);
    else {
        size_t left = length - 18;
        bytes[at++] = 0;
        for (; left > 255; left -= 255)
            bytes[at++] = 0;
        bytes[at++] = (unsigned char)left;
    }
    memcpy(bytes + at, text, length);
    memcpy(bytes + at + length, "\x11\0\0", 3);
    return at + length + 3;
}

/* Version 3 ends with a dependency file, which may be empty. */
static void send_rules(int connection, const struct request *asked)
{
    static const char none[] = "DOTD00000000";
    char rules[2 * LONGEST_WORD + 8], token[TOKEN_BYTES + 1];
    unsigned char packed[sizeof rules + 64];
    const char *target = asked->target[0] ? asked->target : asked->output;
    size_t length = (size_t)snprintf(rules, sizeof rules, "%s: %s\n", target, asked->source);
    if (!asked->wants_rules) {
        send_all(connection, none, TOKEN_BYTES);
        return;
    }
    length = compress(packed, rules, length);
    snprintf(token, sizeof token, "DOTD%08x", (unsigned)length);
    send_all(connection, token, TOKEN_BYTES);
    send_all(connection, (const char *)packed, length);
}

static void *serve(void *connection)
{
    struct input *in = malloc(sizeof *in);
    struct request *asked = calloc(1, sizeof *asked);
    int on = 1;
    if (in == NULL || asked == NULL)
        die("malloc");
    in->connection = (int)(long)connection;
    in->start = in->end = 0;
    if (take_request(in, asked)) {
        if (pause_seconds > 0)
            sleep(pause_seconds);
        if (write(STDOUT_FILENO, &"0123"[asked->version], 1) != 1)
            die("stdout");
        setsockopt(in->connection, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
        send_all(in->connection, replies[asked->version].bytes, replies[asked->version].length);
        if (asked->version == LAST_VERSION)
            send_rules(in->connection, asked);
    }
    close(in->connection);
    free(in);
    free(asked);
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

static struct reply reply_with(int version, const char *object)
{
    char *bytes = malloc(LARGEST_FILE + 5 * TOKEN_BYTES + 1);
    if (bytes == NULL)
        die("malloc");
    size_t at = (size_t)sprintf(
        bytes, "DONE%08xSTAT00000000SERR00000000SOUT00000000", (unsigned)version);
    at += append_file(bytes + at, "DOTO", object);
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
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: %s PORT OBJECT COMPRESSED_OBJECT [SECONDS]\n", argv[0]);
        return 2;
    }
    if (argc == 5)
        pause_seconds = (unsigned)atoi(argv[4]);
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
