#include "core/ftp/ftp.h"

#include <string.h>

// ---- The password ----------------------------------------------------------------------------------------

static int variety(const char *text)
{
    int count = 0;
    for (size_t i = 0; text[i]; i++)
        count += memchr(text, text[i], i) == NULL;
    return count;
}

// abcdefgh, 87654321: each character follows the one before.
static bool is_row(const char *text)
{
    int step = text[1] - text[0];
    for (size_t i = 1; text[i]; i++)
        if (text[i] - text[i - 1] != step)
            return false;
    return step == 1 || step == -1;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool holds(const char *text, const char *word)
{
    for (; *text; text++) {
        size_t i = 0;
        while (word[i] && lower(text[i]) == word[i])
            i++;
        if (!word[i])
            return true;
    }
    return false;
}

static bool is_guessed(const char *password)
{
    static const char *const words[] = {FTP_USER, "edgewatt", "password", "passwort", "qwert", "azerty"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (holds(password, words[i]))
            return true;
    return is_row(password);
}

enum ew_err ftp_password_check(const char *password, struct ew_reason *reason)
{
    static const char path[] = "/password";
    size_t len = strlen(password);
    for (size_t i = 0; i < len; i++)
        if (password[i] <= ' ' || password[i] > '~')
            return ew_fail(
                reason, EW_E_INVALID, "ftp.password_characters", path,
                "Only letters without accents, digits and signs, no spaces: FTP programs do not agree on "
                "others.");
    if (len < FTP_PASSWORD_MIN || len > FTP_PASSWORD_MAX) {
        (void)ew_fail(reason, EW_E_INVALID, "ftp.password_length", path,
                      "The password has %d to %d characters.", FTP_PASSWORD_MIN, FTP_PASSWORD_MAX);
        ew_reason_param(reason, "min", "%d", FTP_PASSWORD_MIN);
        ew_reason_param(reason, "max", "%d", FTP_PASSWORD_MAX);
        return EW_E_INVALID;
    }
    if (variety(password) < FTP_PASSWORD_VARIETY || is_guessed(password))
        return ew_fail(reason, EW_E_INVALID, "ftp.password_weak", path,
                       "This password is guessed at once; please choose another.");
    return EW_OK;
}

bool ftp_hash_formed(const char *hash)
{
    size_t len = strlen(hash);
    for (size_t i = 0; i < len; i++)
        if (hash[i] <= ' ' || hash[i] > '~' || hash[i] == ':')
            return false;
    return len > 10 && len < FTP_HASH_MAX && hash[0] == '$';
}

// ---- Its log ---------------------------------------------------------------------------------------------

static long pid_of(const char *line)
{
    static const char name[] = " proftpd[";
    const char *at = strstr(line, name);
    long pid = 0;
    for (const char *p = at ? at + sizeof(name) - 1 : ""; *p >= '0' && *p <= '9' && pid < 100000000; p++)
        pid = pid * 10 + (*p - '0');
    return pid;
}

// "2026-11-22 22:43:39,710 host proftpd[17489] 127.0.0.1 (peer[127.0.0.1]): words"
enum ftp_event ftp_log_read(const char *line, long *ret_pid, const char **ret_words)
{
    const char *words = strstr(line, "): "); // the place ends so
    words = words ? words + 3 : NULL;
    *ret_pid = pid_of(line);
    *ret_words = words ? words : line;
    if (!*ret_pid || !words)
        return FTP_EVENT_OTHER;
    if (strstr(words, "(Login failed)") || strstr(words, ": no such user "))
        return FTP_EVENT_WRONG;
    size_t len = strlen(words);
    const char *code = len > 5 ? words + len - 4 : "";
    if (strncmp(words, "STOR ", 5) == 0 && strcmp(code, " 226") == 0)
        return FTP_EVENT_UPLOAD;
    return strncmp(words, "PASS ", 5) == 0 && strcmp(code, " 230") == 0 ? FTP_EVENT_LOGIN : FTP_EVENT_OTHER;
}
