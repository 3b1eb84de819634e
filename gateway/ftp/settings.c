#include "ftp/settings.h"

#include "core/ftp/ftp.h"
#include <string.h>

// What a quoted word of proftpd.conf holds as it stands: no quotes, no variables, no patterns, no end of
// line.
static bool path_plain(const char *path)
{
    for (const char *p = path; *p; p++)
        if ((unsigned char)*p < ' ' || strchr("\"\\%*?[]{}$", *p))
            return false;
    return path[0] == '/';
}

// A server that knows only the virtual user, and nothing of this machine.
static void add_login(const struct ftp_setting *s, struct ew_buf *t)
{
    ew_buf_printf(t,
                  "User %s\n"
                  "Group %s\n"
                  "ServerName \"Edgewatt\"\n"
                  "ServerIdent on \"Edgewatt\"\n"
                  "ServerAdmin \"Edgewatt\"\n"
                  "ServerType inetd\n"
                  "Port 0\n"
                  "UseReverseDNS off\n"
                  "WtmpLog off\n"
                  "AuthPAM off\n"
                  "CapabilitiesEngine off\n"
                  "RootLogin %s\n" // root without its powers: see jail.c
                  "AuthOrder mod_auth_file.c\n"
                  "AuthUserFile \"%s/passwd\"\n"
                  "AuthGroupFile \"%s/group\"\n"
                  "RequireValidShell off\n"
                  "DefaultRoot ~\n"
                  "DelayEngine off\n" // there is one user, whose name everybody knows
                  "ScoreboardFile none\n"
                  "TransferLog none\n"
                  "SystemLog \"%s/log\"\n"
                  "LogFormat done \" proftpd[%%P] (%%a): %%m %%f %%s\"\n"
                  "ExtendedLog \"%s/log\" WRITE,AUTH done\n"
                  "DebugLevel 0\n",
                  s->user, s->group, s->uid == 0 ? "on" : "off", s->run, s->run, s->run, s->run);
}

static void add_bounds(struct ew_buf *t)
{
    ew_buf_printf(t,
                  "MaxLoginAttempts 3\n"
                  "TimeoutLogin 30\n"
                  "TimeoutIdle 300\n"
                  "TimeoutNoTransfer 300\n"
                  "TimeoutStalled 60\n"
                  "TimeoutSession 14400\n"
                  "CommandBufferSize 512\n"
                  "PassivePorts %d %d\n"
                  "MaxStoreFileSize %d Mb\n"
                  "ListOptions \"\" maxdepth 3 maxdirs 200 maxfiles 20000\n",
                  FTP_PASSIVE_FIRST, FTP_PASSIVE_LAST, FTP_UPLOAD_MAX_MB);
}

static void add_tls(const struct ftp_setting *s, struct ew_buf *t)
{
    ew_buf_printf(t,
                  "LoadModule mod_tls.c\n"
                  "TLSEngine on\n"
                  "TLSRequired %s\n"
                  "TLSProtocol TLSv1.2 TLSv1.3\n"
                  "TLSRSACertificateFile \"%s/tls.pem\"\n"
                  "TLSRSACertificateKeyFile \"%s/tls.pem\"\n"
                  // Many clients open the data connection as a session of its own.
                  "TLSOptions NoSessionReuseRequired\n"
                  "TLSRenegotiate none\n"
                  "TLSLog none\n",
                  s->plain ? "off" : "on", s->run, s->run);
}

// The folder: read only, but for the one file at its top, which is seen when it is whole.
static void add_rights(const struct ftp_setting *s, struct ew_buf *t)
{
    ew_buf_printf(t,
                  "DirFakeUser on " FTP_USER "\n"
                  "DirFakeGroup on " FTP_USER "\n"
                  "ShowSymlinks off\n"
                  "AllowOverwrite on\n"
                  "AllowStoreRestart off\n"
                  "HiddenStores .in.%%P.\n"
                  "DeleteAbortedStores on\n"
                  "Umask 0022\n"
                  // HideFiles looks at the last name of a path only.
                  "DenyFilter (^|[/[:space:]])\\.(\\.?[^./[:space:]]|\\.\\.)\n"
                  "PathAllowFilter ^/database\\.zip$\n"
                  "<Limit WRITE SITE MFF MFMT>\n"
                  "  DenyAll\n"
                  "</Limit>\n"
                  "<Directory \"%s\">\n"
                  "  HideFiles ^\\.\n"
                  "  <Limit ALL>\n"
                  "    IgnoreHidden on\n"
                  "  </Limit>\n"
                  "  <Limit STOR>\n"
                  "    AllowAll\n"
                  "  </Limit>\n"
                  "</Directory>\n"
                  "<Directory \"%s/*\">\n"
                  "  <Limit WRITE>\n"
                  "    DenyAll\n"
                  "  </Limit>\n"
                  "</Directory>\n",
                  s->folder, s->folder);
}

enum ew_err ftp_config_write(const struct ftp_setting *setting, struct ew_buf *text, struct ew_reason *reason)
{
    if (!path_plain(setting->folder) || !path_plain(setting->run))
        return ew_fail(reason, EW_E_INVALID, "ftp.path", setting->folder,
                       "FTP can't serve a folder whose path holds quotes, wildcards or brackets.");
    add_login(setting, text);
    add_bounds(text);
    add_tls(setting, text);
    add_rights(setting, text);
    return text->full ? ew_fail(reason, EW_E_TOO_LARGE, "ftp.path", setting->folder, "the path is too long")
                      : EW_OK;
}

void ftp_passwd_write(const struct ftp_setting *setting, const char *hash, struct ew_buf *text)
{
    ew_buf_printf(text, FTP_USER ":%s:%ld:%ld::%s:/bin/false\n", hash, setting->uid, setting->gid,
                  setting->folder);
}

void ftp_group_write(const struct ftp_setting *setting, struct ew_buf *text)
{
    ew_buf_printf(text, FTP_USER ":x:%ld:\n", setting->gid);
}
