// Made on first start: EC P-256, ten years, valid for every name and
// address this machine has now. It is self-signed: a browser asks once. Who has a better one puts it in its
// place.
#include "certificate/certificate.h"

#include "base/file.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

enum { PEM_MAX = CERTIFICATE_PEM_MAX, NAMES_MAX = 2048, DAYS = 3653, BACKDATE_S = 86400 };

static enum ew_err fail_ssl(const char *path, const char *doing, struct ew_reason *reason)
{
    char text[160];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    ERR_clear_error();
    return ew_fail(reason, EW_E_INVALID, "web.certificate", path, "%s: %s", doing, text);
}

// ---- Names ------------------------------------------------------------------------------------------------

static bool name_plain(const char *name)
{
    return *name &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == strlen(name);
}

static void add_addresses(struct ew_buf *names)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        char text[INET6_ADDRSTRLEN];
        const char *shown = NULL;
        if (!one->ifa_addr || (one->ifa_flags & IFF_LOOPBACK))
            continue;
        if (one->ifa_addr->sa_family == AF_INET)
            shown = inet_ntop(AF_INET, &((const struct sockaddr_in *)one->ifa_addr)->sin_addr, text,
                              sizeof(text));
        else if (one->ifa_addr->sa_family == AF_INET6 &&
                 !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)one->ifa_addr)->sin6_addr))
            shown = inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)one->ifa_addr)->sin6_addr, text,
                              sizeof(text));
        if (shown)
            ew_buf_printf(names, ",IP:%s", shown);
    }
    freeifaddrs(all);
}

// "DNS:localhost,IP:127.0.0.1,..." and the name of the machine alone.
static void names_of_machine(struct ew_buf *names, char *host, size_t host_size)
{
    ew_buf_add_text(names, "DNS:localhost,IP:127.0.0.1,IP:::1");
    if (gethostname(host, host_size) != 0 || !memchr(host, 0, host_size) || !name_plain(host))
        ew_copy(host, host_size, "edgewatt");
    ew_buf_printf(names, ",DNS:%s", host);
    if (!strchr(host, '.'))
        ew_buf_printf(names, ",DNS:%s.local", host);
    add_addresses(names);
}

// ---- Making -----------------------------------------------------------------------------------------------

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool set_serial(X509 *x)
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] &= 0x7F; // positive, as RFC 5280 section 4.1.2.2 asks
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
    BN_free(number);
    return ok;
}

static bool fill(X509 *x, EVP_PKEY *key)
{
    char host[65] = "";
    struct ew_buf names;
    ew_buf_init(&names, NAMES_MAX);
    names_of_machine(&names, host, sizeof(host) - 1);
    X509_NAME *name = X509_get_subject_name(x);
    // A box without a clock starts in the past: the certificate begins a day before.
    bool ok =
        X509_set_version(x, 2) == 1 && set_serial(x) &&
        X509_gmtime_adj(X509_getm_notBefore(x), -BACKDATE_S) &&
        X509_time_adj_ex(X509_getm_notAfter(x), DAYS, 0, NULL) &&
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Edgewatt", -1, -1, 0) ==
            1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)host, -1, -1, 0) == 1 &&
        X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
        add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(x, NID_key_usage, "critical,digitalSignature") &&
        add_extension(x, NID_ext_key_usage, "serverAuth") &&
        add_extension(x, NID_subject_key_identifier, "hash") &&
        add_extension(x, NID_subject_alt_name, ew_buf_text(&names)) && X509_sign(x, key, EVP_sha256()) > 0;
    ew_buf_done(&names);
    return ok;
}

static enum ew_err make(const char *path, struct ew_reason *reason)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    BIO *pem = BIO_new(BIO_s_secmem());
    enum ew_err err = EW_OK;
    char *data = NULL;
    if (!key || !x || !pem || !fill(x, key) ||
        PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1 || PEM_write_bio_X509(pem, x) != 1)
        err = fail_ssl(path, "the certificate can't be made", reason);
    else {
        long len = BIO_get_mem_data(pem, &data);
        err = ew_file_write(path, data, (size_t)len, 0600, reason);
    }
    BIO_free(pem);
    X509_free(x);
    EVP_PKEY_free(key);
    if (err == EW_OK)
        ew_notice("tls", "made a certificate file=%s", path);
    return err;
}

// ---- Looking ----------------------------------------------------------------------------------------------

enum verdict { GOOD, EXPIRED, BROKEN };

static enum verdict look_at(const char *pem, size_t len, bool *ret_ours)
{
    BIO *key_bio = BIO_new_mem_buf(pem, (int)len), *x_bio = BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, (void *)"");
    X509 *x = PEM_read_bio_X509(x_bio, NULL, NULL, NULL);
    enum verdict verdict = GOOD;
    if (!key || !x || X509_check_private_key(x, key) != 1)
        verdict = BROKEN;
    else if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
        verdict = EXPIRED;
    char organisation[32] = "";
    if (x)
        X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_organizationName, organisation,
                                  sizeof(organisation));
    *ret_ours = x && strcmp(organisation, "Edgewatt") == 0 &&
                X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
    X509_free(x);
    EVP_PKEY_free(key);
    BIO_free(x_bio);
    BIO_free(key_bio);
    ERR_clear_error();
    return verdict;
}

void certificate_public(const char *pem, struct ew_buf *ret)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    for (const char *from = strstr(pem, begin); from; from = strstr(from, begin)) {
        const char *to = strstr(from, end);
        if (!to)
            return;
        ew_buf_add(ret, from, (size_t)(to - from) + sizeof(end) - 1);
        ew_buf_add_text(ret, "\n");
        from = to;
    }
}

enum ew_err certificate_ensure(const char *path, struct ew_reason *reason)
{
    struct ew_buf text;
    bool ours = false;
    ew_buf_init(&text, PEM_MAX);
    enum ew_err err = ew_file_read(path, PEM_MAX, &text, reason);
    if (err == EW_E_UNKNOWN) {
        ew_buf_done(&text);
        return make(path, reason);
    }
    enum verdict verdict = err == EW_OK ? look_at(ew_buf_text(&text), text.len, &ours) : BROKEN;
    if (text.data)
        explicit_bzero(text.data, text.cap);
    ew_buf_done(&text);
    if (err != EW_OK)
        return err;
    if (verdict == BROKEN)
        return ew_fail(
            reason, EW_E_INVALID, "web.certificate", path,
            "is not a private key and its certificate in PEM; mend it, or remove it to have one made");
    if (verdict == EXPIRED && ours)
        return make(path, reason);
    if (verdict == EXPIRED)
        ew_warning("tls", "the certificate has run out, using it all the same file=%s", path);
    return EW_OK;
}
