// Inside of the tools: tools.c has read, write and test, scans.c the scans, preview.c register tables under
// test.
#ifndef EDGEWATT_POLLER_TOOLS_PRIV_H
#define EDGEWATT_POLLER_TOOLS_PRIV_H

#include "poller/fleet_priv.h"
#include "poller/tools.h"
#include "tools/survey.h"

enum {
    TOOLS_PER_BUS_MAX = 8, // single jobs of tools on one bus at once: the inlet stays free for set-points
    SCANS_MAX = EW_BUSES_MAX,
    SCAN_KEPT_MS = 10 * 60 * 1000 // a scan that is over stays readable so long
};

struct scan_run {
    struct tools *tools;
    int64_t bus;
    struct survey *survey;
    struct shelf *shelf; // its profiles
    struct ew_timer timer;
    bool asking; // a job is on the line
    int again;   // tries of this question while the way was closed
    int64_t published_ms;
};

struct tools {
    struct ew_service *service;
    struct fleet *fleet;
    struct {
        int64_t bus;
        int count;
    } busy[EW_BUSES_MAX];
    int scan_count;
    struct scan_run *scans[SCANS_MAX]; // one a bus
};

// The call poller/scan {bus, action: "start" | "stop" | "status", from?, to?, quick?}.
void scans_serve(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms);
void scans_free(struct tools *tools);

// A bus that jobs can be given to: EW_E_UNKNOWN otherwise (inlet.no_bus).
const struct bus *tools_bus(const struct tools *tools, int64_t id, struct ew_reason *reason);
// Gives a job to a bus on behalf of a tool: EW_E_BUSY (tool.busy) when others are at work on it. The job's
// tag is taken. tools_back: first thing when it has come back.
enum ew_err tools_give(struct tools *tools, int64_t bus, struct inlet_job *job,
                       struct ew_reason *reason) EW_MUST_CHECK;
void tools_back(struct tools *tools, const struct inlet_job *job);

// preview.c, the call poller/preview {bus, unit, profile, from?}: registers of a profile under test, as a
// device has them now.
void preview_serve(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms);

#endif
