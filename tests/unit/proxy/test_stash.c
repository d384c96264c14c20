/* test_stash.c — the store of sessions that may be taken up again: first what
 * it must not give. */
#include "stash.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(stash, .timeout = 60);

#define T0 1000000

static struct gw_stash *stash;

static void
begin(void)
{
	stash = gw_stash_new();
}

static void
end(void)
{
	gw_stash_free(stash);
}

/* Names as of a random source: all of their bytes differ. */
static const uint8_t *
name(unsigned n)
{
	static uint8_t out[GW_STASH_ID];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(n >> 8 * (i % 4)) ^ (uint8_t)(i / 4 * 29);
	return out;
}

static bool
keep(unsigned card, const char *chain, time_t now)
{
	const struct gw_der der[] = {
		{ (const uint8_t *)chain, strlen(chain) },
		{ (const uint8_t *)"issuer", 6 },
	};

	return gw_stash_keep(stash, name(card), der, GW_COUNT(der), now);
}

static struct gw_stashed
ticket(unsigned id, time_t made_at, time_t until)
{
	struct gw_stashed t = { .made_at = made_at, .end = until,
				.secret = "secret", .secret_len = 32,
				.cipher = 0x1302 };

	memcpy(t.id, name(id), sizeof(t.id));
	return t;
}

static void
put(unsigned card, unsigned id, time_t now)
{
	struct gw_stashed t = ticket(id, now, now + 100);

	gw_stash_put(stash, name(card), &t, now);
}

static size_t
find(unsigned id, time_t now)
{
	static uint8_t chain[GW_STASH_CHAIN_MAX];
	struct gw_stashed out;

	return gw_stash_find(stash, name(id), now, &out, chain);
}

Test(stash, nobodys, .init = begin, .fini = end)
{
	cr_assert_eq(find(1, T0), 0);
	put(1, 1, T0); /* of a card that is not there */
	cr_assert_eq(find(1, T0), 0);
	cr_assert(keep(1, "leaf", T0));
	cr_assert_eq(find(1, T0), 0);
	put(1, 1, T0);
	cr_assert_eq(find(2, T0), 0);
	cr_assert_gt(find(1, T0), 0);
}

static const struct over_case {
	const char *what;
	time_t made_at, end, shown;
	bool is_found;
} over[] = {
	{ "ended", 0, 10, 10, false },
	{ "long ended", 0, 10, 1000, false },
	{ "before it was made", 0, 10, -1, false },
	{ "ends before it begins", 10, 5, 10, false },
	{ "ends too late", 0, GW_TICKET_LIFE_S + 1, 0, false },
	{ "no time at all", 0, 0, 0, false },
	{ "its last second", 0, 10, 9, true },
	{ "the longest", 0, GW_TICKET_LIFE_S, 0, true },
};

Test(stash, time, .init = begin, .fini = end)
{
	for (unsigned i = 0; i < GW_COUNT(over); i++) {
		const struct over_case *x = &over[i];
		struct gw_stashed t = ticket(i, T0 + x->made_at, T0 + x->end);

		cr_assert(keep(i, "leaf", T0 + x->made_at));
		gw_stash_put(stash, name(i), &t, T0 + x->made_at);
		cr_assert_eq(find(i, T0 + x->shown) > 0, x->is_found, "%s",
			     x->what);
		/* what was refused is forgotten */
		if (!x->is_found)
			cr_assert_eq(find(i, T0 + x->made_at), 0, "%s",
				     x->what);
	}
}

/* A card that is not used goes with its tickets, at any clock. */
Test(stash, unused_cards_go, .init = begin, .fini = end)
{
	static const time_t later[] = { GW_TICKET_LIFE_S, -1 };

	for (unsigned i = 0; i < GW_COUNT(later); i++) {
		time_t now = T0 + later[i];

		cr_assert(keep(1, "leaf", T0));
		cr_assert(keep(2, "leaf", now));
		put(1, 1, now);
		cr_assert_eq(find(1, now), 0, "%u", i);
		put(2, 2, now);
		cr_assert_gt(find(2, now), 0, "%u", i);
		gw_stash_free(stash);
		stash = gw_stash_new();
	}
}

