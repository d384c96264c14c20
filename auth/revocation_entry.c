/* revocation_entry.c — what is known and asked about each certificate, by
 * name. An entry has a kept answer, a flight (a question under way, with
 * those who wait for it), or both; it goes when it has neither. */
#include "revocation_priv.h"
#include "kept.h"
#include "gw/util.h"

#include <string.h>

/* ---- names */

static void
hash_bytes(EVP_MD_CTX *md, const uint8_t *p, size_t len)
{
	uint64_t n = len;

	gw_assert(EVP_DigestUpdate(md, &n, sizeof(n)) == 1 &&
		  EVP_DigestUpdate(md, p, len) == 1);
}

static void
digest(const X509 *leaf, const X509 *issuer, const char *section,
       uint8_t out[GW_HASH])
{
	gw_auto(EVP_MD_CTX_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	const uint8_t sign = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
	unsigned char *name = NULL, *key = NULL;
	int name_len = i2d_X509_NAME(X509_get_subject_name(issuer), &name);
	int key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &key);

	gw_assert(md != NULL && name_len > 0 && key_len > 0 &&
		  EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
	hash_bytes(md, name, (size_t)name_len);
	hash_bytes(md, key, (size_t)key_len);
	hash_bytes(md, ASN1_STRING_get0_data(serial),
		   (size_t)ASN1_STRING_length(serial));
	hash_bytes(md, &sign, 1);
	if (section != NULL)
		hash_bytes(md, (const uint8_t *)section, strlen(section));
	gw_assert(EVP_DigestFinal_ex(md, out, NULL) == 1);
	OPENSSL_free(name);
	OPENSSL_free(key);
}

void
gw_revocation_key(const X509 *leaf, const X509 *issuer,
		  const struct gw_conf_ca *ca, uint8_t out[GW_HASH])
{
	digest(leaf, issuer, ca->title, out);
}

/* ---- the table */

static size_t
slot(const uint8_t key[GW_HASH])
{
	return ((size_t)key[0] | (size_t)key[1] << 8) & (BUCKETS - 1);
}

struct entry *
gw_entry_find(struct gw_revocation *r, const uint8_t key[GW_HASH])
{
	struct entry *e;

	LIST_FOREACH(e, &r->buckets[slot(key)], by_key)
		if (memcmp(e->key, key, GW_HASH) == 0)
			return e;
	return NULL;
}

static struct entry *
add(struct gw_revocation *r, const uint8_t key[GW_HASH],
    const uint8_t name[GW_HASH])
{
	struct entry *e = gw_xcalloc(1, sizeof(*e));

	memcpy(e->key, key, GW_HASH);
	memcpy(e->name, name, GW_HASH);
	e->owner = r;
	LIST_INSERT_HEAD(&r->buckets[slot(key)], e, by_key);
	return e;
}

struct entry *
gw_entry_add(struct gw_revocation *r, const X509 *leaf, const X509 *issuer,
	     const uint8_t key[GW_HASH])
{
	uint8_t name[GW_HASH];

	digest(leaf, issuer, NULL, name);
	return add(r, key, name);
}

void
gw_entry_forget(struct entry *e)
{
	struct gw_revocation *r = e->owner;

	if (!e->has_answer)
		return;
	e->has_answer = false;
	TAILQ_REMOVE(&r->kept, e, kept);
	r->count.answers--;
	gw_kept_remove(r->disk, e->key);
}

void
gw_entry_drop(struct entry *e)
{
	if (e->flight != NULL)
		gw_flight_land(e->flight);
	if (e->has_answer) {
		TAILQ_REMOVE(&e->owner->kept, e, kept);
		e->owner->count.answers--;
	}
	LIST_REMOVE(e, by_key);
	free(e);
}

void
gw_entry_drop_if_empty(struct entry *e)
{
	if (!e->has_answer && e->flight == NULL)
		gw_entry_drop(e);
}

/* ---- answers kept */

/* The oldest makes room, unless it is being asked about. */
static void
make_room(struct gw_revocation *r)
{
	struct entry *old = TAILQ_FIRST(&r->kept);

	if (r->count.answers <= GW_REVOCATION_ENTRIES)
		return;
	gw_entry_forget(old);
	gw_entry_drop_if_empty(old);
}

static void
keep(struct entry *e, const struct word *w)
{
	struct gw_revocation *r = e->owner;

	if (e->has_answer)
		TAILQ_REMOVE(&r->kept, e, kept);
	else
		r->count.answers++;
	e->has_answer = true;
	e->good_until = w->until;
	e->as_of = w->as_of;
	e->lists = w->lists;
	TAILQ_INSERT_TAIL(&r->kept, e, kept);
	make_room(r);
}

/* Lists are on disk themselves. */
static void
keep_on_disk(const struct entry *e)
{
	struct gw_kept_good g = { .as_of = e->as_of, .until = e->good_until };

	if (e->lists != 0)
		return;
	memcpy(g.key, e->key, GW_HASH);
	memcpy(g.name, e->name, GW_HASH);
	gw_kept_put(e->owner->disk, &g);
}

void
gw_entry_keep(struct entry *e, const struct word *w)
{
	keep(e, w);
	keep_on_disk(e);
}

bool
gw_entry_is_outdated(const struct entry *e, time_t as_of)
{
	return gw_revoked_outdates(e->owner->revoked, e->name, as_of);
}

bool
gw_entry_is_fresh(const struct entry *e)
{
	const struct gw_revocation *r = e->owner;

	return e->has_answer && gw_revocation_now(r) < e->good_until &&
	       !gw_entry_is_outdated(e, e->as_of) &&
	       (e->lists == 0 ||
		e->lists == gw_crl_store_generation(r->lists));
}

bool
gw_revocation_is_fresh(struct gw_revocation *r, const uint8_t key[GW_HASH])
{
	const struct entry *e = gw_entry_find(r, key);

	return e != NULL && gw_entry_is_fresh(e);
}

static void
remember(void *arg, const struct gw_kept_good *g)
{
	struct gw_revocation *r = arg;
	/* the settings' bound may be lower than it was, or the clock */
	const struct word w = {
		.as_of = g->as_of,
		.until = GW_MIN(g->until, gw_revocation_now(r) +
				(time_t)(r->conf->cache_max_ms / 1000)),
	};

	if (gw_entry_find(r, g->key) == NULL)
		keep(add(r, g->key, g->name), &w);
}

static void
remember_revoked(void *arg, const uint8_t name[GW_HASH], time_t as_of)
{
	struct gw_revocation *r = arg;

	gw_revoked_remember(r->revoked, name, as_of);
}

void
gw_revocation_recall(struct gw_revocation *r)
{
	time_t now = gw_revocation_now(r);

	if (r->disk == NULL)
		return;
	gw_kept_load_revoked(r->disk, now, remember_revoked, r);
	gw_kept_load(r->disk, now, remember, r);
}

void
gw_revocation_flush(struct gw_revocation *r)
{
	struct entry *e;

	r->epoch++; /* what is under way is kept no more */
	while ((e = TAILQ_FIRST(&r->kept)) != NULL) {
		gw_entry_forget(e);
		gw_entry_drop_if_empty(e);
	}
}

void
gw_revocation_each(const struct gw_revocation *r, size_t max,
		   void (*fn)(void *arg, const struct gw_revocation_kept *k),
		   void *arg)
{
	const struct entry *e;

	TAILQ_FOREACH(e, &r->kept, kept) {
		const struct gw_revocation_kept k = {
			.serial = e->serial, .good_until = e->good_until,
			.is_fresh = gw_entry_is_fresh(e),
			.is_from_list = e->lists != 0,
			.is_asked = e->flight != NULL,
		};

		if (max-- == 0)
			return;
		fn(arg, &k);
	}
}

struct gw_revocation_counts
gw_revocation_count(const struct gw_revocation *r)
{
	struct gw_revocation_counts n = r->count;
	const struct entry *e;
	time_t now = gw_revocation_now(r);

	n.revoked = gw_revoked_count(r->revoked);
	TAILQ_FOREACH(e, &r->kept, kept)
		if (e->good_until > now &&
		    (n.first_end == 0 || e->good_until < n.first_end))
			n.first_end = e->good_until;
	return n;
}
