/* A compiler that does nothing, fast: finds -o among its arguments and writes an object there.
 *
 * What is left of a job is what the server itself costs.  It looks like an ELF relocatable so that
 * a peer that glances at the first bytes is content; nothing in it is meant to be linked.  Who only
 * asks (which folders it searches, what it is called) is answered by the real compiler.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OBJECT_BYTES 8192

static const char *output_named_by(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-o", 2) == 0)
            return argv[i][2] ? argv[i] + 2 : argv[i + 1];
    }
    return NULL;
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
    const char *path = output_named_by(argc, argv);
    if (path == NULL)
        return is_question(argv) ? become_real(argv) : 0;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0 || write(file, object, sizeof object) != sizeof object || close(file) != 0)
        return 1;
    return 0;
}