Test(stash, too_large, .init = begin, .fini = end)
{
	static uint8_t big[GW_STASH_CHAIN_MAX];
	const struct {
		size_t first, second;
		bool is_kept;
	} cases[] = {
		{ 0, 100, false },
		{ 100, 0, false },
		{ SIZE_MAX - 1, 100, false },
		{ sizeof(big), 1, false },
		{ sizeof(big) - 104, 101, false },
		{ sizeof(big) - 104, 100, true },
	};

	for (unsigned i = 0; i < GW_COUNT(cases); i++) {
		const struct gw_der der[] = { { big, cases[i].first },
					      { big, cases[i].second } };

		cr_assert_eq(gw_stash_keep(stash, name(i), der, 2, T0),
			     cases[i].is_kept, "%u", i);
		put(i, i, T0);
		cr_assert_eq(find(i, T0) > 0, cases[i].is_kept, "%u", i);
	}
	cr_assert(!gw_stash_keep(stash, name(1), NULL, 0, T0));
}

/* Another leaf, another length, another number of certificates. */
Test(stash, other_certificates_end_the_tickets, .init = begin, .fini = end)
{
	static const char *const others[] = { "leaF", "leaf and more", "l" };
	const struct gw_der alone = { (const uint8_t *)"leaf", 4 };
	/* as long as "leaf" and "issuer", and beginning alike */
	const struct gw_der split[] = { { (const uint8_t *)"leaf", 4 },
					{ (const uint8_t *)"iss", 3 },
					{ (const uint8_t *)"e", 1 } };

	for (unsigned i = 0; i < GW_COUNT(others) + 2; i++) {
		cr_assert(keep(1, "leaf", T0));
		put(1, i, T0);
		cr_assert_gt(find(i, T0), 0);
		cr_assert(keep(1, "leaf", T0));
		cr_assert_gt(find(i, T0), 0);
		if (i < GW_COUNT(others))
			cr_assert(keep(1, others[i], T0));
		else if (i == GW_COUNT(others))
			cr_assert(gw_stash_keep(stash, name(1), &alone, 1,
						T0));
		else
			cr_assert(gw_stash_keep(stash, name(1), split, 3,
						T0));
		cr_assert_eq(find(i, T0), 0, "%u", i);
	}
}

Test(stash, tickets_of_one_card, .init = begin, .fini = end)
{
	unsigned n = 0;

	cr_assert(keep(1, "leaf", T0));
	cr_assert(keep(2, "leaf", T0));
	put(2, 1000, T0);
	for (; n < GW_STASH_TICKETS; n++)
		put(1, n, T0);
	for (; n < 3 * GW_STASH_TICKETS; n++) {
		cr_assert_gt(find(0, T0), 0); /* in use: stays */
		put(1, n, T0);
		cr_assert_eq(find(n - GW_STASH_TICKETS + 1, T0), 0, "%u", n);
		cr_assert_gt(find(n, T0), 0);
	}
	cr_assert_gt(find(1000, T0), 0, "another card's");
}

/* The name of a ticket is nobody else's. */
Test(stash, first_come, .init = begin, .fini = end)
{
	cr_assert(keep(1, "leaf", T0));
	cr_assert(keep(2, "other leaf", T0));
	put(1, 7, T0);
	put(2, 7, T0);
	cr_assert_eq(find(7, T0), 2 + 4 + 2 + 6);
}

Test(stash, bytes, .init = begin, .fini = end)
{
	static uint8_t big[GW_STASH_CHAIN_MAX - 2];
	const struct gw_der der = { big, sizeof(big) };
	const unsigned max = GW_STASH_BYTES / GW_STASH_CHAIN_MAX;
	unsigned found = 0;

	for (unsigned i = 0; i < max + 100; i++) {
		cr_assert(gw_stash_keep(stash, name(i), &der, 1, T0));
		put(i, i, T0);
		if (i > 0)
			cr_assert_gt(find(0, T0), 0, "in use: stays");
		cr_assert_gt(find(i, T0), 0);
	}
	for (unsigned i = 0; i < max + 100; i++)
		found += find(i, T0) > 0;
	cr_assert_lt(found, max);
	cr_assert_gt(found, max / 2);
	cr_assert_eq(find(1, T0), 0);
}

Test(stash, brings_it_back, .init = begin, .fini = end)
{
	struct gw_stashed t = ticket(3, T0, T0 + 60), out;
	uint8_t chain[GW_STASH_CHAIN_MAX];

	cr_assert(keep(1, "leaf", T0));
	gw_stash_put(stash, name(1), &t, T0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(gw_stash_find(stash, name(3), T0 + 1, &out,
					   chain), 2 + 4 + 2 + 6);
		cr_assert(memcmp(chain, "\0\4leaf\0\6issuer", 14) == 0);
		cr_assert(memcmp(&t, &out, sizeof(t)) == 0);
	}
}
