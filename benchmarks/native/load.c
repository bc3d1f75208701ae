/* Loads a distcc server with protocol 1 requests, and times its answers.
 *
 *     load ADDRESS PORT CLIENTS JOBS SOURCE OBJECT_BYTES
 *
 * CLIENTS threads start at the same moment and share JOBS jobs: each connects, sends a request
 * with SOURCE as the preprocessed text, reads the reply to its end, and checks that it is DONE,
 * STAT 0 and an object of OBJECT_BYTES bytes.  One line of JSON tells how it went; a job that went
 * wrong ends in exit status 1 and the first reason on stderr.
 *
 * The steady rate is the median rate over ten slices of the run.  C distccd, when its children
 * have served their share and are replaced, now and then answers nobody for a second: that shows in
 * the whole run's time, and not in the steady rate.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (256 * 1024)
#define REPLY_BYTES (64 * 1024)
#define TOKEN_BYTES 12
#define SLICES 10

static const char *const COMMAND[] = {"gcc", "-O2", "-o", "load.o", "-c", "load.c"};

static struct sockaddr_in server;
static char *request;
static size_t request_bytes;
static size_t object_bytes;
static long jobs;
static double *latencies;
static double *completions;
static atomic_long next_job;
static atomic_long failures;
static atomic_long open_connections;
static atomic_long most_connections;
static pthread_barrier_t start_line;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* Only the first reason is told: five hundred of the same would hide it. */
static void failed(const char *format, ...)
{
    va_list rest;
    if (atomic_fetch_add(&failures, 1) != 0)
        return;
    va_start(rest, format);
    vfprintf(stderr, format, rest);
    va_end(rest);
    fputc('\n', stderr);
}

static double now(void)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (double)moment.tv_sec + (double)moment.tv_nsec / 1e9;
}

static char *append_token(char *end, const char *name, size_t value)
{
    return end + sprintf(end, "%.4s%08zx", name, value);
}

static char *append_bytes(char *end, const char *name, const char *bytes, size_t count)
{
    end = append_token(end, name, count);
    memcpy(end, bytes, count);
    return end + count;
}

static void make_request(const char *source_path)
{
    struct stat facts;
    int file = open(source_path, O_RDONLY);
    if (file < 0 || fstat(file, &facts) != 0)
        die(source_path);
    size_t length = (size_t)facts.st_size;
    char *source = malloc(length + 1);
    request = malloc(length + 4096);
    if (source == NULL || request == NULL || read(file, source, length) != (ssize_t)length)
        die("reading the source");
    close(file);

    size_t words = sizeof COMMAND / sizeof *COMMAND;
    char *end = append_token(request, "DIST", 1);
    end = append_token(end, "ARGC", words);
    for (size_t i = 0; i < words; i++)
        end = append_bytes(end, "ARGV", COMMAND[i], strlen(COMMAND[i]));
    end = append_bytes(end, "DOTI", source, length);
    request_bytes = (size_t)(end - request);
    free(source);
}

static int connected(void)
{
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0)
        die("socket");
    if (connect(connection, (struct sockaddr *)&server, sizeof server) != 0) {
        failed("connect: %s", strerror(errno));
        close(connection);
        return -1;
    }
    long open_now = atomic_fetch_add(&open_connections, 1) + 1;
    long most = atomic_load(&most_connections);
    while (open_now > most && !atomic_compare_exchange_weak(&most_connections, &most, open_now))
        ;
    return connection;
}

