#include "backup/backup_priv.h"

#include "base/file.h"
#include "service/paths.h"

static cJSON *read_own_site(const char *data_dir)
{
    char path[PATH_MAX];
    struct ew_buf text;
    cJSON *tree = NULL;
    ew_path(path, data_dir, "site.json");
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    if (ew_file_read(path, EW_SITE_FILE_MAX, &text, NULL) == EW_OK)
        (void)!ew_json_parse(ew_buf_text(&text), text.len, EW_SITE_FILE_MAX, &tree, NULL);
    ew_buf_done(&text);
    return tree;
}

void backup_compare(const char *data_dir, const struct backup_content *content, struct backup_change *ret)
{
    static const char *const lists[BACKUP_ROWS - 1] = {"buses", "devices", "panels",    "circuits",
                                                       "zones", "tariffs", "cost_rules"};
    char path[PATH_MAX];
    cJSON *own = read_own_site(data_dir);
    const cJSON *site = cJSON_GetObjectItemCaseSensitive(own, "site");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(site, "id"));
    ew_copy(ret->site_now, sizeof(ret->site_now), id ? id : "");
    for (int i = 0; i < BACKUP_ROWS - 1; i++)
        ret->rows[i] = (struct backup_row){lists[i], backup_list_size(own, lists[i]),
                                           backup_list_size(content->site, lists[i])};
    ew_path(path, data_dir, "secrets/config.json");
    int64_t users = backup_count_users(path);
    ret->rows[BACKUP_ROWS - 1] =
        (struct backup_row){"users", users, content->unsealed ? content->manifest.users : users};
    cJSON_Delete(own);
}
