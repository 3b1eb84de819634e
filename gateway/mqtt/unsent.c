// Paho 1.3.12 forgets to free the topic and payload of messages that were queued but never sent when a handle
// is destroyed: MQTTAsync_destroy() takes them for shared with messages under way, which they never are
// (upstream dropped that call in 1.3.14). The linker sends the call here
// (-Wl,--wrap=MQTTAsync_NULLPublishCommands), and nothing happens. Since we destroy a handle at each loss of
// the connection, it would cost up to the whole outbox each time.
void __wrap_MQTTAsync_NULLPublishCommands(void *client);

void __wrap_MQTTAsync_NULLPublishCommands(void *client)
{
    (void)client;
}
