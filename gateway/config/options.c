#include "config/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int usage(const char *command, const char *help, const char *what, const char *word)
{
    fprintf(stderr, "edgewatt %s: %s%s\n%.*s\n", command, what, word, (int)strcspn(help, "\n"), help);
    return 2;
}

static const struct command_option *find(const struct command_option *options, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(options[i].name, word) == 0)
            return &options[i];
    return NULL;
}

int command_parse(int argc, char **argv, const char *help, const struct command_option *options,
                  int option_count, const char **words, int max_words, int *ret_words)
{
    *ret_words = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s", help);
            return 0;
        }
        if (argv[i][0] != '-' || !argv[i][1]) {
            if (*ret_words == max_words)
                return usage(argv[0], help, "one word too many: ", argv[i]);
            words[(*ret_words)++] = argv[i];
            continue;
        }
        const struct command_option *option = find(options, option_count, argv[i]);
        if (!option)
            return usage(argv[0], help, "unknown option ", argv[i]);
        if (option->flag) {
            *option->flag = true;
        } else if (i + 1 == argc) {
            return usage(argv[0], help, "a value is missing after ", argv[i]);
        } else {
            *option->value = argv[++i];
        }
    }
    return -1;
}

bool command_folder(const char *command, const char *given, char *dst)
{
    struct stat st;
    if (!given) {
        fprintf(stderr, "edgewatt %s: --data DIR is missing\n", command);
        return false;
    }
    if (!realpath(given, dst) || stat(dst, &st) != 0 || !S_ISDIR(st.st_mode)) {
        fprintf(stderr, "edgewatt %s: %s: %s\n", command, given, errno ? strerror(errno) : "is not a folder");
        return false;
    }
    if (strlen(dst) > PATH_MAX - 256) {
        fprintf(stderr, "edgewatt %s: %s: the path is too long\n", command, given);
        return false;
    }
    return true;
}
