// REC-05: the password's rules, what ProFTPD is told, what it says.
#include "check.h"
#include "core/ftp/ftp.h"
#include "ftp/settings.h"

#include <string.h>

static void passwords_that_everybody_guesses_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *password, *code; // NULL = taken
    } cases[] = {
        {"Kastanje-7-oak", NULL},
        {"a1b2c3d4", NULL},
        {":$y$\\\"'#%;", NULL},
        {"", "ftp.password_length"},
        {"1a2b3c4", "ftp.password_length"},
        {"wsmeasure", "ftp.password_weak"},
        {"xWSmeasurex", "ftp.password_weak"},
        {"EdgeWatt-2026", "ftp.password_weak"},
        {"aaaabbbb", "ftp.password_weak"},
        {"12345678", "ftp.password_weak"},
        {"ihgfedcba", "ftp.password_weak"},
        {"two words", "ftp.password_characters"},
        {"line\nbreaks", "ftp.password_characters"},
        {"caf\xc3\xa9-12345", "ftp.password_characters"},
        {"del\x7f-123456", "ftp.password_characters"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason;
        ew_reason_clear(&reason);
        enum ew_err err = ftp_password_check(cases[i].password, &reason);
        assert_int_equal(err == EW_OK, cases[i].code == NULL);
        assert_string_equal(reason.code, cases[i].code ? cases[i].code : "");
        assert_string_equal(reason.path, cases[i].code ? "/password" : "");
    }
    char longest[FTP_PASSWORD_MAX + 2];
    for (size_t i = 0; i < sizeof(longest) - 1; i++)
        longest[i] = (char)('a' + i * 7 % 26);
    longest[FTP_PASSWORD_MAX + 1] = 0;
    assert_int_equal(ftp_password_check(longest, NULL), EW_E_INVALID);
    longest[FTP_PASSWORD_MAX] = 0;
    assert_int_equal(ftp_password_check(longest, NULL), EW_OK);
}

static void only_a_hash_gets_into_the_user_file(void **state)
{
    (void)state;
    assert_true(ftp_hash_formed("$y$j9T$/.ioED0oAojOuEygT3LTz0$vB0mpPd7ok2e10tHhSzq"));
    static const char *const bad[] = {
        "", "*0", "$y$", "plain-password", "$y$j9T$abc:0:0::/:/bin/sh", "$y$j9T$abcdef\nroot"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(ftp_hash_formed(bad[i]));
}

static void the_configuration_names_no_more_than_the_folder(void **state)
{
    (void)state;
    struct ftp_setting setting = {.folder = "/data of mine/export",
                                  .run = "/data of mine/run/ftp",
                                  .user = "nobody",
                                  .group = "nogroup",
                                  .uid = 7,
                                  .gid = 8};
    struct ew_buf text;
    struct ew_reason reason;
    ew_buf_init(&text, FTP_CONFIG_MAX);
    assert_int_equal(ftp_config_write(&setting, &text, &reason), EW_OK);
    static const char *const lines[] = {"\nDefaultRoot ~\n",
                                        "\nTLSRequired on\n",
                                        "\nRootLogin off\n",
                                        "\nAllowStoreRestart off\n",
                                        "\nHiddenStores .in.%P.\n",
                                        "\nPassivePorts 49200 49231\n",
                                        "\n<Directory \"/data of mine/export\">\n"};
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_non_null(strstr(ew_buf_text(&text), lines[i]));
    static const char *const bad[] = {"export", "/a\"b", "/a\nUser root", "/a%u", "/a*", "/a{b"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        setting.folder = bad[i];
        assert_int_equal(ftp_config_write(&setting, &text, &reason), EW_E_INVALID);
    }
    setting.folder = "/export";
    ew_buf_clear(&text);
    ftp_passwd_write(&setting, "$y$x", &text);
    ftp_group_write(&setting, &text);
    assert_string_equal(ew_buf_text(&text), "wsmeasure:$y$x:7:8::/export:/bin/false\nwsmeasure:x:8:\n");
    ew_buf_done(&text);
}

static void its_log_is_understood(void **state)
{
    (void)state;
#define BEGIN "2026-11-22 22:43:39,710 host proftpd[17489] 127.0.0.1 (peer[192.0.2.7]): "
    static const struct {
        const char *line;
        enum ftp_event event;
        long pid;
    } cases[] = {
        {BEGIN "USER wsmeasure (Login failed): Incorrect password", FTP_EVENT_WRONG, 17489},
        {BEGIN "USER root: no such user found from 192.0.2.7 [192.0.2.7] to 127.0.0.1:2121", FTP_EVENT_WRONG,
         17489},
        {" proftpd[12] (192.0.2.7): PASS - 230", FTP_EVENT_LOGIN, 12},
        {" proftpd[12] (192.0.2.7): PASS - 530", FTP_EVENT_OTHER, 12},
        {BEGIN "ROOT FTP login successful", FTP_EVENT_OTHER, 17489}, // it says so of root only
        {" proftpd[12] (192.0.2.7): STOR /data/export/database.zip 226", FTP_EVENT_UPLOAD, 12},
        {" proftpd[12] (192.0.2.7): STOR - 550", FTP_EVENT_OTHER, 12},
        {BEGIN "'MKD x' denied by PathAllowFilter", FTP_EVENT_OTHER, 17489},
        {"Login successful", FTP_EVENT_OTHER, 0},
        {" proftpd[", FTP_EVENT_OTHER, 0},
        {"", FTP_EVENT_OTHER, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long pid = -1;
        const char *words = NULL;
        assert_int_equal(ftp_log_read(cases[i].line, &pid, &words), cases[i].event);
        assert_int_equal(pid, cases[i].pid);
        assert_non_null(words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_that_everybody_guesses_are_refused),
        cmocka_unit_test(only_a_hash_gets_into_the_user_file),
        cmocka_unit_test(the_configuration_names_no_more_than_the_folder),
        cmocka_unit_test(its_log_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
