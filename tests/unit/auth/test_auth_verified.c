/* Paths verified before: found for the very same certificates, rules and times
 * alone, and bounded. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/util.h"
#include "vectors.h"
#include "verified.h"

static const struct gw_conf_ca section = { .title = (char *)"t" };
static struct gw_verified *known;
static STACK_OF(X509) *given;
static struct gw_path path;

static void
begin(void)
{
	known = gw_verified_new();
	given = sk_X509_new_null();
	sk_X509_push(given, vec("good"));
	path = (struct gw_path){ .certs = sk_X509_new_null(), .ca = &section,
				 .not_before = NOW - 10,
				 .not_after = NOW + 10 };
	sk_X509_push(path.certs, vec("good"));
	sk_X509_push(path.certs, vec("issuing"));
}

static void
end(void)
{
	gw_verified_free(known);
	sk_X509_free(given);
	sk_X509_free(path.certs);
}

TestSuite(verified, .init = begin, .fini = end);

static struct gw_presented
presented(const char *first, const char *second, uint64_t generation)
{
	struct gw_der chain[2] = { vec_der(first) };

	if (second != NULL)
		chain[1] = vec_der(second);
	return gw_presented_of(chain, second != NULL ? 2 : 1, generation);
}

static bool
finds(const struct gw_presented *p, time_t now)
{
	STACK_OF(X509) *certs = NULL;
	struct gw_path found;

	if (!gw_verified_find(known, p, now, &certs, &found))
		return false;
	cr_expect_eq(X509_cmp(sk_X509_value(certs, 0), vec("good")), 0);
	cr_expect(gw_path_is_same(&found, &path));
	cr_expect(found.not_before == path.not_before &&
		  found.not_after == path.not_after);
	gw_certs_free(certs);
	gw_path_clear(&found);
	return true;
}

Test(verified, the_same_alone)
{
	const struct gw_presented p = presented("good", NULL, 7);
	const struct gw_presented others[] = {
		presented("second", NULL, 7),
		presented("good", "issuing", 7),
		presented("issuing", "good", 7),
		presented("good", "good", 7),
		presented("good", NULL, 8), /* the rules have changed */
		presented("good", NULL, 6),
	};

	cr_expect_not(finds(&p, NOW), "nothing is known yet");
	gw_verified_put(known, &p, given, &path);
	cr_expect(finds(&p, NOW));
	cr_expect(finds(&p, NOW), "not only once");
	for (size_t i = 0; i < GW_COUNT(others); i++)
		cr_expect_not(finds(&others[i], NOW), "%zu", i);
}

/* Where one certificate ends and the next begins is part of the name. */
Test(verified, bytes_moved_over_the_border)
{
	const uint8_t text[] = "abcdef";
	const struct gw_der one[] = { { text, 3 }, { text + 3, 3 } };
	const struct gw_der two[] = { { text, 2 }, { text + 2, 4 } };
	const struct gw_der all[] = { { text, 6 } };
	const struct gw_presented p = gw_presented_of(one, 2, 1);
	const struct gw_presented q = gw_presented_of(two, 2, 1);
	const struct gw_presented r = gw_presented_of(all, 1, 1);

	cr_expect_neq(memcmp(p.digest, q.digest, GW_HASH), 0);
	cr_expect_neq(memcmp(p.digest, r.digest, GW_HASH), 0);
	cr_expect_eq(p.bytes, 6);
}

Test(verified, within_its_validity_alone)
{
	const struct gw_presented p = presented("good", NULL, 1);

	gw_verified_put(known, &p, given, &path);
	cr_expect(finds(&p, path.not_before));
	cr_expect(finds(&p, path.not_after));
	cr_expect_not(finds(&p, path.not_before - 1));
	cr_expect_not(finds(&p, path.not_after + 1));
	cr_expect(finds(&p, NOW), "the clock was set back");
}

Test(verified, flushed)
{
	const struct gw_presented p = presented("good", NULL, 1);
	STACK_OF(X509) *certs;
	struct gw_path found;

	gw_verified_put(known, &p, given, &path);
	cr_assert(gw_verified_find(known, &p, NOW, &certs, &found));
	gw_verified_flush(known);
	cr_expect_eq(gw_verified_count(known), 0);
	cr_expect_not(finds(&p, NOW));
	cr_expect(gw_path_is_same(&found, &path), "what was found stays");
	gw_certs_free(certs);
	gw_path_clear(&found);
}

Test(verified, put_twice)
{
	const struct gw_presented p = presented("good", NULL, 1);

	gw_verified_put(known, &p, given, &path);
	path.not_after -= 5;
	gw_verified_put(known, &p, given, &path);
	cr_expect_eq(gw_verified_count(known), 1);
	cr_expect_not(finds(&p, path.not_after + 1), "the later one counts");
}

static struct gw_presented
made_up(uint32_t n, size_t bytes)
{
	struct gw_presented p = { .bytes = bytes, .generation = 1 };

	memcpy(p.digest, &n, sizeof(n));
	return p;
}

static void
fill(size_t bytes, size_t want)
{
	const struct gw_presented first = made_up(0, bytes);
	const struct gw_presented second = made_up(1, bytes);

	for (uint32_t i = 0; i < want; i++) {
		const struct gw_presented p = made_up(i, bytes);

		gw_verified_put(known, &p, given, &path);
	}
	cr_expect_eq(gw_verified_count(known), want);
	cr_expect(finds(&first, NOW), "used, and so not the next to go");
	for (uint32_t i = 0; i < 10; i++) {
		const struct gw_presented p = made_up(100000 + i, bytes);

		gw_verified_put(known, &p, given, &path);
	}
	cr_expect_eq(gw_verified_count(known), want);
	cr_expect(finds(&first, NOW));
	cr_expect_not(finds(&second, NOW), "the least recent one");
}

Test(verified, bounded_in_number)
{
	fill(100, GW_VERIFIED_MAX);
}

Test(verified, bounded_in_bytes)
{
	fill(16384, GW_VERIFIED_BYTES / 16384);
}

Test(verified, too_large)
{
	const struct gw_presented p = made_up(1, GW_VERIFIED_BYTES);

	gw_verified_put(known, &p, given, &path);
	cr_expect_eq(gw_verified_count(known), 0);
}
