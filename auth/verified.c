/* verified.c — see verified.h. A hash table of fixed size, and a list in the
 * order of use. */
#include "verified.h"
#include "gw/util.h"

#include <string.h>
#include <sys/queue.h>

#define BUCKETS 1024u /* power of two */

struct entry {
	struct gw_presented by;
	STACK_OF(X509) *given;
	struct gw_path path;
	LIST_ENTRY(entry) bucket;
	TAILQ_ENTRY(entry) use;
};

LIST_HEAD(bucket, entry);

struct gw_verified {
	struct bucket buckets[BUCKETS];
	TAILQ_HEAD(, entry) uses; /* least recent first */
	size_t count, bytes;
};

struct gw_verified *
gw_verified_new(void)
{
	struct gw_verified *v = gw_xcalloc(1, sizeof(*v));

	TAILQ_INIT(&v->uses);
	return v;
}

void
gw_verified_free(struct gw_verified *v)
{
	if (v == NULL)
		return;
	gw_verified_flush(v);
	free(v);
}

size_t
gw_verified_count(const struct gw_verified *v)
{
	return v->count;
}

/* ---- names */

static void
digest(const void *p, size_t len, uint8_t out[GW_HASH])
{
	unsigned n = 0;

	gw_assert(EVP_Digest(p, len, out, &n, EVP_sha256(), NULL) == 1 &&
		  n == GW_HASH);
}

/* The digest of the digests: where one certificate ends is part of it. */
struct gw_presented
gw_presented_of(const struct gw_der *chain, size_t n, uint64_t generation)
{
	uint8_t each[GW_CHAIN_MAX][GW_HASH];
	struct gw_presented p = { .generation = generation };

	gw_assert(n <= GW_CHAIN_MAX);
	for (size_t i = 0; i < n; i++) {
		digest(chain[i].p, chain[i].len, each[i]);
		p.bytes += chain[i].len;
	}
	digest(each, n * GW_HASH, p.digest);
	return p;
}

static struct bucket *
bucket_of(struct gw_verified *v, const struct gw_presented *p)
{
	return &v->buckets[((size_t)p->digest[0] | (size_t)p->digest[1] << 8) &
			   (BUCKETS - 1)];
}

/* ---- entries */

static void
drop(struct gw_verified *v, struct entry *e)
{
	LIST_REMOVE(e, bucket);
	TAILQ_REMOVE(&v->uses, e, use);
	v->count--;
	v->bytes -= e->by.bytes;
	gw_certs_free(e->given);
	gw_path_clear(&e->path);
	free(e);
}

void
gw_verified_flush(struct gw_verified *v)
{
	while (!TAILQ_EMPTY(&v->uses))
		drop(v, TAILQ_FIRST(&v->uses));
}

static struct entry *
find(struct gw_verified *v, const struct gw_presented *p)
{
	struct entry *e;

	LIST_FOREACH(e, bucket_of(v, p), bucket)
		if (memcmp(e->by.digest, p->digest, GW_HASH) == 0)
			return e;
	return NULL;
}

/* fail closed: outside of the path's validity it is verified anew, which says
 * why it is refused. */
bool
gw_verified_find(struct gw_verified *v, const struct gw_presented *p,
		 time_t now, STACK_OF(X509) **out_given, struct gw_path *out)
{
	struct entry *e = find(v, p);

	if (e == NULL || e->by.generation != p->generation ||
	    now < e->path.not_before || now > e->path.not_after)
		return false;
	TAILQ_REMOVE(&v->uses, e, use);
	TAILQ_INSERT_TAIL(&v->uses, e, use);
	*out_given = X509_chain_up_ref(e->given);
	gw_assert(*out_given != NULL);
	gw_path_ref(&e->path, out);
	return true;
}

void
gw_verified_put(struct gw_verified *v, const struct gw_presented *p,
		STACK_OF(X509) *given, const struct gw_path *path)
{
	struct entry *e = find(v, p);

	if (e != NULL)
		drop(v, e);
	if (p->bytes > GW_VERIFIED_BYTES / 256)
		return; /* a few must not push out all others */
	while (v->count >= GW_VERIFIED_MAX ||
	       v->bytes + p->bytes > GW_VERIFIED_BYTES)
		drop(v, TAILQ_FIRST(&v->uses));
	e = gw_xcalloc(1, sizeof(*e));
	e->by = *p;
	e->given = X509_chain_up_ref(given);
	gw_assert(e->given != NULL);
	gw_path_ref(path, &e->path);
	LIST_INSERT_HEAD(bucket_of(v, p), e, bucket);
	TAILQ_INSERT_TAIL(&v->uses, e, use);
	v->count++;
	v->bytes += p->bytes;
}
