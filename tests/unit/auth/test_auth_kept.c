/* Answers kept over a restart: what comes back, and what must not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gw/util.h"
#include "kept.h"

#define NOW 1000000

static struct gw_loop *loop;
static struct gw_kept *kept;
static char dir[64], path[80];
static const uint8_t one[GW_HASH] = { 1 }, two[GW_HASH] = { 2 };
static const uint8_t settings[GW_HASH] = { 7 }, others[GW_HASH] = { 8 };

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/gwd-kept-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/answers.db", dir);
	cr_assert_eq(gw_loop_new(&loop), GW_ERR_OK);
	kept = gw_kept_open(loop, path);
	cr_assert_not_null(kept);
	cr_expect(gw_kept_settings(kept, settings), "a new file has none");
}

static void
teardown(void)
{
	char cmd[128];

	gw_kept_free(kept);
	gw_loop_free(loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_assert_eq(system(cmd), 0);
}

TestSuite(kept, .init = setup, .fini = teardown);

static void
restart(void)
{
	gw_kept_free(kept);
	kept = gw_kept_open(loop, path);
	cr_assert_not_null(kept);
}

/* Named like its key, and five seconds old at its end. */
static void
put(const uint8_t key[GW_HASH], time_t until)
{
	struct gw_kept_good g = { .as_of = until - 5, .until = until };

	memcpy(g.key, key, GW_HASH);
	memcpy(g.name, key, GW_HASH);
	gw_kept_put(kept, &g);
}

struct found {
	size_t count;
	time_t one, two;
};

static void
note(struct found *f, const uint8_t name[GW_HASH], time_t at)
{
	f->count++;
	if (memcmp(name, one, GW_HASH) == 0)
		f->one = at;
	if (memcmp(name, two, GW_HASH) == 0)
		f->two = at;
}

static void
on_answer(void *arg, const struct gw_kept_good *g)
{
	cr_expect_eq(memcmp(g->name, g->key, GW_HASH), 0);
	cr_expect_eq(g->as_of, g->until - 5);
	note(arg, g->key, g->until);
}

static struct found
load(time_t now)
{
	struct found f = { .count = 0 };

	gw_kept_load(kept, now, on_answer, &f);
	return f;
}

Test(kept, answers_come_back)
{
	struct found f;

	put(one, NOW + 10);
	put(two, NOW + 20);
	put(two, NOW + 30);
	restart();
	cr_expect_not(gw_kept_settings(kept, settings), "the same as before");
	f = load(NOW);
	cr_expect_eq(f.count, 2);
	cr_expect_eq(f.one, NOW + 10);
	cr_expect_eq(f.two, NOW + 30);
}

Test(kept, ended_ones_do_not)
{
	struct found f;

	put(one, NOW);
	put(two, NOW + 1);
	restart();
	f = load(NOW);
	cr_expect_eq(f.count, 1);
	cr_expect_eq(f.two, NOW + 1);
}

Test(kept, none_under_other_settings)
{
	put(one, NOW + 10);
	restart();
	cr_expect(gw_kept_settings(kept, others));
	cr_expect_eq(load(NOW).count, 0);
	restart();
	cr_expect(gw_kept_settings(kept, settings), "nor when they return");
	cr_expect_eq(load(NOW).count, 0);
}

/* Without waiting for the second that others wait: the process may be killed
 * now. A second connection would see what is on disk; the lock is exclusive,
 * so the files are copied as they lie. */
Test(kept, what_is_revoked_leaves_at_once)
{
	char copy[64] = "/tmp/gwd-kept-XXXXXX", cmd[256], file[96];
	struct found f;

	put(one, NOW + 10);
	put(two, NOW + 10);
	restart();
	gw_kept_remove(kept, one);
	cr_assert_not_null(mkdtemp(copy));
	snprintf(cmd, sizeof(cmd), "cp %s/answers.db* %s", dir, copy);
	cr_assert_eq(system(cmd), 0);
	gw_kept_free(kept);
	snprintf(file, sizeof(file), "%s/answers.db", copy);
	kept = gw_kept_open(loop, file);
	f = load(NOW);
	cr_expect_eq(f.count, 1);
	cr_expect_eq(f.one, 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", copy);
	cr_assert_eq(system(cmd), 0);
}

Test(kept, a_damaged_file_is_begun_anew)
{
	FILE *f;

	put(one, NOW + 10);
	gw_kept_free(kept);
	f = fopen(path, "w");
	cr_assert(f != NULL && fputs("this is no database, but long enough "
				     "to be looked at as if it were", f) > 0);
	fclose(f);
	kept = gw_kept_open(loop, path);
	cr_assert_not_null(kept);
	cr_expect(gw_kept_settings(kept, settings));
	cr_expect_eq(load(NOW).count, 0);
	put(two, NOW + 10);
	restart();
	cr_expect_eq(load(NOW).count, 1);
}

Test(kept, the_file_is_private)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 077, 0);
}

Test(kept, no_file_is_no_cache)
{
	gw_kept_free(kept);
	kept = gw_kept_open(loop, "/proc/none/answers.db");
	cr_expect_null(kept);
	put(one, NOW + 10);
	gw_kept_remove(kept, one);
	cr_expect(gw_kept_settings(kept, settings));
	cr_expect_eq(load(NOW).count, 0);
}

/* ---- revoked */

static void
on_revoked(void *arg, const uint8_t name[GW_HASH], time_t as_of)
{
	note(arg, name, as_of);
}

static struct found
load_revoked(time_t now)
{
	struct found f = { .count = 0 };

	gw_kept_load_revoked(kept, now, on_revoked, &f);
	return f;
}

Test(kept, revoked_comes_back)
{
	struct found f;

	gw_kept_revoke(kept, one, NOW - 7, NOW + 10);
	gw_kept_revoke(kept, two, NOW - 9, NOW + 10);
	gw_kept_revoke(kept, two, NOW - 8, NOW + 1);
	restart();
	f = load_revoked(NOW);
	cr_expect_eq(f.count, 2);
	cr_expect_eq(f.one, NOW - 7);
	cr_expect_eq(f.two, NOW - 8);
	cr_expect_eq(load_revoked(NOW + 1).count, 1, "expired certificates");
	gw_kept_unrevoke(kept, one);
	restart();
	cr_expect_eq(load_revoked(NOW).count, 0);
}

/* An authority's word is nobody's setting. */
Test(kept, revoked_under_any_settings)
{
	gw_kept_revoke(kept, one, NOW, NOW + 10);
	restart();
	cr_expect(gw_kept_settings(kept, others));
	cr_expect_eq(load_revoked(NOW).count, 1);
}
