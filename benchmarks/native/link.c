/* A link between two new network namespaces, with a delay, loss and a rate.
 *
 *     link DELAY_MS LOSS_PERCENT RATE_MBIT QUEUE_KB SEED
 *
 * Each namespace has an interface, `link`, whose packets this process reads and writes: what one sends
 * reaches the other DELAY_MS later, if it is not among the LOSS_PERCENT that are dropped, at random by
 * SEED.  With RATE_MBIT (0 is none) packets leave one after the other, and those that find QUEUE_KB
 * waiting are dropped.  Each direction is on its own.
 *
 * It writes to stdout, once both are there, the descriptors that stand for the namespaces:
 * /proc/PID/fd/N.  They vanish with this process and what runs in them.  On SIGUSR1 it writes a line for
 * each direction: packets, bytes, lost, and refused by a full queue, so far.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_BYTES 1500
#define QUEUE_PACKETS 65536 /* a power of two; more than any delay here holds */
#define SECOND 1000000000LL
#define TOGETHER 100000LL /* what is due so soon goes with what is due now: waking costs more */

struct packet {
    int64_t due;
    uint16_t length;
    char bytes[PACKET_BYTES];
};

struct way {
    int from, to;
    int64_t free; /* when the last packet has left */
    uint64_t random;
    uint32_t first, last; /* of the queue */
    uint64_t packets, bytes, lost, refused;
    struct packet *queue;
};

static struct {
    int64_t delay, queue_time, nanoseconds_per_byte;
    uint64_t lost_below;
} terms;

static volatile sig_atomic_t is_asked;

static void asked(int number)
{
    (void)number;
    is_asked = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

/* Moves this process to a new namespace with an interface; returns the interface, and who it is. */
static int new_namespace(int *namespace)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int tun;
    strcpy(request.ifr_name, "link");
    if (unshare(CLONE_NEWNET) < 0) die("unshare");
    if ((*namespace = open("/proc/self/ns/net", O_RDONLY)) < 0) die("/proc/self/ns/net");
    if ((tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK)) < 0) die("/dev/net/tun");
    if (ioctl(tun, TUNSETIFF, &request) < 0) die("TUNSETIFF");
    return tun;
}

static int is_lost(struct way *way)
{
    way->random ^= way->random << 13;
    way->random ^= way->random >> 7;
    way->random ^= way->random << 17;
    return way->random < terms.lost_below;
}

static void take(struct way *way, int64_t time)
{
    for (;;) {
        struct packet *packet = &way->queue[way->last % QUEUE_PACKETS];
        ssize_t length = read(way->from, packet->bytes, sizeof packet->bytes);
        if (length <= 0) return;
        way->packets++;
        way->bytes += length;
        if (way->last - way->first == QUEUE_PACKETS - 1 || way->free - time > terms.queue_time) {
            way->refused++;
            continue;
        }
        way->free = (way->free > time ? way->free : time) + length * terms.nanoseconds_per_byte;
        if (is_lost(way)) {
            way->lost++;
            continue;
        }
        packet->length = length;
        packet->due = way->free + terms.delay;
        way->last++;
    }
}

static void give(struct way *way, int64_t time)
{
    while (way->first != way->last) {
        struct packet *packet = &way->queue[way->first % QUEUE_PACKETS];
        if (packet->due > time + TOGETHER) return;
        if (write(way->to, packet->bytes, packet->length) < 0 && errno != EAGAIN && errno != EIO)
            die("write");
        way->first++;
    }
}

static int64_t wait_for(const struct way *way, int64_t time, int64_t most)
{
    int64_t wait;
    if (way->first == way->last) return most;
    wait = way->queue[way->first % QUEUE_PACKETS].due - time;
    return wait < most ? wait : most;
}

static void tell(const struct way *way)
{
    printf("%llu %llu %llu %llu\n", (unsigned long long)way->packets, (unsigned long long)way->bytes,
           (unsigned long long)way->lost, (unsigned long long)way->refused);
    fflush(stdout);
}

static void carry(struct way *ways)
{
    struct pollfd polled[2] = {{ways[0].from, POLLIN, 0}, {ways[1].from, POLLIN, 0}};
    for (;;) {
        int64_t time = now(), wait = SECOND;
        struct timespec timeout;
        for (int i = 0; i < 2; i++) {
            take(&ways[i], time);
            give(&ways[i], time);
            wait = wait_for(&ways[i], time, wait);
        }
        if (is_asked) {
            is_asked = 0;
            tell(&ways[0]);
            tell(&ways[1]);
        }
        timeout = (struct timespec){wait / SECOND, wait % SECOND};
        ppoll(polled, 2, &timeout, NULL);
    }
}

int main(int argc, char **argv)
{
    static struct way ways[2];
    struct sigaction action = {.sa_handler = asked};
    struct sched_param priority = {.sched_priority = 1};
    int namespaces[2], tuns[2];
    if (argc != 6) {
        fprintf(stderr, "usage: link DELAY_MS LOSS_PERCENT RATE_MBIT QUEUE_KB SEED\n");
        return 2;
    }
    terms.delay = atof(argv[1]) * 1e6;
    terms.lost_below = atof(argv[2]) / 100 * (double)UINT64_MAX;
    terms.nanoseconds_per_byte = atof(argv[3]) > 0 ? 8000 / atof(argv[3]) : 0;
    terms.queue_time = atof(argv[4]) * 1000 * terms.nanoseconds_per_byte;
    for (int i = 0; i < 2; i++) tuns[i] = new_namespace(&namespaces[i]);
    for (int i = 0; i < 2; i++) {
        ways[i].from = tuns[i];
        ways[i].to = tuns[1 - i];
        ways[i].random = (strtoull(argv[5], NULL, 10) * 2 + i + 1) * 0x9e3779b97f4a7c15ULL;
        ways[i].queue = malloc(QUEUE_PACKETS * sizeof *ways[i].queue); /* what is never used costs nothing */
        if (!ways[i].queue) die("malloc");
    }
    sigaction(SIGUSR1, &action, NULL);
    sched_setscheduler(0, SCHED_FIFO, &priority); /* where that is forbidden, a busy machine adds delay */
    printf("%d %d\n", namespaces[0], namespaces[1]);
    fflush(stdout);
    carry(ways);
}
