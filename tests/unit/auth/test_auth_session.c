/* Sessions: who may join, who is counted, when it is over. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/conf.h"
#include "gw/util.h"
#include "session.h"

static struct gw_conf_listener web = { .title = (char *)"web" };
static struct gw_conf_listener other = { .title = (char *)"other" };
static size_t dropped;

static void
on_drop(struct gw_session *s)
{
	(void)s;
	dropped++;
}

static struct gw_sessions *
table(size_t max, uint64_t reuse_ms)
{
	const struct gw_session_limits l = { max, reuse_ms };

	return gw_sessions_new(&l, on_drop);
}

static struct gw_session *
open_for(struct gw_sessions *t, uint8_t card, uint32_t link)
{
	struct gw_session like = { .listener = &web, .since = 1000,
				   .until = 2000, .judged_ms = 50000 };
	struct gw_verdict_msg v = { .groups = gw_xstrdup("g") };
	struct gw_session *s;

	memset(like.leaf, card, sizeof(like.leaf));
	s = gw_session_open(t, &like, &v, link);
	free(v.groups); /* NULL when taken over */
	return s;
}

static struct gw_session *
joinable(struct gw_sessions *t, uint8_t card,
	 const struct gw_conf_listener *l, time_t wall, uint64_t ms)
{
	uint8_t leaf[GW_HASH];

	memset(leaf, card, sizeof(leaf));
	return gw_session_joinable(t, leaf, l,
				   (struct gw_now){ wall, 50000 + ms });
}

Test(session, who_may_join)
{
	struct gw_sessions *t = table(10, 60000);
	struct gw_session *s = open_for(t, 1, 7);

	cr_expect_eq(joinable(t, 1, &web, 1001, 0), s);
	cr_expect_eq(joinable(t, 1, &web, 1001, 59999), s);
	cr_expect_null(joinable(t, 1, &web, 1001, 60000), "judged long ago");
	cr_expect_null(joinable(t, 1, &web, 2000, 1), "over");
	cr_expect_null(joinable(t, 2, &web, 1001, 0), "another card");
	cr_expect_null(joinable(t, 1, &other, 1001, 0), "another listener");
	gw_sessions_free(t);
}

Test(session, reuse_off)
{
	struct gw_sessions *t = table(10, 0);

	cr_assert_not_null(open_for(t, 1, 7));
	cr_expect_null(joinable(t, 1, &web, 1001, 0));
	gw_sessions_free(t);
}

Test(session, limit)
{
	struct gw_sessions *t = table(2, 60000);
	struct gw_session *a = open_for(t, 1, 7), *b = open_for(t, 2, 7);
	uint8_t id[GW_SESSION_ID];

	cr_assert(a != NULL && b != NULL);
	cr_expect_null(open_for(t, 3, 7), "all places taken");
	memcpy(id, a->id, sizeof(id));
	gw_session_leave(t, a, 7);
	cr_expect_not_null(open_for(t, 3, 7), "a resting one makes room");
	cr_expect_null(gw_session_find(t, id));
	cr_expect_eq(gw_sessions_count(t), 2);
	cr_expect_null(open_for(t, 4, 7));
	gw_sessions_free(t);
}

Test(session, counting)
{
	struct gw_sessions *t = table(10, 60000);
	struct gw_session *s = open_for(t, 1, 7);

	cr_assert(gw_session_join(t, s, 7));
	cr_assert(gw_session_join(t, s, 8));
	cr_expect_eq(s->connections, 3);
	gw_session_leave(t, s, 9);
	cr_expect_eq(s->connections, 3, "a link that has none takes none");
	gw_session_leave(t, s, 8);
	gw_session_leave(t, s, 8);
	cr_expect_eq(s->connections, 2, "nor more than it has");
	gw_sessions_drop_link(t, 7);
	cr_expect_eq(s->connections, 0);
	cr_assert(gw_session_join(t, s, 8), "it rests, and may be joined");
	cr_expect_eq(s->connections, 1);
	gw_session_leave(t, s, 8);
	gw_sessions_drop_link(t, 8);
	gw_session_end(t, s);
	cr_expect_eq(gw_sessions_count(t), 0);
	gw_sessions_free(t);
}

Test(session, the_newest_is_joined)
{
	struct gw_sessions *t = table(10, 60000);
	struct gw_session *a = open_for(t, 1, 7), *b = open_for(t, 1, 7);

	cr_expect_eq(joinable(t, 1, &web, 1001, 0), b);
	gw_session_end(t, b);
	cr_expect_eq(joinable(t, 1, &web, 1001, 0), a);
	gw_sessions_free(t);
}

Test(session, review)
{
	struct gw_sessions *t = table(10, 60000);
	struct gw_session *s = open_for(t, 1, 7);
	uint64_t ms = 0;

	cr_expect_eq(gw_session_review(t, s, (struct gw_now){ 1500, 90000 },
				       &ms), GW_SESSION_LIVE);
	cr_expect_eq(ms, 500000);
	cr_expect_eq(gw_session_review(t, s, (struct gw_now){ 2000, 90000 },
				       &ms), GW_SESSION_OVER);
	gw_session_leave(t, s, 7);
	cr_expect_eq(gw_session_review(t, s, (struct gw_now){ 1001, 51000 },
				       &ms), GW_SESSION_LIVE);
	cr_expect_eq(ms, 59000);
	cr_expect_eq(gw_session_review(t, s, (struct gw_now){ 1001, 110000 },
				       &ms), GW_SESSION_UNUSED);
	gw_sessions_free(t);
}

Test(session, ids_and_freeing)
{
	struct gw_sessions *t = table(2000, 60000);
	struct gw_session *s;
	size_t n = 0;

	dropped = 0;
	for (size_t i = 0; i < 1000; i++)
		cr_assert_not_null(open_for(t, (uint8_t)i, 1));
	for (s = gw_session_next(t, NULL); s != NULL;
	     s = gw_session_next(t, s), n++) {
		cr_expect_eq(gw_session_find(t, s->id), s);
		cr_expect_eq(memcmp(s->says.session, s->id, sizeof(s->id)),
			     0);
		cr_expect_eq(s->says.until, 2000);
	}
	cr_expect_eq(n, 1000);
	gw_sessions_free(t);
	cr_expect_eq(dropped, 1000);
}
