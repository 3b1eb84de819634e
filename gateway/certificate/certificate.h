// The gateway's own TLS certificate: HTTPS and MQTT over TLS show the same one.
#ifndef EDGEWATT_CERTIFICATE_CERTIFICATE_H
#define EDGEWATT_CERTIFICATE_CERTIFICATE_H

#include "base/buf.h"
#include "base/err.h"

#define CERTIFICATE_FILE "secrets/web.pem" // below the data folder: private key, then certificate
enum { CERTIFICATE_PEM_MAX = 64 << 10 };

// Makes `path` (key and certificate, PEM, 0600) when it is not there or has run out; a file that is not a key
// and a certificate is left alone and named: EW_E_INVALID.
enum ew_err certificate_ensure(const char *path, struct ew_reason *reason) EW_MUST_CHECK;

// The certificates of such a text, without its key: what a client may have.
void certificate_public(const char *pem, struct ew_buf *ret);

#endif
