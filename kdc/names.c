/* names.c — see names.h. */
#include "names.h"
#include "gw/util.h"

#include <string.h>

#define BUCKETS 1024

struct entry {
	struct entry *next;
	uint64_t until_ms;
	char *name;
	char sid[];
};

struct gw_names {
	struct entry *buckets[BUCKETS];
	size_t count;
};

struct gw_names *
gw_names_new(void)
{
	return gw_xcalloc(1, sizeof(struct gw_names));
}

static void
clear(struct gw_names *n)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct entry *e;

		while ((e = n->buckets[i]) != NULL) {
			n->buckets[i] = e->next;
			free(e->name);
			free(e);
		}
	}
	n->count = 0;
}

void
gw_names_free(struct gw_names *n)
{
	if (n == NULL)
		return;
	clear(n);
	free(n);
}

/* FNV-1a; only the directory chooses SIDs. */
static size_t
bucket_of(const char *sid)
{
	uint32_t h = 2166136261u;

	for (; *sid != '\0'; sid++)
		h = (h ^ (uint8_t)*sid) * 16777619u;
	return h % BUCKETS;
}

static struct entry *
find(const struct gw_names *n, const char *sid)
{
	struct entry *e = n->buckets[bucket_of(sid)];

	while (e != NULL && strcmp(e->sid, sid) != 0)
		e = e->next;
	return e;
}

const char *
gw_names_get(const struct gw_names *n, const char *sid, uint64_t now_ms)
{
	const struct entry *e = find(n, sid);

	return e != NULL && now_ms < e->until_ms ? e->name : NULL;
}

void
gw_names_put(struct gw_names *n, const char *sid, const char *name,
	     uint64_t now_ms)
{
	struct entry *e = find(n, sid);
	size_t len = strlen(sid) + 1, b = bucket_of(sid);

	if (e == NULL) {
		if (n->count >= GW_NAMES_MAX)
			clear(n);
		e = gw_xcalloc(1, sizeof(*e) + len);
		memcpy(e->sid, sid, len);
		e->next = n->buckets[b];
		n->buckets[b] = e;
		n->count++;
	}
	free(e->name);
	e->name = gw_xstrdup(name);
	e->until_ms = now_ms + GW_NAMES_TTL_MS;
}
