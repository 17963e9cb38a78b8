#include "proto/files.h"

#include <sys/resource.h>

void files_allow(unsigned long n)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= n)
        return;
    files.rlim_cur = files.rlim_max < n ? files.rlim_max : n;
    setrlimit(RLIMIT_NOFILE, &files);
}
