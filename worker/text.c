#include "worker/text.h"

#include <ctype.h>
#include <stddef.h>

/* Bytes of the sequence that begins with `first`, 0 for a byte that begins none. */
static int sequence_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

uint32_t text_next(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    if (!*s)
        return 0;
    int n = sequence_length(*s);
    uint32_t c = n == 1 ? *s : n ? *s & (0x7fu >> n) : 0xfffd;
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            n = 0;
            c = 0xfffd;
            break;
        }
        c = c << 6 | (s[i] & 0x3f);
    }
    *p += n ? n : 1;
    return c;
}

void text_put(struct buf *buf, uint32_t c)
{
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    bytes[0] = (char)(lead[n] | c);
    buf_add(buf, bytes, n);
}

struct range {
    uint32_t first, last;
};

static bool within(uint32_t c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    }
    return false;
}

bool text_space(uint32_t c)
{
    static const struct range spaces[] = {
        {0x09, 0x0d},     {0x1c, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
        {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
    return within(c, spaces, sizeof spaces / sizeof *spaces);
}

bool text_word(uint32_t c)
{
    /* Punctuation, signs and symbols beyond ASCII; all else is taken for letters and digits. */
    static const struct range others[] = {
        {0x80, 0xa9},      {0xab, 0xb1},     {0xb4, 0xb4},     {0xb6, 0xb8},     {0xbb, 0xbb},
        {0xbf, 0xbf},      {0xd7, 0xd7},     {0xf7, 0xf7},     {0x2000, 0x206f}, {0x20a0, 0x20cf},
        {0x2190, 0x245f},  {0x2500, 0x2bff}, {0x2e00, 0x2e7f}, {0x3000, 0x3004}, {0x3008, 0x3020},
        {0xfe10, 0xfe1f},  {0xfe30, 0xfe6f}, {0xff01, 0xff0f}, {0xff1a, 0xff20}, {0xfffd, 0xfffd},
        {0x1f000, 0x1faff}};
    if (c < 0x80)
        return c == '_' || isalnum((int)c);
    return !text_space(c) && !within(c, others, sizeof others / sizeof *others);
}

uint32_t text_lower(uint32_t c)
{
    /* Capitals at even code points and at odd ones, each before its small letter. */
    static const struct range even[] = {{0x100, 0x12f}, {0x132, 0x137},   {0x14a, 0x177},
                                        {0x370, 0x373}, {0x460, 0x481},   {0x48a, 0x4bf},
                                        {0x4d0, 0x52f}, {0x1e00, 0x1e95}, {0x1ea0, 0x1eff}};
    static const struct range odd[] = {{0x139, 0x148}, {0x179, 0x17e}, {0x4c1, 0x4ce}};
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3ab && c != 0x3a2) ||
        (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if (c >= 0x531 && c <= 0x556)
        return c + 48;
    if (within(c, even, sizeof even / sizeof *even))
        return c | 1;
    if (within(c, odd, sizeof odd / sizeof *odd))
        return c + (c & 1);
    return c;
}
