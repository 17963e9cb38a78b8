/* The malformed and odd safetensors files that tests/unit/merge reads, and that tests/fuzz begins with. */
#ifndef TESTS_MERGE_MALFORMED_H
#define TESTS_MERGE_MALFORMED_H

#include "proto/err.h"

#include <stddef.h>

#define BODY "{\"test\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}"
#define ONE(record) "{\"test\":" record "}"
#define I32_2 "{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define SAME(name) "\"" name "\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}"
#define META "\"__metadata__\":{\"a\":\"b\"}"

struct malformed {
    const char
        *what; /* in brackets: what the reference implementation says of the same bytes in its own tests */
    const char *header;
    size_t data_n; /* zero bytes after the header */
    int code;      /* 0: must be read */
    const char *says;
    const char *tensor; /* named in the sentence */
};

static const struct malformed malformed_headers[] = {
    /* well-formed, or odd and allowed */
    {"one tensor (OK)", BODY, 16, 0, NULL, NULL},
    {"no tensors, blanks after (OK)", "{}\r \t\n", 0, 0, NULL, NULL},
    {"no tensors, blanks around (OK)", "\t\n{}\r ", 0, 0, NULL, NULL},
    {"scalar (OK)", ONE("{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]}"), 4, 0, NULL, NULL},
    {"no elements (OK)", ONE("{\"dtype\":\"I32\",\"shape\":[2,0],\"data_offsets\":[0, 0]}"), 0, 0, NULL,
     NULL},
    {"empty tensors between",
     "{\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"I8\","
     "\"shape\":[0],\"data_offsets\":[0,0]},\"c\":{\"dtype\":\"I8\",\"shape\":[0],"
     "\"data_offsets\":[4,4]}}",
     4, 0, NULL, NULL},
    {"order of offsets is free",
     "{\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[2,6]},"
     "\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
     6, 0, NULL, NULL},
    {"metadata", "{" META ",\"test\":" I32_2 "}", 8, 0, NULL, NULL},
    {"metadata null", "{\"__metadata__\":null,\"test\":" I32_2 "}", 8, 0, NULL, NULL},
    {"metadata alone", "{" META "}", 0, 0, NULL, NULL},
    {"metadata empty", "{\"__metadata__\":{}}", 0, 0, NULL, NULL},
    {"unknown field",
     ONE("{\"x\":[{\"y\":-1.5e+3},[true,false,null,\"\\u00e9\"],{}],\"dtype\":\"I32\",\"shape\":[2],"
         "\"data_offsets\":[0,8]}"),
     8, 0, NULL, NULL},
    {"fields in any order", ONE("{\"data_offsets\":[0,8],\"shape\":[2],\"dtype\":\"I32\"}"), 8, 0, NULL,
     NULL},
    {"half bytes that fill", ONE("{\"dtype\":\"F4\",\"shape\":[1,2],\"data_offsets\":[0,1]}"), 1, 0, NULL,
     NULL},
    {"eight dimensions", ONE("{\"dtype\":\"I8\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}"), 1, 0,
     NULL, NULL},
    {"empty name", "{\"\":" I32_2 "}", 8, 0, NULL, NULL},
    {"data at an odd address", BODY " ", 16, 0, NULL, NULL},
    {"a key of the metadata twice, which names nothing of ours",
     "{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, 0, NULL, NULL},

    /* data and file do not fit */
    {"extra_bogus_data_for_polyglot_file behind (MetadataIncompleteBuffer)", BODY, 16 + 34, ERR_CORRUPT,
     "34 bytes after the last tensor", "test"},
    {"14 of 16 bytes (MetadataIncompleteBuffer)", BODY, 14, ERR_CORRUPT, "is cut short", "test"},
    {"four bytes behind, as in a published file", BODY, 16 + 4, ERR_CORRUPT, "4 bytes after the last tensor",
     "test"},
    {"tail without tensors", "{}", 1, ERR_CORRUPT, "1 bytes after the last tensor", NULL},
    {"too few bytes for the shape (TensorInvalidInfo)",
     ONE("{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0, 4]}"), 4, ERR_CORRUPT,
     "hold 4 bytes, but dtype and shape make 16", "test"},
    {"shape overflows (ValidationOverflow)",
     ONE("{\"dtype\":\"I32\",\"shape\":[2,18446744073709551614],\"data_offsets\":[0,16]}"), 16, ERR_CORRUPT,
     "more bytes than 64 bits", "test"},
    {"bits overflow (ValidationOverflow)",
     ONE("{\"dtype\":\"I32\",\"shape\":[2,9223372036854775807],\"data_offsets\":[0,16]}"), 16, ERR_CORRUPT,
     "more bytes than 64 bits", "test"},
    {"overflow before a zero",
     ONE("{\"dtype\":\"I32\",\"shape\":[9223372036854775807,4,0],\"data_offsets\":[0,0]}"), 0, ERR_CORRUPT,
     "more bytes than 64 bits", "test"},
    {"half a byte (MisalignedSlice)", ONE("{\"dtype\":\"F4\",\"shape\":[1,3],\"data_offsets\":[0,2]}"), 2,
     ERR_CORRUPT, "does not fill its last byte", "test"},
    {"end before begin", ONE("{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[8,0]}"), 8, ERR_CORRUPT,
     "end before they begin", "test"},
    {"hole at the start", ONE("{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[8,16]}"), 16, ERR_CORRUPT,
     "begin at offset 8, but the tensor before ends at 0", "test"},
    {"hole between", "{\"a\":" I32_2 ",\"b\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[9,17]}}", 17,
     ERR_CORRUPT, "begin at offset 9, but the tensor before ends at 8", "b"},
    {"overlap", "{\"a\":" I32_2 ",\"b\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[7,15]}}", 15,
     ERR_CORRUPT, "begin at offset 7, but the tensor before ends at 8", "b"},
    {"all the same bytes", "{\"a\":" I32_2 ",\"b\":" I32_2 ",\"c\":" I32_2 "}", 8, ERR_CORRUPT,
     "begin at offset 0, but the tensor before ends at 8", "b"},
    {"ten tensors over the same bytes (InvalidOffset)",
     "{" SAME("0") "," SAME("1") "," SAME("2") "," SAME("3") "," SAME("4") "," SAME("5") "," SAME(
         "6") "," SAME("7") "," SAME("8") "," SAME("9") "}",
     16, ERR_CORRUPT, "begin at offset 0, but the tensor before ends at 16", "1"},
    {"offsets near 2^64",
     ONE("{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[18446744073709551614,18446744073709551615]}"), 1,
     ERR_CORRUPT, "begin at offset 18446744073709551614", "test"},
    {"size near 2^61",
     ONE("{\"dtype\":\"I8\",\"shape\":[2305843009213693951],\"data_offsets\":[0,2305843009213693951]}"), 1,
     ERR_CORRUPT, "is cut short", "test"},

    /* names and keys twice */
    {"a name twice, two places",
     "{\"a\":" I32_2 ",\"a\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16, ERR_CORRUPT,
     "stands twice", "a"},
    {"a name twice, one place", "{\"a\":" I32_2 ",\"a\":" I32_2 "}", 8, ERR_CORRUPT, "stands twice", "a"},
    {"a name twice, both empty",
     "{\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"I8\","
     "\"shape\":[0],\"data_offsets\":[0,0]}}",
     0, ERR_CORRUPT, "stands twice", "a"},
    {"a name twice by escape",
     "{\"a.b\":" I32_2 ",\"a\\u002eb\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16,
     ERR_CORRUPT, "stands twice", "a.b"},
    {"a name twice by surrogates",
     "{\"\\ud83d\\ude00\":" I32_2
     ",\"\xF0\x9F\x98\x80\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
     16, ERR_CORRUPT, "stands twice", "\xF0\x9F\x98\x80"},
    {"metadata twice", "{" META "," META "}", 0, ERR_CORRUPT, "__metadata__ stands twice", NULL},
    {"metadata twice by escape", "{" META ",\"\\u005f_metadata__\":{}}", 0, ERR_CORRUPT,
     "__metadata__ stands twice", NULL},
    {"a field twice", ONE("{\"dtype\":\"I32\",\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}"), 8,
     ERR_CORRUPT, "dtype stands twice", "test"},

    /* records */
    {"array form", ONE("[\"I32\",[2],[0,8]]"), 8, ERR_CORRUPT, "array form", "test"},
    {"no dtype", ONE("{\"shape\":[2],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT, "dtype is missing", "test"},
    {"no shape", ONE("{\"dtype\":\"I32\",\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT, "shape is missing",
     "test"},
    {"no offsets", ONE("{\"dtype\":\"I32\",\"shape\":[2]}"), 8, ERR_CORRUPT, "data_offsets is missing",
     "test"},
    {"empty record", ONE("{}"), 0, ERR_CORRUPT, "dtype is missing", "test"},
    {"record is text", ONE("\"I32\""), 0, ERR_CORRUPT, "expected '{'", "test"},
    {"record is null", ONE("null"), 0, ERR_CORRUPT, "expected '{'", "test"},
    {"dtype unknown", ONE("{\"dtype\":\"F\",\"shape\":[2],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "\"F\" is not a dtype", "test"},
    {"dtype in small letters", ONE("{\"dtype\":\"i32\",\"shape\":[2],\"data_offsets\":[0,8]}"), 8,
     ERR_CORRUPT, "\"i32\" is not a dtype", "test"},
    {"dtype a number", ONE("{\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "dtype as a string", "test"},
    {"nine dimensions", ONE("{\"dtype\":\"I8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}"), 1,
     ERR_UNSUPPORTED, "more than 8 dimensions", "test"},
    {"three offsets", ONE("{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8,9]}"), 8, ERR_CORRUPT,
     "after the two data_offsets", "test"},
    {"one offset", ONE("{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0]}"), 8, ERR_CORRUPT,
     "between the two data_offsets", "test"},

    /* numbers */
    {"number with point", ONE("{\"dtype\":\"I32\",\"shape\":[2.0],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"number with exponent", ONE("{\"dtype\":\"I8\",\"shape\":[1e3],\"data_offsets\":[0,1000]}"), 1000,
     ERR_CORRUPT, "plain whole numbers", "test"},
    {"negative", ONE("{\"dtype\":\"I32\",\"shape\":[-1],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"minus zero", ONE("{\"dtype\":\"I32\",\"shape\":[-0],\"data_offsets\":[0,0]}"), 0, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"2^64", ONE("{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,18446744073709551616]}"), 0,
     ERR_CORRUPT, "does not fit in 64 bits", "test"},
    {"2^64 in a shape", ONE("{\"dtype\":\"I8\",\"shape\":[18446744073709551616],\"data_offsets\":[0,0]}"), 0,
     ERR_CORRUPT, "does not fit in 64 bits", "test"},
    {"offset with point", ONE("{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1.0]}"), 1, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"offset with exponent", ONE("{\"dtype\":\"I8\",\"shape\":[1000],\"data_offsets\":[0,1E3]}"), 1000,
     ERR_CORRUPT, "plain whole numbers", "test"},
    {"negative offset", ONE("{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[-1,0]}"), 1, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"leading zero", ONE("{\"dtype\":\"I32\",\"shape\":[02],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "leading zero", "test"},
    {"number as text", ONE("{\"dtype\":\"I32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"comma at the end of shape", ONE("{\"dtype\":\"I32\",\"shape\":[2,],\"data_offsets\":[0,8]}"), 8,
     ERR_CORRUPT, "plain whole numbers", "test"},

    /* metadata */
    {"metadata with a number", "{\"__metadata__\":{\"a\":1}}", 0, ERR_CORRUPT, "every value of __metadata__",
     NULL},
    {"metadata with a zero by escape", "{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, ERR_CORRUPT, "\\u0000",
     NULL},
    {"metadata that looks like a tensor", "{\"__metadata__\":" I32_2 "}", 8, ERR_CORRUPT,
     "every value of __metadata__", NULL},
    {"metadata is an array", "{\"__metadata__\":[]}", 0, ERR_CORRUPT, "start of __metadata__", NULL},

    /* JSON */
    {"empty header", "", 0, ERR_CORRUPT, "expected '{'", NULL},
    {"open brace alone (InvalidHeaderDeserialization)", "{", 0, ERR_CORRUPT, "tensor name", NULL},
    {"array", "[]", 0, ERR_CORRUPT, "expected '{'", NULL},
    {"byte order mark", "\xEF\xBB\xBF{}", 0, ERR_CORRUPT, "expected '{'", NULL},
    {"two values", "{}{}", 0, ERR_CORRUPT, "after the closing", NULL},
    {"metadata after the end, as safetensors 0.4.3 wrote it", "{},\"__metadata__\":{\"format\":\"pt\"}}", 0,
     ERR_CORRUPT, "after the closing", NULL},
    {"comma at the end", "{\"test\":" I32_2 ",}", 8, ERR_CORRUPT, "tensor name", NULL},
    {"single quotes", "{'test':" I32_2 "}", 8, ERR_CORRUPT, "tensor name", NULL},
    {"no colon", "{\"test\"" I32_2 "}", 8, ERR_CORRUPT, "expected ':'", NULL},
    {"open string", "{\"test", 0, ERR_CORRUPT, "without its end", NULL},
    {"control character", "{\"te\nst\":" I32_2 "}", 8, ERR_CORRUPT, "control character", NULL},
    {"unknown escape", "{\"te\\xst\":" I32_2 "}", 8, ERR_CORRUPT, "escape", NULL},
    {"escape at the end", "{\"te\\", 0, ERR_CORRUPT, "escape", NULL},
    {"zero by escape", "{\"te\\u0000st\":" I32_2 "}", 8, ERR_CORRUPT, "\\u0000", NULL},
    {"short escape", "{\"te\\u12\":" I32_2 "}", 8, ERR_CORRUPT, "four hexadecimal", NULL},
    {"lone high surrogate", "{\"\\ud83d\":" I32_2 "}", 8, ERR_CORRUPT, "surrogate", NULL},
    {"high surrogate, then no low", "{\"\\ud83d\\u0041\":" I32_2 "}", 8, ERR_CORRUPT, "surrogate", NULL},
    {"lone low surrogate", "{\"\\ude00\":" I32_2 "}", 8, ERR_CORRUPT, "surrogate", NULL},
    {"unknown field broken", ONE("{\"x\":nul}"), 0, ERR_CORRUPT, "not a JSON value", "test"},
    {"unknown field, bad number", ONE("{\"x\":01}"), 0, ERR_CORRUPT, "not a JSON value", "test"},
    {"unknown field, bare point", ONE("{\"x\":1.}"), 0, ERR_CORRUPT, "not a JSON value", "test"},

    /* UTF-8 */
    {"not UTF-8 (InvalidHeader)", "\xFF", 0, ERR_CORRUPT, "not UTF-8", NULL},
    {"overlong", "{\"\xC0\xAE\":" I32_2 "}", 8, ERR_CORRUPT, "not UTF-8", NULL},
    {"overlong, three bytes", "{\"\xE0\x80\xAE\":" I32_2 "}", 8, ERR_CORRUPT, "not UTF-8", NULL},
    {"surrogate in UTF-8", "{\"\xED\xA0\x80\":" I32_2 "}", 8, ERR_CORRUPT, "not UTF-8", NULL},
    {"past U+10FFFF", "{\"\xF4\x90\x80\x80\":" I32_2 "}", 8, ERR_CORRUPT, "not UTF-8", NULL},
    {"cut character", "{}\xE2\x82", 0, ERR_CORRUPT, "not UTF-8", NULL},
};

/* Whole files, from the first of the eight bytes on. All are ERR_CORRUPT. */
struct malformed_file {
    const char *what;
    const char *bytes;
    size_t n;
    const char *says;
};

#define BYTES(text) text, sizeof(text) - 1
#define LENGTH_60 "<\0\0\0\0\0\0\0"

static const struct malformed_file malformed_files[] = {
    {"empty file (HeaderTooSmall)", BYTES(""), "is empty"},
    {"four bytes (HeaderTooSmall)", BYTES("\x01\0\0\0"), "is cut short"},
    {"length alone (InvalidHeaderLength)", BYTES(LENGTH_60), "is cut short"},
    {"length 2^64 - 2^40 + 60 (HeaderTooLarge)", BYTES("<\0\0\0\0\xff\xff\xff" BODY),
     "the limit is 100000000"},
    {"length 2^64 - 1", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff" BODY), "the limit is 100000000"},
    {"length 2^64 - 8: 8 more is 0", BYTES("\xf8\xff\xff\xff\xff\xff\xff\xff" BODY),
     "the limit is 100000000"},
    {"one byte that is not UTF-8 (InvalidHeader)", BYTES("\x01\0\0\0\0\0\0\0\xff"), "not UTF-8"},
    {"open brace (InvalidHeaderDeserialization)", BYTES("\x01\0\0\0\0\0\0\0{"), "tensor name"},
    {"header one longer than the file", BYTES("=\0\0\0\0\0\0\0" BODY), "is cut short"},
    {"header one shorter than its JSON", BYTES(";\0\0\0\0\0\0\0" BODY), "end of the header"},
    {"filled up with zero bytes", BYTES(">\0\0\0\0\0\0\0" BODY "\0\0"), "other than blanks"},
    {"a zero byte in a name", BYTES("\x06\0\0\0\0\0\0\0{\"a\0\":"), "control character"},
    {"Git LFS pointer", BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
     "git lfs pull"},
    {"web page", BYTES("<!DOCTYPE html><html><body>Sign in</body></html>"), "a web page"},
    {"web page after a line", BYTES("\n<html></html>"), "a web page"},
    {"JSON of a server", BYTES("{\"error\":\"Repository not found\"}"), "JSON text"},
    {"message of a server", BYTES("Entry not found"), "error message"},
    {"message of a gate", BYTES("Access to model x is restricted"), "accept the licence"},
    {"zip of a pickle", BYTES("PK\x03\x04 zip of a pickle"), "convert it to safetensors"},
    {"pickle", BYTES("\x80\x02}q\x00X\x01\x00\x00\x00\x00"), "convert it to safetensors"},
    {"GGUF", BYTES("GGUF and the rest"), "GGUF"},
};

#endif
