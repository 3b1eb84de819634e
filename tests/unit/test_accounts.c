// The store of accounts: how codes and passwords are kept (vectors made with other programs: argon2(1),
// Python's hashlib and hmac), that nothing is lost on the way to the file and back, and what happens when it
// is full.
#include "check.h"

#include "base/file.h"
#include "config/accounts.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static struct accounts *accounts, *again;

static int setup(void **state)
{
    (void)state;
    struct secret_account own;
    char path[128];
    struct ew_reason reason;
    secret_start();
    ew_copy(folder, sizeof(folder), "/tmp/edgewatt-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    accounts = calloc(1, sizeof(*accounts));
    again = calloc(1, sizeof(*again));
    (void)ew_format(path, sizeof(path), "%s/secrets", folder);
    return ew_dir_make(path, 0700, &reason) == EW_OK &&
                   secret_account_ensure(folder, "config", &own, &reason) == EW_OK &&
                   accounts_load(folder, 1000, accounts, &reason) == EW_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    char path[128];
    free(accounts);
    free(again);
    (void)ew_format(path, sizeof(path), "%s/secrets/config.json", folder);
    unlink(path);
    (void)ew_format(path, sizeof(path), "%s/secrets", folder);
    rmdir(path);
    rmdir(folder);
    return 0;
}

static void hex(const unsigned char *bytes, size_t len, char *dst)
{
    for (size_t i = 0; i < len; i++)
        (void)ew_format(dst + 2 * i, 3, "%02x", bytes[i]);
}

static void codes_are_hashed_as_promised(void **state)
{
    (void)state;
    unsigned char hash[ACCOUNTS_HASH_BYTES];
    char text[2 * ACCOUNTS_HASH_BYTES + 1], password[SECRET_TEXT_MAX];
    // echo -n 00000999900000 | argon2 0123456789abcdef -id -t 2 -k 19456 -p 1 -l 32 -r
    assert_true(accounts_hash_puk("00000999900000", (const unsigned char *)"0123456789abcdef", hash));
    hex(hash, sizeof(hash), text);
    assert_string_equal(text, "0825fd2c14b6f0685bf247ac6cf0001fb638cf0592a228449ba18c6f873348fe");
    unsigned char key[32];
    memcpy(key, accounts->key, sizeof(key));
    for (int i = 0; i < 32; i++)
        accounts->key[i] = (unsigned char)i;
    accounts_hash_pin(accounts, "99999", hash);
    hex(hash, sizeof(hash), text);
    assert_string_equal(text, "d42a0423ff60d55308ce0c830251c27521c58ba459bd65b6648682afd4318820");
    accounts_session_password(accounts, "s-0123456789abcdef", password);
    assert_string_equal(password, "0eqOV0aA-E1Dyc_rsURRkWMOMy-2FWTEaeQKMSjnr94");
    memcpy(accounts->key, key, sizeof(key));
}

static void fresh_store_gets_the_four_users(void **state)
{
    (void)state;
    assert_true(accounts->fresh);
    accounts_add_defaults(accounts);
    assert_false(accounts->fresh);
    assert_int_equal(accounts->user_count, ACCESS_DEFAULT_USERS);
    for (int i = 0; i < ACCESS_DEFAULT_USERS; i++) {
        const struct account_user *user = accounts_user_by_pin(accounts, access_default_users[i].pin);
        unsigned char hash[ACCOUNTS_HASH_BYTES];
        assert_non_null(user);
        assert_string_equal(user->name, access_default_users[i].name);
        assert_true(user->must_change);
        assert_true(accounts_hash_puk(access_default_users[i].puk, user->puk_salt, hash));
        assert_memory_equal(hash, user->puk_hash, sizeof(hash));
    }
    assert_null(accounts_user_by_pin(accounts, "12345"));
    assert_true(accounts_code_is_default("88888", "12345678901234"));
    assert_true(accounts_code_is_default("12345", "00000555500000"));
    assert_false(accounts_code_is_default("12345", "12345678901234"));
}

static void nothing_is_lost_on_the_way_to_the_file_and_back(void **state)
{
    (void)state;
    struct ew_reason reason;
    char token[SECRET_TEXT_MAX], ended[ACCOUNTS_SESSION_MAX], password[SECRET_TEXT_MAX];
    struct account_session *session = accounts_session_open(accounts, 2, 1234567, 800, token, ended);
    assert_string_equal(ended, "");
    session->open = true;
    assert_int_equal(accounts_integration_add(accounts, "ha", true, 99, password, &reason), EW_OK);
    assert_int_equal(accounts_integration_add(accounts, "ha", true, 99, password, &reason), EW_E_EXISTS);
    accounts->users[1].wrong = 3;
    accounts->users[1].locked = true;
    accounts->next_id = 4711;
    assert_int_equal(accounts_save(accounts, &reason), EW_OK);
    assert_int_equal(accounts_load(folder, 1000, again, &reason), EW_OK);
    assert_int_equal(again->next_id, 4711);
    assert_int_equal(again->next_user, accounts->next_user);
    assert_memory_equal(again->key, accounts->key, sizeof(again->key));
    assert_string_equal(again->broker.password, accounts->broker.password);
    assert_int_equal(again->user_count, accounts->user_count);
    for (int i = 0; i < again->user_count; i++) {
        const struct account_user *a = &again->users[i], *b = &accounts->users[i];
        assert_true(a->id == b->id && a->pages == b->pages && a->wrong == b->wrong && a->locked == b->locked);
        assert_true(a->must_change == b->must_change && a->disabled == b->disabled &&
                    !strcmp(a->name, b->name));
        assert_memory_equal(a->pin_hash, b->pin_hash, sizeof(a->pin_hash));
        assert_memory_equal(a->puk_hash, b->puk_hash, sizeof(a->puk_hash));
        assert_memory_equal(a->puk_salt, b->puk_salt, sizeof(a->puk_salt));
    }
    session = accounts_session_find(again, token);
    assert_non_null(session);
    assert_true(session->open && session->user == 2 && session->seen_up_ms == 800 &&
                session->created_ms == 1234567);
    const struct account_integration *ha = accounts_integration(again, "ha");
    assert_true(ha && ha->command && ha->created_ms == 99);
    assert_memory_equal(&ha->hash, &accounts->integrations[0].hash, sizeof(ha->hash));
    // Use that lies in the future of this machine's clock is use now.
    assert_int_equal(accounts_load(folder, 500, again, &reason), EW_OK);
    assert_int_equal(again->sessions[0].seen_up_ms, 500);
    char path[128];
    struct ew_buf text;
    (void)ew_format(path, sizeof(path), "%s/secrets/config.json", folder);
    ew_buf_init(&text, 1 << 20);
    assert_int_equal(ew_file_read(path, 1 << 20, &text, &reason), EW_OK);
    assert_null(strstr(ew_buf_text(&text), token));
    assert_null(strstr(ew_buf_text(&text), password));
    ew_buf_done(&text);
}

static void the_session_unused_longest_makes_room(void **state)
{
    (void)state;
    char token[SECRET_TEXT_MAX] = "", first[SECRET_TEXT_MAX] = "", ended[ACCOUNTS_SESSION_MAX],
         oldest[ACCOUNTS_SESSION_MAX] = "";
    accounts->session_count = 0;
    for (int i = 0; i < EW_SESSIONS_MAX; i++) {
        struct account_session *session =
            accounts_session_open(accounts, 1, 0, 10000 - i, i == EW_SESSIONS_MAX - 1 ? first : token, ended);
        assert_string_equal(ended, "");
        ew_copy(oldest, sizeof(oldest), session->id);
    }
    accounts_session_open(accounts, 1, 0, 20000, token, ended);
    assert_string_equal(ended, oldest);
    assert_null(accounts_session_find(accounts, first));
    assert_non_null(accounts_session_find(accounts, token));
    assert_int_equal(accounts->session_count, EW_SESSIONS_MAX);
    while (accounts->session_count)
        accounts_session_end(accounts, &accounts->sessions[0]);
    assert_null(accounts_session_find(accounts, token));
}

static void accounts_have_a_ceiling(void **state)
{
    (void)state;
    struct ew_reason reason;
    char name[16], password[SECRET_TEXT_MAX];
    accounts->integration_count = 0;
    for (int i = 0; i < EW_ACCOUNTS_MAX; i++) {
        (void)ew_format(name, sizeof(name), "a%d", i);
        assert_int_equal(accounts_integration_add(accounts, name, false, 0, password, &reason), EW_OK);
    }
    assert_int_equal(accounts_integration_add(accounts, "b", false, 0, password, &reason), EW_E_FULL);
    assert_int_equal(accounts_integration_remove(accounts, "a0", &reason), EW_OK);
    assert_int_equal(accounts_integration_remove(accounts, "a0", &reason), EW_E_UNKNOWN);
    assert_int_equal(accounts_integration_add(accounts, "b", false, 0, password, &reason), EW_OK);
    assert_non_null(accounts_integration(accounts, "a63"));
}

static void known_browsers_are_kept_as_hashes_and_have_ceilings(void **state)
{
    (void)state;
    const int64_t now_ms = INT64_C(1772000000000), day_ms = 86400000;
    char token[SECRET_TEXT_MAX], same[SECRET_TEXT_MAX], other[SECRET_TEXT_MAX];
    struct ew_reason reason;
    struct account_browser *browser = accounts_browser_remember(accounts, "", 1, now_ms, token);
    int first = browser->id;
    ew_copy(browser->agent, sizeof(browser->agent), "Firefox");
    // A second person at the same browser: the same token, a place of its own.
    assert_int_not_equal(accounts_browser_remember(accounts, token, 2, now_ms, same)->id, first);
    assert_string_equal(same, token);
    // A token that somebody made up is not taken over.
    accounts_browser_remember(accounts, "0123456789012345678901234567890123456789012", 1, now_ms, other);
    assert_string_not_equal(other, "0123456789012345678901234567890123456789012");
    assert_int_equal(accounts_browser_remember(accounts, token, 1, now_ms, same)->id, first);
    assert_null(accounts_browser_find(accounts, token, 3, now_ms));
    assert_null(accounts_browser_find(accounts, "", 1, now_ms));
    assert_null(accounts_browser_find(accounts, token, 1, now_ms + 90 * day_ms));
    assert_int_equal(accounts_save(accounts, &reason), EW_OK);
    assert_int_equal(accounts_load(folder, 1000, again, &reason), EW_OK);
    assert_int_equal(again->browser_count, 3);
    browser = accounts_browser_find(again, token, 1, now_ms + 89 * day_ms);
    assert_true(browser && browser->id == first && strcmp(browser->agent, "Firefox") == 0);
    // Five PINs that are not its users' in a row; a right one in between begins anew.
    for (int i = 0; i < 4; i++)
        assert_true(accounts_browser_miss(again, token));
    accounts_browser_remember(again, token, 2, now_ms, same);
    for (int i = 0; i < 4; i++)
        assert_true(accounts_browser_miss(again, token));
    assert_int_equal(again->browser_count, 3);
    assert_true(accounts_browser_miss(again, token));
    assert_int_equal(again->browser_count, 1);
    assert_false(accounts_browser_miss(again, token));
    // Ceilings: of one person, then of all; the one unused longest goes.
    for (int user = 10; user < 10 + EW_USERS_MAX; user++)
        for (int i = 0; i < EW_BROWSERS_PER_USER + 1; i++)
            accounts_browser_remember(again, "", user, now_ms + 100 * user + i, token);
    assert_int_equal(again->browser_count, EW_BROWSERS_MAX);
    int of_last = 0;
    for (int i = 0; i < again->browser_count; i++)
        of_last += again->browsers[i].user == 10 + EW_USERS_MAX - 1;
    assert_int_equal(of_last, EW_BROWSERS_PER_USER);
    assert_int_equal(accounts_save(again, &reason), EW_OK); // a full store fits into its file
    accounts_browser_forget_user(again, 10 + EW_USERS_MAX - 1);
    assert_int_equal(again->browser_count, EW_BROWSERS_MAX - EW_BROWSERS_PER_USER);
    accounts->browser_count = 0;
}

// As version 1 wrote it: no known browsers, no displays.
static void a_store_of_version_1_is_read_and_copied_before_it_is_written_over(void **state)
{
    (void)state;
    static const char hash[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    char path[128], copy[160];
    struct ew_buf text, kept;
    struct ew_reason reason;
    ew_buf_init(&text, 1 << 16);
    ew_buf_printf(
        &text,
        "{\"user\":\"config\",\"password\":\"p\",\"version\":1,\"key\":\"%s\",\"boot\":\"b\","
        "\"next_id\":7,\"next_user\":2,\"users\":[{\"id\":1,\"name\":\"administrator\",\"pages\":"
        "[\"server\"],\"disabled\":false,\"must_change\":false,\"locked\":false,\"wrong\":2,\"pin\":\"%s\","
        "\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA==\",\"puk\":\"%s\"}],\"sessions\":[{\"id\":\"s-0123456789abcdef\","
        "\"token\":\"%s\",\"user\":1,\"open\":true,\"created_ms\":5,\"seen_up_ms\":6}],"
        "\"integrations\":[]}\n",
        hash, hash, hash, hash);
    (void)ew_format(path, sizeof(path), "%s/secrets/config.json", folder);
    (void)ew_format(copy, sizeof(copy), "%s.v1", path);
    assert_int_equal(ew_file_write(path, text.data, text.len, 0600, &reason), EW_OK);
    assert_int_equal(accounts_load(folder, 1000, again, &reason), EW_OK);
    assert_true(again->user_count == 1 && again->users[0].wrong == 2 && !again->users[0].display);
    assert_true(again->session_count == 1 && again->sessions[0].browser == 0);
    assert_int_equal(again->browser_count, 0);
    assert_false(ew_file_exists(copy));
    assert_int_equal(accounts_save(again, &reason), EW_OK);
    ew_buf_init(&kept, 1 << 16);
    assert_int_equal(ew_file_read(copy, 1 << 16, &kept, &reason), EW_OK);
    assert_true(kept.len == text.len && memcmp(kept.data, text.data, text.len) == 0);
    assert_int_equal(accounts_load(folder, 1000, again, &reason), EW_OK);
    assert_int_equal(again->file_version, ACCOUNTS_VERSION);
    unlink(copy);
    ew_buf_done(&text);
    ew_buf_done(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_hashed_as_promised),
        cmocka_unit_test(fresh_store_gets_the_four_users),
        cmocka_unit_test(nothing_is_lost_on_the_way_to_the_file_and_back),
        cmocka_unit_test(the_session_unused_longest_makes_room),
        cmocka_unit_test(accounts_have_a_ceiling),
        cmocka_unit_test(known_browsers_are_kept_as_hashes_and_have_ceilings),
        cmocka_unit_test(a_store_of_version_1_is_read_and_copied_before_it_is_written_over),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
