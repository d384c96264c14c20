/* revoked.c — see revoked.h. */
#include "revoked.h"
#include "gw/util.h"

#include <string.h>
#include <sys/queue.h>

#define BUCKETS 4096u /* power of two */

struct one {
	LIST_ENTRY(one) by_name;
	TAILQ_ENTRY(one) by_age;
	uint8_t name[GW_HASH];
	time_t as_of;
};

struct gw_revoked {
	struct gw_kept *disk;
	LIST_HEAD(, one) buckets[BUCKETS];
	TAILQ_HEAD(, one) all; /* oldest first */
	size_t count;
};

/* Names are digests. */
static size_t
slot(const uint8_t name[GW_HASH])
{
	return ((size_t)name[0] | (size_t)name[1] << 8) & (BUCKETS - 1);
}

static struct one *
find(const struct gw_revoked *r, const uint8_t name[GW_HASH])
{
	struct one *x;

	LIST_FOREACH(x, &r->buckets[slot(name)], by_name)
		if (memcmp(x->name, name, GW_HASH) == 0)
			return x;
	return NULL;
}

static void
drop(struct gw_revoked *r, struct one *x)
{
	LIST_REMOVE(x, by_name);
	TAILQ_REMOVE(&r->all, x, by_age);
	r->count--;
	free(x);
}

static struct one *
add(struct gw_revoked *r, const uint8_t name[GW_HASH])
{
	struct one *x = gw_xcalloc(1, sizeof(*x));

	if (r->count >= GW_REVOKED_MAX) {
		gw_kept_unrevoke(r->disk, TAILQ_FIRST(&r->all)->name);
		drop(r, TAILQ_FIRST(&r->all));
	}
	memcpy(x->name, name, GW_HASH);
	LIST_INSERT_HEAD(&r->buckets[slot(name)], x, by_name);
	TAILQ_INSERT_TAIL(&r->all, x, by_age);
	r->count++;
	return x;
}

void
gw_revoked_remember(struct gw_revoked *r, const uint8_t name[GW_HASH],
		    time_t as_of)
{
	struct one *x = find(r, name);

	if (x == NULL)
		x = add(r, name);
	x->as_of = GW_MAX(x->as_of, as_of);
}

void
gw_revoked_add(struct gw_revoked *r, const uint8_t name[GW_HASH],
	       time_t as_of, time_t until)
{
	const struct one *x = find(r, name);

	if (x != NULL && x->as_of >= as_of)
		return;
	gw_revoked_remember(r, name, as_of);
	gw_kept_revoke(r->disk, name, as_of, until);
}

void
gw_revoked_take_back(struct gw_revoked *r, const uint8_t name[GW_HASH])
{
	struct one *x = find(r, name);

	if (x == NULL)
		return;
	gw_kept_unrevoke(r->disk, name);
	drop(r, x);
}

bool
gw_revoked_outdates(const struct gw_revoked *r, const uint8_t name[GW_HASH],
		    time_t as_of)
{
	const struct one *x = find(r, name);

	return x != NULL && as_of <= x->as_of;
}

size_t
gw_revoked_count(const struct gw_revoked *r)
{
	return r->count;
}

struct gw_revoked *
gw_revoked_new(struct gw_kept *disk)
{
	struct gw_revoked *r = gw_xcalloc(1, sizeof(*r));

	r->disk = disk;
	TAILQ_INIT(&r->all);
	return r;
}

void
gw_revoked_free(struct gw_revoked *r)
{
	if (r == NULL)
		return;
	while (!TAILQ_EMPTY(&r->all))
		drop(r, TAILQ_FIRST(&r->all));
	free(r);
}
