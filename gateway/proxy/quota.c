/* quota.c — see quota.h. */
#include "quota.h"
#include "addr.h"
#include "gw/util.h"

#define ROWS      2
#define SLOT_BITS 16 /* of a source: one number for each row */
#define SLOTS     (1 << SLOT_BITS)

/* Pages nobody counted in cost nothing. */
static _Atomic uint32_t counts[GW_LIMIT_COUNT][ROWS][SLOTS];
static uint64_t secret[2];

void
gw_quota_init(void)
{
	if (secret[0] == 0)
		gw_random(secret, sizeof(secret));
}

/* ---- sources */

/* Every bit of `n` reaches every bit of the result. */
static uint64_t
mix(uint64_t n)
{
	n = (n ^ n >> 33) * UINT64_C(0xff51afd7ed558ccd);
	n = (n ^ n >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return n ^ n >> 33;
}

uint32_t
gw_quota_source(size_t listener, const struct sockaddr_storage *peer)
{
	uint64_t h = mix(gw_addr_prefix(peer) ^ secret[0]);

	return (uint32_t)mix((h + listener) ^ secret[1]);
}

/* ---- counting */

static _Atomic uint32_t *
slot(enum gw_limit kind, size_t row, uint32_t source)
{
	return &counts[kind][row][source >> (SLOT_BITS * row) & (SLOTS - 1)];
}

/* What the source holds with this one. */
static uint32_t
add(uint32_t source, enum gw_limit kind)
{
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < ROWS; i++) {
		uint32_t n = atomic_fetch_add_explicit(slot(kind, i, source),
						       1, memory_order_relaxed);

		least = GW_MIN(least, n + 1);
	}
	return least;
}

void
gw_quota_give(struct gw_quota_counts *all, uint32_t source,
	       enum gw_limit kind)
{
	for (size_t i = 0; i < ROWS; i++)
		atomic_fetch_sub_explicit(slot(kind, i, source), 1,
					  memory_order_relaxed);
	atomic_fetch_sub_explicit(&all->n[kind], 1, memory_order_relaxed);
}

/* 0: no limit. */
static int64_t
limit_of(const struct gw_conf_listener *conf, enum gw_limit kind,
	 enum gw_limited of)
{
	const int64_t limits[GW_LIMIT_COUNT][GW_LIMITED_COUNT] = {
		[GW_LIMIT_CONNECTIONS] = {
			[GW_LIMITED_ALL] = conf->max_connections,
			[GW_LIMITED_SOURCE] = conf->source_connections },
		[GW_LIMIT_HANDSHAKES] = {
			[GW_LIMITED_ALL] = conf->max_handshakes,
			[GW_LIMITED_SOURCE] = conf->source_handshakes },
		[GW_LIMIT_HEADS] = {
			[GW_LIMITED_ALL] = conf->max_heads,
			[GW_LIMITED_SOURCE] = conf->source_heads },
	};
	int64_t n = limits[kind][of];

	return n != 0 ? n : INT64_MAX;
}

enum gw_limited
gw_quota_take(struct gw_quota_counts *all, const struct gw_conf_listener *conf,
	       uint32_t source, enum gw_limit kind)
{
	enum gw_limited why = GW_LIMITED_NOT;
	int64_t of_all = atomic_fetch_add_explicit(&all->n[kind], 1,
						   memory_order_relaxed);

	if (add(source, kind) > limit_of(conf, kind, GW_LIMITED_SOURCE))
		why = GW_LIMITED_SOURCE;
	else if (of_all >= limit_of(conf, kind, GW_LIMITED_ALL))
		why = GW_LIMITED_ALL;
	if (why != GW_LIMITED_NOT)
		gw_quota_give(all, source, kind);
	return why;
}
