#define PCRE2_CODE_UNIT_WIDTH 8

#include "merge/plan/pattern.h"

#include "proto/mem.h"

#include <pcre2.h>
#include <stdint.h>
#include <string.h>

#define LENGTH_MAX 1000  /* bytes of a pattern; what a search holds is shorter */
#define NESTING_MAX 50   /* parentheses in parentheses */
#define DEPTH_MAX 2000   /* of nested backtracking */
#define HEAP_MAX_KIB 512 /* a match may take */

struct pattern {
    const char *field;
    char *text;
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *data;
};

/* PCRE2 takes its memory like everybody: running out of it is not an error that it reports. */
static void *allocate(size_t n, void *ctx)
{
    (void)ctx;
    return mem_zero(n, 1);
}

static void release(void *p, void *ctx)
{
    (void)ctx;
    mem_free(p);
}

static int complain(const char *field, const char *text, int code, size_t at, struct err *err)
{
    unsigned char reason[128];
    size_t characters = 0;
    if (pcre2_get_error_message(code, reason, sizeof reason) < 0)
        memcpy(reason, "unknown error", sizeof "unknown error");
    for (size_t i = 0; i < at; i++)
        characters += ((unsigned char)text[i] & 0xC0) != 0x80; /* not the later bytes of one */
    return err_set(err, ERR_INVALID, "%s: \"%.120s\" is not a regular expression: %s (character %zu)", field,
                   text, (const char *)reason, characters + 1);
}

int pattern_compile(const char *field, const char *text, bool whole, struct pattern **out, struct err *err)
{
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
    int code;
    size_t at;
    *out = NULL;
    pcre2_general_context *memory = pcre2_general_context_create(allocate, release, NULL);
    pcre2_compile_context *limits = pcre2_compile_context_create(memory);
    pcre2_set_max_pattern_length(limits, LENGTH_MAX);
    pcre2_set_parens_nest_limit(limits, NESTING_MAX);
    if (whole)
        options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &code, &at, limits);
    pcre2_compile_context_free(limits);
    if (!compiled) {
        pcre2_general_context_free(memory);
        return complain(field, text, code, at, err);
    }
    struct pattern *pattern = mem_zero(1, sizeof *pattern);
    *pattern = (struct pattern){.field = field, .text = mem_strdup(text), .code = compiled};
    pattern->limits = pcre2_match_context_create(memory);
    pattern->data = pcre2_match_data_create_from_pattern(compiled, memory);
    pcre2_general_context_free(memory);
    pcre2_set_match_limit(pattern->limits, PATTERN_STEPS);
    pcre2_set_depth_limit(pattern->limits, DEPTH_MAX);
    pcre2_set_heap_limit(pattern->limits, HEAP_MAX_KIB);
    *out = pattern;
    return 0;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_data_free(pattern->data);
    pcre2_match_context_free(pattern->limits);
    pcre2_code_free(pattern->code);
    mem_free(pattern->text);
    mem_free(pattern);
}

unsigned pattern_groups(const struct pattern *pattern)
{
    uint32_t n = 0;
    pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &n);
    return n;
}

static int cannot_match(const struct pattern *pattern, const char *subject, int code, struct err *err)
{
    unsigned char reason[128];
    if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT || code == PCRE2_ERROR_HEAPLIMIT)
        return err_set(err, ERR_INVALID,
                       "%s: \"%.120s\" takes too long on \"%.120s\"; write it without repetitions inside "
                       "repetitions",
                       pattern->field, pattern->text, subject);
    if (pcre2_get_error_message(code, reason, sizeof reason) < 0)
        memcpy(reason, "unknown error", sizeof "unknown error");
    return err_set(err, ERR_INVALID, "%s: \"%.120s\" cannot be matched with \"%.120s\": %s", pattern->field,
                   pattern->text, subject, (const char *)reason);
}

int pattern_match(struct pattern *pattern, const char *subject, struct pattern_match *match, struct err *err)
{
    *match = (struct pattern_match){0};
    int rc = pcre2_match(pattern->code, (PCRE2_SPTR)subject, strlen(subject), 0, 0, pattern->data,
                         pattern->limits);
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    if (rc < 0)
        return cannot_match(pattern, subject, rc, err);
    const size_t *ends = pcre2_get_ovector_pointer(pattern->data);
    match->found = true;
    if (rc > 1 && ends[2] != PCRE2_UNSET) {
        match->group = subject + ends[2];
        match->group_n = ends[3] - ends[2];
    }
    return 0;
}
