// Random secrets, their text form, and the small JSON files that hold them (0600).
#ifndef EDGEWATT_CONFIG_SECRET_H
#define EDGEWATT_CONFIG_SECRET_H

#include "base/json.h"

enum {
    SECRET_BYTES = 32,
    SECRET_TEXT_MAX = 44, // 32 bytes as unpadded base64url, with the final 0
    SECRET_HASH_BYTES = 64,
    SECRET_SALT_BYTES = 12, // as Mosquitto 2.0 has it: it takes no other length
    // Broker passwords are 256 random bits: stretching them would only cost the broker time at every connect.
    SECRET_ITERATIONS = 101
};

// Before anything else of this header; aborts when the machine has no randomness.
void secret_start(void);
void secret_random(void *dst, size_t len);
void secret_text(char dst[SECRET_TEXT_MAX]); // 32 new random bytes as text
// Base64 with padding (as Mosquitto's files have it); dst of 4 * ((len + 2) / 3) + 1 bytes.
void secret_base64(const void *data, size_t len, char *dst, size_t size);
void secret_base64url(const void *data, size_t len, char *dst, size_t size);
enum ew_err secret_from_base64(const char *text, void *dst, size_t len) EW_MUST_CHECK; // exactly len bytes
// Overwrites memory that held a secret.
void secret_wipe(void *data, size_t len);

// How Mosquitto's dynamic security keeps a password: PBKDF2-HMAC-SHA512.
struct secret_hash {
    unsigned char salt[SECRET_SALT_BYTES];
    unsigned char hash[SECRET_HASH_BYTES];
    int iterations;
};
void secret_hash_make(const char *password, struct secret_hash *ret);

// Reads a JSON file of at most `max` bytes; the reason's path is the file.
enum ew_err secret_read_json(const char *path, size_t max, cJSON **ret_tree,
                             struct ew_reason *reason) EW_MUST_CHECK;
// The account of a service: secrets/<name>.json under dir, made when it is missing.
struct secret_account {
    char user[33];
    char password[SECRET_TEXT_MAX];
};
enum ew_err secret_account_ensure(const char *data_dir, const char *name, struct secret_account *ret,
                                  struct ew_reason *reason) EW_MUST_CHECK;

#endif
