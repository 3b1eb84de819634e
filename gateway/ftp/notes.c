#include "ftp/notes.h"

#include "base/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, WORDS_MAX = 200 };

struct ftp_notes {
    struct ew_loop *loop;
    int fd;
    struct ew_buf text;
    ftp_notes_fn *fn;
    void *user;
};

static void take_line(struct ftp_notes *notes, size_t len, int64_t now_ms)
{
    char line[LINE_MAX_BYTES + 1], shown[WORDS_MAX];
    long pid;
    const char *words;
    (void)ew_format(line, sizeof(line), "%.*s", (int)len, notes->text.data);
    enum ftp_event event = ftp_log_read(line, &pid, &words);
    ew_copy(shown, sizeof(shown), words);
    for (char *p = shown; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
            *p = '?'; // a client's name for a file, say
    if (shown[0])
        notes->fn(notes->user, event, pid, shown, now_ms);
}

static void on_text(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    struct ftp_notes *notes = user;
    char block[LINE_MAX_BYTES];
    ssize_t got = read(fd, block, sizeof(block));
    if (got <= 0)
        return; // we hold the other end too: it never ends
    ew_buf_add(&notes->text, block, (size_t)got);
    const char *end;
    while (notes->text.len &&
           ((end = memchr(notes->text.data, '\n', notes->text.len)) || notes->text.len >= LINE_MAX_BYTES)) {
        size_t len = end ? (size_t)(end - notes->text.data) : LINE_MAX_BYTES;
        take_line(notes, len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES, now_ms);
        ew_buf_drop_front(&notes->text, end ? len + 1 : len);
    }
}

enum ew_err ftp_notes_open(struct ew_loop *loop, const char *path, ftp_notes_fn *fn, void *user,
                           struct ftp_notes **ret, struct ew_reason *reason)
{
    (void)unlink(path);
    // Both ends: a writer never waits for a reader, and a reader never sees the end.
    int fd = mkfifo(path, 0600) == 0 ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0)
        return ew_fail(reason, EW_E_IO, "file.io", path, "%s", strerror(errno));
    struct ftp_notes *notes = calloc(1, sizeof(*notes));
    if (!notes)
        abort();
    *notes = (struct ftp_notes){.loop = loop, .fd = fd, .fn = fn, .user = user};
    ew_buf_init(&notes->text, 4 * LINE_MAX_BYTES);
    ew_loop_add_fd(loop, fd, EPOLLIN, on_text, notes);
    *ret = notes;
    return EW_OK;
}

void ftp_notes_free(struct ftp_notes *notes)
{
    if (!notes)
        return;
    ew_loop_remove_fd(notes->loop, notes->fd);
    close(notes->fd);
    ew_buf_done(&notes->text);
    free(notes);
}
