/* Made once a key: whoever comes later has it, whoever comes meanwhile waits, and room is made by age. */
#include "fixture.h"

#include "merge/files/once.h"

static int destroyed;

static void destroy(void *value)
{
    destroyed++;
    mem_free(value);
}

static struct hash128 key(uint64_t i)
{
    return (struct hash128){0, i};
}

static int *number(int x)
{
    return mem_copy(&x, sizeof x);
}

static void clear(struct once *once)
{
    for (size_t i = 0; i < ONCE_N; i++)
        if (once->slots[i].value)
            destroy(once->slots[i].value);
}

static void test_made_once(void **state)
{
    (void)state;
    struct once once = ONCE_INIT(destroy);
    assert_null(once_hold(&once, key(1)));
    int *one = number(1);
    once_settle(&once, key(1), one);
    assert_null(once_hold(&once, key(2)));
    once_settle(&once, key(2), NULL); /* it failed: the next one may try */
    assert_null(once_hold(&once, key(2)));
    once_settle(&once, key(2), NULL);
    assert_ptr_equal(once_hold(&once, key(1)), one);
    once_release(&once, one);
    once_release(&once, one);
    once_release(&once, NULL);
    clear(&once);
}

static void test_the_oldest_goes_and_held_ones_stay(void **state)
{
    (void)state;
    struct once once = ONCE_INIT(destroy);
    destroyed = 0;
    int *values[ONCE_N + 1];
    for (uint64_t i = 0; i < ONCE_N; i++) {
        assert_null(once_hold(&once, key(i)));
        once_settle(&once, key(i), values[i] = number((int)i));
        if (i > 0) /* 0 stays held */
            once_release(&once, values[i]);
    }
    once_release(&once, once_hold(&once, key(1))); /* now 2 is the oldest that nobody holds */
    assert_null(once_hold(&once, key(ONCE_N)));
    assert_int_equal(destroyed, 1);
    once_settle(&once, key(ONCE_N), values[ONCE_N] = number(0));
    once_release(&once, values[ONCE_N]);
    assert_ptr_equal(once_hold(&once, key(0)), values[0]);
    assert_ptr_equal(once_hold(&once, key(1)), values[1]);
    assert_null(once_hold(&once, key(2)));
    clear(&once);
}

static void test_without_room_nothing_is_kept(void **state)
{
    (void)state;
    struct once once = ONCE_INIT(destroy);
    for (uint64_t i = 0; i < ONCE_N; i++) {
        assert_null(once_hold(&once, key(i)));
        once_settle(&once, key(i), number((int)i));
    }
    destroyed = 0;
    int *extra = number(0);
    assert_null(once_hold(&once, key(ONCE_N)));
    once_settle(&once, key(ONCE_N), extra);
    assert_int_equal(destroyed, 0);
    once_release(&once, extra);
    assert_int_equal(destroyed, 1);
    clear(&once);
}

struct comer {
    struct once *once;
    int *seen;
};

static void *come(void *arg)
{
    struct comer *comer = arg;
    comer->seen = once_hold(comer->once, key(1));
    if (!comer->seen)
        once_settle(comer->once, key(1), comer->seen = number(7));
    once_release(comer->once, comer->seen);
    return NULL;
}

/* Whether the others come while it is made or after, they see what was made, or make it when that failed. */
static void others(bool fails)
{
    struct once once = ONCE_INIT(destroy);
    struct comer comers[4];
    pthread_t threads[4];
    assert_null(once_hold(&once, key(1)));
    for (int i = 0; i < 4; i++) {
        comers[i] = (struct comer){&once, NULL};
        assert_int_equal(pthread_create(&threads[i], NULL, come, &comers[i]), 0);
    }
    int *made = fails ? NULL : number(7);
    once_settle(&once, key(1), made);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_ptr_equal(comers[i].seen, comers[0].seen);
    }
    assert_int_equal(*comers[0].seen, 7);
    if (!fails)
        assert_ptr_equal(comers[0].seen, made);
    clear(&once);
}

static void test_others_wait(void **state)
{
    (void)state;
    others(false);
    others(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once),
        cmocka_unit_test(test_the_oldest_goes_and_held_ones_stay),
        cmocka_unit_test(test_without_room_nothing_is_kept),
        cmocka_unit_test(test_others_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
