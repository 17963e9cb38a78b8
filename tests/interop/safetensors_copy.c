/* Reads safetensors files and writes them anew: safetensors_copy FROM TO [FROM TO …]. For safetensors_agree.py. */
#include "merge/files/safetensors.h"
#include "proto/mem.h"

#include <stdio.h>

static int copy(const char *from, const char *to, struct err *err)
{
    struct st_file *file;
    int rc = st_open(from, &file, err);
    if (rc)
        return rc;
    size_t n = st_count(file);
    struct st_tensor *tensors = mem_zero(n + 1, sizeof *tensors);
    for (size_t i = 0; i < n; i++)
        tensors[i] = *st_at(file, n - 1 - i);
    rc = st_write(to, tensors, n, err);
    mem_free(tensors);
    st_close(file);
    return rc;
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        struct err err = {0};
        if (copy(argv[i], argv[i + 1], &err)) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
    }
    return 0;
}
