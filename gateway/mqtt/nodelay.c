// Paho 1.3.12 never sets TCP_NODELAY: a request and its answer at QoS 1 then cost 2 x 40 ms (Nagle's
// algorithm against delayed acknowledgements; paho.mqtt.c issue 530). The linker sends its calls of connect()
// here (-Wl,--wrap=connect).
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    if (address->sa_family == AF_INET || address->sa_family == AF_INET6) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // without it we are slow, not wrong
    }
    return __real_connect(fd, address, len);
}
