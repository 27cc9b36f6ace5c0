/* The floor for a TCP proxy: one thread, one epoll, read and write, nothing else.   forwarder PORT (prints its own port) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int peer[1 << 16];
static char buffer[1 << 16];

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  return a;
}

static void watch(int epoll, int fd) {
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

int main(int argc, char **argv) {
  struct sockaddr_in own = loopback(0), to = loopback(atoi(argv[argc - 1]));
  socklen_t length = sizeof own;
  int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
  bind(listener, (struct sockaddr *)&own, sizeof own);
  listen(listener, 1024);
  getsockname(listener, (struct sockaddr *)&own, &length);
  printf("%d\n", ntohs(own.sin_port));
  fflush(stdout);
  watch(epoll, listener);
  for (;;) {
    struct epoll_event events[256];
    int n = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int client = accept(listener, 0, 0), service = socket(AF_INET, SOCK_STREAM, 0);
        connect(service, (struct sockaddr *)&to, sizeof to);
        peer[client] = service, peer[service] = client;
        watch(epoll, client), watch(epoll, service);
        continue;
      }
      ssize_t got = peer[fd] ? read(fd, buffer, sizeof buffer) : 0;
      for (ssize_t sent = 0; got > 0 && sent < got;) {
        ssize_t some = write(peer[fd], buffer + sent, got - sent);
        if (some < 0) got = 0;
        sent += some;
      }
      if (got <= 0 && peer[fd]) {
        int other = peer[fd];
        peer[fd] = peer[other] = 0;
        close(fd), close(other);
      }
    }
  }
}
