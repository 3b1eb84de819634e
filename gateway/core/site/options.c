// The small singletons: sampling, csv, gas, web, modbus_server.
#include "core/site/site_priv.h"

enum ew_err site_sampling_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    static const int minutes[] = {1, 2, 5, 10, 15, 30, 60}; // REC-01
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    int interval;
    site_read_count(&o, "interval_min", 1, 60, 10, &interval);
    bool known = false;
    for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++)
        known = known || minutes[i] == interval;
    if (!known)
        ew_json_fail(&o, "interval_min", "site.interval", "must be 1, 2, 5, 10, 15, 30 or 60");
    int budget_mb;
    site_read_count(&o, "budget_mb", 0, 1000000, 0, &budget_mb); // 0 = no limit
    return ew_json_close(&o);
}

enum ew_err site_csv_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    static const char *const decimals[] = {",", ".", NULL}, *const separators[] = {";", ",", NULL}; // REC-04
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    int decimal = 0, separator = 0, every;
    site_read_count(&o, "every_h", 1, 24, 6,
                    &every); // REC-03: how often the files of the running month are written
    ew_json_enum(&o, "decimal", EW_OPTIONAL, decimals, &decimal);
    ew_json_enum(&o, "separator", EW_OPTIONAL, separators, &separator);
    if (decimal == 0 && separator == 1)
        ew_json_fail(&o, "separator", "site.csv_commas",
                     "decimal separator and field separator can't both be a comma");
    return ew_json_close(&o);
}

enum ew_err site_gas_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    double factor = 0;
    ew_json_number(&o, "kwh_per_m3", EW_REQUIRED, 1, 50, &factor); // natural gas 8..13, propane 26, butane 34
    return ew_json_close(&o);
}

enum ew_err site_web_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    static const char *const http[] = {"redirect", "plain", NULL};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    int choice = 0;
    ew_json_enum(&o, "http", EW_OPTIONAL, http, &choice);
    return ew_json_close(&o);
}

enum ew_err site_modbus_server_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    bool on, writes;
    site_read_flag(&o, "on", false, &on); // SYS-04: default OFF
    site_read_flag(&o, "writes", false, &writes);
    return ew_json_close(&o);
}
