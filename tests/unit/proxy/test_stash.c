/* test_stash.c — the store of sessions that may be taken up again: first what
 * it must not give. */
#include "stash.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(stash, .timeout = 300);

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

static uint64_t
keep_of(const char *account, const char *leaf, const char *issuer, time_t now)
{
	const struct gw_der der[] = {
		{ (const uint8_t *)leaf, strlen(leaf) },
		{ (const uint8_t *)issuer, strlen(issuer) },
	};

	return gw_stash_keep(stash, account, der, GW_COUNT(der), now);
}

static uint64_t
keep(const char *account, time_t now)
{
	return keep_of(account, "leaf", "issuer", now);
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
put(uint64_t card, unsigned id, time_t now)
{
	struct gw_stashed t = ticket(id, now, now + 100);

	gw_stash_put(stash, card, &t, now);
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
	uint64_t card;

	cr_assert_eq(find(1, T0), 0);
	put(0, 1, T0); /* of no card */
	put(1, 1, T0); /* of one that is not there */
	cr_assert_eq(find(1, T0), 0);
	card = keep("alice", T0);
	cr_assert_neq(card, 0);
	cr_assert_eq(find(1, T0), 0);
	put(card + 1, 1, T0);
	cr_assert_eq(find(1, T0), 0);
	put(card, 1, T0);
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

		gw_stash_put(stash, keep("alice", T0 + x->made_at), &t,
			     T0 + x->made_at);
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
		uint64_t alice = keep("alice", T0), bob = keep("bob", now);

		put(alice, 1, now);
		cr_assert_eq(find(1, now), 0, "%u", i);
		put(bob, 2, now);
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
		uint64_t card = gw_stash_keep(stash, NULL, der, 2, T0);

		cr_assert_eq(card != 0, cases[i].is_kept, "%u", i);
		put(card, i, T0);
		cr_assert_eq(find(i, T0) > 0, cases[i].is_kept, "%u", i);
	}
	cr_assert_eq(gw_stash_keep(stash, "alice", NULL, 0, T0), 0);
}

/* Another leaf, another length, another number of certificates; and the same
 * of another owner. */
Test(stash, other_cards, .init = begin, .fini = end)
{
	static const struct {
		const char *account, *leaf, *issuer;
	} others[] = {
		{ "alice", "leaF", "issuer" }, { "alice", "leaf", "issueR" },
		{ "alice", "leaf and more", "issuer" }, { "alice", "l", "i" },
		{ "bob", "leaf", "issuer" }, { NULL, "leaf", "issuer" },
		{ "", "leaf", "issuer" }, { NULL, "leaf", "issueR" },
	};
	uint64_t alice = keep("alice", T0);
	const struct gw_der alone = { (const uint8_t *)"leaf", 4 };
	/* as long as "leaf" and "issuer", and beginning alike */
	const struct gw_der split[] = { { (const uint8_t *)"leaf", 4 },
					{ (const uint8_t *)"iss", 3 },
					{ (const uint8_t *)"e", 1 } };

	for (unsigned i = 0; i < GW_COUNT(others); i++) {
		uint64_t card = keep_of(others[i].account, others[i].leaf,
					others[i].issuer, T0);

		cr_assert_neq(card, alice, "%u", i);
		cr_assert_eq(card, keep_of(others[i].account, others[i].leaf,
					   others[i].issuer, T0), "%u", i);
	}
	cr_assert_neq(gw_stash_keep(stash, "alice", &alone, 1, T0), alice);
	cr_assert_neq(gw_stash_keep(stash, "alice", split, 3, T0), alice);
	cr_assert_eq(keep("alice", T0), alice);
}

/* However often its user logs in. */
Test(stash, tickets_of_one_card, .init = begin, .fini = end)
{
	unsigned n = 0;

	put(keep("bob", T0), 1000, T0);
	for (; n < GW_STASH_TICKETS; n++)
		put(keep("alice", T0), n, T0);
	for (; n < 3 * GW_STASH_TICKETS; n++) {
		cr_assert_gt(find(0, T0), 0); /* in use: stays */
		put(keep("alice", T0), n, T0);
		cr_assert_eq(find(n - GW_STASH_TICKETS + 1, T0), 0, "%u", n);
		cr_assert_gt(find(n, T0), 0);
	}
	cr_assert_gt(find(1000, T0), 0, "another card's");
}

/* As many as would fill it several times: by an account with ever new
 * certificates, and by a certificate with ever new intermediates. */
Test(stash, cards_of_one_owner, .init = begin, .fini = end)
{
	static const char *const owners[] = { "mallory", NULL };
	char fresh[GW_STASH_CHAIN_MAX - 100];
	unsigned n = 0;

	memset(fresh, 'x', sizeof(fresh));
	put(keep("alice", T0), UINT32_MAX, T0);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < 8000; j++) {
			bool is_leaf = owners[i] != NULL;

			gw_format(fresh, 10, "%09u", j);
			fresh[9] = 'x';
			fresh[sizeof(fresh) - 1] = '\0';
			put(keep_of(owners[i], is_leaf ? fresh : "card",
				    is_leaf ? "issuer" : fresh, T0), n++, T0);
		}
	cr_assert_gt(find(UINT32_MAX, T0), 0, "another owner's");
	for (unsigned i = 1; i <= 8000; i++) {
		bool is_last = i <= GW_STASH_CARDS;

		cr_assert_eq(find(n - i, T0) > 0, is_last, "%u", i);
		cr_assert_eq(find(n - 8000 - i, T0) > 0, is_last, "%u", i);
	}
}

/* The card last used stays, of however many. */
Test(stash, share_goes_by_use, .init = begin, .fini = end)
{
	char leaf[16];

	for (unsigned n = 0; n < 3 * GW_STASH_CARDS; n++) {
		gw_format(leaf, sizeof(leaf), "leaf %u", n);
		put(keep_of("alice", leaf, "issuer", T0), n, T0);
		cr_assert_gt(find(0, T0), 0, "%u", n);
	}
	cr_assert_eq(find(1, T0), 0);
}

/* The name of a ticket is nobody else's. */
Test(stash, first_come, .init = begin, .fini = end)
{
	put(keep("alice", T0), 7, T0);
	put(keep_of("bob", "other leaf", "issuer", T0), 7, T0);
	cr_assert_eq(find(7, T0), 2 + 4 + 2 + 6);
}

Test(stash, bytes, .init = begin, .fini = end)
{
	static uint8_t big[GW_STASH_CHAIN_MAX - 2];
	const struct gw_der der = { big, sizeof(big) };
	const unsigned max = GW_STASH_BYTES / GW_STASH_CHAIN_MAX;
	unsigned found = 0;
	char account[16];

	for (unsigned i = 0; i < max + 100; i++) {
		gw_format(account, sizeof(account), "user%u", i);
		put(gw_stash_keep(stash, account, &der, 1, T0), i, T0);
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

	gw_stash_put(stash, keep("alice", T0), &t, T0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(gw_stash_find(stash, name(3), T0 + 1, &out,
					   chain), 2 + 4 + 2 + 6);
		cr_assert(memcmp(chain, "\0\4leaf\0\6issuer", 14) == 0);
		cr_assert(memcmp(&t, &out, sizeof(t)) == 0);
	}
}
