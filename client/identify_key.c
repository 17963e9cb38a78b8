#include "client/identify_key.h"

#include "merge/files/hash.h"
#include "proto/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int add_file(struct hash_stream *stream, const char *path, struct err *err)
{
    char block[65536];
    size_t n;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    while ((n = fread(block, 1, sizeof block, file)) > 0)
        hash_add(stream, block, n);
    int failed = ferror(file);
    fclose(file);
    return failed ? err_set(err, ERR_IO, "%s: cannot be read", path) : 0;
}

/* A checkpoint is known by names, sizes and times: reading it is the daemon's, who looks at every byte. A file that is only
 * touched makes another search, one that is another file never the same. */
static int add_checkpoint(struct hash_stream *stream, const char *directory, struct err *err)
{
    struct dirent **names = NULL;
    int n = scandir(directory, &names, NULL, alphasort);
    if (n < 0)
        return err_set(err, ERR_IO, "%s: %s", directory, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct stat st;
        char *path = mem_printf("%s/%s", directory, names[i]->d_name);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            const int64_t about[] = {st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
            hash_add(stream, names[i]->d_name, strlen(names[i]->d_name) + 1);
            hash_add(stream, about, sizeof about);
        }
        mem_free(path);
        free(names[i]);
    }
    free(names);
    return 0;
}

int identify_key(const struct identify *identify, const char *bundle, const char *model,
                 const struct buf *body, char key[SUBMIT_KEY_MAX], struct err *err)
{
    char text[HASH_TEXT_MAX];
    struct hash_stream *stream = hash_create();
    char *path = mem_printf("%s/bundle.json", bundle);
    hash_add(stream, body->data, body->len);
    int rc = add_file(stream, path, err);
    if (!rc)
        rc = add_file(stream, identify->file, err);
    if (!rc)
        rc = add_file(stream, identify->vocab, err);
    if (!rc)
        rc = add_checkpoint(stream, model, err);
    hash_print(hash_value(stream), text);
    snprintf(key, SUBMIT_KEY_MAX, "identify-%s", text);
    hash_destroy(stream);
    mem_free(path);
    return rc;
}