/* A server may answer before it has read everything, so a broken pipe is no error by itself. */
static void send_request(int connection)
{
    for (size_t sent = 0; sent < request_bytes;) {
        ssize_t count = send(connection, request + sent, request_bytes - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return;
        sent += (size_t)count;
    }
}

static size_t receive_reply(int connection, char *reply)
{
    size_t length = 0;
    while (length < REPLY_BYTES) {
        ssize_t count = recv(connection, reply + length, REPLY_BYTES - length, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        length += (size_t)count;
    }
    return length;
}

/* Reads the token `name` at `*at` and steps over it; false when another one, or none, is there. */
static int take_token(const char **at, const char *end, const char *name, unsigned long *value)
{
    char digits[9] = "";
    if (end - *at < TOKEN_BYTES || memcmp(*at, name, 4) != 0)
        return 0;
    memcpy(digits, *at + 4, 8);
    *value = strtoul(digits, NULL, 16);
    *at += TOKEN_BYTES;
    return 1;
}

static int take_body(const char **at, const char *end, const char *name, unsigned long *length)
{
    if (!take_token(at, end, name, length) || *length > (size_t)(end - *at))
        return 0;
    *at += *length;
    return 1;
}

static void check_reply(const char *reply, size_t length)
{
    const char *at = reply, *end = reply + length;
    unsigned long version, status, errors, output, object;
    if (!take_token(&at, end, "DONE", &version) || !take_token(&at, end, "STAT", &status)
        || !take_body(&at, end, "SERR", &errors)) {
        failed("no whole answer: %zu bytes", length);
        return;
    }
    const char *complaint = at - errors;
    if (version != 1 || status != 0)
        failed("version %lu, status %lu: %.*s", version, status, (int)errors, complaint);
    else if (!take_body(&at, end, "SOUT", &output) || !take_body(&at, end, "DOTO", &object))
        failed("the answer stops short: %zu bytes", length);
    else if (object != object_bytes || at != end)
        failed("object of %lu bytes, then %td bytes", object, end - at);
}

static void do_job(long job, char *reply)
{
    double started = now();
    int connection = connected();
    if (connection < 0)
        return;
    send_request(connection);
    size_t length = receive_reply(connection, reply);
    close(connection);
    atomic_fetch_sub(&open_connections, 1);
    completions[job] = now();
    latencies[job] = completions[job] - started;
    check_reply(reply, length);
}

static void *client(void *unused)
{
    char *reply = malloc(REPLY_BYTES);
    if (reply == NULL)
        die("malloc");
    pthread_barrier_wait(&start_line);
    for (long job; (job = atomic_fetch_add(&next_job, 1)) < jobs;)
        do_job(job, reply);
    free(reply);
    return unused;
}

/* Returns the moment at which the clients started. */
static double run(long clients)
{
    pthread_t *threads = calloc((size_t)clients, sizeof *threads);
    pthread_attr_t attributes;
    if (threads == NULL)
        die("calloc");
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_barrier_init(&start_line, NULL, (unsigned)clients + 1);
    for (long i = 0; i < clients; i++) {
        if (pthread_create(&threads[i], &attributes, client, NULL) != 0)
            die("pthread_create");
    }
    double started = now();
    pthread_barrier_wait(&start_line);
    for (long i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return started;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double percentile_ms(int percent)
{
    return 1000 * latencies[(jobs - 1) * percent / 100];
}

static double steady_rate(double started)
{
    double rates[SLICES];
    double slice_start = started;
    long done = 0;
    for (long slice = 0; slice < SLICES; slice++) {
        long until = jobs * (slice + 1) / SLICES;
        double slice_end = completions[until - 1];
        rates[slice] = (double)(until - done) / (slice_end - slice_start);
        slice_start = slice_end;
        done = until;
    }
    qsort(rates, SLICES, sizeof *rates, ascending);
    return (rates[SLICES / 2 - 1] + rates[SLICES / 2]) / 2;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: %s ADDRESS PORT CLIENTS JOBS SOURCE OBJECT_BYTES\n", argv[0]);
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
        die(argv[1]);
    long clients = atol(argv[3]);
    jobs = atol(argv[4]);
    make_request(argv[5]);
    object_bytes = (size_t)atol(argv[6]);
    latencies = calloc((size_t)jobs, sizeof *latencies);
    completions = calloc((size_t)jobs, sizeof *completions);
    if (jobs < SLICES || latencies == NULL || completions == NULL)
        die("jobs");

    double started = run(clients);
    if (failures != 0) {
        fprintf(stderr, "%ld of %ld jobs failed\n", failures, jobs);
        return 1;
    }
    qsort(latencies, (size_t)jobs, sizeof *latencies, ascending);
    qsort(completions, (size_t)jobs, sizeof *completions, ascending);
    printf("{\"jobs_per_second\": %.3f, \"steady_jobs_per_second\": %.3f, "
           "\"most_connections\": %ld, "
           "\"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           (double)jobs / (completions[jobs - 1] - started), steady_rate(started),
           most_connections, percentile_ms(50), percentile_ms(90), percentile_ms(99),
           percentile_ms(100));
    return 0;
}
