/* The bytes of an open file: through the map where that is fast and safe, with pread elsewhere. */
#include "merge/files/safetensors_internal.h"
#include "proto/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* statfs's f_type of file systems whose pages come over a network or from another process. */
static bool is_remote(unsigned type)
{
    static const unsigned remote[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFE534D42, /* SMB2 */
        0xFF534D42, /* CIFS */
        0x0BD00BD0, /* Lustre */
        0x65735546, /* FUSE: sshfs, rclone, s3fs, gcsfuse, virtiofs */
        0x01021997, /* 9p */
        0x00C36400, /* Ceph */
        0x5346414F, /* AFS */
        0x6B414653, /* AFS of the kernel */
        0x47504653, /* GPFS */
        0x19830326, /* BeeGFS */
        0x7461636F, /* OCFS2 */
        0x01161970, /* GFS2 */
        0x20030528, /* PVFS2, OrangeFS */
        0xAAD7AAEA, /* PanFS */
        0x73757245, /* Coda */
        0x786F4256, /* VirtualBox's shared folders */
    };
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        if (type == remote[i])
            return true;
    return false;
}

static int choose(struct st_disk *disk, struct err *err)
{
    const char *said = getenv("PARETOD_READ");
    struct statfs fs;
    if (said && *said && strcmp(said, "map") != 0 && strcmp(said, "pread") != 0)
        return err_set(err, ERR_INVALID, "PARETOD_READ must be \"map\" or \"pread\", is \"%.40s\"", said);
    if (said && *said)
        disk->by_pread = strcmp(said, "pread") == 0;
    else
        disk->by_pread = fstatfs(disk->fd, &fs) == 0 && is_remote((unsigned)fs.f_type);
    return 0;
}

static uint64_t nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

void st_stat_identity(const struct stat *st, uint64_t out[ST_IDENTITY_N])
{
    out[0] = st->st_dev;
    out[1] = st->st_ino;
    out[2] = (uint64_t)st->st_size;
    out[3] = nanoseconds(&st->st_mtim);
    out[4] = nanoseconds(&st->st_ctim);
}

static int look(struct st_disk *disk, struct err *err)
{
    const char *shown = st_show_path(disk->path);
    struct stat st;
    if (fstat(disk->fd, &st) != 0)
        return err_set(err, ERR_IO, "%s: %s", shown, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "%s: is not a regular file", shown);
    if (st.st_size == 0)
        return err_set(err, ERR_CORRUPT, "%s: is empty; download it again", shown);
    disk->bytes = (uint64_t)st.st_size;
    st_stat_identity(&st, disk->identity);
    return choose(disk, err);
}

int st_disk_open(struct st_disk *disk, const char *path, struct err *err)
{
    *disk = (struct st_disk){.path = mem_strdup(path)};
    /* O_NONBLOCK so that a pipe in place of a file cannot hold us. */
    disk->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (disk->fd < 0)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: cannot be opened: %s%s",
                       st_show_path(path), strerror(errno),
                       errno == EMFILE ? "; raise the limit (ulimit -n)" : "");
    int rc = look(disk, err);
    if (rc)
        return rc;
    void *map = mmap(NULL, (size_t)disk->bytes, PROT_READ, MAP_PRIVATE, disk->fd, 0);
    if (map != MAP_FAILED)
        disk->map = map;
    else
        disk->by_pread = true;
    if (disk->by_pread) /* twice the read-ahead */
        posix_fadvise(disk->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

void st_disk_close(struct st_disk *disk)
{
    if (disk->map)
        munmap(disk->map, (size_t)disk->bytes);
    if (disk->path && disk->fd >= 0)
        close(disk->fd);
    mem_free(disk->path);
    *disk = (struct st_disk){.fd = -1};
}

int st_disk_read(const struct st_disk *disk, uint64_t offset, size_t n, void *out, const char *what,
                 struct err *err)
{
    for (char *p = out; n;) {
        ssize_t done = pread(disk->fd, p, n < 1 << 30 ? n : 1 << 30, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_set(err, ERR_IO, "%s: %s: cannot be read: %s", st_show_path(disk->path), what,
                           strerror(errno));
        if (done == 0)
            return err_set(
                err, ERR_CORRUPT,
                "%s: %s: the file has become shorter than the %llu bytes it had when it was opened; "
                "download it again",
                st_show_path(disk->path), what, (unsigned long long)disk->bytes);
        p += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

bool st_read_copies(const struct st_tensor *tensor)
{
    return tensor->disk && tensor->disk->by_pread;
}

const void *st_read(const struct st_tensor *tensor, uint64_t offset, size_t n, void *room, struct err *err)
{
    assert(offset <= tensor->bytes && n <= tensor->bytes - offset);
    if (n == 0)
        return room ? room : "";
    if (!st_read_copies(tensor))
        return (const char *)tensor->data + offset;
    char what[128] = "tensor \"";
    strcat(what, st_show(tensor->name).text);
    strcat(what, "\"");
    return st_disk_read(tensor->disk, tensor->offset + offset, n, room, what, err) ? NULL : room;
}

void st_ahead(const struct st_tensor *tensor, uint64_t offset, uint64_t n)
{
    if (tensor->disk)
        posix_fadvise(tensor->disk->fd, (off_t)(tensor->offset + offset), (off_t)n, POSIX_FADV_WILLNEED);
}

/* A fault brings the pages around it too, up to this size, also those that were left a moment ago. */
#define FAULT_AROUND (64u << 10)

void st_behind(const struct st_tensor *tensor, uint64_t offset, uint64_t n)
{
    if (!tensor->disk || !tensor->disk->map || n == 0)
        return;
    uintptr_t map = (uintptr_t)tensor->disk->map, begin = map + tensor->offset + offset, end = begin + n;
    begin -= begin % FAULT_AROUND; /* a neighbour's page comes back by itself: nobody writes to the map */
    end += FAULT_AROUND - end % FAULT_AROUND;
    begin = begin < map ? map : begin;
    end = end > map + tensor->disk->bytes ? map + tensor->disk->bytes : end;
    madvise((void *)begin, end - begin, MADV_DONTNEED);
}
