// edgewatt account, edgewatt user: what the console may do with accounts.
#include "config/commands.h"
#include "config/console_ask.h"
#include "config/options.h"
#include "config/secret.h"
#include "service/paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char account_help[] =
    "Usage: edgewatt account add NAME --role read|command --data DIR [--json]\n"
    "       edgewatt account list --data DIR [--json]\n"
    "       edgewatt account remove NAME --data DIR\n"
    "\n"
    "Accounts for Home Assistant, Node-RED and your own programs on the message broker. `add` prints the "
    "password\n"
    "once,\n"
    "nobody can read it back, and how to connect. Works while the gateway runs and while it is stopped.\n"
    "\n"
    "  --role read      sees measures, states and the configuration\n"
    "  --role command   may switch outputs and plugs too\n";

static const char user_help[] =
    "Usage: edgewatt user list --data DIR [--json]\n"
    "       edgewatt user unlock NAME --data DIR\n"
    "       edgewatt user reset NAME --data DIR [--json]\n"
    "\n"
    "Users of the pages. `unlock` opens one that was locked after too many wrong codes; `reset` gives new "
    "codes,\n"
    "prints them once, ends the user's sessions, and asks for others at the next login.\n";

struct asked {
    const char *data, *role;
    bool json;
    const char *words[2];
    int word_count;
};

static int say_usage(const char *command, const char *help, const char *what)
{
    fprintf(stderr, "edgewatt %s: %s\n%.*s\n", command, what, (int)strcspn(help, "\n"), help);
    return 2;
}

static void make_request(const struct asked *asked, const char *job, struct ew_buf *request)
{
    struct ew_jw w;
    ew_buf_init(request, 1024);
    ew_jw_init(&w, request);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "do", job);
    if (asked->word_count > 1)
        ew_jw_text(&w, "name", asked->words[1]);
    if (asked->role)
        ew_jw_text(&w, "role", asked->role);
    ew_jw_close_object(&w);
}

static const char *text_of(const cJSON *node, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, key));
    return text ? text : "";
}

static void print_lists(const cJSON *result)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(result, "accounts"))
    {
        printf("%-32s %-8s %s\n", text_of(one, "name"), text_of(one, "role"), text_of(one, "created"));
    }
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(result, "users"))
    {
        printf("%-32s%s%s%s\n", text_of(one, "name"),
               cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(one, "locked")) ? " locked" : "",
               cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(one, "disabled")) ? " disabled" : "",
               cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(one, "must_change")) ? " codes must be changed"
                                                                                  : "");
    }
}

// How a program connects with its new account: here, and over the network where that is on.
static void print_way(const char *data, const cJSON *result)
{
    char path[PATH_MAX];
    cJSON *place = NULL;
    const char *name = text_of(result, "name");
    ew_path(path, data, "run/broker.json");
    if (secret_read_json(path, 4096, &place, NULL) != EW_OK) {
        printf("The gateway is stopped; once it runs, DIR/run/broker.json says where the broker listens.\n");
        return;
    }
    const char *base = text_of(place, "base");
    const cJSON *port = cJSON_GetObjectItemCaseSensitive(place, "port");
    const cJSON *tls = cJSON_GetObjectItemCaseSensitive(place, "tls_port");
    printf("On this machine:\n"
           "  mosquitto_sub -h 127.0.0.1 -p %d -u %s -P PASSWORD -t '%s/device/+/measures/+' -v\n",
           cJSON_IsNumber(port) ? port->valueint : 0, name, base);
    if (cJSON_IsNumber(tls)) {
        printf("Over the network, with a copy of %s/run/certificate.pem:\n"
               "  mosquitto_sub -h THIS_MACHINE -p %d --cafile certificate.pem -u %s -P PASSWORD -t "
               "'%s/device/+/measures/+' -v\n",
               data, tls->valueint, name, base);
    } else {
        printf("Over the network: off; edgewatt run --mqtts 8883 opens MQTT over TLS.\n");
    }
    cJSON_Delete(place);
}

