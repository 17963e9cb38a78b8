/* What tests of several rooms say of texts. After cmocka.h. */
#ifndef TESTS_CONTAINS_H
#define TESTS_CONTAINS_H

#include <string.h>

#define assert_contains(text, part)                                                                          \
    do {                                                                                                     \
        if (!strstr(text, part)) {                                                                           \
            print_error("\"%s\" is not in:\n%s\n", part, text);                                              \
            fail();                                                                                          \
        }                                                                                                    \
    } while (0)

#endif
