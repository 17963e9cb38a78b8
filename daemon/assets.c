#include "daemon/assets.h"

#include "daemon/hash.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ASSET_MAX ((size_t)8 << 20)
#define ASSETS_MAX 64

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".json", "application/json"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".txt", "text/plain; charset=utf-8"},
        {".woff2", "font/woff2"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (!strcmp(dot, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static void load_file(struct assets *assets, const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (file && !fstat(fileno(file), &st) && S_ISREG(st.st_mode) && (size_t)st.st_size <= ASSET_MAX) {
        char *bytes = mem_zero((size_t)st.st_size + 1, 1);
        size_t len = fread(bytes, 1, (size_t)st.st_size, file);
        if (assets->n == assets->cap) {
            assets->cap = assets->cap ? 2 * assets->cap : 8;
            assets->asset = mem_grow(assets->asset, (size_t)assets->cap, sizeof *assets->asset);
        }
        struct asset *asset = &assets->asset[assets->n++];
        *asset = (struct asset){.name = mem_strdup(name), .type = type_of(name), .bytes = bytes, .len = len};
        snprintf(asset->etag, sizeof asset->etag, "%016llx", (unsigned long long)hash_fnv(0, bytes, len));
    }
    if (file)
        fclose(file);
    mem_free(path);
}

void assets_load(struct assets *assets, const char *directory)
{
    *assets = (struct assets){0};
    DIR *dir = opendir(directory);
    if (!dir) {
        log_event(LOG_WARN, "no_dashboard", "directory=%s reason=%s", LOG_QUOTE(directory),
                  LOG_QUOTE(strerror(errno)));
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) && assets->n < ASSETS_MAX)
        if (entry->d_name[0] != '.')
            load_file(assets, directory, entry->d_name);
    closedir(dir);
}

void assets_fini(struct assets *assets)
{
    for (int i = 0; i < assets->n; i++) {
        mem_free(assets->asset[i].name);
        mem_free(assets->asset[i].bytes);
    }
    mem_free(assets->asset);
    *assets = (struct assets){0};
}

const struct asset *assets_find(const struct assets *assets, const char *name)
{
    for (int i = 0; i < assets->n; i++)
        if (!strcmp(assets->asset[i].name, name))
            return &assets->asset[i];
    return NULL;
}
