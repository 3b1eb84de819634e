// Structured log on standard error, made for the journal: "<level>subject: message key=value". A message that
// repeats within 10 s is counted and said once more at the end ("... repeated 41 times"). Threads may log.
// Libraries and core never log: they return a reason. Secrets never.
//   error = we stop or lose data; warning = "..., ignoring" or "..., retrying"; notice = a state changed;
//   info = lifecycle; debug = per message.
#ifndef EDGEWATT_BASE_LOG_H
#define EDGEWATT_BASE_LOG_H

#include "base/err.h"

enum ew_log_level {
    EW_LOG_ERROR = 3,
    EW_LOG_WARNING = 4,
    EW_LOG_NOTICE = 5,
    EW_LOG_INFO = 6,
    EW_LOG_DEBUG = 7
}; // syslog's numbers

// Levels above max are dropped before formatting. service names the process in every line; not copied.
// With EDGEWATT_LOG=debug|info|notice|warning|error in the environment that wins over max.
void ew_log_init(const char *service, enum ew_log_level max);
void ew_log(enum ew_log_level level, const char *subject, const char *fmt, ...) EW_PRINTF(3, 4);
// Logs reason->text with its path, and returns reason->err.
enum ew_err ew_log_reason(enum ew_log_level level, const char *subject, const struct ew_reason *reason);
// Writes the pending "repeated n times" line.
void ew_log_flush(void);

#define ew_error(...)   ew_log(EW_LOG_ERROR, __VA_ARGS__)
#define ew_warning(...) ew_log(EW_LOG_WARNING, __VA_ARGS__)
#define ew_notice(...)  ew_log(EW_LOG_NOTICE, __VA_ARGS__)
#define ew_info(...)    ew_log(EW_LOG_INFO, __VA_ARGS__)
#define ew_debug(...)   ew_log(EW_LOG_DEBUG, __VA_ARGS__)

#endif
