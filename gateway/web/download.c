// A file of the data folder, handed out whole: it is streamed as room comes.
#include "web/web_priv.h"

#include "service/paths.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void web_download(struct web_connection *c, const char *name, const char *shown)
{
    struct web_exchange *e = c->exchange;
    char path[PATH_MAX], headers[160];
    struct stat st;
    ew_path(path, c->web->service->data_dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        web_answer_fail(c, 404, "web.no_file", "This file is not there.");
        return;
    }
    e->file = fd;
    e->file_at = 0;
    e->file_end = st.st_size;
    (void)ew_format(headers, sizeof(headers), "Content-Disposition: attachment; filename=\"%s\"\r\n", shown);
    web_answer(c, &(struct web_answer){.status = 200, .type = "application/zip", .headers = headers});
}

static void give_backup(struct web_connection *c)
{
    web_download(c, "export/database.zip", "database.zip");
}

void web_download_backup(struct web_connection *c)
{
    web_api_allow(c, "server", give_backup);
}
