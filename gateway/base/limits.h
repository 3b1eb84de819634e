// Everything that grows has a ceiling, and the ceiling has its reason here.
#ifndef EDGEWATT_BASE_LIMITS_H
#define EDGEWATT_BASE_LIMITS_H

enum {
    EW_NAME_MAX = 64,            // names of buses, devices, zones (bytes with the final 0)
    EW_HOST_MAX = 254,           // RFC 1035: 253 characters
    EW_BUSES_MAX = 256,          // one thread each in the poller
    EW_DEVICES_MAX = 4096,       // DEV-11: 255 on one gateway, thousands over converters
    EW_ZONES_PER_DEVICE_MAX = 5, // DEV-01
    EW_CIRCUITS_MAX = 14,        // ORG-02
    EW_PROFILES_MAX = 512,
    EW_SITE_FILE_MAX = 8 << 20, // 4096 devices x ~500 bytes, four times over
    EW_PROFILE_FILE_MAX = 256 << 10,
    EW_MQTT_PAYLOAD_MAX = 1 << 20, // largest message we accept or send; the broker refuses larger ones
    EW_TOPIC_MAX = 256,
    EW_LOG_LINE_MAX = 1024,
    EW_SESSIONS_MAX = 256, // browser sessions at once
    EW_USERS_MAX = 64,
    EW_ACCOUNTS_MAX = 64,      // integration accounts
    EW_BROWSERS_MAX = 256,     // known browsers (USR-04) of all users; each costs some 400 bytes of a file
    EW_BROWSERS_PER_USER = 16, // one person can't push out the browsers of the others

    // Web. A connection costs about 10 KiB here (60 with TLS) and up to 128 KiB of socket buffer in the
    // kernel.
    EW_WEB_CONNECTIONS_MAX = 512,    // of all kinds at once
    EW_WEB_PER_ADDRESS_MAX = 128,    // of one address (IPv6: one /64), WebSockets not counted
    EW_WEB_SOCKETS_MAX = 256,        // WebSockets to the broker
    EW_WEB_SOCKETS_PER_SESSION = 32, // open tabs of one login: one person can't take all of them
    EW_WEB_LOGINS_MAX = 8,           // logins being checked at once: config hashes one at a time
    EW_WEB_LOGINS_PER_ADDRESS = 2,
    EW_WEB_BODY_MAX = 16 << 10,          // JSON bodies
    EW_WEB_FRAME_MAX = (1 << 20) + 4096, // a WebSocket message: EW_MQTT_PAYLOAD_MAX and what is around it
    EW_WEB_QUEUE_HIGH = 64 << 10,        // a direction of the /mqtt tunnel stops reading here ...
    EW_WEB_QUEUE_LOW = 16 << 10,         // ... and goes on there
    EW_WEB_UPLOAD_MIB = 3 << 10,         // a backup: some ten times the history of 255 devices over ten years
    EW_WEB_FILES_MAX = 512,              // files of the page
    EW_WEB_MANIFEST_MAX = 256 << 10
};

#endif
