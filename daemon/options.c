#include "daemon/options.h"

#include <stdlib.h>
#include <string.h>

#ifndef PARETOD_ASSETS
#define PARETOD_ASSETS "assets"
#endif

#define LEASE_S 30

static const char help[] =
    "paretod: traces the Pareto front between alignment reward and alignment tax.\n"
    "\n"
    "usage: paretod --db DIR --listen ADDRESS [--listen ADDRESS ...] [options]\n"
    "\n"
    "  --db DIR           directory of the database; made when it is not there\n"
    "  --listen ADDRESS   unix:PATH or IP:PORT (port 0: any free one), at most 8 of them\n"
    "  --assets DIR       files of the dashboard (default " PARETOD_ASSETS ")\n"
    "  --lease-s N        seconds a worker may be silent before its job goes to another, 1 to 3600 (default "
    "30)\n"
    "  --log-level L      debug, info, warn or error (default info)\n"
    "  --help, --version\n"
    "\n"
    "example:\n"
    "  paretod --db /var/lib/paretod --listen unix:/run/paretod.sock --listen 127.0.0.1:7878\n"
    "  pareto-worker --daemon unix:/run/paretod.sock --slots 1\n"
    "\n"
    "Whoever can reach an address can submit searches, and searches run commands on the workers: keep TCP "
    "on\n"
    "127.0.0.1, or put a proxy with passwords in front of the socket.\n";

const char *options_help(void)
{
    return help;
}

static int add_listen(const char *value, struct options *out, struct err *err)
{
    if (out->listen_n == LISTEN_MAX)
        return err_set(err, ERR_INVALID, "--listen: at most %d addresses", LISTEN_MAX);
    out->listen[out->listen_n++] = value;
    return 0;
}

static int read_level(const char *value, struct options *out, struct err *err)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(value, names[i])) {
            out->log_level = (enum log_level)i;
            return 0;
        }
    return err_set(err, ERR_INVALID, "--log-level %s: use debug, info, warn or error", value);
}

static int read_lease(const char *value, struct options *out, struct err *err)
{
    char *end;
    long n = strtol(value, &end, 10);
    if (end == value || *end || n < 1 || n > 3600)
        return err_set(err, ERR_INVALID, "--lease-s %s: use a whole number of seconds, 1 to 3600", value);
    out->lease_s = (int)n;
    return 0;
}

static int read_pair(const char *flag, const char *value, struct options *out, struct err *err)
{
    if (!strcmp(flag, "--listen"))
        return add_listen(value, out, err);
    if (!strcmp(flag, "--log-level"))
        return read_level(value, out, err);
    if (!strcmp(flag, "--lease-s"))
        return read_lease(value, out, err);
    if (!strcmp(flag, "--db"))
        out->db = value;
    else
        out->assets = value;
    return 0;
}

static bool takes_value(const char *flag)
{
    static const char *const flags[] = {"--db", "--listen", "--assets", "--log-level", "--lease-s"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (!strcmp(flag, flags[i]))
            return true;
    return false;
}

int options_read(int argc, char **argv, struct options *out, struct err *err)
{
    *out = (struct options){.assets = PARETOD_ASSETS, .log_level = LOG_INFO, .lease_s = LEASE_S};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            out->help = true;
            return 0;
        }
        if (!strcmp(argv[i], "--version")) {
            out->version = true;
            return 0;
        }
        if (!takes_value(argv[i]))
            return err_set(err, ERR_INVALID, "there is no option \"%s\"; see paretod --help", argv[i]);
        if (i + 1 == argc)
            return err_set(err, ERR_INVALID, "%s needs a value; see paretod --help", argv[i]);
        int rc = read_pair(argv[i], argv[i + 1], out, err);
        if (rc)
            return rc;
        i++;
    }
    if (!out->db)
        return err_set(err, ERR_INVALID, "--db DIR is missing: where should the searches be kept?");
    if (out->listen_n == 0)
        return err_set(err, ERR_INVALID, "--listen is missing, for example --listen 127.0.0.1:7878");
    return 0;
}
