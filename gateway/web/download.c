// Files of the data folder, handed out whole or in part: streamed as room comes. Their names are the
// gateway's own, never what was sent.
#include "web/web_priv.h"

#include "service/paths.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_file(const struct web *web, const char *name, struct stat *ret)
{
    char path[PATH_MAX];
    ew_path(path, web->service->data_dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void give(struct web_connection *c, int fd, const struct stat *st, const char *shown)
{
    struct web_exchange *e = c->exchange;
    char tag[sizeof(e->if_range)], part[96] = "", headers[384];
    int64_t from, end, size = st->st_size;
    (void)ew_format(tag, sizeof(tag), "\"%llx-%llx\"",
                    (unsigned long long)st->st_mtim.tv_sec * 1000000000U +
                        (unsigned long long)st->st_mtim.tv_nsec,
                    (unsigned long long)size);
    bool same = !e->if_range[0] || strcmp(e->if_range, tag) == 0;
    enum web_range range = web_range_read(same ? e->range : "", size, &from, &end);
    if (range == WEB_RANGE_OUTSIDE)
        (void)ew_format(part, sizeof(part), "Content-Range: bytes */%lld\r\n", (long long)size);
    else if (range == WEB_RANGE_PART)
        (void)ew_format(part, sizeof(part), "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)from,
                        (long long)end - 1, (long long)size);
    (void)ew_format(headers, sizeof(headers),
                    "Content-Disposition: attachment; filename=\"%s\"\r\n"
                    "Accept-Ranges: bytes\r\nETag: %s\r\n%s",
                    shown, tag, part);
    if (range == WEB_RANGE_OUTSIDE) {
        close(fd);
        web_answer(c, &(struct web_answer){.status = 416, .headers = headers});
        return;
    }
    e->file = fd;
    e->file_at = from;
    e->file_end = end;
    web_answer(c, &(struct web_answer){.status = range == WEB_RANGE_PART ? 206 : 200,
                                       .type = "application/zip",
                                       .headers = headers});
}

// ---- GET /api/backup -------------------------------------------------------------------------------------

static void give_backup(struct web_connection *c, const char *account)
{
    (void)account;
    struct stat st;
    int fd = open_file(c->web, "export/database.zip", &st);
    if (fd < 0)
        web_answer_fail(c, 404, "web.no_file", "This file is not there.");
    else
        give(c, fd, &st, "database.zip");
}

void web_download_backup(struct web_connection *c)
{
    web_api_allow(c, "server", give_backup);
}

// ---- GET /api/report -------------------------------------------------------------------------------------

// Whose report it is is what config says of the session; and yet it becomes a file's name.
static bool name_formed(const char *account)
{
    return account[0] && strspn(account, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(account);
}

static void give_report(struct web_connection *c, const char *account)
{
    char name[128];
    struct stat st;
    int fd = -1;
    if (name_formed(account) && ew_format(name, sizeof(name), "reports/%s.zip", account) == EW_OK)
        fd = open_file(c->web, name, &st);
    if (fd < 0)
        web_answer_fail(c, 404, "report.none", "There is no finished report of yours.");
    else
        give(c, fd, &st, "reportdata.zip");
}

void web_download_report(struct web_connection *c)
{
    web_api_allow(c, "reports", give_report);
}
