/* A compiler that does nothing, fast: finds -o among its arguments and writes an object there, and the
 * rule of a unit without headers to the file of -MF.
 *
 * What is left of a job is what the server itself costs.  It looks like an ELF relocatable so that
 * a peer that glances at the first bytes is content; nothing in it is meant to be linked.  Who only
 * asks (which folders it searches, what it is called) is answered by the real compiler.
 *
 * Built with -DSECONDS=1 it sleeps a second first, as a compiler would that another machine runs.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OBJECT_BYTES 8192
#ifndef SECONDS
#define SECONDS 0
#endif

/* By this tdistcc and its server tell a driver of gcc from a script: they then take it for the compiler
 * that it asks, and for the same on both sides. */
static const char driver[] __attribute__((used)) = "cc1_options";

/* What is joined to an option, or follows it. */
static const char *value_of(const char *option, int argc, char **argv)
{
    size_t length = strlen(option);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], option, length) == 0)
            return argv[i][length] ? argv[i] + length : argv[i + 1];
    }
    return NULL;
}

/* The word that ends like a source. */
static const char *source_among(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *dot = strrchr(argv[i], '.');
        if (argv[i][0] != '-' && dot != NULL && strncmp(dot, ".c", 2) == 0)
            return argv[i];
    }
    return "unknown.c";
}

static int write_rule(const char *path, int argc, char **argv)
{
    const char *target = value_of("-MT", argc, argv);
    FILE *rules = fopen(path, "w");
    if (target == NULL)
        target = value_of("-MQ", argc, argv);
    return rules != NULL && fprintf(rules, "%s: %s\n", target, source_among(argc, argv)) > 0
        && fclose(rules) == 0;
}

static int is_question(char **argv)
{
    for (; *argv != NULL; argv++) {
        if (strcmp(*argv, "-v") == 0 || strcmp(*argv, "--version") == 0
            || strncmp(*argv, "-print-", 7) == 0)
            return 1;
    }
    return 0;
}

static int become_real(char **argv)
{
    char real[PATH_MAX];
    const char *name = strrchr(argv[0], '/');
    snprintf(real, sizeof real, "/usr/bin/%s", name == NULL ? argv[0] : name + 1);
    argv[0] = real;
    execv(real, argv);
    return 1;
}

int main(int argc, char **argv)
{
    static const char object[OBJECT_BYTES] = "\177ELF\2\1\1";
    const char *path = value_of("-o", argc, argv), *rules = value_of("-MF", argc, argv);
    if (path == NULL)
        return is_question(argv) ? become_real(argv) : 0;
    if (SECONDS > 0)
        sleep(SECONDS);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0 || write(file, object, sizeof object) != sizeof object || close(file) != 0)
        return 1;
    return rules != NULL && !write_rule(rules, argc, argv);
}
