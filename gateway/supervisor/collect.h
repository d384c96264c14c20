/* gateway/supervisor/collect.h — the document of GET /v1/status: asks the
 * three children for their rows and puts them together. Linked into gwd only.
 * Trusts no child with another's section, and waits for none longer than
 * COLLECT_MS. */
#ifndef GW_COLLECT_H
#define GW_COLLECT_H

#include <jansson.h>
#include "sup.h"

struct gw_collect;

/* `fn` runs for every round with the finished document, borrowed. */
struct gw_collect *gw_collect_new(struct gw_loop *l, struct gw_sup *sup,
				  void (*fn)(void *ctx, const json_t *doc),
				  void *ctx);
void gw_collect_free(struct gw_collect *c);

/* Begins a round unless one is under way, whose result will then do. `fn`
 * never runs inside this call. */
void gw_collect_begin(struct gw_collect *c);

#endif
