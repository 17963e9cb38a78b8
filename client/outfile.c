#include "client/outfile.h"

#include "proto/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int outfile_open(struct outfile *out, const char *path, struct err *err)
{
    struct stat there;
    *out = (struct outfile){.path = mem_strdup(path)};
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return err_set(err, ERR_IO, "%s is there and is no file; give another name to write to", path);
    out->partial = mem_printf("%s.partial-%ld", path, (long)getpid());
    out->file = fopen(out->partial, "wbe");
    if (!out->file)
        return err_set(err, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    return 0;
}

void outfile_add(struct outfile *out, struct buf *text)
{
    if (!out->errno_of && text->len && fwrite(text->data, 1, text->len, out->file) != text->len)
        out->errno_of = errno ? errno : EIO;
    if (text->full && !out->errno_of)
        out->errno_of = EFBIG;
    buf_clear(text);
}

int outfile_publish(struct outfile *out, struct err *err)
{
    if (!out->errno_of && (fflush(out->file) != 0 || fsync(fileno(out->file)) != 0))
        out->errno_of = errno;
    if (fclose(out->file) != 0 && !out->errno_of)
        out->errno_of = errno;
    out->file = NULL;
    if (!out->errno_of && rename(out->partial, out->path) != 0)
        out->errno_of = errno;
    if (out->errno_of)
        return err_set(err, ERR_IO, "%s: cannot be written: %s", out->path, strerror(out->errno_of));
    mem_free(out->partial);
    out->partial = NULL;
    return 0;
}

void outfile_close(struct outfile *out)
{
    bool is_open = out->file != NULL;
    if (is_open)
        fclose(out->file);
    if (out->partial)
        unlink(out->partial);
    mem_free(out->partial);
    mem_free(out->path);
    *out = (struct outfile){0};
}