static void print_result(const cJSON *result, bool json)
{
    static const char *const shown[] = {"password", "pin", "puk"};
    if (json) {
        char *text = cJSON_PrintUnformatted(result);
        printf("%s\n", text ? text : "null");
        cJSON_free(text);
        return;
    }
    print_lists(result);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (text_of(result, shown[i])[0])
            printf("%s: %s\n", shown[i], text_of(result, shown[i]));
}

static int ask(const char *command, const struct asked *asked, const char *job)
{
    char data[PATH_MAX];
    if (!command_folder(command, asked->data, data))
        return 2;
    struct ew_buf request;
    struct ew_reason reason;
    cJSON *result = NULL;
    ew_reason_clear(&reason);
    make_request(asked, job, &request);
    enum ew_err err = console_ask(data, &request, &result, &reason);
    if (err == EW_OK) {
        if (strcmp(job, "account_add") == 0 && !asked->json)
            print_way(data, result);
        print_result(result, asked->json);
    } else
        fprintf(stderr, "edgewatt %s: %s%s%s\n", command, reason.path, reason.path[0] ? ": " : "",
                reason.text);
    cJSON_Delete(result);
    ew_buf_done(&request);
    return err == EW_OK ? 0 : 1;
}

static int parse(int argc, char **argv, const char *help, struct asked *ret)
{
    *ret = (struct asked){.data = NULL};
    const struct command_option options[] = {
        {"--data", &ret->data, NULL}, {"--role", &ret->role, NULL}, {"--json", NULL, &ret->json}};
    int code = command_parse(argc, argv, help, options, 3, ret->words, 2, &ret->word_count);
    if (code < 0 && ret->word_count == 0)
        return say_usage(argv[0], help, "what is to be done?");
    return code;
}

static int account_add(const char *command, const struct asked *asked)
{
    if (asked->word_count != 2)
        return say_usage(command, account_help, "NAME is missing");
    if (!asked->role)
        return say_usage(command, account_help, "--role read|command is missing");
    if (strcmp(asked->role, "read") != 0 && strcmp(asked->role, "command") != 0)
        return say_usage(command, account_help, "--role must be read or command");
    return ask(command, asked, "account_add");
}

int account_main(int argc, char **argv)
{
    struct asked asked;
    int code = parse(argc, argv, account_help, &asked);
    if (code >= 0)
        return code;
    const char *verb = asked.words[0];
    bool named = asked.word_count == 2;
    if (strcmp(verb, "add") == 0)
        return account_add(argv[0], &asked);
    if (asked.role)
        return say_usage(argv[0], account_help, "--role belongs to add");
    if (strcmp(verb, "list") == 0 && !named)
        return ask(argv[0], &asked, "account_list");
    if (strcmp(verb, "remove") == 0 && named)
        return ask(argv[0], &asked, "account_remove");
    return say_usage(argv[0], account_help, "add NAME, list or remove NAME?");
}

int user_main(int argc, char **argv)
{
    struct asked asked;
    int code = parse(argc, argv, user_help, &asked);
    if (code >= 0)
        return code;
    const char *verb = asked.words[0];
    bool named = asked.word_count == 2;
    if (asked.role)
        return say_usage(argv[0], user_help, "--role is not known here");
    if (strcmp(verb, "list") == 0 && !named)
        return ask(argv[0], &asked, "user_list");
    if (strcmp(verb, "unlock") == 0 || strcmp(verb, "reset") == 0) {
        if (!named)
            return say_usage(argv[0], user_help, "NAME is missing");
        return ask(argv[0], &asked, strcmp(verb, "reset") == 0 ? "user_reset" : "user_unlock");
    }
    return say_usage(argv[0], user_help, "list, unlock NAME or reset NAME?");
}
