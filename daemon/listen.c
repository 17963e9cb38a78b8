#include "daemon/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 256

static int socket_failed(struct err *err, int fd, const char *where, const char *what)
{
    int saved = errno;
    if (fd >= 0)
        close(fd);
    int code = saved == EADDRINUSE ? ERR_CONFLICT : ERR_IO;
    return err_set(err, code, "cannot listen on %s: %s: %s%s", where, what, strerror(saved),
                   saved == EADDRINUSE ? "; another program has it, choose another --listen" : "");
}

/* Makes way for a new socket file: removes one that nobody answers. */
static int clear_path(const struct sockaddr_un *address, const char *where, struct err *err)
{
    struct stat st;
    if (lstat(address->sun_path, &st))
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, ERR_CONFLICT, "cannot listen on %s: that is not a socket; choose another path",
                       where);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return socket_failed(err, -1, where, "socket");
    int refused = connect(probe, (const struct sockaddr *)address, sizeof *address) ? errno : 0;
    close(probe);
    if (refused != ECONNREFUSED)
        return err_set(err, ERR_CONFLICT, "cannot listen on %s: %s", where,
                       refused ? strerror(refused) : "another paretod answers there; stop it first");
    unlink(address->sun_path);
    return 0;
}

static int check_path(const char *where, const char *path, struct err *err)
{
    size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (!*path || strlen(path) > max)
        return err_set(err, ERR_INVALID, "--listen %s: a socket path has 1 to %zu bytes", where, max);
    return 0;
}

static int open_unix(const char *where, const char *path, struct listener *out, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int rc = check_path(where, path, err);
    if (rc)
        return rc;
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    rc = clear_path(&address, where, err);
    if (rc)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return socket_failed(err, fd, where, "socket");
    mode_t old = umask(0117); /* 0660: who may open it may submit searches, and these run commands */
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(old);
    if (bound || listen(fd, BACKLOG))
        return socket_failed(err, fd, where, bound ? "bind" : "listen");
    out->fd = fd;
    snprintf(out->address, sizeof out->address, "unix:%s", path);
    snprintf(out->unix_path, sizeof out->unix_path, "%s", path);
    return 0;
}

/* "host:port" or "[v6]:port". */
static int split(const char *where, char host[128], char port[8], struct err *err)
{
    const char *colon = strrchr(where, ':');
    size_t host_n = colon ? (size_t)(colon - where) : 0;
    const char *from = where;
    if (host_n >= 2 && where[0] == '[' && where[host_n - 1] == ']') {
        from++;
        host_n -= 2;
    }
    char *end = NULL;
    long number = colon ? strtol(colon + 1, &end, 10) : -1;
    if (host_n == 0 || host_n >= 128 || number < 0 || number > 65535 || end == colon + 1 || *end)
        return err_set(err, ERR_INVALID, "--listen %s: write unix:PATH or ADDRESS:PORT, as 127.0.0.1:7878",
                       where);
    snprintf(host, 128, "%.*s", (int)host_n, from);
    snprintf(port, 8, "%ld", number);
    return 0;
}

static void describe(struct listener *out)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?";
    getsockname(out->fd, (struct sockaddr *)&address, &size);
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(out->address, sizeof out->address, "[%s]:%d", host, ntohs(v6->sin6_port));
        out->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
    snprintf(out->address, sizeof out->address, "%s:%d", host, ntohs(v4->sin_port));
    out->loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
}

/* *found: freeaddrinfo. */
static int look_up(const char *where, struct addrinfo **found, struct err *err)
{
    char host[128], port[8];
    int rc = split(where, host, port, err);
    if (rc)
        return rc;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int failed = getaddrinfo(host, port, &hints, found);
    return failed ? err_set(err, ERR_INVALID, "--listen %s: %s", where, gai_strerror(failed)) : 0;
}

static int open_tcp(const char *where, struct listener *out, struct err *err)
{
    struct addrinfo *found;
    int rc = look_up(where, &found, err);
    if (rc)
        return rc;
    int one = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (found->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    bool bad = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, BACKLOG);
    int saved = errno; /* freeaddrinfo may change it */
    freeaddrinfo(found);
    errno = saved;
    if (bad)
        return socket_failed(err, fd, where, "bind");
    out->fd = fd;
    describe(out);
    return 0;
}

int listener_open(const char *where, struct listener *out, struct err *err)
{
    *out = (struct listener){.fd = -1};
    return strncmp(where, "unix:", 5) ? open_tcp(where, out, err) : open_unix(where, where + 5, out, err);
}

int listener_check(const char *where, struct err *err)
{
    if (!strncmp(where, "unix:", 5))
        return check_path(where, where + 5, err);
    struct addrinfo *found;
    int rc = look_up(where, &found, err);
    if (!rc)
        freeaddrinfo(found);
    return rc;
}

void listener_close(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    if (*listener->unix_path)
        unlink(listener->unix_path);
    *listener = (struct listener){.fd = -1};
}

bool address_is_open(const char *address)
{
    return strncmp(address, "unix:", 5) != 0 && strncmp(address, "127.", 4) != 0 &&
           strncmp(address, "[::1]:", 6) != 0;
}
