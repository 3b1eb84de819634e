// A backup sent by the browser: streamed to upload/database.zip.part, shown as upload/database.zip once it is
// whole. One at a time. What is in it is not looked at here: whoever restores it checks every byte.
#include "web/web_priv.h"

#include "base/file.h"
#include "base/log.h"
#include "service/paths.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    STALL_MS = 30000, // without a byte
    EARLY_MAX = 64 << 10,
    RESERVE_BYTES = 64 << 20 // that the recorder keeps
};

struct web_upload {
    int64_t length, got;
    int fd;             // -1 = not (or no longer) written
    bool writes, ended; // the part file is ours; the whole body was received
    bool asking;        // config is asked who this is
    int status;         // of the refusal that is told when the body has been read; 0 = none so far
    struct ew_reason refusal;
    struct ew_buf early; // what came before config answered
};

static void path_of(const struct web *web, const char *name, char dst[PATH_MAX])
{
    char folder[PATH_MAX];
    ew_path(folder, web->service->data_dir, "upload");
    ew_path(dst, folder, name);
}

// A browser that is answered while it sends often loses the answer: refusals wait for the end of the body.
static void refuse(struct web_upload *u, int status, enum ew_err err, const char *code, const char *sentence)
{
    if (u->status)
        return;
    u->status = status;
    (void)ew_fail(&u->refusal, err, code, NULL, "%s", sentence);
}

static void refuse_write(struct web_upload *u)
{
    if (errno == ENOSPC || errno == EDQUOT)
        refuse(u, 507, EW_E_FULL, "backup.full", "The disk is full.");
    else
        refuse(u, 500, EW_E_IO, "upload.failed", strerror(errno));
}

static bool room_for(const struct web *web, int64_t bytes)
{
    struct statvfs st;
    return statvfs(web->service->data_dir, &st) != 0 ||
           (int64_t)(st.f_bavail * st.f_frsize) >= bytes + RESERVE_BYTES;
}

static void open_part(struct web *web, struct web_upload *u)
{
    char folder[PATH_MAX], part[PATH_MAX];
    struct ew_reason reason;
    ew_path(folder, web->service->data_dir, "upload");
    path_of(web, "database.zip.part", part);
    if (web->uploading) {
        refuse(u, 409, EW_E_BUSY, "upload.busy", "Another backup is just being received.");
    } else if (!room_for(web, u->length)) {
        refuse(u, 507, EW_E_FULL, "backup.full", "The disk is full.");
    } else if (ew_dir_make(folder, 0750, &reason) != EW_OK) {
        refuse_write(u);
    } else {
        (void)unlink(part);
        u->fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        u->writes = web->uploading = u->fd >= 0;
        if (u->fd < 0)
            refuse_write(u);
    }
}

static void take(struct web_upload *u, const char *data, size_t len)
{
    u->got += (int64_t)len;
    while (len > 0 && u->fd >= 0 && !u->status) {
        ssize_t put = write(u->fd, data, len);
        if (put < 0 && errno != EINTR)
            refuse_write(u);
        data += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
    }
}

static void end(struct web_connection *c)
{
    struct web_upload *u = c->exchange->upload;
    char part[PATH_MAX], whole[PATH_MAX], body[64];
    path_of(c->web, "database.zip.part", part);
    path_of(c->web, "database.zip", whole);
    if (!u->status && (u->fd < 0 || u->got != u->length))
        refuse(u, 400, EW_E_INVALID, "upload.cut", "The file did not arrive whole.");
    if (!u->status && rename(part, whole) != 0)
        refuse_write(u);
    if (u->status) {
        web_answer_reason(c, u->status, NULL, &u->refusal);
        return;
    }
    ew_notice("upload", "a backup was received bytes=%lld", (long long)u->got);
    (void)ew_format(body, sizeof(body), "{\"ok\":true,\"bytes\":%lld}\n", (long long)u->got);
    web_answer(c, &(struct web_answer){
                      .status = 200, .type = "application/json", .body = body, .body_len = strlen(body)});
}

static void admit(struct web_connection *c, const char *account)
{
    (void)account;
    struct web_upload *u = c->exchange->upload;
    u->asking = false;
    web_connection_phase(c, WEB_RECEIVING, STALL_MS);
    open_part(c->web, u);
    take(u, ew_buf_text(&u->early), u->early.len);
    ew_buf_done(&u->early);
    if (u->ended)
        end(c);
    else
        lws_rx_flow_control(c->wsi, 1);
}

// While config is asked who this is, what comes is kept; reading stops then, so it is little.
void web_upload_begin(struct web_connection *c, const char *length_text)
{
    struct web_exchange *e = c->exchange;
    size_t length = 0;
    enum ew_err err = web_length(length_text, (size_t)EW_WEB_UPLOAD_MIB << 20, &length);
    e->close = e->close || err != EW_OK;
    if (err == EW_E_TOO_LARGE) {
        web_answer_fail(c, 413, "upload.too_large", "The file is larger than 3 GiB.");
        return;
    }
    if (err != EW_OK) {
        web_answer_fail(c, 411, "web.length", "A body must come with POST and Content-Length.");
        return;
    }
    struct web_upload *u = e->upload = calloc(1, sizeof(*u));
    if (!u)
        abort();
    u->fd = -1;
    u->length = (int64_t)length;
    u->asking = true;
    ew_buf_init(&u->early, EARLY_MAX);
    web_api_allow(c, "server", admit);
}

int web_upload_body(struct web_connection *c, const void *data, size_t len)
{
    struct web_upload *u = c->exchange->upload;
    if (c->phase == WEB_ANSWERING)
        return 0; // refused: libwebsockets reads the rest away
    if (u->asking) {
        ew_buf_add(&u->early, data, len);
        return u->early.full ? -1 : 0; // reading was stopped: this cannot be
    }
    if (c->phase != WEB_RECEIVING)
        return 0;
    web_connection_phase(c, WEB_RECEIVING, STALL_MS);
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    take(u, data, len);
    return 0;
}

void web_upload_end(struct web_connection *c)
{
    struct web_upload *u = c->exchange->upload;
    u->ended = true;
    if (!u->asking && c->phase == WEB_RECEIVING)
        end(c);
}

void web_upload_free(struct web *web, struct web_upload *u)
{
    char part[PATH_MAX];
    if (!u)
        return;
    if (u->fd >= 0)
        close(u->fd);
    if (u->writes) {
        path_of(web, "database.zip.part", part);
        (void)unlink(part);
        web->uploading = false;
    }
    ew_buf_done(&u->early);
    free(u);
}

void web_upload_tidy(const struct web *web)
{
    char path[PATH_MAX];
    path_of(web, "database.zip.part", path);
    (void)unlink(path);
    path_of(web, "database.zip", path);
    (void)unlink(path);
}
