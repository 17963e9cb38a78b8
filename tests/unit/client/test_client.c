/* Addresses, exit codes, complaints. */
#include "fake.h"

static void test_address(void **state)
{
    struct client client = {0};
    (void)state;
    setenv("PARETOD_DAEMON", "host:1", 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    client_set_address(&client, "unix:/flag");
    assert_string_equal(client.address, "unix:/flag");
    client_set_address(&client, NULL);
    assert_string_equal(client.address, "host:1");
    unsetenv("PARETOD_DAEMON");
    client_set_address(&client, NULL);
    assert_string_equal(client.address, "unix:/run/user/7/paretod.sock");
    unsetenv("XDG_RUNTIME_DIR");
    client_set_address(&client, NULL);
    assert_string_equal(client.address, "unix:/run/paretod.sock");
}

static int get(struct fake *fake)
{
    struct json *j;
    int code = client_get(&fake->client, "/v1/x", &j);
    fflush(fake->client.complaints);
    assert_true((j == NULL) == (code != 0));
    json_free(j);
    return code;
}

static void test_exit_codes(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    client_set_address(&fake.client, "http://there:1");
    fake_says(&fake, 200, "{}");
    assert_int_equal(get(&fake), CLIENT_OK);
    fake_says(&fake, 409, "{\"error\":\"search 3 is done\",\"code\":\"conflict\"}");
    assert_int_equal(get(&fake), CLIENT_REFUSED);
    assert_string_equal(fake.complaints, "paretoctl: search 3 is done\n");
    fake_says(&fake, 200, "<html>");
    assert_int_equal(get(&fake), CLIENT_REFUSED);
    assert_contains(fake.complaints, "is a paretod at http://there:1?");
    fake_answer(&fake, (struct fake_answer){.rc = ERR_UNREACHABLE});
    assert_int_equal(get(&fake), CLIENT_UNREACHABLE);
    assert_contains(fake.complaints, "paretod --db DIR --listen there:1\"");
    fake_answer(&fake, (struct fake_answer){.rc = ERR_TIMEOUT});
    assert_int_equal(get(&fake), CLIENT_UNREACHABLE);
    fake_answer(&fake, (struct fake_answer){.rc = ERR_CANCELLED, .interrupts = true});
    assert_int_equal(get(&fake), CLIENT_DETACHED);
    fake_fini(&fake);
}

static void test_complaints_are_clean(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    client_say(&fake.client, "a \033[2Jb\nc");
    fflush(fake.client.complaints);
    assert_string_equal(fake.complaints, "paretoctl: a ?[2Jb?c\n");
    fake_fini(&fake);
}

static void test_a_text_that_was_cut_is_not_a_success(void **state)
{
    struct fake fake;
    struct buf text;
    (void)state;
    fake_init(&fake);
    buf_init(&text, 4);
    buf_text(&text, "abc");
    assert_int_equal(client_print(&fake.client, &text), CLIENT_OK);
    buf_text(&text, "defg");
    assert_int_equal(client_print(&fake.client, &text), CLIENT_REFUSED);
    buf_fini(&text);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_complaints_are_clean),
        cmocka_unit_test(test_a_text_that_was_cut_is_not_a_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
