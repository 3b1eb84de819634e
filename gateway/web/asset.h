// The files of the page: exactly those that its manifest names, nothing else below the folder can be reached.
#ifndef EDGEWATT_WEB_ASSET_H
#define EDGEWATT_WEB_ASSET_H

#include "base/err.h"
#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

struct web_asset {
    char path[128]; // "/assets/main-MLALAFJH.js": as in the URL, and below the folder
    char type[64];  // Content-Type
    bool gzip;      // <path>.gz lies beside it
    bool immutable; // the name holds a hash of the content
};

struct web_assets {
    char folder[PATH_MAX];
    struct web_asset *items; // NULL = the page was not built
    int count;
    const struct web_asset *index;
    char tag[40];      // ETag of the index: changes with every build
    int64_t stamp_ns;  // manifest.json as it was read
    int64_t looked_ms; // when it was last looked at
};

// folder holds manifest.json: {"version":1,"index":"/index.html","files":[{"path","type","size","gzip_size",
// "immutable"}]}. Copies the path. web_assets_refresh() reads it.
void web_assets_init(struct web_assets *assets, const char *folder);
void web_assets_done(struct web_assets *assets);

// Reads the manifest again when it changed; looks at most once a second. EW_E_UNKNOWN: the page was not
// built. After any other error the files named before stay.
enum ew_err web_assets_refresh(struct web_assets *assets, int64_t now_ms, struct ew_reason *reason);

// The file for a path of a URL: one of the manifest, or the index for "/". With `html` (a person typed the
// address or followed a link) the index also stands for a place inside the page: parts of letters, digits,
// "-" and "_", not below /api or /assets. NULL = not found.
const struct web_asset *web_assets_find(const struct web_assets *assets, const char *path, bool html);

// Opens the file (or its .gz) for reading; -1 when it has gone. *ret_size is its length now.
int web_asset_open(const struct web_assets *assets, const struct web_asset *asset, bool gzip,
                   off_t *ret_size);

#endif
