# Libraries from the distribution. Each is named once, here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(cjson REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(zip REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(modbus REQUIRED IMPORTED_TARGET libmodbus)
pkg_check_modules(websockets REQUIRED IMPORTED_TARGET libwebsockets)
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(ssl REQUIRED IMPORTED_TARGET libssl)
find_library(CSV_LIBRARY NAMES csv REQUIRED) # libcsv has no pkg-config file
if(EDGEWATT_TESTS)
    pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()

# Paho is linked statically so that three of its mistakes can be mended from outside, by wrapping the calls:
# it never sets TCP_NODELAY, which costs 2 x 40 ms a round trip (gateway/mqtt/nodelay.c), it loses wake-ups,
# which costs a second now and then (gateway/mqtt/wakeup.c), and it leaks what it could not send
# (gateway/mqtt/unsent.c).
find_library(PAHO_ASYNC_LIBRARY NAMES libpaho-mqtt3a.a REQUIRED)
add_library(paho_async INTERFACE)
target_link_libraries(paho_async INTERFACE ${PAHO_ASYNC_LIBRARY} Threads::Threads)
foreach(symbol connect Thread_signal_cond Thread_wait_cond MQTTAsync_NULLPublishCommands)
    target_link_options(paho_async INTERFACE -Wl,--wrap=${symbol} -Wl,--undefined=__wrap_${symbol})
endforeach()
