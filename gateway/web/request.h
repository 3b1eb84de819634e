// What a browser sent, taken apart: header values and JSON bodies. Nothing here trusts its input, keeps state
// or does input and output, so that it can be tested in tables and fuzzed.
#ifndef EDGEWATT_WEB_REQUEST_H
#define EDGEWATT_WEB_REQUEST_H

#include "base/err.h"
#include <stdint.h>

enum {
    WEB_TOKEN_MIN = 16,  // a token has so many characters of A-Z a-z 0-9 - _ (base64url)
    WEB_TOKEN_SIZE = 64, // bytes with the final 0; config makes them of 43 characters
    WEB_PIN_SIZE = 6,    // USR-01: 5 digits
    WEB_PUK_SIZE = 15,   // 14 digits
    WEB_HOST_SIZE = 262, // a host name of 253 characters, ":" and a port
    WEB_AGENT_SIZE = 161 // of a User-Agent that is kept
};

bool web_token_valid(const char *token);

// Copies the value of the cookie `name` out of a Cookie header (RFC 6265 section 4.2). False when it is not
// there, is not a valid token, or is there twice with different values: then nobody can say which one is
// meant.
bool web_cookie_token(const char *header, const char *name, char ret_token[WEB_TOKEN_SIZE]);

// A Host header that may be repeated in an answer: letters, digits, ".", "-", "_", an IPv6 address in
// brackets, an optional port.
bool web_host_valid(const char *host);
// Cuts the port off a valid Host: "[::1]:8080" -> "[::1]".
void web_host_name(const char *host, char ret_name[WEB_HOST_SIZE]);

// True when the Origin header names the scheme, host and port this request came to. Behind a listener without
// TLS "https" is accepted too: a proxy may have taken the TLS off. "null" is never our own.
bool web_origin_own(const char *origin, const char *host, bool tls);

// The printable ASCII of a User-Agent, cut at WEB_AGENT_SIZE - 1: only people read it.
void web_agent(const char *header, char ret_agent[WEB_AGENT_SIZE]);

// RFC 9110 section 12.5.3: gzip named without q=0, or "*" not refused.
bool web_accepts_gzip(const char *accept_encoding);

// True for a Content-Type of application/json, with or without parameters.
bool web_type_json(const char *content_type);

// Content-Length: digits only. EW_E_INVALID, or EW_E_TOO_LARGE above max.
enum ew_err web_length(const char *text, size_t max, size_t *ret_length) EW_MUST_CHECK;

// A Range header (RFC 9110 section 14) for something of `size` bytes. What is not understood, several ranges
// too, is as if it was not sent: the whole is given.
enum web_range { WEB_RANGE_WHOLE, WEB_RANGE_PART, WEB_RANGE_OUTSIDE };
enum web_range web_range_read(const char *range, int64_t size, int64_t *ret_from,
                              int64_t *ret_end); // end: the first byte that is not in it

// True when one element of the comma separated list is `name` (no case).
bool web_list_has(const char *list, const char *name);

struct web_login {
    char pin[WEB_PIN_SIZE];
    char puk[WEB_PUK_SIZE]; // "" = only the PIN was sent
};
// {"pin":"12345","puk":"12345678901234"}, puk optional.
enum ew_err web_login_read(const char *body, size_t len, struct web_login *ret_login,
                           struct ew_reason *reason) EW_MUST_CHECK;

struct web_codes {
    char pin[WEB_PIN_SIZE], new_pin[WEB_PIN_SIZE];
    char puk[WEB_PUK_SIZE], new_puk[WEB_PUK_SIZE];
};
enum ew_err web_codes_read(const char *body, size_t len, struct web_codes *ret_codes,
                           struct ew_reason *reason) EW_MUST_CHECK;

// A body that says nothing: none, or {}.
enum ew_err web_nothing_read(const char *body, size_t len, struct ew_reason *reason) EW_MUST_CHECK;

#endif
