#include "proto/files.h"

#include "proto/err.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

void files_allow(unsigned long n)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= n)
        return;
    files.rlim_cur = files.rlim_max < n ? files.rlim_max : n;
    setrlimit(RLIMIT_NOFILE, &files);
}

int files_put(int fd, const void *bytes, size_t n, uint64_t offset)
{
    for (const char *p = bytes; n;) {
        ssize_t done = pwrite(fd, p, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ERR_IO;
        p += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}
