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
    EW_ACCOUNTS_MAX = 64 // integration accounts
};

#endif
