/* workers. */
#include "fake.h"

static void test_workers(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(
        &fake, 200,
        "{\"workers\":[{\"worker\":\"w1\",\"name\":\"host:12\",\"slots\":2,\"state\":\"busy\",\"leases\":"
        "[{\"search\":3,\"trial\":7,\"half\":\"search\"},{\"search\":3,\"trial\":8,\"half\":\"heldout\"}],"
        "\"done\":4,\"failed\":0,\"last_seen_s\":1.2},{\"worker\":\"w2\",\"name\":\"h\",\"slots\":1,"
        "\"state\":\"lost\",\"leases\":[],\"refused\":[{\"search\":3,\"reason\":\"tensor x\\u001b "
        "differs\"}],\"done\":0,\"failed\":1,\"last_seen_s\":300}]}");
    fake_says(&fake, 200, "{\"workers\":[]}");
    assert_int_equal(fake_run(&fake, "workers"), CLIENT_OK);
    assert_string_equal(fake.out,
                        "worker  name     state  slots  done  failed            seen  search/trial\n"
                        "w1      host:12  busy       2     4       0         1 s ago  3/7, 3/8 held-out\n"
                        "w2      h        lost       1     0       1  5 min 00 s ago  -\n"
                        "h refuses search 3: tensor x? differs\n");
    assert_int_equal(fake_run(&fake, "workers --daemon host:1"), CLIENT_OK);
    assert_contains(fake.out, "pareto-worker --daemon host:1");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_workers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
