// The command line of the console commands: words, and options with a value.
#ifndef EDGEWATT_CONFIG_OPTIONS_H
#define EDGEWATT_CONFIG_OPTIONS_H

#include <stdbool.h>

struct command_option {
    const char *name;   // "--data"
    const char **value; // NULL for a flag
    bool *flag;
};

// Sorts argv[1..] into options and words. Prints `help` on --help; says what is wrong, with the first line of
// help, on standard error. Returns -1 to go on, else the exit code.
int command_parse(int argc, char **argv, const char *help, const struct command_option *options,
                  int option_count, const char **words, int max_words, int *ret_words);
// The absolute path of an existing folder: what --data gave. Says what is wrong; false then.
bool command_folder(const char *command, const char *given, char *dst);

#endif
