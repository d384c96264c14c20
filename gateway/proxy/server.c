/* server.c — see server.h. */
#include "server.h"
#include "upstream.h"
#include "gw/log.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 15000
#define DOUBLINGS_MAX  10u
#define TRIED_BITS     64

/* ---- how it fares */

bool
gw_server_is_down(const struct gw_server *s)
{
	return s->failures > 0;
}

void
gw_server_erred(struct gw_server *s, enum gw_err why)
{
	s->count.errors++;
	s->count.last_error = why;
}

static size_t
number_of(const struct gw_server *s)
{
	return (size_t)(s - s->upstream->servers);
}

void
gw_server_refused(struct gw_server *s, enum gw_err why, uint64_t *tried)
{
	uint64_t wait = BACKOFF_MIN_MS << GW_MIN(s->failures, DOUBLINGS_MAX);

	gw_server_erred(s, why);
	*tried |= UINT64_C(1) << number_of(s) % TRIED_BITS;
	s->retry_at_ms = gw_loop_now_ms(s->upstream->loop) +
			 GW_MIN(wait, (uint64_t)BACKOFF_MAX_MS);
	if (s->failures++ == 0)
		gw_event(GW_LOG_WARN, "upstream-down", "upstream",
			 s->upstream->site->conf->title, "server",
			 s->site->name, "reason", gw_err_name(why), NULL);
}

void
gw_server_answered(struct gw_server *s)
{
	if (gw_server_is_down(s))
		gw_event(GW_LOG_INFO, "upstream-up", "upstream",
			 s->upstream->site->conf->title, "server",
			 s->site->name, NULL);
	s->failures = 0;
	s->retry_at_ms = 0;
}

/* ---- whose turn it is */

/* One in TRIED_BITS shares its bit: none is asked twice, and no request asks
 * more than so many, of however many are down. */
static bool
was_tried(size_t number, uint64_t tried)
{
	return (tried >> number % TRIED_BITS & 1) != 0;
}

struct gw_server *
gw_server_choose(struct gw_upstream *u, uint64_t tried)
{
	uint64_t now = gw_loop_now_ms(u->loop);
	struct gw_server *down = NULL;

	for (size_t i = 0; i < u->server_count; i++) {
		size_t n = (u->next_server + i) % u->server_count;
		struct gw_server *s = &u->servers[n];

		if (was_tried(n, tried))
			continue;
		if (s->retry_at_ms <= now) {
			u->next_server = n + 1;
			return s;
		}
		if (down == NULL || s->retry_at_ms < down->retry_at_ms)
			down = s;
	}
	return down;
}
