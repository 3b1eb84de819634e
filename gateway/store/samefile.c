#include "store/samefile.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

enum { COMPARED_MAX = 65536 }; // the largest page

struct file {
    sqlite3_file base; // ours
    sqlite3_file *under;
};

static sqlite3_vfs *own;
static atomic_llong written;

static struct file *file_of(sqlite3_file *file)
{
    return (struct file *)file;
}

static sqlite3_file *under(sqlite3_file *file)
{
    return file_of(file)->under;
}

static int do_close(sqlite3_file *f)
{
    return under(f)->pMethods->xClose(under(f));
}

static int do_read(sqlite3_file *f, void *bytes, int len, sqlite3_int64 at)
{
    return under(f)->pMethods->xRead(under(f), bytes, len, at);
}

static int do_write(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
    static _Thread_local char there[COMPARED_MAX];
    if (len <= COMPARED_MAX && under(f)->pMethods->xRead(under(f), there, len, at) == SQLITE_OK &&
        memcmp(there, bytes, (size_t)len) == 0)
        return SQLITE_OK;
    atomic_fetch_add(&written, len);
    return under(f)->pMethods->xWrite(under(f), bytes, len, at);
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return under(f)->pMethods->xTruncate(under(f), size);
}

static int do_sync(sqlite3_file *f, int flags)
{
    return under(f)->pMethods->xSync(under(f), flags);
}

static int do_size(sqlite3_file *f, sqlite3_int64 *ret_size)
{
    return under(f)->pMethods->xFileSize(under(f), ret_size);
}

static int do_lock(sqlite3_file *f, int level)
{
    return under(f)->pMethods->xLock(under(f), level);
}

static int do_unlock(sqlite3_file *f, int level)
{
    return under(f)->pMethods->xUnlock(under(f), level);
}

static int do_reserved(sqlite3_file *f, int *ret)
{
    return under(f)->pMethods->xCheckReservedLock(under(f), ret);
}

static int do_control(sqlite3_file *f, int operation, void *argument)
{
    return under(f)->pMethods->xFileControl(under(f), operation, argument);
}

static int do_sector(sqlite3_file *f)
{
    return under(f)->pMethods->xSectorSize(under(f));
}

static int do_traits(sqlite3_file *f)
{
    return under(f)->pMethods->xDeviceCharacteristics(under(f));
}

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    static const sqlite3_io_methods methods = {.iVersion = 1, // no shared memory: never a WAL
                                               .xClose = do_close,
                                               .xRead = do_read,
                                               .xWrite = do_write,
                                               .xTruncate = do_truncate,
                                               .xSync = do_sync,
                                               .xFileSize = do_size,
                                               .xLock = do_lock,
                                               .xUnlock = do_unlock,
                                               .xCheckReservedLock = do_reserved,
                                               .xFileControl = do_control,
                                               .xSectorSize = do_sector,
                                               .xDeviceCharacteristics = do_traits};
    (void)vfs;
    struct file *file = file_of(f);
    file->under = (sqlite3_file *)(file + 1);
    file->base.pMethods = NULL;
    int code = own->xOpen(own, name, file->under, flags, ret_flags);
    if (file->under->pMethods)
        file->base.pMethods = &methods;
    return code;
}

bool samefile_register(void)
{
    static sqlite3_vfs vfs;
    if (own)
        return true;
    sqlite3_vfs *found = sqlite3_vfs_find(NULL);
    if (!found)
        return false;
    vfs = *found; // all but opening goes straight to it
    vfs.zName = SAMEFILE_VFS;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct file) + found->szOsFile;
    vfs.xOpen = do_open;
    own = found;
    return sqlite3_vfs_register(&vfs, /* makeDflt= */ 0) == SQLITE_OK;
}

int64_t samefile_written(void)
{
    return atomic_load(&written);
}
