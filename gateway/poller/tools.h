// The field tools as calls: poller/test, read, write, scan. They go on the line between the polls, as jobs of
// the inlet. Who may call is the broker's matter; what a write may touch is guard_write's (tools/guard.h).
#ifndef EDGEWATT_POLLER_TOOLS_H
#define EDGEWATT_POLLER_TOOLS_H

#include "poller/fleet.h"
#include "service/service.h"

struct tools;

// Serves the calls. The fleet must outlive the calls: free the fleet first (it ends every job), then this.
struct tools *tools_new(struct ew_service *service, struct fleet *fleet);
void tools_free(struct tools *tools); // takes NULL
// The retained bus/<id>/scan of scans that run or ended a moment ago, once more: after a connect.
void tools_publish_all(struct tools *tools);

#endif
